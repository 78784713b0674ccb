//! `terraform { encryption { … } }`: which keys encrypt the state and saved plans, in OpenTofu's words
//! (<https://opentofu.org/docs/language/state/encryption/>). What is here says which; making a key of it is the driver's.

use std::collections::BTreeMap;

use pilotis_diag::Span;
use pilotis_schema::{Attribute, Block, Presence, SecretKind};
use pilotis_value::Type;

use crate::body::CompiledBody;

/// An `encryption` block.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// `key_provider`
    pub key_providers: Vec<KeyProvider>,
    /// What the state is encrypted with.
    pub state: Option<EncryptionTarget>,
    /// What saved plans are encrypted with.
    pub plan: Option<EncryptionTarget>,
    /// What other states are decrypted with that `terraform_remote_state` reads.
    pub remote_states: Option<EncryptionTarget>,
    /// Where.
    pub span: Span,
}

/// A `key_provider` block.
#[derive(Clone, Debug)]
pub struct KeyProvider {
    /// Its first label.
    pub kind: KeyProviderKind,
    /// Both labels: `argon2.main`.
    pub name: String,
    /// Its arguments: attributes as [`KeyProviderKind::arguments`] has them. They refer to variables at most.
    pub body: CompiledBody,
    /// Where.
    pub span: Span,
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProviderKind {
    /// A passphrase, through Argon2id.
    Argon2,
    /// A passphrase, through PBKDF2 (as OpenTofu has it).
    Pbkdf2,
    /// A file that holds a key.
    File,
    /// An environment variable that holds a key.
    Environment,
    /// The transit engine of OpenBao or Vault.
    Openbao,
    /// Recipients of age, who each have an identity.
    Age,
}

/// `state`, `plan` or `remote_state_data_sources` of an `encryption` block.
#[derive(Clone, Debug)]
pub struct EncryptionTarget {
    /// The method that encrypts, then those of the fallbacks, that only decrypt. At least one.
    pub methods: Vec<EncryptionMethod>,
    /// Where.
    pub span: Span,
}

/// What a `method` block comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMethod {
    /// `unencrypted`
    Unencrypted,
    /// AES-256-GCM-SIV with keys of this one of [`Encryption::key_providers`].
    Keys(usize),
}

impl KeyProviderKind {
    /// All kinds.
    pub const ALL: [KeyProviderKind; 6] = [
        KeyProviderKind::Argon2,
        KeyProviderKind::Pbkdf2,
        KeyProviderKind::File,
        KeyProviderKind::Environment,
        KeyProviderKind::Openbao,
        KeyProviderKind::Age,
    ];

    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            KeyProviderKind::Argon2 => "argon2",
            KeyProviderKind::Pbkdf2 => "pbkdf2",
            KeyProviderKind::File => "file",
            KeyProviderKind::Environment => "environment",
            KeyProviderKind::Openbao => "openbao",
            KeyProviderKind::Age => "age",
        }
    }

    /// The arguments of such a block.
    pub fn arguments(self) -> Block {
        let optional = |ty, doc: &str| Attribute { doc: doc.to_owned(), ..Attribute::new(ty) };
        let required = |ty, doc| Attribute { presence: Presence::Required, ..optional(ty, doc) };
        let secret = |a: Attribute| Attribute { secret: Some(SecretKind::GivenNeverReturned), ..a };
        let one_of = |a: Attribute, texts: &[&str]| Attribute {
            one_of: texts.iter().map(|&t| t.to_owned()).collect(),
            ..a
        };
        let passphrase = secret(required(Type::String, "At least 16 characters."));
        let arguments = match self {
            KeyProviderKind::Argon2 => vec![
                ("passphrase", passphrase),
                ("memory_kib", optional(Type::Number, "Memory that a derivation takes, in KiB; 65536.")),
                ("iterations", optional(Type::Number, "Passes over that memory; 3.")),
                ("parallelism", optional(Type::Number, "Lanes; 4.")),
            ],
            KeyProviderKind::Pbkdf2 => {
                let hash = optional(Type::String, "`sha512` (the default) or `sha256`.");
                vec![
                    ("passphrase", passphrase),
                    ("iterations", optional(Type::Number, "At least 200000; 600000 is the default.")),
                    ("hash_function", one_of(hash, &["sha256", "sha512"])),
                ]
            }
            KeyProviderKind::File => {
                vec![("path", required(Type::String, "A file of 32 bytes, or of those in base64 or hex."))]
            }
            KeyProviderKind::Environment => vec![(
                "variable",
                required(Type::String, "An environment variable that holds 32 bytes in base64 or hex."),
            )],
            KeyProviderKind::Openbao => vec![
                ("key_name", required(Type::String, "The transit key.")),
                ("address", optional(Type::String, "The server's URL; `BAO_ADDR` or `VAULT_ADDR`.")),
                (
                    "token",
                    secret(optional(Type::String, "`BAO_TOKEN` or `VAULT_TOKEN`, where nothing is given.")),
                ),
                (
                    "transit_engine_path",
                    optional(Type::String, "Where the engine is mounted; `/transit` is the default."),
                ),
            ],
            KeyProviderKind::Age => vec![
                (
                    "recipients",
                    required(Type::List(Type::String.into()), "Who can open it: `age1…` of each."),
                ),
                (
                    "identity_file",
                    optional(
                        Type::String,
                        "A file of `age-keygen`; `PILOTIS_AGE_IDENTITY_FILE`. Without one it only encrypts.",
                    ),
                ),
                ("identity", secret(optional(Type::String, "The same as text: `AGE-SECRET-KEY-1…`."))),
            ],
        };
        let attributes: BTreeMap<_, _> = arguments.into_iter().map(|(n, a)| (n.to_owned(), a)).collect();
        Block { attributes, ..Block::default() }
    }
}
