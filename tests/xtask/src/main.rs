//! What is run beside the tests: whole-process benchmarks (`bench`), fuzzing (`fuzz`), the formatter and the planner beside Terraform's
//! (`fmt-compare`, `plan-compare`), simulated histories (`simulate`).
//! The repository's rules are in `tests/tidy.rs`.
//!
//! `cargo run --release -p xtask -- bench [SIZE…]`: resources are `terraform_data`, which cost nothing: what is measured is the engine, from process start to exit, with a durable state. Where
//! `terraform` is installed the same configuration is given to it in the same run.

mod bench;
mod fmt_compare;
mod fuzz;
mod mutate;
mod plan_compare;
mod simulate;

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("bench") => bench::run(&args.collect::<Vec<_>>()),
        Some("fuzz") => fuzz::run(&args.collect::<Vec<_>>()),
        Some("fmt-compare") => fmt_compare::run(&args.collect::<Vec<_>>()),
        Some("simulate") => simulate::run(&args.collect::<Vec<_>>()),
        Some("plan-compare") => plan_compare::run(&args.collect::<Vec<_>>()),
        _ => anyhow::bail!(
            "usage: cargo run --release -p xtask -- bench [-terraform] [-language | -durability] [SIZE…]\n       \
             cargo run -p xtask -- fuzz [-seconds N | -runs N] [-minimise] [TARGET…]\n       \
             cargo run -p xtask -- fmt-compare [-generate N] [-seed S] [FILE or FOLDER…]\n       \
             cargo run -p xtask -- simulate [-seeds N] [-from SEED] [-seed SEED]\n       \
             cargo run -p xtask -- plan-compare [-runs N] [-seed S] [-engine PATH]"
        ),
    }
}

#[allow(clippy::print_stdout, reason = "a command-line tool's result")]
fn println(line: &str) {
    println!("{line}");
}

/// A program on the path.
fn which(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(name)).find(|path| path.exists())
}
