//! Where a byte of a decoded string stands in the text: escapes are longer than what they mean.

use pilotis_diag::{Diagnostic, Span};

use crate::ast::{Expr, ExprKind, Ident, ObjectKey, SplatStep, Template, TemplatePart, TraversalStep};

/// What a backslash starts.
pub(super) enum Escape {
    /// A character, and the escape's length in bytes.
    Char(char, usize),
    /// Half of a surrogate pair.
    Lone(usize),
    /// None of JSON's.
    Wrong(usize),
}

/// Reads the escape at the start of a text.
pub(super) fn escape_at(text: &str) -> Escape {
    let Some(selector) = text[1..].chars().next().filter(|c| !c.is_control()) else {
        return Escape::Wrong(1);
    };
    let c = match selector {
        '"' | '\\' | '/' => selector,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(text),
        other => return Escape::Wrong(1 + other.len_utf8()),
    };
    Escape::Char(c, 2)
}

fn unicode(text: &str) -> Escape {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| all)
    };
    let Some(first) = unit(0) else {
        let digits = text[2..].bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
        return Escape::Wrong(2 + digits);
    };
    if let Some(c) = char::from_u32(first) {
        return Escape::Char(c, 6);
    }
    let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low) && first < 0xDC00);
    match low.and_then(|low| char::from_u32(0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00))) {
        Some(c) => Escape::Char(c, 12),
        None => Escape::Lone(6),
    }
}

/// Places of a decoded string in the text that it was decoded from.
pub(super) struct Places {
    /// (byte in the decoded text, byte in the file) after each escape: between two of them both count alike.
    knots: Vec<(u32, u32)>,
    /// Where an escape starts that is longer than what it means, and where it ends, in the file.
    end: u32,
}

impl Places {
    /// `raw` is what stands between the quotes, which starts at byte `start` of the file.
    pub(super) fn new(raw: &str, start: u32) -> Places {
        let mut knots = vec![(0, start)];
        let (mut at, mut decoded) = (0, 0);
        while let Some(found) = raw[at..].find('\\') {
            decoded += found;
            at += found;
            let (means, length) = match escape_at(&raw[at..]) {
                Escape::Char(c, length) => (c.len_utf8(), length),
                Escape::Lone(length) => (char::REPLACEMENT_CHARACTER.len_utf8(), length),
                Escape::Wrong(length) => (0, length),
            };
            // The escape's own bytes all stand for its start.
            knots.push((decoded as u32, start + at as u32));
            at += length;
            decoded += means;
            knots.push((decoded as u32, start + at as u32));
        }
        Places { knots, end: start + raw.len() as u32 }
    }

    fn byte(&self, decoded: u32) -> u32 {
        let after = self.knots.partition_point(|(d, _)| *d <= decoded);
        let (from, to) = self.knots[after.saturating_sub(1)];
        let limit = self.knots.get(after).map_or(self.end, |(_, next)| *next);
        (to + (decoded - from)).min(limit)
    }

    /// The span in the file.
    pub(super) fn span(&self, span: &mut Span) {
        span.start = self.byte(span.start);
        span.end = self.byte(span.end).max(span.start);
    }

    pub(super) fn diagnostic(&self, diagnostic: &mut Diagnostic) {
        for label in diagnostic.primary.iter_mut().chain(&mut diagnostic.secondary) {
            self.span(&mut label.span);
        }
    }

    pub(super) fn template(&self, template: &mut Template) {
        self.parts(&mut template.parts);
    }

    fn parts(&self, parts: &mut [TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Literal(_) => {}
                TemplatePart::Interpolation(expr) => self.expr(expr),
                TemplatePart::If(choice) => {
                    self.span(&mut choice.span);
                    self.expr(&mut choice.condition);
                    self.parts(&mut choice.then);
                    self.parts(&mut choice.otherwise);
                }
                TemplatePart::For(each) => {
                    self.span(&mut each.span);
                    self.names(each.key.as_mut(), &mut each.value);
                    self.expr(&mut each.collection);
                    self.parts(&mut each.body);
                }
            }
        }
    }

    fn names(&self, key: Option<&mut Ident>, value: &mut Ident) {
        key.into_iter().for_each(|k| self.span(&mut k.span));
        self.span(&mut value.span);
    }

    fn steps(&self, steps: &mut [TraversalStep]) {
        for step in steps {
            match step {
                TraversalStep::Attribute(ident) => self.span(&mut ident.span),
                TraversalStep::Index(_, span) => self.span(span),
            }
        }
    }

    fn splat(&self, steps: &mut [SplatStep]) {
        for step in steps {
            match step {
                SplatStep::Literal(step) => self.steps(std::slice::from_mut(step)),
                SplatStep::Index(expr) => self.expr(expr),
                SplatStep::Splat { each, marker, .. } => {
                    self.span(marker);
                    self.splat(each);
                }
            }
        }
    }

    pub(super) fn expr(&self, expr: &mut Expr) {
        self.span(&mut expr.span);
        match &mut expr.kind {
            ExprKind::Literal(_) | ExprKind::Invalid => {}
            ExprKind::Template(template) => self.template(template),
            ExprKind::Tuple(items) => items.iter_mut().for_each(|item| self.expr(item)),
            ExprKind::Object(items) => {
                for item in items {
                    match &mut item.key {
                        ObjectKey::Name(ident) => self.span(&mut ident.span),
                        ObjectKey::Expr(key) => self.expr(key),
                    }
                    self.expr(&mut item.value);
                }
            }
            ExprKind::Traversal(t) => {
                self.span(&mut t.span);
                self.span(&mut t.root.span);
                self.steps(&mut t.steps);
            }
            ExprKind::RelativeTraversal(source, steps) => {
                self.expr(source);
                self.steps(steps);
            }
            ExprKind::Splat(splat) => {
                self.expr(&mut splat.source);
                self.span(&mut splat.marker);
                self.splat(&mut splat.each);
            }
            ExprKind::Call(call) => {
                self.span(&mut call.name_span);
                call.args.iter_mut().for_each(|arg| self.expr(arg));
            }
            ExprKind::Conditional(parts) => parts.iter_mut().for_each(|part| self.expr(part)),
            ExprKind::Index(parts) | ExprKind::Binary(_, parts) => {
                parts.iter_mut().for_each(|part| self.expr(part))
            }
            ExprKind::Unary(_, inner) | ExprKind::Parens(inner) => self.expr(inner),
            ExprKind::For(each) => {
                self.names(each.key.as_mut(), &mut each.value);
                self.expr(&mut each.collection);
                each.result_key.iter_mut().chain(&mut each.condition).for_each(|e| self.expr(e));
                self.expr(&mut each.result);
            }
        }
    }
}
