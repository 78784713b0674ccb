//! What an evaluation is given, and how it is started.

use pilotis_diag::Diagnostics;
use pilotis_value::Value;

use pilotis_syntax::ast::BinaryOp;

use crate::node::{Node, Op};
use crate::run::Evaluator;
use crate::{Cause, Compiled, Slot};

/// The values of slots, for one instance of one module.
pub trait Frame {
    /// The value of a slot: a clone, which costs a pointer bump.
    fn get(&self, slot: Slot) -> Value;
}

/// Reads files for functions. The engine below `apply` touches no disk itself.
pub trait Files: Send + Sync {
    /// The bytes of a file; paths are relative to the working folder.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// True if it is a regular file.
    fn exists(&self, path: &str) -> Result<bool, String>;
    /// Paths under `dir` that match a glob pattern, sorted, relative to `dir`.
    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String>;
    /// The absolute form of a path.
    fn absolute(&self, path: &str) -> String;
    /// The home folder, for `pathexpand`.
    fn home(&self) -> Option<String>;
}

/// What functions may know.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Files.
    pub files: &'a dyn Files,
    /// What `plantimestamp()` says, in milliseconds since 1970.
    pub plan_time_ms: i64,
    /// `timestamp()`, `uuid()` … are unknown (planning), else made from this: the time of apply in milliseconds.
    pub apply_time_ms: Option<i64>,
}

impl Compiled {
    /// The value. Never fails: where there is an error the value is unknown (of the type that is known), and a diagnostic says why.
    pub fn eval(&self, frame: &dyn Frame, surroundings: &Surroundings<'_>, diags: &mut Diagnostics) -> Value {
        self.eval_with(&[], frame, surroundings, diags)
    }
    /// The same, with values for the `locals` that it was compiled with.
    pub fn eval_with(
        &self,
        locals: &[Value],
        frame: &dyn Frame,
        surroundings: &Surroundings<'_>,
        diags: &mut Diagnostics,
    ) -> Value {
        if let Some(value) = self.constant() {
            return value.clone();
        }
        Evaluator::new(frame, surroundings, locals, diags).run(&self.code.root)
    }
    /// If the expression is a comparison with `==`: its two sides, each with the place where it is written.
    pub fn compared(
        &self,
        frame: &dyn Frame,
        surroundings: &Surroundings<'_>,
    ) -> Option<[(pilotis_diag::Span, Value); 2]> {
        let Op::Binary(BinaryOp::Eq, sides) = &self.code.root.op else { return None };
        let side = |node: &Node| {
            let mut diags = Diagnostics::new();
            (node.span, Evaluator::new(frame, surroundings, &[], &mut diags).run(node))
        };
        Some([side(&sides[0]), side(&sides[1])])
    }
    /// What the expression refers to, and a clause that says what that is ("is null", "is \"x\""; never a secret), sorted: for the
    /// diagnostic of whoever didn't like the value.
    pub fn values(
        &self,
        locals: &[Value],
        frame: &dyn Frame,
        surroundings: &Surroundings<'_>,
        cause: Cause,
    ) -> Vec<(String, String)> {
        let mut diags = Diagnostics::new();
        Evaluator::new(frame, surroundings, locals, &mut diags).values_of(&[&self.code.root], cause)
    }
}

/// A frame without any slot.
pub(crate) struct NoFrame;

impl Frame for NoFrame {
    fn get(&self, _slot: Slot) -> Value {
        Value::unknown(pilotis_value::Type::Dynamic)
    }
}

/// No file can be read.
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("files can't be read here".into())
    }
    fn exists(&self, _path: &str) -> Result<bool, String> {
        Err("files can't be read here".into())
    }
    fn glob(&self, _dir: &str, _pattern: &str) -> Result<Vec<String>, String> {
        Err("files can't be read here".into())
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
    fn home(&self) -> Option<String> {
        None
    }
}
