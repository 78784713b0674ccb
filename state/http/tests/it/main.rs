//! The document behind GitLab's managed state, over real HTTP.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; the helpers around them too")]

mod conformance;
mod locks;
mod place;
mod refusals;
mod terraform;
mod versions;
