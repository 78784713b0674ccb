//! Which element of a list or set became which: so that a change inside one element is shown as that, and not as one gone and one new.

use std::collections::HashMap;

use pilotis_value::{Kind, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What became of one element, by index before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// It stayed.
    Same(usize, usize),
    /// It changed.
    Changed(usize, usize),
    /// It is gone.
    Gone(usize),
    /// It is new.
    New(usize),
}

/// Attributes that name an element among others.
const IDENTIFYING: &[&str] = &["id", "key", "name", "path", "username", "title", "label"];

/// Most comparisons that one region of changed elements is worth.
const MOST_COMPARISONS: usize = 40_000;

/// Pairs the elements of two lists (in order) or two sets (in any order). In Terraform's order two sets are lists without crossings,
/// so the same search finds what stayed.
pub(crate) fn pair(before: &[Value], after: &[Value], is_set: bool) -> Vec<Pair> {
    let (old, new) = numbered(before, after);
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    let mut pairs = Vec::new();
    let (mut gone, mut fresh) = (Vec::new(), Vec::new());
    for op in ops {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            if !is_set {
                settle(&mut pairs, before, after, &mut gone, &mut fresh);
            }
            pairs.extend((0..len).map(|i| Pair::Same(old_index + i, new_index + i)));
        } else {
            gone.extend(op.old_range());
            fresh.extend(op.new_range());
        }
    }
    settle(&mut pairs, before, after, &mut gone, &mut fresh);
    pairs
}

/// Pairs what is gone with what is new, as far as they are alike.
fn settle(
    pairs: &mut Vec<Pair>,
    before: &[Value],
    after: &[Value],
    gone: &mut Vec<usize>,
    fresh: &mut Vec<usize>,
) {
    let (gone, fresh) = (std::mem::take(gone), std::mem::take(fresh));
    let mut scored = Vec::new();
    if gone.len().saturating_mul(fresh.len()) <= MOST_COMPARISONS {
        for (i, &b) in gone.iter().enumerate() {
            for (j, &a) in fresh.iter().enumerate() {
                let score = alike(&before[b], &after[a]);
                if score > 0 {
                    // The best first; among equals those that stand at the same place.
                    scored.push((std::cmp::Reverse(score), i.abs_diff(j), i, j));
                }
            }
        }
    }
    scored.sort_unstable();
    let mut partner = vec![None; gone.len()];
    let mut taken = vec![false; fresh.len()];
    for (_, _, i, j) in scored {
        if partner[i].is_none() && !taken[j] {
            partner[i] = Some(j);
            taken[j] = true;
        }
    }
    for (i, &b) in gone.iter().enumerate() {
        pairs.push(partner[i].map_or(Pair::Gone(b), |j| Pair::Changed(b, fresh[j])));
    }
    pairs.extend(fresh.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(&a, _)| Pair::New(a)));
}

/// How alike two different elements are; 0: they are different things.
fn alike(before: &Value, after: &Value) -> usize {
    if !after.is_known() {
        return 1;
    }
    let (Some(old), Some(new)) = (before.as_entries(), after.as_entries()) else {
        let lists = before.as_elements().is_some() && after.as_elements().is_some();
        return usize::from(lists);
    };
    let named = IDENTIFYING.iter().find_map(|name| match (old.get(name), new.get(name)) {
        (Some(a), Some(b)) if !a.is_null() && b.is_known() && !b.is_null() => Some(a == b),
        _ => None,
    });
    let equal =
        old.iter().filter(|(name, value)| !value.is_null() && new.get(name.as_str()) == Some(value)).count();
    match named {
        Some(true) => 1_000 + equal,
        // Another name on an otherwise equal element is a new name only if that is much to be equal in.
        Some(false) if equal < 3 || equal * 4 < old.len() * 3 => 0,
        _ => equal * 100 / old.len().max(new.len()).max(1),
    }
}

/// Equal elements get equal numbers.
fn numbered(before: &[Value], after: &[Value]) -> (Vec<usize>, Vec<usize>) {
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut number = |value: &Value| {
        let mut text = String::new();
        fingerprint(value, &mut text);
        let next = known.len();
        *known.entry(text).or_insert(next)
    };
    (before.iter().map(&mut number).collect(), after.iter().map(&mut number).collect())
}

/// A text that is the same for equal values and for no others. It may hold secrets: it is compared here and never leaves.
fn fingerprint(value: &Value, out: &mut String) {
    out.push_str(&format!("{}:", value.marks().bits()));
    match value.kind() {
        Kind::Null(_) => out.push('n'),
        Kind::Unknown(_) => out.push('?'),
        Kind::Bool(b) => out.push_str(if *b { "t" } else { "f" }),
        Kind::Number(n) => out.push_str(&n.to_string()),
        Kind::String(s) => out.push_str(&format!("{}\"{s}", s.len())),
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            out.push('[');
            e.items().iter().for_each(|item| fingerprint(item, out));
            out.push(']');
        }
        Kind::Map(e) | Kind::Object(e) => {
            out.push('{');
            for (name, item) in e.items() {
                out.push_str(&format!("{}\"{name}", name.len()));
                fingerprint(item, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(texts: &[&str]) -> Vec<Value> {
        texts.iter().map(Value::string).collect()
    }

    fn member(name: &str, level: &str) -> Value {
        Value::object_of([("name", Value::string(name)), ("level", Value::string(level))])
    }

    #[test]
    fn strings_come_and_go() {
        let pairs = pair(&strings(&["a", "b", "c"]), &strings(&["a", "c", "d"]), false);
        assert_eq!(pairs, [Pair::Same(0, 0), Pair::Gone(1), Pair::Same(2, 1), Pair::New(2)]);
    }

    #[test]
    fn objects_are_recognised_by_their_names() {
        let before = [member("ana", "dev"), member("bob", "dev"), member("cy", "dev")];
        let after = [member("cy", "owner"), member("ana", "dev")];
        let pairs = pair(&before, &after, true);
        assert_eq!(pairs, [Pair::Same(0, 1), Pair::Gone(1), Pair::Changed(2, 0)]);
    }

    proptest! {
        /// Each element before and each after occurs exactly once, and what stays is equal.
        #[test]
        fn every_element_is_accounted_for(
            old in proptest::collection::vec("[a-d]", 0..12),
            new in proptest::collection::vec("[a-d]", 0..12),
            is_set: bool,
        ) {
            let (before, after): (Vec<_>, Vec<_>) =
                (old.iter().map(|s| member(s, "x")).collect(), new.iter().map(|s| member(s, "y")).collect());
            let (mut seen_old, mut seen_new) = (vec![0; old.len()], vec![0; new.len()]);
            for pair in pair(&before, &after, is_set) {
                if let Pair::Same(b, _) | Pair::Changed(b, _) | Pair::Gone(b) = pair { seen_old[b] += 1; }
                if let Pair::Same(_, a) | Pair::Changed(_, a) | Pair::New(a) = pair { seen_new[a] += 1; }
                if let Pair::Same(b, a) = pair { prop_assert_eq!(&before[b], &after[a]); }
            }
            prop_assert!(seen_old.iter().chain(&seen_new).all(|n| *n == 1));
        }
    }
}
