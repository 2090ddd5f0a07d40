//! The log and the figures of a running server.
//!
//! Lines go to a writer thread, figures to counters. While the server runs no line is dropped: where the reader of the log is slower
//! than the requests for so long that megabytes wait, requests wait for it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use countersign_gateway::{Server, Upstream};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::LevelFilter;

use super::NotServing;
use super::figures::{self, Durations};
use super::ledger::Noting;
use super::log_writer::{LogWriter, WriterThread};
use super::request_log::{LineSink, Wanted};
use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::listen::REFUSED_CONNECTIONS;

const BUCKETS: &str = "countersign_rate_buckets";
const CROWDED: &str = "countersign_rate_buckets_crowded";
const FEED_AGE: &str = "countersign_change_feed_age_seconds";
const FEED: &str = "countersign_change_feed_failures_total";
const SERVERS: &str = "countersign_upstream_server_good";

/// What must live as long as the server, so that the last lines are written.
pub(crate) struct Telemetry {
    pub(crate) requests: Noting,
    pub(crate) figures: Figures,
    _writer: WriterThread,
}

/// What whoever looks at the figures is shown.
#[derive(Clone)]
pub(crate) struct Figures {
    registry: PrometheusHandle,
    durations: Arc<Durations>,
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
        let registry = PrometheusBuilder::new().install_recorder()?;
        figures::describe();
        metrics::describe_gauge!(
            SERVERS,
            "Servers of upstreams: 1 where requests go there, 0 where they are set aside."
        );
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
        let lines = LineSink { writer, format: config.format, wanted };
        let durations = Arc::default();
        let figures = Figures { registry, durations: Arc::clone(&durations) };
        Ok(Self { requests: Noting { lines, durations }, figures, _writer: thread })
    }
}

impl Figures {
    /// All of them, in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        format!("{}{}", self.registry.render(), self.durations)
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
