//! Lines: indentation, spaces, and columns.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::Piece;
use super::spacing::{bracket_change, is_spaced};
use crate::lexer::TokenKind;

/// A line as up to three cells, as ranges of pieces: what leads, an assigned value that is whole on the line (from its equals
/// sign), and a comment to the line's end. A heredoc is in the line that it starts on.
struct Line {
    lead: Range<usize>,
    assign: Range<usize>,
    comment: Range<usize>,
}

/// Sets the spaces before each piece.
pub(super) fn lay_out(pieces: &mut [Piece<'_>]) {
    let lines = lines(pieces);
    indent(pieces, &lines);
    for line in &lines {
        space(pieces, line.lead.clone());
        space(pieces, line.assign.clone());
    }
    align(pieces, &lines, |line| (line.assign.clone(), line.lead.clone()));
    align(pieces, &lines, |line| (line.comment.clone(), line.lead.start..line.assign.end));
}

fn lines(pieces: &[Piece<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for at in 0..pieces.len() {
        if pieces[at].kind == TokenKind::Newline {
            lines.push(line(pieces, start..at + 1));
            start = at + 1;
        }
    }
    if start < pieces.len() {
        lines.push(line(pieces, start..pieces.len()));
    }
    lines
}

/// Splits a line into its cells.
fn line(pieces: &[Piece<'_>], whole: Range<usize>) -> Line {
    let (start, mut end) = (whole.start, whole.end);
    let text_end = end - usize::from(pieces[end - 1].kind == TokenKind::Newline);
    let mut comment = end..end;
    if text_end > start && pieces[text_end - 1].kind == TokenKind::LineComment && text_end - start > 1 {
        comment = text_end - 1..end;
        end = text_end - 1;
    }
    let equal = (start + 1..end).find(|at| pieces[*at].kind == TokenKind::Equal);
    let is_whole = |equal: &usize| {
        let change: i32 = pieces[*equal..end].iter().map(|p| bracket_change(p.kind)).sum();
        change == 0
    };
    let lead_end = equal.filter(is_whole).unwrap_or(end);
    Line { lead: start..lead_end, assign: lead_end..end, comment }
}

/// Two spaces for each line on which brackets were opened that are still open. A line that opens several counts once, and
/// what closes them is counted against the lines that opened them.
fn indent(pieces: &mut [Piece<'_>], lines: &[Line]) {
    let mut opened: Vec<i32> = Vec::new();
    for line in lines {
        let first = line.lead.start;
        if pieces[first].kind == TokenKind::Newline {
            continue;
        }
        let change = change(&pieces[line.lead.clone()]) + change(&pieces[line.assign.clone()]);
        let mut closed = -change;
        while closed > 0
            && let Some(last) = opened.last_mut()
        {
            if closed < *last {
                *last -= closed;
                break;
            }
            closed -= *last;
            opened.pop();
        }
        pieces[first].spaces = 2 * opened.len();
        if change > 0 {
            opened.push(change);
        }
    }
}

/// How many brackets a cell opens, up to a heredoc's text.
fn change(cell: &[Piece<'_>]) -> i32 {
    let heredoc = cell.iter().position(|p| p.kind == TokenKind::OpenHeredoc).unwrap_or(cell.len());
    cell[..heredoc].iter().map(|p| bracket_change(p.kind)).sum()
}

/// Spaces between the pieces of a cell.
fn space(pieces: &mut [Piece<'_>], cell: Range<usize>) {
    for at in cell.start + 1..cell.end {
        let before = (at >= cell.start + 2).then(|| &pieces[at - 2]);
        let after = (at + 1 < cell.end).then(|| &pieces[at + 1]);
        pieces[at].spaces = usize::from(is_spaced(before, &pieces[at - 1], &pieces[at], after));
    }
}

/// Puts a cell of neighbouring lines in one column: one space after the longest of what stands before it. A line without that
/// cell ends the neighbourhood.
fn align(pieces: &mut [Piece<'_>], lines: &[Line], cells: impl Fn(&Line) -> (Range<usize>, Range<usize>)) {
    let mut chain: Vec<(usize, usize)> = Vec::new();
    for line in lines {
        let (cell, before) = cells(line);
        if cell.is_empty() {
            close(pieces, &mut chain);
        } else {
            chain.push((cell.start, columns(&pieces[before])));
        }
    }
    close(pieces, &mut chain);
}

fn close(pieces: &mut [Piece<'_>], chain: &mut Vec<(usize, usize)>) {
    let widest = chain.iter().map(|(_, columns)| *columns).max().unwrap_or(0);
    for (at, columns) in chain.drain(..) {
        pieces[at].spaces = widest - columns + 1;
    }
}

/// Characters as a person counts them.
fn columns(pieces: &[Piece<'_>]) -> usize {
    let width = |text: &str| if text.is_ascii() { text.len() } else { text.graphemes(true).count() };
    pieces.iter().map(|p| p.spaces + width(&p.text)).sum()
}
