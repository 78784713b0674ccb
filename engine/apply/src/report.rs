//! Progress, as events.

use std::time::Duration;

use pilotis_plan::{LookedAt, PlanAction};

/// What a call does, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads objects (one call may read many).
    Read,
    /// Makes an object.
    Create,
    /// Changes an object in place.
    Update,
    /// Removes an object.
    Delete,
    /// Takes an object over.
    Import,
    /// Finds out what became of an interrupted change.
    Settle,
    /// Opens an ephemeral resource.
    Open,
    /// Closes an ephemeral resource.
    Close,
}

/// Something that happened. Borrowed: copy what you keep.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A provider was connected.
    Connected {
        /// Local name.
        provider: &'a str,
        /// Its host.
        host: &'a str,
    },
    /// Objects are being read.
    Reading {
        /// Of which type.
        type_name: &'a str,
        /// How many are asked for.
        objects: usize,
    },
    /// A service may not show yet what was done just now: it is looked at once more after this time.
    Waiting {
        /// Local name.
        provider: &'a str,
        /// How long.
        time: Duration,
    },
    /// These are being looked at, if the reporter wants to know of each.
    LookingAt(&'a [LookedAt]),
    /// They were looked at.
    Looked(&'a [LookedAt], Duration),
    /// The plan is made.
    Planned {
        /// Changes that are not no-ops.
        changes: usize,
    },
    /// An effect has begun; its intent is durable.
    Started {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// What is done now.
        operation: Operation,
        /// What it is part of.
        action: PlanAction,
    },
    /// It goes on (said every ten seconds).
    StillRunning {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// What is done.
        operation: Operation,
        /// What it is part of.
        action: PlanAction,
        /// For how long already.
        elapsed: Duration,
    },
    /// It is done.
    Finished {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// What was done.
        operation: Operation,
        /// What it is part of.
        action: PlanAction,
        /// The object's id, if it has one that isn't secret.
        id: Option<&'a str>,
        /// How long it took.
        elapsed: Duration,
    },
    /// It failed, or its outcome is not known.
    Failed {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// What was tried.
        operation: Operation,
        /// What it is part of.
        action: PlanAction,
        /// Why, without secrets.
        error: &'a str,
        /// How long it took.
        elapsed: Duration,
    },
    /// A program of a provisioner begins.
    ProgramStarted {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
    },
    /// It said something.
    ProgramSaid {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// One line, without secrets.
        line: &'a str,
    },
    /// It has ended.
    ProgramEnded {
        /// Address as a person reads it.
        address: &'a str,
        /// The address as Terraform writes it.
        json_address: &'a str,
        /// It failed.
        failed: bool,
    },
    /// The run was asked to stop: what is in flight is finished, nothing new begins.
    Stopping {
        /// Effects in flight.
        in_flight: usize,
    },
}

/// Is told what happens. Called from the driver's task: must not block.
pub trait Reporter: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
    /// It wants to know of each object that is looked at; else only how many there are.
    fn wants_each(&self) -> bool {
        false
    }
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn event(&self, _event: &Event<'_>) {}
}
