//! The formatter beside `terraform fmt`: over files, and over files made from them by small changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use pilotis_bad_input::{comments, meaning};

use crate::mutate::Random;
use crate::{println, which};

/// What was asked for.
struct Wanted {
    paths: Vec<PathBuf>,
    /// How many files to make from those that were found.
    made: usize,
    seed: u64,
}

/// A text, and where it is from.
struct Case {
    from: String,
    text: String,
}

/// `fmt-compare [-generate N] [-seed S] [FILE or FOLDER…]`
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut wanted = Wanted { paths: Vec::new(), made: 0, seed: 1 };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-generate" => wanted.made = args.next().context("-generate takes a number")?.parse()?,
            "-seed" => wanted.seed = args.next().context("-seed takes a number")?.parse()?,
            path => wanted.paths.push(path.into()),
        }
    }
    if wanted.paths.is_empty() {
        wanted.paths = ["examples", "blueprints", "fuzz/corpus/format"].map(|p| root.join(p)).into();
    }
    let Some(terraform) = which("terraform") else {
        println("skipped: fmt-compare: terraform is not installed");
        return Ok(());
    };
    let cases = cases(&wanted)?;
    let theirs = terraform_fmt(&terraform, &cases.iter().map(|c| &*c.text).collect::<Vec<_>>())?;
    let valid: Vec<&str> = theirs.iter().map(|t| t.as_deref().unwrap_or("")).collect();
    let again = terraform_fmt(&terraform, &valid)?;
    let mut differences = 0;
    let mut excused: BTreeMap<&str, usize> = BTreeMap::new();
    for ((case, theirs), again) in cases.iter().zip(&theirs).zip(&again) {
        let ours = pilotis_syntax::format(&case.text).ok();
        if ours == *theirs {
            continue;
        }
        match reason(&case.text, ours.as_deref(), theirs.as_deref(), again.as_deref()) {
            Some(why) => *excused.entry(why).or_default() += 1,
            None => {
                differences += 1;
                if differences <= 20 {
                    show(case, ours.as_deref(), theirs.as_deref());
                }
            }
        }
    }
    println(&format!(
        "fmt-compare: {} texts, {differences} differ; deliberately otherwise: {excused:?}",
        cases.len()
    ));
    ensure!(differences == 0, "{differences} texts are laid out otherwise than by terraform fmt");
    Ok(())
}

fn cases(wanted: &Wanted) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for path in &wanted.paths {
        collect(path, &mut cases)?;
    }
    ensure!(!cases.is_empty(), "there are no files");
    let found = cases.len();
    let mut random = Random(wanted.seed);
    for i in 0..wanted.made {
        let from = &cases[random.below(found)];
        let other = &cases[random.below(found)];
        let (text, from) = (random.change(&from.text, &other.text), format!("{} changed, {i}", from.from));
        cases.push(Case { from, text });
    }
    Ok(cases)
}

fn collect(path: &Path, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.flatten().map(|e| e.path()).collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, cases));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().into_owned());
    if matches!(extension.as_deref(), None | Some("tf" | "tfvars" | "hcl"))
        && let Ok(text) = std::fs::read_to_string(path)
    {
        cases.push(Case { from: path.display().to_string(), text });
    }
    Ok(())
}

/// What `terraform fmt` makes of each text; none if it refuses it.
fn terraform_fmt(terraform: &Path, texts: &[&str]) -> anyhow::Result<Vec<Option<String>>> {
    let dir = tempfile::tempdir()?;
    let name = |i: usize| format!("c{i}.tf");
    for (i, text) in texts.iter().enumerate() {
        std::fs::write(dir.path().join(name(i)), text)?;
    }
    let out = Command::new(terraform)
        .args(["fmt", "-list=false", "-no-color"])
        .current_dir(dir.path())
        .env("CHECKPOINT_DISABLE", "1")
        .output()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success() || said.contains("Error:"), "terraform fmt fails: {said}");
    let refused: BTreeSet<&str> = said
        .lines()
        .filter_map(|l| l.trim_start_matches(['│', ' ']).strip_prefix("on "))
        .filter_map(|l| l.split(' ').next())
        .collect();
    let results = (0..texts.len()).map(|i| {
        let name = name(i);
        let text = std::fs::read_to_string(dir.path().join(&name))?;
        Ok((!refused.contains(name.as_str())).then_some(text))
    });
    results.collect()
}

/// Why a difference is meant to be, if it is; `docs/reference/differences.md` says the same to people. `again` is what `terraform fmt`
/// makes of its own result.
fn reason(text: &str, ours: Option<&str>, theirs: Option<&str>, again: Option<&str>) -> Option<&'static str> {
    let theirs = theirs?;
    if pilotis_syntax::format(theirs).is_err() {
        return Some("Terraform's result is not valid");
    }
    if meaning::of(theirs) != meaning::of(text) {
        return Some("Terraform's result means something else");
    }
    if text.trim_start_matches('\u{feff}').is_empty() {
        return Some("Terraform makes spaces of a byte order mark");
    }
    if comments(theirs) != comments(text) {
        return Some("Terraform loses a comment");
    }
    (ours.is_some() && again == ours).then_some("Terraform needs two runs for it")
}

fn show(case: &Case, ours: Option<&str>, theirs: Option<&str>) {
    println(&format!("── {}", case.from));
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let (mut a, mut b) = (ours.lines(), theirs.lines());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => break println("(ends of lines differ)"),
                    (ours, theirs) if ours == theirs => {}
                    (ours, theirs) => {
                        println(&format!("  ours   {ours:?}\n  theirs {theirs:?}"));
                        break;
                    }
                }
            }
        }
        (None, _) => println(&format!("  refused here, valid there: {:?}", case.text)),
        (_, None) => println(&format!("  valid here, refused there: {:?}", case.text)),
    }
}
