//! The figures of requests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_edge::Record;
use metrics::Counter;

const REQUESTS: &str = "countersign_requests_total";
/// By the names of limits, which the configuration gives: nobody who calls can add one.
const OVER_LIMIT: &str = "countersign_over_limit_total";
const DURATION: &str = "countersign_request_duration_seconds";

/// The upper bounds of the histogram of how long requests took.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// Says what the figures are. To be called once they are collected.
pub(super) fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests, by route, verdict and status.");
    metrics::describe_counter!(OVER_LIMIT, "Requests that were over a limit, by its name.");
}

/// The counter of requests like this one. To find it costs more than to note the rest: it is to be kept.
pub(super) fn requests(record: &Record<'_>) -> Counter {
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

/// Counts a request that was over `limit`.
pub(super) fn over_limit(limit: &str) {
    metrics::counter!(OVER_LIMIT, "limit" => limit.to_owned()).increment(1);
}

/// How long requests took. Each worker counts its own, without anything that locks, and they are added up when somebody looks.
#[derive(Default)]
pub(super) struct Durations(Mutex<Vec<Arc<Timings>>>);

/// How long the requests of one worker took.
#[derive(Default)]
pub(super) struct Timings {
    /// How many took up to a bound and more than the one before; last, those that took longer.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// All times together, in nanoseconds.
    sum: AtomicU64,
}

impl Durations {
    /// Those of one more worker.
    pub(super) fn of_a_worker(&self) -> Arc<Timings> {
        let timings = Arc::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&timings));
        timings
    }
}

impl Timings {
    /// Adds a request. To be called by its one worker.
    pub(super) fn add(&self, took: Duration) {
        let place = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        // Nobody else writes, so that this need not be one step, which takes many times as long.
        let add = |to: &AtomicU64, more| {
            to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
        };
        if let Some(count) = self.counts.get(place) {
            add(count, 1);
        }
        add(&self.sum, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// In the text format of Prometheus.
impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = |of: &dyn Fn(&Timings) -> u64| {
            workers.iter().map(|timings| of(timings)).fold(0, u64::wrapping_add)
        };
        writeln!(f, "# HELP {DURATION} From the head of a request to the head of its answer, in seconds.")?;
        writeln!(f, "# TYPE {DURATION} histogram")?;
        let mut count = 0;
        let bounds = BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string()).chain(["+Inf".to_owned()]);
        for (place, bound) in bounds.enumerate() {
            count +=
                all(&|timings| timings.counts.get(place).map_or(0, |count| count.load(Ordering::Relaxed)));
            writeln!(f, "{DURATION}_bucket{{le=\"{bound}\"}} {count}")?;
        }
        let sum = Duration::from_nanos(all(&|timings| timings.sum.load(Ordering::Relaxed)));
        writeln!(f, "{DURATION}_sum {}\n{DURATION}_count {count}\n", sum.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_has_the_requests_of_all_workers_up_to_each_bound() {
        let durations = Durations::default();
        let workers = [durations.of_a_worker(), durations.of_a_worker()];
        for (worker, micros) in [(0, 0), (0, 500), (1, 501), (1, 2_500), (0, 30_000_000), (1, 30_000_001)] {
            workers[worker].add(Duration::from_micros(micros));
        }
        let expected = "\
# HELP countersign_request_duration_seconds From the head of a request to the head of its answer, in seconds.
# TYPE countersign_request_duration_seconds histogram
countersign_request_duration_seconds_bucket{le=\"0.0005\"} 2
countersign_request_duration_seconds_bucket{le=\"0.001\"} 3
countersign_request_duration_seconds_bucket{le=\"0.0025\"} 4
countersign_request_duration_seconds_bucket{le=\"0.005\"} 4
countersign_request_duration_seconds_bucket{le=\"0.01\"} 4
countersign_request_duration_seconds_bucket{le=\"0.025\"} 4
countersign_request_duration_seconds_bucket{le=\"0.05\"} 4
countersign_request_duration_seconds_bucket{le=\"0.1\"} 4
countersign_request_duration_seconds_bucket{le=\"0.25\"} 4
countersign_request_duration_seconds_bucket{le=\"1\"} 4
countersign_request_duration_seconds_bucket{le=\"5\"} 4
countersign_request_duration_seconds_bucket{le=\"30\"} 5
countersign_request_duration_seconds_bucket{le=\"+Inf\"} 6
countersign_request_duration_seconds_sum 60.003502
countersign_request_duration_seconds_count 6

";
        assert_eq!(durations.to_string(), expected);
    }
}
