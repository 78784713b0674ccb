//! Where the state is to be, as the configuration says it: the `backend` block, and files of `init -backend-config`. Nothing is opened here.

use std::collections::BTreeMap;
use std::fmt;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, did_you_mean};
use pilotis_syntax::ast::{Block, Body};
use pilotis_syntax::parse_file;
use pilotis_value::Type;

use crate::shape::{self, Shape};
use crate::{Settings, codes};

/// A `backend` block.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Backend {
    /// `local`, `pg`, `s3`, `http`
    pub kind: String,
    /// Its arguments, as texts. One may be a password.
    pub arguments: BTreeMap<String, String>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.arguments.keys().collect();
        f.debug_struct("Backend").field("kind", &self.kind).field("arguments", &names).finish()
    }
}

/// The backends, and what each may be told.
const BACKENDS: &[(&str, &[&str])] = &[
    ("local", &["path", "workspace_dir"]),
    (
        "pg",
        &["conn_str", "schema_name", "skip_schema_creation", "skip_table_creation", "skip_index_creation"],
    ),
    (
        "s3",
        &[
            "bucket",
            "key",
            "region",
            "endpoint",
            "endpoints",
            "access_key",
            "secret_key",
            "token",
            "profile",
            "use_path_style",
            "force_path_style",
            "workspace_key_prefix",
            "custom_ca_bundle",
            "insecure",
            "http_proxy",
            "https_proxy",
            "no_proxy",
            // Checks of Terraform's that nothing does here, and its lock, which is in the state itself here.
            "skip_credentials_validation",
            "skip_region_validation",
            "skip_requesting_account_id",
            "skip_metadata_api_check",
            "skip_s3_checksum",
            "use_lockfile",
        ],
    ),
    (
        "http",
        &[
            "address",
            "update_method",
            "lock_address",
            "lock_method",
            "unlock_address",
            "unlock_method",
            "username",
            "password",
            "skip_cert_verification",
            "retry_max",
            "retry_wait_min",
            "retry_wait_max",
            "client_ca_certificate_pem",
            "client_certificate_pem",
            "client_private_key_pem",
        ],
    ),
];

/// Arguments of a backend; none if there is no such backend.
pub fn backend_arguments(kind: &str) -> Option<&'static [&'static str]> {
    BACKENDS.iter().find(|(name, _)| *name == kind).map(|(_, arguments)| *arguments)
}

/// True if a backend has this argument; of one that is an object, a member: `endpoints.s3`.
pub fn has_backend_argument(kind: &str, name: &str) -> bool {
    let (argument, member) = name.split_once('.').map_or((name, None), |(a, m)| (a, Some(m)));
    let members = OBJECTS.iter().find(|(object, _)| *object == argument).map(|(_, members)| *members);
    backend_arguments(kind).is_some_and(|known| known.contains(&argument))
        && match (member, members) {
            (Some(member), Some(members)) => members.contains(&member),
            (member, members) => member.is_none() && members.is_none(),
        }
}

/// Reads the block.
pub(crate) fn read(block: &Block, settings: &mut Settings, diags: &mut Diagnostics) {
    let Some([kind]) = shape::labels(block, ["type"], diags) else { return };
    let Some(arguments) = backend_arguments(&kind.text) else {
        let known = BACKENDS.iter().map(|(name, _)| *name);
        let help = match did_you_mean(&kind.text, known) {
            Some(close) => format!("Did you mean \"{close}\"?"),
            None => "A state of Terraform's is brought in by `pilotis state import`.".to_owned(),
        };
        diags.push(
            Diagnostic::error("Unsupported backend")
                .code(codes::META)
                .detail(format!(
                    "There is no backend \"{}\". The state is a database file, backend \"local\", in PostgreSQL, backend \"pg\", in a bucket, backend \"s3\", or behind GitLab's protocol, backend \"http\".",
                    kind.text
                ))
                .at(kind.span)
                .help(help),
        );
        return;
    };
    let shape = Shape { required: &[], optional: arguments, blocks: &[] };
    shape.check(&block.body, block.header, diags);
    let arguments = texts(&block.body, diags);
    if kind.text == "local" {
        let given = |name: &str| arguments.get(name).filter(|text| !text.is_empty()).cloned();
        settings.state = given("path").or(settings.state.take());
        settings.workspace_dir = given("workspace_dir").or(settings.workspace_dir.take());
    }
    settings.backend = Some(Backend { kind: kind.text.to_string(), arguments });
}

/// Reads a file of `init -backend-config=FILE`: arguments, as in the block.
pub fn backend_file(name: &str, text: &str) -> (BTreeMap<String, String>, Diagnostics, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text);
    let (body, mut diags) = parse_file(&sources, file);
    let arguments = texts(&body, &mut diags);
    (arguments, diags, sources)
}

/// Arguments that are objects, and what each may have: told as `endpoints.s3`.
const OBJECTS: &[(&str, &[&str])] = &[("endpoints", &["s3"])];

fn texts(body: &Body, diags: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for attribute in &body.attributes {
        let name = &attribute.name.text;
        let members = OBJECTS.iter().find(|(object, _)| object == name).map(|(_, members)| *members);
        let ty = if members.is_some() { Type::map(Type::String) } else { Type::String };
        let Some(value) = shape::constant(attribute, &ty, diags) else { continue };
        if let Some(text) = value.as_str() {
            texts.insert(name.to_string(), text.to_owned());
        }
        for (member, value) in value.as_entries().into_iter().flat_map(|entries| entries.iter()) {
            if !members.is_some_and(|members| members.contains(&member.as_str())) {
                diags.push(
                    Diagnostic::error("Unsupported argument")
                        .code(codes::META)
                        .detail(format!("{name} of a backend has no member \"{member}\" here."))
                        .at(attribute.name.span),
                );
            } else if let Some(text) = value.as_str() {
                texts.insert(format!("{name}.{member}"), text.to_owned());
            }
        }
    }
    texts
}
