//! The figures of requests, as one worker keeps them.

use std::cell::RefCell;
use std::sync::Arc;

use countersign_edge::{Outcome, Record, Route};
use http::StatusCode;
use metrics::{Counter, Histogram};
use rustc_hash::FxHashMap;

pub(super) const REQUESTS: &str = "countersign_requests_total";
/// By the names of limits, which the configuration gives: nobody who calls can add one.
pub(super) const OVER_LIMIT: &str = "countersign_over_limit_total";
pub(super) const DURATION: &str = "countersign_request_duration_seconds";

/// How many counters a worker keeps at hand. When there are more it starts anew, and so lets go of routes that a reload
/// has replaced.
const KEPT_COUNTERS: usize = 1024;

/// Counts requests. Looking a counter up by its labels costs more than a signature does; those that were used are kept.
pub(super) struct Figures {
    counters: RefCell<FxHashMap<Kind, Kept>>,
    duration: Histogram,
}

/// What a counter counts. A route is told apart by its address, and so is a reason: where one is written twice in the program, two
/// of these have the same counter.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    route: Option<*const Route>,
    outcome: Outcome,
    reason: *const str,
    status: StatusCode,
}

struct Kept {
    counter: Counter,
    /// For as long as the route is held, no other has its address.
    _route: Option<Arc<Route>>,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self { counters: RefCell::default(), duration: metrics::histogram!(DURATION) }
    }

    /// Counts one request.
    pub(super) fn count(&self, record: &Record<'_>) {
        self.duration.record(record.took.as_secs_f64());
        let note = record.note;
        if let Some(limit) = &note.limit {
            metrics::counter!(OVER_LIMIT, "limit" => limit.to_string()).increment(1);
        }
        let kind = Kind {
            route: note.route.as_ref().map(Arc::as_ptr),
            outcome: note.outcome,
            reason: std::ptr::from_ref(note.reason),
            status: record.status,
        };
        let mut counters = self.counters.borrow_mut();
        if let Some(kept) = counters.get(&kind) {
            kept.counter.increment(1);
            return;
        }
        if counters.len() >= KEPT_COUNTERS {
            counters.clear();
        }
        let counter = counter(record);
        counter.increment(1);
        counters.insert(kind, Kept { counter, _route: note.route.clone() });
    }
}

fn counter(record: &Record<'_>) -> Counter {
    let note = record.note;
    let route = note.route.as_ref().map_or_else(String::new, |route| route.pattern.clone());
    metrics::counter!(
        REQUESTS,
        "route" => route,
        "verdict" => note.outcome.as_str(),
        "reason" => note.reason,
        "status" => record.status.as_str().to_owned()
    )
}
