//! One file a command: reads its arguments, calls the engine, shows the result, says how to exit.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod console;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod force_unlock;
pub(crate) mod graph;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod metadata;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod providers;
pub(crate) mod sandbox;
pub(crate) mod show;
pub(crate) mod state;
pub(crate) mod taint;
pub(crate) mod test;
pub(crate) mod validate;
pub(crate) mod version;
pub(crate) mod why;
pub(crate) mod workspace;
