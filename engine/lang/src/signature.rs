//! The signature of a function as data, for the diagnostic of a call that failed.

use pilotis_diag::FunctionCall;
use pilotis_value::json::encode_type;
use pilotis_value::{Type, Value};
use serde_json::{Map, Value as Json, json};

use crate::functions::{FunctionDef, Param};

/// A call of a function, in the words of Terraform's `metadata functions -json`.
pub(crate) fn called(def: &FunctionDef) -> FunctionCall {
    let args: Vec<Value> = def.params.iter().chain(&def.variadic).map(|p| Value::unknown((p.ty)())).collect();
    let params = def.params.iter().map(param).collect();
    signature(def.name, params, def.variadic.as_ref().map(param), &(def.returns)(&args))
}

/// A call of `try` or `can`, which the evaluator does itself.
pub(crate) fn called_attempt(is_try: bool) -> FunctionCall {
    let any = |name: &str| json!({ "name": name, "type": "dynamic" });
    if is_try {
        return signature("try", Vec::new(), Some(any("expressions")), &Type::Dynamic);
    }
    signature("can", vec![any("expression")], None, &Type::Bool)
}

fn param(param: &Param) -> Json {
    json!({ "name": param.name, "type": encode_type(&(param.ty)()) })
}

fn signature(name: &str, params: Vec<Json>, variadic: Option<Json>, returns: &Type) -> FunctionCall {
    let mut signature = Map::new();
    signature.insert("name".into(), name.into());
    signature.insert("params".into(), params.into());
    if let Some(variadic) = variadic {
        signature.insert("variadic_param".into(), variadic);
    }
    signature.insert("return_type".into(), encode_type(returns));
    FunctionCall { called_as: name.to_owned(), signature: signature.into() }
}
