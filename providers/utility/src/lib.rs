//! The providers that call no service: `random`, `null`, `local`, `time` and `tls`, with the types and attributes of the established ones.
//!
//! One folder a provider, one file a resource type. What they make is in the state alone (`kept`), but for `local`, which writes files.
//! Nothing here talks to a network.

mod kept;
mod local;
mod null;
mod random;
mod time;
mod tls;

use std::path::PathBuf;

use pilotis_sdk::registry::{ProviderType, Registry, ServiceClient, TypedProvider};
use pilotis_sdk::{Environment, Error, ProviderConfig};

/// How many objects are made at once: nothing is waited for but files.
const AT_ONCE: usize = 64;

/// This machine.
#[derive(Clone, Debug)]
pub struct Here {
    /// The folder that relative paths start from.
    folder: PathBuf,
}

impl ServiceClient for Here {
    fn host(&self) -> String {
        "this machine".to_owned()
    }
    fn parallelism(&self) -> usize {
        AT_ONCE
    }
    fn calls(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// A provider block without arguments.
#[derive(Clone, Debug, Default, ProviderConfig)]
pub struct NoArguments {}

macro_rules! providers {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $version:literal, $module:ident;)+) => {$(
        $(#[$doc])*
        pub fn $name() -> TypedProvider<$kind> {
            TypedProvider::new()
        }

        $(#[$doc])*
        pub enum $kind {}

        impl ProviderType for $kind {
            type Config = NoArguments;
            type Client = Here;

            async fn connect(_: NoArguments, environment: &Environment) -> Result<Here, Error> {
                Ok(Here { folder: environment.base_dir.clone() })
            }

            fn registry() -> Registry<Here> {
                let source = concat!("registry.terraform.io/hashicorp/", stringify!($name));
                $module::register(Registry::new::<NoArguments>(stringify!($name), source, $version))
            }
        }
    )+};
}

providers! {
    /// `random`: values that are drawn once and stay. <https://registry.terraform.io/providers/hashicorp/random/3.7.2/docs>
    random, RandomProvider, "3.7.2", random;
    /// `null`: objects that are nothing. <https://registry.terraform.io/providers/hashicorp/null/3.2.4/docs>
    null, NullProvider, "3.2.4", null;
    /// `local`: files of this machine. <https://registry.terraform.io/providers/hashicorp/local/2.5.3/docs>
    local, LocalProvider, "2.5.3", local;
    /// `time`: instants that stay. <https://registry.terraform.io/providers/hashicorp/time/0.13.1/docs>
    time, TimeProvider, "0.13.1", time;
    /// `tls`: keys and certificates made here. <https://registry.terraform.io/providers/hashicorp/tls/4.1.0/docs>
    tls, TlsProvider, "4.1.0", tls;
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
