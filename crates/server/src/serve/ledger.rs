//! What one worker notes of requests: a line in the log of each, and figures.

use std::cell::RefCell;
use std::sync::Arc;

use countersign_edge::{DoorName, Outcome, Record, Route};
use countersign_model::UnixTime;
use http::StatusCode;
use metrics::Counter;
use rustc_hash::FxHashMap;

use super::figures::{self, Durations, Timings};
use super::request_log::{Known, LineSink, RequestLog};

/// How many kinds of requests a worker keeps at hand. When there are more it starts anew, and so lets go of routes that a reload
/// has replaced.
const KEPT_KINDS: usize = 1024;

/// Where workers note requests.
#[derive(Clone)]
pub(crate) struct Noting {
    pub(super) lines: LineSink,
    pub(super) durations: Arc<Durations>,
}

/// What one worker notes at one door.
pub(super) struct Ledger {
    door: Option<DoorName>,
    log: RequestLog,
    timings: Arc<Timings>,
    kinds: RefCell<FxHashMap<Kind, Kept>>,
}

/// What is the same in the lines of many requests, and has one counter. A route is told apart by its address, and so is a reason:
/// where one is written twice in the program, two of these have the same counter.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    route: Option<*const Route>,
    outcome: Outcome,
    reason: *const str,
    status: StatusCode,
}

/// Looking a counter up by its labels costs more than a signature does, and putting these words together more than the rest of a line.
struct Kept {
    counter: Counter,
    words: Known,
    /// For as long as the route is held, no other has its address.
    _route: Option<Arc<Route>>,
}

impl Ledger {
    /// The ledger of a door at which other proxies ask; without a name, that of the reverse proxy.
    pub(super) fn new(noting: Noting, door: Option<DoorName>) -> Self {
        let Noting { lines, durations } = noting;
        Self {
            door,
            log: RequestLog::new(lines),
            timings: durations.of_a_worker(),
            kinds: RefCell::default(),
        }
    }

    /// Notes one request that came at `now`. To be called on a task of a [`tokio::runtime::LocalRuntime`].
    pub(super) fn note(&self, record: &Record<'_>, now: UnixTime) {
        let note = record.note;
        self.timings.add(record.took);
        if let Some(limit) = note.limit() {
            figures::over_limit(limit);
        }
        let kind = Kind {
            route: note.route.as_ref().map(Arc::as_ptr),
            outcome: note.outcome,
            reason: std::ptr::from_ref(note.reason),
            status: record.status,
        };
        let mut kinds = self.kinds.borrow_mut();
        if kinds.len() >= KEPT_KINDS && !kinds.contains_key(&kind) {
            kinds.clear();
        }
        let kept = kinds.entry(kind).or_insert_with(|| Kept {
            counter: figures::requests(record),
            words: Known::of(record, self.door.as_ref()),
            _route: note.route.clone(),
        });
        kept.counter.increment(1);
        self.log.note(record, &kept.words, now);
    }
}
