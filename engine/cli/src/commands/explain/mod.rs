//! `pilotis explain`: what a code means, what a resource type or an attribute is. Nothing is read but what the program brings along.

mod schema;

use std::fmt::Write as _;

use anyhow::bail;
use pilotis_diag::{Explanation, did_you_mean, explanations};

use crate::args::ExplainArgs;
use crate::exit::Exit;
use crate::view::View;

/// Explains the topic, or lists all codes.
pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let text = match &args.topic {
        None => list(),
        Some(topic) => match code_number(topic) {
            Some(number) => code(topic, number)?,
            None => schema::explain(topic)?,
        },
    };
    View::plain(false).print(&text);
    Ok(Exit::Done)
}

/// The pages of all codes, in the order of their numbers.
fn pages() -> impl Iterator<Item = Explanation<'static>> {
    let all = [
        pilotis_syntax::EXPLANATIONS,
        pilotis_lang::EXPLANATIONS,
        pilotis_config::EXPLANATIONS,
        pilotis_plan::EXPLANATIONS,
    ];
    all.into_iter().flat_map(explanations)
}

/// The number of what looks like a code: `E0320`, `e320`, `W312`, `320`, `error[E0320]`.
fn code_number(topic: &str) -> Option<u32> {
    let topic = topic.trim_start_matches("error[").trim_start_matches("warning[").trim_end_matches(']');
    topic.trim_start_matches(['E', 'e', 'W', 'w']).parse().ok()
}

fn number_of(page: &Explanation<'_>) -> u32 {
    code_number(page.code).unwrap_or_default()
}

fn list() -> String {
    let mut text = String::new();
    for page in pages() {
        let _ = writeln!(text, "{}  {}", page.code, page.title);
    }
    text.push_str("\nFor one of them: pilotis explain CODE. Of resource types: pilotis explain TYPE, or TYPE.ATTRIBUTE.\n");
    text
}

fn code(topic: &str, number: u32) -> anyhow::Result<String> {
    if let Some(page) = pages().find(|p| number_of(p) == number) {
        return Ok(shown(&page));
    }
    let mut near: Vec<_> = pages().collect();
    near.sort_by_key(|p| (number_of(p).abs_diff(number), number_of(p)));
    let near: Vec<_> = near.iter().take(3).map(|p| format!("{} ({})", p.code, p.title)).collect();
    bail!("there is no code {topic}. The nearest are {}; `pilotis explain` lists all", near.join(", "))
}

/// A page for a terminal: examples are indented, not fenced.
fn shown(page: &Explanation<'_>) -> String {
    let mut text = format!("{}: {}\n\n", page.code, page.title);
    for (i, part) in page.body.split("```").enumerate() {
        if i % 2 == 0 {
            text.push_str(part);
            continue;
        }
        let (info, example) = part.split_once('\n').unwrap_or((part, ""));
        text.push_str(if info.split(' ').any(|word| word == "right") { "Right:\n\n" } else { "Wrong:\n\n" });
        for line in example.lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
        // What follows begins with the line feed of the fence.
        text.truncate(text.trim_end().len());
    }
    text.push('\n');
    text
}

/// `Did you mean …?`, with the space before it, or nothing.
fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    did_you_mean(given, names).map_or_else(String::new, |name| format!(" Did you mean {name:?}?"))
}
