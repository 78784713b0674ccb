//! The proxy that an API server is reached through: whose address it is, and for which servers none is used.

use std::collections::BTreeMap;

use hyper_util::client::proxy::matcher::Matcher;
use pilotis_sdk::Error;

use crate::config::fault;

/// What the environment says for this server, as curl and kubectl understand it: `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, but for what
/// `NO_PROXY` names, and never for this machine.
pub(crate) fn of_environment(
    variables: &BTreeMap<String, String>,
    server: &http::Uri,
) -> Result<Option<http::Uri>, Error> {
    let said = |name: &str| {
        let found = variables.get(&name.to_lowercase()).or_else(|| variables.get(name));
        found.map(String::as_str).unwrap_or_default()
    };
    let of_scheme =
        if server.scheme_str() == Some("http") { said("HTTP_PROXY") } else { said("HTTPS_PROXY") };
    let chosen = if of_scheme.is_empty() { said("ALL_PROXY") } else { of_scheme };
    let for_none = said("NO_PROXY").split(',').any(|host| host.trim() == "*");
    if chosen.is_empty() || for_none || server.host().is_some_and(pilotis_trust::is_this_machine) {
        return Ok(None);
    }
    // One that can't be used is an error: to go without it may not be what is wanted.
    let proxy = address(chosen)?;
    let matcher = Matcher::builder().all(chosen).no(said("NO_PROXY")).build();
    Ok(matcher.intercept(server).map(|_| proxy))
}

/// The address of a proxy. It isn't shown if it is wrong: it may hold a password.
pub(crate) fn address(text: &str) -> Result<http::Uri, Error> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    with_scheme.parse().map_err(|e| {
        fault("The proxy's address can't be used", &e)
            .help("Write proxy_url, KUBE_PROXY_URL or HTTPS_PROXY as http://proxy.example:3128.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        of_environment(&variables, &server.parse().unwrap()).unwrap().map(|uri| uri.to_string())
    }

    #[test]
    fn a_proxy_is_used_where_the_environment_says_so() {
        let proxy = ("HTTPS_PROXY", "http://proxy.example:3128");
        let there = Some("http://proxy.example:3128/".to_owned());
        assert_eq!(chosen("https://api.example:6443", &[]), None);
        assert_eq!(chosen("https://api.example:6443", &[proxy]), there);
        assert_eq!(chosen("https://api.example", &[("https_proxy", "proxy.example:3128")]), there);
        assert_eq!(chosen("https://api.example", &[("ALL_PROXY", "http://proxy.example:3128")]), there);
        assert_eq!(chosen("http://api.example", &[proxy]), None);
        for none in ["api.example", ".example", "example", "*", "x.example, ,api.example,"] {
            assert_eq!(chosen("https://api.example:6443", &[proxy, ("NO_PROXY", none)]), None, "{none}");
        }
        for none in ["10.0.0.0/8", "10.1.2.3", "*"] {
            assert_eq!(chosen("https://10.1.2.3:6443", &[proxy, ("no_proxy", none)]), None, "{none}");
        }
        assert_eq!(chosen("https://api.example", &[proxy, ("NO_PROXY", "other.example")]), there);
        for here in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"] {
            assert_eq!(chosen(here, &[proxy]), None);
        }
    }

    #[test]
    fn a_wrong_address_is_not_repeated() {
        let variables = BTreeMap::from([("HTTPS_PROXY".to_owned(), "http://me:s3c ret@x".to_owned())]);
        let error = of_environment(&variables, &"https://api.example".parse().unwrap()).unwrap_err();
        assert!(!format!("{error:?}").contains("s3c"), "{error:?}");
    }
}
