//! Source files and places in them.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// A file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From here to the end of another span of the same file.
    pub fn to(self, end: Span) -> Span {
        Span { file: self.file, start: self.start, end: end.end.max(self.start) }
    }
}

/// One source file. `Debug` doesn't show its text.
#[derive(Clone)]
pub struct SourceFile {
    /// Its name as a person wrote it: relative to the working folder, or `-var`, `<cloud-pi-native/project>/main.hcl`.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Its text may hold secrets: diagnostics say where in it something is, and show no line of it.
    pub concealed: bool,
    line_starts: Arc<[u32]>,
    margin: Arc<OnceLock<Vec<Margin>>>,
}

/// A line that starts or ends a block at the margin, by its layout: this crate knows no language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Margin {
    /// `resource "x" "y" {`: where the line starts, and where the header ends, without its brace.
    Header { start: u32, end: u32 },
    /// `}`: where the line starts.
    End { start: u32 },
}

impl Margin {
    /// Where its line starts.
    pub(crate) fn start(self) -> u32 {
        match self {
            Margin::Header { start, .. } | Margin::End { start } => start,
        }
    }

    fn of(line: &str, start: u32) -> Option<Margin> {
        if line.starts_with('}') {
            return Some(Margin::End { start });
        }
        let (header, _) = line.split_once('{')?;
        let header = header.trim_end();
        let starts_with_name = header.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let is_header =
            starts_with_name && header.chars().all(|c| c.is_alphanumeric() || "-_ \".".contains(c));
        is_header.then_some(Margin::Header { start, end: start + header.len() as u32 })
    }
}

/// All files that a run has read.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let text: Arc<str> = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        let (name, concealed, margin) = (name.into(), false, Arc::default());
        self.files.push(SourceFile { name, text, concealed, line_starts, margin });
        FileId(self.files.len() as u32 - 1)
    }
    /// From now on no line of a file is shown.
    pub fn conceal(&mut self, id: FileId) {
        self.files[id.0 as usize].concealed = true;
    }
    /// A file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }
    /// All files, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), f))
    }
    /// The text of a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile")
            .field("name", &self.name)
            .field("concealed", &self.concealed)
            .finish_non_exhaustive()
    }
}

impl SourceFile {
    /// The lines that start or end a block at the margin, in order. They are looked for once: a file may have many mistakes.
    pub(crate) fn margin(&self) -> &[Margin] {
        self.margin.get_or_init(|| {
            let lines = self.text.split('\n').zip(self.line_starts.iter());
            lines.filter_map(|(line, start)| Margin::of(line, *start)).collect()
        })
    }
    /// Line and column (both from 1, the column in characters) of a byte.
    pub fn line_column(&self, byte: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= byte) - 1;
        let start = self.line_starts[line] as usize;
        let end = (byte as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(0, |s| s.chars().count());
        (line as u32 + 1, column as u32 + 1)
    }
}
