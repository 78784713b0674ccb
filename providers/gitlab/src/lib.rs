//! The GitLab provider: groups, projects, members, variables, tokens, protections and files, named as in the established provider.
//!
//! Every type is one file in `resources` or `data`. What they share: [`mod@client`] (the connection and what is asked once), `bulk` (many
//! parents in one GraphQL query), `refusal` (what GitLab's errors mean), `gone` (proof that something is not just hidden). How estates are
//! read is written down in `docs/design/gitlab.md`. Nothing here knows the engine.

mod access;
mod bulk;
pub mod client;
pub mod config;
mod data;
mod gone;
mod graphql;
mod refusal;
mod resources;

use pilotis_sdk::registry::{ProviderType, Registry, TypedProvider};
use pilotis_sdk::{Environment, Error};

pub use client::GitLab;
pub use config::Config;

/// The version of the established provider whose schema this follows.
pub const FOLLOWS: &str = "19.1.0";

/// The provider.
pub fn provider() -> TypedProvider<GitLabProvider> {
    TypedProvider::new()
}

/// What the provider is about.
pub enum GitLabProvider {}

impl ProviderType for GitLabProvider {
    type Config = Config;
    type Client = GitLab;

    async fn connect(config: Config, environment: &Environment) -> Result<GitLab, Error> {
        config::connect(config, environment).await
    }

    fn registry() -> Registry<GitLab> {
        let registry = Registry::new::<Config>("gitlab", "registry.terraform.io/gitlabhq/gitlab", FOLLOWS);
        data::register(resources::register(registry))
    }
}
