//! `pilotis output`

use anyhow::{Context as _, bail};
use pilotis_apply::Engine;
use pilotis_report::{json, text};
use pilotis_state::OutputRecord;
use pilotis_value::{Kind, Type, Value};

use crate::args::OutputArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::planning::style;
use crate::view::View;

/// A stored output: name, value, declared sensitive.
pub(crate) type Stored = (String, Value, bool);

/// Shows outputs of the last apply; calls nothing.
pub(crate) fn run(args: &OutputArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let place = folder.place(&args.state, &folder.configuration().0)?;
    let outputs = decode(place.snapshot(&folder)?.outputs)?;
    match &args.name {
        Some(name) => one(args, name, &outputs, &view),
        None if args.raw => bail!("-raw shows one output: name it"),
        None => {
            let all = outputs.iter().map(|(n, v, s)| (n.as_str(), v, *s));
            if view.json {
                view.print(&format!("{}\n", json::outputs(all)?));
            } else if outputs.is_empty() {
                view.say("There are no outputs: the configuration has none, or it was not applied yet.\n");
            } else {
                view.print(&text::outputs(all, &style(&view)));
            }
            Ok(Exit::Done)
        }
    }
}

fn one(args: &OutputArgs, name: &str, outputs: &[Stored], view: &View) -> anyhow::Result<Exit> {
    let Some((_, value, _)) = outputs.iter().find(|(n, ..)| n == name) else {
        let names: Vec<_> = outputs.iter().map(|(n, ..)| n.as_str()).collect();
        let hint = match pilotis_diag::did_you_mean(name, names.iter().copied()) {
            Some(close) => format!("did you mean {close}?"),
            None if names.is_empty() => "the state has none".into(),
            None => format!("there are {}", names.join(", ")),
        };
        bail!("there is no output {name:?}: {hint}");
    };
    // Asked for by name: shown even if it is sensitive, as Terraform does.
    let (plain, _) = value.clone().unmark_deep();
    if args.raw {
        match plain.kind() {
            // Raw is raw: a script gets what there is.
            Kind::String(s) => view.raw(s),
            Kind::Number(n) => view.print(&n.to_string()),
            Kind::Bool(b) => view.print(&b.to_string()),
            _ => bail!(
                "-raw shows texts, numbers and bools; {name} is a {}: use -json",
                plain.ty().friendly_name()
            ),
        }
    } else if view.json {
        let mut json = Vec::new();
        pilotis_value::json::encode_plain(&plain, &mut json)?;
        view.print(&format!("{}\n", String::from_utf8_lossy(&json)));
    } else {
        view.print(&format!("{}\n", text::one_line(&plain)));
    }
    Ok(Exit::Done)
}

/// The outputs that an engine's state holds.
pub(crate) async fn stored(engine: &Engine) -> anyhow::Result<Vec<Stored>> {
    decode(engine.store().with(|store| store.outputs()).await?)
}

pub(crate) fn decode(records: Vec<OutputRecord>) -> anyhow::Result<Vec<Stored>> {
    let decode = |record: OutputRecord| {
        let value = pilotis_value::json::decode(record.value.as_bytes(), &Type::Dynamic)
            .with_context(|| format!("the stored output {} can't be read", record.name))?;
        Ok((record.name, value, record.sensitive))
    };
    records.into_iter().map(decode).collect()
}
