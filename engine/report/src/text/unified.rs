//! Two texts as a unified difference, as `diff -u` writes it.

use similar::TextDiff;

/// The difference of a file before and after, with its name; empty if there is none.
pub fn unified_diff(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_changed_and_around_it() {
        let text = super::unified_diff("main.hcl", "a=1\nb = 2\n", "a = 1\nb = 2\n");
        insta::assert_snapshot!(text, @r"
        --- old/main.hcl
        +++ new/main.hcl
        @@ -1,2 +1,2 @@
        -a=1
        +a = 1
         b = 2
        ");
    }
}
