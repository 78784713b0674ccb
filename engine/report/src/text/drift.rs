//! Drift as text: object, attribute, recorded value, live value.

use std::collections::BTreeMap;

use pilotis_plan::{Drift, Plan};

use super::lines::{Lines, Sign};
use super::literal;
use super::run::prose;
use super::style::{Role, Style, clean, columns, count, shorten};
use crate::drift::{Finding, findings};

/// Attributes of one object that its line in a plan names.
const BRIEF: usize = 3;

/// A drift report for a person. It says also what was not looked at: silence is not the same as "in sync".
pub fn drift(plan: &Plan, style: &Style) -> String {
    let mut lines = Lines::new(style);
    lines.line(0, Sign::None, &style.paint(Role::Strong, &verdict(plan)));
    if !plan.unseen.is_empty() {
        lines.gap();
        let head = style.paint(Role::Alarm, "Not looked at, so nothing is known of them:");
        lines.line(0, Sign::None, &head);
        unseen(&mut lines, plan);
    }
    for drift in &plan.drift {
        lines.gap();
        let name = style.paint(Role::Strong, &clean(&drift.display)).into_owned();
        if drift.after.is_null() {
            lines.line(4, Sign::Remove, &format!("{name} is gone"));
            continue;
        }
        lines.line(4, Sign::Change, &name);
        table(&mut lines, &findings(drift));
    }
    lines.finish()
}

/// What could not be looked at, by reason: one lost right is told once, not for each of a thousand objects.
pub(crate) fn unseen(lines: &mut Lines<'_>, plan: &Plan) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unseen in &plan.unseen {
        by_reason.entry(&unseen.why).or_default().push(&unseen.display);
    }
    for (why, objects) in by_reason {
        for object in &objects {
            lines.line(4, Sign::None, &clean(object));
        }
        prose(lines, 8, why);
    }
}

fn verdict(plan: &Plan) -> String {
    let gone = plan.drift.iter().filter(|d| d.after.is_null()).count();
    let changed = plan.drift.len() - gone;
    let mut parts = Vec::new();
    if changed > 0 {
        parts.push(count(
            changed,
            "object differs from what is recorded",
            "objects differ from what is recorded",
        ));
    }
    if gone > 0 {
        parts.push(count(gone, "object is gone", "objects are gone"));
    }
    let unseen = plan.unseen.len();
    let looked = count(unseen, "object could not be looked at", "objects could not be looked at");
    match (parts.is_empty(), unseen) {
        (true, 0) => "No drift. All objects are as recorded.".to_owned(),
        (true, _) => format!("No drift found, but {looked}."),
        (false, 0) => format!("Drift: {}.", parts.join(", ")),
        (false, _) => format!("Drift: {}; {looked}.", parts.join(", ")),
    }
}

fn table(lines: &mut Lines<'_>, findings: &[Finding]) {
    let cells: Vec<[String; 3]> =
        findings.iter().map(|f| [clean(&f.attribute).into_owned(), f.recorded(), f.live()]).collect();
    let heads = ["attribute", "recorded", "live"];
    let room = lines.style.width.saturating_sub(6 + 2 * 3) / 3;
    let mut widths = [0; 3];
    for (i, head) in heads.iter().enumerate() {
        let longest = cells.iter().map(|row| columns(&row[i])).max().unwrap_or(0);
        widths[i] = longest.max(head.len());
    }
    // The last two columns share what the first leaves; a narrow one gives its room to the other.
    let left = lines.style.width.saturating_sub(6 + 4 + widths[0]).max(2 * room.min(20));
    if widths[1] + widths[2] > left {
        let half = left / 2;
        widths[1] = widths[1].min(half.max(left.saturating_sub(widths[2])));
        widths[2] = widths[2].min(left - widths[1]);
    }
    let row = |cells: [&str; 3]| {
        let cell = |i: usize| {
            let text = shorten(cells[i], widths[i]).into_owned();
            let pad = " ".repeat(widths[i].saturating_sub(columns(&text)));
            text + &pad
        };
        format!("{}  {}  {}", cell(0), cell(1), cell(2)).trim_end().to_owned()
    };
    lines.faint(6, &row(heads));
    for [attribute, recorded, live] in &cells {
        lines.line(6, Sign::None, &row([attribute, recorded, live]));
    }
}

/// One line of one drifted object, as a plan shows it.
pub(crate) fn brief(lines: &mut Lines<'_>, drift: &Drift) {
    let sign = if drift.after.is_null() { Sign::Remove } else { Sign::Change };
    lines.line(4, sign, &summary(drift));
}

/// What that line says.
pub(crate) fn summary(drift: &Drift) -> String {
    let name = clean(&drift.display);
    if drift.after.is_null() {
        return format!("{name}: is gone");
    }
    let findings = findings(drift);
    let mut parts: Vec<String> = findings
        .iter()
        .take(BRIEF)
        .map(|f| {
            format!("{} {} -> {}", clean(&f.attribute), shorten(&f.recorded(), 30), shorten(&f.live(), 30))
        })
        .collect();
    if findings.len() > BRIEF {
        parts.push(format!("{} more", findings.len() - BRIEF));
    }
    format!("{name}: {}", parts.join(", "))
}

impl Finding {
    /// The recorded value on one line; nothing if there was none.
    fn recorded(&self) -> String {
        self.before.as_ref().map(literal::one_line).unwrap_or_else(|| "null".to_owned())
    }

    /// The live value on one line; nothing if there is none.
    fn live(&self) -> String {
        self.after.as_ref().map(literal::one_line).unwrap_or_else(|| "null".to_owned())
    }
}
