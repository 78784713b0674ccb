//! Types and marks of values: `tostring` and the like, `sensitive` and the like.

use std::convert::Infallible;

use pilotis_value::convert::convert;
use pilotis_value::{Kind, Marks, Type, Value};

use super::{
    FunctionDef, Outcome, Param, any, fail_argument, gives_bool, gives_first, gives_string, unknown,
};

const ANY: Param = Param::new("v", any).nullable().unknown().marked();

/// A conversion to a type.
macro_rules! to {
    ($name:literal, $ty:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[ANY],
            variadic: None,
            returns: |_| $ty,
            call: |args, _| converted(&args[0], &$ty),
            doc: $doc,
        }
    };
}

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    to!("tobool", Type::Bool, "The value as a bool."),
    to!("tolist", Type::list(Type::Dynamic), "The value as a list."),
    to!("tomap", Type::map(Type::Dynamic), "The value as a map."),
    to!("tonumber", Type::Number, "The value as a number."),
    to!("toset", Type::set(Type::Dynamic), "The value as a set: without doubles, in the order of sets."),
    to!("tostring", Type::String, "The value as text."),
    FunctionDef {
        name: "sensitive",
        params: &[Param::new("value", any).nullable().unknown().marked()],
        variadic: None,
        returns: gives_first,
        call: |args, _| Ok(args[0].clone().with_marks(Marks::SENSITIVE)),
        doc: "The value, not to be shown.",
    },
    FunctionDef {
        name: "nonsensitive",
        params: &[Param::new("value", any).nullable().unknown().marked()],
        variadic: None,
        returns: gives_first,
        call: |args, _| {
            let (value, marks) = args[0].clone().unmark();
            Ok(value.with_marks(marks - Marks::SENSITIVE))
        },
        doc: "The value, free to be shown. What is sensitive inside of it stays so.",
    },
    FunctionDef {
        name: "issensitive",
        params: &[Param::new("value", any).nullable().unknown().marked()],
        variadic: None,
        returns: gives_bool,
        call: |args, _| {
            let sensitive = args[0].marks().contains(Marks::SENSITIVE);
            // What isn't known yet may turn out to be.
            let open = !sensitive && !args[0].is_known();
            Ok(if open { unknown(Type::Bool) } else { Value::bool(sensitive) })
        },
        doc: "True if the value is sensitive itself.",
    },
    FunctionDef {
        name: "ephemeralasnull",
        params: &[Param::new("value", any).nullable().unknown().marked()],
        variadic: None,
        returns: gives_first,
        call: |args, _| without_ephemeral(&args[0]),
        doc: "The value, with null in place of all that is ephemeral.",
    },
    FunctionDef {
        name: "type",
        params: &[Param::new("value", any).nullable().unknown()],
        variadic: None,
        returns: gives_string,
        call: |args, _| Ok(Value::string(args[0].ty().to_string())),
        doc: "The type of the value, written as a type constraint.",
    },
    FunctionDef {
        name: "provider::pilotis::base36",
        params: &[Param::new("uuid", super::string)],
        variadic: None,
        returns: gives_string,
        call: |args, _| base36(super::text(args, 0)?),
        doc: "A UUID as a number in base 36, in lower case: short enough for names that have a limit.",
    },
];

fn converted(value: &Value, to: &Type) -> Outcome {
    let error = match convert(value, to) {
        Ok(converted) => return Ok(converted),
        Err(error) => error,
    };
    let wanted = to.wanted_name();
    let text = value.as_str();
    if value.has_sensitive() {
        return fail_argument(
            0,
            format!("cannot convert this sensitive {} to {wanted}", value.ty().friendly_name()),
        );
    }
    fail_argument(
        0,
        match (text, to) {
            (Some(s), Type::Bool) => {
                format!("cannot convert {s:?} to bool: only \"true\" and \"false\" can be")
            }
            (Some(s), Type::Number) => {
                format!("cannot convert {s:?} to number: it is not written in decimal digits")
            }
            // A collection of the right kind: say which element is wrong.
            _ if !error.path.0.is_empty() => {
                format!("cannot convert {} to {wanted}: {error}", value.ty().friendly_name())
            }
            _ => format!("cannot convert {} to {wanted}", value.ty().friendly_name()),
        },
    )
}

fn without_ephemeral(value: &Value) -> Outcome {
    let result = value.transform::<Infallible>(&mut |_, v| {
        if !v.marks().contains(Marks::EPHEMERAL) {
            return Ok(v);
        }
        let ty = v.ty();
        Ok(match v.kind() {
            Kind::Unknown(_) if ty == Type::Dynamic => Value::null(Type::Dynamic),
            _ => Value::null(ty),
        }
        .with_marks(v.marks() - Marks::EPHEMERAL - Marks::WITHHELD))
    });
    match result {
        Ok(value) => Ok(value),
    }
}

fn base36(uuid: &str) -> Outcome {
    let digits: String = uuid.chars().filter(|c| *c != '-').collect();
    let grouped = uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12]) || uuid.len() == 32;
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| grouped && digits.len() == 32);
    let Some(mut number) = number.filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit())) else {
        return fail_argument(0, "a UUID is required: 32 hexadecimal digits, as 8-4-4-4-12");
    };
    let mut out = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        out.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    Ok(Value::string(out.into_iter().rev().collect::<String>()))
}
