//! A request as HTTP/1.1 writes it (RFC 9112), its lines ended by CRLF or, as editors leave them, LF.

use crate::captured::{Body, Captured, Form};
use crate::head::{Head, lines};
use crate::unreadable::{Unreadable, shown};

pub(crate) fn read(text: &[u8]) -> Result<Captured, Unreadable> {
    let mut head = Vec::new();
    // Where the body begins: its line, and its offset.
    let (mut line, mut start) = (1, text.len());
    for (number, one, end) in lines(text) {
        line = number;
        if !one.is_empty() {
            head.push((number, one));
        } else if !head.is_empty() {
            start = end;
            break;
        }
    }
    let rest = text.get(start..).unwrap_or_default();
    line += usize::from(!rest.is_empty());
    let head = Head::read(head)?;
    let body = body(&head, line, rest)?;
    Ok(of_head(head, body, Form::Message))
}

/// A request of a head and a body, of which nothing else is known.
pub(crate) fn of_head(head: Head, body: Body, form: Form) -> Captured {
    let Head { method, scheme, host, target, fields } = head;
    Captured {
        form,
        name: None,
        method,
        scheme,
        host,
        target,
        fields,
        body,
        at: None,
        secret: None,
        odd: None,
    }
}

/// The body among what follows the head. `line` is where that begins.
pub(crate) fn body(head: &Head, line: usize, rest: &[u8]) -> Result<Body, Unreadable> {
    if head.is_chunked() {
        // Many tools show a body that came in chunks without them.
        return Ok(Body::Whole(unchunked(rest).unwrap_or_else(|| rest.to_vec())));
    }
    let length = head.content_length().map_err(|value| {
        let found = format!("Content-Length says {}", shown(value.as_bytes()));
        Unreadable::new(line, found, "one Content-Length: the number of bytes of the body")
    })?;
    let Some(length) = length else { return Ok(Body::Whole(rest.to_vec())) };
    let short = || {
        let found = format!("the body holds {} bytes, and Content-Length says {length}", rest.len());
        Unreadable::new(line, found, "the body as it was sent, byte for byte, or no Content-Length")
    };
    let whole = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    match whole {
        // Editors end a file with a line end.
        Some((body, after)) if after.iter().all(u8::is_ascii_whitespace) => Ok(Body::Whole(body.to_vec())),
        None if rest.trim_ascii().is_empty() => Ok(Body::NotShown { bytes: Some(length) }),
        Some(_) | None => Err(short()),
    }
}

/// A body out of its chunks (RFC 9112 section 7.1); `None` where it is not in chunks to its end.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (_, line, end) = lines(rest).next()?;
        let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        rest = rest.get(end..)?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scheme;

    fn body_of(text: &str) -> Body {
        read(text.as_bytes()).unwrap().body
    }

    fn why(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_is_taken_byte_for_byte() {
        let text = "POST /v1/a%20b//?b=2&&a HTTP/1.1\r\nHost: api.example:8443\r\nX-One:  1 \r\nx-ONE:2\r\n\r\n{\"a\" : 1}\r\n\r\n";
        let one = read(text.as_bytes()).unwrap();
        assert_eq!((one.method.as_str(), one.target.as_str()), ("POST", "/v1/a%20b//?b=2&&a"));
        assert_eq!(one.host, "api.example:8443");
        assert_eq!(one.scheme, None);
        let fields: Vec<_> =
            one.fields.iter().map(|field| (field.name.as_str(), field.value.to_str().unwrap())).collect();
        assert_eq!(fields, [("Host", "api.example:8443"), ("X-One", "1"), ("x-ONE", "2")]);
        assert_eq!(one.body, Body::Whole(b"{\"a\" : 1}\r\n\r\n".to_vec()));
    }

    #[test]
    fn a_target_may_be_a_whole_url() {
        let one = read(b"GET https://api.example/v1 HTTP/1.1\n\n").unwrap();
        assert_eq!(
            (one.scheme, one.host.as_str(), one.target.as_str()),
            (Some(Scheme::Https), "api.example", "/v1")
        );
    }

    #[test]
    fn content_length_says_where_the_body_ends() {
        assert_eq!(body_of("POST / HTTP/1.1\nContent-Length: 3\n\nabc\n"), Body::Whole(b"abc".to_vec()));
        assert_eq!(body_of("POST / HTTP/1.1\nContent-Length: 4\n\nabc\n"), Body::Whole(b"abc\n".to_vec()));
        assert_eq!(body_of("POST / HTTP/1.1\n\nabc\n"), Body::Whole(b"abc\n".to_vec()));
        assert_eq!(body_of("POST / HTTP/1.1"), Body::Whole(Vec::new()));
    }

    #[test]
    fn a_body_that_is_not_there_is_told_from_an_empty_one() {
        assert_eq!(body_of("POST / HTTP/1.1\nContent-Length: 3\n\n"), Body::NotShown { bytes: Some(3) });
        assert_eq!(body_of("POST / HTTP/1.1\nContent-Length: 0\n\n"), Body::Whole(Vec::new()));
    }

    #[test]
    fn a_body_that_is_cut_or_goes_on_is_refused_with_both_lengths() {
        let told = "line 4: the body holds 3 bytes, and Content-Length says 9";
        assert!(why("POST / HTTP/1.1\nContent-Length: 9\n\nabc").starts_with(told));
        let told = "line 4: the body holds 4 bytes, and Content-Length says 3";
        assert!(why("POST / HTTP/1.1\nContent-Length: 3\n\nabcd").starts_with(told));
    }

    #[test]
    fn chunks_are_put_together_where_they_are_shown() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(body_of(&format!("{head}3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")), Body::Whole(b"abcd".to_vec()));
        assert_eq!(body_of(&format!("{head}abc")), Body::Whole(b"abc".to_vec()));
    }

    #[test]
    fn what_is_no_request_is_told_with_its_line_and_what_would_do() {
        assert!(why("HTTP/1.1 200 OK\n\n").starts_with("line 1: `HTTP/1.1 200 OK` begins an answer"));
        assert!(why("\nhello\n").starts_with("line 2: `hello` names no path"));
        assert!(why("GET / HTTP/1.1\nHost: a\nnonsense\n\n").starts_with("line 3: `nonsense` is no header"));
        assert!(why("GET / HTTP/1.1\nA: b\n c\n\n").starts_with("line 3: ` c` continues the line before"));
        assert!(why("GET /a b HTTP/1.1\n").contains("is no request line\n  = a request line, as in `POST"));
    }
}
