//! Parts of the text that the page is made of too: both say the same.

use pilotis_plan::ResourceChange;

use super::plan;
use super::style::Style;

pub(crate) use super::drift::summary as brief;
pub(crate) use super::lines::{Lines, Row, Sign};
pub(crate) use super::plan::{difference_of_output, headline, is_shown, remarks, sign, what_goes};
pub(crate) use super::style::count as counted;
pub(crate) use super::tree::Node;

/// The lines of one object; none if nothing of it changes.
pub(crate) fn block_of(change: &ResourceChange) -> Vec<Row> {
    let style = Style::default();
    let mut lines = Lines::new(&style);
    plan::block(&mut lines, change);
    lines.into_rows()
}
