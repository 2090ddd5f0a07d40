//! The log of requests: a line each, never with a secret.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::io::Write;
use std::rc::Rc;

use countersign_edge::Record;
use countersign_model::{Address, KeyId, UnixTime};
use countersign_verify::Scheme;
use serde::{Serialize, Serializer};
use tracing_appender::non_blocking::NonBlocking;

use crate::config::LogFormat;

/// How many bytes of lines a worker puts together before it hands them over.
pub(super) const BATCH_BYTES: usize = 16 * 1024;

/// Where lines go, and how they look.
#[derive(Clone)]
pub(crate) struct LineSink {
    pub(super) writer: NonBlocking,
    pub(super) format: LogFormat,
    pub(super) wanted: Wanted,
}

/// Whether requests are written down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

/// The log of one worker. Lines that come about in one turn of its runtime are handed to the writer thread together: waking
/// that thread for each costs more than the line.
pub(super) struct RequestLog {
    wanted: Wanted,
    waiting: Rc<RefCell<Waiting>>,
}

/// Lines that were not handed over yet. What is left when this is dropped is handed over then.
struct Waiting {
    sink: LineSink,
    lines: Vec<u8>,
    stamp: Stamp,
}

impl RequestLog {
    pub(super) fn new(sink: LineSink) -> Self {
        let wanted = sink.wanted;
        let waiting = Waiting { sink, lines: Vec::new(), stamp: Stamp::default() };
        Self { wanted, waiting: Rc::new(RefCell::new(waiting)) }
    }

    /// Writes down one request that came at `now`. To be called on a task of a [`tokio::task::LocalSet`].
    pub(super) fn note(&self, record: &Record<'_>, now: UnixTime) {
        if self.wanted == Wanted::No {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.lines.is_empty() {
            // It runs after the tasks that are ready now, whose lines it takes along.
            let waiting = Rc::clone(&self.waiting);
            tokio::task::spawn_local(async move { waiting.borrow_mut().hand_over() });
        }
        waiting.add(record, now);
        if waiting.lines.len() >= BATCH_BYTES {
            waiting.hand_over();
        }
    }
}

impl Waiting {
    fn add(&mut self, record: &Record<'_>, now: UnixTime) {
        let line = Line::new(record, self.stamp.at(now));
        let written = match self.sink.format {
            LogFormat::Json => serde_json::to_writer(&mut self.lines, &line).map_err(Into::into),
            LogFormat::Text => write!(self.lines, "{line}"),
        };
        debug_assert!(written.is_ok(), "memory takes every line");
        self.lines.push(b'\n');
    }

    fn hand_over(&mut self) {
        if !self.lines.is_empty() {
            // The writer thread is gone only when the process ends; there is nobody left to tell.
            let _ended = self.sink.writer.write_all(&self.lines);
            self.lines.clear();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// One request as a line.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
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
    scheme: Option<Shown<&'a Scheme>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Shown<Address>>,
    took_us: u64,
}

impl<'a> Line<'a> {
    fn new(record: &'a Record<'_>, timestamp: &'a str) -> Self {
        let note = record.note;
        Self {
            timestamp,
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
            scheme: note.scheme.as_ref().map(Shown),
            consumer: note.app.as_ref().map(|app| app.name().as_str()),
            key_id: note.credential().map(KeyId::as_str),
            user: note.user.map(Shown),
            took_us: u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// For eyes: the time, what was asked, what came of it, and whatever else is known. Text that a client chose is quoted,
/// so that it cannot begin a line of its own.
impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamp, request_id, method, path, status, verdict, .. } = self;
        write!(f, "{timestamp} {request_id} {method} {path:?} -> {status} {verdict}")?;
        let scheme = self.scheme.as_ref().map(|scheme| scheme.0.to_string());
        let user = self.user.as_ref().map(|user| user.0.to_string());
        let known = [
            ("reason", Some(self.reason).filter(|reason| !reason.is_empty())),
            ("scheme", scheme.as_deref()),
            ("consumer", self.consumer),
            ("key_id", self.key_id),
            ("user", user.as_deref()),
            ("detail", Some(self.detail).filter(|detail| !detail.is_empty())),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                write!(f, " {name}={value:?}")?;
            }
        }
        write!(f, " took={}us", self.took_us)
    }
}

/// Written as it is displayed.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The time as text. Within one second only its end differs.
#[derive(Default)]
struct Stamp {
    second: Option<i64>,
    /// The length of the part that stays for a second.
    kept: usize,
    text: String,
}

impl Stamp {
    /// RFC 3339, with milliseconds.
    fn at(&mut self, now: UnixTime) -> &str {
        if self.second != Some(now.secs()) {
            self.second = Some(now.secs());
            self.text =
                jiff::Timestamp::from_second(now.secs()).map(|time| time.to_string()).unwrap_or_default();
            self.kept = self.text.trim_end_matches('Z').len();
        }
        self.text.truncate(self.kept);
        // Writing to a string cannot fail.
        let _ = fmt::Write::write_fmt(&mut self.text, format_args!(".{:03}Z", now.millis().rem_euclid(1000)));
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_line_is_its_own_to_the_millisecond() {
        let mut stamp = Stamp::default();
        for (millis, text) in [
            (1_795_262_400_123, "2026-11-21T12:00:00.123Z"),
            (1_795_262_400_999, "2026-11-21T12:00:00.999Z"),
            (1_795_262_401_000, "2026-11-21T12:00:01.000Z"),
            (1_795_262_400_007, "2026-11-21T12:00:00.007Z"),
        ] {
            assert_eq!(stamp.at(UnixTime::from_millis(millis)), text);
        }
    }
}
