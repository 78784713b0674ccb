//! What expressions are evaluated against: variables of every kind, and a folder with two files.

use pilotis_diag::Diagnostic;
use pilotis_lang::{Files, Frame, Resolved, Resolver, Slot, Surroundings};
use pilotis_syntax::ast::{Traversal, TraversalStep};
use pilotis_value::{Marks, Type, Value};

/// Stands in sensitive values, and nowhere else.
pub const SECRET: &str = "s3cr3t";

/// `var.NAME`, each with its value.
#[derive(Clone, Debug)]
pub struct World {
    variables: Vec<(&'static str, Value)>,
}

impl Default for World {
    fn default() -> World {
        let secret = || Value::string(SECRET).with_marks(Marks::SENSITIVE);
        let strings = |items: &[&str]| items.iter().map(Value::string).collect::<Vec<_>>();
        let tags = [("a", "1"), ("b", "2")].map(|(k, v)| (k.into(), Value::string(v)));
        World {
            variables: vec![
                ("s", Value::string("text")),
                ("n", Value::number(3)),
                ("b", Value::bool(true)),
                ("null", Value::null(Type::String)),
                ("list", Value::list(Type::String, strings(&["x", "y", "z"]))),
                ("set", Value::set(Type::String, strings(&["p", "q"]))),
                ("map", Value::map(Type::String, tags.into())),
                ("obj", Value::object_of([("name", Value::string("ana")), ("password", secret())])),
                ("later", Value::unknown(Type::String)),
                ("any", Value::unknown(Type::Dynamic)),
                ("later_list", Value::unknown(Type::list(Type::String))),
                ("secret", secret()),
                ("ephemeral", Value::string("once").with_marks(Marks::EPHEMERAL)),
            ],
        }
    }
}

impl World {
    /// A world of these variables only.
    pub fn of(variables: Vec<(&'static str, Value)>) -> World {
        World { variables }
    }
}

impl Resolver for World {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let name = match t.steps.first() {
            Some(TraversalStep::Attribute(ident)) => ident.text.as_str(),
            _ => "",
        };
        match self.variables.iter().position(|(n, _)| *n == name) {
            Some(i) if t.root.text == "var" => Ok(Resolved { slot: Slot(i as u32), consumed: 1 }),
            _ => Err(Diagnostic::error("Invalid reference").at(t.span)),
        }
    }
}

impl Frame for World {
    fn get(&self, slot: Slot) -> Value {
        self.variables[slot.0 as usize].1.clone()
    }
}

/// A folder with `a.txt`, and with `t.tftpl`, which renders `x`.
pub struct Folder;

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "a.txt" => Ok(b"a text\n".to_vec()),
            "t.tftpl" => Ok(b"%{ for a in [x] }<${a}>%{ endfor }\n".to_vec()),
            _ => Err("no such file".into()),
        }
    }
    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(matches!(path, "a.txt" | "t.tftpl"))
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(vec!["a.txt".into(), "t.tftpl".into()])
    }
    fn absolute(&self, path: &str) -> String {
        format!("/srv/{path}")
    }
    fn home(&self) -> Option<String> {
        None
    }
}

/// Planning, in that folder.
pub fn surroundings() -> Surroundings<'static> {
    Surroundings { files: &Folder, plan_time_ms: 0, apply_time_ms: None }
}
