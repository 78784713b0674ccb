//! What a simulation has gone through, counted for the thread that it runs in.

use std::cell::RefCell;

/// Counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub histories: u64,
    /// Plans that were begun, with what followed.
    pub runs: u64,
    /// Requests that were answered.
    pub steps: u64,
    pub crashes: u64,
    /// Invariants that were looked at.
    pub checks: u64,
}

thread_local! {
    static TALLY: RefCell<Tally> = RefCell::default();
}

/// Counts something.
pub fn count(what: impl FnOnce(&mut Tally)) {
    TALLY.with_borrow_mut(what);
}

/// Says what was counted, for `xtask simulate`.
#[allow(clippy::print_stdout, reason = "it is read there")]
pub fn say(kind: &str) {
    let Tally { histories, runs, steps, crashes, checks } = TALLY.take();
    println!(
        "simulated {kind}: {histories} histories, {runs} runs, {steps} steps, {crashes} crashes, {checks} checks"
    );
}

/// A number that the environment gives.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs histories: the one that `SIMULATION_SEED` names, or as many as `SIMULATION_RUNS` says from `SIMULATION_FROM` on; of those that take
/// long only one in `one_in`.
pub fn each_seed(kind: &str, usual: u64, one_in: u64, history: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let runs = || number("SIMULATION_RUNS").map_or(usual, |runs| runs.div_ceil(one_in));
    let (from, runs) = match number("SIMULATION_SEED") {
        Some(seed) => (seed, 1),
        None => (number("SIMULATION_FROM").unwrap_or(0), runs()),
    };
    for seed in from..from + runs {
        count(|t| t.histories += 1);
        let result = std::panic::catch_unwind(|| history(seed));
        assert!(
            result.is_ok(),
            "{kind}, seed {seed}: repeat with `cargo run -p xtask -- simulate -seed {seed}` (SIMULATION_SEED={seed})"
        );
    }
    say(kind);
}
