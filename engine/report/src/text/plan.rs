//! A plan as text: the verdict first, then what goes, then everything in full, under the project that it belongs to.

use pilotis_plan::{OutputChange, Plan, PlanAction, Reason, ResourceChange};
use pilotis_schema::address::{Instance, Key};

use super::difference::Difference;
use super::drift;
use super::lines::{Lines, Sign};
use super::literal::quote;
use super::style::{Role, Style, clean, count, wrap};
use super::tree::{Node, own_name, prefix};
use crate::counts::Counts;

/// What is lost with an object of a resource type, as a clause (`its issues, merge requests and pipelines`); none if nothing is known of that.
pub type Lost<'a> = &'a dyn Fn(&str) -> Option<String>;

/// From this many lines on the verdict is said again at the end.
const LONG: usize = 40;

/// A plan for a person.
pub fn plan(plan: &Plan, style: &Style, lost: Lost<'_>) -> String {
    let mut lines = Lines::new(style);
    let counts = Counts::of(plan);
    let verdict = verdict(plan, &counts);
    lines.line(0, Sign::None, &style.paint(Role::Strong, &verdict));
    notes(&mut lines, plan, &counts);
    going(&mut lines, plan, lost);
    legend(&mut lines, plan);
    let node = Node::of(plan.changes.iter().filter(|c| is_shown(c)));
    changes(&mut lines, &node, 0, lost);
    outputs(&mut lines, plan);
    outside(&mut lines, plan);
    if !plan.digest.is_empty() && !counts.is_empty() {
        lines.gap();
        lines.faint(0, &format!("Digest: {}", plan.digest));
    }
    let mut text = lines.finish();
    if text.lines().count() > LONG && !counts.is_empty() {
        text.push_str(&format!("{}\n", style.paint(Role::Strong, &verdict)));
    }
    text
}

/// The one sentence that says what the plan would do.
pub fn verdict(plan: &Plan, counts: &Counts) -> String {
    if counts.touches_objects() {
        return format!("Plan: {}.", counts.sentence());
    }
    match (counts.moved, counts.outputs) {
        (0, 0) if !plan.unseen.is_empty() => {
            "No changes found, but not everything could be looked at.".to_owned()
        }
        (0, 0) => "No changes. Your infrastructure matches the configuration.".to_owned(),
        (0, n) => format!("Plan: {}, no objects touched.", count(n, "output to change", "outputs to change")),
        (n, _) => format!("Plan: {}, no objects touched.", count(n, "address to move", "addresses to move")),
    }
}

fn notes(lines: &mut Lines<'_>, plan: &Plan, counts: &Counts) {
    if plan.partial {
        lines.line(0, Sign::None, "Narrowed by -target: not everything was planned.");
    }
    if counts.outputs > 0 && !counts.touches_objects() {
        lines.line(0, Sign::None, "Applying saves the new values of outputs, without changing any object.");
    }
    if !plan.unseen.is_empty() {
        let n = count(plan.unseen.len(), "object could not be looked at", "objects could not be looked at");
        lines.gap();
        let text = lines
            .style
            .paint(Role::Alarm, &format!("Incomplete: {n}; what happened to them is not known."))
            .into_owned();
        lines.line(0, Sign::None, &text);
        super::drift::unseen(lines, plan);
    }
}

/// What is destroyed or replaced, before anything else.
fn going(lines: &mut Lines<'_>, plan: &Plan, lost: Lost<'_>) {
    let going = what_goes(plan, lost);
    if going.is_empty() {
        return;
    }
    lines.gap();
    let head = format!("{} will be destroyed:", count(going.len(), "object", "objects"));
    let head = lines.style.paint(Role::Alarm, &head).into_owned();
    lines.line(0, Sign::None, &head);
    for (change, text) in going {
        lines.line(4, sign(change.action), &text);
    }
}

/// What is destroyed or replaced, each with what is lost with it.
pub(crate) fn what_goes<'a>(plan: &'a Plan, lost: Lost<'_>) -> Vec<(&'a ResourceChange, String)> {
    let going = plan.changes.iter().filter(|c| is_shown(c) && destroys(c.action));
    let text = |change: &ResourceChange| {
        let mut text = name(change);
        if change.action != PlanAction::Delete {
            text += ", and made again";
        }
        if let Some(lost) = lost(&change.address.resource.type_name) {
            text += &format!("; lost with it: {lost}");
        }
        text
    };
    going.map(|change| (change, text(change))).collect()
}

fn legend(lines: &mut Lines<'_>, plan: &Plan) {
    let all = [
        (Sign::Add, "create"),
        (Sign::Change, "update in-place"),
        (Sign::DeleteThenCreate, "destroy and then create replacement"),
        (Sign::CreateThenDelete, "create replacement and then destroy"),
        (Sign::Remove, "destroy"),
        (Sign::Read, "read (data resources)"),
        (Sign::Forget, "forget, and leave as it is"),
    ];
    let used: Vec<_> = all
        .into_iter()
        .filter(|(s, _)| plan.changes.iter().any(|c| is_shown(c) && sign(c.action) == *s))
        .collect();
    if used.is_empty() {
        return;
    }
    lines.gap();
    lines.line(0, Sign::None, "Actions are shown with these signs:");
    for (sign, text) in used {
        lines.line(4, sign, text);
    }
    // Programs that read plans as text begin at this sentence.
    lines.gap();
    lines.line(0, Sign::None, "Pilotis will perform the following actions:");
}

fn changes(lines: &mut Lines<'_>, node: &Node<'_>, depth: usize, lost: Lost<'_>) {
    lines.base = depth * 2;
    for change in &node.changes {
        lines.gap();
        one(lines, change, lost);
    }
    for child in node.children.values() {
        lines.gap();
        let counts = Counts::of_changes(child.all()).short();
        let label = lines.style.paint(Role::Strong, &clean(&child.label)).into_owned();
        lines.line(0, Sign::None, &format!("{label}: {counts}"));
        changes(lines, child, depth + 1, lost);
        lines.base = depth * 2;
    }
    lines.base = 0;
}

/// One change in full.
fn one(lines: &mut Lines<'_>, change: &ResourceChange, lost: Lost<'_>) {
    let head = lines.style.paint(Role::Strong, &format!("# {}", headline(change))).into_owned();
    lines.line(2, Sign::None, &head);
    let width = lines.style.width.saturating_sub(6 + lines.base).max(40);
    for note in remarks(change, lost) {
        for line in wrap(&format!("({note})"), width) {
            lines.faint(2, &format!("# {line}"));
        }
    }
    block(lines, change);
}

/// Its attributes, as a block of the configuration.
pub(crate) fn block(lines: &mut Lines<'_>, change: &ResourceChange) {
    let plain_move = change.action == PlanAction::NoOp || change.action == PlanAction::Forget;
    if plain_move && !lines.style.show_unchanged {
        return;
    }
    let resource = &change.address.resource;
    let kind = resource.mode.keyword();
    let head = format!("{kind} {} {}", quote(&resource.type_name), quote(&resource.name));
    Difference::new(lines, &change.replace_paths).object(
        4,
        sign(change.action),
        &head,
        &change.before,
        &change.after,
    );
}

/// What happens to it, in Terraform's words.
pub(crate) fn headline(change: &ResourceChange) -> String {
    let name = name(change);
    match (change.action, change.reason) {
        (PlanAction::NoOp, _) if change.importing.is_some() => format!("{name} will be imported"),
        (PlanAction::NoOp, _) => match &change.moved_from {
            Some(from) => format!("{} has moved to {name}", old_name(change, from)),
            None => format!("{name} stays as it is"),
        },
        (PlanAction::Read, _) => format!("{name} will be read during apply"),
        (PlanAction::Create, _) => format!("{name} will be created"),
        (PlanAction::Update, _) => format!("{name} will be updated in-place"),
        (PlanAction::Delete, _) => format!("{name} will be destroyed"),
        (PlanAction::Forget, _) => {
            format!("{name} will no longer be managed by Pilotis, but will not be destroyed")
        }
        (_, Some(Reason::Tainted)) => format!("{name} is tainted, so must be replaced"),
        (_, Some(Reason::Requested)) => format!("{name} will be replaced, as requested"),
        (_, Some(Reason::Triggers)) => {
            format!("{name} will be replaced due to changes in replace_triggered_by")
        }
        (PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete, _) => {
            format!("{name} must be replaced")
        }
    }
}

/// Why, and what else there is to know.
pub(crate) fn remarks(change: &ResourceChange, lost: Lost<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let prefix = prefix(change);
    let block = prefix.clone() + &own_name(&Instance { key: None, ..change.address.clone() });
    let reason = match change.reason {
        Some(Reason::NoResourceConfig) => Some(format!("because {} is not in configuration", clean(&block))),
        Some(Reason::NoModule) => {
            Some(format!("because {} is not in configuration", clean(prefix.trim_end_matches('.'))))
        }
        Some(Reason::WrongRepetition) => Some(match change.address.key {
            None => "because resource uses count or for_each".to_owned(),
            Some(Key::Int(_)) => "because resource does not use count".to_owned(),
            Some(Key::String(_)) => "because resource does not use for_each".to_owned(),
        }),
        Some(Reason::CountIndex) => Some(format!("because index {} is out of range for count", key(change))),
        Some(Reason::EachKey) => Some(format!("because key {} is not in for_each map", key(change))),
        Some(Reason::ConfigUnknown) => Some("config refers to values not yet known".to_owned()),
        Some(Reason::CheckNested) => Some("read again for its check when all else is done".to_owned()),
        Some(Reason::DependencyPending) => {
            Some("depends on a resource or a module with changes pending".to_owned())
        }
        Some(Reason::CannotUpdate | Reason::Tainted | Reason::Requested | Reason::Triggers) | None => None,
    };
    notes.extend(reason);
    if change.deposed.is_some() {
        notes.push("left over from a partially-failed replacement of this instance".to_owned());
    }
    if let Some(from) = change.moved_from.as_ref().filter(|_| change.action != PlanAction::NoOp) {
        notes.push(format!("moved from {}", old_name(change, from)));
    }
    if let Some(id) = &change.importing {
        notes.push(format!("imported from {}", quote(id)));
    }
    if destroys(change.action) && change.action != PlanAction::Delete {
        notes.push(replacement(change, lost));
    }
    notes
}

/// Which attribute it is, and what goes with the old object.
fn replacement(change: &ResourceChange, lost: Lost<'_>) -> String {
    let mut paths: Vec<String> = change
        .replace_paths
        .iter()
        .map(|p| clean(p.to_string().trim_start_matches('.')).into_owned())
        .collect();
    paths.sort();
    paths.dedup();
    let lost = lost(&change.address.resource.type_name)
        .unwrap_or_else(|| "all that it holds and that is not described here".to_owned());
    let goes = format!("the old object goes, and with it {lost}");
    match paths.as_slice() {
        [] => goes,
        [one] => format!("{one} cannot be changed in place: {goes}"),
        many => format!("{} cannot be changed in place: {goes}", many.join(", ")),
    }
}

fn outputs(lines: &mut Lines<'_>, plan: &Plan) {
    let changed: Vec<_> = plan.outputs.iter().filter(|o| o.before != o.after).collect();
    if changed.is_empty() {
        return;
    }
    lines.gap();
    let head = lines.style.paint(Role::Strong, "Changes to Outputs:").into_owned();
    lines.line(0, Sign::None, &head);
    let width = changed.iter().map(|o| o.name.len()).max().unwrap_or(0);
    for output in changed {
        difference_of_output(lines, output, width);
    }
}

/// What changes of one output, its name in a column of that width.
pub(crate) fn difference_of_output(lines: &mut Lines<'_>, output: &OutputChange, width: usize) {
    let guard = |v: &Option<pilotis_value::Value>| v.clone().map(|v| crate::guarded(v, output.sensitive));
    let (before, after) = (guard(&output.before), guard(&output.after));
    let name = format!("{:width$}", clean(&output.name));
    Difference::new(lines, &[]).named(4, &name, before.as_ref(), after.as_ref());
}

fn outside(lines: &mut Lines<'_>, plan: &Plan) {
    if plan.drift.is_empty() {
        return;
    }
    lines.gap();
    let n = count(plan.drift.len(), "object has", "objects have");
    let head = lines.style.paint(Role::Strong, &format!("{n} changed outside of Pilotis:")).into_owned();
    lines.line(0, Sign::None, &head);
    for drift in &plan.drift {
        drift::brief(lines, drift);
    }
}

/// True if there is something to say of the change.
pub(crate) fn is_shown(change: &ResourceChange) -> bool {
    change.action != PlanAction::NoOp || change.moved_from.is_some() || change.importing.is_some()
}

fn destroys(action: PlanAction) -> bool {
    matches!(action, PlanAction::Delete | PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete)
}

pub(crate) fn sign(action: PlanAction) -> Sign {
    match action {
        PlanAction::NoOp => Sign::None,
        PlanAction::Read => Sign::Read,
        PlanAction::Create => Sign::Add,
        PlanAction::Update => Sign::Change,
        PlanAction::DeleteThenCreate => Sign::DeleteThenCreate,
        PlanAction::CreateThenDelete => Sign::CreateThenDelete,
        PlanAction::Delete => Sign::Remove,
        PlanAction::Forget => Sign::Forget,
    }
}

fn name(change: &ResourceChange) -> String {
    let name = clean(&change.display).into_owned();
    match &change.deposed {
        Some(key) => format!("{name} (deposed object {})", clean(key)),
        None => name,
    }
}

/// Where it was before, in the same form as its name if it moved inside its module.
fn old_name(change: &ResourceChange, from: &Instance) -> String {
    let text = if from.resource.module == change.address.resource.module {
        prefix(change) + &own_name(from)
    } else {
        from.to_string()
    };
    clean(&text).into_owned()
}

fn key(change: &ResourceChange) -> String {
    change.address.key.as_ref().map(|k| clean(&k.to_string()).into_owned()).unwrap_or_default()
}
