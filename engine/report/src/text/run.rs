//! A run as text: done, failed, not attempted and because of what, unknown.

use std::collections::BTreeMap;

use pilotis_plan::{Applied, ObjectOutcome, ObjectResult};
use pilotis_state::RunStatus;

use super::lines::{Lines, Sign};
use super::plan::sign;
use super::style::{Role, Style, clean, count, wrap};
use crate::counts::Totals;

/// What a run did, for a person. What was done is said in numbers, everything else by name. `destroy`: it was to remove everything.
pub fn run(applied: &Applied, destroy: bool, style: &Style) -> String {
    let mut lines = Lines::new(style);
    let complete = Totals::of(applied).is_complete() && applied.state_broken.is_none();
    let role = if complete { Role::Add } else { Role::Alarm };
    lines.line(0, Sign::None, &style.paint(role, &run_verdict(applied, destroy)));
    if let Some(why) = &applied.state_broken {
        lines.gap();
        let text =
            style.paint(Role::Alarm, "The state could not be written: not all of what was done is recorded.");
        lines.line(0, Sign::None, &text);
        prose(&mut lines, 4, why);
    }
    section(&mut lines, "Failed:", applied, |r| match r {
        ObjectResult::Failed(why) => Some(why),
        _ => None,
    });
    not_attempted(&mut lines, applied);
    let unknown = "Unknown (sent, and no answer came; the next run finds out what became of it):";
    section(&mut lines, unknown, applied, |r| match r {
        ObjectResult::Unknown(why) => Some(why),
        _ => None,
    });
    if !complete && applied.state_broken.is_none() {
        lines.gap();
        lines.line(0, Sign::None, "What was done is recorded. Run apply again to go on from there.");
    }
    lines.finish()
}

/// The one sentence that says what a run did.
pub fn run_verdict(applied: &Applied, destroy: bool) -> String {
    let verb = if destroy { "Destroy" } else { "Apply" };
    let totals = Totals::of(applied);
    let mut resources = if destroy && totals.added + totals.changed == 0 {
        format!("{} destroyed", totals.destroyed)
    } else {
        format!("{} added, {} changed, {} destroyed", totals.added, totals.changed, totals.destroyed)
    };
    if totals.forgotten > 0 {
        resources += &format!(", {} forgotten", totals.forgotten);
    }
    let broken = applied.state_broken.is_some();
    if totals.is_complete() && !broken && applied.status != RunStatus::Interrupted {
        return format!("{verb} complete! Resources: {resources}.");
    }
    let numbers =
        [(totals.failed, "failed"), (totals.unknown, "unknown"), (totals.not_attempted, "not attempted")];
    let open: Vec<String> =
        numbers.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let state = if applied.status == RunStatus::Interrupted { "interrupted" } else { "incomplete" };
    let open = if open.is_empty() { String::new() } else { format!(" {}.", open.join(", ")) };
    format!("{verb} {state}! Resources: {resources}.{open}")
}

fn section(
    lines: &mut Lines<'_>,
    head: &str,
    applied: &Applied,
    reason: impl Fn(&ObjectResult) -> Option<&String>,
) {
    let mut headed = false;
    for object in &applied.objects {
        let Some(why) = reason(&object.result) else { continue };
        if !headed {
            lines.gap();
            let head = lines.style.paint(Role::Strong, head).into_owned();
            lines.line(0, Sign::None, &head);
            headed = true;
        }
        lines.line(6, sign(object.action), &name(object));
        prose(lines, 10, why);
    }
}

fn not_attempted(lines: &mut Lines<'_>, applied: &Applied) {
    let mut by_cause: BTreeMap<&str, Vec<&ObjectOutcome>> = BTreeMap::new();
    for object in &applied.objects {
        if let ObjectResult::NotAttempted(cause) = &object.result {
            by_cause.entry(cause).or_default().push(object);
        }
    }
    for (cause, objects) in by_cause {
        lines.gap();
        let n = count(objects.len(), "object", "objects");
        let head = format!("Not attempted ({n}): {}", clean(cause));
        let head = lines.style.paint(Role::Strong, &head).into_owned();
        lines.line(0, Sign::None, &head);
        for object in objects {
            lines.line(6, sign(object.action), &name(object));
        }
    }
}

pub(crate) fn prose(lines: &mut Lines<'_>, column: usize, text: &str) {
    for line in wrap(text, lines.style.width.saturating_sub(column).max(40)) {
        lines.line(column, Sign::None, &clean(&line));
    }
}

fn name(object: &ObjectOutcome) -> String {
    match &object.deposed {
        None => clean(&object.display).into_owned(),
        Some(key) => format!("{} (deposed object {})", clean(&object.display), clean(key)),
    }
}
