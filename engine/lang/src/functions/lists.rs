//! Lists, and what treats all sequences alike.

use pilotis_value::convert::{convert, equal};
use pilotis_value::unify::unify;
use pilotis_value::{Kind, Type, Value};

use super::{
    FunctionDef, FunctionError, Outcome, Param, any, any_unknown, clusters, elements, fail, fail_argument,
    gives_any, gives_bool, gives_first, gives_number, gives_strings, list_of_any, list_of_bools,
    list_of_strings, number, open, strings_list, typed_as, unknown, whole,
};
use crate::Surroundings;

/// A list whose elements pass through with what is unknown and marked in them.
const LIST: Param = Param::new("list", any).unknown().marked();

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "alltrue",
        params: &[Param::new("list", list_of_bools).unknown()],
        variadic: None,
        returns: gives_bool,
        call: |args, _| Ok(decide(args, false)),
        doc: "True if all elements are true.",
    },
    FunctionDef {
        name: "anytrue",
        params: &[Param::new("list", list_of_bools).unknown()],
        variadic: None,
        returns: gives_bool,
        call: |args, _| Ok(decide(args, true)),
        doc: "True if an element is true.",
    },
    FunctionDef {
        name: "chunklist",
        params: &[Param::new("list", list_of_any).unknown().marked(), Param::new("size", number)],
        variadic: None,
        returns: |args| Type::list(gives_first(args)),
        call: chunk,
        doc: "The list cut into lists of a size (0: a single one).",
    },
    FunctionDef {
        name: "coalesce",
        params: &[],
        variadic: Some(Param::new("vals", any).nullable().unknown()),
        returns: |args| unify(&types(args)).unwrap_or(Type::Dynamic),
        call: coalesce,
        doc: "The first argument that is neither null nor an empty text.",
    },
    FunctionDef {
        name: "coalescelist",
        params: &[],
        variadic: Some(Param::new("vals", any).nullable().unknown().marked()),
        returns: gives_any,
        call: coalesce_list,
        doc: "The first list that has elements.",
    },
    FunctionDef {
        name: "compact",
        params: &[Param::new("list", list_of_strings)],
        variadic: None,
        returns: gives_strings,
        call: |args, _| {
            let kept = elements(args, 0)?.iter().filter_map(Value::as_str).filter(|s| !s.is_empty());
            Ok(strings_list(kept))
        },
        doc: "The texts that are neither null nor empty.",
    },
    FunctionDef {
        name: "concat",
        params: &[],
        variadic: Some(Param::new("seqs", any).unknown().marked()),
        returns: concat_type,
        call: concat,
        doc: "The elements of all lists, one list after the other.",
    },
    FunctionDef {
        name: "contains",
        params: &[Param::new("list", any).unknown(), Param::new("value", any).unknown()],
        variadic: None,
        returns: |args| typed_as(Type::Bool, args),
        call: contains,
        doc: "True if a list, tuple or set holds a value.",
    },
    FunctionDef {
        name: "distinct",
        params: &[Param::new("list", list_of_any)],
        variadic: None,
        returns: gives_first,
        call: distinct,
        doc: "The list without the elements that occurred before.",
    },
    FunctionDef {
        name: "element",
        params: &[LIST, Param::new("index", number)],
        variadic: None,
        returns: |args| args.first().map_or(Type::Dynamic, element_type),
        call: element,
        doc: "The element at an index, counted round and round if it is beyond the end.",
    },
    FunctionDef {
        name: "flatten",
        params: &[LIST],
        variadic: None,
        returns: gives_any,
        call: flatten,
        doc: "A list whose elements that are lists are replaced by their elements, at every level.",
    },
    FunctionDef {
        name: "index",
        params: &[Param::new("list", any), Param::new("value", any)],
        variadic: None,
        returns: |args| typed_as(Type::Number, args),
        call: index,
        doc: "Where a value is first in a list.",
    },
    FunctionDef {
        name: "length",
        params: &[Param::new("value", any).unknown().marked()],
        variadic: None,
        returns: gives_number,
        call: length,
        doc: "How many elements a collection, or characters a text, has.",
    },
    FunctionDef {
        name: "one",
        params: &[LIST],
        variadic: None,
        returns: one_type,
        call: one,
        doc: "The only element of a list or set, or null if it is empty.",
    },
    FunctionDef {
        name: "reverse",
        params: &[LIST],
        variadic: None,
        returns: reversed_type,
        call: reverse,
        doc: "The list in the opposite order.",
    },
    FunctionDef {
        name: "slice",
        params: &[LIST, Param::new("start_index", number), Param::new("end_index", number)],
        variadic: None,
        returns: gives_any,
        call: slice,
        doc: "The elements from a start index to before an end index.",
    },
    FunctionDef {
        name: "sort",
        params: &[Param::new("list", list_of_strings).unknown()],
        variadic: None,
        returns: gives_strings,
        call: sort,
        doc: "The texts in the order of their code points.",
    },
];

fn types(args: &[Value]) -> Vec<Type> {
    args.iter().map(Value::ty).collect()
}

/// `alltrue` and `anytrue`: the element that decides, and what it decides.
fn decide(args: &[Value], decisive: bool) -> Value {
    let Some(items) = args[0].as_elements() else { return unknown(Type::Bool) };
    // A null is not true.
    let truth = |v: &Value| if v.is_null() { Some(false) } else { v.as_bool() };
    if items.iter().any(|v| truth(v) == Some(decisive)) {
        Value::bool(decisive)
    } else if items.iter().any(|v| truth(v).is_none()) {
        unknown(Type::Bool)
    } else {
        Value::bool(!decisive)
    }
}

fn chunk(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, marks) = open(args);
    let ty = args[0].ty();
    if any_unknown(&args) {
        return Ok(unknown(Type::list(ty)).with_marks(marks));
    }
    let size = whole(&args, 1).map_err(|e| FunctionError::new(format!("invalid size: {}", e.message)))?;
    let Ok(size) = usize::try_from(size) else { return fail("the size argument must be positive") };
    let items = elements(&args, 0)?;
    let size = if size == 0 { items.len().max(1) } else { size };
    let element = ty.element().cloned().unwrap_or(Type::Dynamic);
    let chunks = items.chunks(size).map(|part| Value::list(element.clone(), part.to_vec())).collect();
    Ok(Value::list(ty, chunks).with_marks(marks))
}

fn coalesce(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let Some(ty) = unify(&types(args)) else { return fail("the arguments have no type in common") };
    for arg in args {
        if !arg.is_known() {
            return Ok(Value::unknown(ty));
        }
        let value = convert(arg, &ty).map_err(|e| FunctionError::new(e.to_string()))?;
        if !value.is_null() && value.as_str() != Some("") {
            return Ok(value);
        }
    }
    fail("all arguments are null or empty texts")
}

fn coalesce_list(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    if args.is_empty() {
        return fail("at least one argument is required");
    }
    let (bare, marks) = open(args);
    if bare.iter().take_while(|v| v.is_known()).any(|v| !matches!(v.ty(), Type::List(_) | Type::Tuple(_))) {
        return fail("coalescelist arguments must be lists or tuples");
    }
    for arg in &bare {
        if !arg.is_known() {
            return Ok(Value::unknown(Type::Dynamic).with_marks(marks));
        }
        if arg.as_elements().is_some_and(|items| !items.is_empty()) {
            return Ok(arg.clone().with_marks(marks));
        }
    }
    fail("no non-null arguments")
}

fn concat_type(args: &[Value]) -> Type {
    if args.iter().any(|v| v.ty() == Type::Dynamic) {
        return Type::Dynamic;
    }
    let lists: Option<Vec<Type>> = args
        .iter()
        .map(|v| match v.ty() {
            Type::List(t) => Some((*t).clone()),
            _ => None,
        })
        .collect();
    if let Some(element) = lists.and_then(|elements| unify(&elements)) {
        return Type::list(element);
    }
    let mut all = Vec::new();
    for arg in args {
        match (arg.ty(), arg.as_elements()) {
            (Type::Tuple(types), _) => all.extend(types.iter().cloned()),
            (Type::List(t), Some(items)) => all.extend(std::iter::repeat_n((*t).clone(), items.len())),
            _ => return Type::Dynamic,
        }
    }
    Type::tuple(all)
}

fn concat(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, marks) = open(args);
    if args.is_empty() {
        return fail("at least one argument is required");
    }
    for (i, arg) in args.iter().enumerate() {
        let sequence = matches!(arg.ty(), Type::List(_) | Type::Tuple(_));
        if !sequence && (arg.is_known() || arg.ty() != Type::Dynamic) {
            let have = arg.ty().friendly_name();
            return fail_argument(i, format!("all arguments must be lists or tuples; got {have}"));
        }
    }
    let ty = concat_type(&args);
    if any_unknown(&args) {
        return Ok(unknown(ty).with_marks(marks));
    }
    let items = args.iter().filter_map(Value::as_elements).flatten();
    let joined = match &ty {
        Type::List(element) => {
            let items: Result<Vec<Value>, _> = items.map(|v| convert(v, element)).collect();
            Value::list((**element).clone(), items.map_err(|e| FunctionError::new(e.to_string()))?)
        }
        _ => Value::tuple(items.cloned().collect()),
    };
    Ok(joined.with_marks(marks))
}

fn contains(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let Some(items) = args[0].as_elements() else {
        return match args[0].ty() {
            Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_) if !args[0].is_known() => {
                Ok(unknown(Type::Bool))
            }
            _ => fail("argument must be list, tuple, or set"),
        };
    };
    let mut open = false;
    for item in items {
        match equal(item, &args[1]).as_bool() {
            Some(true) => return Ok(Value::bool(true)),
            Some(false) => {}
            None => open = true,
        }
    }
    Ok(if open { unknown(Type::Bool) } else { Value::bool(false) })
}

fn distinct(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let element = args[0].ty().element().cloned().unwrap_or(Type::Dynamic);
    let mut seen = std::collections::HashSet::new();
    let items = elements(args, 0)?.iter().filter(|v| seen.insert(v.digest())).cloned().collect();
    Ok(Value::list(element, items))
}

fn element_type(list: &Value) -> Type {
    match list.ty() {
        Type::List(t) => (*t).clone(),
        Type::Tuple(types) => unify(&types).unwrap_or(Type::Dynamic),
        _ => Type::Dynamic,
    }
}

fn element(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, marks) = open(args);
    match args[0].ty() {
        Type::List(_) | Type::Tuple(_) => {}
        Type::Dynamic if !args[0].is_known() => {}
        other => return fail(format!("cannot read elements from {}", other.friendly_name())),
    }
    if any_unknown(&args) {
        return Ok(Value::unknown(element_type(&args[0])).with_marks(marks));
    }
    let items = elements(&args, 0)?;
    let index = whole(&args, 1).map_err(|e| FunctionError::new(format!("invalid index: {}", e.message)))?;
    if items.is_empty() {
        return fail("cannot use element function with an empty list");
    }
    let index = index.rem_euclid(items.len() as i64) as usize;
    Ok(items[index].clone().with_marks(marks))
}

fn flatten(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (list, mut marks) = args[0].clone().unmark();
    if !list.is_known() {
        return Ok(Value::unknown(Type::Dynamic).with_marks(marks));
    }
    if list.as_elements().is_none() {
        return fail("can only flatten lists, sets and tuples");
    }
    let mut flat = Vec::new();
    let known = gather(&list, &mut flat, &mut marks);
    Ok(if known { Value::tuple(flat) } else { Value::unknown(Type::Dynamic) }.with_marks(marks))
}

/// False if there is a list of unknown length.
fn gather(list: &Value, flat: &mut Vec<Value>, marks: &mut pilotis_value::Marks) -> bool {
    for item in list.as_elements().unwrap_or_default() {
        let sequence = matches!(item.ty(), Type::List(_) | Type::Set(_) | Type::Tuple(_));
        if !item.is_known() && (sequence || item.ty() == Type::Dynamic) {
            return false;
        }
        if matches!(item.kind(), Kind::List(_) | Kind::Set(_) | Kind::Tuple(_)) {
            *marks |= item.marks();
            if !gather(item, flat, marks) {
                return false;
            }
        } else {
            flat.push(item.clone());
        }
    }
    true
}

fn index(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let items = match args[0].kind() {
        Kind::List(e) | Kind::Tuple(e) => e.items(),
        _ => return fail("a list or tuple is required"),
    };
    if items.is_empty() {
        return fail("the list is empty, so it holds no such value");
    }
    match items.iter().position(|item| equal(item, &args[1]).as_bool() == Some(true)) {
        Some(at) => Ok(Value::number(at)),
        None => fail("the list does not hold this value"),
    }
}

fn length(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (value, marks) = args[0].clone().unmark();
    let count = match value.kind() {
        Kind::String(s) => Some(clusters::count(s)),
        Kind::List(e) | Kind::Tuple(e) => Some(e.items().len()),
        // Two unknown elements of a set may be equal.
        Kind::Set(e) => value.is_wholly_known().then_some(e.items().len()),
        Kind::Map(e) | Kind::Object(e) => Some(e.items().len()),
        Kind::Unknown(u) => match &u.ty {
            Type::Tuple(types) => Some(types.len()),
            Type::Object(object) => Some(object.attributes.len()),
            Type::List(_) | Type::Set(_) | Type::Map(_) => {
                match (u.refinement.min_length, u.refinement.max_length) {
                    (Some(min), Some(max)) if min == max => usize::try_from(min).ok(),
                    _ => None,
                }
            }
            Type::String | Type::Dynamic => None,
            _ => {
                return fail(format!(
                    "a {} has no length: a text, collection, tuple or object is required",
                    value.ty().friendly_name()
                ));
            }
        },
        _ => {
            return fail(format!(
                "a {} has no length: a text, collection, tuple or object is required",
                value.ty().friendly_name()
            ));
        }
    };
    Ok(count.map_or_else(|| unknown(Type::Number), Value::number).with_marks(marks))
}

fn one_type(args: &[Value]) -> Type {
    match args.first().map(Value::ty) {
        Some(Type::List(t) | Type::Set(t)) => (*t).clone(),
        Some(Type::Tuple(types)) => types.first().cloned().unwrap_or(Type::Dynamic),
        _ => Type::Dynamic,
    }
}

fn one(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    const SHAPE: &str = "a list, set or tuple with one element or none is required";
    let (bare, marks) = open(args);
    if !bare[0].is_known() {
        return match bare[0].ty() {
            Type::Dynamic | Type::List(_) | Type::Set(_) => {
                Ok(Value::unknown(one_type(&bare)).with_marks(marks))
            }
            Type::Tuple(types) if types.len() < 2 => Ok(Value::unknown(one_type(&bare)).with_marks(marks)),
            _ => fail_argument(0, SHAPE),
        };
    }
    match bare[0].as_elements() {
        Some([]) => Ok(Value::null(one_type(&bare)).with_marks(marks)),
        Some([only]) => Ok(only.clone().with_marks(marks)),
        // Unknown elements of a set may be equal.
        Some(_) if matches!(bare[0].kind(), Kind::Set(_)) && !bare[0].is_wholly_known() => {
            Ok(Value::unknown(one_type(&bare)).with_marks(marks))
        }
        _ => fail_argument(0, SHAPE),
    }
}

fn reversed_type(args: &[Value]) -> Type {
    match args.first().map(Value::ty) {
        Some(Type::List(t) | Type::Set(t)) => Type::List(t),
        Some(Type::Tuple(types)) => Type::tuple(types.iter().rev().cloned()),
        _ => Type::Dynamic,
    }
}

fn reverse(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (bare, marks) = open(args);
    let ty = reversed_type(&bare);
    let set_of_unknowns = matches!(bare[0].kind(), Kind::Set(_)) && !bare[0].is_wholly_known();
    if !bare[0].is_known() || set_of_unknowns {
        return Ok(unknown(ty).with_marks(marks));
    }
    let Some(items) = bare[0].as_elements() else {
        let have = bare[0].ty().friendly_name();
        return fail_argument(0, format!("can only reverse list or tuple values, not {have}"));
    };
    let items = items.iter().rev().cloned().collect();
    let reversed = match ty {
        Type::List(element) => Value::list((*element).clone(), items),
        _ => Value::tuple(items),
    };
    Ok(reversed.with_marks(marks))
}

fn slice(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, marks) = open(args);
    let ty = args[0].ty();
    match ty {
        Type::List(_) | Type::Tuple(_) => {}
        Type::Dynamic if !args[0].is_known() => {}
        _ => return fail_argument(0, "must be a list or tuple value"),
    }
    if any_unknown(&args) {
        let ty = if matches!(ty, Type::List(_)) { ty } else { Type::Dynamic };
        return Ok(Value::unknown(ty).with_marks(marks));
    }
    let items = elements(&args, 0)?;
    let (start, end) = (whole(&args, 1)?, whole(&args, 2)?);
    if start < 0 {
        return fail_argument(1, "start index must not be less than zero");
    }
    if end > items.len() as i64 {
        return fail_argument(2, "end index must not be greater than the length of the list");
    }
    if start > end {
        return fail_argument(1, "start index must not be greater than end index");
    }
    let part = items[start as usize..end as usize].to_vec();
    let part = match ty {
        Type::List(element) => Value::list((*element).clone(), part),
        _ => Value::tuple(part),
    };
    Ok(part.with_marks(marks))
}

fn sort(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    if !args[0].is_known() {
        return Ok(unknown(list_of_strings()));
    }
    let mut texts = Vec::new();
    let mut open = false;
    for (i, item) in elements(args, 0)?.iter().enumerate() {
        match item.as_str() {
            Some(text) => texts.push(text),
            None if !item.is_known() => open = true,
            None => return fail(format!("given list element {i} is null; a null string cannot be sorted")),
        }
    }
    if open {
        // How many there are is known, not where each will stand.
        let all = vec![unknown(Type::String); elements(args, 0)?.len()];
        return Ok(Value::list(Type::String, all));
    }
    texts.sort_unstable();
    Ok(strings_list(texts))
}
