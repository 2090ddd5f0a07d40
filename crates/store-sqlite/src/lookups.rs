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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn lookups(connections: usize) -> Lookups {
        Lookups::new((0..connections).map(|_| Connection::open_in_memory().unwrap()).collect())
    }

    fn one_plus(number: i64) -> impl FnOnce(&Connection) -> Result<i64, Failure> {
        move |db| Ok(db.query_row("SELECT 1 + ?1", [number], |row| row.get(0))?)
    }

    #[test]
    fn a_connection_in_use_is_passed_by() {
        let lookups = lookups(2);
        let (release, released) = mpsc::channel::<()>();
        let (taken, is_taken) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                lookups.look_up(move |_| {
                    taken.send(()).unwrap();
                    released.recv().unwrap();
                    Ok(())
                })
            });
            is_taken.recv().unwrap();
            // From threads that begin at either of the two.
            for number in 0..4 {
                let answer = scope.spawn(|| lookups.look_up(one_plus(41))).join().unwrap();
                assert_eq!(answer.unwrap(), 42, "thread {number}");
            }
            release.send(()).unwrap();
        });
    }

    #[test]
    fn more_threads_than_connections_wait_for_their_turn() {
        let lookups = lookups(1);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..200 {
                        assert_eq!(lookups.look_up(one_plus(number)).unwrap(), number + 1);
                    }
                });
            }
        });
    }

    #[test]
    fn a_look_up_that_panicked_does_not_stop_the_next() {
        let lookups = lookups(1);
        thread::scope(|scope| {
            let panics = scope.spawn(|| lookups.look_up(|_| -> Result<(), Failure> { panic!("on purpose") }));
            assert!(panics.join().is_err());
        });
        assert_eq!(lookups.look_up(one_plus(1)).unwrap(), 2);
    }
}
