//! The log and the figures of a running server.
//!
//! Lines go to a writer thread, figures to counters. A line is never dropped; when the reader of the log is slower than the
//! requests, requests wait for it.

use std::io::Write;
use std::time::Duration;

use countersign_gateway::{Server, Upstream};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::LevelFilter;

use super::NotServing;
use super::figures::{DURATION, OVER_LIMIT, REQUESTS};
use super::log_writer::{LogWriter, WriterThread};
use super::request_log::{LineSink, Wanted};
use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::listen::REFUSED_CONNECTIONS;

/// The upper bounds of the histogram of how long requests took, in seconds.
const DURATION_BOUNDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

const BUCKETS: &str = "countersign_rate_buckets";
const CROWDED: &str = "countersign_rate_buckets_crowded";
const FEED_AGE: &str = "countersign_change_feed_age_seconds";
const FEED: &str = "countersign_change_feed_failures_total";
const SERVERS: &str = "countersign_upstream_server_good";

/// What must live as long as the server, so that the last lines are written.
pub(crate) struct Telemetry {
    pub(crate) requests: LineSink,
    pub(crate) figures: PrometheusHandle,
    _writer: WriterThread,
}

impl Telemetry {
    /// Starts the writer thread, installs the log of everything that is not a request, and the figures.
    ///
    /// What is written to `sink` at a time is whole lines. To be called once a process.
    pub(crate) fn start(config: LogConfig, sink: impl Write + Send + 'static) -> Result<Self, NotServing> {
        let (writer, thread) = LogWriter::start(sink)?;
        let level = match config.level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        let events = writer.clone();
        let log = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || events.clone())
            .with_ansi(false);
        match config.format {
            LogFormat::Json => log.json().flatten_event(true).init(),
            LogFormat::Text => log.init(),
        }
        let figures = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &DURATION_BOUNDS)?
            .install_recorder()?;
        metrics::describe_counter!(REQUESTS, "Requests, by route, verdict and status.");
        metrics::describe_histogram!(
            DURATION,
            "From the head of a request to the head of its answer, in seconds."
        );
        metrics::describe_gauge!(
            SERVERS,
            "Servers of upstreams: 1 where requests go there, 0 where they are set aside."
        );
        metrics::describe_counter!(OVER_LIMIT, "Requests that were over a limit, by its name.");
        metrics::describe_gauge!(
            BUCKETS,
            "Callers that are counted now, each by each rate; and strangers' addresses."
        );
        metrics::describe_gauge!(
            CROWDED,
            "How often there was no room to count a caller by itself (limits.rate_buckets)."
        );
        metrics::describe_gauge!(FEED_AGE, "How long ago the change feed was read last.");
        metrics::describe_counter!(
            REFUSED_CONNECTIONS,
            "Connections that were refused before a request was read, by reason."
        );
        metrics::describe_counter!(FEED, "How often storage's change feed could not be read.");
        let wanted = if level >= LevelFilter::INFO { Wanted::Yes } else { Wanted::No };
        let requests = LineSink { writer, format: config.format, wanted };
        Ok(Self { requests, figures, _writer: thread })
    }
}

/// Records whether requests go to a server of an upstream.
pub(crate) fn upstream_server(upstream: &Upstream, server: &Server) {
    let labels = [
        ("upstream", upstream.name().to_owned()),
        ("server", server.host().to_str().unwrap_or_default().to_owned()),
    ];
    metrics::gauge!(SERVERS, &labels).set(if server.standing().is_good() { 1.0 } else { 0.0 });
}

/// Notes how many buckets there are, of those who are known and of strangers, and how often there was no room for one.
pub(crate) fn rate_buckets([known, strangers]: [usize; 2], crowded: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let figure = |count: u64| count as f64;
    metrics::gauge!(BUCKETS, "of" => "known").set(figure(known as u64));
    metrics::gauge!(BUCKETS, "of" => "strangers").set(figure(strangers as u64));
    metrics::gauge!(CROWDED).set(figure(crowded));
}

/// Notes how long ago the change feed was read last: nothing that changed before that is in memory as it was.
pub(crate) fn feed_age(age: Duration) {
    metrics::gauge!(FEED_AGE).set(age.as_secs_f64());
}

/// Counts a failure to read the change feed.
pub(crate) fn feed_failed() {
    metrics::counter!(FEED).increment(1);
}
