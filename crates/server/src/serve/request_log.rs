//! The log of requests: a line each, never with a secret.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use countersign_edge::{DoorName, Record};
use countersign_model::{Address, KeyId, UnixTime};
use countersign_verify::Scheme;

use super::log_writer::LogWriter;
use crate::config::LogFormat;

/// How many bytes of lines a worker puts together before it hands them over.
const BATCH_BYTES: usize = 16 * 1024;

/// Where lines go, and how they look.
#[derive(Clone)]
pub(crate) struct LineSink {
    pub(super) writer: LogWriter,
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
    /// Of the task that hands them over, once it was started.
    waker: Option<Waker>,
}

impl RequestLog {
    pub(super) fn new(sink: LineSink) -> Self {
        let wanted = sink.wanted;
        let waiting = Waiting { sink, lines: Vec::new(), stamp: Stamp::default(), waker: None };
        Self { wanted, waiting: Rc::new(RefCell::new(waiting)) }
    }

    /// Writes down one request that came at `now`. To be called on a task of a [`tokio::runtime::LocalRuntime`].
    pub(super) fn note(&self, record: &Record<'_>, now: UnixTime) {
        if self.wanted == Wanted::No {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.lines.is_empty() {
            // It runs after the tasks that are ready now, whose lines it takes along.
            match &waiting.waker {
                Some(waker) => waker.wake_by_ref(),
                None => drop(tokio::task::spawn_local(handing_over(Rc::downgrade(&self.waiting)))),
            }
        }
        waiting.add(record, now);
        if waiting.lines.len() >= BATCH_BYTES {
            waiting.hand_over();
        }
    }
}

/// Hands over what waits whenever it is woken, for as long as there is a log. One task for all lines: making one is several times as
/// much work as a line.
fn handing_over(waiting: Weak<RefCell<Waiting>>) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let Some(waiting) = waiting.upgrade() else { return Poll::Ready(()) };
        let mut waiting = waiting.borrow_mut();
        waiting.waker.get_or_insert_with(|| cx.waker().clone());
        waiting.hand_over();
        Poll::Pending
    })
}

impl Waiting {
    fn add(&mut self, record: &Record<'_>, now: UnixTime) {
        let line = Line::new(record, self.stamp.at(now));
        match self.sink.format {
            LogFormat::Json => line.json(&mut self.lines),
            LogFormat::Text => {
                let written = line.text(&mut self.lines);
                debug_assert!(written.is_ok(), "memory takes every line");
            }
        }
        self.lines.push(b'\n');
    }

    fn hand_over(&mut self) {
        if !self.lines.is_empty() {
            self.sink.writer.hand_over(&self.lines);
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
struct Line<'a> {
    timestamp: &'a str,
    request_id: &'a str,
    door: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    route: Option<&'a str>,
    verdict: &'static str,
    status: &'a str,
    reason: &'a str,
    detail: &'a str,
    scheme: Option<&'a Scheme>,
    consumer: Option<&'a str>,
    key_id: Option<&'a str>,
    user: Option<Address>,
    limit: Option<&'a str>,
    took_us: u64,
}

impl<'a> Line<'a> {
    fn new(record: &'a Record<'_>, timestamp: &'a str) -> Self {
        let note = record.note;
        Self {
            timestamp,
            request_id: record.request_id.as_str(),
            door: record.door.map(DoorName::as_str),
            method: record.method,
            path: record.path,
            route: note.route.as_ref().map(|route| route.pattern.as_str()),
            verdict: note.outcome.as_str(),
            status: record.status.as_str(),
            reason: note.reason,
            detail: &note.detail,
            scheme: note.scheme.as_ref(),
            consumer: note.app.as_ref().map(|app| app.name().as_str()),
            key_id: note.credential().map(KeyId::as_str),
            user: note.user,
            limit: note.limit.as_deref(),
            took_us: u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl Line<'_> {
    /// One JSON object. What is not known is left out.
    ///
    /// Put together from pieces and not by a serializer, which takes several times as long: there is a line for every request.
    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"timestamp":""#);
        out.extend_from_slice(self.timestamp.as_bytes());
        out.extend_from_slice(br#"","level":"INFO","target":"request""#);
        word(out, "request_id", self.request_id);
        member(out, "method", self.method);
        member(out, "path", self.path);
        if let Some(route) = self.route {
            member(out, "route", route);
        }
        word(out, "verdict", self.verdict);
        out.extend_from_slice(br#","status":"#);
        out.extend_from_slice(self.status.as_bytes());
        self.each_known(|name, value| member(out, name, value));
        out.extend_from_slice(br#","took_us":"#);
        out.extend_from_slice(itoa::Buffer::new().format(self.took_us).as_bytes());
        out.push(b'}');
    }

    /// For eyes: the time, what was asked, what came of it, and whatever else is known. Text that a client chose is quoted,
    /// so that it cannot begin a line of its own.
    fn text(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let Self { timestamp, request_id, method, path, status, verdict, .. } = self;
        write!(out, "{timestamp} {request_id} {method} {path:?} -> {status} {verdict}")?;
        let mut written = Ok(());
        self.each_known(|name, value| {
            if written.is_ok() {
                written = write!(out, " {name}={value:?}");
            }
        });
        written?;
        write!(out, " took={}us", self.took_us)
    }

    /// What is known of some requests only, with its name.
    fn each_known(&self, mut takes: impl FnMut(&'static str, &str)) {
        let mut known = |name, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                takes(name, value);
            }
        };
        known("door", self.door);
        known("reason", Some(self.reason));
        known("scheme", self.scheme.map(ToString::to_string).as_deref());
        known("consumer", self.consumer);
        known("key_id", self.key_id);
        known("user", self.user.map(|user| user.to_string()).as_deref());
        known("limit", self.limit);
        known("detail", Some(self.detail));
    }
}

/// One more member of a JSON object.
#[inline]
fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    if is_plain(value.as_bytes()) {
        word(out, name, value);
    } else {
        escaped(out, name, value);
    }
}

/// One more member of a JSON object, of whose value is known that nothing in it must be escaped: ids and words of ours.
#[inline]
fn word(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

/// Hardly any text has what must be escaped.
#[cold]
fn escaped(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "memory takes every text");
}

/// Whether a text is its own JSON (RFC 8259 section 7) but for the quotes around it. `false` too for all that is not ASCII.
fn is_plain(text: &[u8]) -> bool {
    let (eights, rest) = text.as_chunks();
    let odd = eights.iter().fold(0, |odd, eight| odd | oddities(*eight));
    // What is put behind the rest is plain.
    let mut last = [b' '; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    odd | oddities(last) == 0
}

/// Of eight bytes at a time, which is several times as fast as one by one: not zero if any of them is beyond ASCII, or a control
/// character, a quote or a backslash.
///
/// The highest bit of a byte is set by what is beyond ASCII, and by what is less than what is taken from it. What such a byte
/// borrows from its neighbour can only make more of them odd where there is one already.
const fn oddities(eight: [u8; 8]) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    let eight = u64::from_ne_bytes(eight);
    let control = eight.wrapping_sub(EACH * b' ' as u64);
    let quote = (eight ^ (EACH * b'"' as u64)).wrapping_sub(EACH);
    let backslash = (eight ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    (eight | control | quote | backslash) & HIGHEST
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
            self.text.truncate(self.text.trim_end_matches('Z').len());
            self.text.push('.');
            self.kept = self.text.len();
        }
        self.text.truncate(self.kept);
        let millis = now.millis().rem_euclid(1000);
        for digit in [millis / 100, millis / 10 % 10, millis % 10] {
            self.text.push(u8::try_from(digit).map_or('0', |digit| char::from(b'0' + digit)));
        }
        self.text.push('Z');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_goes_unescaped_where_escaping_would_change_nothing(text in "[ -~]{0,20}|[a-z\"\\\\\0-\u{20}~\u{7f}é]{0,20}") {
            let escaped = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(is_plain(text.as_bytes()), text.is_ascii() && escaped == format!("\"{text}\""));
        }
    }

    #[test]
    fn a_line_is_json_whatever_a_client_put_into_it() {
        let path = "/a\"\\\u{7}é\n";
        let line = Line {
            timestamp: "2026-11-21T12:00:00.123Z",
            request_id: "r-1",
            door: None,
            method: "GET",
            path,
            route: Some("/{*rest}"),
            verdict: "denied",
            status: "401",
            reason: "unknown_key",
            detail: "",
            scheme: Some(&Scheme::ApiKey),
            consumer: None,
            key_id: None,
            user: None,
            limit: None,
            took_us: 17,
        };
        let mut out = Vec::new();
        line.json(&mut out);
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({
            "timestamp": "2026-11-21T12:00:00.123Z", "level": "INFO", "target": "request", "request_id": "r-1",
            "method": "GET", "path": path, "route": "/{*rest}", "verdict": "denied", "status": 401,
            "reason": "unknown_key", "scheme": "api-key", "took_us": 17,
        });
        assert_eq!(read, expected);
    }

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
