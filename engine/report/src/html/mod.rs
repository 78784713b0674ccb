//! A plan as one page: no script, nothing fetched, readable from disk, in print, by a screen reader, in the dark.
//!
//! The page says what the text says, in the same order and under the same headings. Everything that came from elsewhere goes through `clean`
//! (control characters and marks that reorder text are written out) and is then escaped by the template.

mod changes;
mod page;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pilotis_plan::Plan;

use crate::text::Lost;

/// What a page says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its title: which configuration was planned.
    pub title: &'a str,
    /// When the plan was made, in RFC 3339; empty if that isn't known.
    pub timestamp: &'a str,
    /// Version of this program.
    pub version: &'a str,
}

/// A plan as a page.
pub fn plan(plan: &Plan, about: &About<'_>, lost: Lost<'_>) -> String {
    document(about, page::page(plan, about, lost)).into_string()
}

/// Nothing may be loaded and nothing may run, whatever a value says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

fn document(about: &About<'_>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "Plan of " (crate::text::clean(about.title)) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body { (body) }
        }
    }
}
