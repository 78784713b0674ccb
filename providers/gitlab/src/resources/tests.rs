//! What all types have in common: every argument has a name that GitLab's API takes, every attribute is explained.

use pilotis_sdk::Provider as _;
use pilotis_sdk::model::Described;

use super::group::Group;
use super::project::Project;

// Parameters of `PUT /groups/:id` and `PUT /projects/:id`, from GitLab's API description and reference.
const GROUP_PARAMETERS: &str = "ai_settings_attributes allow_merge_on_skipped_pipeline allow_personal_snippets allowed_email_domains_list amazon_q_auto_review_enabled auto_ban_user_on_excessive_projects_download auto_devops_enabled auto_duo_code_review_enabled avatar default_branch default_branch_protection default_branch_protection_defaults description duo_availability duo_core_features_enabled duo_features_enabled duo_foundational_flows_availability duo_namespace_access_rules duo_remote_flows_availability duo_sast_fp_detection_availability emails_disabled emails_enabled enabled_foundational_flows enabled_git_access_protocol experiment_features_enabled extra_shared_runners_minutes_limit file_template_project_id foundational_agents_statuses ip_restriction_ranges ldap_access ldap_cn lfs_enabled lock_duo_features_enabled lock_math_rendering_limits_enabled math_rendering_limits_enabled max_artifacts_size membership_lock mentions_disabled model_prompt_cache_enabled name only_allow_merge_if_all_discussions_are_resolved only_allow_merge_if_pipeline_succeeds path prevent_forking_outside_group prevent_sharing_groups_outside_hierarchy project_creation_level request_access_enabled require_two_factor_authentication service_access_tokens_expiration_enforced share_with_group_lock shared_runners_minutes_limit shared_runners_setting show_diff_preview_in_email step_up_auth_required_oauth_provider subgroup_creation_level two_factor_grace_period unique_project_download_limit unique_project_download_limit_alertlist unique_project_download_limit_allowlist unique_project_download_limit_interval_in_seconds visibility web_based_commit_signing_enabled wiki_access_level";
const PROJECT_PARAMETERS: &str = "allow_merge_on_skipped_pipeline allow_pipeline_trigger_approve_deployment analytics_access_level approvals_before_merge auto_cancel_pending_pipelines auto_devops_deploy_strategy auto_devops_enabled auto_duo_code_review_enabled autoclose_referenced_issues avatar build_coverage_regex build_git_strategy build_timeout builds_access_level ci_allow_fork_pipelines_to_run_in_parent_project ci_config_path ci_default_git_depth ci_delete_pipelines_in_seconds ci_forward_deployment_enabled ci_forward_deployment_rollback_allowed ci_id_token_sub_claim_components ci_pipeline_variables_minimum_override_role ci_push_repository_for_job_token_allowed ci_restrict_pipeline_cancellation_role ci_separated_caches container_expiration_policy_attributes container_registry_access_level container_registry_enabled default_branch description duo_remote_flows_enabled duo_sast_fp_detection_enabled emails_disabled emails_enabled enforce_auth_checks_on_uploads environments_access_level external_authorization_classification_label fallback_approvals_required feature_flags_access_level forking_access_level group_runners_enabled import_url infrastructure_access_level issue_branch_template issues_access_level issues_enabled issues_template jobs_enabled keep_latest_artifact lfs_enabled max_artifacts_size merge_commit_template merge_method merge_pipelines_enabled merge_request_title_regex merge_request_title_regex_description merge_requests_access_level merge_requests_enabled merge_requests_template merge_trains_enabled merge_trains_skip_train_allowed mirror mirror_branch_regex mirror_overwrites_diverged_branches mirror_trigger_builds mirror_user_id model_experiments_access_level model_registry_access_level monitor_access_level mr_default_target_self name only_allow_merge_if_all_discussions_are_resolved only_allow_merge_if_all_status_checks_passed only_allow_merge_if_pipeline_succeeds only_mirror_protected_branches operations_access_level package_registry_access_level packages_enabled pages_access_level path prevent_merge_without_jira_issue printing_merge_request_link_enabled public_builds public_jobs releases_access_level remove_source_branch_after_merge repository_access_level repository_storage request_access_enabled requirements_access_level resolve_outdated_diff_discussions resource_group_default_process_mode restrict_user_defined_variables security_and_compliance_access_level service_desk_enabled shared_runners_enabled show_default_award_emojis show_diff_preview_in_email snippets_access_level snippets_enabled spp_repository_pipeline_access squash_commit_template squash_option suggestion_commit_message tag_list topics visibility warn_about_potentially_unwanted_characters web_based_commit_signing_enabled wiki_access_level wiki_enabled";
// In GitLab's reference and not in its API description.
const UNDESCRIBED: &str =
    "ci_display_pipeline_variables pre_receive_secret_detection_enabled protect_merge_request_pipelines";

fn unknown_names<T: Described>(parameters: &str) -> Vec<&'static str> {
    let known: Vec<&str> = parameters.split(' ').chain(UNDESCRIBED.split(' ')).collect();
    let block = T::schema().block;
    let argument = |name: &str| block.attributes.get(name).is_some_and(|a| a.is_argument());
    T::API.iter().filter(|(name, api)| argument(name) && !known.contains(api)).map(|(_, api)| *api).collect()
}

#[test]
fn arguments_have_names_that_the_api_takes() {
    assert!(
        unknown_names::<Group>(GROUP_PARAMETERS).is_empty(),
        "{:?}",
        unknown_names::<Group>(GROUP_PARAMETERS)
    );
    assert!(
        unknown_names::<Project>(PROJECT_PARAMETERS).is_empty(),
        "{:?}",
        unknown_names::<Project>(PROJECT_PARAMETERS)
    );
}

#[test]
fn everything_is_explained() {
    let provider = crate::provider();
    let schema = provider.schema();
    for (name, ty) in schema.resources.iter().chain(&schema.data_sources) {
        assert!(name.starts_with("gitlab_"), "{name}");
        assert!(!ty.doc.is_empty(), "{name} has no words");
        let blocks = ty.block.blocks.values().map(|nested| &nested.block);
        for block in std::iter::once(&ty.block).chain(blocks) {
            for (attribute, a) in &block.attributes {
                assert!(!a.doc.is_empty(), "{name}.{attribute} has no words");
            }
        }
    }
}

#[test]
fn every_resource_can_be_recognised_and_found_again() {
    for (name, ty) in &crate::provider().schema().resources {
        assert!(
            ty.block.attributes.contains_key("id"),
            "{name} has an id, as all types of the established provider"
        );
        assert!(!ty.refresh.key.is_empty(), "{name}");
        assert!(!ty.refresh.natural_key.is_empty(), "{name}");
    }
}
