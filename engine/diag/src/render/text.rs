//! A diagnostic as text with its source snippet.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

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

/// Bytes between two labels that are shown together at most.
const FAR: usize = 4096;

/// Bytes of a line that the renderer is given on either side of its labels: more than any terminal is wide.
const AROUND: usize = 1024;

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
        group = group.elements(snippets(sources.file(file), &labels));
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

/// The lines that the labels cover. Only these are given to the renderer: it reads all it is given, and a file or a line may be
/// big. Labels that are far apart are shown apart.
fn snippets<'a>(file: &'a SourceFile, labels: &[(AnnotationKind, &Label)]) -> Vec<Element<'a>> {
    let mut sorted: Vec<_> =
        labels.iter().map(|(kind, label)| (clamp(file, label.span), *kind, *label)).collect();
    sorted.sort_by_key(|(span, ..)| span.start);
    let mut groups: Vec<Vec<(Range<usize>, AnnotationKind, &Label)>> = Vec::new();
    let mut reached = 0;
    for label in sorted {
        let span = label.0.clone();
        match groups.last_mut() {
            Some(group) if span.start.saturating_sub(reached) <= FAR => group.push(label),
            _ => groups.push(vec![label]),
        }
        reached = reached.max(span.end);
    }
    // The primary label leads.
    groups.sort_by_key(|group| !group.iter().any(|(_, kind, _)| matches!(kind, AnnotationKind::Primary)));
    groups.iter().flat_map(|group| snippet(file, group)).collect()
}

/// The lines, or the parts of long lines, around labels that are near each other.
fn snippet<'a>(file: &'a SourceFile, labels: &[(Range<usize>, AnnotationKind, &Label)]) -> Vec<Element<'a>> {
    if file.concealed {
        return vec![origin(file, labels).into()];
    }
    let text = &*file.text;
    let first = labels.iter().map(|(span, ..)| span.start).min().unwrap_or(0);
    let last = labels.iter().map(|(span, ..)| span.end).max().unwrap_or(0);
    let near = text.floor_char_boundary(first.saturating_sub(AROUND));
    let start = text[near..first].rfind('\n').map_or(near, |i| near + i + 1);
    let cut = start > 0 && text.as_bytes()[start - 1] != b'\n';
    let beyond = text.ceil_char_boundary((last + AROUND).min(text.len()));
    let end = text[last..beyond].find('\n').map_or(beyond, |i| last + i);
    let annotations = labels.iter().map(|(span, kind, label)| {
        let text = (!label.text.is_empty()).then(|| plain(&label.text));
        kind.span(span.start - start..span.end - start).label(text)
    });
    let (line, _) = file.line_column(start as u32);
    let snippet = Snippet::source(&text[start..end]).line_start(line as usize).annotations(annotations);
    if !cut {
        return vec![snippet.path(plain(&file.name)).into()];
    }
    // The renderer would count columns from where the line was cut.
    vec![origin(file, labels).into(), snippet.into()]
}

/// Where the label that leads is.
fn origin<'a>(file: &SourceFile, labels: &[(Range<usize>, AnnotationKind, &Label)]) -> Origin<'a> {
    let leading =
        labels.iter().find(|(_, kind, _)| matches!(kind, AnnotationKind::Primary)).or(labels.first());
    let (line, column) = file.line_column(leading.map_or(0, |(span, ..)| span.start) as u32);
    Origin::path(plain(&file.name)).line(line as usize).char_column(column as usize)
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

/// Nothing that drives a terminal: a message may quote what a service answered.
fn plain(text: &str) -> String {
    crate::harmless(text, false).into_owned()
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
