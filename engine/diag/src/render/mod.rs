//! The two ways to show a diagnostic: as a snippet for a person, and as Terraform's JSON for a program.

mod json;
mod text;

#[cfg(test)]
mod tests;

pub use json::to_json;
pub use text::{RenderOptions, render};
