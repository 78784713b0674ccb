//! The `provider "gitlab"` block, and connecting with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pilotis_rest::{Auth, Client, Limits, Settings, Tls, header, retry};
use pilotis_sdk::{Environment, Error, ErrorKind, ProviderConfig, Secret};

use crate::client::GitLab;
use crate::refusal;

const DEFAULT_BASE: &str = "https://gitlab.com/api/v4";

/// Talks to GitLab over its REST and GraphQL APIs. <https://docs.gitlab.com/api/rest/>
#[derive(Clone, Debug, Default, ProviderConfig)]
pub struct Config {
    /// A personal, project, group or service account access token with the `api` scope. Else the environment variable `GITLAB_TOKEN`.
    #[attr(secret = "given_never_returned")]
    pub token: Option<Secret>,
    /// Address of the API: `https://gitlab.example/api/v4`. Else the environment variable `GITLAB_BASE_URL`, else gitlab.com.
    pub base_url: Option<String>,
    /// File with certificate authorities in PEM, trusted besides those of the system.
    pub cacert_file: Option<String>,
    /// File with a client certificate in PEM.
    pub client_cert: Option<String>,
    /// File with the client certificate's key in PEM.
    pub client_key: Option<String>,
    /// Don't verify GitLab's certificate, and send the token to an address with http:// too.
    pub insecure: Option<bool>,
    /// Ask GitLab who the token is when connecting, so that a wrong one is said before anything else.
    pub early_auth_check: Option<bool>,
    /// How often a call is made again when GitLab is busy or the line breaks. 5 if not said.
    pub retries: Option<i64>,
    /// Headers of every call.
    pub headers: Option<BTreeMap<String, String>>,
    /// Use the built-in sandbox instead of a GitLab.
    #[attr(local)]
    pub sandbox: Option<bool>,
}

/// Makes a client. Calls GitLab only for `early_auth_check`.
pub async fn connect(config: Config, environment: &Environment) -> Result<GitLab, Error> {
    let check = config.early_auth_check.unwrap_or(false);
    let mut gitlab = GitLab::new(Client::new(settings(config, environment)?)?);
    if environment.sandbox.is_some() {
        // It has one memory.
        gitlab = gitlab.without_lag();
    }
    if check {
        gitlab.me().await?;
    }
    Ok(gitlab)
}

fn settings(config: Config, environment: &Environment) -> Result<Settings, Error> {
    let (base, token, source) = match &environment.sandbox {
        Some(sandbox) => (sandbox.url.clone(), sandbox.token.clone(), "the sandbox".to_owned()),
        None => {
            let (token, source) = token(&config, environment)?;
            (base(&config, environment), token, source)
        }
    };
    let url = api_url(&base)?;
    let mut settings = Settings::new("GitLab", url);
    settings.auth =
        Auth::Header(header::HeaderName::from_static("private-token"), token.expose().to_owned().into());
    settings.credential = Some(source);
    settings.refusal = Arc::new(refusal::told);
    settings.tls = tls(&config, environment)?;
    if let Some(retries) = config.retries {
        settings.retry =
            retry::Policy { times: usize::try_from(retries).unwrap_or(0), ..retry::Policy::default() };
    }
    let headers = config.headers.unwrap_or_default();
    settings.headers = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    settings.limits = limits(&settings, environment.sandbox.is_some());
    Ok(settings)
}

/// gitlab.com takes 2,000 calls a minute of a user; others have the limits that their administrators set, and say so in headers.
/// <https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom>
fn limits(settings: &Settings, sandbox: bool) -> Limits {
    let per_second = match settings.base.host_str() {
        _ if sandbox => 1_000_000,
        Some("gitlab.com") => 30,
        _ => 100,
    };
    Limits { attempt: Duration::from_secs(120), per_second, ..Limits::default() }
}

fn token(config: &Config, environment: &Environment) -> Result<(Secret, String), Error> {
    // A line break at the end of a file or variable is no part of it.
    let trimmed = |token: &str| Some(token.trim()).filter(|t| !t.is_empty()).map(Secret::new);
    if let Some(token) = config.token.as_ref().and_then(|t| trimmed(t.expose())) {
        return Ok((token, "provider \"gitlab\"".to_owned()));
    }
    match environment.variables.get("GITLAB_TOKEN").and_then(|t| trimmed(t)) {
        Some(token) => Ok((token, "GITLAB_TOKEN".to_owned())),
        None => Err(wrong("there is no token")
            .help("Set the environment variable GITLAB_TOKEN, or `token` in provider \"gitlab\".")
            .help("To try things without a GitLab, set `sandbox = true`.")),
    }
}

fn base(config: &Config, environment: &Environment) -> String {
    let given = config.base_url.clone().filter(|u| !u.is_empty());
    let variable = || environment.variables.get("GITLAB_BASE_URL").filter(|u| !u.is_empty()).cloned();
    given.or_else(variable).unwrap_or_else(|| DEFAULT_BASE.to_owned())
}

/// The address with `/api/v4` at its end, which people leave out.
fn api_url(base: &str) -> Result<url::Url, Error> {
    let trimmed = base.trim_end_matches('/');
    let whole = if trimmed.ends_with("/api/v4") { trimmed.to_owned() } else { format!("{trimmed}/api/v4") };
    whole.parse().map_err(|_| {
        wrong(format!("`{base}` is not an address")).help("Write it as https://gitlab.example/api/v4.")
    })
}

fn tls(config: &Config, environment: &Environment) -> Result<Tls, Error> {
    if let Some(sandbox) = &environment.sandbox {
        return Ok(Tls { ca_pem: sandbox.ca_pem.clone(), ..Tls::default() });
    }
    let read = |name: &str| {
        let path = environment.base_dir.join(name);
        std::fs::read_to_string(&path).map_err(|e| wrong(format!("{} can't be read: {e}", path.display())))
    };
    let ca_pem = config.cacert_file.as_deref().filter(|f| !f.is_empty()).map(read).transpose()?;
    let identity_pem = match (config.client_cert.as_deref(), config.client_key.as_deref()) {
        (Some(cert), Some(key)) => Some(format!("{}\n{}", read(cert)?, read(key)?).into()),
        (None, None) => None,
        _ => return Err(wrong("`client_cert` and `client_key` need each other")),
    };
    Ok(Tls { ca_pem, identity_pem, insecure: config.insecure.unwrap_or(false) })
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, "The configuration of provider \"gitlab\" is wrong").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Environment {
        let variables: BTreeMap<_, _> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Environment { variables: variables.into(), ..Environment::default() }
    }

    #[test]
    fn the_address_may_be_short() {
        for base in ["https://x/api/v4", "https://x/api/v4/", "https://x", "https://x/"] {
            assert_eq!(api_url(base).unwrap().as_str(), "https://x/api/v4");
        }
        assert_eq!(api_url("https://x/gitlab/").unwrap().path(), "/gitlab/api/v4");
        assert!(api_url("gitlab.example").is_err());
    }

    #[tokio::test]
    async fn the_token_comes_from_the_block_or_the_environment() {
        let error = connect(Config::default(), &with(&[])).await.unwrap_err();
        assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Configuration, "there is no token"));
        let settings = settings(
            Config::default(),
            &with(&[("GITLAB_TOKEN", "glpat-x"), ("GITLAB_BASE_URL", "https://y")]),
        );
        let settings = settings.unwrap();
        assert_eq!(settings.credential.as_deref(), Some("GITLAB_TOKEN"));
        assert_eq!(settings.base.as_str(), "https://y/api/v4");
    }

    #[test]
    fn a_file_that_isnt_there_is_named() {
        let config = Config { cacert_file: Some("none.pem".into()), ..Config::default() };
        let error = tls(&config, &with(&[])).unwrap_err();
        assert!(error.detail.starts_with("none.pem can't be read"), "{}", error.detail);
    }
}
