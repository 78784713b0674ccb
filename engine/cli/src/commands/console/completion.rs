//! What may follow the name that is being typed.

use pilotis_config::Module;
use pilotis_lang::functions;

/// All names of a module that can be typed: references and functions, sorted.
pub(super) struct Names(Vec<String>);

impl Names {
    /// Those of a module.
    pub(super) fn of(module: &Module) -> Names {
        let mut names = module.references();
        names.extend(functions::all().map(|f| format!("{}(", f.name)));
        names.sort();
        Names(names)
    }

    /// Where the name before the cursor starts, and what may stand there: each candidate up to its next dot. `line` is the text
    /// before the cursor.
    pub(super) fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let start = name_start(line);
        let typed = &line[start..];
        // The key of an instance is the user's to say; what comes after it doesn't depend on it.
        let plain = without_keys(typed);
        let last = plain.rfind('.').map_or(0, |dot| dot + 1);
        let keep = typed.len() - (plain.len() - last);
        let mut found: Vec<String> = Vec::new();
        for name in self.0.iter().filter(|name| name.starts_with(&plain)) {
            let rest = &name[last..];
            let next = rest.find('.').map_or(rest, |dot| &rest[..=dot]);
            // `gitlab_group.root` is a value of its own: its dot is the user's to type.
            let value = next.strip_suffix('.').unwrap_or(next);
            if !found.iter().any(|f| f == value || f == next) {
                found.push(next.to_owned());
            }
        }
        (start + keep, found)
    }
}

/// The start of the name that ends where the text does.
fn name_start(line: &str) -> usize {
    let mut depth = 0_u32;
    let mut start = line.len();
    for (at, c) in line.char_indices().rev() {
        match c {
            ']' => depth += 1,
            '[' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':') => {}
            _ => break,
        }
        start = at;
    }
    start
}

/// `a.b["k"].c` → `a.b.c`
fn without_keys(name: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let names = [
            "gitlab_group.all",
            "gitlab_group.all.name",
            "gitlab_group.all.path",
            "max(",
            "var.a",
            "var.b-c",
        ];
        Names(names.map(str::to_owned).into())
    }

    fn found(line: &str) -> (usize, Vec<String>) {
        names().complete(line)
    }

    #[test]
    fn a_name_is_completed_up_to_its_next_dot() {
        assert_eq!(found("v"), (0, vec!["var.".into()]));
        assert_eq!(found("1 + var."), (8, vec!["a".into(), "b-c".into()]));
        assert_eq!(found("[for x in m"), (10, vec!["max(".into()]));
        assert_eq!(found("gitlab_group.a"), (13, vec!["all".into()]));
        assert_eq!(found("nothing"), (0, Vec::new()));
    }

    #[test]
    fn attributes_follow_the_key_of_an_instance() {
        let line = "upper(gitlab_group.all[\"x\"].p";
        assert_eq!(found(line), (line.len() - 1, vec!["path".into()]));
        assert_eq!(found("[var.b"), (5, vec!["b-c".into()]));
    }
}
