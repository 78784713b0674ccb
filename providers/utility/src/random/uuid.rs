//! `random_uuid`.

use pilotis_sdk::Error;

use super::Keepers;
use crate::kept::{Kept, kept, wrong_import};

/// A random UUID, in the lower-case form of RFC 9562.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_uuid")]
pub(crate) struct Uuid {
    /// Arbitrary texts; when one of them changes, a new UUID is drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// The UUID.
    #[attr(computed)]
    pub(crate) result: Option<String>,
    /// The UUID.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Uuid {
    fn of(self, uuid: uuid::Uuid) -> Uuid {
        let text = Some(uuid.hyphenated().to_string());
        Uuid { result: text.clone(), id: text, ..self }
    }
}

impl Kept for Uuid {
    async fn make(planned: Uuid) -> Result<Uuid, Error> {
        Ok(planned.of(uuid::Uuid::new_v4()))
    }
    fn of_import(id: &str) -> Result<Uuid, Error> {
        let uuid = uuid::Uuid::try_parse(id).map_err(|_| wrong_import("random_uuid", "UUID"))?;
        Ok(Uuid::default().of(uuid))
    }
}

kept!(Uuid);
