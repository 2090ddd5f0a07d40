//! Reading many records, on a thread of its own: a million of them take seconds, which no thread that serves
//! requests has.

use std::io;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::worker::Worker;
use crate::{Fault, Limits};

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The thread that reads lists.
pub(crate) struct Lists {
    worker: Worker<Job>,
}

impl Lists {
    pub(crate) fn start(connection: Connection, limits: Limits) -> io::Result<Self> {
        let worker = Worker::start("store-lists", limits.waiting_lists, move |jobs: &Receiver<Job>| {
            while let Ok(job) = jobs.recv() {
                job(&connection);
            }
        })?;
        Ok(Self { worker })
    }

    /// Does `work` when its turn comes.
    pub(crate) async fn list<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        self.worker.submit(Box::new(move |connection| {
            // Whoever asked may have gone.
            let _ = answer.send(work(connection));
        }))?;
        answered.await.unwrap_or(Err(Failure::Fault(Fault::Ended)))
    }
}
