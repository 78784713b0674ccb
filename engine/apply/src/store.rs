//! The thread that owns the state: commits that wait together are one transaction.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pilotis_state::{StateError, Store, Write};
use tokio::sync::oneshot;

/// Commits that become one transaction at most.
const GROUP: usize = 256;

type Work = Box<dyn FnOnce(&mut dyn Store) + Send>;

enum Job {
    Commit(Vec<Write>, oneshot::Sender<Result<(), StateError>>),
    Work(Work),
    Close(mpsc::Sender<()>),
}

/// How long closing may take before the program ends without it.
const CLOSING: Duration = Duration::from_secs(5);

/// A handle to the thread that owns a store. Cheap to clone; the thread ends with the last one.
#[derive(Clone)]
pub struct StoreThread {
    jobs: mpsc::Sender<Job>,
}

impl StoreThread {
    /// Moves a store to a thread of its own.
    pub fn start(mut store: Box<dyn Store>) -> StoreThread {
        let (jobs, waiting) = mpsc::channel::<Job>();
        thread::spawn(move || {
            while let Ok(job) = waiting.recv() {
                match job {
                    Job::Work(work) => work(&mut *store),
                    Job::Close(done) => {
                        drop(store);
                        let _ = done.send(());
                        return;
                    }
                    Job::Commit(writes, answer) => match group(&mut *store, &waiting, writes, answer) {
                        Some(Job::Work(work)) => work(&mut *store),
                        Some(Job::Close(done)) => {
                            drop(store);
                            let _ = done.send(());
                            return;
                        }
                        Some(Job::Commit(..)) | None => {}
                    },
                }
            }
        });
        StoreThread { jobs }
    }

    /// Does something with the store, on its thread, after all that was asked for before.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (send, answer) = oneshot::channel();
        let work: Work = Box::new(move |store| drop(send.send(work(store))));
        self.send(Job::Work(work))?;
        answer.await.map_err(|_| ended())?
    }

    /// Commits durably, all or nothing. Commits that wait at the same time share a transaction.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), StateError> {
        let (send, answer) = oneshot::channel();
        self.send(Job::Commit(writes, send))?;
        answer.await.map_err(|_| ended())?
    }

    /// Closes the store, after all that was asked for before, and waits for it: a program that ends under a store leaves its
    /// last writes beside the file (SQLite's `-wal`), where a copy of the file misses them. Nothing can be asked for afterwards.
    pub fn close(&self) {
        let (send, done) = mpsc::channel();
        if self.send(Job::Close(send)).is_ok() {
            let _ = done.recv_timeout(CLOSING);
        }
    }

    fn send(&self, job: Job) -> Result<(), StateError> {
        self.jobs.send(job).map_err(|_| ended())
    }
}

/// The thread has panicked: nothing more is known of what it did.
fn ended() -> StateError {
    let source = "the thread that owns the state has ended; this is a defect, please report it".into();
    StateError::Io { location: "state".into(), source }
}

/// Commits this one and all that wait behind it. Another job that is met is given back.
fn group(
    store: &mut dyn Store,
    waiting: &mpsc::Receiver<Job>,
    writes: Vec<Write>,
    answer: oneshot::Sender<Result<(), StateError>>,
) -> Option<Job> {
    let mut commits = vec![(writes, answer)];
    let mut other = None;
    while commits.len() < GROUP {
        match waiting.try_recv() {
            Ok(Job::Commit(writes, answer)) => commits.push((writes, answer)),
            Ok(job) => {
                other = Some(job);
                break;
            }
            Err(_) => break,
        }
    }
    if commits.len() > 1 {
        let all: Vec<Write> = commits.iter().flat_map(|(writes, _)| writes.iter().cloned()).collect();
        if store.commit(&all).is_ok() {
            for (_, answer) in commits {
                let _ = answer.send(Ok(()));
            }
            return other;
        }
        // One of them is to blame, and nothing was done: each alone, so that the others don't suffer.
    }
    for (writes, answer) in commits {
        let _ = answer.send(store.commit(&writes));
    }
    other
}
