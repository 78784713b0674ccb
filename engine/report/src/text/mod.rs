//! Reports as text for a terminal or a log.

mod console;
mod difference;
mod drift;
mod graph;
mod lines;
mod literal;
mod outputs;
mod pairing;
pub(crate) mod parts;
mod plan;
mod run;
mod style;
mod tree;
mod unified;
mod why;

pub use console::console;
pub use drift::drift;
pub use graph::{dot, tree};
pub use literal::{SENSITIVE, UNKNOWN, one_line};
pub use outputs::{outputs, state_list_entry, state_object};
pub use plan::{Lost, plan, verdict};
pub use run::{run, run_verdict};
pub use style::{Role, Style, clean};
pub use unified::unified_diff;
pub use why::why;
