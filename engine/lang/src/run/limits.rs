//! How much an expression may make: a mistake, or a line written to harm, must not eat all memory nor never end.

use pilotis_diag::Diagnostic;
use pilotis_value::{Type, Value};

use super::Evaluator;
use crate::codes;
use crate::functions::MAX_TEXT;
use crate::node::Node;

/// Most values that one value may hold, all levels together (see [`Value::size`]).
pub(crate) const MAX_SIZE: u64 = 10_000_000;
/// Most levels of collections that a value may have: what is deeper could not be stored and read back.
pub(crate) const MAX_LEVELS: u32 = 400;
/// Most rounds that all loops of one expression may make.
pub(super) const MAX_ROUNDS: u64 = if cfg!(test) { 200_000 } else { 100_000_000 };

/// What is wrong with a value of this size and depth.
pub(crate) fn excess(size: u64, levels: u32) -> Option<String> {
    if size > MAX_SIZE {
        Some(format!("it would hold more than {MAX_SIZE} values"))
    } else if levels > MAX_LEVELS {
        Some(format!("it would be nested more than {MAX_LEVELS} levels deep"))
    } else {
        None
    }
}

impl Evaluator<'_> {
    /// The value, if it is neither too big nor too deep.
    pub(super) fn limited(&mut self, node: &Node, value: Value) -> Value {
        match excess(value.size(), value.depth()) {
            None => value,
            Some(why) => self.too_much(node, &why),
        }
    }

    /// Reports that what a node makes is too much.
    pub(super) fn too_much(&mut self, node: &Node, why: &str) -> Value {
        let diagnostic = Diagnostic::error("Value too big")
            .code(codes::TOO_BIG)
            .detail(format!("This expression was not evaluated to its end: {why}."))
            .at(node.span);
        self.fail(diagnostic, Type::Dynamic)
    }

    /// Reports a text that would be longer than one may be.
    pub(super) fn text_too_long(&mut self, node: &Node) -> Value {
        self.too_much(node, &format!("the text would be longer than {MAX_TEXT} bytes"))
    }

    /// Counts one round of a loop; false if there were too many.
    pub(super) fn one_more_round(&mut self, node: &Node) -> bool {
        if self.rounds < MAX_ROUNDS {
            self.rounds += 1;
            return true;
        }
        self.too_much(node, &format!("its loops would make more than {MAX_ROUNDS} rounds"));
        false
    }
}
