//! Ephemeral resources that are open: kept going until the machine has them closed, and closed if it can't any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pilotis_plan::RequestId;
use pilotis_sdk::{Connection, Error, Secret};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};

/// How long what is still open at the end of a run that was broken off may take to be closed.
const LAST_WISH: Duration = Duration::from_secs(5);

/// What is needed to renew and to close one.
struct Held {
    handle: Secret,
    /// It could not be renewed.
    failed: Option<Error>,
}

/// One that is open.
#[derive(Clone)]
struct Open {
    type_name: Arc<str>,
    /// The one that opened it: the provider may have been connected anew since.
    connection: Arc<dyn Connection>,
    held: Arc<Mutex<Held>>,
    renewal: Option<AbortHandle>,
}

/// All that are open, by the request that opened them.
#[derive(Clone, Default)]
pub(crate) struct Opened(Arc<std::sync::Mutex<BTreeMap<RequestId, Open>>>);

impl Opened {
    /// Opens one, and renews it from then on as often as it says.
    pub(crate) async fn open(
        &self,
        id: RequestId,
        connection: Arc<dyn Connection>,
        type_name: Arc<str>,
        config: &pilotis_value::Value,
    ) -> Result<pilotis_value::Value, Error> {
        let opened = connection.open(&type_name, config).await?;
        let held = Arc::new(Mutex::new(Held { handle: opened.handle, failed: None }));
        let renewal = opened.renew_after.map(|after| {
            let renewing = renew(connection.clone(), type_name.clone(), held.clone(), after);
            tokio::spawn(renewing).abort_handle()
        });
        self.with(|all| all.insert(id, Open { type_name, connection, held, renewal }));
        Ok(opened.value)
    }

    /// Closes one. That it could not be renewed is told now: whoever used it has failed by itself, if it mattered.
    pub(crate) async fn close(&self, id: RequestId) -> Result<(), Error> {
        match self.with(|all| all.remove(&id)) {
            Some(open) => open.close().await,
            None => Ok(()),
        }
    }

    /// Closes what nobody closes any more, as far as that goes in a short time.
    pub(crate) async fn close_all(&self) {
        let mut closing = JoinSet::new();
        for (_, open) in self.with(std::mem::take) {
            closing.spawn(async move { open.close().await });
        }
        let all = async {
            while let Some(closed) = closing.join_next().await {
                if let Ok(Err(e)) = closed {
                    tracing::warn!("an ephemeral resource could not be closed: {}", e.summary);
                }
            }
        };
        if tokio::time::timeout(LAST_WISH, all).await.is_err() {
            tracing::warn!("ephemeral resources could not be closed in time");
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<RequestId, Open>) -> T) -> T {
        // Every change is one insertion or removal: a poisoned lock holds whole data.
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Open {
    async fn close(self) -> Result<(), Error> {
        // A renewal that is under way ends first: it may change what closing takes.
        let mut held = self.held.lock().await;
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        let closed = self.connection.close(&self.type_name, &held.handle).await;
        match held.failed.take() {
            Some(failed) => Err(failed),
            None => closed,
        }
    }
}

/// Renews it for as long as it says that it ends otherwise.
async fn renew(
    connection: Arc<dyn Connection>,
    type_name: Arc<str>,
    held: Arc<Mutex<Held>>,
    first: Duration,
) {
    let mut after = first;
    loop {
        tokio::time::sleep(after).await;
        let mut held = held.lock().await;
        match connection.renew(&type_name, &held.handle).await {
            Ok(renewed) => {
                held.handle = renewed.handle;
                match renewed.renew_after {
                    Some(next) => after = next,
                    None => return,
                }
            }
            Err(failed) => {
                held.failed = Some(failed);
                return;
            }
        }
    }
}
