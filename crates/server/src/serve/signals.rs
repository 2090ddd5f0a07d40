//! What the system tells the process.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a server heeds.
pub(crate) struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

impl Signals {
    /// Heeds them from now on. One that comes before ends the process, as it does any other: a server that can be reached is to
    /// heed them already.
    pub(crate) fn heed() -> io::Result<Self> {
        let runtime = super::runtime()?;
        let entered = runtime.enter();
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let hangup = signal(SignalKind::hangup())?;
        drop(entered);
        Ok(Self { runtime, terminate, interrupt, hangup })
    }

    /// Waits for the next.
    pub(super) fn next(&mut self) -> Told {
        let Self { runtime, terminate, interrupt, hangup } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => Told::Stop,
                _ = interrupt.recv() => Told::Stop,
                _ = hangup.recv() => Told::Reload,
            }
        })
    }
}
