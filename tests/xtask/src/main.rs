//! `cargo run --release -p xtask -- bench [SIZE…]`: whole-process benchmarks over generated configurations. The repository's rules are in
//! `tests/tidy.rs`.
//!
//! Resources are `terraform_data`, which cost nothing: what is measured is the engine, from process start to exit, with a durable state. Where
//! `terraform` is installed the same configuration is given to it in the same run.

mod bench;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("bench") => bench::run(&args.collect::<Vec<_>>()),
        _ => anyhow::bail!("usage: cargo run --release -p xtask -- bench [-terraform] [SIZE…]"),
    }
}
