//! `pilotis validate`: every expression is evaluated with what is known without a run; each mistake is said once, without consequences.

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::{Folder, Ran};

/// The diagnostics of `validate -json`: place, summary and the values that it names.
fn found(ran: &Ran) -> String {
    let json: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}\n{ran}"));
    let line = |d: &Value| {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let start = &d["range"]["start"];
        let values = d["snippet"]["values"].as_array().cloned().unwrap_or_default();
        let values = values.iter().map(|v| format!("; {} {}", text(&v["traversal"]), text(&v["statement"])));
        let call = match d["snippet"]["function_call"]["called_as"].as_str() {
            Some(name) => format!("; {name}()"),
            None => String::new(),
        };
        let place = format!("{}:{}:{}", text(&d["range"]["filename"]), start["line"], start["column"]);
        let severity = &text(&d["severity"])[..1];
        format!("{severity} {place} {}{}{call}\n", text(&d["summary"]), values.collect::<String>())
    };
    json["diagnostics"].as_array().expect("diagnostics").iter().map(line).collect()
}

fn validate(page: &str) -> String {
    found(&Folder::with(page).run("validate -json"))
}

#[test]
fn mistakes_in_expressions_are_found_without_a_run() {
    assert_snapshot!(validate(r#"
variable "text" { type = string }
variable "texts" { type = list(string) }
variable "pair" { type = object({ a = string, b = optional(number) }) }
variable "any" {}
variable "secret" {
  type      = string
  sensitive = true
}
resource "terraform_data" "one" {}
locals {
  number   = var.texts + 1
  both     = var.text.x + var.texts
  index    = [1, 2][5]
  key      = var.texts["a"]
  name     = var.pair.c
  argument = upper(var.texts)
  failed   = element([], 0)
  digits   = tonumber("x")
  each     = [for x in var.text : x]
  text     = "${var.texts}"
  object   = terraform_data.one.id.x
  hidden   = [var.secret, var.text, var.any] * 2
  later    = terraform_data.one.id / 2 + null
}
"#), @r#"
    e main.hcl:12:14 Invalid operand; var.texts is a list of string
    e main.hcl:13:23 Unsupported attribute; var.text is a string
    e main.hcl:13:27 Invalid operand; var.texts is a list of string
    e main.hcl:14:20 Invalid index
    e main.hcl:15:23 Invalid index; var.texts is a list of string
    e main.hcl:16:23 Unsupported attribute; var.pair is a object
    e main.hcl:17:20 Invalid function argument; var.texts is a list of string; upper()
    e main.hcl:18:14 Error in function call; element()
    e main.hcl:19:23 Invalid function argument; tonumber()
    e main.hcl:20:24 Iteration over non-iterable value; var.text is a string
    e main.hcl:22:36 Unsupported attribute; terraform_data.one.id is a string
    e main.hcl:23:14 Invalid operand; var.text is a string
    e main.hcl:24:42 Operation failed; terraform_data.one.id is a string
    "#);
}

#[test]
fn blocks_are_checked_as_a_plan_would() {
    assert_snapshot!(validate(r#"
variable "texts" {
  type = list(string)
  validation {
    condition     = var.texts
    error_message = "No."
  }
  validation {
    condition     = length(var.texts) > 1
    error_message = var.texts
  }
}
variable "secret" { sensitive = true }
resource "terraform_data" "a" { count = var.texts }
resource "terraform_data" "b" { count = -1 }
resource "terraform_data" "c" { for_each = ["a"] }
resource "terraform_data" "d" { for_each = toset([var.secret]) }
resource "terraform_data" "e" {
  for_each = { x = { y = 1 } }
  input    = each.value.z
  lifecycle {
    precondition {
      condition     = each.key + [1] == 2
      error_message = "No."
    }
    postcondition {
      condition     = self.nothing == self.id
      error_message = "No."
    }
  }
}
output "a" { value = var.secret }
check "c" {
  assert {
    condition     = var.texts > 1
    error_message = "No."
  }
}
"#), @r#"
    e main.hcl:5:21 Invalid condition result; var.texts is a list of string
    e main.hcl:10:21 Invalid error message; var.texts is a list of string
    e main.hcl:14:41 Incorrect value type; var.texts is a list of string
    e main.hcl:15:41 Invalid count argument
    e main.hcl:16:44 Invalid for_each argument
    e main.hcl:17:44 Invalid for_each argument; var.secret has a sensitive value
    e main.hcl:20:25 Unsupported attribute; each.value is a object
    e main.hcl:23:34 Invalid operand
    e main.hcl:27:28 Unsupported attribute
    e main.hcl:32:1 Output refers to sensitive values
    w main.hcl:35:21 Invalid operand; var.texts is a list of string
    "#);
}

#[test]
fn what_follows_from_a_mistake_is_not_said() {
    assert_snapshot!(validate(r#"
locals {
  wrong = "x" + 1
  user  = upper(local.wrong.foo.bar)
  other = local.undeclared
  more  = local.other + 1
  list  = [for x in local.wrong : x.y]
}
resource "terraform_data" "a" {
  count = local.wrong
  input = local.list[0].z
}
resource "terraform_data" "b" {
  for_each = local.wrong
  input    = each.value.a.b
}
output "o" { value = local.user + terraform_data.b["x"].input.c }
"#), @r#"
    e main.hcl:3:11 Invalid operand
    e main.hcl:5:11 Reference to undeclared local value
    "#);
}

#[test]
fn a_module_is_evaluated_once_and_its_outputs_keep_their_types() {
    let folder = Folder::with(
        r#"
module "a" {
  source = "./m"
  size   = [1]
}
module "b" {
  source = "./m"
  size   = var.texts
}
module "c" {
  source   = "./m"
  for_each = { k = 1 }
  size     = each.value
}
variable "texts" { type = list(string) }
output "o" {
  value = [module.a.pair[5], module.a.wrong + [1], module.a.size + [1], module.c["k"].pair[9]]
}
"#,
    );
    folder.write("m/main.tf", "variable \"size\" { type = number }\noutput \"pair\" { value = [1, 2] }\noutput \"wrong\" { value = [][0] }\noutput \"size\" { value = var.size }\nlocals { x = var.size.y }\n");
    assert_snapshot!(found(&folder.run("validate -json")), @r#"
    e main.hcl:4:12 Invalid value for input variable
    e main.hcl:8:12 Invalid value for input variable; var.texts is a list of string
    e main.hcl:17:25 Invalid index; module.a.pair is tuple with 2 elements
    e main.hcl:17:47 Invalid operand
    e main.hcl:17:68 Invalid operand
    e m/main.tf:3:28 Invalid index
    e m/main.tf:5:23 Unsupported attribute; var.size is a number
    "#);
}

#[test]
fn what_may_be_right_is_not_refused() {
    let page = r#"
variable "maybe" {
  type    = object({ a = string })
  default = null
}
variable "flag" {
  type    = bool
  default = true
}
variable "any" { default = {} }
variable "texts" {
  type    = list(string)
  default = []
}
resource "terraform_data" "one" { input = { a = 1 } }
resource "terraform_data" "many" {
  count = length(var.texts)
}
resource "terraform_data" "keyed" {
  for_each = { for t in var.texts : t => { name = t } }
  input    = each.value.name
}
locals {
  branch  = var.flag ? "" : [1, 2][5]
  guarded = var.maybe == null ? "" : var.maybe.a
  tried   = try(var.any.x.y.z, terraform_data.one.input.a.b, null)
  text    = "%{ if var.flag }ok%{ else }${null}%{ endif }"
  first   = one(terraform_data.many[*].id)
  found   = lookup(terraform_data.keyed, "x", { id = "" })
  merged  = merge(terraform_data.keyed, { x = 1 })
  chosen  = var.flag ? terraform_data.many[0].id : null
  deep    = terraform_data.one.output.a.b.c
  sum     = length(var.texts) > 0 ? max([for t in var.texts : length(t)]...) : 0
}
"#;
    let folder = Folder::with(page);
    assert_eq!(found(&folder.run("validate -json").exits(0)), "");
}

#[test]
fn a_plan_says_the_same_before_it_opens_anything() {
    let folder = Folder::with("locals {\n  a = [1][1]\n  b = upper([])\n}\n");
    let plan = folder.run("plan").exits(1);
    assert_snapshot!(plan.err, @r#"
    error[E0221]: Invalid index
     --> main.hcl:2:10
      |
    2 |   a = [1][1]
      |          ^^^
      |
      = The given key does not identify an element in this collection value: the given index is greater than or equal
        to the length of the collection.
    error[E0203]: Invalid function argument
     --> main.hcl:3:13
      |
    3 |   b = upper([])
      |             ^^
      |
      = Invalid value for "str" parameter: string required.
    "#);
    assert!(!folder.path("pilotis.db").exists(), "a state was made\n{plan}");
    assert_eq!(folder.run("validate").exits(1).err, plan.err);
    folder.run("init").exits(0);
}

#[test]
fn a_call_comes_with_its_signature() {
    let ran = Folder::with("locals {\n  a = join(\",\", 5)\n}\n").run("validate -json").exits(1);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_snapshot!(format!("{:#}", json["diagnostics"][0]["snippet"]), @r#"
    {
      "context": "locals",
      "code": "  a = join(\",\", 5)",
      "start_line": 2,
      "highlight_start_offset": 16,
      "highlight_end_offset": 17,
      "values": [],
      "function_call": {
        "called_as": "join",
        "signature": {
          "name": "join",
          "params": [
            {
              "name": "separator",
              "type": "string"
            }
          ],
          "variadic_param": {
            "name": "lists",
            "type": [
              "list",
              "string"
            ]
          },
          "return_type": "string"
        }
      }
    }
    "#);
}

#[test]
fn errors_without_a_place_are_events_too() {
    let ran = Folder::with("output \"o\" { value = 1 }\n").run("plan -json -target=?").exits(1);
    let event: Value = serde_json::from_str(ran.out.lines().last().unwrap_or_default()).unwrap();
    assert_eq!((&event["type"], &event["@level"]), (&"diagnostic".into(), &"error".into()), "{ran}");
    assert_eq!(event["diagnostic"]["summary"], "Invalid target \"?\"", "{ran}");
    assert!(event["diagnostic"]["detail"].as_str().unwrap().contains("-target=?"), "{ran}");
}
