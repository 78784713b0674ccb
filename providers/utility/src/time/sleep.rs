//! `time_sleep`.

use pilotis_sdk::Error;

use super::Triggers;
use super::instant::{Instant, duration};
use crate::kept::{Kept, invalid, kept, wrong_import};

/// Waits: after what it depends on was made, or before what it depends on is destroyed.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "time_sleep")]
pub(crate) struct Sleep {
    /// Arbitrary texts; when one of them changes, it waits again. What refers to them waits too.
    #[attr(force_new)]
    pub(crate) triggers: Option<Triggers>,
    /// How long to wait when it is made: `30s`, `1h15m`.
    pub(crate) create_duration: Option<String>,
    /// How long to wait when it is destroyed.
    pub(crate) destroy_duration: Option<String>,
    /// When it was made, in RFC 3339.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Sleep {
    /// How long to wait at both times.
    fn check(&self) -> Result<[std::time::Duration; 2], Error> {
        if self.create_duration.is_none() && self.destroy_duration.is_none() {
            return Err(invalid("create_duration", "create_duration or destroy_duration must be set"));
        }
        let read = |attribute, text: &Option<String>| {
            text.as_deref().map_or(Ok(std::time::Duration::ZERO), |text| duration(attribute, text))
        };
        Ok([
            read("create_duration", &self.create_duration)?,
            read("destroy_duration", &self.destroy_duration)?,
        ])
    }
}

impl Kept for Sleep {
    async fn make(planned: Sleep) -> Result<Sleep, Error> {
        let [create, _] = planned.check()?;
        tokio::time::sleep(create).await;
        Ok(Sleep { id: Some(Instant::now().rfc3339()), ..planned })
    }
    async fn change(_: Sleep, planned: Sleep) -> Result<Sleep, Error> {
        planned.check()?;
        Ok(planned)
    }
    async fn leave(self) {
        if let Ok([_, destroy]) = self.check() {
            tokio::time::sleep(destroy).await;
        }
    }
    fn of_import(id: &str) -> Result<Sleep, Error> {
        let Some((create, destroy)) = id.split_once(',') else {
            return Err(wrong_import("time_sleep", "CREATE_DURATION,DESTROY_DURATION"));
        };
        let said = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let sleep = Sleep {
            create_duration: said(create),
            destroy_duration: said(destroy),
            id: Some(Instant::now().rfc3339()),
            ..Sleep::default()
        };
        sleep.check()?;
        Ok(sleep)
    }
}

kept!(Sleep);
