//! Waiting for another process.

use std::thread;
use std::time::Duration;

use rusqlite::ErrorCode;

/// Between two attempts. Short and even, unlike SQLite's own waiting: a server that writes all the time leaves
/// gaps of microseconds, and a command beside it must hit one.
const PAUSE: Duration = Duration::from_millis(1);

/// Tries `attempt` until it does not find the database locked, for `wait` at most.
pub(crate) fn patiently<T>(
    wait: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    for _ in 0..wait.as_millis() / PAUSE.as_millis() {
        match attempt() {
            Err(error) if is_busy(&error) => thread::sleep(PAUSE),
            done => return done,
        }
    }
    attempt()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
