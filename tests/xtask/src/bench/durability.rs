//! What durability costs: the same apply with its folder in memory and on the disk that this program was built on.
//!
//! In memory a sync costs nothing, and all else is the same. Rounds take turns, so that both see the same machine; the best
//! and the median of each are shown, and what the disk adds to each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::time;
use crate::println;

/// Where Linux has a file system in memory.
const MEMORY: &str = "/dev/shm";

const ROUNDS: usize = 7;

pub(super) fn run(pilotis: &Path, size: usize) -> anyhow::Result<()> {
    let disk = pilotis.parent().context("a folder")?.to_owned();
    let memory = PathBuf::from(MEMORY);
    ensure!(memory.is_dir(), "there is no {MEMORY}: what durability costs can't be told here");
    println(
        "| resources | -parallelism | in memory, best and median s | on disk, best and median s | added |",
    );
    println("| ---: | ---: | ---: | ---: | ---: |");
    for parallelism in [1, 10, 100] {
        let (mut in_memory, mut on_disk) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            in_memory.push(apply(pilotis, &memory, size, parallelism)?);
            on_disk.push(apply(pilotis, &disk, size, parallelism)?);
        }
        let ((m, mm), (d, dm)) = (best_and_median(in_memory), best_and_median(on_disk));
        let added = |d: f64, m: f64| (d / m - 1.0) * 100.0;
        println(&format!(
            "| {size} | {parallelism} | {m:.3} {mm:.3} | {d:.3} {dm:.3} | {:.0} % {:.0} % |",
            added(d, m),
            added(dm, mm)
        ));
    }
    Ok(())
}

/// Seconds of an apply that makes so many objects which cost nothing.
fn apply(pilotis: &Path, place: &Path, size: usize, parallelism: usize) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(place)?;
    let text = format!(
        "resource \"terraform_data\" \"x\" {{\n  count = {size}\n  input = \"value ${{count.index}}\"\n}}\n"
    );
    fs::write(dir.path().join("main.tf"), text)?;
    let parallelism = format!("-parallelism={parallelism}");
    let taken = time(pilotis, dir.path(), &["apply", "-auto-approve", "-no-color", &parallelism])?;
    ensure!(taken.stdout.contains(&format!("{size} added")), "{}", taken.stdout);
    Ok(taken.wall.as_secs_f64())
}

fn best_and_median(mut seconds: Vec<f64>) -> (f64, f64) {
    seconds.sort_by(f64::total_cmp);
    (seconds[0], seconds[seconds.len() / 2])
}
