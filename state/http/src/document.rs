//! The document: read, replaced, locked, removed.

use std::collections::BTreeMap;

use bytes::Bytes;
use pilotis_state::{Lease, RunId, StateError};
use pilotis_state_document::{Document, ServerLock, Stored, Tag};
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;
use url::Url;

use crate::answer::{io, locked_by_somebody, page, refused, words};
use crate::lock::LockInfo;
use crate::options::{Options, location};
use crate::wire::{Answer, Request, Wire, md5};

/// A document behind the protocol of Terraform's `http` backend.
///
/// What is asked is as <https://developer.hashicorp.com/terraform/language/backend/http> has it: 423 or 409 with the info of the lock that is
/// there, 200 for success, the lock's id as `?ID=` of a write. An answer without a body (200 or 204) to a read is no state, as for Terraform.
/// What GitLab answers is in its source (`lib/api/terraform/state.rb`, `app/services/terraform/remote_state_handler.rb` of
/// <https://gitlab.com/gitlab-org/gitlab>): 204 for a state that was only locked; all members of the info are needed for a lock; a 409 has id,
/// user and time of the holder, and the rest of who asks; a lock is taken away by a DELETE without an id; each serial is a version,
/// and one that is there is 422; a removal is answered 200 also if the state was locked, and stays.
///
/// The protocol has no conditional write. GitLab refuses a serial that it has already, and a write whose `?ID=` isn't that of the lock; other
/// servers may refuse nothing. So as long as this run doesn't hold the server's lock, and always after an answer was lost, the newest version
/// is read and compared first. Between that and the write another writer may come in: on a server without serials it would be written
/// over. The lock closes that gap, which is why such a server should have one.
pub struct HttpDocument {
    options: Options,
    location: String,
    wire: Wire,
    /// The server's lock, if it is held from here.
    held: Option<LockInfo>,
    /// Somebody else's lock, as it was seen last: to take it from them, the server may want it as it is.
    foreign: Option<LockInfo>,
}

/// How the newest version is related to what is to be written.
enum Newest {
    /// It is what is to be written: that was done before.
    Ours,
    /// It is the one that is to be replaced.
    Expected,
    /// Another one.
    Another,
}

/// What became of a write that the server refused.
enum Refused {
    /// It was done before, and the answer lost.
    Written,
    /// Another version came before it.
    TooLate,
    /// The lock under which it was written is gone.
    LockLost,
}

impl std::fmt::Debug for HttpDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpDocument").field("options", &self.options).finish_non_exhaustive()
    }
}

impl HttpDocument {
    /// Asks the server nothing yet. An error names the argument that can't be used.
    pub fn new(options: &Options) -> Result<HttpDocument, StateError> {
        let location = location(options);
        let wire =
            Wire::new(options).map_err(|source| StateError::Io { location: location.clone(), source })?;
        Ok(HttpDocument { options: options.clone(), location, wire, held: None, foreign: None })
    }

    fn ask(&self, request: &Request) -> Result<Answer, StateError> {
        self.wire.send(request).map_err(|failure| failure.at(&self.location))
    }

    fn newest(&mut self, text: &[u8], after: Option<&Tag>) -> Result<Newest, StateError> {
        let stored = self.read()?;
        Ok(match &stored {
            Some(stored) if stored.text == text => Newest::Ours,
            stored if stored.as_ref().map(|stored| &stored.tag) == after => Newest::Expected,
            _ => Newest::Another,
        })
    }

    /// What a write that the server refused has become.
    fn judge(&mut self, answer: &Answer, text: &[u8], after: Option<&Tag>) -> Result<Refused, StateError> {
        let locked = matches!(answer.status, StatusCode::CONFLICT | StatusCode::LOCKED);
        let ours = self.held.as_ref().map(|info| info.id.as_str());
        let holder = LockInfo::read(&answer.body).filter(|info| locked && Some(info.id.as_str()) != ours);
        if let Some(info) = holder {
            let lease = info.lease();
            (self.held, self.foreign) = (None, Some(info));
            return Err(StateError::Locked { lease });
        }
        let other = matches!(answer.status.as_u16(), 412 | 422);
        if !locked && !other {
            return Err(refused(&self.location, "write the state", answer));
        }
        match self.newest(text, after)? {
            Newest::Ours => Ok(Refused::Written),
            Newest::Another => Ok(Refused::TooLate),
            // Somebody has taken the server's lock from this run. What it had begun it may still finish: the leases in the document say
            // what it may, and the comparison before each write that nothing is written over.
            Newest::Expected if locked && self.held.take().is_some() => Ok(Refused::LockLost),
            Newest::Expected if locked => Err(locked_by_somebody(&self.location, answer)),
            Newest::Expected => Err(refused(&self.location, "write the state", answer)),
        }
    }

    fn write_request(&self, body: &Bytes) -> Request {
        let address = &self.options.address;
        Request {
            method: self.options.update_method.clone(),
            url: self.held.as_ref().map_or_else(|| address.clone(), |info| self.with_id(address, &info.id)),
            body: Some(body.clone()),
        }
    }

    /// The lock's address with an id as a parameter.
    fn with_id(&self, address: &Url, id: &str) -> Url {
        let mut url = address.clone();
        url.query_pairs_mut().append_pair("ID", id);
        url
    }

    fn unlock_request(&self, address: &Url, run: &RunId) -> Request {
        let known = [&self.held, &self.foreign].into_iter().flatten().find(|info| *info.id == *run.0);
        let info = known.cloned().unwrap_or_else(|| LockInfo::named(run));
        Request {
            method: self.options.unlock_method.clone(),
            url: self.with_id(address, &run.0),
            body: Some(Bytes::from(info.body())),
        }
    }
}

impl Document for HttpDocument {
    fn location(&self) -> &str {
        &self.location
    }

    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        let request = Request { method: Method::GET, url: self.options.address.clone(), body: None };
        let answer = self.ask(&request)?;
        match answer.status {
            StatusCode::NO_CONTENT => return Ok(None),
            // A project that isn't seen is another thing than a state that isn't there.
            StatusCode::NOT_FOUND
                if !answer.is_page && words(&answer.body).is_none_or(|said| !said.contains("Project")) =>
            {
                return Ok(None);
            }
            StatusCode::OK if answer.body.is_empty() => return Ok(None),
            StatusCode::OK if !answer.is_page => {}
            _ => return Err(refused(&self.location, "read the state", &answer)),
        }
        // Also an answer that was cut off is none.
        if let Err(error) = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&answer.body) {
            let detail = match answer.body.first() {
                Some(b'<') => page().to_owned(),
                _ => format!(
                    "the answer is not a whole JSON object (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            };
            return Err(StateError::Corrupt { location: self.location.clone(), detail });
        }
        let tag = Tag(md5(&answer.body));
        Ok(Some(Stored { text: answer.body, tag }))
    }

    fn replace(&mut self, text: Vec<u8>, _: u64, after: Option<&Tag>) -> Result<Option<Tag>, StateError> {
        let body = Bytes::from(text);
        let mut patience = self.wire.patience();
        let mut look = self.held.is_none();
        loop {
            if look {
                match self.newest(&body, after)? {
                    Newest::Ours => return Ok(Some(Tag(md5(&body)))),
                    Newest::Another => return Ok(None),
                    Newest::Expected => {}
                }
            }
            match self.wire.once(&self.write_request(&body)) {
                Ok(answer) if answer.status.is_success() && !answer.is_page => {
                    return Ok(Some(Tag(md5(&body))));
                }
                Ok(answer) => match self.judge(&answer, &body, after)? {
                    Refused::Written => return Ok(Some(Tag(md5(&body)))),
                    Refused::TooLate => return Ok(None),
                    Refused::LockLost => look = true,
                },
                Err(failure) if patience.wait_after(&failure) => look = true,
                Err(failure) => return Err(failure.at(&self.location)),
            }
        }
    }

    fn lock(&mut self, lease: &Lease) -> Result<ServerLock, StateError> {
        let Some(url) = self.options.lock_address.clone() else { return Ok(ServerLock::None) };
        let info = LockInfo::of(lease);
        let body = Some(Bytes::from(info.body()));
        let answer = self.ask(&Request { method: self.options.lock_method.clone(), url, body })?;
        match answer.status {
            status if status.is_success() && !answer.is_page => {
                self.held = Some(info);
                Ok(ServerLock::Taken)
            }
            StatusCode::CONFLICT | StatusCode::LOCKED => match LockInfo::read(&answer.body) {
                Some(holder) if holder.id == info.id => {
                    self.held = Some(info);
                    Ok(ServerLock::Taken)
                }
                Some(holder) => {
                    let lease = holder.lease();
                    self.foreign = Some(holder);
                    Ok(ServerLock::Held(lease))
                }
                None => Err(locked_by_somebody(&self.location, &answer)),
            },
            _ => Err(refused(&self.location, "lock the state", &answer)),
        }
    }

    fn unlock(&mut self, run: &RunId) -> Result<bool, StateError> {
        let Some(address) = &self.options.unlock_address else { return Ok(false) };
        let answer = self.ask(&self.unlock_request(address, run))?;
        let was_held = self.held.take_if(|info| *info.id == *run.0).is_some();
        match answer.status {
            status if status.is_success() && !answer.is_page => Ok(true),
            // The first answer was lost, and it was done.
            StatusCode::CONFLICT | StatusCode::LOCKED | StatusCode::NOT_FOUND => {
                Ok(was_held && answer.repeated && LockInfo::read(&answer.body).is_none())
            }
            _ => Err(refused(&self.location, "unlock the state", &answer)),
        }
    }

    fn remove(&mut self) -> Result<(), StateError> {
        // GitLab removes no state that is locked.
        if let Some(run) = self.held.as_ref().map(|info| RunId(info.id.as_str().into())) {
            self.unlock(&run)?;
        }
        let request = Request { method: Method::DELETE, url: self.options.address.clone(), body: None };
        let answer = self.ask(&request)?;
        let gone = answer.status == StatusCode::NOT_FOUND;
        if !(answer.status.is_success() || gone) || answer.is_page {
            return Err(refused(&self.location, "remove the state", &answer));
        }
        // Where it can't be read, it is on its way: GitLab removes later what it has marked.
        match self.read() {
            Ok(Some(_)) if !gone => Err(io(
                &self.location,
                "the server says that the state is removed, and it is still there: somebody has locked it",
            )),
            _ => Ok(()),
        }
    }
}
