//! `pilotis version`

use crate::args::VersionArgs;
use crate::builtin;
use crate::exit::Exit;
use crate::view::View;

/// Shows this program's version, and which established provider's schema each provider follows.
pub(crate) fn run(args: &VersionArgs) -> anyhow::Result<Exit> {
    let view = View::plain(true);
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    let providers = builtin::providers();
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
