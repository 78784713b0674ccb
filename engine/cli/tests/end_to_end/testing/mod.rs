//! `pilotis test`: runs, mocks, reports, what is removed afterwards, and what is wrong with test files.

mod cleanup;
mod made_up;
mod reports;
mod runs;
mod wrong;

use crate::harness::{Folder, Ran};

/// A folder with `main.hcl` and one test file, `main.tftest.hcl`.
fn tested(main: &str, test: &str) -> Folder {
    let folder = Folder::with(main);
    folder.write("main.tftest.hcl", test);
    folder
}

/// Both streams, one after the other.
fn both(ran: &Ran) -> String {
    format!("{}--- standard error\n{}", ran.out, ran.err)
}
