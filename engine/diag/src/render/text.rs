//! A diagnostic as text with its source snippet.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::{Diagnostic, FileId, Label, Severity, SourceFile, SourceMap, Span};

/// How to render.
#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    /// With ANSI colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Narrower terminals are treated as this wide: below it nothing is readable.
const LEAST_WIDTH: usize = 40;

/// The diagnostic as text with its source snippet; ends with a line feed.
///
/// First the title with the code, then the lines of source with their labels, then what it is about, why, the values of what
/// the expression refers to, and what to do next.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, options: RenderOptions) -> String {
    let width = options.width.max(LEAST_WIDTH);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(plain(&diagnostic.summary));
    if let Some(code) = diagnostic.code {
        title = title.id(code);
    }
    let mut group = Group::with_title(title);
    for (file, labels) in labels_by_file(diagnostic) {
        group = group.element(snippet(sources.file(file), &labels));
    }
    group = notes(group, diagnostic, width);
    let renderer = if options.color { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.term_width(width).render(&[group]);
    // The renderer pads the lines of wrapped notes.
    text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn notes<'a>(mut group: Group<'a>, diagnostic: &Diagnostic, width: usize) -> Group<'a> {
    if let Some(address) = &diagnostic.address {
        group = match diagnostic.primary {
            Some(_) => group.element(Level::NOTE.no_name().message(format!("in {}", plain(address)))),
            None => group.element(Origin::path(plain(address))),
        };
    }
    // "  = help: " takes ten columns.
    let room = width.saturating_sub(10);
    if !diagnostic.detail.is_empty() {
        group = group.element(Level::NOTE.no_name().message(wrap(&plain(&diagnostic.detail), room)));
    }
    for (name, text) in &diagnostic.values {
        group = group.element(Level::NOTE.message(wrap(&plain(&format!("{name} {text}")), room)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(wrap(&plain(help), room)));
    }
    group
}

/// Labels of each file; the primary's file comes first.
fn labels_by_file(diagnostic: &Diagnostic) -> Vec<(FileId, Vec<(AnnotationKind, &Label)>)> {
    let mut files: Vec<(FileId, Vec<(AnnotationKind, &Label)>)> = Vec::new();
    let primary = diagnostic.primary.iter().map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label));
    for (kind, label) in primary.chain(secondary) {
        match files.iter_mut().find(|(file, _)| *file == label.span.file) {
            Some((_, labels)) => labels.push((kind, label)),
            None => files.push((label.span.file, vec![(kind, label)])),
        }
    }
    files
}

/// The lines that the labels cover. Only these are given to the renderer: it reads all it is given, and a file may be big.
fn snippet<'a>(file: &'a SourceFile, labels: &[(AnnotationKind, &Label)]) -> Snippet<'a, Annotation<'a>> {
    let spans: Vec<Range<usize>> = labels.iter().map(|(_, label)| clamp(file, label.span)).collect();
    let first = spans.iter().map(|s| s.start).min().unwrap_or(0);
    let last = spans.iter().map(|s| s.end).max().unwrap_or(0);
    let start = file.text[..first].rfind('\n').map_or(0, |i| i + 1);
    let end = file.text[last..].find('\n').map_or(file.text.len(), |i| last + i);
    let (line, _) = file.line_column(start as u32);
    let annotations = labels.iter().zip(&spans).map(|((kind, label), span)| {
        let text = (!label.text.is_empty()).then(|| plain(&label.text));
        kind.span(span.start - start..span.end - start).label(text)
    });
    Snippet::source(&file.text[start..end])
        .path(plain(&file.name))
        .line_start(line as usize)
        .annotations(annotations)
}

/// The span as a range of the text that is certainly in it and between characters. A span that starts at a line feed
/// (something is missing at the end of a line) stays on its line.
pub(super) fn clamp(file: &SourceFile, span: Span) -> Range<usize> {
    let text = &file.text;
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// Control characters (other than line feeds) out: a message may quote what a service answered.
fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The text in lines of at most so many characters, broken at spaces. A line that starts with a space is left as it is.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    for (i, line) in text.trim_end().split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if line.starts_with(' ') {
            out.push_str(line);
            continue;
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}
