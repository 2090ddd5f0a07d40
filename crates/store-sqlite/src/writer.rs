//! The one thread that writes.
//!
//! To make a commit durable takes much longer than to write it, so all that wait are written together and share one
//! commit. One that fails takes nothing of the others along: then all are done anew, each in a savepoint of its own. Savepoints
//! from the start would cost a third of what most writes do.

use std::io;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::busy::patiently;
use crate::error::Failure;
use crate::worker::Worker;
use crate::{Fault, Limits};

/// The thread that writes.
pub(crate) struct Writer {
    worker: Worker<Box<dyn Job>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, limits: Limits) -> io::Result<Self> {
        let worker = Worker::start("store-writer", limits.waiting_writes, move |jobs| {
            let mut group = Vec::new();
            while let Ok(first) = jobs.recv() {
                group.push(first);
                group.extend(jobs.try_iter().take(limits.group.saturating_sub(1)));
                let committed = commit(&connection, limits.write_wait, &mut group);
                for job in group.drain(..) {
                    job.answer(&committed);
                }
            }
        })?;
        Ok(Self { worker })
    }

    /// Whether writes can be asked of it.
    pub(crate) fn is_there(&self) -> Result<(), Failure> {
        Ok(self.worker.is_there()?)
    }

    /// Does `work` in a transaction, and answers when that is durable. It may be done twice: what the first time did is undone then.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        self.worker.submit(Box::new(Request { work, result: None, answer }))?;
        answered.await.unwrap_or(Err(Failure::Fault(Fault::Ended)))
    }
}

/// Does every job of `group` in one transaction. `Err`: nothing of any of them is kept.
fn commit(connection: &Connection, wait: Duration, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let begin = || Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = patiently(wait, begin)?;
    if group.iter_mut().try_for_each(|job| job.run(&transaction)).is_ok() {
        return Ok(transaction.commit()?);
    }
    // It rolls back.
    drop(transaction);
    one_by_one(patiently(wait, begin)?, group)
}

fn one_by_one(transaction: Transaction<'_>, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    for job in group {
        transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
        let done = job.run(&transaction);
        // Some failures (no room, no memory, a broken disk) end the transaction, and with it what others wrote.
        if let Err(failure) = &done
            && transaction.is_autocommit()
        {
            return Err(failure.clone());
        }
        if done.is_err() {
            transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        transaction.prepare_cached("RELEASE job")?.execute([])?;
    }
    transaction.commit()?;
    Ok(())
}

/// A write of any kind.
trait Job: Send {
    /// Does it, perhaps anew, and keeps the result. `Err` where it failed and is to be undone.
    fn run(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Tells whoever asked: the result if it was committed.
    fn answer(self: Box<Self>, committed: &Result<(), Failure>);
}

struct Request<Work, T> {
    work: Work,
    result: Option<Result<T, Failure>>,
    answer: oneshot::Sender<Result<T, Failure>>,
}

impl<Work, T> Job for Request<Work, T>
where
    Work: FnMut(&Connection) -> Result<T, Failure> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Failure> {
        let result = (self.work)(connection);
        let done = result.as_ref().map(|_| ()).map_err(Failure::clone);
        self.result = Some(result);
        done
    }

    fn answer(self: Box<Self>, committed: &Result<(), Failure>) {
        let result = match (self.result, committed) {
            (Some(Err(own)), Ok(()) | Err(_)) => Err(own),
            (Some(Ok(_)) | None, Err(of_the_group)) => Err(of_the_group.clone()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            // Not reached: a group that was committed was run.
            (None, Ok(())) => Err(Failure::Fault(Fault::Ended)),
        };
        // Whoever asked may have gone.
        let _ = self.answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::mpsc;

    use tokio::task::JoinHandle;

    use super::*;

    const LIMITS: Limits =
        Limits { waiting_writes: 8, write_wait: Duration::from_millis(20), ..Limits::COMMAND };

    /// A database with one table, and a writer for it that waits until it is let go.
    struct Held {
        writer: Arc<Writer>,
        path: PathBuf,
        gate: mpsc::Sender<()>,
        _directory: tempfile::TempDir,
    }

    impl Held {
        async fn new(limits: Limits) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("test.db");
            let connection = crate::open::for_writing(&path, limits).unwrap();
            crate::open::share(&connection, &path, limits).unwrap();
            connection.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY, y)").unwrap();
            let writer = Arc::new(Writer::start(connection, limits).unwrap());
            let (gate, opened) = mpsc::channel::<()>();
            let (arrived, wait) = oneshot::channel();
            let held = Self { writer, path, gate, _directory: directory };
            let mut arrived = Some(arrived);
            let waits = held.ask(move |_| {
                if let Some(arrived) = arrived.take() {
                    arrived.send(()).unwrap();
                }
                let _ = opened.recv();
                Ok(())
            });
            // Whoever asked for this goes away.
            waits.await.abort();
            wait.await.unwrap();
            held
        }

        /// Asks for a write, and does not wait for its answer.
        async fn ask<T: Send + 'static>(
            &self,
            work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
        ) -> JoinHandle<Result<T, Failure>> {
            let writer = self.writer.clone();
            let asked = tokio::spawn(async move { writer.write(work).await });
            // There is one thread: now the task has put its request into the queue.
            tokio::task::yield_now().await;
            asked
        }
    }

    fn insert(x: i64) -> impl Fn(&Connection) -> Result<(), Failure> {
        move |db| {
            db.execute("INSERT INTO t VALUES (?1, NULL)", [x])?;
            Ok(())
        }
    }

    fn stored(path: &Path) -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare("SELECT x FROM t ORDER BY x").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[tokio::test]
    async fn writes_that_wait_share_one_commit() {
        let held = Held::new(LIMITS).await;
        let first = held.ask(insert(1)).await;
        let path = held.path.clone();
        let second = held
            .ask(move |db| Ok((db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?, stored(&path))))
            .await;
        drop(held.gate);
        first.await.unwrap().unwrap();
        // The second saw what the first had written, and nobody else did.
        assert_eq!(second.await.unwrap().unwrap(), (1, vec![]));
        assert_eq!(stored(&held.path), [1]);
    }

    #[tokio::test]
    async fn a_write_that_fails_takes_nothing_of_the_others_along() {
        let held = Held::new(LIMITS).await;
        let first = held.ask(insert(1)).await;
        let half = held
            .ask(|db| {
                insert(2)(db)?;
                insert(1)(db)
            })
            .await;
        let third = held.ask(insert(3)).await;
        drop(held.gate);
        first.await.unwrap().unwrap();
        assert!(matches!(half.await.unwrap(), Err(Failure::Sqlite(_))));
        third.await.unwrap().unwrap();
        assert_eq!(stored(&held.path), [1, 3]);
    }

    #[tokio::test]
    async fn a_write_that_finds_no_room_fails_and_what_was_acknowledged_is_there() {
        let held = Held::new(LIMITS).await;
        let limit =
            |pages: u32| move |db: &Connection| Ok(db.pragma_update(None, "max_page_count", pages)?);
        let limited = held.ask(limit(4)).await;
        let small = held.ask(insert(1)).await;
        let large = held
            .ask(|db| {
                db.execute("INSERT INTO t VALUES (2, zeroblob(100000))", [])?;
                Ok(())
            })
            .await;
        let after = held.ask(insert(3)).await;
        drop(held.gate);
        let _ = limited.await.unwrap();
        let outcomes = [(1, small.await.unwrap()), (2, large.await.unwrap()), (3, after.await.unwrap())];
        let acknowledged: Vec<i64> =
            outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(x, _)| *x).collect();
        assert_eq!(stored(&held.path), acknowledged);
        let failure =
            outcomes[1].1.clone().unwrap_err().into_store_error("write", &held.path, LIMITS.write_wait);
        let source = std::error::Error::source(&failure).unwrap().to_string();
        assert_eq!(
            source,
            format!(
                "no room to write {}: make room on its disk; until then only reading works",
                held.path.display()
            )
        );
        // With room again, it works again.
        held.writer.write(limit(1000)).await.unwrap();
        held.writer.write(insert(4)).await.unwrap();
        assert!(stored(&held.path).contains(&4));
    }

    #[tokio::test]
    async fn more_writes_than_may_wait_are_refused_at_once() {
        let held = Held::new(LIMITS).await;
        let mut waiting = Vec::new();
        for x in 0..8 {
            waiting.push(held.ask(insert(x)).await);
        }
        let refused = held.writer.write(insert(8)).await;
        assert!(matches!(refused, Err(Failure::Fault(Fault::Overloaded { limit: 8 }))));
        drop(held.gate);
        for write in waiting {
            write.await.unwrap().unwrap();
        }
        assert_eq!(stored(&held.path), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[tokio::test]
    async fn a_database_that_stays_locked_fails_the_write_and_not_the_next() {
        let held = Held::new(LIMITS).await;
        let other = Connection::open(&held.path).unwrap();
        drop(held.gate);
        held.writer.write(insert(1)).await.unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let failure = held.writer.write(insert(2)).await.unwrap_err();
        let failure = failure.into_store_error("write", &held.path, LIMITS.write_wait);
        let source = std::error::Error::source(&failure).unwrap().to_string();
        assert!(source.contains("was locked by another process for 20ms"), "{source}");
        other.execute_batch("ROLLBACK").unwrap();
        held.writer.write(insert(3)).await.unwrap();
        assert_eq!(stored(&held.path), [1, 3]);
    }

    #[tokio::test]
    async fn to_drop_the_writer_finishes_what_was_asked_of_it() {
        let held = Held::new(LIMITS).await;
        let mut waiting = Vec::new();
        for x in 0..3 {
            // Whoever asked goes away.
            waiting.push(held.ask(insert(x)).await);
        }
        waiting.iter().for_each(JoinHandle::abort);
        tokio::task::yield_now().await;
        let writer = Arc::into_inner(held.writer).unwrap();
        drop(held.gate);
        drop(writer);
        assert_eq!(stored(&held.path), [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_writer_that_panicked_refuses_and_never_hangs() {
        let held = Held::new(LIMITS).await;
        let panics = held.ask(|_| -> Result<(), Failure> { panic!("on purpose") }).await;
        let waits = held.ask(insert(1)).await;
        assert!(held.writer.is_there().is_ok());
        drop(held.gate);
        assert!(matches!(panics.await.unwrap(), Err(Failure::Fault(Fault::Ended))));
        assert!(matches!(waits.await.unwrap(), Err(Failure::Fault(Fault::Ended))));
        assert!(matches!(held.writer.write(insert(2)).await, Err(Failure::Fault(Fault::Ended))));
        assert_eq!(stored(&held.path), [0_i64; 0]);
    }
}
