//! `mock_provider` and `override_…` blocks: what is made up instead of being asked for.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::{Block, Body, Expr, ExprKind, Traversal, TraversalStep};
use pilotis_value::{Kind, Value};

use super::{Mock, MockedType, Override, OverrideKind, blocks};
use crate::codes;
use crate::compile::traversal_of;
use crate::shape::{self, Shape};

const OVERRIDES: [(&str, OverrideKind); 3] = [
    ("override_resource", OverrideKind::Resource),
    ("override_data", OverrideKind::Data),
    ("override_module", OverrideKind::Module),
];

/// All overrides of a body.
pub(super) fn overrides(body: &Body, diags: &mut Diagnostics) -> Vec<Override> {
    overrides_during(body, false, diags)
}

/// The same, with what `override_during` of the block around them says.
fn overrides_during(body: &Body, during_plan: bool, diags: &mut Diagnostics) -> Vec<Override> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for block in &body.blocks {
        let Some((word, kind)) = OVERRIDES.iter().find(|(word, _)| block.kind.text == *word) else {
            continue;
        };
        let Some(one) = override_of(block, word, *kind, during_plan, diags) else { continue };
        let shown = shown(&one.target);
        if let Some(first) = seen.insert(format!("{word} {shown}"), one.span) {
            let detail = format!("A block {word} for {shown} has already been defined.");
            diags.push(shape::duplicate(format!("Duplicate {word} block"), detail, one.span, first));
            continue;
        }
        found.push(one);
    }
    found
}

fn override_of(
    block: &Block,
    word: &str,
    kind: OverrideKind,
    during_plan: bool,
    diags: &mut Diagnostics,
) -> Option<Override> {
    const VALUES: Shape =
        Shape { required: &["target"], optional: &["values", "override_during"], blocks: &[] };
    const OUTPUTS: Shape =
        Shape { required: &["target"], optional: &["outputs", "override_during"], blocks: &[] };
    shape::labels(block, [], diags);
    let (shape, argument) = match kind {
        OverrideKind::Module => (OUTPUTS, "outputs"),
        OverrideKind::Resource | OverrideKind::Data => (VALUES, "values"),
    };
    shape.check(&block.body, block.header, diags);
    let values = object(&block.body, argument, word, diags);
    let during_plan = during(&block.body, during_plan, diags);
    let target = shape::attribute(&block.body, "target")?.expr.clone();
    if traversal_of(&target).is_none() {
        diags.push(
            Diagnostic::error("Invalid override target")
                .code(codes::TEST_FILE)
                .detail("A target is an address without quotes, with constant keys: `gitlab_group.a`, `module.m[\"k\"]`.")
                .at(target.span),
        );
        return None;
    }
    Some(Override { kind, target, values, during_plan, span: block.header })
}

/// What is written, as an address.
pub(super) fn shown(target: &Expr) -> String {
    traversal_of(target).map_or_else(String::new, shown_traversal)
}

fn shown_traversal(t: &Traversal) -> String {
    let mut text = t.root.text.to_string();
    for step in &t.steps {
        match step {
            TraversalStep::Attribute(ident) => text.push_str(&format!(".{}", ident.text)),
            TraversalStep::Index(value, _) => text.push_str(&format!("[{value:?}]")),
        }
    }
    text
}

/// `override_during`
fn during(body: &Body, default: bool, diags: &mut Diagnostics) -> bool {
    let words = [("plan", true), ("apply", false)];
    let given = shape::attribute(body, "override_during").and_then(|a| blocks::keyword(a, &words, diags));
    given.unwrap_or(default)
}

/// An object that is written as it stands; an empty one if it isn't there.
fn object(body: &Body, name: &str, word: &str, diags: &mut Diagnostics) -> Value {
    let nothing = || Value::object(BTreeMap::new().into());
    let Some(attribute) = shape::attribute(body, name) else { return nothing() };
    let mut found = Diagnostics::new();
    let value = pilotis_lang::constant(&attribute.expr, &mut found);
    let failed = found.has_errors();
    diags.extend(found);
    if failed {
        return nothing();
    }
    if matches!(value.kind(), Kind::Object(_)) && matches!(attribute.expr.kind, ExprKind::Object(_)) {
        return value;
    }
    diags.push(
        Diagnostic::error(format!("Invalid {name} attribute"))
            .code(codes::TEST_FILE)
            .detail(format!("The {name} of {word} must be an object, written as it stands."))
            .at(attribute.expr.span),
    );
    nothing()
}

/// A `mock_provider` block, without what its `source` holds.
pub(super) fn mock(block: &Block, diags: &mut Diagnostics) -> Mock {
    const MOCK: Shape = Shape {
        required: &[],
        optional: &["alias", "source", "override_during"],
        blocks: &["mock_resource", "mock_data", "override_resource", "override_data", "override_module"],
    };
    MOCK.check(&block.body, block.header, diags);
    let during_plan = during(&block.body, false, diags);
    let mut mock = Mock { during_plan, ..Mock::default() };
    add(&block.body, during_plan, &mut mock, diags);
    mock
}

/// A file of mock data. What stands in the block itself counts more.
pub(super) fn mock_file(body: &Body, mock: &mut Mock, diags: &mut Diagnostics) {
    const FILE: Shape = Shape {
        required: &[],
        optional: &[],
        blocks: &["mock_resource", "mock_data", "override_resource", "override_data", "override_module"],
    };
    FILE.check(body, body.span, diags);
    let mut of_file = Mock::default();
    add(body, mock.during_plan, &mut of_file, diags);
    for ty in of_file.types {
        if !mock.types.iter().any(|t| (t.mode, &t.type_name) == (ty.mode, &ty.type_name)) {
            mock.types.push(ty);
        }
    }
    for one in of_file.overrides {
        let same = |o: &Override| o.kind == one.kind && shown(&o.target) == shown(&one.target);
        if !mock.overrides.iter().any(same) {
            mock.overrides.push(one);
        }
    }
}

fn add(body: &Body, during_plan: bool, mock: &mut Mock, diags: &mut Diagnostics) {
    const TYPE: Shape = Shape { required: &[], optional: &["defaults", "override_during"], blocks: &[] };
    for block in &body.blocks {
        let (word, mode) = match block.kind.text.as_str() {
            "mock_resource" => ("mock_resource", Mode::Managed),
            "mock_data" => ("mock_data", Mode::Data),
            _ => continue,
        };
        let Some([ty]) = shape::labels(block, ["type"], diags) else { continue };
        TYPE.check(&block.body, block.header, diags);
        let defaults = object(&block.body, "defaults", word, diags);
        let during_plan = during(&block.body, during_plan, diags);
        let type_name = ty.text.to_string();
        if let Some(first) = mock.types.iter().find(|t| t.mode == mode && t.type_name == type_name) {
            let detail = format!("A block {word} for {type_name} has already been defined.");
            diags.push(shape::duplicate(format!("Duplicate {word} block"), detail, block.header, first.span));
            continue;
        }
        mock.types.push(MockedType { mode, type_name, defaults, during_plan, span: block.header });
    }
    mock.overrides.extend(overrides_during(body, during_plan, diags));
}
