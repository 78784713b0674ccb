//! Eventual consistency: for a while after a change, a look shows what was before it or what is, by chance.
//!
//! Changes themselves see what is, as those of real services do: what lags is what answers reads and lists.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pilotis_value::Value;

use super::Random;

/// What a service keeps: objects by id, with their type.
pub type Objects = BTreeMap<String, (Arc<str>, Value)>;

/// How late a service is, and what it may still show.
#[derive(Clone, Debug, Default)]
pub struct Late {
    /// Longest time that a change stays out of sight.
    pub lag: Duration,
    pub random: Random,
    past: Vec<Past>,
}

#[derive(Clone, Debug)]
struct Past {
    id: String,
    /// None: there was none.
    was: Option<(Arc<str>, Value)>,
    until: i64,
}

impl Late {
    /// An object is about to change.
    pub fn changes(&mut self, id: &str, was: Option<(Arc<str>, Value)>, now: i64) {
        let lag = self.lag.as_millis() as usize;
        if lag > 0 {
            let until = now + 1 + self.random.below(lag) as i64;
            self.past.push(Past { id: id.to_owned(), was, until });
        }
    }

    /// What a look shows.
    pub fn view<'a>(&mut self, objects: &'a Objects, now: i64) -> Cow<'a, Objects> {
        self.past.retain(|past| past.until > now);
        let mut view = Cow::Borrowed(objects);
        // The oldest last: it is what is shown if it is shown at all.
        for past in self.past.iter().rev() {
            if self.random.chance(70) {
                match &past.was {
                    Some(object) => view.to_mut().insert(past.id.clone(), object.clone()),
                    None => view.to_mut().remove(&past.id),
                };
            }
        }
        view
    }
}
