//! Which server, as whom, and how far it is trusted: the connection string, and PostgreSQL's own environment variables for what it doesn't
//! say. Both forms of libpq are read, `postgres://…` and `host=… dbname=…`. Nothing is connected here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Variables of libpq, and what they say. <https://www.postgresql.org/docs/current/libpq-envars.html>
const VARIABLES: &[(&str, &str)] = &[
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
];

/// A server that answers slower than this is taken for one that doesn't.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection over which nothing comes for about half a minute is taken for lost.
const KEEPALIVE: Duration = Duration::from_secs(10);
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// What is wrong with a connection string. Says no value of it: one may be a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnStrError(String);

fn wrong<T>(what: impl Into<String>) -> Result<T, ConnStrError> {
    Err(ConnStrError(what.into()))
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The file of the authorities; none: those of the machine.
    pub(crate) authorities: Option<PathBuf>,
    /// Any name will do, as long as the authority signed it (`verify-ca`).
    pub(crate) any_name: bool,
    /// Our own certificate and its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) config: Config,
    /// None: a connection without TLS.
    pub(crate) trust: Option<Trust>,
    /// Without credentials: `postgres://db.example.org:5432/terraform`.
    pub(crate) location: String,
}

impl Server {
    /// Reads a connection string; what it doesn't say is taken from the environment.
    pub(crate) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Server, ConnStrError> {
        let mut settings = BTreeMap::new();
        for (variable, key) in VARIABLES {
            if let Some(value) = environment.get(*variable).filter(|value| !value.is_empty()) {
                settings.insert((*key).to_owned(), value.clone());
            }
        }
        let text = text.trim();
        let given = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => url(rest)?,
            None => pairs(text)?,
        };
        settings.extend(given);
        let trust = trust(&mut settings)?;
        let passfile = passfile(&mut settings, environment);
        // lib/pq, which Terraform's backend uses, connects to this machine unless told otherwise.
        if !settings.contains_key("hostaddr") {
            settings.entry("host".into()).or_insert_with(|| "localhost".into());
        }
        settings.entry("application_name".into()).or_insert_with(|| "pilotis".into());
        let rendered: String = settings.iter().map(|(key, value)| pair(key, value)).collect();
        let mut config = Config::from_str(&rendered).or_else(|e| {
            let why = std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string);
            wrong(format!("the connection string is wrong: {why}"))
        })?;
        let local =
            !config.get_hosts().is_empty() && config.get_hosts().iter().all(|h| !matches!(h, Host::Tcp(_)));
        let trust = trust.filter(|_| !local);
        config.ssl_mode(if trust.is_some() { SslMode::Require } else { SslMode::Disable });
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT));
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE / 2).keepalives_retries(3);
        config.tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_password().is_none()
            && let Some(password) = passfile.and_then(|file| password_of(&file, &config))
        {
            config.password(password);
        }
        let location = location(&config);
        Ok(Server { config, trust, location })
    }
}

fn location(config: &Config) -> String {
    let port = |n: usize| {
        let ports = config.get_ports();
        ports.get(n).or(ports.first()).copied().unwrap_or(5432)
    };
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().enumerate().map(|(n, a)| format!("{a}:{}", port(n))).collect(),
        hosts => hosts.iter().enumerate().map(|(n, host)| named(host, port(n))).collect(),
    };
    format!("postgres://{}/{}", hosts.join(","), database(config))
}

fn named(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
        Host::Tcp(name) => format!("{name}:{port}"),
        #[cfg(unix)]
        Host::Unix(path) => format!("{}:{port}", path.display()),
    }
}

fn database(config: &Config) -> &str {
    config.get_dbname().or_else(|| config.get_user()).unwrap_or_default()
}

fn pair(key: &str, value: &str) -> String {
    format!("{key}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// `key = value key='a value'`
fn pairs(text: &str) -> Result<Vec<(String, String)>, ConnStrError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            return wrong(
                "the connection string is wrong: write postgres://USER@HOST/DATABASE, or KEY=VALUE pairs with a space between them",
            );
        };
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return wrong(
                "the connection string is wrong: a key is made of letters and underscores; a value with spaces is written 'in quotes'",
            );
        }
        let (value, after) = value(after.trim_start(), key)?;
        found.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(found)
}

/// A value up to its end, and what stands behind it. A backslash makes the next character part of the value.
fn value<'a>(text: &'a str, key: &str) -> Result<(String, &'a str), ConnStrError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return wrong(format!(
            "the connection string is wrong: the quote around the value of {key} is never closed"
        ));
    }
    Ok((value, ""))
}

/// `user:password@host:port,host:port/database?key=value`
fn url(rest: &str) -> Result<Vec<(String, String)>, ConnStrError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) =
        user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
    let mut found = Vec::new();
    let mut add = |key: &str, value: &str| -> Result<(), ConnStrError> {
        match percent_decode_str(value).decode_utf8() {
            Ok(value) => found.push((key.to_owned(), value.into_owned())),
            Err(_) => {
                return wrong(format!(
                    "the connection string is wrong: {key} is no UTF-8 once its % signs are read"
                ));
            }
        }
        Ok(())
    };
    for (key, value) in
        [("user", user), ("dbname", database)].into_iter().filter(|(_, value)| !value.is_empty())
    {
        add(key, value)?;
    }
    if let Some(password) = password {
        add("password", password)?;
    }
    let split: Vec<(&str, &str)> = hosts.split(',').map(host_and_port).collect();
    if !hosts.is_empty() {
        add("host", &split.iter().map(|(host, _)| *host).collect::<Vec<_>>().join(","))?;
    }
    if split.iter().any(|(_, port)| !port.is_empty()) {
        let ports = split.iter().map(|(_, port)| if port.is_empty() { "5432" } else { port });
        add("port", &ports.collect::<Vec<_>>().join(","))?;
    }
    for parameter in query.split('&').filter(|p| !p.is_empty()) {
        let Some((key, value)) = parameter.split_once('=') else {
            return wrong("the connection string is wrong: a parameter behind the ? has no value");
        };
        add(key, value)?;
    }
    Ok(found)
}

/// `host:port`, `[::1]:port`
fn host_and_port(text: &str) -> (&str, &str) {
    if let Some((host, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, port.trim_start_matches(':'));
    }
    text.split_once(':').unwrap_or((text, ""))
}

/// Takes what concerns TLS out of the settings. Unlike libpq, `require` verifies: a connection that is encrypted to anybody is no secret.
fn trust(settings: &mut BTreeMap<String, String>) -> Result<Option<Trust>, ConnStrError> {
    let mut take = |key: &str| settings.remove(key).filter(|value| !value.is_empty());
    let (mode, authorities) = (take("sslmode"), take("sslrootcert"));
    let authorities = authorities.filter(|file| file != "system").map(PathBuf::from);
    let client = match (take("sslcert"), take("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        _ => return wrong("sslcert and sslkey belong together: the client's certificate, and its key"),
    };
    let any_name = match mode.as_deref() {
        Some("disable") => return Ok(None),
        None | Some("require" | "verify-full") => false,
        Some("verify-ca") if authorities.is_some() => true,
        Some("verify-ca") => {
            return wrong(
                "sslmode=verify-ca needs sslrootcert=FILE: with the authorities of this machine anybody's certificate would do",
            );
        }
        Some("allow" | "prefer") => {
            return wrong(
                "sslmode=allow and sslmode=prefer give up encryption without a word: write sslmode=verify-full, or sslmode=disable where the network is trusted",
            );
        }
        Some(_) => {
            return wrong("there is no such sslmode: write disable, require, verify-ca or verify-full");
        }
    };
    Ok(Some(Trust { authorities, any_name, client }))
}

fn passfile(
    settings: &mut BTreeMap<String, String>,
    environment: &BTreeMap<String, String>,
) -> Option<PathBuf> {
    let named = settings.remove("passfile").map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.get("HOME")?).join(".pgpass")))
}

/// The password of a password file. <https://www.postgresql.org/docs/current/libpq-pgpass.html>
fn password_of(file: &Path, config: &Config) -> Option<String> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).ok()?.permissions());
        if mode & 0o077 != 0 {
            tracing::warn!("{} is not used: others than its owner may read it", file.display());
            return None;
        }
    }
    let host = match config.get_hosts().first()? {
        Host::Tcp(name) => name.as_str(),
        #[cfg(unix)]
        Host::Unix(_) => "localhost",
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let wanted = [host, &port, database(config), config.get_user().unwrap_or_default()];
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (password, pattern) = fields.split_last()?;
        let fits = pattern.len() == 4 && pattern.iter().zip(wanted).all(|(p, w)| p == "*" || p == w);
        fits.then(|| password.clone())
    })
}

/// The fields of a line, with a colon between them; a backslash makes the next character part of a field.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut().into_iter().for_each(|f| f.extend(chars.next())),
            c => fields.last_mut().into_iter().for_each(|f| f.push(c)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Server, String> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Server::parse(text, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_say_the_same() {
        for text in [
            "postgres://marie:p%40ss%20w@db.example.org:6432/states?sslmode=verify-full&connect_timeout=3",
            r"host=db.example.org port = 6432 user=marie password='p@ss w' dbname=states sslmode=verify-full connect_timeout=3",
        ] {
            let server = parse(text, &[]).unwrap();
            assert_eq!(server.location, "postgres://db.example.org:6432/states");
            assert_eq!(server.config.get_user(), Some("marie"));
            assert_eq!(server.config.get_password(), Some(&b"p@ss w"[..]));
            assert_eq!(server.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
            assert_eq!(server.trust, Some(Trust::default()));
            assert!(!format!("{server:?}").contains("p@ss"), "a password is never shown");
        }
    }

    #[test]
    fn the_environment_says_what_the_string_does_not() {
        let environment =
            [("PGHOST", "elsewhere"), ("PGUSER", "paul"), ("PGPASSWORD", "s"), ("PGSSLMODE", "disable")];
        let server = parse("host=here dbname=d", &environment).unwrap();
        assert_eq!(server.location, "postgres://here:5432/d");
        assert_eq!(server.config.get_user(), Some("paul"));
        assert_eq!(server.trust, None);
        assert_eq!(parse("", &environment).unwrap().location, "postgres://elsewhere:5432/paul");
        assert_eq!(parse("", &[("PGUSER", "u")]).unwrap().location, "postgres://localhost:5432/u");
    }

    #[test]
    fn several_hosts_and_sockets() {
        let several = parse("postgres://u@a:1,b/d?target_session_attrs=read-write", &[]).unwrap();
        assert_eq!(several.location, "postgres://a:1,b:5432/d");
        let v6 = parse("postgres://u@[::1]:99/d", &[]).unwrap();
        assert_eq!(v6.location, "postgres://[::1]:99/d");
        let socket = parse("postgres:///d?host=/var/run/postgresql&user=u", &[]).unwrap();
        assert_eq!((socket.location.as_str(), socket.trust), ("postgres:///var/run/postgresql:5432/d", None));
    }

    #[test]
    fn tls_is_verified_unless_it_is_switched_off() {
        let of = |mode: &str| parse(&format!("host=h user=u {mode}"), &[]).map(|s| s.trust);
        assert_eq!(of("").unwrap(), Some(Trust::default()));
        assert_eq!(of("sslmode=require").unwrap(), Some(Trust::default()));
        assert_eq!(of("sslmode=disable").unwrap(), None);
        let own = of("sslmode=verify-ca sslrootcert=ca.pem").unwrap().unwrap();
        assert_eq!((own.any_name, own.authorities), (true, Some("ca.pem".into())));
        let client = of("sslcert=c.pem sslkey=k.pem").unwrap().unwrap().client;
        assert_eq!(client, Some(("c.pem".into(), "k.pem".into())));
        for (mode, says) in [
            ("sslmode=prefer", "without a word"),
            ("sslmode=verify-ca", "needs sslrootcert"),
            ("sslmode=full", "no such sslmode"),
            ("sslcert=c.pem", "belong together"),
        ] {
            let said = of(mode).unwrap_err();
            assert!(said.contains(says), "{mode}: {said}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_a_secret() {
        for text in [
            "hunter2",
            "password='hunter2",
            "password=hunter2 port=x",
            "password=hunter2 nonsense=1",
            "postgres://u:hunter2@h/d?x",
            "postgres://u:hunter2%ff@h/d",
            "postgres://u:hunter2@h:port/d",
        ] {
            let said = parse(text, &[]).unwrap_err();
            assert!(!said.contains("hunter2"), "{text}: {said}");
        }
        assert!(parse("host=h nonsense=1", &[]).unwrap_err().contains("nonsense"), "the option is named");
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_is_read_if_nobody_else_can() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(&file, "# c\nother:*:*:*:no\nh:5432:d:u:s\\:e\\\\c:ret\n*:*:*:*:any\n").unwrap();
        let password = |text: &str| {
            let file = file.display().to_string();
            let server = parse(text, &[("PGPASSFILE", &file)]).unwrap();
            server.config.get_password().map(|p| String::from_utf8_lossy(p).into_owned())
        };
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password("host=h user=u dbname=d").as_deref(), Some(r"s:e\c:ret"));
        assert_eq!(password("host=h user=u dbname=e").as_deref(), Some("any"));
        assert_eq!(password("host=h user=u password=own").as_deref(), Some("own"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(password("host=h user=u dbname=d"), None);
    }
}
