//! The binary, end to end: in folders of their own, against the sandbox behind real HTTP.
//!
//! `PILOTIS_SLOW_TESTS=1` adds what takes minutes in an unoptimised build.

// A test that fails should say where and with what, not be polite about it.
#![allow(clippy::unwrap_used)]

mod audit;
mod backends;
mod bad_input;
mod checks;
mod commands;
mod connections;
mod console;
mod data_sources;
mod disk;
mod documents;
mod encryption;
mod ephemeral;
mod explain;
mod fmt;
mod functions;
mod generate;
mod harness;
mod hostile;
mod json_syntax;
mod kill;
mod modules;
mod openbao;
mod organisation;
mod planted_secrets;
mod private_files;
mod providers;
mod provisioners;
mod reading;
mod recipients;
mod remote_state;
mod replaced;
mod restore;
mod scripted;
mod services;
mod state_edit;
mod state_files;
mod state_transfer;
mod story;
mod takeover;
mod takeover_remote;
mod terminal;
mod testing;
mod utility;
mod validate;
mod workspaces;
