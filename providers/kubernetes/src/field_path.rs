//! Paths of fields as people write them: `status.phase`, `metadata.annotations["example.com/x"]`, `spec.containers[0].image`.

use serde_json::Value as Json;

/// A path; empty steps are left out.
pub(crate) fn parse(text: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut quoted = None;
    for c in text.chars() {
        let last = steps.last_mut().expect("there is always one");
        match (c, quoted) {
            (c, Some(quote)) if c == quote => quoted = None,
            (c, Some(_)) => last.push(c),
            ('"' | '\'', None) => quoted = Some(c),
            ('.' | '[' | ']', None) => steps.push(String::new()),
            (c, None) => last.push(c),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// What is at a path.
pub(crate) fn get<'a>(object: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(object, |at, step| match at {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        at => at.get(step),
    })
}

/// Puts a value at a path whose parents are there; none takes it away.
pub(crate) fn set(object: &mut Json, path: &[String], value: Option<Json>) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(object, |at, step| match at {
        Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        at => at.get_mut(step),
    });
    match (parent, value) {
        (Some(Json::Object(members)), Some(value)) => drop(members.insert(last.clone(), value)),
        (Some(Json::Object(members)), None) => drop(members.remove(last)),
        (Some(Json::Array(items)), Some(value)) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
                *item = value;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_as_people_write_them() {
        for (text, steps) in [
            ("status.phase", vec!["status", "phase"]),
            ("metadata.annotations[\"example.com/x.y\"]", vec!["metadata", "annotations", "example.com/x.y"]),
            ("metadata.annotations['a']", vec!["metadata", "annotations", "a"]),
            ("spec.containers[0].image", vec!["spec", "containers", "0", "image"]),
            ("", vec![]),
        ] {
            assert_eq!(parse(text), steps, "{text}");
        }
    }

    #[test]
    fn get_and_set() {
        let mut object = json!({"spec": {"containers": [{"image": "a"}]}});
        let path = parse("spec.containers[0].image");
        assert_eq!(get(&object, &path), Some(&json!("a")));
        set(&mut object, &path, Some(json!("b")));
        assert_eq!(get(&object, &path), Some(&json!("b")));
        set(&mut object, &path, None);
        assert_eq!(object, json!({"spec": {"containers": [{}]}}));
        set(&mut object, &parse("no.where"), Some(json!(1)));
        assert_eq!(get(&object, &parse("spec.containers[7]")), None);
    }
}
