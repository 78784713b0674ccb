//! In which order things are evaluated: each after all that it refers to.

use pilotis_config::{Configuration, Module, ModuleId, Symbol};

/// All modules, each after those that it calls.
pub(super) fn modules(configuration: &Configuration) -> Vec<ModuleId> {
    let calls = |i: usize| configuration.modules[i].calls.iter().map(|c| c.module.0 as usize).collect();
    sorted(configuration.modules.len(), calls).into_iter().map(|i| ModuleId(i as u32)).collect()
}

/// A module's locals, each after those that it refers to. In a circle one of them comes first.
pub(super) fn locals(module: &Module) -> Vec<usize> {
    let needs = |i: usize| {
        let references = module.locals[i].value.references().iter();
        let local = references.filter_map(|r| match module.symbols.get(r.slot.0 as usize)? {
            Symbol::Local(other) => Some(*other as usize),
            _ => None,
        });
        local.collect()
    };
    sorted(module.locals.len(), needs)
}

/// The numbers below `count`, each after those that it needs; without recursion, as a chain may be long.
fn sorted(count: usize, needs: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    for start in 0..count {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        open.push((start, needs(start)));
        while let Some((at, rest)) = open.last_mut() {
            match rest.pop() {
                Some(next) if !std::mem::replace(&mut seen[next], true) => open.push((next, needs(next))),
                Some(_) => {}
                None => {
                    order.push(*at);
                    open.pop();
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn what_is_needed_comes_first_and_a_circle_ends() {
        let needs: [&[usize]; 5] = [&[3, 1], &[2], &[], &[2], &[4]];
        let order = sorted(5, |i| needs[i].to_vec());
        let place = |n: usize| order.iter().position(|o| *o == n).unwrap();
        for (i, all) in needs.iter().enumerate().take(4) {
            assert!(all.iter().all(|n| place(*n) < place(i)), "{order:?}");
        }
        assert_eq!(order.len(), 5);
        let long = sorted(100_000, |i| if i + 1 < 100_000 { vec![i + 1] } else { Vec::new() });
        assert_eq!(long[0], 99_999);
    }
}
