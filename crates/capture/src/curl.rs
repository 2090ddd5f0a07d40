//! What `curl -v` printed: what it sent behind `>`, what it got behind `<`, what it did behind `*`.

use crate::captured::{Body, Captured, Form, Scheme};
use crate::head::{Head, lines};
use crate::message::of_head;
use crate::unreadable::Unreadable;
use crate::{MAX_REQUESTS, head};

/// Whether some line is a request line that was sent.
pub(crate) fn is_one(text: &[u8]) -> bool {
    lines(text).any(|(_, line, _)| sent(line).is_some_and(is_request_line))
}

/// What was sent on this line.
fn sent(line: &[u8]) -> Option<&[u8]> {
    if line == b">" { Some(b"") } else { line.strip_prefix(b"> ") }
}

fn is_request_line(line: &[u8]) -> bool {
    Head::read([(1, line)]).is_ok()
}

/// Reads every request; a redirect or a second try makes several. The bodies are not in it.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Captured>, Unreadable> {
    let mut all = Vec::new();
    let mut scheme = None;
    let mut head: Vec<(usize, &[u8])> = Vec::new();
    for (number, line, _) in lines(text) {
        if let Some(told) = line.strip_prefix(b"* ") {
            scheme = scheme_of(told).or(scheme);
        } else if let Some(got) = line.strip_prefix(b"< ")
            && let Some(last) = all.last_mut()
        {
            answered(last, got);
        } else if let Some(line) = sent(line) {
            if !line.is_empty() {
                head.push((number, line));
            } else if !head.is_empty() {
                if all.len() == MAX_REQUESTS {
                    return Err(Unreadable::new(
                        number,
                        "one request too many",
                        format!("at most {MAX_REQUESTS}"),
                    ));
                }
                all.push(request(std::mem::take(&mut head), scheme)?);
            }
        }
    }
    if !head.is_empty() {
        all.push(request(head, scheme)?);
    }
    Ok(all)
}

/// What curl tells of the connection.
fn scheme_of(told: &[u8]) -> Option<Scheme> {
    let has = |word: &[u8]| memchr::memmem::find(told, word).is_some();
    if has(b"SSL connection") || has(b"TLS") || has(b"ALPN") {
        Some(Scheme::Https)
    } else if told.starts_with(b"Connected to") {
        // Of a TLS connection more is told before anything is sent.
        Some(Scheme::Http)
    } else {
        None
    }
}

/// The server's own time, where the answer tells it.
fn answered(request: &mut Captured, line: &[u8]) {
    if let Ok(field) = head::field(0, line)
        && field.name.eq_ignore_ascii_case("date")
        && request.at.is_none()
    {
        request.at = field.value.to_str().ok().and_then(crate::captured::http_date);
    }
}

fn request(lines: Vec<(usize, &[u8])>, scheme: Option<Scheme>) -> Result<Captured, Unreadable> {
    let number = lines.first().map_or(1, |(number, _)| *number);
    let head = Head::read(lines)?;
    let body = match (head.content_length(), head.is_chunked()) {
        (Ok(None | Some(0)), false) => Body::Whole(Vec::new()),
        (Ok(bytes), _) => Body::NotShown { bytes },
        (Err(_), _) => {
            return Err(Unreadable::new(number, "a Content-Length that is no number", "one number of bytes"));
        }
    };
    let mut one = of_head(head, body, Form::CurlVerbose);
    one.scheme = one.scheme.or(scheme);
    Ok(one)
}

#[cfg(test)]
mod tests {
    use countersign_model::UnixTime;

    use super::*;

    const POST: &str = "*   Trying 127.0.0.1:8080...\n* Connected to 127.0.0.1 (127.0.0.1) port 8080 (#0)\n> POST /v1/x?y=1 HTTP/1.1\n> Host: 127.0.0.1:8080\n> X-API-Key: k\n> Content-Length: 7\n> \n} [7 bytes data]\n< HTTP/1.1 401 Unauthorized\n< Date: Sat, 21 Nov 2026 12:00:00 GMT\n< content-length: 3\n< \n{ [3 bytes data]\nno\n";

    #[test]
    fn the_head_is_there_and_the_body_is_known_to_be_missing() {
        let all = crate::read(POST.as_bytes()).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].form, all[0].target.as_str()), (Form::CurlVerbose, "/v1/x?y=1"));
        assert_eq!((all[0].scheme, all[0].host.as_str()), (Some(Scheme::Http), "127.0.0.1:8080"));
        assert_eq!(all[0].body, Body::NotShown { bytes: Some(7) });
        assert_eq!(all[0].at, Some(UnixTime::from_secs(1_795_262_400)));
    }

    #[test]
    fn a_request_without_a_body_has_an_empty_one() {
        let all = crate::read(b"* using TLSv1.3\n> GET /v1 HTTP/2\n> Host: a\n> \n").unwrap();
        assert_eq!(all[0].body, Body::Whole(Vec::new()));
        assert_eq!(all[0].scheme, Some(Scheme::Https));
    }

    #[test]
    fn every_request_of_a_transcript_is_read() {
        let all = crate::read(format!("{POST}{}", POST.replace("/v1/x", "/v2/x")).as_bytes()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].target, "/v2/x?y=1");
    }

    #[test]
    fn a_broken_header_is_told_with_its_line() {
        let why = crate::read(POST.replace("> X-API-Key: k", "> nonsense").as_bytes()).unwrap_err();
        assert!(why.to_string().starts_with("line 5: `nonsense` is no header"), "{why}");
    }
}
