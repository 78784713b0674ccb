//! The plan: graph, expansion, the planner as a pure machine, the plan as data, its digest.
//!
//! No I/O and no clock: the planner says what it needs next and is told the answers. Only this crate names petgraph.

mod codes;
mod dependencies;
mod digest;
mod excerpt;
mod graph;
mod inputs;
mod machine;
mod made_of;
mod made_up;
mod outcome;
pub mod plan;
pub mod planfile;
mod propose;
mod record;
pub mod recording;
mod request;
mod same;
mod validate;
pub mod why;

pub use codes::{EXPLANATIONS, PROGRAMS_NOT_ALLOWED};
pub use dependencies::{Dependent, dependencies};
pub use inputs::{Inputs, Overrides, PlanMode, PlanOptions};
pub use machine::{
    ApplyStart, Broken, EffectInfo, EffectProgress, EffectTicket, Evaluation, Held, LookedAt, Machine, Phase,
    is_condition, is_told_by_apply,
};
pub use made_of::{KeptMadeOf, MadeOf};
pub use outcome::{Applied, ObjectOutcome, ObjectResult};
pub use plan::*;
pub use record::RecordReader;
pub use request::{
    Answer, CommitFailure, Connected, Created, Failure, Found, Listing, Outcome, Program, ProviderId,
    Request, RequestId,
};
pub use validate::{Known, validate};
