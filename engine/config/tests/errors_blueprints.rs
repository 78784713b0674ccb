//! Wrong blocks of blueprints, and what is said of them: in the blueprint's words, at the user's line.

mod support;

use insta::assert_snapshot;
use support::{said, with_blueprints};

#[test]
fn blueprints() {
    // A name with a hyphen and capitals.
    assert_snapshot!(said(&with_blueprints(r#"project "Titre-Sejour" {
  owner = "a@b.example"
}"#)), @r#"
error[E0360]: Invalid project name "Titre-Sejour"
 --> main.hcl:1:9
  |
1 | project "Titre-Sejour" {
  |         ^^^^^^^^^^^^^^
  |
  = A project's name has 2 to 20 lower-case letters and digits, without hyphens: "titresejour".
"#);
    // A name of 21 characters.
    assert_snapshot!(said(&with_blueprints(r#"project "abcdefghijklmnopqrstu" {
  owner = "a@b.example"
}"#)), @r#"
error[E0360]: Invalid project name "abcdefghijklmnopqrstu"
 --> main.hcl:1:9
  |
1 | project "abcdefghijklmnopqrstu" {
  |         ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = A project's name has 2 to 20 lower-case letters and digits, without hyphens: "titresejour".
"#);
    // An environment of 13 characters.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  environment "preproduction" {
    on = cluster.hp1.stage.dev
  }
  environment "dev" {
    on = cluster.hp1.stage.dev
  }
}"#)), @r#"
error[E0360]: Invalid environment "preproduction" in project "carto"
 --> main.hcl:3:3
  |
3 |   environment "preproduction" {
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = An environment's name has 2 to 11 lower-case letters and digits.
"#);
    // A repository that the platform makes.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  repo "api" {}
  repo "mirror" {}
}"#)), @r#"
error[E0360]: Invalid repo "mirror" in project "carto"
 --> main.hcl:4:3
  |
4 |   repo "mirror" {}
  |   ^^^^^^^^^^^^^
  |
  = The platform makes the repositories mirror, infra-apps and infra-observability itself: choose
    another name.
"#);
    // A repository's source.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  repo "api" {
    source = "http://forge.example/api"
  }
}"#)), @r#"
error[E0360]: Invalid repo "api" in project "carto"
 --> main.hcl:4:14
  |
4 |     source = "http://forge.example/api"
  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = A repository's source is the https address of a Git repository:
    "https://forge.example/carto/api.git".
"#);
    // A quota that isn't a quantity.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  environment "dev" {
    on = { cluster = "hp1", zone = "z", stage = "dev", production = false }
    quota {
      cpu    = -1
      memory = "4 gigas"
    }
  }
}"#)), @r#"
error[E0360]: Invalid environment "dev" in project "carto"
 --> main.hcl:6:16
  |
6 |       cpu    = -1
  |                ^^
  |
  = A quota's cpu and gpu are 0 or more.

error[E0360]: Invalid environment "dev" in project "carto"
 --> main.hcl:7:16
  |
7 |       memory = "4 gigas"
  |                ^^^^^^^^^
  |
  = A quota's memory is a quantity: "4Gi", "512Mi".
"#);
    // A quota's arguments.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  environment "dev" {
    on = cluster.hp1.stage.dev
    quota {
      cpu    = "two"
      memry  = "4Gi"
    }
  }
}"#)), @r#"
error[E0303]: Missing required argument
 --> main.hcl:5:5
  |
5 |     quota {
  |     ^^^^^
  |
  = The argument "memory" is required, but no definition was found. (In quota of environment "dev" of
    project "carto".)

error[E0304]: Incorrect attribute value type
 --> main.hcl:6:16
  |
6 |       cpu    = "two"
  |                ^^^^^
  |
  = Inappropriate value for attribute "cpu": a number is required.

error[E0302]: Unsupported argument
 --> main.hcl:7:7
  |
7 |       memry  = "4Gi"
  |       ^^^^^
  |
  = An argument named "memry" is not expected in quota of environment "dev" of project "carto".
  = help: Did you mean "memory"?
"#);
    // Missing arguments.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  environments "dev" {
    quota {}
  }
}"#)), @r#"
error[E0303]: Missing required argument
 --> main.hcl:1:1
  |
1 | project "carto" {
  | ^^^^^^^^^^^^^^^
  |
  = The argument "owner" is required, but no definition was found.
  = help: owner: E-mail address of the person who answers for the project.

error[E0303]: Missing required argument
 --> main.hcl:2:3
  |
2 |   environments "dev" {
  |   ^^^^^^^^^^^^^^^^^^
  |
  = The argument "on" is required, but no definition was found. (In environments "dev" of project
    "carto".)

error[E0303]: Missing required argument
 --> main.hcl:3:5
  |
3 |     quota {}
  |     ^^^^^
  |
  = The argument "cpu" is required, but no definition was found. (In quota of environments "dev" of
    project "carto".)

error[E0303]: Missing required argument
 --> main.hcl:3:5
  |
3 |     quota {}
  |     ^^^^^
  |
  = The argument "memory" is required, but no definition was found. (In quota of environments "dev" of
    project "carto".)
"#);
    // Blocks and arguments.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  repos = {}
  repo "api" {}
  repo "api" {}
  depot "web" {}
  desciption = "x"
}"#)), @r#"
error[E0308]: Argument and block
 --> main.hcl:4:3
  |
3 |   repos = {}
  |   ----- first declared here
4 |   repo "api" {}
  |   ^^^^^^^^^^
  |
  = "repos" is given as an argument and as "repo" blocks: write it one way.

error[E0308]: Duplicate repo
 --> main.hcl:5:8
  |
4 |   repo "api" {}
  |        ----- first declared here
5 |   repo "api" {}
  |        ^^^^^
  |
  = A repo named "api" was already declared here.

error[E0301]: Unsupported block type
 --> main.hcl:6:3
  |
6 |   depot "web" {}
  |   ^^^^^
  |
  = Blocks of type "depot" are not expected in project "carto".

error[E0302]: Unsupported argument
 --> main.hcl:7:3
  |
7 |   desciption = "x"
  |   ^^^^^^^^^^
  |
  = An argument named "desciption" is not expected in project "carto".
  = help: Did you mean "description"?
"#);
    // References to projects.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
}
project "carto" {
  owner = "a@b.example"
}
locals {
  a = project.catro.url
  b = project.carto.uri
  c = project["carto"].url
}"#)), @r#"
error[E0308]: Duplicate project configuration
 --> main.hcl:4:1
  |
1 | project "carto" {
  | --------------- first declared here
...
4 | project "carto" {
  | ^^^^^^^^^^^^^^^
  |
  = A project named "carto" was already declared; names must be unique within a module.

error[E0320]: Reference to undeclared project
 --> main.hcl:8:7
  |
8 |   a = project.catro.url
  |       ^^^^^^^^^^^^^
  |
  = No project "catro" is declared in the root module.
  = help: Did you mean `project.carto`?

error[E0322]: Unsupported attribute
 --> main.hcl:9:21
  |
9 |   b = project.carto.uri
  |                     ^^^
  |
  = project.carto has no output named "uri".
  = help: Did you mean `project.carto.url`?
"#);
    // A label with a slash, count.
    assert_snapshot!(said(&with_blueprints(r#"project "a/b" {
  count = 2
  owner = "a@b.example"
}"#)), @r#"
error[E0307]: Invalid project name
 --> main.hcl:1:9
  |
1 | project "a/b" {
  |         ^^^^^
  |
  = The label becomes a part of addresses: it is not empty and has no slash.

error[E0360]: Invalid project name "a/b"
 --> main.hcl:1:9
  |
1 | project "a/b" {
  |         ^^^^^
  |
  = A project's name has 2 to 20 lower-case letters and digits, without hyphens: "titresejour".

error[E0350]: Unsupported argument
 --> main.hcl:2:3
  |
2 |   count = 2
  |   ^^^^^
  |
  = A project has no "count": each has a name.
  = help: Use `for_each` with a map or a set of names.
"#);
    // No label.
    assert_snapshot!(said(&with_blueprints(r#"project {
  owner = "a@b.example"
}"#)), @r#"
error[E0306]: Missing name for project
 --> main.hcl:1:1
  |
1 | project {
  | ^^^^^^^
  |
  = All project blocks must have 1 label (name).
"#);
    // A cluster that isn't declared.
    assert_snapshot!(said(&with_blueprints(r#"project "carto" {
  owner = "a@b.example"
  environment "dev" {
    on = cluster.hp2.stage.dev
  }
}"#)), @r#"
error[E0320]: Reference to undeclared cluster
 --> main.hcl:4:10
  |
4 |     on = cluster.hp2.stage.dev
  |          ^^^^^^^^^^^
  |
  = No cluster "hp2" is declared in the root module.
  = help: Did you mean `cluster.hp1`?
"#);
}
