//! `ignore_changes`: parts of the configuration that say what is recorded, whatever is written there.

use pilotis_config::IgnoreChanges;
use pilotis_schema::Block;
use pilotis_value::{Path, Step, Type, Value};

/// The configuration with what is to be ignored taken from the recorded object.
pub(crate) fn ignore(changes: &IgnoreChanges, block: &Block, config: &Value, prior: &Value) -> Value {
    match changes {
        IgnoreChanges::None => config.clone(),
        IgnoreChanges::All => {
            let arguments = block.attributes.iter().filter(|(_, a)| a.is_argument()).map(|(name, _)| name);
            arguments.chain(block.blocks.keys()).fold(config.clone(), |config, name| {
                put(&config, &[Step::Attribute(name.as_str().into())], prior, false)
            })
        }
        IgnoreChanges::Paths(paths) => {
            let is_free = |path: &Path| {
                let attribute = path.root_attribute().and_then(|name| block.attributes.get(name));
                attribute.is_some_and(|a| a.ty == Type::Dynamic)
            };
            paths.iter().fold(config.clone(), |config, path| put(&config, &path.0, prior, is_free(path)))
        }
    }
}

/// `value` with what is at a place in it replaced by what is there in `prior`. `free`: objects in it may have any attributes, so
/// that `input["key"]` means what it means for a map.
fn put(value: &Value, steps: &[Step], prior: &Value, free: bool) -> Value {
    let Some((first, rest)) = steps.split_first() else { return prior.clone() };
    let was = prior.child(first);
    let replaced = match (first, value.as_entries(), value.as_elements()) {
        (Step::Attribute(name) | Step::Key(name), Some(entries), _) => {
            let mut entries = entries.clone();
            match (entries.get(name), was) {
                (Some(now), Some(was)) => {
                    let new = put(now, rest, was, free);
                    entries.insert(name.clone(), new);
                }
                // Keys of a map come and go; attributes of an object are always there.
                (None, Some(was)) if rest.is_empty() => {
                    entries.insert(name.clone(), was.clone());
                }
                (Some(_), None)
                    if rest.is_empty()
                        && (matches!(value.ty(), Type::Map(_))
                            || (free && matches!(first, Step::Key(_)))) =>
                {
                    entries.remove(name);
                }
                _ => return value.clone(),
            }
            match value.ty() {
                Type::Map(element) => Value::map((*element).clone(), entries),
                _ => Value::object(entries),
            }
        }
        (Step::Index(i), _, Some(elements)) => {
            let (Ok(i), Some(was)) = (usize::try_from(*i), was) else { return value.clone() };
            let Some(now) = elements.get(i) else { return value.clone() };
            let mut elements = elements.to_vec();
            elements[i] = put(now, rest, was, free);
            match value.ty() {
                Type::List(element) => Value::list((*element).clone(), elements),
                Type::Tuple(_) => Value::tuple(elements),
                _ => return value.clone(),
            }
        }
        _ => return value.clone(),
    };
    replaced.with_marks(value.marks())
}
