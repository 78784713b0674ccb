//! The store.

use crate::Document;

/// A state in a document.
pub struct DocumentStore<D: Document> {
    document: D,
}
