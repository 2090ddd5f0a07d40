//! The one thread that writes.
//!
//! To make a commit durable takes much longer than to write it, so all that wait are written together and share one
//! commit. Each is in a savepoint of its own: one that fails takes nothing of the others along.

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

    /// Does `work` in a transaction, and answers when that is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        self.worker.submit(Box::new(Request { work: Some(work), result: None, answer }))?;
        answered.await.unwrap_or(Err(Failure::Fault(Fault::Ended)))
    }
}

/// Does every job of `group` in one transaction. `Err`: nothing of any of them is kept.
fn commit(connection: &Connection, wait: Duration, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let begin = || Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = patiently(wait, begin)?;
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
    /// Does it, and keeps the result. `Err` where it failed and is to be undone.
    fn run(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Tells whoever asked: the result if it was committed.
    fn answer(self: Box<Self>, committed: &Result<(), Failure>);
}

struct Request<Work, T> {
    work: Option<Work>,
    result: Option<Result<T, Failure>>,
    answer: oneshot::Sender<Result<T, Failure>>,
}

impl<Work, T> Job for Request<Work, T>
where
    Work: FnOnce(&Connection) -> Result<T, Failure> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Failure> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = work(connection);
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
