//! Label and field selectors of lists and watches.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>

use serde_json::{Map, Value};

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
    Greater,
    Less,
}

/// All requirements hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }

    /// Reads `app=web,tier in (a,b),!old`; the error is what the API server says.
    pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
        let mut lexer = Lexer { rest: text };
        let mut requirements = Vec::new();
        if lexer.peek() == Token::End {
            return Ok(LabelSelector::default());
        }
        loop {
            requirements.push(parse_requirement(&mut lexer)?);
            match lexer.next() {
                Token::End => return Ok(LabelSelector(requirements)),
                Token::Symbol(",") => {
                    let next = lexer.peek();
                    if !matches!(next, Token::Word(_) | Token::Symbol("!")) {
                        let found = next.shown();
                        return Err(format!("found '{found}', expected: identifier after ','"));
                    }
                }
                other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.shown())),
            }
        }
    }

    /// From a `LabelSelector` object; an empty one selects everything.
    pub(crate) fn from_object(selector: &Value) -> LabelSelector {
        let mut requirements = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let values = vec![value.as_str().unwrap_or_default().to_owned()];
            requirements.push(Requirement { key: key.clone(), operator: Operator::In, values });
        }
        for entry in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let values = entry.get("values").and_then(Value::as_array).into_iter().flatten();
            requirements.push(Requirement {
                key: entry.get("key").and_then(Value::as_str).unwrap_or_default().to_owned(),
                operator: match entry.get("operator").and_then(Value::as_str) {
                    Some("NotIn") => Operator::NotIn,
                    Some("Exists") => Operator::Exists,
                    Some("DoesNotExist") => Operator::Absent,
                    _ => Operator::In,
                },
                values: values.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
        LabelSelector(requirements)
    }
}

impl Requirement {
    fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = labels.and_then(|labels| labels.get(&self.key)).and_then(Value::as_str);
        let number = |text: &str| text.parse::<i64>().ok();
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.iter().any(|known| known == value)),
            Operator::NotIn => value.is_none_or(|value| self.values.iter().all(|known| known != value)),
            Operator::Exists => value.is_some(),
            Operator::Absent => value.is_none(),
            Operator::Greater => value.and_then(number) > self.values.first().and_then(|text| number(text)),
            Operator::Less => value
                .and_then(number)
                .is_some_and(|value| self.values.first().and_then(|text| number(text)) > Some(value)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'static str),
    End,
}

impl Token<'_> {
    fn shown(&self) -> &str {
        match self {
            Token::Word(text) => text,
            Token::Symbol(text) => text,
            Token::End => "",
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Token<'a> {
        Lexer { rest: self.rest }.next()
    }

    fn next(&mut self) -> Token<'a> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Token::End;
        }
        for symbol in ["==", "!=", "=", "!", ",", "(", ")", ">", "<"] {
            if let Some(rest) = self.rest.strip_prefix(symbol) {
                self.rest = rest;
                return Token::Symbol(symbol);
            }
        }
        let end = self
            .rest
            .find(|letter: char| letter.is_whitespace() || "=!,()<>".contains(letter))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Word(word)
    }
}

fn parse_requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, String> {
    let fail = |text: String| format!("unable to parse requirement: {text}");
    let absent = lexer.peek() == Token::Symbol("!");
    if absent {
        lexer.next();
    }
    let key = match lexer.next() {
        Token::Word(word) => word.to_owned(),
        other => return Err(fail(format!("found '{}', expected: identifier", other.shown()))),
    };
    if let Some(error) = super::names::key_errors(&key).first() {
        return Err(fail(format!("<nil>: Invalid value: \"{key}\": {error}")));
    }
    if absent {
        return Ok(Requirement { key, operator: Operator::Absent, values: Vec::new() });
    }
    let operator = match lexer.peek() {
        Token::End | Token::Symbol(",") => {
            return Ok(Requirement { key, operator: Operator::Exists, values: Vec::new() });
        }
        Token::Symbol("=" | "==") | Token::Word("in") => Operator::In,
        Token::Symbol("!=") | Token::Word("notin") => Operator::NotIn,
        Token::Symbol(">") => Operator::Greater,
        Token::Symbol("<") => Operator::Less,
        other => {
            let known = "in, notin, =, ==, !=, gt, lt";
            return Err(fail(format!("found '{}', expected: {known}", other.shown())));
        }
    };
    let set = matches!(lexer.next(), Token::Word(_));
    let values = if set { parse_set(lexer).map_err(fail)? } else { vec![parse_value(lexer).map_err(fail)?] };
    for value in &values {
        if let Some(error) = super::names::label_value_errors(value).first() {
            return Err(fail(format!("values[0][{key}]: Invalid value: \"{value}\": {error}")));
        }
    }
    Ok(Requirement { key, operator, values })
}

fn parse_value(lexer: &mut Lexer<'_>) -> Result<String, String> {
    match lexer.peek() {
        Token::Word(word) => {
            lexer.next();
            Ok(word.to_owned())
        }
        Token::End | Token::Symbol(",") => Ok(String::new()),
        other => Err(format!("found '{}', expected: identifier", other.shown())),
    }
}

fn parse_set(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    if lexer.next() != Token::Symbol("(") {
        return Err("found '', expected: '('".into());
    }
    let mut values = Vec::new();
    loop {
        match lexer.next() {
            Token::Word(word) => values.push(word.to_owned()),
            Token::Symbol(",") => {}
            Token::Symbol(")") => return Ok(values),
            other => return Err(format!("found '{}', expected: ',', or ')'", other.shown())),
        }
    }
}

/// A field and the value that it must, or must not, have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `metadata.name=x,status.phase!=Running`; `known` are the fields that the kind can be selected by.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<FieldSelector, String> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (field, true, value)
            } else {
                return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
            };
            if !known.contains(&field) {
                let names: Vec<String> = known[..2].iter().map(|name| format!("\"{name}\"")).collect();
                return Err(format!("\"{field}\" is not a known field selector: only {}", names.join(", ")));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(FieldSelector(terms))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, equal, value)| {
            let found = object.pointer(&format!("/{}", field.replace('.', "/")));
            let found = match found {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ => String::new(),
            };
            (found == *value) == *equal
        })
    }
}
