//! The head of an answer, and how its body is framed.

use countersign_framing::{Outline, Persistence, Version};
use countersign_lines::{AnswerHead, Answered, Connection, Reason};
use http::{HeaderMap, Method, StatusCode};

use super::trailers::{Taken, Wanted};
use super::{Broken, Head};
use crate::lines;

/// What of a request matters to its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) method: Asking,
    pub(super) persistence: Persistence,
    pub(super) trailers: Taken,
}

/// Whether the content of an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// As with any method but `HEAD`.
    ForContent,
    /// As with `HEAD` (RFC 9110 section 9.3.2).
    ForHead,
}

/// How the body of an answer is sent (RFC 9112 section 6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// There is none.
    Nothing,
    /// So many bytes are left.
    Sized(u64),
    /// In chunks.
    Chunked(Wanted),
    /// Until the connection ends, as HTTP/1.0 has it.
    UntilTheEnd,
}

impl Asked {
    pub(super) fn of(head: &Head<'_>, outline: &Outline) -> Self {
        let method = if head.method == Method::HEAD { Asking::ForHead } else { Asking::ForContent };
        let trailers = Taken::said_by(head.headers);
        Self { version: outline.version, method, persistence: outline.persistence, trailers }
    }

    /// What stands in for a request that was refused.
    pub(super) fn nothing() -> Self {
        let (method, trailers) = (Asking::ForContent, Taken::No);
        Self { version: Version::Http11, method, persistence: Persistence::Closes, trailers }
    }
}

/// Writes the head of what is `answered` to what was `asked`: how its body is to be sent, and whether the connection goes
/// on after it. `date` is the line with the date.
///
/// # Errors
///
/// The response is none that ends a request (RFC 9110 section 15.2).
pub(super) fn write<B: http_body::Body>(
    out: &mut Vec<u8>,
    Answered { head, body }: &Answered<B>,
    asked: &Asked,
    persistence: Persistence,
    date: &[u8],
) -> Result<(Framed, Persistence), Broken> {
    let status = head.status();
    if status.is_informational() {
        return Err(Broken::Answer);
    }
    let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    let framed = match (asked.method, status, length, asked.version) {
        (Asking::ForHead, ..) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, ..) => Framed::Nothing,
        (Asking::ForContent, _, Some(length), _) => Framed::Sized(length),
        (Asking::ForContent, _, None, Version::Http11) => Framed::Chunked(Wanted::of(asked.trailers, head)),
        (Asking::ForContent, _, None, Version::Http10) => Framed::UntilTheEnd,
    };
    status_line(out, asked.version, status, head.reason());
    out.extend_from_slice(head.lines().as_bytes());
    frame(out, &framed, head, length);
    let persistence = match (persistence, head.connection(), &framed) {
        (Persistence::Closes, ..) | (_, Connection::Closed, _) | (_, _, Framed::UntilTheEnd) => {
            Persistence::Closes
        }
        (
            Persistence::Persists,
            Connection::Kept,
            Framed::Nothing | Framed::Sized(_) | Framed::Chunked(_),
        ) => Persistence::Persists,
    };
    match (asked.version, persistence) {
        (Version::Http11, Persistence::Persists) | (Version::Http10, Persistence::Closes) => {}
        (Version::Http11, Persistence::Closes) => out.extend_from_slice(b"connection: close\r\n"),
        (Version::Http10, Persistence::Persists) => out.extend_from_slice(b"connection: keep-alive\r\n"),
    }
    if !head.has_date() {
        out.extend_from_slice(date);
    }
    out.extend_from_slice(b"\r\n");
    Ok((framed, persistence))
}

fn status_line(out: &mut Vec<u8>, version: Version, status: StatusCode, reason: Option<&Reason>) {
    match (version, status, reason) {
        (Version::Http11, StatusCode::OK, None) => return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        (Version::Http11, ..) => out.extend_from_slice(b"HTTP/1.1 "),
        (Version::Http10, ..) => out.extend_from_slice(b"HTTP/1.0 "),
    }
    out.extend_from_slice(status.as_str().as_bytes());
    // The space stands there also where no reason follows (RFC 9112 section 4).
    out.push(b' ');
    out.extend_from_slice(match reason {
        Some(reason) => reason.as_bytes(),
        None => status.canonical_reason().unwrap_or_default().as_bytes(),
    });
    out.extend_from_slice(b"\r\n");
}

/// Writes the lines that frame the body, whose length is `length` where that is known.
fn frame(out: &mut Vec<u8>, framed: &Framed, head: &AnswerHead, length: Option<u64>) {
    match (framed, head.status()) {
        (Framed::Sized(length), _) => content_length(out, *length),
        (Framed::Chunked(_), _) => {
            if let Some(lines) = head.trailer_lines() {
                out.extend_from_slice(lines.as_bytes());
            }
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        (Framed::UntilTheEnd, _) | (Framed::Nothing, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {}
        // What a GET would have had, where that is known (RFC 9110 section 8.6).
        (Framed::Nothing, _) => match (head.length(), length) {
            (Some(length), _) | (None, Some(length @ 1..)) => content_length(out, length),
            (None, Some(0) | None) => {}
        },
    }
}

fn content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    lines::decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a body in chunks.
pub(super) fn end_of_chunks(out: &mut Vec<u8>, trailers: Option<(&Wanted, &HeaderMap)>) {
    out.extend_from_slice(b"0\r\n");
    if let Some((wanted, trailers)) = trailers {
        wanted.write(out, trailers);
    }
    out.extend_from_slice(b"\r\n");
}
