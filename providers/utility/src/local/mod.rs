//! The `local` provider: files of this machine.
//!
//! A file whose content isn't what was written is taken for gone, as in the established provider: the next plan writes it again.

mod data;
mod digests;
mod file;

use pilotis_sdk::registry::Registry;

use crate::Here;

pub(crate) fn register(registry: Registry<Here>) -> Registry<Here> {
    registry
        .resource::<file::File>()
        .resource::<file::SensitiveFile>()
        .data_source::<data::File>()
        .data_source::<data::SensitiveFile>()
}
