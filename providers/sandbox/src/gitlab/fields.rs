//! Attributes that GitLab keeps and shows again as they were set: their names, types and defaults.
//!
//! Attributes with a rule of their own (path, visibility, topics …) are in the file of their subject.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::params::Params;

/// The type of an attribute.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Flag,
    Number,
    Text,
    Texts,
    Object,
    One(&'static [&'static str]),
}

/// An attribute that can be set.
pub(super) type Field = (&'static str, Kind);

/// The fields that were sent, each of its type; an explicit `null` is left out, as most of GitLab's models do.
pub(super) fn take(params: &Params, fields: &[Field]) -> Map<String, Value> {
    let mut taken = Map::new();
    for &(name, kind) in fields {
        let value = match kind {
            Kind::Flag => params.flag(name).map(Value::from),
            Kind::Number => params.number(name).map(Value::from),
            Kind::Text => params.text(name).map(Value::from),
            Kind::Texts => params.texts(name).map(Value::from),
            Kind::Object => params.raw(name).filter(|value| value.is_object()).cloned(),
            Kind::One(allowed) => params.choice(name, allowed).map(Value::from),
        };
        if let Some(value) = value {
            taken.insert(name.to_owned(), value);
        }
    }
    taken
}

const ACCESS: Kind = Kind::One(&["disabled", "private", "enabled"]);
const OPEN_ACCESS: Kind = Kind::One(&["disabled", "private", "enabled", "public"]);
const CREATION: Kind = Kind::One(&["noone", "owner", "maintainer", "developer", "administrator"]);
const RUNNERS: Kind = Kind::One(&[
    "disabled_and_unoverridable",
    "disabled_and_overridable",
    "disabled_with_override",
    "enabled",
]);

/// <https://docs.gitlab.com/api/groups/#create-a-group>
pub(super) const GROUP: &[Field] = &[
    ("description", Kind::Text),
    ("share_with_group_lock", Kind::Flag),
    ("require_two_factor_authentication", Kind::Flag),
    ("two_factor_grace_period", Kind::Number),
    ("project_creation_level", CREATION),
    ("auto_devops_enabled", Kind::Flag),
    ("subgroup_creation_level", Kind::One(&["owner", "maintainer"])),
    ("emails_disabled", Kind::Flag),
    ("emails_enabled", Kind::Flag),
    ("show_diff_preview_in_email", Kind::Flag),
    ("mentions_disabled", Kind::Flag),
    ("lfs_enabled", Kind::Flag),
    ("request_access_enabled", Kind::Flag),
    ("default_branch", Kind::Text),
    ("default_branch_protection", Kind::Number),
    ("default_branch_protection_defaults", Kind::Object),
    ("shared_runners_setting", RUNNERS),
    ("enabled_git_access_protocol", Kind::One(&["ssh", "http", "all"])),
    ("membership_lock", Kind::Flag),
    ("shared_runners_minutes_limit", Kind::Number),
    ("extra_shared_runners_minutes_limit", Kind::Number),
    ("wiki_access_level", ACCESS),
    ("duo_availability", Kind::One(&["default_on", "default_off", "never_on"])),
    ("experiment_features_enabled", Kind::Flag),
    ("prevent_sharing_groups_outside_hierarchy", Kind::Flag),
    ("lock_math_rendering_limits_enabled", Kind::Flag),
    ("math_rendering_limits_enabled", Kind::Flag),
    ("max_artifacts_size", Kind::Number),
    ("file_template_project_id", Kind::Number),
    ("prevent_forking_outside_group", Kind::Flag),
    ("ip_restriction_ranges", Kind::Text),
    ("allowed_email_domains_list", Kind::Text),
    ("service_access_tokens_expiration_enforced", Kind::Flag),
    ("duo_features_enabled", Kind::Flag),
    ("lock_duo_features_enabled", Kind::Flag),
    ("web_based_commit_signing_enabled", Kind::Flag),
    ("only_allow_merge_if_pipeline_succeeds", Kind::Flag),
    ("allow_merge_on_skipped_pipeline", Kind::Flag),
    ("only_allow_merge_if_all_discussions_are_resolved", Kind::Flag),
    ("allow_personal_snippets", Kind::Flag),
];

/// What a list of groups shows of attributes that nobody set.
pub(super) static GROUP_DEFAULTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    object(
        r##"{
        "description": "",
        "share_with_group_lock": false,
        "require_two_factor_authentication": false,
        "two_factor_grace_period": 48,
        "project_creation_level": "developer",
        "auto_devops_enabled": null,
        "subgroup_creation_level": "maintainer",
        "emails_disabled": false,
        "emails_enabled": true,
        "show_diff_preview_in_email": true,
        "mentions_disabled": null,
        "lfs_enabled": true,
        "math_rendering_limits_enabled": true,
        "lock_math_rendering_limits_enabled": false,
        "default_branch": null,
        "default_branch_protection": 2,
        "default_branch_protection_defaults": {
            "allowed_to_push": [{"access_level": 40}],
            "allow_force_push": false,
            "allowed_to_merge": [{"access_level": 40}]
        },
        "avatar_url": null,
        "request_access_enabled": true,
        "organization_id": 1,
        "shared_runners_setting": "enabled",
        "max_artifacts_size": null,
        "ldap_cn": null,
        "ldap_access": null,
        "wiki_access_level": "enabled",
        "duo_features_enabled": true,
        "lock_duo_features_enabled": false
    }"##,
    )
});

/// What only the view of one group shows.
pub(super) static GROUP_DETAIL_DEFAULTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    object(
        r##"{
        "enabled_git_access_protocol": null,
        "prevent_sharing_groups_outside_hierarchy": false,
        "shared_runners_minutes_limit": null,
        "extra_shared_runners_minutes_limit": null,
        "prevent_forking_outside_group": null,
        "service_access_tokens_expiration_enforced": true,
        "membership_lock": false,
        "ip_restriction_ranges": null,
        "allowed_email_domains_list": null,
        "only_allow_merge_if_pipeline_succeeds": false,
        "allow_merge_on_skipped_pipeline": false,
        "only_allow_merge_if_all_discussions_are_resolved": false
    }"##,
    )
});

/// <https://docs.gitlab.com/api/projects/#create-a-project>
pub(super) const PROJECT: &[Field] = &[
    ("description", Kind::Text),
    ("build_git_strategy", Kind::One(&["fetch", "clone"])),
    ("build_timeout", Kind::Number),
    ("auto_cancel_pending_pipelines", Kind::One(&["disabled", "enabled"])),
    ("ci_config_path", Kind::Text),
    ("service_desk_enabled", Kind::Flag),
    ("issues_access_level", ACCESS),
    ("repository_access_level", ACCESS),
    ("merge_requests_access_level", ACCESS),
    ("forking_access_level", ACCESS),
    ("wiki_access_level", ACCESS),
    ("builds_access_level", ACCESS),
    ("snippets_access_level", ACCESS),
    ("package_registry_access_level", OPEN_ACCESS),
    ("pages_access_level", OPEN_ACCESS),
    ("analytics_access_level", ACCESS),
    ("container_registry_access_level", ACCESS),
    ("security_and_compliance_access_level", ACCESS),
    ("releases_access_level", ACCESS),
    ("environments_access_level", ACCESS),
    ("feature_flags_access_level", ACCESS),
    ("infrastructure_access_level", ACCESS),
    ("monitor_access_level", ACCESS),
    ("model_experiments_access_level", ACCESS),
    ("model_registry_access_level", ACCESS),
    ("requirements_access_level", ACCESS),
    ("emails_disabled", Kind::Flag),
    ("emails_enabled", Kind::Flag),
    ("show_default_award_emojis", Kind::Flag),
    ("show_diff_preview_in_email", Kind::Flag),
    ("warn_about_potentially_unwanted_characters", Kind::Flag),
    ("enforce_auth_checks_on_uploads", Kind::Flag),
    ("shared_runners_enabled", Kind::Flag),
    ("group_runners_enabled", Kind::Flag),
    (
        "resource_group_default_process_mode",
        Kind::One(&["unordered", "oldest_first", "newest_first", "newest_ready_first"]),
    ),
    ("resolve_outdated_diff_discussions", Kind::Flag),
    ("remove_source_branch_after_merge", Kind::Flag),
    ("packages_enabled", Kind::Flag),
    ("lfs_enabled", Kind::Flag),
    ("public_jobs", Kind::Flag),
    ("request_access_enabled", Kind::Flag),
    ("only_allow_merge_if_pipeline_succeeds", Kind::Flag),
    ("allow_merge_on_skipped_pipeline", Kind::Flag),
    ("only_allow_merge_if_all_discussions_are_resolved", Kind::Flag),
    ("printing_merge_request_link_enabled", Kind::Flag),
    ("merge_method", Kind::One(&["ff", "rebase_merge", "merge"])),
    ("suggestion_commit_message", Kind::Text),
    ("merge_commit_template", Kind::Text),
    ("squash_commit_template", Kind::Text),
    ("issue_branch_template", Kind::Text),
    ("auto_devops_enabled", Kind::Flag),
    ("auto_devops_deploy_strategy", Kind::One(&["continuous", "manual", "timed_incremental"])),
    ("autoclose_referenced_issues", Kind::Flag),
    ("repository_storage", Kind::Text),
    ("squash_option", Kind::One(&["never", "always", "default_on", "default_off"])),
    ("mr_default_target_self", Kind::Flag),
    ("merge_request_title_regex", Kind::Text),
    ("merge_request_title_regex_description", Kind::Text),
    ("only_allow_merge_if_all_status_checks_passed", Kind::Flag),
    ("approvals_before_merge", Kind::Number),
    ("mirror", Kind::Flag),
    ("mirror_trigger_builds", Kind::Flag),
    ("mirror_user_id", Kind::Number),
    ("only_mirror_protected_branches", Kind::Flag),
    ("mirror_branch_regex", Kind::Text),
    ("mirror_overwrites_diverged_branches", Kind::Flag),
    ("external_authorization_classification_label", Kind::Text),
    ("prevent_merge_without_jira_issue", Kind::Flag),
    ("repository_object_format", Kind::One(&["sha1", "sha256"])),
    ("ci_default_git_depth", Kind::Number),
    ("keep_latest_artifact", Kind::Flag),
    ("ci_forward_deployment_enabled", Kind::Flag),
    ("ci_forward_deployment_rollback_allowed", Kind::Flag),
    ("ci_allow_fork_pipelines_to_run_in_parent_project", Kind::Flag),
    ("ci_separated_caches", Kind::Flag),
    ("restrict_user_defined_variables", Kind::Flag),
    (
        "ci_pipeline_variables_minimum_override_role",
        Kind::One(&["no_one_allowed", "developer", "maintainer", "owner"]),
    ),
    ("ci_push_repository_for_job_token_allowed", Kind::Flag),
    ("ci_id_token_sub_claim_components", Kind::Texts),
    ("ci_delete_pipelines_in_seconds", Kind::Number),
    ("max_artifacts_size", Kind::Number),
    ("allow_pipeline_trigger_approve_deployment", Kind::Flag),
    ("issues_template", Kind::Text),
    ("merge_requests_template", Kind::Text),
    ("merge_pipelines_enabled", Kind::Flag),
    ("merge_trains_enabled", Kind::Flag),
    ("merge_trains_skip_train_allowed", Kind::Flag),
    ("ci_restrict_pipeline_cancellation_role", Kind::One(&["developer", "maintainer", "no_one"])),
    ("web_based_commit_signing_enabled", Kind::Flag),
    ("auto_duo_code_review_enabled", Kind::Flag),
];

/// Old switches and the access level that each stands for.
pub(super) const PROJECT_SWITCHES: &[(&str, &str)] = &[
    ("issues_enabled", "issues_access_level"),
    ("merge_requests_enabled", "merge_requests_access_level"),
    ("wiki_enabled", "wiki_access_level"),
    ("jobs_enabled", "builds_access_level"),
    ("snippets_enabled", "snippets_access_level"),
    ("container_registry_enabled", "container_registry_access_level"),
];

/// What a project shows of attributes that nobody set.
pub(super) static PROJECT_DEFAULTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut defaults = object(
        r##"{
        "description": null,
        "forks_count": 0,
        "avatar_url": null,
        "star_count": 0,
        "repository_storage": "default",
        "packages_enabled": null,
        "resolve_outdated_diff_discussions": false,
        "repository_object_format": "sha1",
        "service_desk_enabled": false,
        "service_desk_address": null,
        "can_create_merge_request_in": true,
        "emails_disabled": false,
        "emails_enabled": true,
        "show_diff_preview_in_email": true,
        "shared_runners_enabled": true,
        "lfs_enabled": true,
        "mr_default_target_self": false,
        "open_issues_count": 0,
        "description_html": "",
        "ci_default_git_depth": 20,
        "ci_delete_pipelines_in_seconds": null,
        "ci_forward_deployment_enabled": true,
        "ci_forward_deployment_rollback_allowed": true,
        "ci_job_token_scope_enabled": false,
        "ci_separated_caches": true,
        "ci_allow_fork_pipelines_to_run_in_parent_project": true,
        "ci_id_token_sub_claim_components": ["project_path", "ref_type", "ref"],
        "build_git_strategy": "fetch",
        "keep_latest_artifact": true,
        "restrict_user_defined_variables": false,
        "ci_pipeline_variables_minimum_override_role": "developer",
        "runner_token_expiration_interval": null,
        "group_runners_enabled": true,
        "resource_group_default_process_mode": "unordered",
        "auto_cancel_pending_pipelines": "enabled",
        "build_timeout": 3600,
        "auto_devops_enabled": false,
        "auto_devops_deploy_strategy": "continuous",
        "ci_push_repository_for_job_token_allowed": false,
        "ci_config_path": "",
        "public_jobs": true,
        "only_allow_merge_if_pipeline_succeeds": false,
        "allow_merge_on_skipped_pipeline": null,
        "request_access_enabled": true,
        "only_allow_merge_if_all_discussions_are_resolved": false,
        "remove_source_branch_after_merge": true,
        "printing_merge_request_link_enabled": true,
        "merge_method": "merge",
        "merge_request_title_regex": null,
        "merge_request_title_regex_description": null,
        "squash_option": "default_off",
        "enforce_auth_checks_on_uploads": true,
        "suggestion_commit_message": null,
        "merge_commit_template": null,
        "squash_commit_template": null,
        "issue_branch_template": null,
        "warn_about_potentially_unwanted_characters": true,
        "autoclose_referenced_issues": true,
        "max_artifacts_size": null,
        "approvals_before_merge": 0,
        "mirror": false,
        "external_authorization_classification_label": "",
        "requirements_enabled": false,
        "security_and_compliance_enabled": true,
        "pre_receive_secret_detection_enabled": false,
        "secret_push_protection_enabled": false,
        "compliance_frameworks": [],
        "issues_template": null,
        "merge_requests_template": null,
        "ci_restrict_pipeline_cancellation_role": "developer",
        "merge_pipelines_enabled": false,
        "merge_trains_enabled": false,
        "merge_trains_skip_train_allowed": false,
        "only_allow_merge_if_all_status_checks_passed": false,
        "allow_pipeline_trigger_approve_deployment": false,
        "prevent_merge_without_jira_issue": false,
        "web_based_commit_signing_enabled": false,
        "container_expiration_policy": {
            "cadence": "1d", "enabled": false, "keep_n": 10, "older_than": "90d",
            "name_regex": ".*", "name_regex_keep": null, "next_run_at": null
        }
    }"##,
    );
    for (name, kind) in PROJECT {
        if name.ends_with("_access_level") && matches!(kind, Kind::One(_)) {
            let level = match *name {
                "security_and_compliance_access_level" | "pages_access_level" => "private",
                _ => "enabled",
            };
            defaults.insert((*name).to_owned(), json!(level));
        }
    }
    defaults
});

/// The entries of `default_branch_protection_defaults` for the old numbers.
/// <https://docs.gitlab.com/api/groups/#options-for-default_branch_protection>
pub(super) fn branch_protection(level: u64) -> Value {
    let (push, merge) = match level {
        0 => (30, 30),
        1 => (30, 40),
        3 => (40, 30),
        _ => (40, 40),
    };
    let mut entries = json!({
        "allowed_to_push": [{"access_level": push}],
        "allow_force_push": level == 0,
        "allowed_to_merge": [{"access_level": merge}]
    });
    if level == 4 {
        entries["developer_can_initial_push"] = json!(true);
    }
    entries
}

/// Keeps `emails_disabled` and `emails_enabled` each other's opposite.
pub(super) fn pair_emails(attributes: &mut Map<String, Value>) {
    let flag = |attributes: &Map<String, Value>, name: &str| attributes.get(name).and_then(Value::as_bool);
    if let Some(enabled) = flag(attributes, "emails_enabled") {
        attributes.insert("emails_disabled".to_owned(), json!(!enabled));
    } else if let Some(disabled) = flag(attributes, "emails_disabled") {
        attributes.insert("emails_enabled".to_owned(), json!(!disabled));
    }
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("the defaults are JSON objects")
}
