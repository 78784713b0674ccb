//! The environment variables that can be read; nothing of what they mean.

/// Those whose name and value are UTF-8. Others are nobody's of ours, and must not stop a run.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
