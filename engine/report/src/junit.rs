//! The results of tests in JUnit's XML, as continuous integration reads it.
//!
//! The format that its readers agree on: <https://github.com/testmoapp/junitxml>.

use std::fmt::Write as _;

/// A test file.
#[derive(Clone, Debug)]
pub struct JunitFile<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its runs, in order.
    pub runs: Vec<JunitRun<'a>>,
}

/// A run.
#[derive(Clone, Debug)]
pub struct JunitRun<'a> {
    /// Its name.
    pub name: &'a str,
    /// When it began, in RFC 3339, and how many seconds it took; none if it was not run.
    pub time: Option<(String, f64)>,
    /// What came of it.
    pub result: JunitResult,
}

/// What came of a run. Texts are diagnostics as a person reads them, without colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JunitResult {
    /// All held; with warnings, perhaps.
    Passed(String),
    /// An assertion did not hold.
    Failed(String),
    /// Something else went wrong.
    Errored(String),
    /// It was not run, and why.
    Skipped(String),
}

/// The document.
pub fn junit(files: &[JunitFile<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for file in files {
        let count = |is: fn(&JunitResult) -> bool| file.runs.iter().filter(|r| is(&r.result)).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" skipped=\"{}\" failures=\"{}\" errors=\"{}\">",
            attribute(file.path),
            file.runs.len(),
            count(|r| matches!(r, JunitResult::Skipped(_))),
            count(|r| matches!(r, JunitResult::Failed(_))),
            count(|r| matches!(r, JunitResult::Errored(_))),
        );
        for run in &file.runs {
            case(file.path, run, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(path: &str, run: &JunitRun<'_>, out: &mut String) {
    let _ = write!(out, "    <testcase name=\"{}\" classname=\"{}\"", attribute(run.name), attribute(path));
    if let Some((began, seconds)) = &run.time {
        let _ = write!(out, " time=\"{seconds:.6}\" timestamp=\"{}\"", attribute(began));
    }
    let (element, message, text) = match &run.result {
        JunitResult::Passed(text) if text.is_empty() => {
            out.push_str("></testcase>\n");
            return;
        }
        JunitResult::Passed(text) => {
            let _ = writeln!(out, ">\n      <system-err>{}</system-err>\n    </testcase>", cdata(text));
            return;
        }
        JunitResult::Failed(text) => ("failure", "Test run failed", text),
        JunitResult::Errored(text) => ("error", "Encountered an error", text),
        JunitResult::Skipped(text) => ("skipped", "Testcase skipped", text),
    };
    let _ = writeln!(
        out,
        ">\n      <{element} message=\"{message}\">{}</{element}>\n    </testcase>",
        cdata(text)
    );
}

/// Text of an attribute.
fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| is_xml(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// Text that is shown as it stands.
fn cdata(text: &str) -> String {
    let text: String = text.chars().filter(|c| is_xml(*c)).collect();
    // The mark that ends it can't stand in it.
    format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"))
}

/// XML 1.0 has no other characters, in whatever form.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_would_misread_is_written_so_that_it_does_not() {
        let run = |name, result| JunitRun { name, time: Some(("2024-05-01T10:00:00Z".into(), 1.5)), result };
        let files = [JunitFile {
            path: "tests/a&b.tftest.hcl",
            runs: vec![
                run("one", JunitResult::Passed(String::new())),
                run("two", JunitResult::Failed("a < b, \u{1b}[31m ]]> end".into())),
                JunitRun {
                    name: "three",
                    time: None,
                    result: JunitResult::Skipped("because \"two\"".into()),
                },
            ],
        }];
        insta::assert_snapshot!(junit(&files), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="tests/a&amp;b.tftest.hcl" tests="3" skipped="1" failures="1" errors="0">
            <testcase name="one" classname="tests/a&amp;b.tftest.hcl" time="1.500000" timestamp="2024-05-01T10:00:00Z"></testcase>
            <testcase name="two" classname="tests/a&amp;b.tftest.hcl" time="1.500000" timestamp="2024-05-01T10:00:00Z">
              <failure message="Test run failed"><![CDATA[a < b, [31m ]]]]><![CDATA[> end]]></failure>
            </testcase>
            <testcase name="three" classname="tests/a&amp;b.tftest.hcl">
              <skipped message="Testcase skipped"><![CDATA[because "two"]]></skipped>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
