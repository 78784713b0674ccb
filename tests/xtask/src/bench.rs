//! Whole-process benchmarks: time, memory and calls of the binary, as a person's shell sees them.

mod durability;
mod language;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::{println, which};

/// What one process took.
struct Taken {
    wall: Duration,
    /// Its own work and the kernel's for it: what a busy machine says truly.
    cpu: Duration,
    /// The most memory it had at once, in KiB.
    peak_kib: u64,
    stdout: String,
}

/// The shape of a generated configuration.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// As many blocks as resources; each tenth refers to the one before it.
    Blocks,
    /// One block with `for_each`, and one that refers to its instances.
    ForEach,
}

/// Runs all scenarios for each size and prints a table in Markdown.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let with_terraform = args.iter().any(|a| a == "-terraform");
    let sizes: Vec<usize> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    let pilotis = binary()?;
    if args.iter().any(|a| a == "-durability") {
        return sizes.iter().try_for_each(|size| durability::run(&pilotis, *size));
    }
    let terraform = with_terraform.then(|| which("terraform")).flatten();
    println("| program | resources | shape | step | seconds | CPU seconds | peak MiB |");
    println("| --- | ---: | --- | --- | ---: | ---: | ---: |");
    start_up(&pilotis)?;
    let mut programs = vec![("pilotis", pilotis.as_path())];
    programs.extend(terraform.as_deref().map(|path| ("terraform", path)));
    language::run(&programs)?;
    if args.iter().any(|a| a == "-language") {
        return Ok(());
    }
    for size in sizes {
        for shape in [Shape::Blocks, Shape::ForEach] {
            scenario("pilotis", &pilotis, size, shape)?;
            if let Some(terraform) = &terraform {
                scenario("terraform", terraform, size, shape)?;
            }
        }
    }
    Ok(())
}

fn start_up(pilotis: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut best: Option<Taken> = None;
    for _ in 0..10 {
        let taken = time(pilotis, dir.path(), &["version"])?;
        if best.as_ref().is_none_or(|b| taken.wall < b.wall) {
            best = Some(taken);
        }
    }
    row("pilotis", 0, "–", "version (best of 10)", &best.context("it ran")?);
    Ok(())
}

fn scenario(name: &str, program: &Path, size: usize, shape: Shape) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let shown = if shape == Shape::Blocks { "blocks" } else { "for_each" };
    fs::write(dir.path().join("main.tf"), configuration(size, shape, "first"))?;
    if name == "terraform" {
        time(program, dir.path(), &["init", "-no-color"])?;
    }
    let steps: [(&str, &[&str]); 4] = [
        ("validate", &["validate", "-no-color"]),
        ("create", &["apply", "-auto-approve", "-no-color"]),
        ("no-op plan", &["plan", "-no-color"]),
        ("no-op plan -refresh=false", &["plan", "-refresh=false", "-no-color"]),
    ];
    for (step, args) in steps {
        let taken = time(program, dir.path(), args)?;
        if step.starts_with("no-op") {
            ensure!(
                taken.stdout.contains("No changes"),
                "{name}: the plan should have no changes:\n{}",
                taken.stdout
            );
        }
        row(name, size, shown, step, &taken);
    }
    let one_change: [(&str, &str, &[&str]); 4] = [
        ("apply of one change", "second", &["apply", "-auto-approve", "-no-color"]),
        (
            "apply of one change -refresh=false",
            "third",
            &["apply", "-auto-approve", "-refresh=false", "-no-color"],
        ),
        (
            "plan of one change -refresh=false, saved",
            "fourth",
            &["plan", "-refresh=false", "-out=saved", "-no-color"],
        ),
        ("apply of the saved plan", "fourth", &["apply", "-no-color", "saved"]),
    ];
    for (step, marker, args) in one_change {
        fs::write(dir.path().join("main.tf"), configuration(size, shape, marker))?;
        let taken = time(program, dir.path(), args)?;
        let one = ["1 to change", "1 changed"].iter().any(|said| taken.stdout.contains(said));
        ensure!(one, "{name}: {step} should change one object:\n{}", taken.stdout);
        row(name, size, shown, step, &taken);
    }
    Ok(())
}

/// A configuration in which `marker` is an input of exactly one resource.
fn configuration(size: usize, shape: Shape, marker: &str) -> String {
    let mut text = String::new();
    match shape {
        Shape::Blocks => {
            for i in 0..size {
                let input = match i {
                    0 => format!("{marker:?}"),
                    i if i % 10 == 5 => format!("\"after ${{terraform_data.r{}.id}}\"", i - 1),
                    i => format!("\"value {i}\""),
                };
                let _ = write!(text, "resource \"terraform_data\" \"r{i}\" {{\n  input = {input}\n}}\n\n");
            }
        }
        Shape::ForEach => {
            let half = size / 2;
            let _ = write!(
                text,
                "locals {{\n  all = {{ for i in range({half}) : \"k${{i}}\" => i == 0 ? {marker:?} : \"value ${{i}}\" }}\n}}\n\n\
                 resource \"terraform_data\" \"a\" {{\n  for_each = local.all\n  input    = each.value\n}}\n\n\
                 resource \"terraform_data\" \"b\" {{\n  for_each = local.all\n  input    = terraform_data.a[each.key].id\n}}\n"
            );
        }
    }
    text
}

/// Runs a program to its end, and looks at its memory meanwhile.
fn time(program: &Path, dir: &Path, args: &[&str]) -> anyhow::Result<Taken> {
    let out = dir.join("stdout.txt");
    let before = children_cpu().unwrap_or_default();
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out)?)
        .stderr(fs::File::create(dir.join("stderr.txt"))?)
        .spawn()
        .with_context(|| format!("{} can't be started", program.display()))?;
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak(child.id()).unwrap_or(0).max(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = began.elapsed();
    let cpu = children_cpu().unwrap_or_default().saturating_sub(before);
    let stdout = fs::read_to_string(&out)?;
    if !status.success() {
        let stderr = fs::read_to_string(dir.join("stderr.txt"))?;
        bail!("{} {} failed ({status}):\n{stdout}\n{stderr}", program.display(), args.join(" "));
    }
    Ok(Taken { wall, cpu, peak_kib, stdout })
}

/// The processor time of all programs that were run and have ended (Linux, in hundredths of a second).
fn children_cpu() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may have spaces; the two are the 16th and 17th field of all.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(13..15)?.iter().filter_map(|n| n.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

/// The most memory that a process has had, in KiB (Linux).
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

fn row(name: &str, size: usize, shape: &str, step: &str, taken: &Taken) {
    let (seconds, cpu) = (taken.wall.as_secs_f64(), taken.cpu.as_secs_f64());
    let peak = taken.peak_kib / 1024;
    println(&format!("| {name} | {size} | {shape} | {step} | {seconds:.3} | {cpu:.2} | {peak} |"));
}

/// The release binary beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.parent().context("a folder")?.join("pilotis");
    ensure!(path.exists(), "{} is not there: cargo build --release first", path.display());
    Ok(path)
}
