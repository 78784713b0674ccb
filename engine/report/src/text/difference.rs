//! What changes inside an object, attribute by attribute.

use std::collections::BTreeSet;

use ecow::EcoString;
use pilotis_value::{Kind, Path, Step, Value, json};
use similar::{ChangeTag, TextDiff};

use super::lines::{Lines, Sign};
use super::literal::{self, SENSITIVE, UNKNOWN, hidden, is_block, is_multi_line, scalar};
use super::pairing::{Pair, pair};
use super::style::{clean, columns};
use crate::veiled;

/// Unchanged attributes that are shown all the same, so that one knows which object it is.
const ORIENTATION: &[&str] = &["id", "name"];

/// Unchanged lines that are shown around a changed one of a text.
const CONTEXT: usize = 2;

/// From this many on, attributes of a new object that are known after apply are counted, not listed.
const FOLDED: usize = 3;

/// Writes differences into lines.
pub(crate) struct Difference<'a, 'b> {
    pub(crate) lines: &'a mut Lines<'b>,
    /// What forces a replacement.
    pub(crate) replace: &'a [Path],
    /// A null is something, and a JSON text a text: inside a JSON text, and for values that stand alone.
    literal: bool,
}

/// Where something is written, and what stands around it.
#[derive(Clone, Copy)]
struct Place<'a> {
    column: usize,
    /// `name = `
    lead: &'a str,
    /// `,` after an element.
    close: &'a str,
    path: &'a Path,
}

impl<'a, 'b> Difference<'a, 'b> {
    pub(crate) fn new(lines: &'a mut Lines<'b>, replace: &'a [Path]) -> Difference<'a, 'b> {
        Difference { lines, replace, literal: false }
    }

    /// The attributes of an object, with braces around: of a resource.
    pub(crate) fn object(&mut self, column: usize, sign: Sign, head: &str, before: &Value, after: &Value) {
        self.lines.line(column, sign, &format!("{head} {{"));
        let path = Path::default();
        match (before.is_null(), after.is_null()) {
            (false, false) if before == after => self.contents(column + 4, Sign::None, after),
            (true, false) if hidden(after).is_none() && after.is_known() => {
                self.contents(column + 4, Sign::Add, after)
            }
            (false, true) if hidden(before).is_none() => self.removed_contents(column + 4, before),
            _ => self.entries(column + 4, before, after, &path),
        }
        self.lines.line(column, Sign::None, "}");
    }

    /// One named value, as an output is.
    pub(crate) fn named(&mut self, column: usize, name: &str, before: Option<&Value>, after: Option<&Value>) {
        let path = Path::default();
        let lead = format!("{name} = ");
        self.value(Place { column, lead: &lead, close: "", path: &path }, before, after, true);
    }

    /// A value as it is, without a sign.
    pub(crate) fn plain(&mut self, column: usize, lead: &str, value: &Value) {
        let path = Path::default();
        self.literal = true;
        self.whole(Place { column, lead, close: "", path: &path }, Sign::None, value, "");
        self.literal = false;
    }

    fn value(&mut self, at: Place<'_>, before: Option<&Value>, after: Option<&Value>, is_attribute: bool) {
        let literal = self.literal;
        let there = |v: &&Value| literal || !v.is_null();
        match (before.filter(there), after.filter(there)) {
            (None, None) => {}
            (None, Some(after)) => self.whole(at, Sign::Add, after, at.close),
            (Some(before), None) if is_attribute && !literal => {
                self.whole(at, Sign::Remove, before, &format!(" -> null{}", at.close))
            }
            (Some(before), None) => self.whole(at, Sign::Remove, before, at.close),
            (Some(before), Some(after)) => self.changed(at, before, after),
        }
    }

    /// A value that is all new or all gone.
    fn whole(&mut self, at: Place<'_>, sign: Sign, value: &Value, close: &str) {
        let Place { column, lead, path, .. } = at;
        let why = self.forces(path, true);
        if let Some(text) = hidden(value) {
            return self.lines.noted(column, sign, &format!("{lead}{text}{close}"), why);
        }
        if let Some(inner) = self.as_json(value) {
            self.lines.noted(column, sign, &format!("{lead}jsonencode("), why);
            let inside = Place { column: column + 4, lead: "", close: "", path };
            self.within_json(|this| this.whole(inside, sign, &inner, ""));
            return self.lines.line(column, Sign::None, &format!("){close}"));
        }
        match value.kind() {
            Kind::String(text) if is_multi_line(text) => {
                self.lines.noted(column, sign, &format!("{lead}<<-EOT"), why);
                for line in text.lines() {
                    self.lines.line(column + 4, Sign::None, &clean(line));
                }
                self.lines.line(column, Sign::None, &format!("EOT{close}"));
            }
            _ if is_block(value) => {
                let (open, end) = if value.as_entries().is_some() { ("{", "}") } else { ("[", "]") };
                self.lines.noted(column, sign, &format!("{lead}{open}"), why);
                self.contents(column + 4, sign, value);
                self.lines.line(column, Sign::None, &format!("{end}{close}"));
            }
            _ => {
                let text = one_line(value);
                self.lines.noted(column, sign, &format!("{lead}{text}{close}"), why);
            }
        }
    }

    /// What is in a list, set, map or object that is all new or all gone.
    fn contents(&mut self, column: usize, sign: Sign, value: &Value) {
        // No reason for a replacement lies in what is shown as a whole.
        let path = Path::default();
        let replace = std::mem::take(&mut self.replace);
        if let Some(entries) = value.as_entries() {
            let quoted = self.quotes_keys(value);
            let mut shown: Vec<_> = entries.iter().filter(|(_, v)| self.literal || !v.is_null()).collect();
            let later = self.fold_later(sign, value, &mut shown);
            let width = width(shown.iter().map(|(name, _)| literal::key(name, quoted)));
            for (name, item) in shown {
                let lead = padded(&literal::key(name, quoted), width);
                self.whole(Place { column, lead: &lead, close: "", path: &path }, sign, item, "");
            }
            if later > 0 {
                self.lines.faint(column, &format!("# ({later} attributes known after apply)"));
            }
        }
        for item in value.as_elements().unwrap_or_default() {
            self.whole(Place { column, lead: "", close: ",", path: &path }, sign, item, ",");
        }
        self.replace = replace;
    }

    /// Takes out of a new object's attributes those that only the service will say, and empty blocks: many lines that tell nothing. How many
    /// are left to say.
    fn fold_later(&self, sign: Sign, object: &Value, shown: &mut Vec<(&EcoString, &Value)>) -> usize {
        let is_object = matches!(object.kind(), Kind::Object(_));
        if sign != Sign::Add || !is_object || self.literal {
            return 0;
        }
        let empty = |v: &Value| matches!(v.kind(), Kind::List(e) if e.items().is_empty());
        shown.retain(|(_, v)| !empty(v));
        let later = shown.iter().filter(|(_, v)| !v.is_known()).count();
        if later < FOLDED {
            return 0;
        }
        shown.retain(|(_, v)| v.is_known());
        later
    }

    /// The attributes of a resource that goes.
    fn removed_contents(&mut self, column: usize, value: &Value) {
        let null = Value::null(value.ty());
        self.entries(column, value, &null, &Path::default());
    }

    fn changed(&mut self, at: Place<'_>, before: &Value, after: &Value) {
        let Place { column, lead, close, path } = at;
        if let Some(text) = hidden(before).or(hidden(after)) {
            let note = marks_only(before, after);
            let why = self.forces(path, true);
            return self.lines.noted(column, Sign::Change, &format!("{lead}{text}{close}{note}"), why);
        }
        if !after.is_known() {
            if is_block(before) || before.as_str().is_some_and(is_multi_line) {
                return self.whole(at, Sign::Remove, before, &format!(" -> {UNKNOWN}{close}"));
            }
            let why = self.forces(path, true);
            let text = one_line(before);
            return self.lines.noted(column, Sign::Change, &format!("{lead}{text} -> {UNKNOWN}{close}"), why);
        }
        if before.as_entries().is_some() && after.as_entries().is_some() {
            let why = self.forces(path, false);
            self.lines.noted(column, Sign::Change, &format!("{lead}{{"), why);
            self.entries(column + 4, before, after, path);
            return self.lines.line(column, Sign::None, &format!("}}{close}"));
        }
        let (before, after) = (&veiled(before, after).0, &veiled(before, after).1);
        if hidden(before).or(hidden(after)).is_some() {
            let why = self.forces(path, true);
            return self.lines.noted(column, Sign::Change, &format!("{lead}{SENSITIVE}{close}"), why);
        }
        match (before.kind(), after.kind()) {
            (Kind::String(old), Kind::String(new)) => self.strings(at, before, after, old, new),
            _ if before.as_elements().is_some() && after.as_elements().is_some() => {
                let why = self.forces(path, false);
                self.lines.noted(column, Sign::Change, &format!("{lead}["), why);
                self.elements(column + 4, before, after, path);
                self.lines.line(column, Sign::None, &format!("]{close}"));
            }
            _ if is_block(before) || is_block(after) => {
                self.whole(at, Sign::Remove, before, close);
                self.whole(at, Sign::Add, after, close);
            }
            _ => self.scalars(at, before, after),
        }
    }

    fn scalars(&mut self, at: Place<'_>, before: &Value, after: &Value) {
        let why = self.forces(at.path, true);
        let (old, new) = (one_line(before), one_line(after));
        self.lines.noted(at.column, Sign::Change, &format!("{}{old} -> {new}{}", at.lead, at.close), why);
    }

    fn strings(&mut self, at: Place<'_>, before: &Value, after: &Value, old: &str, new: &str) {
        if let (Some(old), Some(new)) = (self.as_json(before), self.as_json(after)) {
            let why = self.forces(at.path, true);
            if old == new {
                let text = format!("{}jsonencode(…){} # white space only", at.lead, at.close);
                return self.lines.noted(at.column, Sign::Change, &text, why);
            }
            self.lines.noted(at.column, Sign::Change, &format!("{}jsonencode(", at.lead), why);
            let place = Place { column: at.column + 4, lead: "", close: "", path: at.path };
            let replace = std::mem::take(&mut self.replace);
            self.within_json(|this| this.changed(place, &old, &new));
            self.replace = replace;
            return self.lines.line(at.column, Sign::None, &format!("){}", at.close));
        }
        if !is_multi_line(old) && !is_multi_line(new) {
            return self.scalars(at, before, after);
        }
        let why = self.forces(at.path, true);
        self.lines.noted(at.column, Sign::Change, &format!("{}<<-EOT", at.lead), why);
        self.text(at.column + 4, old, new);
        self.lines.line(at.column, Sign::None, &format!("EOT{}", at.close));
    }

    /// A text, line by line.
    fn text(&mut self, column: usize, old: &str, new: &str) {
        let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let diff = TextDiff::from_slices(&before, &after);
        let mut shown = 0;
        for group in diff.grouped_ops(CONTEXT) {
            let begin = group.first().map_or(0, |op| op.new_range().start);
            self.hidden_lines(column, begin.saturating_sub(shown));
            for op in &group {
                for change in diff.iter_changes(op) {
                    let sign = match change.tag() {
                        ChangeTag::Equal => Sign::None,
                        ChangeTag::Delete => Sign::Remove,
                        ChangeTag::Insert => Sign::Add,
                    };
                    let line = clean(change.value());
                    self.lines.line(column, sign, &line);
                }
                shown = op.new_range().end;
            }
        }
        self.hidden_lines(column, after.len().saturating_sub(shown));
        match (old.ends_with('\n'), new.ends_with('\n')) {
            (true, false) => self.lines.faint(column, "# (the line break at the end goes)"),
            (false, true) => self.lines.faint(column, "# (a line break comes at the end)"),
            _ => {}
        }
    }

    fn hidden_lines(&mut self, column: usize, n: usize) {
        self.folded(column, n, "line", "lines");
    }

    /// The entries of two maps or objects (or of one and nothing).
    fn entries(&mut self, column: usize, before: &Value, after: &Value, path: &Path) {
        let is_map = matches!(before.kind(), Kind::Map(_)) || matches!(after.kind(), Kind::Map(_));
        let quoted = self.quotes_keys(before) || self.quotes_keys(after);
        let names: BTreeSet<&EcoString> =
            [before, after].into_iter().filter_map(Value::as_entries).flat_map(|e| e.keys()).collect();
        let mut folded = 0;
        let mut shown = Vec::new();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            let nothing = |v: Option<&Value>| v.is_none_or(|v| !self.literal && v.is_null());
            if nothing(old) && nothing(new) {
                continue;
            }
            let same = old == new;
            let orients = path.0.is_empty() && !self.literal && ORIENTATION.contains(&name.as_str());
            if same && !orients && !self.lines.style.show_unchanged {
                folded += 1;
            } else {
                shown.push((name, old, new, same));
            }
        }
        let width = width(shown.iter().map(|(name, ..)| literal::key(name, quoted)));
        for (name, old, new, same) in shown {
            let lead = padded(&literal::key(name, quoted), width);
            let path =
                path.child(if is_map { Step::Key(name.clone()) } else { Step::Attribute(name.clone()) });
            let place = Place { column, lead: &lead, close: "", path: &path };
            match old {
                Some(value) if same => self.whole(place, Sign::None, value, ""),
                _ => self.value(place, old, new, true),
            }
        }
        if is_map || self.literal {
            self.folded(column, folded, "element", "elements");
        } else {
            self.folded(column, folded, "attribute", "attributes");
        }
    }

    /// The elements of two lists or sets.
    fn elements(&mut self, column: usize, before: &Value, after: &Value, path: &Path) {
        let (old, new) = (before.as_elements().unwrap_or_default(), after.as_elements().unwrap_or_default());
        let is_set = matches!(after.kind(), Kind::Set(_));
        let mut folded = 0;
        let mut same_only = true;
        for pair in pair(old, new, is_set) {
            let step = |i: usize| if is_set { Step::Element(new[i].clone()) } else { Step::Index(i as u64) };
            let mut write = |this: &mut Self, step: Step, b: Option<&Value>, a: Option<&Value>| {
                this.folded(column, std::mem::take(&mut folded), "element", "elements");
                let path = path.child(step);
                this.value(Place { column, lead: "", close: ",", path: &path }, b, a, false);
            };
            same_only &= matches!(pair, Pair::Same(..));
            match pair {
                Pair::Same(b, _) if self.lines.style.show_unchanged => {
                    let place = Place { column, lead: "", close: ",", path };
                    self.whole(place, Sign::None, &old[b], ",");
                }
                Pair::Same(..) => folded += 1,
                Pair::Changed(b, a) => write(self, step(a), Some(&old[b]), Some(&new[a])),
                Pair::Gone(b) => write(self, Step::Index(b as u64), Some(&old[b]), None),
                Pair::New(a) => write(self, step(a), None, Some(&new[a])),
            }
        }
        self.folded(column, folded, "element", "elements");
        if same_only {
            let (from, to) = (before.ty(), after.ty());
            if from == to {
                return self.lines.faint(column, "# (which of them are sensitive changes)");
            }
            self.lines.faint(
                column,
                &format!("# (the type changes from {} to {})", from.friendly_name(), to.friendly_name()),
            );
        }
    }

    fn folded(&mut self, column: usize, n: usize, one: &str, many: &str) {
        if n > 0 {
            self.lines
                .faint(column, &format!("# ({n} unchanged {} hidden)", if n == 1 { one } else { many }));
        }
    }

    /// `# forces replacement`, if it does; what lies deeper counts where nothing deeper is shown.
    fn forces(&self, path: &Path, deepest: bool) -> &'static str {
        let hit = self
            .replace
            .iter()
            .any(|p| p == path || (deepest && !path.0.is_empty() && p.0.starts_with(&path.0)));
        if hit { "# forces replacement" } else { "" }
    }

    /// The content of a text that is a JSON object or array with something in it.
    fn as_json(&self, value: &Value) -> Option<Value> {
        let text = value.as_str().filter(|t| !self.literal && t.trim_start().starts_with(['{', '[']))?;
        json::from_json_text(text).ok().filter(is_block)
    }

    fn within_json(&mut self, work: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.literal, true);
        work(self);
        self.literal = outer;
    }

    fn quotes_keys(&self, value: &Value) -> bool {
        matches!(value.kind(), Kind::Map(_))
    }
}

/// ` (now sensitive …)` if nothing but that changes.
fn marks_only(before: &Value, after: &Value) -> &'static str {
    if before.clone().unmark_deep().0 != after.clone().unmark_deep().0 {
        return "";
    }
    if hidden(before).is_some() {
        " # (the same value, no longer sensitive)"
    } else {
        " # (the same value, now sensitive)"
    }
}

fn one_line(value: &Value) -> String {
    if is_block(value) {
        literal::one_line(value)
    } else {
        hidden(value).map_or_else(|| scalar_or_empty(value), str::to_owned)
    }
}

fn scalar_or_empty(value: &Value) -> String {
    match value.kind() {
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => "[]".to_owned(),
        Kind::Map(_) | Kind::Object(_) => "{}".to_owned(),
        _ => scalar(value),
    }
}

fn width(keys: impl Iterator<Item = String>) -> usize {
    keys.map(|k| columns(&k)).max().unwrap_or(0)
}

fn padded(key: &str, width: usize) -> String {
    format!("{key}{} = ", " ".repeat(width.saturating_sub(columns(key))))
}
