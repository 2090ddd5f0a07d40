//! The SQLite storage adapter of Countersign: one file, and any number of processes beside each other on it.
//!
//! - A look-up runs on the thread that asks (`lookups`): it takes microseconds, less than handing it over would.
//! - A list, which may be long, runs on a thread of its own (`lists`).
//! - A write goes to the one thread that writes (`writer`), which commits all that wait for it together.

mod busy;
mod changes;
mod columns;
mod consumers;
mod credentials;
mod error;
mod followers;
mod grants;
mod key_check;
mod limits;
mod lists;
mod lookups;
mod migrate;
mod open;
mod open_error;
mod place;
mod replays;
mod sessions;
mod token_keys;
mod worker;
mod writer;

use std::path::{Path, PathBuf};

use countersign_store::{Store, StoreError};
use rusqlite::Connection;

pub use error::Fault;
pub use key_check::kept_key_check;
pub use limits::Limits;
pub use open_error::OpenError;

use changes::Feed;
use error::Failure;
use lists::Lists;
use lookups::Lookups;
use place::Place;
use writer::Writer;

/// A store in one SQLite file.
///
/// To drop it waits until the writes that were asked of it are done.
pub struct SqliteStore {
    path: PathBuf,
    limits: Limits,
    // In the order in which they close: the last connection puts everything into the one file, which
    // only the writer's may do.
    lookups: Lookups,
    feed: Feed,
    lists: Lists,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `path`, and brings its schema up to date. Where there is none, makes one that only
    /// this user can read (mode 0600), in a directory that is made so too (0700) if it is missing.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        let writing = open::for_writing(path, limits)?;
        migrate::bring_up_to_date(&writing, path, limits)?;
        let reading = || open::for_reading(path, limits);
        let place = Place::of(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let failed_to_start = |source| OpenError::Thread { path: path.to_owned(), source };
        Ok(Self {
            path: path.to_owned(),
            limits,
            lookups: Lookups::new((0..limits.readers.max(1)).map(|_| reading()).collect::<Result<_, _>>()?),
            feed: Feed::new(reading()?, place),
            lists: Lists::start(reading()?, limits).map_err(failed_to_start)?,
            writer: Writer::start(writing, limits).map_err(failed_to_start)?,
        })
    }

    /// Names a failure for whoever asked to `act`.
    fn failed(&self, act: &'static str) -> impl FnOnce(Failure) -> StoreError {
        move |failure| failure.into_store_error(act, &self.path, self.limits.write_wait)
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        let read =
            |db: &Connection| Ok(db.prepare_cached("SELECT swept FROM feed")?.query_row([], |_| Ok(()))?);
        self.lookups.look_up(read).and_then(|()| self.writer.is_there()).map_err(self.failed("answer"))
    }
}
