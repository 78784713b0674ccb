//! The changes on the page: groups under their headings, each object with its lines.

use maud::{Markup, html};
use pilotis_plan::{PlanAction, ResourceChange};

use crate::counts::Counts;
use crate::text::parts::{Node, Row, Sign, block_of, headline, remarks, sign};
use crate::text::{Lost, clean};

/// From this heading level on, groups are told by their indentation alone.
const DEEPEST: usize = 6;

/// The changes of a module instance, then those inside it.
pub(super) fn group(node: &Node<'_>, level: usize, lost: Lost<'_>) -> Markup {
    html! {
        @for change in &node.changes { (object(change, lost)) }
        @for child in node.children.values() {
            section class="group" id=(group_anchor(child)) {
                (heading(level, &child.label, &Counts::of_changes(child.all()).short()))
                (group(child, level + 1, lost))
            }
        }
    }
}

fn heading(level: usize, label: &str, counts: &str) -> Markup {
    let text = html! { (clean(label)) ": " (counts) };
    match level.min(DEEPEST) {
        3 => html! { h3 { (text) } },
        4 => html! { h4 { (text) } },
        5 => html! { h5 { (text) } },
        _ => html! { h6 { (text) } },
    }
}

/// One object: what happens to it, why, and its lines.
fn object(change: &ResourceChange, lost: Lost<'_>) -> Markup {
    let (class, word) = action(change);
    let head = html! {
        span class=(format!("act {class}")) { (word) }
        strong { (headline(change)) }
    };
    let remarks = html! {
        @for remark in remarks(change, lost) { p class="remark" { (capital(&remark)) "." } }
    };
    let rows = block_of(change);
    html! {
        @if rows.is_empty() {
            div class="object" id=(anchor(change)) { div class="head" { (head) } (remarks) }
        } @else {
            details class="object" id=(anchor(change)) open {
                summary { (head) }
                (remarks)
                (lines(rows))
            }
        }
    }
}

/// Lines of a difference. Signs are text: nothing is said by colour alone.
pub(super) fn lines(rows: Vec<Row>) -> Markup {
    let indent = rows.iter().map(|r| r.column.saturating_sub(4)).min().unwrap_or(0);
    html! {
        // A box that scrolls must be reachable by keyboard.
        pre class="lines" tabindex="0" {
            @for row in &rows {
                span class=(class_of(row)) {
                    (margin(row, indent)) (row.text)
                    @if !row.note.is_empty() { " " b { (row.note) } }
                    "\n"
                }
            }
        }
    }
}

fn margin(row: &Row, indent: usize) -> String {
    let sign = row.sign.text();
    let column = row.column.saturating_sub(indent);
    if sign.is_empty() {
        return " ".repeat(column);
    }
    format!("{}{sign} ", " ".repeat(column.saturating_sub(sign.len() + 1)))
}

fn class_of(row: &Row) -> &'static str {
    if row.faint { "soft" } else { sign_class(row.sign) }
}

pub(super) fn sign_class(sign: Sign) -> &'static str {
    match sign {
        Sign::None => "",
        Sign::Add => "add",
        Sign::Change => "change",
        Sign::Remove | Sign::DeleteThenCreate | Sign::CreateThenDelete => "remove",
        Sign::Read => "read",
        Sign::Forget => "other",
    }
}

fn action(change: &ResourceChange) -> (&'static str, String) {
    let (class, word) = match change.action {
        PlanAction::NoOp if change.importing.is_some() => ("other", "import"),
        PlanAction::NoOp => ("other", "move"),
        PlanAction::Read => ("read", "read"),
        PlanAction::Create => ("add", "create"),
        PlanAction::Update => ("change", "update"),
        PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => ("replace", "replace"),
        PlanAction::Delete => ("remove", "destroy"),
        PlanAction::Forget => ("other", "forget"),
    };
    (class, format!("{} {word}", sign(change.action).text()).trim_start().to_owned())
}

/// An id for links: letters, digits and dashes only, different for different addresses.
pub(super) fn anchor(change: &ResourceChange) -> String {
    let deposed = change.deposed.as_deref().unwrap_or_default();
    identifier("o", &format!("{}\n{deposed}", change.address))
}

pub(super) fn group_anchor(node: &Node<'_>) -> String {
    identifier("g", &node.label)
}

fn identifier(prefix: &str, text: &str) -> String {
    let mut out = String::from(prefix);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            byte => out.push_str(&format!("-{byte:02x}")),
        }
    }
    out
}

/// A clause as a sentence.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    // An attribute's name stays as it is written.
    match rest.next() {
        Some(first) if !text.split(' ').next().is_some_and(|word| word.contains(['_', '.'])) => {
            first.to_uppercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}
