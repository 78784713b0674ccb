//! Operators and conditionals.

use pilotis_diag::{Diagnostic, Span};
use pilotis_syntax::ast::BinaryOp;
use pilotis_value::convert::{convert, equal};
use pilotis_value::unify::unify;
use pilotis_value::{Kind, Marks, Refinement, Type, Value};

use super::{Evaluator, dynamic, unknown_not_null};
use crate::codes;
use crate::node::Node;

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, node: &Node, op: BinaryOp, sides: &[Node; 2]) -> Value {
        match op {
            BinaryOp::And | BinaryOp::Or => return self.logical(node, op == BinaryOp::And, sides),
            BinaryOp::Eq | BinaryOp::NotEq => return self.equality(op == BinaryOp::Eq, sides),
            _ => {}
        }
        let (left, right) = (self.run(&sides[0]), self.run(&sides[1]));
        let ty = match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Type::Number,
            _ => Type::Bool,
        };
        let left = self.operand(node, &sides[0], left, &Type::Number, "left operand");
        let right = self.operand(node, &sides[1], right, &Type::Number, "right operand");
        let (Some((left, left_marks)), Some((right, right_marks))) = (left, right) else {
            return dynamic();
        };
        let marks = left_marks | right_marks;
        let (Some(a), Some(b)) = (left.as_number(), right.as_number()) else {
            return unknown_not_null(ty).with_marks(marks);
        };
        let result = match op {
            BinaryOp::Add => a.add(b),
            BinaryOp::Sub => a.sub(b),
            BinaryOp::Mul => a.mul(b),
            BinaryOp::Div => a.div(b),
            BinaryOp::Mod => a.rem(b),
            BinaryOp::Less => return Value::bool(a < b).with_marks(marks),
            BinaryOp::LessEq => return Value::bool(a <= b).with_marks(marks),
            BinaryOp::Greater => return Value::bool(a > b).with_marks(marks),
            _ => return Value::bool(a >= b).with_marks(marks),
        };
        match result {
            Ok(n) => Value::number(n).with_marks(marks),
            Err(error) => self.undefined(node, &error.to_string()),
        }
    }

    fn undefined(&mut self, node: &Node, why: &str) -> Value {
        let diagnostic = Diagnostic::error("Operation failed")
            .code(codes::OPERATION)
            .detail(format!("Error during operation: {why}."))
            .at(node.span);
        self.fail_at(diagnostic, &[node], Type::Number)
    }

    /// An operand converted to a type, and its marks; none after an error. The value may be unknown.
    fn operand(
        &mut self,
        node: &Node,
        side: &Node,
        value: Value,
        ty: &Type,
        which: &str,
    ) -> Option<(Value, Marks)> {
        let plain = match (value.kind(), ty) {
            (Kind::Number(_), Type::Number) | (Kind::Bool(_), Type::Bool) => {
                return Some(value.unmark());
            }
            _ => value.unmark_deep(),
        };
        match convert(&plain.0, ty) {
            Ok(value) if value.is_null() => {
                let diagnostic = Diagnostic::error("Operation failed")
                    .code(codes::OPERATION)
                    .detail("Error during operation: argument must not be null.")
                    .at(side.span);
                self.fail_at(diagnostic, &[node], Type::Dynamic);
                None
            }
            Ok(value) => Some((value, plain.1)),
            Err(error) => {
                let diagnostic = Diagnostic::error("Invalid operand")
                    .code(codes::OPERAND)
                    .detail(format!("Unsuitable value for {which}: {}.", error.message))
                    .at(side.span);
                self.fail_at(diagnostic, &[side], Type::Dynamic);
                None
            }
        }
    }

    fn equality(&mut self, positive: bool, sides: &[Node; 2]) -> Value {
        let (left, right) = (self.run(&sides[0]), self.run(&sides[1]));
        let result = equal(&left, &right);
        if positive {
            return result;
        }
        match result.as_bool() {
            Some(b) => Value::bool(!b).with_marks(result.marks()),
            None => result,
        }
    }

    /// `&&` and `||` stop at the left side if that decides. Where it isn't known yet, errors of the right side wait until it is:
    /// the left side is often what guards against them.
    fn logical(&mut self, node: &Node, and: bool, sides: &[Node; 2]) -> Value {
        let left = self.run(&sides[0]);
        let Some((left, marks)) = self.operand(node, &sides[0], left, &Type::Bool, "left operand") else {
            return Value::unknown(Type::Bool);
        };
        let right = match left.as_bool() {
            Some(b) if b != and => return Value::bool(b).with_marks(marks),
            Some(_) => self.run(&sides[1]),
            None => {
                let (value, errors) = self.attempt(&sides[1]);
                if errors.has_errors() {
                    return unknown_not_null(Type::Bool).with_marks(marks);
                }
                value
            }
        };
        let Some((right, right_marks)) = self.operand(node, &sides[1], right, &Type::Bool, "right operand")
        else {
            return Value::unknown(Type::Bool);
        };
        let value = match (left.as_bool(), right.as_bool()) {
            (_, Some(b)) if b != and => Value::bool(b),
            (Some(_), Some(b)) => Value::bool(b),
            _ => unknown_not_null(Type::Bool),
        };
        value.with_marks(marks | right_marks)
    }

    pub(super) fn negate(&mut self, node: &Node, inner: &Node) -> Value {
        let value = self.run(inner);
        let Some((value, marks)) = self.operand(node, inner, value, &Type::Number, "unary operand") else {
            return Value::unknown(Type::Number);
        };
        let result = match value.as_number() {
            Some(n) => Value::number(n.negate()),
            None => unknown_not_null(Type::Number),
        };
        result.with_marks(marks)
    }

    pub(super) fn not(&mut self, node: &Node, inner: &Node) -> Value {
        let value = self.run(inner);
        let Some((value, marks)) = self.operand(node, inner, value, &Type::Bool, "unary operand") else {
            return Value::unknown(Type::Bool);
        };
        let result = match value.as_bool() {
            Some(b) => Value::bool(!b),
            None => unknown_not_null(Type::Bool),
        };
        result.with_marks(marks)
    }

    /// A condition's bool (none if it isn't known yet) and marks; none after an error.
    pub(super) fn condition(&mut self, node: &Node) -> Option<(Option<bool>, Marks)> {
        let (value, marks) = self.run(node).unmark_deep();
        let diagnostic = if value.is_null() {
            Diagnostic::error("Null condition")
                .code(codes::CONDITION)
                .detail("The condition value is null. Conditions must either be true or false.")
        } else {
            match convert(&value, &Type::Bool) {
                Ok(value) => return Some((value.as_bool(), marks)),
                Err(_) => Diagnostic::error("Incorrect condition type")
                    .code(codes::CONDITION)
                    .detail("The condition expression must be of type bool."),
            }
        };
        self.fail_at(diagnostic.at(node.span), &[node], Type::Bool);
        None
    }

    /// Both branches are evaluated, for their common type; errors of the one that isn't taken are dropped.
    pub(super) fn conditional(&mut self, node: &Node, parts: &[Node; 3]) -> Value {
        let [condition, yes_node, no_node] = parts;
        let Some((chosen, mut marks)) = self.condition(condition) else {
            return dynamic();
        };
        let (yes, yes_errors) = self.attempt(yes_node);
        let (no, no_errors) = self.attempt(no_node);
        // Which of the two it will be decides which mistakes count: until that is known, none do.
        let failed = match chosen {
            Some(true) => self.report(yes_errors),
            Some(false) => self.report(no_errors),
            None => yes_errors.has_errors() || no_errors.has_errors(),
        };
        if failed {
            return dynamic().with_marks(marks);
        }
        // Terraform marks the result by both sides, whichever is taken.
        marks |= yes.marks() | no.marks();
        let Some(ty) = common_type(&yes, &no) else {
            return self.different_branches(node, yes_node.span.to(no_node.span), &yes, &no);
        };
        let result = match chosen {
            Some(taken) => {
                let (value, branch) = if taken { (yes, yes_node) } else { (no, no_node) };
                match convert(&value, &ty) {
                    Ok(value) => value,
                    Err(error) => {
                        let detail =
                            format!("The {taken} result value has the wrong type: {}.", error.message);
                        let diagnostic = Diagnostic::error("Inconsistent conditional result types")
                            .code(codes::BRANCHES)
                            .detail(detail)
                            .at(branch.span);
                        self.fail_at(diagnostic, &[branch], ty)
                    }
                }
            }
            None => undecided(&yes, &no, ty),
        };
        result.with_marks(marks)
    }

    fn report(&mut self, errors: pilotis_diag::Diagnostics) -> bool {
        let failed = errors.has_errors();
        if failed {
            self.errors += 1;
        }
        self.diags.extend(errors);
        failed
    }

    fn different_branches(&mut self, node: &Node, branches: Span, yes: &Value, no: &Value) -> Value {
        let (yes, no) = (yes.ty(), no.ty());
        let mut detail = format!(
            "The true and false result expressions must have consistent types. The 'true' value is {}, but the 'false' value is {}.",
            yes.friendly_name(),
            no.friendly_name()
        );
        if let Some(more) = mismatch(&yes, &no) {
            detail = format!("The true and false result expressions must have consistent types. {more}");
        }
        let diagnostic = Diagnostic::error("Inconsistent conditional result types")
            .code(codes::BRANCHES)
            .detail(detail)
            .at(branches);
        self.fail_at(diagnostic, &[node], Type::Dynamic)
    }
}

/// The type of a conditional: a bare null takes the other side's.
fn common_type(yes: &Value, no: &Value) -> Option<Type> {
    let bare_null = |v: &Value| matches!(v.kind(), Kind::Null(Type::Dynamic));
    if bare_null(yes) {
        return Some(no.ty());
    }
    if bare_null(no) {
        return Some(yes.ty());
    }
    let (a, b) = (yes.ty(), no.ty());
    if a == b { Some(a) } else { unify(&[a, b]) }
}

/// What is known of a conditional whose condition isn't: what holds for both sides.
fn undecided(yes: &Value, no: &Value, ty: Type) -> Value {
    let marks = yes.marks_deep() | no.marks_deep();
    let not_null = |v: &Value| match v.kind() {
        Kind::Null(_) => false,
        Kind::Unknown(u) => u.refinement.not_null,
        _ => true,
    };
    let bounds = |v: &Value| match v.kind() {
        Kind::Unknown(u) => (u.refinement.min_length, u.refinement.max_length),
        _ => {
            let length = v.as_elements().map(<[Value]>::len).or_else(|| v.as_entries().map(|e| e.len()));
            (length.map(|n| n as u64), length.map(|n| n as u64))
        }
    };
    let mut refinement = Refinement { not_null: not_null(yes) && not_null(no), ..Refinement::default() };
    if refinement.not_null && matches!(ty, Type::List(_) | Type::Map(_)) {
        let ((a_min, a_max), (b_min, b_max)) = (bounds(yes), bounds(no));
        refinement.min_length = a_min.zip(b_min).map(|(a, b)| a.min(b));
        refinement.max_length = a_max.zip(b_max).map(|(a, b)| a.max(b));
    }
    Value::unknown_refined(ty, refinement).with_marks(marks)
}

/// Where two types of the same kind differ, as a sentence.
fn mismatch(yes: &Type, no: &Type) -> Option<String> {
    match (yes, no) {
        (Type::Object(a), Type::Object(b)) => {
            for (name, ty) in &a.attributes {
                match b.attributes.get(name) {
                    None => {
                        return Some(format!(
                            "The 'true' value includes object attribute {:?}, which is absent in the 'false' value.",
                            name.as_str()
                        ));
                    }
                    Some(other) if other != ty => {
                        return Some(format!(
                            "Type mismatch for object attribute {:?}: the 'true' value has {}, the 'false' value {}.",
                            name.as_str(),
                            ty.friendly_name(),
                            other.friendly_name()
                        ));
                    }
                    Some(_) => {}
                }
            }
            b.attributes.keys().find(|name| !a.attributes.contains_key(*name)).map(|name| {
                format!(
                    "The 'false' value includes object attribute {:?}, which is absent in the 'true' value.",
                    name.as_str()
                )
            })
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() != b.len() => Some(format!(
            "The 'true' tuple has length {}, but the 'false' tuple has length {}.",
            a.len(),
            b.len()
        )),
        _ => None,
    }
}
