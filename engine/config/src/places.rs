//! Where each part of a value was written, for diagnostics that come after the text is gone.

use ecow::EcoString;
use pilotis_diag::Span;
use pilotis_syntax::ast::{Expr, ExprKind, ObjectKey};
use pilotis_value::{Path, Step};

use crate::shape::literal_text;

/// One part and the parts inside it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) span: Span,
    /// In order of their names; of a name that comes twice the last counts.
    names: Vec<(EcoString, Places)>,
    pub(crate) items: Vec<Places>,
}

impl Places {
    pub(crate) fn at(span: Span) -> Places {
        Places { span, names: Vec::new(), items: Vec::new() }
    }

    /// Adds a named part: cheap in the order of the names.
    pub(crate) fn add(&mut self, name: EcoString, part: Places) {
        let at = self.names.partition_point(|(other, _)| *other <= name);
        // There are many bodies, each of a few parts: none gets room that it doesn't need.
        self.names.reserve_exact(1);
        self.names.insert(at, (name, part));
    }

    /// Takes over the named parts of another.
    pub(crate) fn add_all(&mut self, of: Places) {
        self.names.extend(of.names);
        self.sort();
    }

    fn sort(&mut self) {
        self.names.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.names.shrink_to_fit();
    }

    /// Of an expression: object and tuple literals have parts, others are one place.
    pub(crate) fn of(expr: &Expr) -> Places {
        let mut places = Places::at(expr.span);
        match &expr.kind {
            ExprKind::Parens(inner) => return Places::of(inner),
            ExprKind::Tuple(items) => places.items = items.iter().map(Places::of).collect(),
            ExprKind::Object(items) => {
                for item in items {
                    let name = match &item.key {
                        ObjectKey::Name(ident) => Some(ident.text.clone()),
                        ObjectKey::Expr(key) => literal_text(key),
                    };
                    if let Some(name) = name {
                        places.names.push((name, Places::of(&item.value)));
                    }
                }
                places.sort();
            }
            _ => {}
        }
        places
    }

    /// The innermost place that a path leads to.
    pub(crate) fn find(&self, path: &[Step]) -> Span {
        let Some((first, rest)) = path.split_first() else { return self.span };
        let inner = match first {
            Step::Attribute(name) | Step::Key(name) => {
                let end = self.names.partition_point(|(other, _)| other <= name);
                self.names[..end].last().filter(|(other, _)| other == name).map(|(_, part)| part)
            }
            Step::Index(n) => usize::try_from(*n).ok().and_then(|i| self.items.get(i)),
            Step::Element(_) => None,
        };
        match inner {
            Some(inner) => inner.find(rest),
            // A single block stands for a list of one.
            None if self.items.is_empty() && matches!(first, Step::Index(0)) => self.find(rest),
            None => self.span,
        }
    }

    pub(crate) fn find_path(&self, path: &Path) -> Span {
        self.find(&path.0)
    }
}
