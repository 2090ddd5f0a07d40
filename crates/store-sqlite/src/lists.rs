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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use tokio::task::JoinHandle;

    use super::*;

    /// Asks for a list, and does not wait for it.
    fn ask(
        lists: &Arc<Lists>,
        work: impl FnOnce(&Connection) -> Result<i64, Failure> + Send + 'static,
    ) -> JoinHandle<Result<i64, Failure>> {
        let lists = lists.clone();
        tokio::spawn(async move { lists.list(work).await })
    }

    #[tokio::test]
    async fn more_lists_than_may_wait_are_refused_at_once() {
        let limits = Limits { waiting_lists: 2, ..Limits::COMMAND };
        let lists = Arc::new(Lists::start(Connection::open_in_memory().unwrap(), limits).unwrap());
        let (release, released) = mpsc::channel::<()>();
        let (taken, is_taken) = oneshot::channel();
        let first = ask(&lists, move |_| {
            taken.send(()).unwrap();
            released.recv().unwrap();
            Ok(0)
        });
        is_taken.await.unwrap();
        let waiting = [ask(&lists, |_| Ok(1)), ask(&lists, |_| Ok(2))];
        // There is one thread: now both are in the queue.
        tokio::task::yield_now().await;
        let refused = lists.list(|_| Ok(3)).await;
        assert!(matches!(refused, Err(Failure::Fault(Fault::Overloaded { limit: 2 }))));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 0);
        for (answer, expected) in waiting.into_iter().zip([1, 2]) {
            assert_eq!(answer.await.unwrap().unwrap(), expected);
        }
    }
}
