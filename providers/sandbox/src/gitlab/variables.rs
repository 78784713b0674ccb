//! CI/CD variables of groups and projects.
//!
//! <https://docs.gitlab.com/api/project_level_variables/>

use serde_json::{Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Scope, Variable, level},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/groups/{id}/variables", list),
    ("POST", "/groups/{id}/variables", create),
    ("GET", "/groups/{id}/variables/{key}", show_one),
    ("PUT", "/groups/{id}/variables/{key}", update),
    ("DELETE", "/groups/{id}/variables/{key}", remove),
    ("GET", "/projects/{id}/variables", list),
    ("POST", "/projects/{id}/variables", create),
    ("GET", "/projects/{id}/variables/{key}", show_one),
    ("PUT", "/projects/{id}/variables/{key}", update),
    ("DELETE", "/projects/{id}/variables/{key}", remove),
];

/// The longest value, in characters.
const MAX_VALUE: usize = 10_000;

fn show(variable: &Variable) -> Value {
    json!({
        "variable_type": variable.variable_type,
        "key": variable.key,
        "value": if variable.hidden { Value::Null } else { json!(variable.value) },
        "protected": variable.protected,
        "masked": variable.masked,
        "hidden": variable.hidden,
        "raw": variable.raw,
        "environment_scope": variable.environment_scope,
        "description": variable.description,
    })
}

/// Only owners of a group and maintainers of a project even see them.
fn scope(call: &Call<'_>) -> Result<Scope, Failure> {
    let scope = call.scope()?;
    let needed = if matches!(scope, Scope::Group(_)) { level::OWNER } else { level::MAINTAINER };
    call.needs_to_read(scope, needed)?;
    Ok(scope)
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    let variables: Vec<&Variable> = call.world.variables.of(scope).collect();
    call.page(&variables, |variable| show(variable))
}

/// The variable of the path's key and the filter's environment scope.
fn find(call: &Call<'_>, scope: Scope) -> Result<Variable, Failure> {
    let (key, wanted) = (call.part("key"), call.environment_filter());
    let named = |variable: &&Variable| {
        variable.key == key && wanted.as_ref().is_none_or(|scope| variable.environment_scope == *scope)
    };
    let mut found = call.world.variables.of(scope).filter(named);
    let variable = found.next().cloned().ok_or_else(|| Failure::not_found(&noun(scope)))?;
    if found.next().is_some() {
        let text =
            "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'";
        return Err(Failure::conflict(text));
    }
    Ok(variable)
}

fn noun(scope: Scope) -> String {
    match scope {
        Scope::Group(_) => "GroupVariable".to_owned(),
        _ => "Variable".to_owned(),
    }
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    Answer::ok(show(&find(call, scope)?))
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let params = &call.params;
    let (key, value) = (params.required("key"), params.required("value"));
    let hidden = params.flag("masked_and_hidden").unwrap_or(false);
    let variable = Variable {
        id: 0,
        scope,
        key,
        value,
        variable_type: params
            .choice("variable_type", &["env_var", "file"])
            .unwrap_or_else(|| "env_var".to_owned()),
        protected: params.flag("protected").unwrap_or(false),
        masked: params.flag("masked").unwrap_or(false) || hidden,
        hidden,
        raw: params.flag("raw").unwrap_or(false),
        environment_scope: params.text("environment_scope").unwrap_or_else(|| "*".to_owned()),
        description: params.text("description"),
    };
    params.check()?;
    check(call, &variable)?;
    let id = call.world.next_id("variable");
    let variable = Variable { id, ..variable };
    let shown = show(&variable);
    call.world.shelve(variable);
    Answer::created(shown)
}

fn check(call: &Call<'_>, variable: &Variable) -> Result<(), Failure> {
    let key = &variable.key;
    let plain = key.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if key.is_empty() || key.len() > 255 || !plain {
        let text = match (key.is_empty(), plain) {
            (true, _) => "can't be blank",
            (_, false) => "can contain only letters, digits and '_'.",
            _ => "is too long (maximum is 255 characters)",
        };
        return Err(Failure::invalid("key", text));
    }
    let same = |other: &&Variable| {
        other.key == *key && other.environment_scope == variable.environment_scope && other.id != variable.id
    };
    if call.world.variables.of(variable.scope).any(|other| same(&other)) {
        return Err(Failure::invalid("key", format!("({key}) has already been taken")));
    }
    if variable.value.chars().count() > MAX_VALUE {
        let text = format!("The value of the provided variable exceeds the {MAX_VALUE} character limit");
        return Err(Failure::invalid("value", text));
    }
    if variable.environment_scope.is_empty() || variable.environment_scope.chars().count() > 255 {
        return Err(Failure::invalid("environment_scope", "is invalid"));
    }
    if variable.masked && !maskable(&variable.value, variable.raw) {
        return Err(Failure::invalid("value", "is invalid"));
    }
    Ok(())
}

/// One line of at least eight characters without spaces; without `raw` only some characters.
/// <https://docs.gitlab.com/ci/variables/#mask-a-cicd-variable>
fn maskable(value: &str, raw: bool) -> bool {
    let long = value.chars().count() >= 8;
    let fits = |char: char| {
        if raw { !char.is_whitespace() } else { char.is_ascii_alphanumeric() || "_:@-+.~=/+$".contains(char) }
    };
    long && value.chars().all(fits)
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let mut variable = find(call, scope)?;
    let params = &call.params;
    let masked = params.flag("masked").unwrap_or(variable.masked);
    if variable.hidden && masked != variable.masked {
        let text = "The visibility setting cannot be changed for masked and hidden variables.";
        return Err(Failure::invalid("base", text));
    }
    variable.masked = masked;
    variable.value = params.text("value").unwrap_or(variable.value);
    variable.variable_type =
        params.choice("variable_type", &["env_var", "file"]).unwrap_or(variable.variable_type);
    variable.protected = params.flag("protected").unwrap_or(variable.protected);
    variable.raw = params.flag("raw").unwrap_or(variable.raw);
    variable.environment_scope = params.text("environment_scope").unwrap_or(variable.environment_scope);
    if params.has("description") {
        variable.description = params.text("description");
    }
    params.check()?;
    check(call, &variable)?;
    let shown = show(&variable);
    call.world.shelve(variable);
    Answer::ok(shown)
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    call.writes()?;
    let variable = find(call, scope)?;
    call.world.take_off::<Variable>(scope, variable.id);
    Answer::gone()
}
