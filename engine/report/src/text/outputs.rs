//! Outputs and stored objects as text.

use pilotis_value::Value;

use super::difference::Difference;
use super::lines::{Lines, Sign};
use super::literal::{key, quote};
use super::style::{Role, Style, clean};
use crate::state::StateObject;

/// `name = value` for each output. A sensitive one says only that it is.
pub fn outputs<'a>(outputs: impl IntoIterator<Item = (&'a str, &'a Value, bool)>, style: &Style) -> String {
    let mut lines = Lines::new(style);
    for (name, value, sensitive) in outputs {
        let value = crate::guarded(value.clone(), sensitive);
        Difference::new(&mut lines, &[]).plain(0, &format!("{} = ", key(name, false)), &value);
    }
    lines.finish()
}

/// A stored object, as `state show` has it.
pub fn state_object(object: &StateObject<'_>, style: &Style) -> String {
    let mut lines = Lines::new(style);
    let mut notes = String::new();
    if let Some(key) = &object.record.key.deposed {
        notes += &format!(" (deposed object {})", clean(key));
    }
    if object.record.status == pilotis_state::Status::Tainted {
        notes += " (tainted)";
    }
    if object.record.protected {
        notes += " (protected)";
    }
    let head = style.paint(Role::Strong, &format!("# {}:{notes}", clean(&object.display))).into_owned();
    lines.line(0, Sign::None, &head);
    let resource = &object.address.resource;
    let kind = resource.mode.keyword();
    let head = format!("{kind} {} {}", quote(&resource.type_name), quote(&resource.name));
    Difference::new(&mut lines, &[]).object(0, Sign::None, &head, &object.value, &object.value);
    lines.finish()
}

/// One line of `state list`.
pub fn state_list_entry(object: &StateObject<'_>) -> String {
    match &object.record.key.deposed {
        None => clean(&object.display).into_owned(),
        Some(key) => format!("{} (deposed object {})", clean(&object.display), clean(key)),
    }
}
