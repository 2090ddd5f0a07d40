//! The log and the figures of a running server.
//!
//! Both leave the request's thread at once: lines go to a writer thread, figures to counters. A line is never dropped;
//! when the reader of the log is slower than the requests, requests wait for it.

use std::io::Write;

use countersign_edge::Record;
use countersign_model::{KeyId, UnixTime};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use crate::config::{LogConfig, LogFormat, LogLevel};

/// The most lines that wait for the writer thread.
const WAITING_LINES: usize = 65_536;

/// The upper bounds of the histogram of how long requests took, in seconds.
const DURATION_BOUNDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

const REQUESTS: &str = "countersign_requests_total";
const DURATION: &str = "countersign_request_duration_seconds";
const FEED: &str = "countersign_change_feed_failures_total";

/// Where requests are written down.
#[derive(Clone)]
pub(crate) struct RequestLog {
    writer: NonBlocking,
    format: LogFormat,
    enabled: bool,
}

/// What must live as long as the server, so that the last lines are written.
pub(crate) struct Telemetry {
    pub(crate) requests: RequestLog,
    pub(crate) figures: PrometheusHandle,
    _writer: WorkerGuard,
}

/// One request as a line of the log.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    target: &'static str,
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    verdict: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    took_us: u64,
}

impl Telemetry {
    /// Starts the writer thread, installs the log of everything that is not a request, and the figures.
    ///
    /// Lines are written to `sink`, each in one piece. To be called once a process.
    pub(crate) fn start(config: LogConfig, sink: impl Write + Send + 'static) -> Result<Self, BuildError> {
        let (writer, guard) =
            NonBlockingBuilder::default().lossy(false).buffered_lines_limit(WAITING_LINES).finish(sink);
        let level = match config.level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        let log =
            tracing_subscriber::fmt().with_max_level(level).with_writer(writer.clone()).with_ansi(false);
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
        metrics::describe_counter!(FEED, "How often storage's change feed could not be read.");
        let requests = RequestLog { writer, format: config.format, enabled: level >= LevelFilter::INFO };
        Ok(Self { requests, figures, _writer: guard })
    }
}

/// Counts a failure to read the change feed.
pub(crate) fn feed_failed() {
    metrics::counter!(FEED).increment(1);
}

impl RequestLog {
    /// Writes down and counts one request that was answered at `now`.
    pub(crate) fn note(&self, record: &Record<'_>, now: UnixTime) {
        count(record);
        if self.enabled {
            let mut line = self.line(record, now);
            line.push(b'\n');
            // The writer thread is gone only when the process ends; there is nobody left to tell.
            let _ended = self.writer.clone().write_all(&line);
        }
    }

    fn line(&self, record: &Record<'_>, now: UnixTime) -> Vec<u8> {
        let note = record.note;
        let line = Line {
            timestamp: timestamp(now),
            level: "INFO",
            target: "request",
            request_id: record.request_id.as_str(),
            method: record.method.as_str(),
            path: record.path,
            route: note.route.as_ref().map(|route| route.pattern.as_str()),
            verdict: note.outcome.as_str(),
            status: record.status.as_u16(),
            reason: note.reason,
            detail: &note.detail,
            scheme: note.scheme.as_ref().map(ToString::to_string),
            consumer: note.app.as_ref().map(|app| app.name().as_str()),
            key_id: note.credential().map(KeyId::as_str),
            user: note.user.map(|user| user.to_string()),
            took_us: u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
        };
        match self.format {
            LogFormat::Json => serde_json::to_vec(&line).unwrap_or_default(),
            LogFormat::Text => line.text().into_bytes(),
        }
    }
}

impl Line<'_> {
    /// For eyes: the time, what was asked, what came of it, and whatever else is known. Text that a client chose is quoted,
    /// so that it cannot begin a line of its own.
    fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!(
            "{} {} {} {:?} -> {} {}",
            self.timestamp, self.request_id, self.method, self.path, self.status, self.verdict
        );
        let known = [
            ("reason", Some(self.reason).filter(|reason| !reason.is_empty())),
            ("scheme", self.scheme.as_deref()),
            ("consumer", self.consumer),
            ("key_id", self.key_id),
            ("user", self.user.as_deref()),
            ("detail", Some(self.detail).filter(|detail| !detail.is_empty())),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(text, " {name}={value:?}");
            }
        }
        let _ = write!(text, " took={}us", self.took_us);
        text
    }
}

fn timestamp(now: UnixTime) -> String {
    jiff::Timestamp::from_millisecond(now.millis()).map(|time| format!("{time:.3}")).unwrap_or_default()
}

fn count(record: &Record<'_>) {
    let note = record.note;
    let route = note.route.as_ref().map_or_else(String::new, |route| route.pattern.clone());
    let verdict = note.outcome.as_str();
    let status = record.status.as_str().to_owned();
    metrics::counter!(REQUESTS, "route" => route, "verdict" => verdict, "reason" => note.reason, "status" => status)
        .increment(1);
    metrics::histogram!(DURATION).record(record.took.as_secs_f64());
}
