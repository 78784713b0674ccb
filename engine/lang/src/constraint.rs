//! Type constraints: `list(string)`, `object({ a = optional(number, 1) })`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_syntax::ast::{Call, Expr, ExprKind, ObjectKey, TemplatePart, Traversal};
use pilotis_value::{Constraint, Defaults, ObjectType, Type, Value};

use crate::compile::{Resolved, Resolver};
use crate::eval::{NoFiles, NoFrame};
use crate::{Surroundings, codes, compile};

const KEYWORDS: [&str; 9] = ["string", "number", "bool", "any", "list", "set", "map", "object", "tuple"];
const MAX_DEPTH: usize = 100;

/// Reads a type constraint; `any` where it can't be read, and the diagnostics say why.
pub fn parse_constraint(expr: &Expr, diags: &mut Diagnostics) -> Constraint {
    let (ty, defaults) = Reader { diags, depth: 0 }.read(expr);
    Constraint { ty, defaults: defaults.filter(|d| !is_empty(d)) }
}

/// The value of an expression that may hold neither references nor function calls (a default); an unknown after an error.
pub fn constant(expr: &Expr, diags: &mut Diagnostics) -> Value {
    let mut compile_diags = Diagnostics::new();
    if let Some(call) = first_call(expr) {
        diags.push(
            Diagnostic::error("Function calls not allowed")
                .code(codes::NOT_CONSTANT)
                .detail("Functions may not be called here. Only a constant value may stand here.")
                .at(call),
        );
        return Value::unknown(Type::Dynamic);
    }
    let compiled = compile(expr, &mut NoNames, &[], &mut compile_diags);
    let failed = compile_diags.has_errors();
    diags.extend(compile_diags);
    if failed {
        return Value::unknown(Type::Dynamic);
    }
    let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
    compiled.eval(&NoFrame, &surroundings, diags)
}

struct NoNames;

impl Resolver for NoNames {
    fn resolve(&mut self, traversal: &Traversal) -> Result<Resolved, Diagnostic> {
        Err(Diagnostic::error("Variables not allowed")
            .code(codes::NOT_CONSTANT)
            .detail("Variables may not be used here.")
            .at(traversal.span))
    }
}

/// The first function call in an expression's outer shapes.
fn first_call(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Call(_) => Some(expr.span),
        ExprKind::Parens(inner) => first_call(inner),
        ExprKind::Tuple(items) => items.iter().find_map(first_call),
        ExprKind::Object(items) => items.iter().find_map(|i| first_call(&i.value)),
        ExprKind::Template(t) => t.parts.iter().find_map(|p| match p {
            TemplatePart::Interpolation(e) => first_call(e),
            _ => None,
        }),
        ExprKind::Conditional(parts) => parts.iter().find_map(first_call),
        ExprKind::Binary(_, sides) => sides.iter().find_map(first_call),
        ExprKind::Unary(_, inner) => first_call(inner),
        _ => None,
    }
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    depth: usize,
}

type Read = (Type, Option<Defaults>);

const ANY: Read = (Type::Dynamic, None);

impl Reader<'_> {
    fn error(&mut self, span: Span, detail: impl Into<String>, help: Option<String>) -> Read {
        let mut diagnostic =
            Diagnostic::error("Invalid type specification").code(codes::CONSTRAINT).detail(detail).at(span);
        diagnostic.help.extend(help);
        self.diags.push(diagnostic);
        ANY
    }

    fn read(&mut self, expr: &Expr) -> Read {
        if self.depth > MAX_DEPTH {
            return self.error(expr.span, "The type is nested too deeply.", None);
        }
        self.depth += 1;
        let read = match &expr.kind {
            ExprKind::Traversal(t) if t.steps.is_empty() => self.keyword(&t.root.text, expr.span),
            ExprKind::Call(call) => self.constructor(call, expr.span),
            ExprKind::Literal(value) if value.is_null() => self.error(
                expr.span,
                "The keyword \"null\" is not a valid type specification.",
                Some("Write `any` for a variable that takes every type.".into()),
            ),
            ExprKind::Template(t) => self.quoted(t.parts.as_slice(), expr.span),
            _ => self.error(
                expr.span,
                "A type specification is either a primitive type keyword (bool, number, string) or a complex type constructor call, \
                 like list(string).",
                None,
            ),
        };
        self.depth -= 1;
        read
    }

    fn keyword(&mut self, word: &str, span: Span) -> Read {
        let ty = match word {
            "string" => Type::String,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "any" => Type::Dynamic,
            // What configurations of long ago say for `list(any)` and `map(any)`.
            "list" => Type::list(Type::Dynamic),
            "map" => Type::map(Type::Dynamic),
            "set" => {
                let detail =
                    format!("The {word} type constructor requires one argument specifying the element type.");
                return self.error(span, detail, Some(format!("Write `{word}(string)`, or `{word}(any)`.")));
            }
            "object" => {
                let detail = "The object type constructor requires one argument specifying the attribute types and values as a map.";
                return self.error(span, detail, Some("Write `object({ name = string })`.".into()));
            }
            "tuple" => {
                let detail = "The tuple type constructor requires one argument specifying the element types as a list.";
                return self.error(span, detail, Some("Write `tuple([string, number])`.".into()));
            }
            _ => {
                let detail = format!("The keyword \"{word}\" is not a valid type specification.");
                return self.error(span, detail, suggestion(word));
            }
        };
        (ty, None)
    }

    fn quoted(&mut self, parts: &[TemplatePart], span: Span) -> Read {
        let text = match parts {
            [TemplatePart::Literal(text)] => text.as_str(),
            _ => "",
        };
        let help = match text {
            "list" | "set" | "map" => format!("Write `{text}(string)`, without the quotes."),
            text if KEYWORDS.contains(&text) => format!("Write `{text}`, without the quotes."),
            _ => "Remove the quotes.".to_owned(),
        };
        self.diags.push(
            Diagnostic::error("Invalid quoted type constraints")
                .code(codes::CONSTRAINT)
                .detail("A type is written without quotes.")
                .at(span)
                .help(help),
        );
        ANY
    }

    fn constructor(&mut self, call: &Call, span: Span) -> Read {
        let name = call.name.join("::");
        let arg = match call.args.as_slice() {
            [one] if !call.expand => Some(one),
            _ => None,
        };
        match (name.as_str(), arg) {
            ("list" | "set" | "map", Some(arg)) => {
                let (element, defaults) = self.read(arg);
                let ty = match name.as_str() {
                    "list" => Type::list(element),
                    "set" => Type::set(element),
                    _ => Type::map(element),
                };
                (ty, defaults.map(|d| child(EcoString::new(), d)))
            }
            ("object", Some(arg)) => self.object(arg),
            ("tuple", Some(arg)) => self.tuple(arg),
            ("list" | "set" | "map", None) => {
                let detail =
                    format!("The {name} type constructor requires one argument specifying the element type.");
                self.error(span, detail, Some(format!("Write `{name}(string)`, or `{name}(any)`.")))
            }
            ("object" | "tuple", None) => self.keyword(&name, span),
            ("string" | "number" | "bool", _) => {
                let detail = format!("Primitive type keyword \"{name}\" does not expect arguments.");
                self.error(span, detail, Some(format!("Write `{name}`.")))
            }
            ("any", _) => {
                let detail = "Type constraint keyword \"any\" does not expect arguments.";
                self.error(span, detail, Some("Write `any`.".into()))
            }
            ("optional", _) => {
                let detail = "Keyword \"optional\" is valid only as a modifier for object type attributes.";
                self.error(
                    span,
                    detail,
                    Some("For a variable that may be left out, give it a `default`.".into()),
                )
            }
            _ => {
                let detail = format!("Keyword \"{name}\" is not a valid type constructor.");
                self.error(call.name_span, detail, suggestion(&name))
            }
        }
    }

    fn tuple(&mut self, arg: &Expr) -> Read {
        let ExprKind::Tuple(items) = &arg.kind else {
            let detail = "Tuple type constructor requires a list of element types.";
            return self.error(arg.span, detail, Some("Write `tuple([string, number])`.".into()));
        };
        let mut types = Vec::new();
        let mut defaults = Defaults::default();
        for (i, item) in items.iter().enumerate() {
            let (ty, inner) = self.read(item);
            types.push(ty);
            if let Some(inner) = inner {
                defaults.children.insert(i.to_string().into(), inner);
            }
        }
        (Type::tuple(types), Some(defaults))
    }

    fn object(&mut self, arg: &Expr) -> Read {
        let ExprKind::Object(items) = &arg.kind else {
            let detail = "Object type constructor requires a map whose keys are attribute names and whose values are the corresponding \
                          attribute types.";
            return self.error(arg.span, detail, Some("Write `object({ name = string })`.".into()));
        };
        let mut attributes = BTreeMap::new();
        let mut optional = BTreeSet::new();
        let mut defaults = Defaults::default();
        for item in items {
            let name = match &item.key {
                ObjectKey::Name(ident) => ident.text.clone(),
                ObjectKey::Expr(key) => {
                    self.error(key.span, "Object constructor map keys must be attribute names.", None);
                    continue;
                }
            };
            let ty = match &item.value.kind {
                ExprKind::Call(call) if call.name.as_slice() == ["optional"] => {
                    optional.insert(name.clone());
                    self.optional(&name, call, item.value.span, &mut defaults)
                }
                _ => {
                    let (ty, inner) = self.read(&item.value);
                    if let Some(inner) = inner {
                        defaults.children.insert(name.clone(), inner);
                    }
                    ty
                }
            };
            attributes.insert(name, ty);
        }
        (Type::Object(Arc::new(ObjectType { attributes, optional })), Some(defaults))
    }

    fn optional(&mut self, name: &EcoString, call: &Call, span: Span, defaults: &mut Defaults) -> Type {
        let (ty_expr, default) = match call.args.as_slice() {
            [ty] => (ty, None),
            [ty, default] => (ty, Some(default)),
            [] => {
                let detail = "Optional attribute modifier requires the attribute type as its argument.";
                self.error(span, detail, Some("Write `optional(string)`.".into()));
                return Type::Dynamic;
            }
            [_, _, more, ..] => {
                let detail = "Optional attribute modifier expects at most two arguments: the attribute type, and a default value.";
                self.error(more.span, detail, None);
                return Type::Dynamic;
            }
        };
        let (ty, inner) = self.read(ty_expr);
        let inner = inner.filter(|d| !is_empty(d));
        if let Some(default) = default {
            let value = constant(default, self.diags);
            let constraint = Constraint { ty: ty.clone(), defaults: inner.clone() };
            match constraint.apply(&value) {
                Ok(value) if value.is_known() => {
                    defaults.values.insert(name.clone(), value);
                }
                Ok(_) => {}
                Err(error) => {
                    let why = if error.path.0.is_empty() {
                        error.message
                    } else {
                        format!("{}: {}", error.path, error.message)
                    };
                    self.diags.push(
                        Diagnostic::error("Invalid default value for optional attribute")
                            .code(codes::DEFAULT)
                            .detail(format!(
                                "This default value is not compatible with the attribute's type constraint: {why}."
                            ))
                            .at(default.span),
                    );
                }
            }
        }
        if let Some(inner) = inner {
            defaults.children.insert(name.clone(), inner);
        }
        ty
    }
}

fn is_empty(defaults: &Defaults) -> bool {
    defaults.values.is_empty() && defaults.children.is_empty()
}

fn child(key: EcoString, inner: Defaults) -> Defaults {
    let mut defaults = Defaults::default();
    if !is_empty(&inner) {
        defaults.children.insert(key, inner);
    }
    defaults
}

fn suggestion(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let best = KEYWORDS.iter().copied().find(|k| *k == lower).or_else(|| did_you_mean(word, KEYWORDS))?;
    Some(format!("Did you mean `{best}`?"))
}
