//! Pictures of groups and projects: a file that is sent as a form, because the API takes no other.
//! <https://docs.gitlab.com/api/groups/#upload-a-group-avatar>

use pilotis_rest::{Method, header};
use pilotis_sdk::json::Object;
use pilotis_sdk::{Error, ErrorKind};

use crate::bulk::Parent;
use crate::client::GitLab;

/// GitLab takes pictures of at most 200 KB; a file that is much bigger is not read.
const LARGEST: u64 = 10 << 20;

/// Which file, and what stands for its content: a change of either sends it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Avatar<'a> {
    pub(crate) file: Option<&'a str>,
    pub(crate) hash: Option<&'a str>,
}

/// Nothing is said of a picture.
pub(crate) const NO_AVATAR: Avatar<'static> = Avatar { file: None, hash: None };

/// Sends the picture, or takes it away, if it changed. Gives what GitLab then says of the object.
pub(crate) async fn write(
    gitlab: &GitLab,
    parent: Parent,
    id: &str,
    before: &Avatar<'_>,
    after: &Avatar<'_>,
) -> Result<Option<Object>, Error> {
    if before == after {
        return Ok(None);
    }
    let path = [parent.path(), id];
    match after.file.filter(|file| !file.is_empty()) {
        Some(file) => {
            let (content_type, body) = form(file).await?;
            gitlab.rest.put(path).body(content_type, body).send().await?.json().map(Some)
        }
        None if before.file.is_some_and(|file| !file.is_empty()) => {
            let body = crate::client::object_of(&[("avatar", "".into())]);
            gitlab.write(Method::PUT, &path, &body).await.map(Some)
        }
        None => Ok(None),
    }
}

async fn form(file: &str) -> Result<(header::HeaderValue, Vec<u8>), Error> {
    let wrong = |detail: String| {
        let mut error = Error::new(ErrorKind::Invalid, "The picture can't be sent").detail(detail);
        error.attribute = Some("avatar".to_owned());
        error
    };
    let size =
        tokio::fs::metadata(file).await.map_err(|e| wrong(format!("{file} can't be read: {e}")))?.len();
    if size > LARGEST {
        return Err(wrong(format!("{file} has {size} bytes")));
    }
    let bytes = tokio::fs::read(file).await.map_err(|e| wrong(format!("{file} can't be read: {e}")))?;
    let name =
        std::path::Path::new(file).file_name().map(|n| n.to_string_lossy().replace(['"', '\r', '\n'], "_"));
    let mut boundary = "pilotis-form".to_owned();
    while bytes.windows(boundary.len()).any(|w| w == boundary.as_bytes()) {
        boundary.push('-');
    }
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        name.unwrap_or_default()
    )
    .into_bytes();
    body.extend_from_slice(&bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let content_type = header::HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
    Ok((content_type.map_err(|_| wrong("its form can't be made".to_owned()))?, body))
}
