//! The page from its verdict to its footer; the changes one by one are in `changes`.

use std::collections::BTreeMap;

use maud::{Markup, html};
use pilotis_plan::{CheckStatus, CheckedInstance, Drift, Plan};

use super::About;
use super::changes::{self, lines, sign_class};
use crate::counts::Counts;
use crate::text::parts::{Lines, Node, Sign, brief, counted, difference_of_output, is_shown, what_goes};
use crate::text::{Lost, Style, clean, verdict};

/// What is in the body.
pub(super) fn page(plan: &Plan, about: &About<'_>, lost: Lost<'_>) -> Markup {
    let counts = Counts::of(plan);
    let node = Node::of(plan.changes.iter().filter(|c| is_shown(c)));
    html! {
        a class="skip" href="#changes" { "Skip to the changes" }
        header {
            p class="soft" { "Plan of " (clean(about.title)) }
            h1 { (verdict(plan, &counts)) }
            (made(about))
        }
        main {
            (numbers(&counts))
            (notes(plan, &counts))
            (unseen(plan))
            (failed_checks(plan))
            (going(plan, lost))
            @if !node.children.is_empty() { (contents(&node)) }
            section id="changes" aria-labelledby="changes-title" {
                h2 id="changes-title" { "Changes" }
                @if plan.changes.iter().any(is_shown) {
                    (changes::group(&node, 3, lost))
                } @else {
                    p { "No object changes." }
                }
            }
            (outputs(plan))
            (outside(plan))
        }
        footer {
            @if !plan.digest.is_empty() { p { "Digest: " code { (plan.digest) } } }
            @if plan.calls.0 > 0 {
                p { "Looked at the services with " (plan.calls.0) " read calls and no write call." }
            }
            p { "Sensitive values are not in this page." }
        }
    }
}

fn made(about: &About<'_>) -> Markup {
    let timestamp = clean(about.timestamp);
    html! {
        p class="soft" {
            "Made by Pilotis " (clean(about.version))
            @if !timestamp.is_empty() { " at " time datetime=(timestamp) { (timestamp) } }
            "."
        }
    }
}

/// The verdict's numbers, each in the colour that it has below.
fn numbers(counts: &Counts) -> Markup {
    let all = [
        (counts.import, "to import", "other"),
        (counts.add.saturating_sub(counts.replace), "to add", "add"),
        (counts.change, "to change", "change"),
        (counts.replace, "to replace", "replace"),
        (counts.destroy.saturating_sub(counts.replace), "to destroy", "remove"),
        (counts.forget, "to forget", "other"),
        (counts.moved, "to move", "other"),
        (counts.read, "to read", "read"),
        (counts.outputs, "to change in the outputs", "other"),
    ];
    html! {
        @if all.iter().any(|(n, ..)| *n > 0) {
            ul class="counts" aria-label="In numbers" {
                @for (n, what, class) in all.iter().filter(|(n, ..)| *n > 0) {
                    li class=(class) { (n) " " (what) }
                }
            }
        }
    }
}

fn notes(plan: &Plan, counts: &Counts) -> Markup {
    html! {
        @if plan.partial { p { "Narrowed by -target: not everything was planned." } }
        @if counts.outputs > 0 && !counts.touches_objects() {
            p { "Applying saves the new values of outputs, without changing any object." }
        }
    }
}

fn unseen(plan: &Plan) -> Markup {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unseen in &plan.unseen {
        by_reason.entry(&unseen.why).or_default().push(&unseen.display);
    }
    let n = counted(plan.unseen.len(), "object could not be looked at", "objects could not be looked at");
    html! {
        @if !plan.unseen.is_empty() {
            section class="alarm" aria-labelledby="unseen-title" {
                h2 id="unseen-title" { "Incomplete: " (n) }
                p { "What happened to them is not known." }
                @for (why, objects) in by_reason {
                    ul { @for object in objects { li { code { (clean(object)) } } } }
                    @for line in why.lines() { p { (clean(line)) } }
                }
            }
        }
    }
}

/// Conditions that don't hold, or could not be evaluated.
fn failed_checks(plan: &Plan) -> Markup {
    let failed: Vec<&CheckedInstance> = plan
        .checks
        .iter()
        .flat_map(|block| &block.instances)
        .filter(|i| matches!(i.status, CheckStatus::Fail | CheckStatus::Error))
        .collect();
    html! {
        @if !failed.is_empty() {
            section class="alarm" aria-labelledby="checks-title" {
                h2 id="checks-title" { (counted(failed.len(), "check fails", "checks fail")) }
                ul {
                    @for check in failed {
                        li {
                            code { (clean(&check.address)) }
                            @for problem in &check.problems { ": " (clean(problem)) }
                        }
                    }
                }
            }
        }
    }
}

/// What is destroyed or replaced, before anything else.
fn going(plan: &Plan, lost: Lost<'_>) -> Markup {
    let going = what_goes(plan, lost);
    html! {
        @if !going.is_empty() {
            section class="alarm" aria-labelledby="going-title" {
                h2 id="going-title" { (counted(going.len(), "object", "objects")) " will be destroyed" }
                ul {
                    @for (change, text) in going {
                        li { a href=(format!("#{}", changes::anchor(change))) { (text) } }
                    }
                }
            }
        }
    }
}

/// Links to the groups of the first two levels.
fn contents(node: &Node<'_>) -> Markup {
    html! {
        nav aria-labelledby="contents-title" {
            h2 id="contents-title" { "Where" }
            (links(node, 2))
        }
    }
}

fn links(node: &Node<'_>, levels: usize) -> Markup {
    html! {
        ul {
            @for child in node.children.values() {
                li {
                    a href=(format!("#{}", changes::group_anchor(child))) { (clean(&child.label)) }
                    ": " (Counts::of_changes(child.all()).short())
                    @if levels > 1 && !child.children.is_empty() { (links(child, levels - 1)) }
                }
            }
        }
    }
}

fn outputs(plan: &Plan) -> Markup {
    let changed: Vec<_> = plan.outputs.iter().filter(|o| o.before != o.after).collect();
    let style = Style::default();
    let mut rows = Lines::new(&style);
    let width = changed.iter().map(|o| o.name.len()).max().unwrap_or(0);
    for output in &changed {
        difference_of_output(&mut rows, output, width);
    }
    html! {
        @if !changed.is_empty() {
            section aria-labelledby="outputs-title" {
                h2 id="outputs-title" { "Changes to outputs" }
                div class="object" { (lines(rows.into_rows())) }
            }
        }
    }
}

fn outside(plan: &Plan) -> Markup {
    html! {
        @if !plan.drift.is_empty() {
            section aria-labelledby="outside-title" {
                h2 id="outside-title" {
                    (counted(plan.drift.len(), "object has", "objects have")) " changed outside of Pilotis"
                }
                ul { @for drift in &plan.drift { li { (drifted(drift)) } } }
            }
        }
    }
}

fn drifted(drift: &Drift) -> Markup {
    let gone = drift.after.is_null();
    let (sign, word) = if gone { (Sign::Remove, "gone") } else { (Sign::Change, "changed") };
    html! { span class=(format!("act {}", sign_class(sign))) { (word) } " " (brief(drift)) }
}
