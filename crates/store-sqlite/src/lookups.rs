//! Reading one record, on the thread that asks.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use rusqlite::Connection;

use crate::error::Failure;

/// Connections that look things up.
pub(crate) struct Lookups {
    connections: Vec<Mutex<Connection>>,
}

thread_local! {
    /// Where this thread begins to look for a free connection: always at the same, so that it finds its own statements
    /// and pages there, and not where another thread begins.
    static PLACE: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed))
    };
}

impl Lookups {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self { connections: connections.into_iter().map(Mutex::new).collect() }
    }

    /// Does `work`, which must be short: others may wait for the connection.
    pub(crate) fn look_up<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let place = PLACE.get() % self.connections.len().max(1);
        let (before, own_and_after) = self.connections.split_at(place);
        for connection in own_and_after.iter().chain(before) {
            match connection.try_lock() {
                Ok(free) => return work(&free),
                Err(TryLockError::Poisoned(poisoned)) => return work(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        match own_and_after.first() {
            Some(own) => work(&own.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Err(rusqlite::Error::InvalidQuery.into()),
        }
    }
}
