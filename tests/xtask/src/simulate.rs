//! `simulate`: any number of simulated histories of the planner and the apply machine, on all cores.
//!
//! Whatever a seed makes is made again by `-seed`: a failure names the command. What is simulated is in the tests of
//! `engine/plan`: one process after another (`simulation`), several at once (`concurrency`). What they counted is summed up here.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};

const TESTS: [&str; 2] = ["simulation", "concurrency"];

pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let (mut seeds, mut from, mut one) = (1000, 0, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || -> anyhow::Result<u64> {
            let text = args.next().with_context(|| format!("{arg} needs a number"))?;
            text.parse().with_context(|| format!("{arg} {text}: not a number"))
        };
        match arg.trim_start_matches('-') {
            "seeds" => seeds = number()?,
            "from" => from = number()?,
            "seed" => one = Some(number()?),
            _ => bail!("usage: cargo run -p xtask -- simulate [-seeds N] [-from SEED] [-seed SEED]"),
        }
    }
    build()?;
    if let Some(seed) = one {
        for test in TESTS {
            one_part(test, &[("SIMULATION_SEED", seed)])?
                .lines()
                .iter()
                .for_each(|line| crate::println(line));
        }
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    for test in TESTS {
        let began = Instant::now();
        let share = seeds.div_ceil(cores);
        let counted = std::thread::scope(|scope| {
            let parts: Vec<_> = (0..cores)
                .map(|part| {
                    let runs = share.min(seeds.saturating_sub(part * share));
                    let range = [("SIMULATION_FROM", from + part * share), ("SIMULATION_RUNS", runs)];
                    scope.spawn(move || one_part(test, &range))
                })
                .collect();
            parts.into_iter().try_fold(Counted::default(), |all, part| {
                let part = part.join().unwrap_or_else(|_| bail!("{test} was given up"))?;
                anyhow::Ok(all.and(part))
            })
        })?;
        counted.lines().iter().for_each(|line| crate::println(line));
        crate::println(&format!(
            "{test}: seeds {from} to {} without a broken invariant ({:.0} s)",
            from + seeds - 1,
            began.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}

/// What tests said that they went through: by kind of history, by what was counted.
#[derive(Default)]
struct Counted(BTreeMap<String, Vec<(String, u64)>>);

impl Counted {
    /// Reads lines like `simulated KIND: 3 histories, 12 runs`; the test runner's dots may stand before them.
    fn read(output: &str) -> Counted {
        let mut counted = Counted::default();
        for line in output.lines() {
            let Some((kind, counts)) = line.split("simulated ").nth(1).and_then(|l| l.split_once(": "))
            else {
                continue;
            };
            let count = |part: &str| {
                let (number, what) = part.split_once(' ')?;
                Some((what.to_owned(), number.parse().ok()?))
            };
            counted.0.insert(kind.to_owned(), counts.split(", ").filter_map(count).collect());
        }
        counted
    }

    fn and(mut self, other: Counted) -> Counted {
        for (kind, counts) in other.0 {
            let all = self.0.entry(kind).or_default();
            for (what, number) in counts {
                match all.iter_mut().find(|(known, _)| *known == what) {
                    Some((_, sum)) => *sum += number,
                    None => all.push((what, number)),
                }
            }
        }
        self
    }

    fn lines(&self) -> Vec<String> {
        let line = |(kind, counts): (&String, &Vec<(String, u64)>)| {
            let counts: Vec<String> =
                counts.iter().map(|(what, number)| format!("{number} {what}")).collect();
            format!("  {kind}: {}", counts.join(", "))
        };
        self.0.iter().map(line).collect()
    }
}

fn cargo(test: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--package", "pilotis-plan", "--test", test]);
    command
}

fn build() -> anyhow::Result<()> {
    for test in TESTS {
        anyhow::ensure!(cargo(test).arg("--no-run").status()?.success(), "the tests can't be built");
    }
    Ok(())
}

/// Runs a part of the seeds; what it counted, or all that it said if it fails.
fn one_part(test: &str, range: &[(&str, u64)]) -> anyhow::Result<Counted> {
    let variables = range.iter().map(|(name, number)| (name, number.to_string()));
    let output =
        cargo(test).args(["--", "--nocapture"]).envs(variables).output().context("cargo can't be run")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(Counted::read(&said));
    }
    let text = said + &String::from_utf8_lossy(&output.stderr);
    let seed = text.split("SIMULATION_SEED=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let again = seed.map(|seed| format!("cargo run -p xtask -- simulate -seed {seed}")).unwrap_or_default();
    bail!("{text}\n{test} failed; repeat with: {again}")
}
