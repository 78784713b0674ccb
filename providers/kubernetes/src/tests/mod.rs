//! The provider against the sandbox's API server: lives of objects, what others change, faults, rights.

mod connecting;
mod data;
mod deletion;
mod drift;
mod ephemeral;
mod faults;
mod life;
mod manifests;
mod rights;
mod world;
