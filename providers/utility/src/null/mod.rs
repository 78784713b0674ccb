//! The `null` provider: an object that is nothing, and a data source that says what it was told.

use std::collections::BTreeMap;

use pilotis_sdk::registry::Registry;
use pilotis_sdk::{Error, typed};

use crate::Here;
use crate::kept::{Kept, kept};

pub(crate) fn register(registry: Registry<Here>) -> Registry<Here> {
    registry.resource::<Resource>().data_source::<NullDataSource>()
}

/// An object that is nothing; `terraform_data` does the same and is always there.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "null_resource")]
pub(crate) struct Resource {
    /// Arbitrary texts; when one of them changes, the object is replaced.
    #[attr(force_new)]
    pub(crate) triggers: Option<BTreeMap<String, Option<String>>>,
    /// A random number.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

fn number() -> Option<String> {
    // As long as the established provider's, which are Go's 63 bits.
    Some((rand::random::<u64>() >> 1).to_string())
}

impl Kept for Resource {
    async fn make(planned: Resource) -> Result<Resource, Error> {
        Ok(Resource { id: number(), ..planned })
    }
}

kept!(Resource);

/// Gives back what it was told. Locals do the same.
#[derive(Clone, Debug, Default, pilotis_sdk::DataSource)]
#[data_source(type = "null_data_source")]
pub(crate) struct NullDataSource {
    /// Arbitrary texts.
    pub(crate) inputs: Option<BTreeMap<String, Option<String>>>,
    /// Arbitrary text; `default` if it isn't said.
    #[attr(optional, computed)]
    pub(crate) has_computed_default: Option<String>,
    /// The same as `inputs`.
    #[attr(computed)]
    pub(crate) outputs: BTreeMap<String, Option<String>>,
    /// A random number, a new one with each read.
    #[attr(computed)]
    pub(crate) random: Option<String>,
    /// Always `static`.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl typed::DataSource for NullDataSource {
    type Client = Here;

    async fn read(_: &Here, arguments: NullDataSource) -> Result<NullDataSource, Error> {
        Ok(NullDataSource {
            outputs: arguments.inputs.clone().unwrap_or_default(),
            has_computed_default: arguments
                .has_computed_default
                .clone()
                .or_else(|| Some("default".to_owned())),
            random: number(),
            id: Some("static".to_owned()),
            ..arguments
        })
    }
}
