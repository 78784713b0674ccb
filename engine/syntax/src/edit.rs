//! Edits of people's files that leave everything else byte for byte as it was: comments, blank lines, line endings.
//!
//! An edit replaces a piece of the text, found by the AST's spans; nothing is encoded again. (A tree that keeps comments as
//! decoration, as hcl-edit's, loses those beside operators and turns CRLF into LF when it is written.) A file that was laid
//! out as `fmt` does still is after an edit; any other keeps its own layout.

use std::ops::Range;

use pilotis_diag::{Diagnostics, SourceMap};

use crate::ast::{Block, Body};
use crate::format::format;
use crate::parse::parse_file;

/// A file that is being edited. It is valid at all times.
#[derive(Clone, Debug)]
pub struct Editor {
    text: String,
    body: Body,
    is_laid_out: bool,
    line_feed: &'static str,
}

impl Editor {
    /// Starts to edit a file. Its mistakes, if it has any: a broken file is not edited.
    pub fn new(text: impl Into<String>) -> Result<Editor, Diagnostics> {
        let text = text.into();
        let body = read(&text)?;
        let is_laid_out = format(&text).is_ok_and(|laid_out| laid_out == text);
        let line_feed = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Ok(Editor { text, body, is_laid_out, line_feed })
    }

    /// The file as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is in it, to look for the block to edit.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Adds blocks or arguments (as text) at the end, after a blank line.
    pub fn append(&mut self, items: &str) -> Result<(), Diagnostics> {
        let mut addition = String::new();
        if !self.text.trim_start_matches('\u{feff}').trim().is_empty() {
            let has_end = self.text.ends_with('\n');
            addition.push_str(if has_end { "\n" } else { "\n\n" });
        }
        addition.push_str(items.trim_matches('\n'));
        addition.push('\n');
        let end = self.text.len();
        self.replace(end..end, &addition)
    }

    /// Removes all blocks of the file for which the answer is true, with the comment right above each and one of the blank
    /// lines around it. Returns how many.
    pub fn remove_blocks(&mut self, mut which: impl FnMut(&Block) -> bool) -> Result<usize, Diagnostics> {
        let blocks = self.body.blocks.iter().filter(|block| which(block));
        let ranges: Vec<Range<usize>> = blocks.map(|block| self.with_surroundings(block)).collect();
        let mut text = self.text.clone();
        for range in ranges.iter().rev() {
            text.replace_range(range.clone(), "");
        }
        self.set_text(text)?;
        Ok(ranges.len())
    }

    /// Sets an argument of each block of the file for which the answer is true: its expression is replaced, or the argument is
    /// added after the others. Returns how many blocks.
    pub fn set_argument(
        &mut self,
        mut which: impl FnMut(&Block) -> bool,
        name: &str,
        expression: &str,
    ) -> Result<usize, Diagnostics> {
        let blocks = self.body.blocks.iter().filter(|block| which(block));
        let edits: Vec<(Range<usize>, String)> =
            blocks.map(|block| self.argument_edit(block, name, expression)).collect();
        let mut text = self.text.clone();
        for (range, new) in edits.iter().rev() {
            text.replace_range(range.clone(), &self.with_line_feeds(new));
        }
        self.set_text(text)?;
        Ok(edits.len())
    }

    fn argument_edit(&self, block: &Block, name: &str, expression: &str) -> (Range<usize>, String) {
        if let Some(attribute) = block.body.attributes.iter().find(|a| a.name.text == name) {
            let span = attribute.expr.span;
            return (span.start as usize..span.end as usize, expression.to_owned());
        }
        let (start, end) = (block.body.span.start as usize, block.body.span.end as usize);
        let outer = self.indentation(block.span.start as usize);
        if !self.text[start..end].contains('\n') {
            // `name {}` or `name { a = 1 }` is opened up.
            let inside = self.text[start..end].trim();
            let inside = if inside.is_empty() { String::new() } else { format!("{outer}  {inside}\n") };
            return (start..end, format!("\n{inside}{outer}  {name} = {expression}\n{outer}"));
        }
        match block.body.attributes.last() {
            Some(last) => {
                let indentation = self.indentation(last.span.start as usize);
                // Behind its line, as a comment may follow it; a heredoc ends with its line as well.
                let at = self.line_end(last.span.end as usize);
                (at..at, format!("\n{indentation}{name} = {expression}"))
            }
            None => {
                let at = self.line_end(start);
                (at..at, format!("\n{outer}  {name} = {expression}"))
            }
        }
    }

    /// A block with its line, the comments right above it, and the blank lines after it (or before, at the end of the file).
    fn with_surroundings(&self, block: &Block) -> Range<usize> {
        let mut start = self.line_start(block.span.start as usize);
        while start > 0 {
            let above = self.line_start(start - 1);
            let line = self.text[above..start].trim();
            if !line.starts_with('#') && !line.starts_with("//") {
                break;
            }
            start = above;
        }
        let mut end = self.next_line(block.span.end as usize);
        let is_blank = |range: Range<usize>| !range.is_empty() && self.text[range].trim().is_empty();
        while is_blank(end..self.next_line(end)) {
            end = self.next_line(end);
        }
        if end == self.text.len() {
            while start > 0 && is_blank(self.line_start(start - 1)..start) {
                start = self.line_start(start - 1);
            }
        }
        start..end
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |i| i + 1)
    }

    /// Before the line feed.
    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |i| at + i);
        end - usize::from(self.text[at..end].ends_with('\r'))
    }

    fn next_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |i| at + i + 1)
    }

    fn indentation(&self, at: usize) -> &str {
        let line = &self.text[self.line_start(at)..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    fn with_line_feeds(&self, text: &str) -> String {
        text.replace("\r\n", "\n").replace('\n', self.line_feed)
    }

    fn replace(&mut self, range: Range<usize>, new: &str) -> Result<(), Diagnostics> {
        let mut text = self.text.clone();
        text.replace_range(range, &self.with_line_feeds(new));
        self.set_text(text)
    }

    /// Takes over a new text, if it is valid; else nothing changes.
    fn set_text(&mut self, text: String) -> Result<(), Diagnostics> {
        let text = if self.is_laid_out { format(&text)? } else { text };
        self.body = read(&text)?;
        self.text = text;
        Ok(())
    }
}

fn read(text: &str) -> Result<Body, Diagnostics> {
    let mut sources = SourceMap::default();
    let file = sources.add("", text);
    let (body, diagnostics) = parse_file(&sources, file);
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::Editor;
    use crate::ast::Block;

    const FILE: &str = r#"# Our groups.

# The team's group.
resource "gitlab_group" "team" {
  name = "carto" # shown
  path = "carto"

  lifecycle {} # nothing yet
}

import {
  to = gitlab_group.team
  id = 12 /* the group */ + /* of the */ 3
}

// last
locals {}
"#;

    fn is(kind: &str) -> impl Fn(&Block) -> bool {
        move |block| block.kind.text == kind
    }

    #[test]
    fn a_block_goes_with_its_comment() {
        let mut editor = Editor::new(FILE).unwrap();
        assert_eq!(editor.remove_blocks(is("import")), Ok(1));
        assert_eq!(editor.remove_blocks(is("resource")), Ok(1));
        assert_eq!(editor.text(), "# Our groups.\n\n// last\nlocals {}\n");
        assert_eq!(editor.remove_blocks(is("locals")), Ok(1));
        assert_eq!(editor.text(), "# Our groups.\n");
        assert_eq!(editor.remove_blocks(is("locals")), Ok(0));
    }

    #[test]
    fn arguments_are_set_and_added() {
        let mut editor = Editor::new(FILE).unwrap();
        assert_eq!(editor.set_argument(is("resource"), "name", "\"maps\""), Ok(1));
        assert_eq!(editor.set_argument(is("resource"), "description", "{\na = 1\n}"), Ok(1));
        assert_eq!(editor.set_argument(is("locals"), "x", "1"), Ok(1));
        insta::assert_snapshot!(editor.text(), @r#"
        # Our groups.

        # The team's group.
        resource "gitlab_group" "team" {
          name = "maps" # shown
          path = "carto"
          description = {
            a = 1
          }

          lifecycle {} # nothing yet
        }

        import {
          to = gitlab_group.team
          id = 12 /* the group */ + /* of the */ 3
        }

        // last
        locals {
          x = 1
        }
        "#);
    }

    #[test]
    fn blocks_are_added_at_the_end() {
        let mut editor = Editor::new("").unwrap();
        editor.append("a {\nx = 1\n}").unwrap();
        editor.append("b {}\n").unwrap();
        assert_eq!(editor.text(), "a {\n  x = 1\n}\n\nb {}\n");
    }

    #[test]
    fn a_layout_of_ones_own_is_kept() {
        let mut editor = Editor::new("a {\r\n\tx=1\r\n}\r\nb  {}").unwrap();
        editor.set_argument(is("a"), "y", "2").unwrap();
        editor.append("c {}").unwrap();
        assert_eq!(editor.text(), "a {\r\n\tx=1\r\n\ty = 2\r\n}\r\nb  {}\r\n\r\nc {}\r\n");
    }

    #[test]
    fn what_is_invalid_changes_nothing() {
        let mut editor = Editor::new(FILE).unwrap();
        assert!(editor.append("a {").is_err());
        assert!(editor.set_argument(is("resource"), "name", "1 2").is_err());
        assert_eq!(editor.text(), FILE);
        assert!(Editor::new("a = ").is_err());
    }
}
