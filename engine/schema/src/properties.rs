//! What one has to know of an attribute before setting it, in words: for `explain` and the generated reference alike.

use crate::{Attribute, Presence, SecretKind};

impl Attribute {
    /// Who sets it, its default, its values, what a change does, how secret it is: one clause each.
    pub fn properties(&self) -> Vec<String> {
        let presence = match self.presence {
            Presence::Required => "required",
            Presence::Optional => "optional",
            Presence::OptionalComputed => "optional; the service chooses if it isn't set",
            Presence::Computed => "computed: only the service sets it",
        };
        let mut all = vec![presence.to_owned()];
        all.extend(self.default.as_ref().map(|default| format!("default: {default:?}")));
        if !self.one_of.is_empty() {
            all.push(format!("one of: {}", self.one_of.join(", ")));
        }
        if self.force_new {
            all.push("a change replaces the object".into());
        }
        all.extend(self.secret.map(|kind| format!("sensitive: {}", how_secret(kind))));
        if self.write_only {
            all.push("write-only: given to the service and never stored".into());
        }
        all.extend(self.deprecated.as_ref().map(|instead| format!("deprecated: {instead}")));
        all
    }
}

fn how_secret(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::GivenNeverReturned => "the service never returns it",
        SecretKind::GivenMasked => "the service returns it masked",
        SecretKind::MadeShownOnce => "the service shows it once, when it makes it",
        SecretKind::MadeReadable | SecretKind::Readable => "the service returns it",
    }
}
