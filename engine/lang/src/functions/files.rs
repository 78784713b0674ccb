//! Files, read through [`crate::Files`], and paths as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pilotis_value::{Type, Value};

use super::{
    FunctionDef, FunctionError, Outcome, Param, fail, fail_argument, gives_bool, gives_string, string,
    strings_list, text,
};
use crate::Surroundings;

const PATH: Param = Param::new("path", string);

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "abspath",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: |args, around| Ok(Value::string(clean(&around.files.absolute(text(args, 0)?)))),
        doc: "The absolute form of a path.",
    },
    FunctionDef {
        name: "basename",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: |args, _| Ok(Value::string(base_name(text(args, 0)?))),
        doc: "The last part of a path.",
    },
    FunctionDef {
        name: "dirname",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: |args, _| Ok(Value::string(dir_name(text(args, 0)?))),
        doc: "A path without its last part.",
    },
    FunctionDef {
        name: "pathexpand",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: path_expand,
        doc: "A path with the home folder in place of a ~ at its beginning.",
    },
    FunctionDef {
        name: "file",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: |args, around| Ok(Value::string(read_text(args, around)?)),
        doc: "The text of a file.",
    },
    FunctionDef {
        name: "filebase64",
        params: &[PATH],
        variadic: None,
        returns: gives_string,
        call: |args, around| Ok(Value::string(BASE64.encode(read(args, around)?))),
        doc: "The bytes of a file, in base 64.",
    },
    FunctionDef {
        name: "fileexists",
        params: &[PATH],
        variadic: None,
        returns: gives_bool,
        call: |args, around| around.files.exists(text(args, 0)?).map(Value::bool).map_err(FunctionError::new),
        doc: "True if there is a file at a path.",
    },
    FunctionDef {
        name: "fileset",
        params: &[PATH, Param::new("pattern", string)],
        variadic: None,
        returns: |_| Type::set(Type::String),
        call: file_set,
        doc: "The files under a folder that match a pattern: * and ? within a name, ** for folders, {a,b} for a choice.",
    },
];

/// The bytes of the file that the first argument names.
pub(super) fn read(args: &[Value], around: &Surroundings<'_>) -> Result<Vec<u8>, FunctionError> {
    let path = text(args, 0)?;
    if let Ok(false) = around.files.exists(path) {
        return fail_argument(
            0,
            format!(
                "no file exists at {path:?}; functions read files while planning, so one that a resource will make \
                 can't be read: use an attribute of that resource instead"
            ),
        );
    }
    around
        .files
        .read(path)
        .or_else(|error| fail_argument(0, format!("failed to read file {path:?}: {error}")))
}

/// The same, as text.
pub(super) fn read_text(args: &[Value], around: &Surroundings<'_>) -> Result<String, FunctionError> {
    let path = text(args, 0)?;
    String::from_utf8(read(args, around)?).or_else(|_| {
        fail(format!(
            "contents of {path:?} are not valid UTF-8; filebase64 gives them in base 64, filesha256 and the like their hash"
        ))
    })
}

fn file_set(args: &[Value], around: &Surroundings<'_>) -> Outcome {
    let (dir, pattern) = (text(args, 0)?, text(args, 1)?);
    match around.files.glob(dir, pattern) {
        Ok(found) => {
            let listed = strings_list(found);
            Ok(Value::set(Type::String, listed.as_elements().unwrap_or_default().to_vec()))
        }
        Err(error) => fail(format!("failed to glob pattern {pattern:?} under {dir:?}: {error}")),
    }
}

fn path_expand(args: &[Value], around: &Surroundings<'_>) -> Outcome {
    let path = text(args, 0)?;
    let Some(rest) = path.strip_prefix('~') else { return Ok(Value::string(path)) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return fail("cannot expand the home folder of another user");
    }
    match around.files.home() {
        Some(home) => Ok(Value::string(clean(&format!("{home}/{rest}")))),
        None => fail("the home folder is not known"),
    }
}

fn base_name(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        path => path.rsplit('/').next().unwrap_or(path),
    }
}

fn dir_name(path: &str) -> String {
    clean(path.rsplit_once('/').map_or("", |(dir, _)| if dir.is_empty() { "/" } else { dir }))
}

/// The shortest path to the same place, without `.`, `..` and doubled slashes where they can be had out of it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}
