//! A state that is one JSON document, kept by a server that knows nothing of it: read as a whole, replaced as a whole.
//!
//! Here live the form of the document and the store that works on it, for every server that can refuse to replace a version that is
//! no longer the newest. How a server is spoken to is each backend's own (`state/http`, `state/s3`).

mod document;
mod form;
mod store;
mod text;

pub use document::{Document, ServerLock, Stored, Tag};
pub use form::{is_terraform, was_taken_over};
pub use store::{Before, DocumentStore, left_to_terraform};
pub use text::Text;
