//! Which providers a module must be given, and the settings of the `terraform` block: what is wrong with them, by code and place.

mod support;

use support::{Memory, load_memory};

/// The diagnostics of a root module and of `./m`: code, summary, and the text that they point at.
fn said(root: &str, m: &str) -> Vec<String> {
    let (configuration, diags) = load_memory(&Memory::root(root).with("m", m));
    let mut all: Vec<String> = diags
        .iter()
        .map(|d| {
            let at = d.primary.as_ref().map(|l| configuration.sources.text(l.span).to_owned());
            format!("{} {}: {}", d.code.unwrap_or_default(), d.summary, at.unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}

const NEEDS: &str = "terraform {
  required_providers {
    gitlab = {
      configuration_aliases = [gitlab.x]
    }
  }
}
resource \"gitlab_group\" \"g\" {
  provider = gitlab.x
  name     = \"g\"
  path     = \"g\"
}
";

fn call(providers: &str) -> String {
    format!(
        "provider \"gitlab\" {{\n  alias = \"y\"\n}}\nmodule \"m\" {{\n  source = \"./m\"\n  {providers}\n}}\n"
    )
}

const USES: &str = "resource \"gitlab_group\" \"g\" {\n  name = \"g\"\n  path = \"g\"\n}\n";

#[test]
fn a_module_is_given_what_it_asks_for() {
    let none: [&str; 0] = [];
    assert_eq!(said(&call("providers = { gitlab.x = gitlab.y }"), NEEDS), none);
    assert_eq!(said(&call("providers = { gitlab.x = gitlab }"), NEEDS), none);
    assert_eq!(said(&call("providers = { gitlab = gitlab.y }"), USES), none);
    // Nothing is given, or only something else.
    assert_eq!(said(&call(""), NEEDS), ["E0354 Missing required provider configuration: module \"m\""]);
    assert_eq!(
        said(&call("providers = { gitlab = gitlab.y }"), NEEDS),
        ["E0354 Missing required provider configuration: providers"]
    );
    // What the module doesn't ask for.
    assert_eq!(
        said(&call("providers = { gitlab.z = gitlab.y }"), NEEDS),
        [
            "E0354 Missing required provider configuration: providers",
            "E0354 Reference to undefined provider: gitlab.z"
        ]
    );
    assert_eq!(
        said(&call("providers = { kubernetes = kubernetes }"), USES),
        ["W0355 Reference to undefined provider: kubernetes"]
    );
    assert_eq!(said(&call("providers = { gitlb = gitlab.y }"), USES), ["E0331 Unknown provider: gitlb"]);
    // Of another provider.
    assert_eq!(
        said(&call("providers = { gitlab = kubernetes }"), USES),
        ["E0354 Provider type mismatch: kubernetes"]
    );
    // A name that nobody explains.
    assert_eq!(
        said("module \"m\" {\n  source = \"./m\"\n  providers = { gitlab = gitlab }\n}", USES),
        ["E0354 Missing provider configuration: gitlab", "W0355 Reference to undefined provider: gitlab"]
    );
    let declared = "terraform {\n  required_providers {\n    gitlab = {}\n  }\n}\n";
    assert_eq!(
        said(
            "module \"m\" {\n  source = \"./m\"\n  providers = { gitlab = gitlab }\n}",
            &format!("{declared}{USES}")
        ),
        none
    );
    assert_eq!(
        said(
            &format!(
                "{declared}module \"m\" {{\n  source = \"./m\"\n  providers = {{ gitlab = gitlab }}\n}}"
            ),
            USES
        ),
        none
    );
    // That isn't there.
    assert_eq!(
        said(&call("providers = { gitlab = gitlab.q }"), USES),
        ["E0320 Provider configuration not present: gitlab.q"]
    );
    assert_eq!(
        said(&call("providers = { gitlab = gitlab.y, gitlab = gitlab }"), USES),
        ["E0308 Duplicate provider address: gitlab"]
    );
}

#[test]
fn a_module_uses_what_it_asks_for() {
    assert_eq!(
        said(&call(""), &NEEDS.replace("= [gitlab.x]", "= []")),
        ["E0354 Provider configuration not present: gitlab.x"]
    );
    let aliases = |text: &str| {
        said(
            "",
            &format!(
                "terraform {{\n  required_providers {{\n    gitlab = {{ configuration_aliases = {text} }}\n  }}\n}}"
            ),
        )
    };
    assert_eq!(aliases("[gitlab.x]").len(), 0, "nobody reads a module that is not called");
    let aliases = |text: &str| {
        said(
            &format!(
                "terraform {{\n  required_providers {{\n    gitlab = {{ configuration_aliases = {text} }}\n  }}\n}}"
            ),
            "",
        )
    };
    assert_eq!(aliases("[gitlab.x]").len(), 0);
    assert_eq!(aliases("gitlab.x"), ["E0354 Invalid expression: gitlab.x"]);
    for wrong in ["aws.x", "gitlab", "\"gitlab.x\"", "gitlab.x.y"] {
        assert_eq!(
            aliases(&format!("[{wrong}]")),
            [format!("E0354 Invalid configuration_aliases value: {wrong}")]
        );
    }
    // The old way of saying the same.
    assert_eq!(
        said(
            &call("providers = { gitlab.x = gitlab.y }"),
            &NEEDS
                .replace("configuration_aliases = [gitlab.x]", "")
                .replace("resource", "provider \"gitlab\" {\n  alias = \"x\"\n}\nresource")
        ),
        ["W0355 Redundant empty provider block: provider \"gitlab\""]
    );
    assert_eq!(
        said(&call(""), &format!("{USES}provider \"gitlab\" {{\n  token = \"t\"\n}}")),
        ["E0350 Provider configuration in a module: provider \"gitlab\""]
    );
    // Instances are the root module's.
    assert_eq!(
        said(
            &call("providers = { gitlab.x = gitlab.y }"),
            &NEEDS.replace("= gitlab.x\n", "= gitlab.x[\"a\"]\n")
        ),
        ["E0352 Provider instance in a module: [\"a\"]"]
    );
}

#[test]
fn settings_are_said_once() {
    let settings = |text: &str| said(&format!("terraform {{\n{text}\n}}"), "");
    let none: [&str; 0] = [];
    for fine in [
        "language = TF2021",
        "required_version = null",
        "required_version = \"~> 1\"",
        "provider_meta \"gitlab\" {\n  x = 1\n}",
        "backend \"local\" {}",
    ] {
        assert_eq!(settings(fine), none, "{fine}");
    }
    assert_eq!(settings("experiments = []"), ["E0350 Module uses experimental features: experiments"]);
    assert_eq!(settings("language = TF2022"), ["E0350 Unsupported language edition: TF2022"]);
    assert_eq!(settings("language = \"TF2021\""), ["E0350 Invalid language edition: \"TF2021\""]);
    assert_eq!(
        settings("provider_meta \"a\" {}\nprovider_meta \"a\" {}"),
        ["E0308 Duplicate provider_meta block: provider_meta \"a\""]
    );
    assert_eq!(
        settings("required_providers {}\nrequired_providers {}"),
        ["E0308 Duplicate required providers configuration: required_providers"]
    );
    assert_eq!(
        settings("backend \"local\" {}\n}\nterraform {\nbackend \"local\" {}"),
        ["E0308 Duplicate backend configuration: backend \"local\""]
    );
    assert_eq!(
        settings("backend \"local\" {}\ncloud {}"),
        ["E0350 Both a backend and cloud configuration are present: backend \"local\""]
    );
    assert_eq!(settings("cloud {}"), ["E0350 Unsupported backend: cloud"]);
    assert_eq!(
        settings("required_version = \"> 1.11.4-beta1\""),
        ["E0332 Invalid required_version constraint: \"> 1.11.4-beta1\""]
    );
    assert_eq!(settings("required_version = \"\""), ["E0332 Invalid version constraint: \"\""]);
    assert_eq!(
        settings("required_providers {\n  gitlab = { source = var.x }\n}"),
        ["E0332 Invalid source: var.x"]
    );
    // A module's own backend means nothing.
    assert_eq!(
        said(&call(""), "terraform {\n  backend \"local\" {}\n}"),
        ["W0356 Backend configuration ignored: backend \"local\""]
    );
    assert_eq!(said(&call(""), "terraform {\n  cloud {}\n}"), none);
}

#[test]
fn a_provider_block_has_a_name_of_its_own() {
    let wrong = |alias: &str| said(&format!("provider \"gitlab\" {{\n  alias = {alias}\n}}"), "");
    assert_eq!(wrong("\"a b\""), ["E0307 Invalid provider configuration alias: \"a b\""]);
    assert_eq!(wrong("1"), ["E0307 Invalid provider configuration alias: 1"]);
    assert_eq!(wrong("var.x").len(), 1);
}

#[test]
fn a_module_calls_a_provider_as_it_likes() {
    let none: [&str; 0] = [];
    let required = |local: &str, aliases: &str| {
        format!(
            "terraform {{\n  required_providers {{\n    {local} = {{\n      source = \"gitlabhq/gitlab\"\n{aliases}    }}\n  }}\n}}\n"
        )
    };
    let group = |provider: &str| {
        format!(
            "resource \"gitlab_group\" \"g\" {{\n  provider = {provider}\n  name = \"g\"\n  path = \"g\"\n}}\n"
        )
    };
    let root = format!(
        "{}provider \"lab\" {{\n}}\nprovider \"lab\" {{\n  alias = \"y\"\n}}\n{}module \"m\" {{\n  source = \"./m\"\n  providers = {{\n    forge   = lab.y\n    forge.x = lab\n  }}\n}}\n",
        required("lab", ""),
        group("lab.y")
    );
    let aliases = "      configuration_aliases = [forge.x]\n";
    let m = format!("{}{}", required("forge", aliases), group("forge.x"));
    assert_eq!(said(&root, &m), none);
    // The names of one module mean nothing in another.
    assert_eq!(
        said(&root.replace("forge.x = lab\n", "forge.x = forge\n"), &m),
        ["E0354 Missing required provider configuration: providers", "E0354 Provider type mismatch: forge"]
    );
    assert_eq!(
        said(&root.replace("forge.x = lab\n", "forge.x = lab.z\n"), &m),
        ["E0320 Provider configuration not present: lab.z"]
    );
    // What is configured is the provider itself, so that its types find it.
    let (configuration, _) = load_memory(&Memory::root(&root).with("m", &m));
    let root = &configuration.modules[0];
    let names: Vec<String> = root.providers.iter().map(|p| p.reference.to_string()).collect();
    assert_eq!(names, ["gitlab", "gitlab.y"]);
    assert_eq!(root.resources[0].provider.to_string(), "gitlab.y");
    let passed: Vec<String> =
        root.calls[0].providers.iter().map(|p| format!("{} = {}", p.theirs, p.ours)).collect();
    assert_eq!(passed, ["gitlab = gitlab.y", "gitlab.x = gitlab"]);
    // One provider has one name.
    let twice = required("a", "")
        .replace("  }\n}\n", "    b = {\n      source = \"gitlabhq/gitlab\"\n    }\n  }\n}\n");
    let all = said(&twice, "");
    assert_eq!(all.len(), 1);
    assert!(all[0].starts_with("W0355 Duplicate required provider: b ="), "{all:?}");
    // A name that is nobody's, for a source that is nobody's.
    assert_eq!(
        said("terraform {\n  required_providers {\n    a = { source = \"b/c\" }\n  }\n}\n", ""),
        ["E0331 Unknown provider: a"]
    );
}
