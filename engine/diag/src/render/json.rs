//! A diagnostic in Terraform's JSON.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::text::clamp;
use crate::source::Margin;
use crate::{Diagnostic, Severity, SourceFile, SourceMap};

/// The diagnostic in the format of `terraform validate -json`:
/// <https://developer.hashicorp.com/terraform/cli/commands/validate#json-output-format>
///
/// What to do next goes at the end of `detail`, as the format has no place of its own for it.
pub fn to_json(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut detail = diagnostic.detail.clone();
    for help in &diagnostic.help {
        if !detail.is_empty() {
            detail.push_str("\n\n");
        }
        detail.push_str(help);
    }
    let mut out = Map::new();
    out.insert("severity".into(), severity.into());
    out.insert("summary".into(), diagnostic.summary.as_str().into());
    out.insert("detail".into(), detail.into());
    if let Some(address) = &diagnostic.address {
        out.insert("address".into(), address.as_str().into());
    }
    if let Some(label) = &diagnostic.primary {
        let file = sources.file(label.span.file);
        let mut span = clamp(file, label.span);
        let end = if span.is_empty() { after(file, span.end) } else { position(file, span.end) };
        let range = json!({ "filename": &*file.name, "start": position(file, span.start), "end": end });
        span.end = span.end.max(next(file, span.start));
        out.insert("range".into(), range);
        if !file.concealed {
            out.insert("snippet".into(), snippet(file, span, diagnostic));
        }
    }
    Value::Object(out)
}

fn position(file: &SourceFile, byte: usize) -> Value {
    let (line, column) = file.line_column(byte as u32);
    json!({ "line": line, "column": column, "byte": byte })
}

/// One past a position: an empty range would show nothing, so that the format never has one.
fn after(file: &SourceFile, byte: usize) -> Value {
    let (line, column) = file.line_column(byte as u32);
    json!({ "line": line, "column": column + 1, "byte": next(file, byte).max(byte + 1) })
}

/// Where the character at a place ends.
fn next(file: &SourceFile, byte: usize) -> usize {
    file.text.ceil_char_boundary((byte + 1).min(file.text.len()))
}

fn snippet(file: &SourceFile, span: Range<usize>, diagnostic: &Diagnostic) -> Value {
    let start = file.text[..span.start].rfind('\n').map_or(0, |i| i + 1);
    // A range that ends just after a line feed doesn't cover the next line.
    let last = span.end - usize::from(span.end > span.start && file.text[..span.end].ends_with('\n'));
    let end = file.text[last..].find('\n').map_or(file.text.len(), |i| last + i);
    let code = file.text[start..end].trim_end_matches('\r');
    let highlight = |byte: usize| (byte.max(start) - start).min(code.len());
    let values: Vec<Value> = diagnostic
        .values
        .iter()
        .map(|(name, text)| json!({ "traversal": name, "statement": text }))
        .collect();
    let mut snippet = json!({
        "context": context(file, start, span.start),
        "code": code,
        "start_line": file.line_column(start as u32).0,
        "highlight_start_offset": highlight(span.start),
        "highlight_end_offset": highlight(span.end),
        "values": values,
    });
    if let Some(call) = &diagnostic.call {
        snippet["function_call"] = json!({ "called_as": call.called_as, "signature": call.signature });
    }
    snippet
}

/// The header of the block at the margin that holds the place (`resource "x" "y"`). Null if the place is in none, or in the
/// header itself.
fn context(file: &SourceFile, line_start: usize, place: usize) -> Value {
    let margin = file.margin();
    let lines_up_to_it = margin.partition_point(|m| m.start() as usize <= line_start);
    // The end that stands on the place's own line is the end of its block.
    let before = margin[..lines_up_to_it].iter().rev();
    let mut before =
        before.skip_while(|m| matches!(m, Margin::End { start } if *start as usize == line_start));
    match before.next() {
        Some(Margin::Header { start, end }) if place > *end as usize => {
            file.text[*start as usize..*end as usize].into()
        }
        _ => Value::Null,
    }
}
