//! The attributes of `gitlab_project`; what is done with them is in `project`.

use std::collections::BTreeSet;

use pilotis_sdk::{Nested, Secret};

use super::push_rules::PushRules;
use super::timeouts::Timeouts;

/// A project: a repository with its issues, merge requests, pipelines and settings. Settings that are not set are left to GitLab.
/// <https://docs.gitlab.com/api/projects/>
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_project",
    version = 1,
    scope(),
    key(id),
    natural_key(namespace_id, path, name),
    lacks(push_rules)
)]
pub(crate) struct Project {
    /// The project's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// Display name.
    pub(crate) name: String,
    /// Last part of its address. Made from the name if not said; a change moves the address, the old one redirects.
    #[attr(optional, computed)]
    pub(crate) path: Option<String>,
    /// Number of the group or user that it is in; the token's user if not said. A change transfers the project.
    #[attr(optional, computed, api = "")]
    pub(crate) namespace_id: Option<i64>,
    /// What it is for.
    #[attr(optional, computed)]
    pub(crate) description: Option<String>,
    /// Who sees it.
    #[attr(optional, computed, api = "visibility", one_of("private", "internal", "public"))]
    pub(crate) visibility_level: Option<String>,
    /// The default branch; must exist.
    #[attr(optional, computed)]
    pub(crate) default_branch: Option<String>,
    /// Topics.
    #[attr(optional, computed)]
    pub(crate) topics: Option<BTreeSet<String>>,
    /// Nothing in it can be changed.
    #[attr(optional, computed, api = "")]
    pub(crate) archived: Option<bool>,
    /// Who has analytics.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) analytics_access_level: Option<String>,
    /// Who has pipelines and jobs.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) builds_access_level: Option<String>,
    /// Who has the container registry.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) container_registry_access_level: Option<String>,
    /// Who has environments.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) environments_access_level: Option<String>,
    /// Who has feature flags.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) feature_flags_access_level: Option<String>,
    /// Who has forking.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) forking_access_level: Option<String>,
    /// Who has infrastructure.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) infrastructure_access_level: Option<String>,
    /// Who has issues.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) issues_access_level: Option<String>,
    /// Who has merge requests.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) merge_requests_access_level: Option<String>,
    /// Who has machine learning experiments.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) model_experiments_access_level: Option<String>,
    /// Who has the model registry.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) model_registry_access_level: Option<String>,
    /// Who has monitoring.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) monitor_access_level: Option<String>,
    /// Who has releases.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) releases_access_level: Option<String>,
    /// Who has the repository.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) repository_access_level: Option<String>,
    /// Who has requirements.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) requirements_access_level: Option<String>,
    /// Who has security and compliance.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) security_and_compliance_access_level: Option<String>,
    /// Who has snippets.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) snippets_access_level: Option<String>,
    /// Who has the wiki.
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) wiki_access_level: Option<String>,
    /// Who has its pages.
    #[attr(optional, computed, one_of("public", "private", "enabled", "disabled"))]
    pub(crate) pages_access_level: Option<String>,
    /// Who has the package registry.
    #[attr(optional, computed, one_of("disabled", "private", "enabled", "public"))]
    pub(crate) package_registry_access_level: Option<String>,
    /// Merge requests may be merged when the pipeline was skipped.
    #[attr(optional, computed)]
    pub(crate) allow_merge_on_skipped_pipeline: Option<bool>,
    /// Who triggered a pipeline may approve its deployment (Premium).
    #[attr(optional, computed)]
    pub(crate) allow_pipeline_trigger_approve_deployment: Option<bool>,
    /// Older pipelines are cancelled when a newer one starts.
    #[attr(optional, computed, one_of("enabled", "disabled"))]
    pub(crate) auto_cancel_pending_pipelines: Option<String>,
    /// How Auto DevOps deploys.
    #[attr(optional, computed, one_of("continuous", "manual", "timed_incremental"))]
    pub(crate) auto_devops_deploy_strategy: Option<String>,
    /// Auto DevOps is on.
    #[attr(optional, computed)]
    pub(crate) auto_devops_enabled: Option<bool>,
    /// GitLab Duo reviews merge requests by itself (Ultimate).
    #[attr(optional, computed)]
    pub(crate) auto_duo_code_review_enabled: Option<bool>,
    /// Issues that a merge to the default branch names are closed.
    #[attr(optional, computed)]
    pub(crate) autoclose_referenced_issues: Option<bool>,
    /// How jobs get the repository.
    #[attr(optional, computed, one_of("clone", "fetch"))]
    pub(crate) build_git_strategy: Option<String>,
    /// Longest time of a job, in seconds.
    #[attr(optional, computed)]
    pub(crate) build_timeout: Option<i64>,
    /// Where the pipeline is described, if not in `.gitlab-ci.yml`.
    #[attr(optional, computed)]
    pub(crate) ci_config_path: Option<String>,
    /// Commits that jobs get.
    #[attr(optional, computed)]
    pub(crate) ci_default_git_depth: Option<i64>,
    /// Pipelines older than this many seconds are deleted.
    #[attr(optional, computed)]
    pub(crate) ci_delete_pipelines_in_seconds: Option<i64>,
    /// Variables are shown with a pipeline.
    #[attr(optional, computed)]
    pub(crate) ci_display_pipeline_variables: Option<bool>,
    /// Older deployments are skipped when a newer one started.
    #[attr(optional, computed)]
    pub(crate) ci_forward_deployment_enabled: Option<bool>,
    /// Older deployment jobs may be run again.
    #[attr(optional, computed)]
    pub(crate) ci_forward_deployment_rollback_allowed: Option<bool>,
    /// What the `sub` claim of id tokens is made of; begins with `project_path`.
    #[attr(optional, computed)]
    pub(crate) ci_id_token_sub_claim_components: Option<Vec<String>>,
    /// Role that may run pipelines with variables.
    #[attr(optional, computed, one_of("developer", "maintainer", "owner", "no_one_allowed"))]
    pub(crate) ci_pipeline_variables_minimum_override_role: Option<String>,
    /// Job tokens may push to the repository.
    #[attr(optional, computed)]
    pub(crate) ci_push_repository_for_job_token_allowed: Option<bool>,
    /// Role that may cancel pipelines (Premium).
    #[attr(optional, computed, one_of("developer", "maintainer", "no_one"))]
    pub(crate) ci_restrict_pipeline_cancellation_role: Option<String>,
    /// Protected branches have caches of their own.
    #[attr(optional, computed)]
    pub(crate) ci_separated_caches: Option<bool>,
    /// E-mail notifications are sent.
    #[attr(optional, computed)]
    pub(crate) emails_enabled: Option<bool>,
    /// Label for external authorization.
    #[attr(optional, computed)]
    pub(crate) external_authorization_classification_label: Option<String>,
    /// Runners of its groups may be used.
    #[attr(optional, computed)]
    pub(crate) group_runners_enabled: Option<bool>,
    /// Text of new issues (Premium).
    #[attr(optional, computed)]
    pub(crate) issues_template: Option<String>,
    /// The latest artifacts are kept.
    #[attr(optional, computed)]
    pub(crate) keep_latest_artifact: Option<bool>,
    /// Large file storage is on.
    #[attr(optional, computed)]
    pub(crate) lfs_enabled: Option<bool>,
    /// Largest artifact in MB.
    #[attr(optional, computed)]
    pub(crate) max_artifacts_size: Option<i64>,
    /// Message of merge commits.
    #[attr(optional, computed)]
    pub(crate) merge_commit_template: Option<String>,
    /// How merge requests are merged.
    #[attr(optional, computed, one_of("merge", "rebase_merge", "ff"))]
    pub(crate) merge_method: Option<String>,
    /// Pipelines run on the merged result (Premium).
    #[attr(optional, computed)]
    pub(crate) merge_pipelines_enabled: Option<bool>,
    /// Titles of merge requests must match this regular expression.
    #[attr(optional, computed)]
    pub(crate) merge_request_title_regex: Option<String>,
    /// What is said when a title does not match.
    #[attr(optional, computed)]
    pub(crate) merge_request_title_regex_description: Option<String>,
    /// Text of new merge requests (Premium).
    #[attr(optional, computed)]
    pub(crate) merge_requests_template: Option<String>,
    /// Merge trains are on (Premium).
    #[attr(optional, computed)]
    pub(crate) merge_trains_enabled: Option<bool>,
    /// A merge request may overtake its train (Premium).
    #[attr(optional, computed)]
    pub(crate) merge_trains_skip_train_allowed: Option<bool>,
    /// Merge requests of a fork go to the fork itself.
    #[attr(optional, computed)]
    pub(crate) mr_default_target_self: Option<bool>,
    /// Merge requests need all discussions resolved.
    #[attr(optional, computed)]
    pub(crate) only_allow_merge_if_all_discussions_are_resolved: Option<bool>,
    /// Merge requests need a pipeline that succeeded.
    #[attr(optional, computed)]
    pub(crate) only_allow_merge_if_pipeline_succeeds: Option<bool>,
    /// The package registry is on.
    #[attr(optional, computed)]
    pub(crate) packages_enabled: Option<bool>,
    /// Pushes with secrets are refused (Ultimate).
    #[attr(optional, computed)]
    pub(crate) pre_receive_secret_detection_enabled: Option<bool>,
    /// Merge requests need a Jira issue (Ultimate).
    #[attr(optional, computed)]
    pub(crate) prevent_merge_without_jira_issue: Option<bool>,
    /// A push prints the address for a new merge request.
    #[attr(optional, computed)]
    pub(crate) printing_merge_request_link_enabled: Option<bool>,
    /// Pipelines of merge requests get protected variables.
    #[attr(optional, computed)]
    pub(crate) protect_merge_request_pipelines: Option<bool>,
    /// Whoever sees the project sees its jobs.
    #[attr(optional, computed)]
    pub(crate) public_jobs: Option<bool>,
    /// Whoever sees the project sees its jobs.
    #[attr(optional, computed, api = "", deprecated = "use public_jobs")]
    pub(crate) public_builds: Option<bool>,
    /// New merge requests delete their branch when merged.
    #[attr(optional, computed)]
    pub(crate) remove_source_branch_after_merge: Option<bool>,
    /// Storage shard (administrators only).
    #[attr(optional, computed)]
    pub(crate) repository_storage: Option<String>,
    /// Users may ask to join.
    #[attr(optional, computed)]
    pub(crate) request_access_enabled: Option<bool>,
    /// Discussions on lines that a push changed are resolved.
    #[attr(optional, computed)]
    pub(crate) resolve_outdated_diff_discussions: Option<bool>,
    /// How jobs of a resource group take turns.
    #[attr(optional, computed)]
    pub(crate) resource_group_default_process_mode: Option<String>,
    /// Runners of the instance may be used.
    #[attr(optional, computed)]
    pub(crate) shared_runners_enabled: Option<bool>,
    /// Message of squashed commits.
    #[attr(optional, computed)]
    pub(crate) squash_commit_template: Option<String>,
    /// Whether merge requests are squashed.
    #[attr(optional, computed, one_of("never", "always", "default_on", "default_off"))]
    pub(crate) squash_option: Option<String>,
    /// Message of applied suggestions.
    #[attr(optional, computed)]
    pub(crate) suggestion_commit_message: Option<String>,
    /// Number of the project that it is a fork of.
    #[attr(optional, computed, api = "")]
    pub(crate) forked_from_project_id: Option<i64>,
    /// Which images are cleaned up, and when.
    #[attr(block, max = 1, api = "")]
    pub(crate) container_expiration_policy: Vec<ExpirationPolicy>,
    /// What pushes must keep to (Premium).
    #[attr(block, max = 1, api = "")]
    pub(crate) push_rules: Vec<PushRules>,
    /// Archive the project instead of deleting it.
    #[attr(local)]
    pub(crate) archive_on_destroy: Option<bool>,
    /// Delete for good at once, instead of marking it for deletion.
    #[attr(local)]
    pub(crate) permanently_delete_on_destroy: Option<bool>,
    /// Do not wait for GitLab to protect the first default branch.
    #[attr(local)]
    pub(crate) skip_wait_for_default_branch_protection: Option<bool>,
    /// Begin with a commit of a README. Only when it is made.
    #[attr(local)]
    pub(crate) initialize_with_readme: Option<bool>,
    /// Branch to fork; empty for all. Only when it is made.
    #[attr(local)]
    pub(crate) branches: Option<String>,
    /// Group whose templates are used. Only when it is made.
    #[attr(local)]
    pub(crate) group_with_project_templates_id: Option<i64>,
    /// Template to begin with. Only when it is made.
    #[attr(local)]
    pub(crate) template_name: Option<String>,
    /// Project to begin with, as a template. Only when it is made.
    #[attr(local)]
    pub(crate) template_project_id: Option<i64>,
    /// The template is the instance's or group's own. Only when it is made.
    #[attr(local)]
    pub(crate) use_custom_template: Option<bool>,
    /// Repository to import, without credentials. Only when it is made.
    #[attr(local)]
    pub(crate) import_url: Option<String>,
    /// User name for the import.
    #[attr(local)]
    pub(crate) import_url_username: Option<String>,
    /// Password for the import.
    #[attr(secret = "given_never_returned", api = "")]
    pub(crate) import_url_password: Option<Secret>,
    /// File with its picture.
    #[attr(local)]
    pub(crate) avatar: Option<String>,
    /// What stands for the picture's content: `filesha256(…)`. A change sends it again.
    #[attr(local)]
    pub(crate) avatar_hash: Option<String>,
    /// Address of its picture.
    #[attr(computed, volatile)]
    pub(crate) avatar_url: Option<String>,
    /// How long GitLab may take.
    #[attr(block, local)]
    pub(crate) timeouts: Option<Timeouts>,
    /// There is no commit.
    #[attr(computed, volatile)]
    pub(crate) empty_repo: Option<bool>,
    /// Address to clone over HTTPS.
    #[attr(computed, volatile)]
    pub(crate) http_url_to_repo: Option<String>,
    /// Paths from the top down: `forge/carto/api`.
    #[attr(computed, volatile)]
    pub(crate) path_with_namespace: Option<String>,
    /// Token with which runners were registered (deprecated by GitLab).
    #[attr(computed, secret = "made_readable")]
    pub(crate) runners_token: Option<Secret>,
    /// Address to clone over SSH.
    #[attr(computed, volatile)]
    pub(crate) ssh_url_to_repo: Option<String>,
    /// Its page.
    #[attr(computed, volatile)]
    pub(crate) web_url: Option<String>,
}

/// Which images of the container registry are cleaned up, and when. Only what is set is managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct ExpirationPolicy {
    /// How often.
    #[attr(one_of("1d", "7d", "14d", "1month", "3month"))]
    pub(crate) cadence: Option<String>,
    /// It is on.
    pub(crate) enabled: Option<bool>,
    /// How many images of a name are kept.
    pub(crate) keep_n: Option<i64>,
    /// Tags that are deleted: a regular expression.
    pub(crate) name_regex_delete: Option<String>,
    /// Tags that are kept: a regular expression.
    pub(crate) name_regex_keep: Option<String>,
    /// Age from which images are deleted: `14d`.
    pub(crate) older_than: Option<String>,
}
