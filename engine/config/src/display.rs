//! Addresses as people write and read them: `project.carto.gitlab_group.project` for
//! `module.project["carto"].gitlab_group.project`, and `project.parc["k"]` for `module.project["parc/k"]`.
//!
//! Which module calls are blocks of a blueprint is the configuration's to say; both forms are read everywhere.

use pilotis_schema::address::{
    AddressError, Instance, Key, Mode, ModulePath, ModuleStep, Resource as ResourceAddress, Target,
};

use crate::{Configuration, Module, ModuleId, Repetition};

/// The address of an object as the screen shows it.
pub fn display(configuration: &Configuration, instance: &Instance) -> String {
    let mut out = display_module(configuration, &instance.resource.module);
    if !out.is_empty() {
        out.push('.');
    }
    push_resource(&mut out, &instance.resource);
    if let Some(key) = &instance.key {
        out.push_str(&key.to_string());
    }
    out
}

/// A module instance as the screen shows it; empty for the root module.
pub fn display_module(configuration: &Configuration, path: &ModulePath) -> String {
    let mut out = String::new();
    let mut module = configuration.modules.first();
    for step in &path.0 {
        if !out.is_empty() {
            out.push('.');
        }
        let blueprint = module.and_then(|m| m.blueprints.iter().find(|b| b.word == step.name));
        match (blueprint, &step.key) {
            (Some(blueprint), Some(Key::String(key))) => {
                let (label, rest) = split_key(key);
                out.push_str(&step.name);
                if crate::shape::is_identifier(label) {
                    out.push('.');
                    out.push_str(label);
                } else {
                    out.push_str(&Key::String(label.to_owned()).to_string());
                }
                if let Some(rest) = rest.filter(|r| !r.is_empty()) {
                    out.push_str(&Key::String(rest.to_owned()).to_string());
                }
                module = configuration.modules.get(blueprint.module.0 as usize);
            }
            (Some(blueprint), None) => {
                out.push_str(&step.name);
                module = configuration.modules.get(blueprint.module.0 as usize);
            }
            _ => {
                out.push_str("module.");
                out.push_str(&step.name);
                if let Some(key) = &step.key {
                    out.push_str(&key.to_string());
                }
                module = module.and_then(|m| called(&configuration.modules, m, &step.name));
            }
        }
    }
    out
}

/// Any prefix of an address as the screen shows it.
pub fn display_target(configuration: &Configuration, target: &Target) -> String {
    match target {
        Target::Module(path) => display_module(configuration, path),
        Target::Instance(instance) => display(configuration, instance),
        Target::Resource(resource) => {
            let mut out = display_module(configuration, &resource.module);
            if !out.is_empty() {
                out.push('.');
            }
            push_resource(&mut out, resource);
            out
        }
    }
}

/// Reads what [`display`] writes, Terraform's form, and prefixes of both.
pub fn parse_target(configuration: &Configuration, text: &str) -> Result<Target, AddressError> {
    let tokens = tokens(text)?;
    let found = match configuration.modules.first() {
        Some(root) => target(&tokens, root, &configuration.modules)?,
        None => target(&tokens, &Module::empty("."), &[])?,
    };
    Ok(match configuration.modules.first() {
        Some(root) => whole_block(found, root),
        None => found,
    })
}

/// A blueprint's block without a key means all its instances too, unless it is declared without `for_each`: the key then ends in a
/// slash, as [`ModulePath::is_prefix_of`] reads it.
pub(crate) fn whole_block(target: Target, root: &Module) -> Target {
    let Target::Module(mut path) = target else { return target };
    if let [ModuleStep { name, key: Some(Key::String(key)) }] = path.0.as_mut_slice()
        && root.blueprints.iter().any(|b| b.word == *name)
        && !key.contains('/')
    {
        let single = |c: &crate::Call| {
            c.name == *name
                && c.label.as_deref() == Some(key.as_str())
                && matches!(c.repetition, Repetition::One)
        };
        if !root.calls.iter().any(single) {
            key.push('/');
        }
    }
    Target::Module(path)
}

/// Label and instance key of a blueprint's block: `parc/k`.
fn split_key(key: &str) -> (&str, Option<&str>) {
    match key.split_once('/') {
        Some((label, rest)) => (label, Some(rest)),
        None => (key, None),
    }
}

fn push_resource(out: &mut String, resource: &ResourceAddress) {
    out.push_str(resource.mode.prefix());
    out.push_str(&resource.type_name);
    out.push('.');
    out.push_str(&resource.name);
}

fn called<'m>(modules: &'m [Module], module: &Module, name: &str) -> Option<&'m Module> {
    let call = module.calls.iter().find(|c| c.name == name && c.label.is_none())?;
    let ModuleId(id) = call.module;
    modules.get(id as usize)
}

/// A part of an address and its byte.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) part: Part,
    pub(crate) offset: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Name(String),
    Key(Key),
}

fn error(message: impl Into<String>, offset: usize) -> AddressError {
    AddressError { message: message.into(), offset }
}

fn tokens(text: &str) -> Result<Vec<Token>, AddressError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(inside) = rest.strip_prefix('[') {
            let (key, length) = key(inside, at + 1)?;
            tokens.push(Token { part: Part::Key(key), offset: at });
            at += 1 + length;
            continue;
        }
        let rest = if tokens.is_empty() {
            rest
        } else {
            at += 1;
            rest.strip_prefix('.').ok_or_else(|| error("a dot or an index is expected here", at - 1))?
        };
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        let starts = name.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !starts || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return Err(error(format!("{name:?} is not a name"), at));
        }
        tokens.push(Token { part: Part::Name(name.to_owned()), offset: at });
        at += end;
    }
    Ok(tokens)
}

/// The key after a `[`, and how many bytes it and its `]` take.
fn key(inside: &str, offset: usize) -> Result<(Key, usize), AddressError> {
    let Some(quoted) = inside.strip_prefix('"') else {
        let end = inside.find(']').ok_or_else(|| error("the index has no end: \"]\" is missing", offset))?;
        let number = inside[..end]
            .parse()
            .map_err(|_| error("an index is a whole number or a text in quotes: [0], [\"key\"]", offset))?;
        return Ok((Key::Int(number), end + 1));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' if quoted[i + 1..].starts_with(']') => return Ok((Key::String(key), i + 3)),
            '"' => return Err(error("the index has no end: \"]\" is missing", offset + i)),
            '\\' => match chars.next() {
                Some((_, 'n')) => key.push('\n'),
                Some((_, 'r')) => key.push('\r'),
                Some((_, 't')) => key.push('\t'),
                Some((_, c @ ('"' | '\\'))) => key.push(c),
                // What drives a terminal is shown so.
                Some((_, 'u')) => {
                    let code =
                        quoted.get(i + 2..i + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    let Some(c) = code.and_then(char::from_u32) else {
                        return Err(error("\\u needs four hexadecimal digits, of a character", offset + i));
                    };
                    key.push(c);
                    chars.nth(3);
                }
                _ => return Err(error("this escape means nothing", offset + i)),
            },
            c => key.push(c),
        }
    }
    Err(error("the text of the index has no end: a quote is missing", offset))
}

/// Reads tokens from a module on.
pub(crate) fn target(tokens: &[Token], root: &Module, modules: &[Module]) -> Result<Target, AddressError> {
    let end = tokens.last().map_or(0, |t| t.offset);
    let mut rest = tokens;
    let mut path = ModulePath::default();
    let mut module = Some(root);
    loop {
        let Some((first, after)) = rest.split_first() else {
            return if path.0.is_empty() {
                Err(error("an address names a resource or a module: `gitlab_group.a`, `module.m`", end))
            } else {
                Ok(Target::Module(path))
            };
        };
        let Part::Name(name) = &first.part else {
            return Err(error("a name is expected here", first.offset));
        };
        if name == "module" {
            let (step, left) = module_step(after, first.offset)?;
            module = module.and_then(|m| called(modules, m, &step.name));
            path.0.push(step);
            rest = left;
            continue;
        }
        if let Some(blueprint) = module.and_then(|m| m.blueprints.iter().find(|b| b.word == *name)) {
            let (key, left) = word_key(after);
            path.0.push(ModuleStep { name: name.clone(), key });
            module = modules.get(blueprint.module.0 as usize);
            rest = left;
            continue;
        }
        return resource(path, rest, end);
    }
}

fn module_step(tokens: &[Token], offset: usize) -> Result<(ModuleStep, &[Token]), AddressError> {
    let Some((Token { part: Part::Name(name), .. }, rest)) = tokens.split_first() else {
        return Err(error("the module's name is missing: `module.NAME`", offset));
    };
    let (key, rest) = take_key(rest);
    Ok((ModuleStep { name: name.clone(), key }, rest))
}

fn take_key(tokens: &[Token]) -> (Option<Key>, &[Token]) {
    match tokens.split_first() {
        Some((Token { part: Part::Key(key), .. }, rest)) => (Some(key.clone()), rest),
        _ => (None, tokens),
    }
}

/// After a blueprint's word: `.carto`, `["carto"]`, `.parc["k"]`; none for all blocks.
fn word_key(tokens: &[Token]) -> (Option<Key>, &[Token]) {
    let (label, rest) = match tokens.split_first() {
        Some((Token { part: Part::Name(label), .. }, rest)) => (label.clone(), rest),
        Some((Token { part: Part::Key(Key::String(label)), .. }, rest)) => (label.clone(), rest),
        _ => return (None, tokens),
    };
    match take_key(rest) {
        (Some(Key::String(key)), rest) => (Some(Key::String(format!("{label}/{key}"))), rest),
        (Some(Key::Int(n)), rest) => (Some(Key::String(format!("{label}/{n}"))), rest),
        (None, _) => (Some(Key::String(label)), rest),
    }
}

fn resource(module: ModulePath, tokens: &[Token], end: usize) -> Result<Target, AddressError> {
    let name = |i: usize| match tokens.get(i) {
        Some(Token { part: Part::Name(name), .. }) => Ok(name.clone()),
        Some(token) => Err(error("a name is expected here", token.offset)),
        None => Err(error("a resource's address is its type and its name: `gitlab_group.a`", end)),
    };
    let (mode, skip) = match name(0)?.as_str() {
        "data" => (Mode::Data, 1),
        "ephemeral" => (Mode::Ephemeral, 1),
        "resource" => (Mode::Managed, 1),
        _ => (Mode::Managed, 0),
    };
    let resource = ResourceAddress { module, mode, type_name: name(skip)?, name: name(skip + 1)? };
    let (key, rest) = take_key(&tokens[skip + 2..]);
    if let Some(extra) = rest.first() {
        return Err(error("nothing may follow a resource's address but an index", extra.offset));
    }
    Ok(match key {
        Some(key) => Target::Instance(Instance { resource, key: Some(key) }),
        None => Target::Resource(resource),
    })
}
