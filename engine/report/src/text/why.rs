//! What an object is derived from, as text: blocks, arguments with all that they are made of, needs both ways.

use pilotis_diag::{SourceMap, Span};
use pilotis_plan::why::{Argument, Block, Linked, Source, Why};

use super::lines::{Lines, Sign};
use super::literal;
use super::style::{Role, Style, clean, columns, shorten};

/// Columns that the text of one expression may take.
const EXPRESSION: usize = 60;

/// Why an object is there.
pub fn why(why: &Why, sources: &SourceMap, style: &Style) -> String {
    let mut writer = Writer { lines: Lines::new(style), sources };
    writer.heading(&clean(&why.display));
    if why.address != why.display {
        writer.lines.faint(0, &format!("for programs: {}", clean(&why.address)));
    }
    writer.section("Derived from");
    writer.blocks(&why.blocks);
    writer.section("Arguments");
    for argument in &why.arguments {
        writer.argument(argument);
    }
    if why.arguments.is_empty() {
        writer.lines.faint(2, "none");
    }
    if !why.contents.is_empty() {
        writer.section("Blocks in it");
        writer.all_linked(&why.contents);
    }
    writer.section("Needs");
    writer.all_linked(&why.needs);
    writer.section("Needed by");
    writer.all_linked(&why.needed_by);
    writer.lines.finish()
}

struct Writer<'a> {
    lines: Lines<'a>,
    sources: &'a SourceMap,
}

impl Writer<'_> {
    fn heading(&mut self, text: &str) {
        let text = self.lines.style.paint(Role::Strong, text).into_owned();
        self.lines.line(0, Sign::None, &text);
    }

    fn section(&mut self, title: &str) {
        self.lines.gap();
        self.heading(title);
    }

    /// Pairs in two columns.
    fn rows(&mut self, rows: Vec<(String, String)>) {
        let width = rows.iter().map(|(left, _)| columns(left)).max().unwrap_or(0);
        for (left, right) in rows {
            let pad = " ".repeat(width.saturating_sub(columns(&left)));
            self.lines.line(2, Sign::None, format!("{left}{pad}  {right}").trim_end());
        }
    }

    fn blocks(&mut self, blocks: &[Block]) {
        let left = |block: &Block| match &block.key {
            Some(key) => format!("{} {}", clean(&block.text), clean(&key.to_string())),
            None => clean(&block.text).into_owned(),
        };
        let width = blocks.iter().map(|b| columns(&left(b))).max().unwrap_or(0);
        for block in blocks {
            let left = left(block);
            let pad = " ".repeat(width.saturating_sub(columns(&left)));
            self.lines.line(2, Sign::None, &format!("{left}{pad}  {}", self.place(block.span)));
            if let Some((word, span)) = block.repetition {
                let text = format!("{word} = {}  {}", self.expression(span), self.place(span));
                self.lines.line(4, Sign::None, &text);
                self.sources(6, &block.from);
            }
        }
    }

    fn argument(&mut self, argument: &Argument) {
        let name = clean(&argument.name).into_owned();
        let place = argument.span.map(|span| format!("  {}", self.place(span))).unwrap_or_default();
        match &argument.value {
            Some(value) => {
                let value = shorten(&literal::one_line(value), EXPRESSION).into_owned();
                self.lines.line(2, Sign::None, &format!("{name} = {value}{place}"));
            }
            None => self.lines.line(2, Sign::None, &format!("{name}{place}")),
        }
        self.sources(4, &argument.from);
    }

    fn sources(&mut self, column: usize, from: &[Source]) {
        for source in from {
            let mut text = clean(&source.text).into_owned();
            if let Some(span) = source.span {
                text += &format!("  {}", self.place(span));
            }
            if let Some(span) = source.given {
                text += &format!(", given at {}", self.place(span));
            }
            if !source.note.is_empty() {
                text += &format!(", {}", source.note);
            }
            self.lines.line(column, Sign::None, &text);
            self.sources(column + 2, &source.from);
        }
    }

    fn all_linked(&mut self, linked: &[Linked]) {
        if linked.is_empty() {
            return self.lines.faint(2, "nothing");
        }
        let row = |l: &Linked| {
            let mut right = l.span.map(|span| self.place(span)).unwrap_or_default();
            if l.explicit {
                right += ", by depends_on";
            }
            (clean(&l.display).into_owned(), right)
        };
        let rows = linked.iter().map(row).collect();
        self.rows(rows);
    }

    /// `main.hcl:12`
    fn place(&self, span: Span) -> String {
        let file = self.sources.file(span.file);
        format!("{}:{}", clean(&file.name), file.line_column(span.start).0)
    }

    /// The expression as it is written, on one line.
    fn expression(&self, span: Span) -> String {
        let text = self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
        shorten(&clean(&text), EXPRESSION).into_owned()
    }
}
