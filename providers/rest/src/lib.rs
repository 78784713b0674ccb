//! The REST toolkit of the providers: one client that knows how to authenticate, page, retry, slow down and fail.
//!
//! Nobody writes a retry loop, a paging loop or an error parser in a resource file: that is here. What a status or an error body means
//! is a service's own matter and is given as a function ([`Settings::refusal`]). Nothing here knows a service by name.
//!
//! Start with [`Settings`] and [`Client`]; [`mod@retry`] says when a call is made again, [`mod@failure`] what is said when it isn't.

mod auth;
mod client;
pub mod failure;
pub mod limit;
pub mod page;
mod request;
pub mod retry;
mod send;

pub use auth::Auth;
pub use client::{Client, Limits, Named, RefusalParser, Settings, Tls};
pub use failure::{Refusal, Told};
pub use page::Pages;
pub use pilotis_trust::Settings as TrustSettings;
pub use request::{Request, Response};
pub use reqwest::{Method, StatusCode, header};
