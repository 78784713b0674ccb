//! The clock: read here and by drivers only.

use pilotis_state::Timestamp;

/// Now.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Now, as the event stream writes it.
pub(crate) fn rfc3339_now() -> String {
    rfc3339(now())
}

/// A time as people and programs read it, in UTC, to the second.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
