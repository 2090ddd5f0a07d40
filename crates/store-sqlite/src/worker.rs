//! A thread with a bounded queue before it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use crate::Fault;

/// A thread that works off what is submitted to it. To drop it waits until all of that is done.
pub(crate) struct Worker<Job> {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    limit: usize,
}

impl<Job: Send + 'static> Worker<Job> {
    /// Starts the thread `name`, which does `work` and returns from it when the queue has ended. At most `limit` jobs
    /// wait in the queue.
    pub(crate) fn start(
        name: &str,
        limit: usize,
        work: impl FnOnce(&Receiver<Job>) + Send + 'static,
    ) -> io::Result<Self> {
        let limit = limit.max(1);
        let (queue, jobs) = sync_channel(limit);
        let thread = thread::Builder::new().name(name.into()).spawn(move || work(&jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), limit })
    }

    /// Puts a job into the queue. Never waits.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Fault> {
        let queue = self.queue.as_ref().ok_or(Fault::Ended)?;
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Fault::Overloaded { limit: self.limit },
            TrySendError::Disconnected(_) => Fault::Ended,
        })
    }
}

impl<Job> Worker<Job> {
    /// Whether the thread still works: one that panicked does not.
    pub(crate) fn is_there(&self) -> Result<(), Fault> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            Some(_) | None => Err(Fault::Ended),
        }
    }
}

impl<Job> Drop for Worker<Job> {
    fn drop(&mut self) {
        // The end of the queue, after what is in it.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself, and there is nobody here to tell.
            let _ = thread.join();
        }
    }
}
