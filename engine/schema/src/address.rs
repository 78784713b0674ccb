//! Addresses: of modules, of resources and of their instances, as Terraform writes them.

use std::fmt;

/// A key of an instance: `[0]` or `["a"]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// From `count`.
    Int(u64),
    /// From `for_each`.
    String(String),
}

/// One step down: a module call's name, and the instance's key if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleStep {
    /// Name of the `module` block. A blueprint block `project "carto"` is the call `project` with the key `"carto"`.
    pub name: String,
    /// Key of the instance.
    pub key: Option<Key>,
}

/// A module instance; empty for the root module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModulePath(pub Vec<ModuleStep>);

/// Managed, read, or opened for one run. In lists, data sources come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A `data` source.
    Data,
    /// A `resource`.
    Managed,
    /// An `ephemeral` resource.
    Ephemeral,
}

impl Mode {
    /// What an address of this mode begins with: nothing, `data.` or `ephemeral.`.
    pub fn prefix(self) -> &'static str {
        match self {
            Mode::Managed => "",
            Mode::Data => "data.",
            Mode::Ephemeral => "ephemeral.",
        }
    }
    /// The word of its blocks.
    pub fn keyword(self) -> &'static str {
        match self {
            Mode::Managed => "resource",
            Mode::Data => "data",
            Mode::Ephemeral => "ephemeral",
        }
    }
}

/// A resource block in a module instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// The module instance.
    pub module: ModulePath,
    /// Managed, read, or opened for one run.
    pub mode: Mode,
    /// `gitlab_group`
    pub type_name: String,
    /// The block's name.
    pub name: String,
}

/// An instance of a resource block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    /// The block.
    pub resource: Resource,
    /// Its key, if it has `count` or `for_each`.
    pub key: Option<Key>,
}

/// What `-target`, `state list` and the like take: any prefix of an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A module instance, or all instances of its last step if that has no key.
    Module(ModulePath),
    /// A resource block, all its instances (the module path as above).
    Resource(Resource),
    /// One instance.
    Instance(Instance),
}

/// Why a text is not an address.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct AddressError {
    /// What is wrong and what an address looks like.
    pub message: String,
    /// Byte where.
    pub offset: usize,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Int(n) => write!(f, "[{n}]"),
            Key::String(s) => {
                f.write_str("[\"")?;
                let mut chars = s.chars().peekable();
                while let Some(c) = chars.next() {
                    match c {
                        // As in a quoted template, where these would begin an interpolation.
                        '$' | '%' if chars.peek() == Some(&'{') => write!(f, "{c}{c}")?,
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        _ => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "module.{}", step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.0.is_empty() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "{}{}.{}", self.mode.prefix(), self.type_name, self.name)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.resource)?;
        if let Some(key) = &self.key {
            write!(f, "{key}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Target {
    type Err = AddressError;
    /// Reads `module.a["k"].data.t.n[0]` and prefixes of it.
    fn from_str(text: &str) -> Result<Target, AddressError> {
        let mut parser = Parser { text, at: 0 };
        let target = parser.target()?;
        if parser.at < text.len() {
            return Err(parser.error("nothing may follow here"));
        }
        Ok(target)
    }
}

impl std::str::FromStr for Instance {
    type Err = AddressError;
    /// Reads the address of a resource instance.
    fn from_str(text: &str) -> Result<Instance, AddressError> {
        match text.parse()? {
            Target::Instance(instance) => Ok(instance),
            Target::Resource(resource) => Ok(Instance { resource, key: None }),
            Target::Module(_) => Err(AddressError {
                message: format!("{text} is a module; a resource is wanted: {text}.gitlab_group.name"),
                offset: text.len(),
            }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Module(module) => module.fmt(f),
            Target::Resource(resource) => resource.fmt(f),
            Target::Instance(instance) => instance.fmt(f),
        }
    }
}

impl Target {
    /// True if an instance is under this address.
    pub fn contains(&self, instance: &Instance) -> bool {
        match self {
            Target::Module(module) => module.is_prefix_of(&instance.resource.module),
            Target::Resource(resource) => {
                let other = &instance.resource;
                resource.mode == other.mode
                    && resource.type_name == other.type_name
                    && resource.name == other.name
                    && resource.module.0.len() == other.module.0.len()
                    && resource.module.is_prefix_of(&other.module)
            }
            Target::Instance(wanted) => {
                wanted.key == instance.key && Target::Resource(wanted.resource.clone()).contains(instance)
            }
        }
    }
}

impl ModulePath {
    /// True if the other lies in this module or is it. A step without a key stands for all its instances; one whose key ends in a
    /// slash for all whose key begins so, and for the key without the slash (`parc/`: all of a blueprint's block).
    pub fn is_prefix_of(&self, other: &ModulePath) -> bool {
        self.0.len() <= other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| {
                a.name == b.name && (a.key.is_none() || a.key == b.key || covers(&a.key, &b.key))
            })
    }
}

fn covers(whole: &Option<Key>, part: &Option<Key>) -> bool {
    let (Some(Key::String(whole)), Some(Key::String(part))) = (whole, part) else { return false };
    whole.strip_suffix('/').is_some_and(|label| part == label || part.starts_with(whole.as_str()))
}

/// Where `from` → `to` takes an address, both relative to the same module.
pub fn relocate(from: &Target, to: &Target, instance: &Instance) -> Option<Instance> {
    match (from, to) {
        (Target::Module(from), Target::Module(to)) => {
            let path = &instance.resource.module.0;
            if path.len() < from.0.len() {
                return None;
            }
            let (head, tail) = path.split_at(from.0.len());
            let (last, above) = (from.0.last()?, &from.0[..from.0.len() - 1]);
            let exactly = |a: &[ModuleStep], b: &[ModuleStep]| a == b;
            let here = head.last()?;
            let whole = last.key.is_none() && to.0.last()?.key.is_none();
            let matches = here.name == last.name && (whole || here.key == last.key);
            if !exactly(&head[..head.len() - 1], above) || !matches {
                return None;
            }
            let mut module = to.0.clone();
            if whole {
                module.last_mut()?.key = here.key.clone();
            }
            module.extend_from_slice(tail);
            let mut moved = instance.clone();
            moved.resource.module = ModulePath(module);
            Some(moved)
        }
        (Target::Module(_), _) | (_, Target::Module(_)) => None,
        (Target::Resource(from), Target::Resource(to)) => {
            (instance.resource == *from).then(|| Instance { resource: to.clone(), key: instance.key.clone() })
        }
        (from, to) => {
            let exact = |target: &Target| match target {
                Target::Instance(instance) => Some(instance.clone()),
                Target::Resource(resource) => Some(Instance { resource: resource.clone(), key: None }),
                Target::Module(_) => None,
            };
            if *instance == exact(from)? { exact(to) } else { None }
        }
    }
}

/// Reads addresses, byte by byte.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn target(&mut self) -> Result<Target, AddressError> {
        let mut module = ModulePath::default();
        loop {
            let word = self.name()?;
            if word == "module" && self.eat('.') {
                let name = self.name()?;
                let key = self.key()?;
                module.0.push(ModuleStep { name, key });
                if !self.eat('.') {
                    return Ok(Target::Module(module));
                }
                continue;
            }
            let (mode, type_name) = match word.as_str() {
                "data" if self.eat('.') => (Mode::Data, self.name()?),
                "ephemeral" if self.eat('.') => (Mode::Ephemeral, self.name()?),
                _ => (Mode::Managed, word),
            };
            if !self.eat('.') {
                return Err(self.error("a resource has a type and a name: gitlab_group.project"));
            }
            let name = self.name()?;
            let resource = Resource { module, mode, type_name, name };
            return Ok(match self.key()? {
                Some(key) => Target::Instance(Instance { resource, key: Some(key) }),
                None => Target::Resource(resource),
            });
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: &str) -> AddressError {
        AddressError {
            message: format!("{message} (at {:?} of {:?})", self.rest(), self.text),
            offset: self.at,
        }
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn name(&mut self) -> Result<String, AddressError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Err(self.error("a name is wanted"));
        }
        let name = rest[..end].to_owned();
        self.at += end;
        Ok(name)
    }

    fn key(&mut self) -> Result<Option<Key>, AddressError> {
        if !self.eat('[') {
            return Ok(None);
        }
        let key = if self.eat('"') { Key::String(self.string()?) } else { Key::Int(self.number()?) };
        if !self.eat(']') {
            return Err(self.error("a key ends with ]"));
        }
        Ok(Some(key))
    }

    fn number(&mut self) -> Result<u64, AddressError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..end]
            .parse()
            .map_err(|_| self.error("a key is a whole number or a text in double quotes"))?;
        self.at += end;
        Ok(number)
    }

    fn string(&mut self) -> Result<String, AddressError> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => out.push(c),
                    _ => return Err(self.error("a backslash is followed by n, r, t, a quote or a backslash")),
                },
                '$' | '%' if self.rest()[i + 1..].starts_with(&format!("{c}{{")) => {
                    chars.next();
                    out.push(c);
                }
                c => out.push(c),
            }
        }
        Err(self.error("a text in double quotes ends with one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_terraform_writes() {
        for text in [
            "gitlab_group.this",
            "data.gitlab_user.member[\"a@b\"]",
            "module.m.ephemeral.kubernetes_token_request_v1.deployer[0]",
            "module.project[\"carto\"]",
            "module.project[\"parc/permisnum\"].gitlab_project.repo[\"infra-apps\"]",
            "module.a.module.b[3].terraform_data.x[0]",
            "terraform_data.x[\"with \\\"quotes\\\" and \\\\\"]",
            "terraform_data.x[\"$${x} %%{y} $5\"]",
        ] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        insta::assert_snapshot!("gitlab_group".parse::<Target>().unwrap_err(), @r#"a resource has a type and a name: gitlab_group.project (at "" of "gitlab_group")"#);
        insta::assert_snapshot!("a.b[x]".parse::<Target>().unwrap_err(), @r#"a key is a whole number or a text in double quotes (at "x]" of "a.b[x]")"#);
        insta::assert_snapshot!("a.b[0]c".parse::<Target>().unwrap_err(), @r#"nothing may follow here (at "c" of "a.b[0]c")"#);
        insta::assert_snapshot!("module.a".parse::<Instance>().unwrap_err(), @"module.a is a module; a resource is wanted: module.a.gitlab_group.name");
    }

    #[test]
    fn a_target_holds_what_is_under_it() {
        let instance: Instance = "module.project[\"carto\"].gitlab_project.repo[\"api\"]".parse().unwrap();
        for (target, holds) in [
            ("module.project", true),
            ("module.project[\"carto\"]", true),
            ("module.project[\"other\"]", false),
            ("module.project.gitlab_project.repo", true),
            ("module.project[\"carto\"].gitlab_project.repo[\"api\"]", true),
            ("module.project[\"carto\"].gitlab_project.repo[\"web\"]", false),
            ("gitlab_project.repo", false),
        ] {
            assert_eq!(target.parse::<Target>().unwrap().contains(&instance), holds, "{target}");
        }
    }

    proptest! {
        #[test]
        fn any_key_survives(key in "\\PC*") {
            let instance = Instance {
                resource: Resource { module: ModulePath::default(), mode: Mode::Managed, type_name: "t".into(), name: "n".into() },
                key: Some(Key::String(key)),
            };
            prop_assert_eq!(instance.to_string().parse::<Instance>().unwrap(), instance);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<Target>();
        }
    }
}
