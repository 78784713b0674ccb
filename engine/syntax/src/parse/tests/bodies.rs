//! Files and blocks.

use super::{file, rendered, show};

fn shown(text: &str) -> String {
    let (sources, body, diagnostics) = file(text);
    assert!(diagnostics.is_empty(), "{}", rendered(&sources, &diagnostics));
    show::body(&body)
}

#[test]
fn attributes_and_blocks() {
    let text = r#"
# comment
locals {
  a = 1 # trailing
  /* b = 2 */
  c = {
    d = "x"
  }
}
resource "gitlab_group" team {
  name = "n"
  lifecycle { prevent_destroy = true }
  empty {}
  nested "l" {

    x = [
      1,
    ]
  }
}
top = 1"#;
    insta::assert_snapshot!(shown(text), @r#"
    locals {
      a = 1
      c = {d="x"}
    }
    resource "gitlab_group" "team" {
      name = "n"
      lifecycle {
        prevent_destroy = true
      }
      empty {
      }
      nested "l" {
        x = [1]
      }
    }
    top = 1
    "#);
}

#[test]
fn byte_order_mark_and_carriage_returns() {
    assert_eq!(shown("\u{feff}a = 1\r\nb \"c\" {\r\n  d = 2\r\n}\r\n"), "a = 1\nb \"c\" {\n  d = 2\n}");
}

#[test]
fn an_empty_file() {
    assert_eq!(shown(""), "");
    assert_eq!(shown("\n\n# only a comment"), "");
}

#[test]
fn labels_are_decoded() {
    assert_eq!(shown(r#"a "x\"y" "$${z}" "" {}"#), "a \"x\\\"y\" \"${z}\" \"\" {\n}");
}

#[test]
fn spans_of_a_block() {
    let text = "\nresource \"a\" \"b\" {\n  x = 1\n}\n";
    let (sources, body, _) = file(text);
    let block = &body.blocks[0];
    assert_eq!(sources.text(block.header), "resource \"a\" \"b\"");
    assert_eq!(sources.text(block.span), text.trim());
    assert_eq!(sources.text(block.body.span), "\n  x = 1\n");
    assert_eq!(sources.text(block.labels[1].span), "\"b\"");
    assert_eq!(sources.text(block.body.attributes[0].span), "x = 1");
}
