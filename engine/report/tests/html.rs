//! The page of a plan: nothing in it runs, nothing in it is loaded, all of it can be read.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

mod common;

use std::collections::BTreeMap;

use common::*;
use pilotis_plan::{CheckStatus, CheckedBlock, CheckedInstance, CheckedKind, Plan, PlanAction};
use pilotis_report::html::{self, About};
use pilotis_report::{Style, text};
use pilotis_schema::address::{Key, ModulePath};
use pilotis_value::Value;
use proptest::prelude::*;

fn page(plan: &Plan) -> String {
    let about = About { title: "forge", timestamp: "2026-01-02T03:04:05Z", version: "1.2.3" };
    html::plan(plan, &about, &lost)
}

/// The text of the page as a reader gets it: one line for each line of the page that has some.
fn readable(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let body = body
        .replace("</", "\n</")
        .replace("<h", "\n<h")
        .replace("<li", "\n<li")
        .replace("<span class=\"act", "\n<span class=\"act");
    let mut text = String::new();
    let mut rest = body.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').unwrap().1;
    }
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    text.lines().filter(|l| !l.trim().is_empty()).map(|l| format!("{}\n", l.trim_end())).collect()
}

#[test]
fn a_page_says_what_the_text_says() {
    let plan = plan();
    let page = readable(&page(&plan));
    let text = text::plan(&plan, &Style { width: 400, ..Style::default() }, &lost);
    // All but the heading of the legend, which the words in front of each object replace.
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let squeezed = squeeze(&page);
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let line = squeeze(line.trim_start_matches(['#', ' ']).trim_matches(['(', ')']));
        let legend =
            ["Actions are shown", "Pilotis will perform", "+ create", "~ update", "-/+ destroy", "- destroy"];
        let heading = line.starts_with("Changes to Outputs") || line.ends_with("will be destroyed:");
        // A clause is a sentence there.
        let mut clause = line.clone();
        clause.replace_range(..1, &line[..1].to_uppercase());
        let said = squeezed.contains(&line) || squeezed.contains(&clause);
        // What is destroyed is a list of links, without the signs.
        let linked = line.split_once(' ').is_some_and(|(_, rest)| squeezed.contains(rest));
        assert!(
            said || linked || heading || legend.iter().any(|l| line.starts_with(l)),
            "{line:?} is not in\n{page}"
        );
    }
    assert!(page.contains("Plan: 1 to import, 2 to add, 2 to change, 2 to destroy."));
    assert!(!page.contains("hunter"), "{page}");
}

#[test]
fn what_is_not_known_and_what_fails_is_said_before_the_changes() {
    let check = CheckedInstance {
        address: "check.limits".into(),
        status: CheckStatus::Fail,
        problems: vec!["too <big>".into()],
    };
    let block = CheckedBlock {
        kind: CheckedKind::Check,
        address: "check.limits".into(),
        status: CheckStatus::Fail,
        instances: vec![check],
    };
    let plan = Plan { checks: vec![block], partial: true, ..drifted() };
    let page = page(&plan);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not in {page}"));
    assert!(at("Incomplete: 1 object could not be looked at") < at("id=\"changes\""));
    assert!(at("1 check fails") < at("id=\"changes\""));
    assert!(page.contains("too &lt;big&gt;"));
    assert!(page.contains("Narrowed by -target"));
    assert!(page.contains("2 objects have changed outside of Pilotis"));
}

/// Everything that a service or a configuration can say, in every place where the page says it.
fn plan_that_says(evil: &str) -> Plan {
    let address = instance(module(&[("project", Some(evil))]), "t", "n", Some(Key::String(evil.into())));
    let sides = (object(&[(evil, s(evil)), ("x", s(evil))]), object(&[(evil, s("a\nb")), ("x", unknown())]));
    let mut changed = change(address.clone(), PlanAction::DeleteThenCreate, sides.0.clone(), sides.1);
    changed.replace_paths = vec![path(&[evil])];
    changed.importing = Some(evil.into());
    changed.deposed = Some(evil.into());
    let mut moved = change(address, PlanAction::NoOp, sides.0.clone(), sides.0);
    moved.moved_from = Some(instance(ModulePath::default(), "t", "m", Some(Key::String(evil.into()))).into());
    let output = pilotis_plan::OutputChange {
        name: evil.into(),
        before: None,
        after: Some(s(evil)),
        sensitive: false,
    };
    Plan {
        changes: vec![changed, moved],
        outputs: vec![output],
        unseen: vec![unseen(evil, evil)],
        ..drifted()
    }
}

fn assert_harmless(plan: &Plan, evil: &str) {
    let about = About { title: evil, timestamp: evil, version: evil };
    let page = html::plan(plan, &about, &lost);
    assert_eq!(page.matches("<script").count(), 0, "{evil:?}");
    for attribute in ["onload", "onerror", "onclick", "src=", "srcset="] {
        let unescaped = page.match_indices(attribute).filter(|(i, _)| {
            let before = &page[..*i];
            before.rfind('<') > before.rfind('>')
        });
        // Inside a tag only as the text of an escaped attribute value.
        for (i, _) in unescaped {
            let tag = &page[page[..i].rfind('<').unwrap()..i];
            assert_eq!(tag.matches('"').count() % 2, 1, "{tag}");
        }
    }
    let moved = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert!(!page.contains(moved), "{evil:?}");
    // Tags are balanced: nothing that was said has closed one.
    for tag in ["section", "details", "summary", "pre", "ul", "li", "main", "div", "code", "h3"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}: {evil:?}");
    }
}

#[test]
fn nothing_that_is_said_can_become_a_tag_or_turn_the_text_around() {
    for evil in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</pre></details><h1>Plan: 0 to destroy</h1>",
        "a\u{202e}b\u{1b}[2J\u{0}\r\u{2066}",
        "' onload='x",
        "</style><script>x</script>",
    ] {
        assert_harmless(&plan_that_says(evil), evil);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_at_all_can(evil in "[<>\"'&/a-e =\\p{Cc}\\p{Cf}]{0,12}") {
        assert_harmless(&plan_that_says(&evil), &evil);
    }
}

#[test]
fn it_loads_nothing_and_every_link_leads_somewhere() {
    let page = page(&plan());
    assert!(page.contains("default-src 'none'"));
    for loading in ["http:", "https:", "url(", "@import", "<link", "<iframe", "<img"] {
        assert!(!page.contains(loading), "{loading}");
    }
    let targets: Vec<&str> =
        page.split(" href=\"#").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    assert!(targets.len() > 3);
    for target in targets {
        assert_eq!(page.matches(&format!(" id=\"{target}\"")).count(), 1, "{target}");
    }
}

#[test]
fn headings_go_down_one_level_at_a_time() {
    let page = page(&plan());
    let mut last = 0;
    for level in page.match_indices("<h").filter_map(|(i, _)| page[i + 2..].chars().next()?.to_digit(10)) {
        assert!(level <= last + 1, "h{level} after h{last}");
        last = level;
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    for landmark in ["<header>", "<main>", "<nav ", "<footer>", "lang=\"en\""] {
        assert!(page.contains(landmark), "{landmark}");
    }
}

/// Contrast of two colours, as WCAG 2 defines it.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |color: &str| {
        let channel = |i: usize| {
            let value = f64::from(u8::from_str_radix(&color[i..i + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_text_can_be_read_on_its_ground_in_light_dark_and_print() {
    let page = page(&Plan::default());
    let blocks: Vec<&str> = page.split(":root {").skip(1).map(|b| b.split_once('}').unwrap().0).collect();
    assert_eq!(blocks.len(), 3, "light, dark and print");
    for block in blocks {
        let colors: BTreeMap<&str, &str> =
            block.split(';').filter_map(|d| d.trim().strip_prefix("--")?.split_once(": ")).collect();
        let mut pairs: Vec<(&str, &str)> =
            ["add", "change", "remove", "read"].iter().map(|c| (*c, "back")).collect();
        pairs.extend([
            ("add", "add-back"),
            ("change", "change-back"),
            ("remove", "remove-back"),
            ("read", "read-back"),
        ]);
        for text in ["text", "soft", "link", "remove"] {
            pairs.extend([(text, "back"), (text, "card")]);
        }
        // A remark of a replacement stands on the ground of its line.
        pairs.extend([("remove", "change-back"), ("remove", "add-back")]);
        for (text, ground) in pairs {
            let found = contrast(colors[text], colors[ground]);
            assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
        }
    }
}

#[test]
fn an_object_that_only_moves_has_no_lines() {
    let value = || Value::object_of([("id", s("1"))]);
    let mut moved =
        change(instance(ModulePath::default(), "t", "n", None), PlanAction::NoOp, value(), value());
    moved.moved_from = Some(instance(ModulePath::default(), "t", "old", None).into());
    let page = page(&Plan { changes: vec![moved], ..Plan::default() });
    assert!(page.contains("t.old has moved to t.n"));
    assert!(!page.contains("<details"));
}
