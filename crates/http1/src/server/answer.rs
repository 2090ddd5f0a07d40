//! The head of an answer, and how its body is framed.

use countersign_framing::{Outline, Persistence, Version};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::trailers::{Taken, Wanted};
use super::{Body, Broken};
use crate::{Reason, lines};

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
    pub(super) fn of(request: &Request<Body>, outline: &Outline, trailers: Taken) -> Self {
        let method = if request.method() == Method::HEAD { Asking::ForHead } else { Asking::ForContent };
        Self { version: outline.version, method, persistence: outline.persistence, trailers }
    }

    /// What stands in for a request that was refused.
    pub(super) fn nothing() -> Self {
        let (method, trailers) = (Asking::ForContent, Taken::No);
        Self { version: Version::Http11, method, persistence: Persistence::Closes, trailers }
    }
}

/// Writes the head of `response`, which answers what was `asked`: how its body is to be sent, and whether the connection goes
/// on after it. `date` is the line with the date.
///
/// # Errors
///
/// The response is none that ends a request (RFC 9110 section 15.2).
pub(super) fn write<B: http_body::Body>(
    out: &mut Vec<u8>,
    response: &Response<B>,
    asked: &Asked,
    persistence: Persistence,
    date: &[u8],
) -> Result<(Framed, Persistence), Broken> {
    let (status, headers, body) = (response.status(), response.headers(), response.body());
    if status.is_informational() {
        return Err(Broken::Answer);
    }
    let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    let framed = match (asked.method, status, length, asked.version) {
        (Asking::ForHead, ..) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, ..) => Framed::Nothing,
        (Asking::ForContent, _, Some(length), _) => Framed::Sized(length),
        (Asking::ForContent, _, None, Version::Http11) => {
            Framed::Chunked(Wanted::of(asked.trailers, headers))
        }
        (Asking::ForContent, _, None, Version::Http10) => Framed::UntilTheEnd,
    };
    status_line(out, asked.version, status, response.extensions().get());
    let mut said = Said { close: persistence == Persistence::Closes, date: false, length: None };
    for (name, value) in headers {
        match *name {
            header::CONNECTION => said.close |= has_close(value),
            header::CONTENT_LENGTH => said.length = said.length.or(Some(value)),
            header::TRANSFER_ENCODING => {}
            header::TRAILER if !matches!(framed, Framed::Chunked(_)) => {}
            header::DATE => {
                said.date = true;
                lines::field(out, name.as_str(), value.as_bytes());
            }
            _ => lines::field(out, name.as_str(), value.as_bytes()),
        }
    }
    frame(out, &framed, status, length, said.length);
    let persistence =
        if said.close || framed == Framed::UntilTheEnd { Persistence::Closes } else { Persistence::Persists };
    match (asked.version, persistence) {
        (Version::Http11, Persistence::Persists) | (Version::Http10, Persistence::Closes) => {}
        (Version::Http11, Persistence::Closes) => out.extend_from_slice(b"connection: close\r\n"),
        (Version::Http10, Persistence::Persists) => out.extend_from_slice(b"connection: keep-alive\r\n"),
    }
    if !said.date {
        out.extend_from_slice(date);
    }
    out.extend_from_slice(b"\r\n");
    Ok((framed, persistence))
}

/// What the headers of a response say that are not written as they are.
struct Said<'a> {
    close: bool,
    date: bool,
    length: Option<&'a HeaderValue>,
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

/// Writes the line that frames the body. `length` is its length where that is known, `said` what the response says of it.
fn frame(
    out: &mut Vec<u8>,
    framed: &Framed,
    status: StatusCode,
    length: Option<u64>,
    said: Option<&HeaderValue>,
) {
    match (framed, status) {
        (Framed::Sized(length), _) => content_length(out, *length),
        (Framed::Chunked(_), _) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        (Framed::UntilTheEnd, _) | (Framed::Nothing, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {}
        // What a GET would have had, where that is known (RFC 9110 section 8.6).
        (Framed::Nothing, _) => match (said.and_then(plain_number), length) {
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

fn plain_number(value: &HeaderValue) -> Option<u64> {
    let value = value.to_str().ok().filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))?;
    value.parse().ok()
}

fn has_close(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// Writes the end of a body in chunks.
pub(super) fn end_of_chunks(out: &mut Vec<u8>, trailers: Option<(&Wanted, &HeaderMap)>) {
    out.extend_from_slice(b"0\r\n");
    if let Some((wanted, trailers)) = trailers {
        wanted.write(out, trailers);
    }
    out.extend_from_slice(b"\r\n");
}
