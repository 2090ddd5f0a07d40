//! The log of requests: a line each, never with a secret.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use countersign_edge::{DoorName, Record};
use countersign_model::UnixTime;

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

/// The log of one worker. Lines that come about in one turn of its runtime are handed over together, after the answers of that turn.
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

/// What stands in the line of every request of one kind.
pub(super) struct Known {
    door: Option<DoorName>,
    /// The members from the route to the reason.
    json: Vec<u8>,
}

impl RequestLog {
    pub(super) fn new(sink: LineSink) -> Self {
        let (wanted, stamp) = (sink.wanted, Stamp::new(sink.format));
        let waiting = Waiting { sink, lines: Vec::new(), stamp, waker: None };
        Self { wanted, waiting: Rc::new(RefCell::new(waiting)) }
    }

    /// Writes down one request that came at `now`. To be called on a task of a [`tokio::runtime::LocalRuntime`].
    pub(super) fn note(&self, record: &Record<'_>, known: &Known, now: UnixTime) {
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
        let Waiting { sink, lines, stamp, .. } = &mut *waiting;
        add(lines, record, known, stamp.at(now), sink.format);
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

/// Adds the line of a request that begins with `stamp`.
fn add(out: &mut Vec<u8>, record: &Record<'_>, known: &Known, stamp: &[u8], format: LogFormat) {
    out.extend_from_slice(stamp);
    match format {
        LogFormat::Json => json(out, record, known),
        LogFormat::Text => {
            let written = text(out, record, known);
            debug_assert!(written.is_ok(), "memory takes every line");
        }
    }
    out.push(b'\n');
}

impl Known {
    /// Of a request as those of its kind are.
    pub(super) fn of(record: &Record<'_>, door: Option<&DoorName>) -> Self {
        let (note, mut json) = (record.note, Vec::new());
        if let Some(route) = &note.route {
            member(&mut json, "route", &route.pattern);
        }
        member(&mut json, "verdict", note.outcome.as_str());
        json.extend_from_slice(br#","status":"#);
        json.extend_from_slice(record.status.as_str().as_bytes());
        known_members(record, door, |name, value| member(&mut json, name, value));
        Self { door: door.cloned(), json }
    }
}

/// What begins a line in JSON, but for the time.
const JSON: (&str, &str) = (r#"{"timestamp":""#, r#"","level":"INFO","target":"request","request_id":""#);

/// The rest of a line in JSON, from the value of the request id on. What is not known is left out.
///
/// Put together from pieces and not by a serializer, which takes several times as long: there is a line for every request.
fn json(out: &mut Vec<u8>, record: &Record<'_>, known: &Known) {
    // In an id, nothing must be escaped.
    out.extend_from_slice(record.request_id.as_bytes());
    out.extend_from_slice(br#"","method":""#);
    content(out, record.method);
    out.extend_from_slice(br#"","path":""#);
    content(out, record.path);
    out.push(b'"');
    out.extend_from_slice(&known.json);
    own_members(record, |name, value| member(out, name, value));
    out.extend_from_slice(br#","took_us":"#);
    out.extend_from_slice(itoa::Buffer::new().format(micros(record)).as_bytes());
    out.push(b'}');
}

/// The rest of a line for eyes, after the time: what was asked, what came of it, and whatever else is known. Text that a client chose
/// is quoted, so that it cannot begin a line of its own.
fn text(out: &mut Vec<u8>, record: &Record<'_>, known: &Known) -> io::Result<()> {
    let Record { request_id, method, path, status, note, .. } = record;
    let (status, verdict) = (status.as_str(), note.outcome.as_str());
    write!(out, "{request_id} {method} {path:?} -> {status} {verdict}")?;
    let mut written = Ok(());
    let mut add = |name: &str, value: &str| {
        if written.is_ok() {
            written = write!(out, " {name}={value:?}");
        }
    };
    known_members(record, known.door.as_ref(), &mut add);
    own_members(record, &mut add);
    written?;
    write!(out, " took={}us", micros(record))
}

/// What is known of some kinds of requests only, with its name.
fn known_members(record: &Record<'_>, door: Option<&DoorName>, mut takes: impl FnMut(&'static str, &str)) {
    if let Some(door) = door {
        takes("door", door.as_str());
    }
    if !record.note.reason.is_empty() {
        takes("reason", record.note.reason);
    }
}

/// What is known of some requests only, with its name.
fn own_members(record: &Record<'_>, mut takes: impl FnMut(&'static str, &str)) {
    let note = record.note;
    if let Some(scheme) = note.scheme() {
        takes("scheme", &scheme.to_string());
    }
    if let Some(app) = &note.app {
        takes("consumer", app.name().as_str());
    }
    if let Some(key_id) = note.credential() {
        takes("key_id", key_id.as_str());
    }
    if let Some(user) = note.user {
        takes("user", &user.to_string());
    }
    if let Some(limit) = note.limit() {
        takes("limit", limit);
    }
    if !note.detail().is_empty() {
        takes("detail", note.detail());
    }
}

fn micros(record: &Record<'_>) -> u64 {
    u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX)
}

/// One more member of a JSON object.
#[inline]
fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    content(out, text);
    out.push(b'"');
}

/// What stands between the quotes of a text in JSON.
#[inline]
fn content(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escaped(out, text);
    }
}

/// Hardly any text has what must be escaped.
#[cold]
fn escaped(out: &mut Vec<u8>, text: &str) {
    // A text is written without fail, and with quotes around it.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let quoted = quoted.as_bytes();
    out.extend_from_slice(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

/// One in each byte.
const EACH: u64 = u64::from_ne_bytes([1; 8]);

/// Whether a text is its own JSON (RFC 8259 section 7) but for the quotes around it. `false` too for all that is not ASCII.
fn is_plain(text: &[u8]) -> bool {
    let (eights, rest) = text.as_chunks();
    let odd = eights.iter().fold(0, |odd, eight| odd | oddities(u64::from_ne_bytes(*eight)));
    // Of what is left, some is looked at twice, which costs less than to look at each byte by itself.
    let last = if let Some(last) = text.last_chunk() {
        u64::from_ne_bytes(*last)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first)) << 32 | u64::from(u32::from_ne_bytes(*last))
    } else {
        rest.iter().fold(EACH * u64::from(b' '), |last, byte| last << 8 | u64::from(*byte))
    };
    odd | oddities(last) == 0
}

/// Of eight bytes at a time, which is several times as fast as one by one: not zero if any of them is beyond ASCII, or a control
/// character, a quote or a backslash.
///
/// The highest bit of a byte is set by what is beyond ASCII, and by what is less than what is taken from it. What such a byte
/// borrows from its neighbour can only make more of them odd where there is one already.
const fn oddities(eight: u64) -> u64 {
    const HIGHEST: u64 = EACH << 7;
    let control = eight.wrapping_sub(EACH * b' ' as u64);
    let quote = (eight ^ (EACH * b'"' as u64)).wrapping_sub(EACH);
    let backslash = (eight ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    (eight | control | quote | backslash) & HIGHEST
}

/// What a line begins with: the time, and what is around it. Within one second only its milliseconds differ.
struct Stamp {
    second: Option<i64>,
    around: (&'static str, &'static str),
    /// Where the milliseconds are.
    millis: usize,
    text: Vec<u8>,
}

impl Stamp {
    const fn new(format: LogFormat) -> Self {
        let around = match format {
            LogFormat::Json => JSON,
            LogFormat::Text => ("", " "),
        };
        Self { second: None, around, millis: 0, text: Vec::new() }
    }

    /// RFC 3339, with milliseconds.
    fn at(&mut self, now: UnixTime) -> &[u8] {
        if self.second != Some(now.secs()) {
            self.second = Some(now.secs());
            let time = jiff::Timestamp::from_second(now.secs()).map(|time| time.to_string());
            let (before, after) = self.around;
            let whole = format!("{before}{}.", time.as_deref().unwrap_or_default().trim_end_matches('Z'));
            self.millis = whole.len();
            self.text = format!("{whole}000Z{after}").into_bytes();
        }
        let millis = now.millis().rem_euclid(1000);
        let digits = [millis / 100, millis / 10 % 10, millis % 10];
        if let Some(places) = self.text.get_mut(self.millis..) {
            for (place, digit) in places.iter_mut().zip(digits) {
                *place = u8::try_from(digit).map_or(b'0', |digit| b'0' + digit);
            }
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use countersign_edge::{Credentials, Doors, LongBodies, Note, RequestId, Route};
    use countersign_model::{Entropy, KeyId, Scopes};
    use countersign_verify::{
        Accept, Denial, Failure, Reason, Requirement, Scheme, SignatureUse, UnsignedQuery,
    };
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_goes_unescaped_where_escaping_would_change_nothing(text in "[ -~]{0,20}|[a-z\"\\\\\0-\u{20}~\u{7f}é]{0,20}") {
            let escaped = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(is_plain(text.as_bytes()), text.is_ascii() && escaped == format!("\"{text}\""));
        }
    }

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    /// The line of a request for `path` that is like this otherwise.
    fn line(format: LogFormat, door: Option<&str>, path: &str, note: &Note) -> String {
        let record = Record {
            request_id: &RequestId::random(&Sevens),
            method: "GET",
            path,
            status: StatusCode::UNAUTHORIZED,
            took: Duration::from_micros(17),
            note,
        };
        let known = Known::of(&record, door.map(DoorName::new).as_ref());
        let mut out = Vec::new();
        add(
            &mut out,
            &record,
            &known,
            Stamp::new(format).at(UnixTime::from_millis(1_795_262_400_123)),
            format,
        );
        String::from_utf8(out).unwrap()
    }

    fn refused() -> Note {
        let (scopes, accept) = (Scopes::default(), Accept::Any(vec![Scheme::ApiKey]));
        let route = Route {
            methods: Vec::new(),
            pattern: "/{*rest}".to_owned(),
            requirement: Requirement::new(accept, scopes, UnsignedQuery::Allow, SignatureUse::AsDialect)
                .unwrap(),
            doors: Doors::All,
            upstream: None,
            credentials: Credentials::Remove,
            body_limit: None,
            long_bodies: LongBodies::SpoolFirst,
        };
        let key_id = Some(KeyId::parse("csk\"1").unwrap());
        let denial = Denial { scheme: Some(Scheme::ApiKey), key_id, reason: Reason::UnknownKey };
        Note::refused(Arc::new(route), &Failure::Denied(denial))
    }

    #[test]
    fn a_line_has_each_thing_at_its_place_and_what_is_not_known_is_left_out() {
        let stamp = r#"{"timestamp":"2026-11-21T12:00:00.123Z","level":"INFO","target":"request","#;
        let id = r#""request_id":"07070707-0707-4707-8707-070707070707","method":"GET","path":"/a/b","#;
        for (door, note, rest) in [
            (None, Note::answered("", String::new()), r#""verdict":"answered","status":401,"took_us":17}"#),
            (
                Some("nginx"),
                refused(),
                r#""route":"/{*rest}","verdict":"denied","status":401,"door":"nginx","reason":"unknown_key","scheme":"api-key","key_id":"csk\"1","detail":"unknown key","took_us":17}"#,
            ),
        ] {
            assert_eq!(line(LogFormat::Json, door, "/a/b", &note), format!("{stamp}{id}{rest}\n"));
        }
    }

    #[test]
    fn a_line_is_json_whatever_a_client_put_into_it() {
        for path in ["/a\"\\\u{7}é\n", "/", "\"", "/1234567", "/12345678\"", "\"/2345678"] {
            let line = line(LogFormat::Json, None, path, &refused());
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!((read["path"].as_str(), read["took_us"].as_u64()), (Some(path), Some(17)));
            assert_eq!(line.matches('\n').count(), 1);
        }
    }

    #[test]
    fn a_line_for_eyes_quotes_what_a_client_chose() {
        assert_eq!(
            line(LogFormat::Text, Some("nginx"), "/a\n", &refused()),
            "2026-11-21T12:00:00.123Z 07070707-0707-4707-8707-070707070707 GET \"/a\\n\" -> 401 denied door=\"nginx\" \
             reason=\"unknown_key\" scheme=\"api-key\" key_id=\"csk\\\"1\" detail=\"unknown key\" took=17us\n"
        );
    }

    #[test]
    fn the_time_of_a_line_is_its_own_to_the_millisecond() {
        let mut stamp = Stamp::new(LogFormat::Text);
        for (millis, text) in [
            (1_795_262_400_123, "2026-11-21T12:00:00.123Z "),
            (1_795_262_400_999, "2026-11-21T12:00:00.999Z "),
            (1_795_262_401_000, "2026-11-21T12:00:01.000Z "),
            (1_795_262_400_007, "2026-11-21T12:00:00.007Z "),
        ] {
            assert_eq!(stamp.at(UnixTime::from_millis(millis)), text.as_bytes());
        }
    }
}
