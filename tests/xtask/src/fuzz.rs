//! Builds and runs the fuzz targets with the stable compiler, each for some seconds; a crash is an error that names how to see it again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::println;

/// What libFuzzer needs in each crate: counters of the edges that were taken, and calls that tell it what is compared.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input may take so long and so much memory; more is a finding.
const LIMITS: &[&str] = &["-timeout=20", "-rss_limit_mb=2048", "-max_len=8192"];

/// Where the targets are, and how they were asked for.
struct Fuzz {
    dir: PathBuf,
    triple: String,
    /// When to stop looking.
    effort: Effort,
}

/// How long a target is looked at.
enum Effort {
    /// For so many seconds, each time elsewhere.
    Seconds(u32),
    /// So many inputs, the same each time: what an unrelated change is judged by.
    Runs(u32),
}

/// `fuzz [-seconds N | -runs N] [TARGET…]`; `fuzz -minimise [TARGET…]` makes the corpus small again.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let mut fuzz = Fuzz { dir: root().join("fuzz"), triple: host()?, effort: Effort::Seconds(8) };
    let (mut minimise, mut wanted) = (false, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-seconds" => {
                fuzz.effort = Effort::Seconds(args.next().context("-seconds takes a number")?.parse()?);
            }
            "-runs" => fuzz.effort = Effort::Runs(args.next().context("-runs takes a number")?.parse()?),
            "-minimise" => minimise = true,
            name => wanted.push(name.to_owned()),
        }
    }
    fuzz.build()?;
    let mut crashed = Vec::new();
    for target in fuzz.targets()? {
        if !wanted.is_empty() && !wanted.contains(&target) {
            continue;
        }
        if minimise {
            fuzz.minimise(&target)?;
        } else if !fuzz.search(&target)? {
            crashed.push(target);
        }
    }
    if wanted.is_empty() && !minimise {
        let grown = Command::new(fuzz.binary("growth")).status()?;
        ensure!(grown.success(), "some inputs cost more than their size: see above");
    }
    ensure!(crashed.is_empty(), "{} found something: see above", crashed.join(", "));
    Ok(())
}

impl Fuzz {
    fn build(&self) -> anyhow::Result<()> {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet", "--target", &self.triple])
            .current_dir(&self.dir)
            .env("RUSTFLAGS", FLAGS)
            .status()?;
        ensure!(built.success(), "the fuzz targets don't build");
        Ok(())
    }

    /// One binary a file in `fuzz_targets`.
    fn targets(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.dir.join("fuzz_targets"))? {
            let path = entry?.path();
            names.push(path.file_stem().context("a name")?.to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn binary(&self, target: &str) -> PathBuf {
        self.dir.join("target").join(&self.triple).join("release").join(target)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.dir.join("corpus").join(target)
    }

    /// Looks for inputs that break something; false if one does. What it learns is kept beside the build, not in the corpus.
    fn search(&self, target: &str) -> anyhow::Result<bool> {
        let learnt = self.dir.join("target/learnt").join(target);
        let artifacts = self.dir.join("artifacts").join(target);
        std::fs::create_dir_all(&learnt)?;
        std::fs::create_dir_all(&artifacts)?;
        let out = Command::new(self.binary(target))
            .args(LIMITS)
            .args(match self.effort {
                Effort::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
                Effort::Runs(runs) => vec![format!("-runs={runs}"), "-seed=1".into()],
            })
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(learnt)
            .arg(self.corpus(target))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{target} can't be run"))?;
        let said = String::from_utf8_lossy(&out.stderr);
        if out.status.success() {
            println(&format!("fuzz {target}: {}", summary(&said)));
            return Ok(true);
        }
        let skipped = said.lines().count().saturating_sub(60);
        for line in said.lines().skip(skipped) {
            println(line);
        }
        let input = said.lines().find_map(|l| l.split("Test unit written to ").nth(1)).unwrap_or("INPUT");
        println(&format!("fuzz {target}: FAILED. Again with: {} {input}", self.binary(target).display()));
        println(
            "Put the input into the target's corpus with the repair: `cargo test -p pilotis-bad-input` runs it from then on.",
        );
        Ok(false)
    }

    /// Keeps the inputs, of the corpus and of what was learnt, that reach something the others don't: the smallest of them.
    fn minimise(&self, target: &str) -> anyhow::Result<()> {
        let kept = tempfile::tempdir()?;
        let merged = Command::new(self.binary(target))
            .args(LIMITS)
            // How often something is reached makes many inputs that look alike.
            .args(["-set_cover_merge=1", "-use_counters=0", "-max_len=1500"])
            .arg(kept.path())
            .arg(self.corpus(target))
            .arg(self.dir.join("target/learnt").join(target))
            .stderr(Stdio::null())
            .status()?;
        if !merged.success() {
            bail!("{target}: an input breaks something; run it without -minimise");
        }
        let corpus = self.corpus(target);
        std::fs::remove_dir_all(&corpus)?;
        std::fs::create_dir_all(&corpus)?;
        for entry in std::fs::read_dir(kept.path())? {
            let entry = entry?;
            std::fs::copy(entry.path(), corpus.join(entry.file_name()))?;
        }
        println(&format!("{target}: {} inputs", std::fs::read_dir(&corpus)?.count()));
        Ok(())
    }
}

/// libFuzzer's last line, in short: how many inputs in how long, how much of the code they reached.
fn summary(said: &str) -> String {
    let done = said.lines().rev().find(|l| l.starts_with("Done ")).unwrap_or("nothing was said");
    let reached = said.lines().rev().find_map(|l| {
        let mut words = l.split_whitespace().skip_while(|w| *w != "cov:");
        words.next()?;
        words.next()
    });
    format!("{}, {} edges", done.trim_start_matches("Done "), reached.unwrap_or("0"))
}

/// This machine's triple. With it given, build scripts are built without the counters.
fn host() -> anyhow::Result<String> {
    let out = Command::new("rustc").arg("-vV").output()?;
    let said = String::from_utf8(out.stdout)?;
    let host = said.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc -vV says no host")?;
    Ok(host.to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
