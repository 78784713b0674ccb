//! Numbers.

use pilotis_value::number::ArithmeticError;
use pilotis_value::{Kind, Number, Type, Value};

use super::{
    FunctionDef, FunctionError, MAX_LENGTH, Outcome, Param, any, fail, fail_argument, gives_number, number,
    numeral, typed_as, whole,
};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "abs",
        params: &[Param::new("num", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| Ok(Value::number(numeral(args, 0)?.abs())),
        doc: "The number without its sign.",
    },
    FunctionDef {
        name: "ceil",
        params: &[Param::new("num", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| Ok(Value::number(numeral(args, 0)?.ceil())),
        doc: "The least whole number that is not less than the number.",
    },
    FunctionDef {
        name: "floor",
        params: &[Param::new("num", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| Ok(Value::number(numeral(args, 0)?.floor())),
        doc: "The greatest whole number that is not greater than the number.",
    },
    FunctionDef {
        name: "log",
        params: &[Param::new("num", number), Param::new("base", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| from_double(numeral(args, 0)?.to_f64().ln() / numeral(args, 1)?.to_f64().ln()),
        doc: "The logarithm of a number in a base, computed in doubles.",
    },
    FunctionDef {
        name: "pow",
        params: &[Param::new("num", number), Param::new("power", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| from_double(numeral(args, 0)?.to_f64().powf(numeral(args, 1)?.to_f64())),
        doc: "A number raised to a power, computed in doubles.",
    },
    FunctionDef {
        name: "max",
        params: &[],
        variadic: Some(Param::new("numbers", number)),
        returns: gives_number,
        call: |args, _| extreme(args, |candidate, best| candidate > best),
        doc: "The greatest of the numbers.",
    },
    FunctionDef {
        name: "min",
        params: &[],
        variadic: Some(Param::new("numbers", number)),
        returns: gives_number,
        call: |args, _| extreme(args, |candidate, best| candidate < best),
        doc: "The least of the numbers.",
    },
    FunctionDef {
        name: "parseint",
        params: &[Param::new("number", any), Param::new("base", number)],
        variadic: None,
        returns: |args| typed_as(Type::Number, args),
        call: parse_int,
        doc: "Reads a whole number that is written in a base from 2 to 62.",
    },
    FunctionDef {
        name: "signum",
        params: &[Param::new("num", number)],
        variadic: None,
        returns: gives_number,
        call: |args, _| Ok(Value::number(whole(args, 0)?.signum())),
        doc: "-1, 0 or 1: the sign of a whole number.",
    },
    FunctionDef {
        name: "sum",
        params: &[Param::new("list", any)],
        variadic: None,
        returns: |args| typed_as(Type::Number, args),
        call: sum,
        doc: "The sum of a list or set of numbers.",
    },
    FunctionDef {
        name: "range",
        params: &[],
        variadic: Some(Param::new("params", number)),
        returns: |_| Type::list(Type::Number),
        call: range,
        doc: "Numbers from a start (0) to before a limit, with a step (1): range(max), range(start, limit), range(start, limit, step).",
    },
];

impl From<ArithmeticError> for FunctionError {
    fn from(error: ArithmeticError) -> FunctionError {
        FunctionError::new(error.to_string())
    }
}

fn from_double(value: f64) -> Outcome {
    match Number::from_f64(value) {
        Ok(n) => Ok(Value::number(n)),
        Err(_) => fail("the result is not a number"),
    }
}

fn extreme(args: &[Value], better: fn(&Number, &Number) -> bool) -> Outcome {
    let numbers = args.iter().filter_map(Value::as_number);
    let best = numbers.reduce(|best, candidate| if better(candidate, best) { candidate } else { best });
    best.map_or_else(|| fail("must pass at least one number"), |n| Ok(Value::number(n.clone())))
}

fn parse_int(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let Some(text) = args[0].as_str() else {
        return fail_argument(
            0,
            format!("first argument must be a string, not {}", args[0].ty().friendly_name()),
        );
    };
    let Some(base) = numeral(args, 1)?.to_i64() else { return fail_argument(1, super::NOT_WHOLE) };
    let Some(base) = u32::try_from(base).ok().filter(|b| (2..=62).contains(b)) else {
        return fail_argument(1, "base must be a whole number between 2 and 62 inclusive");
    };
    match Number::parse_radix(text, base) {
        Ok(n) => Ok(Value::number(n)),
        Err(_) => fail_argument(0, format!("cannot parse {text:?} as a base {base} integer")),
    }
}

fn sum(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    const NUMBERS: &str = "a list, set or tuple of numbers is required";
    let items = match args[0].kind() {
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.items(),
        Kind::Map(_) | Kind::Object(_) => {
            let have = args[0].ty().friendly_name();
            return fail_argument(0, format!("a list, set or tuple of numbers is required, not an {have}"));
        }
        _ => return fail_argument(0, NUMBERS),
    };
    if items.is_empty() {
        return fail_argument(0, "an empty list has no sum");
    }
    let mut total = Number::ZERO;
    for item in items {
        let number = pilotis_value::convert::convert(item, &Type::Number).ok();
        match number.as_ref().and_then(Value::as_number) {
            Some(n) => total = total.add(n)?,
            None => return fail_argument(0, NUMBERS),
        }
    }
    Ok(Value::number(total))
}

fn range(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (start, end, step) = match args {
        [_] => (Number::ZERO, numeral(args, 0)?.clone(), None),
        [_, _] => (numeral(args, 0)?.clone(), numeral(args, 1)?.clone(), None),
        [_, _, _] => (numeral(args, 0)?.clone(), numeral(args, 1)?.clone(), Some(numeral(args, 2)?.clone())),
        _ => return fail("must have one, two, or three arguments"),
    };
    let down = end < start;
    let step = step.unwrap_or(Number::Int(if down { -1 } else { 1 }));
    match step.signum() {
        0 => return fail_argument(args.len() - 1, "step must not be zero"),
        1 if down => {
            return fail_argument(args.len() - 1, "end must be greater than start when step is positive");
        }
        -1 if end > start => {
            return fail_argument(args.len() - 1, "end must be less than start when step is negative");
        }
        _ => {}
    }
    let rising = step.signum() > 0;
    let mut items = Vec::new();
    let mut at = start;
    while if rising { at < end } else { at > end } {
        if items.len() >= MAX_LENGTH {
            return fail(format!("more than {MAX_LENGTH} values; make the range shorter or the step bigger"));
        }
        let next = at.add(&step)?;
        if next == at {
            return fail("the step is too small to change numbers of this size");
        }
        items.push(Value::number(std::mem::replace(&mut at, next)));
    }
    Ok(Value::list(Type::Number, items))
}
