//! What GitLab's errors mean. <https://docs.gitlab.com/api/rest/troubleshooting/>

use pilotis_rest::{Refusal, Told};
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

/// Reads `error`, `error_description`, `message` (text, list or map of lists) and the scopes that lack.
pub(crate) fn told(refusal: &Refusal<'_>) -> Told {
    let mut told = Told::from_refusal(refusal);
    let Some(json) = refusal.json else { return told };
    let error = json["error"].as_str().unwrap_or_default();
    if let Some(description) = json["error_description"].as_str() {
        told.detail = description.to_owned();
    }
    told.attribute = attribute(json);
    let words = told.detail.to_lowercase();
    let taken = ["has already been taken", "already exists", "already been shared"];
    if matches!(refusal.status, 400 | 409 | 422) {
        if is_deletion_going_on(&words) {
            told.kind = Some(ErrorKind::Conflict);
        } else if taken.iter().any(|text| words.contains(text)) {
            told.kind = Some(ErrorKind::AlreadyExists);
        } else if words.contains("has changed since") || words.contains("could not update") {
            told.kind = Some(ErrorKind::Conflict);
        }
    }
    if error == "insufficient_scope" {
        let scope = json["scope"].as_str().unwrap_or("api");
        told.detail = format!("the token lacks the scope {scope}");
        told.help.push(format!("Use a token with the scope `{scope}`."));
    }
    if refusal.status == 403 && refusal.method == "POST" && refusal.path.ends_with("/groups") {
        told.help.push("The token's user may not create groups here; on gitlab.com nobody may create top-level groups over the API.".into());
    }
    told
}

/// The first attribute that `message` names.
fn attribute(json: &Json) -> Option<String> {
    let members = json["message"].as_object()?;
    members.iter().find(|(name, value)| value.is_array() && *name != "base").map(|(name, _)| name.clone())
}

fn is_deletion_going_on(words: &str) -> bool {
    words.contains("still being deleted") || words.contains("pending deletion")
}

/// An earlier object with this path is being deleted.
pub(crate) fn is_still_deleting(error: &Error) -> bool {
    error.kind == ErrorKind::Conflict && is_deletion_going_on(&error.detail.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, json: Json) -> Told {
        let headers = Default::default();
        told(&Refusal {
            status,
            headers: &headers,
            json: Some(&json),
            method: "POST",
            path: "/api/v4/projects",
        })
    }

    #[test]
    fn errors_come_in_five_shapes() {
        let told = read(400, serde_json::json!({"error": "name is missing, path is missing"}));
        assert_eq!(told.detail, "name is missing, path is missing");
        let told = read(400, serde_json::json!({"message": {"path": ["has already been taken"]}}));
        assert_eq!((told.kind, told.attribute.as_deref()), (Some(ErrorKind::AlreadyExists), Some("path")));
        assert_eq!(told.detail, "path: has already been taken");
        let told = read(
            401,
            serde_json::json!({"error": "invalid_token", "error_description": "Token is expired."}),
        );
        assert_eq!(told.detail, "Token is expired.");
        let told = read(403, serde_json::json!({"error": "insufficient_scope", "scope": "api"}));
        assert_eq!(told.detail, "the token lacks the scope api");
        let told = read(
            429,
            serde_json::json!({"message": {"error": "This endpoint has been requested too many times."}}),
        );
        assert_eq!(told.detail, "This endpoint has been requested too many times.");
    }

    #[test]
    fn being_deleted_is_not_taken() {
        let json = serde_json::json!({"message": {"base": ["The project is still being deleted. Please try again later."]}});
        let told = read(400, json);
        assert_eq!((told.kind, told.attribute), (Some(ErrorKind::Conflict), None));
        let error = Error::new(ErrorKind::Conflict, "").detail(told.detail);
        assert!(is_still_deleting(&error));
    }
}
