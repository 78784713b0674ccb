//! Values of the root module's variables, by precedence.

mod support;

use pilotis_config::{Configuration, RootVariables, VariableSource, root_variables};
use pilotis_diag::Diagnostics;
use pilotis_value::Value;
use support::{loaded, rendered, surroundings};

fn values(declared: &str, given: &[VariableSource]) -> (Configuration, RootVariables, Diagnostics) {
    let mut configuration = loaded(declared);
    let mut diags = Diagnostics::new();
    let mut sources = std::mem::take(&mut configuration.sources);
    let values = root_variables(&configuration.modules[0], given, &mut sources, &surroundings(), &mut diags);
    configuration.sources = sources;
    (configuration, values, diags)
}

fn file(name: &str, text: &str) -> VariableSource {
    VariableSource::File { name: name.into(), text: text.into(), explicit: false }
}

fn env(name: &str, text: &str) -> VariableSource {
    VariableSource::Environment(vec![(name.into(), text.into())])
}

fn argument(name: &str, text: &str) -> VariableSource {
    VariableSource::Argument(name.into(), text.into())
}

fn get(declared: &str, given: &[VariableSource]) -> Value {
    let (configuration, values, diags) = values(declared, given);
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    values["v"].clone()
}

#[test]
fn later_sources_win() {
    let declared = "variable \"v\" {\n  default = \"default\"\n}";
    let all = [
        env("v", "environment"),
        file("terraform.tfvars", "v = \"tfvars\""),
        file("a.auto.tfvars.json", "{\"v\": \"auto\"}"),
        argument("v", "argument"),
    ];
    assert_eq!(get(declared, &[]), Value::string("default"));
    for (i, expected) in ["environment", "tfvars", "auto", "argument"].iter().enumerate() {
        assert_eq!(get(declared, &all[..=i]), Value::string(expected));
    }
}

#[test]
fn texts_are_read_by_the_type() {
    assert_eq!(get("variable \"v\" {\n  type = string\n}", &[argument("v", "[1]")]), Value::string("[1]"));
    assert_eq!(
        get("variable \"v\" {}", &[argument("v", "1")]),
        Value::string("1"),
        "without a type a text is a text"
    );
    assert_eq!(get("variable \"v\" {\n  type = number\n}", &[env("v", "12")]), Value::number(12));
    let list = get("variable \"v\" {\n  type = list(number)\n}", &[argument("v", "[1, \"2\"]")]);
    assert_eq!(format!("{list:?}"), "[1, 2]");
    let object = "variable \"v\" {\n  type = object({ a = string, b = optional(number, 7) })\n}";
    assert_eq!(format!("{:?}", get(object, &[argument("v", "{ a = 1 }")])), "{\"a\": \"1\", \"b\": 7}");
}

#[test]
fn null_and_marks() {
    let declared = "variable \"v\" {\n  default  = \"d\"\n  nullable = false\n}";
    assert_eq!(get(declared, &[file("x.tfvars", "v = null")]), Value::string("d"));
    let secret = get("variable \"v\" {\n  sensitive = true\n}", &[argument("v", "s3cr3t")]);
    assert!(secret.has_sensitive());
}

#[test]
fn what_is_wrong_is_said_where_it_was_given() {
    let declared = r#"variable "region" {}
variable "size" {
  type = number
}
variable "tags" {
  type = map(string)
}
"#;
    let given = [
        env("other", "not ours"),
        file("terraform.tfvars", "size = \"big\"\nregoin = \"x\"\nblock {}\n"),
        argument("tags", "{ a = }"),
        argument("tagz", "x"),
        file("x.tfvars.json", "[]"),
    ];
    let (configuration, _, diags) = values(declared, &given);
    insta::assert_snapshot!(rendered(&configuration, &diags), @r#"
error[E0301]: Unexpected "block" block
 --> terraform.tfvars:3:1
  |
3 | block {}
  | ^^^^^
  |
  = A variables file holds only values: `name = value`. Blocks stand in configuration files.

warning[W0362]: Value for undeclared variable
 --> terraform.tfvars:2:1
  |
2 | regoin = "x"
  | ^^^^^^
  |
  = The root module does not declare a variable named "regoin" but a value was found in
    terraform.tfvars.
  = help: Did you mean "region"?

error[E0107]: Invalid expression
 --> <value for var.tags>:1:7
  |
1 | { a = }
  |       ^ an expression is expected here
  |
  = Expected the start of an expression, but found "}".

error[E0361]: Value for undeclared variable
 |
 = The root module does not declare a variable named "tagz" but a value was found on the command line.
 = help: Did you mean "tags"?

error[E0304]: Incorrect JSON value type
 --> x.tfvars.json:1:1
  |
1 | []
  | ^^
  |
  = A JSON object is required here: names of variables and their values.

error[E0361]: No value for required variable
 --> main.hcl:1:1
  |
1 | variable "region" {}
  | ^^^^^^^^^^^^^^^^^
  |
  = The root module input variable "region" is not set, and has no default value.
  = help: Give it with `-var region=VALUE`, in a file with `-var-file`, or as PILOTIS_VAR_region.

error[E0304]: Invalid value for input variable
 --> terraform.tfvars:1:8
  |
1 | size = "big"
  |        ^^^^^
  |
  = The value for var.size, from terraform.tfvars, is not suitable: a number is required.
"#);
}

#[test]
fn a_secret_is_not_shown_when_it_does_not_fit() {
    let declared = "variable \"v\" {\n  type      = number\n  sensitive = true\n}";
    let (configuration, _, diags) = values(declared, &[argument("v", "s3cr3t")]);
    let text = rendered(&configuration, &diags);
    assert!(diags.has_errors() && !text.contains("s3cr3t"), "{text}");
}
