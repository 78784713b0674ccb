//! What is said of a panic, which is a defect of this program: where it is, and never a value.
//!
//! The message of a panic is written for whoever looks for the defect, and holds what happened to be at hand: a text that was cut in the middle of a
//! letter, an answer that could not be read. Any of it may be a secret, so only a message that stands in the program itself is shown.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;
use std::panic::Location;

/// From now on panics are told this way.
pub(crate) fn tell() {
    std::panic::set_hook(Box::new(|info| {
        let mut said = said(info.payload(), info.location());
        // With RUST_BACKTRACE alone. It names functions, and shows no value.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            said.push_str(&format!("\n{trace}"));
        }
        // There is nobody left to tell if this fails.
        let _ = writeln!(std::io::stderr(), "{said}");
    }));
}

fn said(payload: &dyn Any, location: Option<&Location<'_>>) -> String {
    let what = match payload.downcast_ref::<&'static str>() {
        Some(text) => *text,
        None => "the message is not shown, for it may hold a value",
    };
    let place = location.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!(
        "Error: a defect of Pilotis {} at {place}: {what}\n\nWhat was done so far is in the state: `pilotis plan` shows what is left. Please report it with this place, and with what RUST_BACKTRACE=1 adds.",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    /// What the payload of a panic gives.
    fn told(panic: impl FnOnce() + std::panic::UnwindSafe) -> String {
        said(&*catch_unwind(panic).unwrap_err(), None)
    }

    #[test]
    fn a_panic_is_told_without_what_it_held() {
        let secret = String::from("g€heim-hunter2");
        let values: [Box<dyn FnOnce() + std::panic::UnwindSafe>; 3] = [
            Box::new({
                let secret = secret.clone();
                move || drop(secret[..2].to_owned())
            }),
            Box::new({
                let secret = secret.clone();
                move || assert_eq!(secret.parse::<u8>().map_err(|_| secret).unwrap(), 0)
            }),
            Box::new(move || panic!("{secret} is no number")),
        ];
        for value in values {
            let told = told(value);
            assert!(told.contains("the message is not shown") && !told.contains("heim"), "{told}");
        }
        let told = told(|| panic!("no provider of that number"));
        assert!(told.contains("no provider of that number"), "{told}");
    }
}
