//! `pilotis version`

use crate::args::VersionArgs;
use crate::builtin;
use crate::exit::Exit;
use crate::other_state::States;
use crate::view::View;

/// Shows this program's version, and which established provider's schema each provider follows.
pub(crate) fn run(args: &VersionArgs) -> anyhow::Result<Exit> {
    let view = View::plain(true);
    let version = env!("CARGO_PKG_VERSION");
    let platform = platform();
    let providers = builtin::providers(&States::default());
    if args.json {
        let selections: serde_json::Map<_, _> = providers
            .values()
            .map(|p| (p.schema().source.clone(), p.schema().version.clone().into()))
            .collect();
        let json = serde_json::json!({
            "terraform_version": pilotis_config::LANGUAGE, "pilotis_version": version, "platform": platform,
            "provider_selections": selections, "terraform_outdated": false,
        });
        view.print(&format!("{json:#}\n"));
    } else {
        view.print(&format!("Pilotis v{version}\non {platform}\n"));
        for provider in providers.values() {
            let schema = provider.schema();
            view.print(&format!("+ provider {} as of {}\n", schema.source, schema.version));
        }
    }
    Ok(Exit::Done)
}

/// `linux_amd64`: named as Terraform's platforms are.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{system}_{processor}")
}
