//! Time and instructions of a piece of code.

use std::hint::black_box;
use std::time::{Duration, Instant};

use perf_event::events::Hardware;
use perf_event::{Builder, Counter};

/// How long a round of one operation takes: short, so that most rounds are not interrupted.
const ROUND: Duration = Duration::from_micros(500);

/// Measures. Where the system does not let instructions be counted, they are 0.
pub(crate) struct Meter {
    counter: Option<Counter>,
}

/// What one operation took, on average over one round.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) nanos: f64,
    pub(crate) instructions: f64,
}

/// An operation that runs as often as it is told, and says what that took.
pub(crate) type Operation = Box<dyn FnMut(&mut Meter, u32) -> Sample>;

/// An operation that needs nothing prepared.
pub(crate) fn operation<T>(mut once: impl FnMut() -> T + 'static) -> Operation {
    Box::new(move |meter, count| {
        meter.sample(count, || {
            for _ in 0..count {
                black_box(once());
            }
        })
    })
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { counter: Builder::new(Hardware::INSTRUCTIONS).exclude_kernel(true).build().ok() }
    }

    /// Measures `run`, which does the operation `count` times.
    #[allow(clippy::disallowed_methods, reason = "a clock is what this is about")]
    pub(crate) fn sample(&mut self, count: u32, run: impl FnOnce()) -> Sample {
        if let Some(counter) = &mut self.counter {
            counter.reset().unwrap();
            counter.enable().unwrap();
        }
        let began = Instant::now();
        run();
        let took = began.elapsed();
        let instructions = self.counter.as_mut().map_or(0, |counter| {
            counter.disable().unwrap();
            counter.read().unwrap()
        });
        Sample {
            nanos: took.as_secs_f64() * 1e9 / f64::from(count),
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            instructions: instructions as f64 / f64::from(count),
        }
    }

    /// How often `operation` fits into a round.
    pub(crate) fn calibrate(&mut self, operation: &mut Operation) -> u32 {
        let warm = operation(self, 32);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let count = (ROUND.as_secs_f64() * 1e9 / warm.nanos) as u32;
        count.clamp(4, 10_000)
    }
}

/// The middle one of these.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
