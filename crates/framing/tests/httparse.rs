//! What is settled here, a common parser reads in the same way: nothing that we let through is refused or framed in another
//! way behind us.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use countersign_framing::{BodyOfGet, Framing, Limits, Settled};
use proptest::prelude::*;

const LIMITS: Limits = Limits { header_count: 16, header_bytes: 4096, body_of_get: BodyOfGet::Refused };

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let whole = Framing::new(LIMITS).settle(bytes);
    prop_assert_eq!(in_pieces(bytes), whole, "in pieces it is the same");
    let mut rest = &bytes[..whole.bytes];
    for _ in 0..whole.heads {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = request.parse(rest) else {
            return Err(TestCaseError::fail(format!("httparse refuses {}", rest.escape_ascii())));
        };
        let target = request.path.unwrap();
        let uri: http::Uri = target.parse().map_err(|why| TestCaseError::fail(format!("{target}: {why}")))?;
        prop_assert!(uri.path_and_query().is_some(), "{}", target);
        prop_assert!(
            target.ends_with(uri.path_and_query().unwrap().as_str()) || uri.path() == "/",
            "{}",
            target
        );
        let value = |name: &str| {
            let mut values = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            (values.next().map(|field| field.value.to_vec()), values.next().is_some())
        };
        rest = &rest[length..];
        match (value("content-length"), value("transfer-encoding")) {
            ((None, false), (None, false)) => {}
            ((Some(digits), false), (None, false)) => {
                let digits = String::from_utf8(digits).unwrap();
                let length: u64 = digits.parse().map_err(|_| TestCaseError::fail(digits))?;
                rest = &rest[usize::try_from(length).unwrap_or(usize::MAX).min(rest.len())..];
            }
            ((None, false), (Some(coding), false)) => {
                prop_assert!(coding.eq_ignore_ascii_case(b"chunked"));
                rest = after_chunks(rest)?;
            }
            two => return Err(TestCaseError::fail(format!("framed twice: {two:?}"))),
        }
    }
    prop_assert!(rest.is_empty(), "left over: {}", rest.escape_ascii());
    Ok(())
}

/// What follows a body in chunks, of which only a part may be there.
fn after_chunks(mut rest: &[u8]) -> Result<&[u8], TestCaseError> {
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(&[]),
            Err(_) => return Err(TestCaseError::fail(format!("httparse refuses {}", rest.escape_ascii()))),
        };
        rest = &rest[start..];
        if size == 0 {
            let mut headers = [httparse::EMPTY_HEADER; 512];
            return match httparse::parse_headers(rest, &mut headers) {
                Ok(httparse::Status::Complete((length, _))) => Ok(&rest[length..]),
                Ok(httparse::Status::Partial) => Ok(&[]),
                Err(_) => Err(TestCaseError::fail(format!("httparse refuses {}", rest.escape_ascii()))),
            };
        }
        let Some(after) = usize::try_from(size).ok().and_then(|size| rest.get(size..)) else {
            return Ok(&[]);
        };
        if after.len() < 2 {
            return Ok(&[]);
        }
        rest = after.strip_prefix(b"\r\n").ok_or_else(|| TestCaseError::fail("a chunk without its end"))?;
    }
}

/// The same bytes, one more at a time.
fn in_pieces(bytes: &[u8]) -> Settled {
    let mut framing = Framing::new(LIMITS);
    let mut all = Settled { bytes: 0, heads: 0, refused: None };
    for end in 1..=bytes.len() {
        let Settled { bytes: more, heads, refused } = framing.settle(&bytes[all.bytes..end]);
        all = Settled { bytes: all.bytes + more, heads: all.heads + heads, refused };
        if refused.is_some() {
            break;
        }
    }
    all
}

/// Pieces of which requests are made, rightly and wrongly.
const PIECES: [&str; 56] = [
    "GET",
    "POST",
    "HEAD",
    " ",
    "  ",
    "/",
    "/a",
    "*",
    "http://a",
    "https://[::1]:80",
    "?b=%zz",
    "#c",
    "\\",
    "\u{e9}",
    "\"",
    "<",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    " HTTP/1.2\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\t",
    "\0",
    ":",
    "Host: a\r\n",
    "host:b\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "content-length:",
    "5",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: ",
    "chunked",
    "gzip, ",
    "Transfer_Encoding: x\r\n",
    "X: y\r\n",
    "X : y\r\n",
    " folded\r\n",
    "5\r\n",
    "hello",
    "0\r\n\r\n",
    "a;b=\"c\"\r\n",
    ";",
    "=",
    "0123456789\r\n",
    "0\r\n",
    "ffffffffffffffff\r\n",
    "X-T: u\r\n",
    "\u{7f}",
    "[",
    "]",
    "{",
    "|",
    "\x16\x03",
];

/// Requests that are right, so that what stands between them is reached.
const REQUESTS: [&str; 5] = [
    "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn requests_made_of_pieces(
        pieces in prop::collection::vec(prop_oneof![3 => prop::sample::select(&PIECES[..]), 1 => prop::sample::select(&REQUESTS[..])], 1..12),
    ) {
        check(pieces.concat().as_bytes())?;
    }

    #[test]
    fn requests_with_a_byte_changed(
        requests in prop::collection::vec(prop::sample::select(&REQUESTS[..]), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = requests.concat().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes)?;
    }
}
