//! `for` expressions and splats.

use std::collections::BTreeMap;

use ecow::EcoString;
use pilotis_diag::Diagnostic;
use pilotis_value::convert::convert;
use pilotis_value::{Kind, Marks, Refinement, Type, Value};

use super::limits::excess;
use super::{Evaluator, dynamic, unknown_not_null};
use crate::codes;
use crate::functions::MAX_TEXT;
use crate::node::{ForMode, ForOp, Node, SplatOp};

/// What a loop has collected so far.
struct Collected {
    mode: ForMode,
    items: Vec<Value>,
    entries: BTreeMap<EcoString, Value>,
    groups: BTreeMap<EcoString, Vec<Value>>,
    text: String,
    /// Marks of filters and keys, which say something of the result as a whole.
    marks: Marks,
    /// A filter or key isn't known yet, so that the result's shape isn't either.
    shapeless: bool,
    /// Text with an unknown part.
    text_unknown: bool,
    /// The values that were collected, all levels together.
    size: u64,
}

impl Evaluator<'_> {
    pub(super) fn for_loop(&mut self, node: &Node, f: &ForOp) -> Value {
        let collection = self.run(&f.collection);
        let marks = collection.marks();
        let text = f.mode == ForMode::Text;
        let unknown = || if text { unknown_not_null(Type::String) } else { dynamic() };
        if let Some(diagnostic) = not_iterable(&collection) {
            self.fail_at(diagnostic.at(f.collection.span), &[&f.collection], Type::Dynamic);
            return unknown().with_marks(marks);
        }
        if !collection.is_known() {
            return unknown().with_marks(marks);
        }
        let mut out = Collected {
            mode: f.mode,
            items: Vec::new(),
            entries: BTreeMap::new(),
            groups: BTreeMap::new(),
            text: String::new(),
            marks,
            shapeless: false,
            text_unknown: false,
            size: 0,
        };
        let before = self.errors;
        // Places between the stack's top and the loop's base belong to nobody here; the base is always the top.
        self.stack.truncate(f.base);
        self.stack.push(dynamic());
        self.stack.push(dynamic());
        match collection.kind() {
            Kind::Map(e) | Kind::Object(e) => {
                for (key, value) in e.items() {
                    self.stack[f.base] = Kind::String(key.clone()).into();
                    self.stack[f.base + 1] = value.clone();
                    self.one_round(node, f, &mut out);
                    if self.errors > before {
                        break;
                    }
                }
            }
            kind => {
                let is_set = matches!(kind, Kind::Set(_));
                for (i, value) in collection.as_elements().unwrap_or_default().iter().enumerate() {
                    self.stack[f.base] = if is_set { value.clone() } else { Value::number(i as i64) };
                    self.stack[f.base + 1] = value.clone();
                    self.one_round(node, f, &mut out);
                    if self.errors > before {
                        break;
                    }
                }
            }
        }
        self.stack.truncate(f.base);
        if self.errors > before || out.shapeless {
            return unknown().with_marks(out.marks);
        }
        let value = out.finish();
        self.limited(node, value)
    }

    fn one_round(&mut self, node: &Node, f: &ForOp, out: &mut Collected) {
        if !self.one_more_round(node) {
            return;
        }
        if let Some(condition) = &f.condition {
            match self.filter(condition, &mut out.marks) {
                Some(Some(true)) => {}
                Some(Some(false)) | None => return,
                Some(None) => {
                    out.shapeless = true;
                    return;
                }
            }
        }
        match f.mode {
            ForMode::Tuple => {
                let value = self.run(&f.result);
                out.size = out.size.saturating_add(value.size());
                out.items.push(value);
            }
            ForMode::Text => {
                let (value, marks) = self.run(&f.result).unmark_deep();
                out.marks |= marks;
                match value.as_str() {
                    Some(s) if s.len() + out.text.len() > MAX_TEXT => {
                        self.text_too_long(node);
                    }
                    Some(s) => out.text.push_str(s),
                    None => out.text_unknown = true,
                }
            }
            ForMode::Object | ForMode::Group => {
                let Some(key_node) = &f.key else { return };
                let key = self.for_key(key_node, &mut out.marks);
                let value = self.run(&f.result);
                out.size = out.size.saturating_add(value.size());
                match key {
                    None => {}
                    Some(None) => out.shapeless = true,
                    Some(Some(key)) => self.put(node, f, key_node, key, value, out),
                }
            }
        }
        // Not only at the end: what is collected until then may be more than there is memory.
        if let Some(why) = excess(out.size, 0) {
            self.too_much(node, &why);
        }
    }

    fn put(
        &mut self,
        node: &Node,
        f: &ForOp,
        key_node: &Node,
        key: EcoString,
        value: Value,
        out: &mut Collected,
    ) {
        if f.mode == ForMode::Group {
            out.groups.entry(key).or_default().push(value);
            return;
        }
        if out.entries.contains_key(&key) {
            let shown = if out.marks.is_empty() { format!(" {:?}", key.as_str()) } else { String::new() };
            let diagnostic = Diagnostic::error("Duplicate object key")
                .code(codes::FOR)
                .detail(format!(
                    "Two different items produced the key{shown} in this 'for' expression. If duplicates are expected, use the \
                     ellipsis (...) after the value expression to enable grouping by key."
                ))
                .at(key_node.span);
            self.fail_at(diagnostic, &[node, key_node], Type::Dynamic);
            return;
        }
        out.entries.insert(key, value);
    }

    /// The filter's bool (`Some(None)`: not known yet); none after an error.
    fn filter(&mut self, condition: &Node, marks: &mut Marks) -> Option<Option<bool>> {
        let (value, found) = self.run(condition).unmark_deep();
        *marks |= found;
        let diagnostic = if value.is_null() {
            Diagnostic::error("Condition is null")
                .code(codes::FOR)
                .detail("The value of the 'if' clause must not be null.")
        } else {
            match convert(&value, &Type::Bool) {
                Ok(value) => return Some(value.as_bool()),
                Err(error) => Diagnostic::error("Invalid 'for' condition")
                    .code(codes::FOR)
                    .detail(format!("The 'if' clause value is invalid: {}.", error.message)),
            }
        };
        self.fail_at(diagnostic.at(condition.span), &[condition], Type::Bool);
        None
    }

    /// The key (`Some(None)`: not known yet); none after an error.
    fn for_key(&mut self, node: &Node, marks: &mut Marks) -> Option<Option<EcoString>> {
        let (key, found) = self.run(node).unmark_deep();
        *marks |= found;
        if let Kind::String(s) = key.kind() {
            return Some(Some(s.clone()));
        }
        let detail = if key.is_null() {
            "Key expression in 'for' expression must not produce a null value.".to_owned()
        } else {
            match convert(&key, &Type::String) {
                Ok(text) => return Some(text.as_str().map(EcoString::from)),
                Err(error) => format!("The key expression produced an invalid result: {}.", error.message),
            }
        };
        let diagnostic =
            Diagnostic::error("Invalid object key").code(codes::FOR).detail(detail).at(node.span);
        self.fail_at(diagnostic, &[node], Type::Dynamic);
        None
    }

    pub(super) fn splat(&mut self, node: &Node, splat: &SplatOp) -> Value {
        let source = self.run(&splat.source);
        let (source, marks) = source.unmark();
        let ty = source.ty();
        let is_sequence = matches!(ty, Type::List(_) | Type::Set(_) | Type::Tuple(_));
        let result =
            if is_sequence { self.splat_sequence(splat, source, ty) } else { self.splat_one(splat, source) };
        self.limited(node, result).with_marks(marks)
    }

    /// A splat of something that isn't a sequence: none or one element.
    fn splat_one(&mut self, splat: &SplatOp, source: Value) -> Value {
        if source.is_null() {
            return Value::tuple(Vec::new());
        }
        match source.kind() {
            Kind::Unknown(u) if u.ty == Type::Dynamic || !u.refinement.not_null => dynamic(),
            _ => {
                let value = self.each(splat, source);
                Value::tuple(vec![value])
            }
        }
    }

    fn splat_sequence(&mut self, splat: &SplatOp, source: Value, ty: Type) -> Value {
        if source.is_null() {
            let diagnostic = Diagnostic::error("Splat of null value")
                .code(codes::SPLAT)
                .detail("Splat expressions (with the * symbol) cannot be applied to null sequences.")
                .at(splat.marker);
            return self.fail_at(diagnostic, &[&splat.source], Type::Dynamic);
        }
        if let Kind::Unknown(u) = source.kind() {
            return match &ty {
                Type::Tuple(types) => {
                    Value::tuple(types.iter().map(|t| self.each(splat, Value::unknown(t.clone()))).collect())
                }
                _ => {
                    let element = self.element_type(splat, &ty);
                    // A set of elements may have fewer than the list of what is taken from them, so only a list keeps its bounds.
                    let (min_length, max_length) = match ty {
                        Type::List(_) => (u.refinement.min_length, u.refinement.max_length),
                        _ => (None, None),
                    };
                    let refinement = Refinement { not_null: true, min_length, max_length, prefix: None };
                    Value::unknown_refined(Type::list(element), refinement)
                }
            };
        }
        let before = self.errors;
        let mut items = Vec::new();
        for item in source.as_elements().unwrap_or_default() {
            items.push(self.each(splat, item.clone()));
            if self.errors > before {
                return dynamic();
            }
        }
        if matches!(ty, Type::Tuple(_)) {
            return Value::tuple(items);
        }
        let element = match items.first() {
            Some(first) => first.ty(),
            None => self.element_type(splat, &ty),
        };
        if items.iter().all(|v| v.ty() == element) {
            Value::list(element, items)
        } else {
            Value::tuple(items)
        }
    }

    /// The type of what a splat makes of each element.
    fn element_type(&mut self, splat: &SplatOp, ty: &Type) -> Type {
        let element = ty.element().cloned().unwrap_or(Type::Dynamic);
        self.each(splat, Value::unknown(element)).ty()
    }

    fn each(&mut self, splat: &SplatOp, item: Value) -> Value {
        self.stack.truncate(splat.base);
        self.stack.push(item);
        let value = self.run(&splat.each);
        self.stack.truncate(splat.base);
        value
    }
}

impl Collected {
    fn finish(self) -> Value {
        let value = match self.mode {
            ForMode::Tuple => Value::tuple(self.items),
            ForMode::Object => Value::object(self.entries.into()),
            ForMode::Group => {
                Value::object(self.groups.into_iter().map(|(k, items)| (k, Value::tuple(items))).collect())
            }
            ForMode::Text if self.text_unknown => unknown_not_null(Type::String),
            ForMode::Text => Value::string(self.text),
        };
        value.with_marks(self.marks)
    }
}

fn not_iterable(collection: &Value) -> Option<Diagnostic> {
    let ty = collection.ty();
    if ty.is_primitive() {
        let detail = format!(
            "A value of type {} cannot be used as the collection in a 'for' expression.",
            ty.friendly_name()
        );
        return Some(Diagnostic::error("Iteration over non-iterable value").code(codes::FOR).detail(detail));
    }
    if collection.is_null() {
        let detail = "A null value cannot be used as the collection in a 'for' expression.";
        return Some(Diagnostic::error("Iteration over null value").code(codes::FOR).detail(detail));
    }
    None
}
