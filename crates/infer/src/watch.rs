//! Who watches a search, and may end it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Strings that were hashed and compared.
    pub tried: u64,
    /// How unlikely what is tried now is: begins with 0 and grows.
    pub depth: u8,
    /// How many samples are understood.
    pub solved: usize,
    /// How many there are.
    pub samples: usize,
}

/// Watches a search. It is asked every few thousand candidates, from any thread.
pub trait Watch: Sync {
    /// Whether to go on.
    fn go_on(&self, progress: Progress) -> ControlFlow<()>;
}

/// Lets the search go on to its own limit.
impl Watch for () {
    fn go_on(&self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// How often the watcher is asked, in candidates.
const EVERY: usize = 4096;
/// So many bytes are as much work as one more candidate.
const EFFORT_BYTES: usize = 1024;

/// What one thread has not counted yet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Own {
    tried: u64,
    effort: usize,
}

/// What the threads of a search share.
pub(crate) struct Counter<'w> {
    watch: &'w dyn Watch,
    limit: u64,
    tried: AtomicU64,
    ended: AtomicBool,
}

/// Where the search stands, for the watcher.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) depth: u8,
    pub(crate) solved: usize,
    pub(crate) samples: usize,
}

impl<'w> Counter<'w> {
    pub(crate) fn new(watch: &'w dyn Watch, limit: u64) -> Self {
        Self { watch, limit, tried: AtomicU64::new(0), ended: AtomicBool::new(false) }
    }

    /// A counter for a part of the work that has a limit of its own.
    pub(crate) fn within(&self, limit: u64) -> Self {
        Self::new(self.watch, limit.min(self.limit.saturating_sub(self.tried())))
    }

    /// Adds what a part of the work tried.
    pub(crate) fn add(&self, tried: u64) {
        self.tried.fetch_add(tried, Ordering::Relaxed);
    }

    pub(crate) fn tried(&self) -> u64 {
        self.tried.load(Ordering::Relaxed)
    }

    /// Whether the limit is reached, or the watcher said so.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Counts a candidate of `bytes` bytes.
    pub(crate) fn count(&self, own: &mut Own, bytes: usize, stage: Stage) -> ControlFlow<()> {
        own.tried += 1;
        own.effort += 1 + bytes / EFFORT_BYTES;
        if own.effort < EVERY { ControlFlow::Continue(()) } else { self.settle(own, stage) }
    }

    /// Adds what a thread has not counted yet, and asks the watcher.
    pub(crate) fn settle(&self, own: &mut Own, stage: Stage) -> ControlFlow<()> {
        let tried = self.tried.fetch_add(own.tried, Ordering::Relaxed) + own.tried;
        *own = Own::default();
        let Stage { depth, solved, samples } = stage;
        if self.ended()
            || tried >= self.limit
            || self.watch.go_on(Progress { tried, depth, solved, samples }).is_break()
        {
            self.ended.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
