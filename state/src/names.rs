//! The names of the enumerations, as stores write them in columns and reports in JSON. The same as their serde names.

use crate::{Action, ChangeOutcome, RunKind, RunStatus, Status};

macro_rules! names {
    ($($ty:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {$(
        impl $ty {
            /// All of them.
            pub const ALL: &[$ty] = &[$($ty::$variant),+];

            /// Its stored name.
            pub fn as_str(self) -> &'static str {
                match self { $($ty::$variant => $name),+ }
            }

            /// From the stored name.
            pub fn parse(name: &str) -> Option<$ty> {
                match name { $($name => Some($ty::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $ty {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

names! {
    Status { Ready = "ready", Tainted = "tainted" }
    RunKind { Apply = "apply", Destroy = "destroy", Import = "import", Refresh = "refresh", Edit = "edit" }
    RunStatus {
        Running = "running", Done = "done", Partial = "partial", Failed = "failed", Interrupted = "interrupted",
    }
    Action {
        Create = "create", Update = "update", Delete = "delete", Forget = "forget", Import = "import",
        Refresh = "refresh", Move = "move", Taint = "taint", Untaint = "untaint",
        Rebind = "rebind",
    }
    ChangeOutcome { Done = "done", Failed = "failed", Unknown = "unknown", Adopted = "adopted" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: serde::Serialize + Copy + PartialEq + std::fmt::Debug>(
        all: &[T],
        name: fn(T) -> &'static str,
        parse: fn(&str) -> Option<T>,
    ) {
        for &one in all {
            assert_eq!(serde_json::to_value(one).unwrap(), name(one));
            assert_eq!(parse(name(one)), Some(one));
        }
        assert_eq!(parse("no such name"), None);
    }

    #[test]
    fn names_are_those_of_serde() {
        check(Status::ALL, Status::as_str, Status::parse);
        check(RunKind::ALL, RunKind::as_str, RunKind::parse);
        check(RunStatus::ALL, RunStatus::as_str, RunStatus::parse);
        check(Action::ALL, Action::as_str, Action::parse);
        check(ChangeOutcome::ALL, ChangeOutcome::as_str, ChangeOutcome::parse);
    }
}
