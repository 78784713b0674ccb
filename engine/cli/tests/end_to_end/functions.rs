//! Functions: what the program says of them, and that no expression takes the machine with it.

use serde_json::{Value, json};

use crate::harness::Folder;

#[test]
fn programs_are_told_what_functions_there_are() {
    let folder = Folder::with("");
    let json: Value = serde_json::from_str(&folder.run("metadata functions -json").exits(0).out).unwrap();
    assert_eq!(json["format_version"], "1.0");
    let all = json["function_signatures"].as_object().unwrap();
    // Those of Terraform stand under two names, others too; a provider's under one.
    assert_eq!(all["core::max"], all["max"]);
    assert!(all.contains_key("try") && all.contains_key("core::can"));
    assert!(all.contains_key("provider::terraform::encode_expr") && !all.contains_key("core::provider"));
    let lookup = json!({
        "description": "The element of a key, or a default if the map has no such key.",
        "return_type": "dynamic",
        "parameters": [{ "name": "inputMap", "type": "dynamic" }, { "name": "key", "type": "string" }],
        "variadic_parameter": { "name": "default", "type": "dynamic", "is_nullable": true },
    });
    assert_eq!(all["lookup"], lookup);
    assert_eq!(all["timestamp"].get("parameters"), None);
    folder.run("metadata functions").exits(1).says(&["add -json"]);
}

#[test]
fn each_module_has_its_own_name_for_a_provider_of_functions() {
    let named = |local: &str| {
        format!(
            "terraform {{\n  required_providers {{\n    {local} = {{\n      source = \"terraform.io/builtin/terraform\"\n    }}\n  }}\n}}\n"
        )
    };
    let folder = Folder::with(&format!(
        "{}module \"m\" {{\n  source = \"./m\"\n}}\noutput \"x\" {{\n  value = \"${{provider::tf::encode_expr([1])}} ${{module.m.y}}\"\n}}\n",
        named("tf")
    ));
    let child = |call: &str| {
        folder.write("m/main.tf", &format!("{}output \"y\" {{\n  value = {call}\n}}\n", named("own")));
    };
    child("provider::own::encode_expr([2])");
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(folder.run("output -raw x").exits(0).out, "[1] [2]");
    // The root module's name means nothing in the child.
    child("provider::tf::encode_expr([2])");
    folder.run("validate").exits(1).says(&["E0201", "m/main.tf:9:11"]);
}

#[test]
fn functions_of_providers_need_no_declaration() {
    let folder = Folder::with("output \"x\" {\n  value = provider::terraform::encode_expr([1])\n}\n");
    folder.run("plan").exits(0);
    for (call, says) in [
        ("provider::nope::f(1)", "only the providers pilotis and terraform have functions"),
        ("provider::terraform::encode(1)", "not available from the provider \"terraform\""),
        ("provider::terraform(1)", "is called as provider::NAME::FUNCTION"),
        ("core::nope(1)", "namespace \"core\" is not valid"),
    ] {
        folder.write("main.hcl", &format!("output \"x\" {{\n  value = {call}\n}}\n"));
        folder.run("validate").exits(1).says(&["E0201"]);
        let said = folder.run("validate").err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says), "{call}: {said}");
    }
}

/// Local values that each hold the one before them twice, or once more inside.
fn chain(levels: u32, first: &str, next: impl Fn(u32) -> String) -> Folder {
    let mut page = format!("locals {{\n  v0 = {first}\n");
    for level in 1..levels {
        page.push_str(&format!("  v{level} = {}\n", next(level - 1)));
    }
    page.push_str(&format!("}}\noutput \"x\" {{\n  value = local.v{}\n}}\n", levels - 1));
    Folder::with(&page)
}

#[test]
fn locals_that_double_each_other_are_refused() {
    for (first, next, says) in [
        ("\"0123456789\"", "\"${local.vN}${local.vN}\"", "would be longer than"),
        ("[1]", "[local.vN, local.vN]", "would hold more than"),
        ("[1]", "{ a = local.vN, b = local.vN }", "would hold more than"),
        ("[1]", "concat(local.vN, local.vN)", "would hold more than"),
        ("[1]", "[for v in [1, 2] : local.vN]", "would hold more than"),
        ("[1]", "jsonencode([local.vN, local.vN])", "would be longer than"),
    ] {
        let folder = chain(41, first, |n| next.replace('N', &n.to_string()));
        let plan = folder.run("plan").exits(1);
        let said = plan.err.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ");
        let code = if next.starts_with("json") { "E0204" } else { "E0251" };
        assert!(said.contains(code) && said.contains(says), "{next}\n{plan}");
    }
}

#[test]
fn locals_that_are_deep_are_refused_and_long_chains_are_not() {
    let folder = chain(2_000, "[1]", |n| format!("[local.v{n}]"));
    folder.run("plan").exits(1).says(&["error[E0251]", "nested more than 400 levels"]);
    let folder = chain(2_000, "1", |n| format!("local.v{n} + 1"));
    folder.run("plan").exits(0).says(&["+ x = 2000"]);
}
