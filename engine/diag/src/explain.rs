//! What a code means, at length: the pages that lie as `codes.md` beside the codes of each crate.
//!
//! A page is a section `## E0301 Title`: what it means, a wrong example (a fence `hcl wrong`), a right one (`hcl right`), what to do.
//! A fence in `hcl` is run by the tests, one in `text` can't be. `hcl wrong plan`: it takes a plan to find out; `hcl wrong after`: a plan
//! after the right one was applied; a first line `# pilotis …` is the command. Lines `# PATH.tf` begin files of their own.

/// An example of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example<'a> {
    /// What the fence says of it: `hcl wrong plan`.
    pub info: &'a str,
    /// Its lines.
    pub text: &'a str,
}

/// The page of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The code: `E0301`.
    pub code: &'a str,
    /// What it is called, in a few words.
    pub title: &'a str,
    /// All below the title, in Markdown.
    pub body: &'a str,
}

/// The pages of a `codes.md`, in its order.
pub fn explanations(text: &str) -> impl Iterator<Item = Explanation<'_>> {
    let sections = text.strip_prefix("## ").into_iter().flat_map(|text| text.split("\n## "));
    sections.map(|section| {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        let (code, title) = heading.split_once(' ').unwrap_or((heading, ""));
        Explanation { code, title: title.trim(), body: body.trim() }
    })
}

impl<'a> Explanation<'a> {
    /// Its examples, in their order.
    pub fn examples(&self) -> impl Iterator<Item = Example<'a>> {
        self.body.split("```").skip(1).step_by(2).map(|fence| {
            let (info, text) = fence.split_once('\n').unwrap_or((fence, ""));
            Example { info, text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::explanations;

    #[test]
    fn a_page_has_a_title_text_and_examples() {
        let text = "## E0001 One thing\n\nMeans this.\n\n```hcl wrong\na = \n```\n\n```text right\na = 1\n```\n\nDo that.\n\n## E0002 Another\n\nText.\n";
        let pages: Vec<_> = explanations(text).collect();
        assert_eq!(
            pages.iter().map(|p| (p.code, p.title)).collect::<Vec<_>>(),
            [("E0001", "One thing"), ("E0002", "Another")]
        );
        let examples: Vec<_> = pages[0].examples().map(|e| (e.info, e.text)).collect();
        assert_eq!(examples, [("hcl wrong", "a = \n"), ("text right", "a = 1\n")]);
        assert!(pages[0].body.starts_with("Means this.") && pages[0].body.ends_with("Do that."));
        assert_eq!(explanations("").count(), 0);
    }
}
