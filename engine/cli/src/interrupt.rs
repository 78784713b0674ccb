//! Ctrl-C and SIGTERM: once, finish what is in flight; twice, leave.

use tokio_util::sync::CancellationToken;

/// What the signals have said.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    /// Once.
    pub(crate) soft: CancellationToken,
    /// Twice.
    pub(crate) hard: CancellationToken,
}

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Interrupt {
        let interrupt = Interrupt { soft: CancellationToken::new(), hard: CancellationToken::new() };
        let (soft, hard) = (interrupt.soft.clone(), interrupt.hard.clone());
        tokio::spawn(async move {
            let Some(mut signals) = Signals::listen() else { return };
            signals.next().await;
            soft.cancel();
            signals.next().await;
            hard.cancel();
        });
        interrupt
    }
}

/// Both signals, listened to from the start, so that none is missed in between.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Option<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).ok()?;
        Some(Signals { interrupt, terminate: signal(SignalKind::terminate()).ok()? })
    }
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Option<Signals> {
        Some(Signals)
    }
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
