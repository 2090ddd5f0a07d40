//! What is settled here, a common parser reads in the same way: nothing that we let through is refused or framed in another
//! way behind us.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use countersign_framing::{BodyOfGet, Framing, Limits, Next, Persistence, Settled, Version};
use proptest::prelude::*;

const LIMITS: Limits = Limits { header_count: 16, header_bytes: 4096, body_of_get: BodyOfGet::Refused };

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let whole = Framing::new(LIMITS).settle(bytes);
    prop_assert_eq!(in_pieces(bytes), whole, "in pieces it is the same");
    let mut rest = &bytes[..whole.bytes];
    let mut framing = Framing::new(LIMITS);
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
        check_lines(&mut framing, rest, &request)?;
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

/// That the lines are found where the other parser finds them; then passes the body by.
fn check_lines(
    framing: &mut Framing,
    bytes: &[u8],
    request: &httparse::Request<'_, '_>,
) -> Result<(), TestCaseError> {
    let Ok(Next::Head(outline)) = framing.next(bytes) else {
        return Err(TestCaseError::fail(format!("no head in {}", bytes.escape_ascii())));
    };
    prop_assert_eq!(&bytes[outline.method.clone()], request.method.unwrap().as_bytes());
    prop_assert_eq!(&bytes[outline.target.clone()], request.path.unwrap().as_bytes());
    prop_assert_eq!(outline.version == Version::Http11, request.version == Some(1));
    let fields: Vec<(&[u8], &[u8])> = framing
        .fields()
        .iter()
        .map(|field| (&bytes[field.name..field.colon], &bytes[field.value..field.end]))
        .collect();
    let theirs: Vec<(&[u8], &[u8])> =
        request.headers.iter().map(|field| (field.name.as_bytes(), field.value)).collect();
    prop_assert_eq!(fields, theirs);
    let says = |option: &str| {
        request.headers.iter().any(|field| {
            field.name.eq_ignore_ascii_case("connection")
                && field
                    .value
                    .split(|byte| *byte == b',')
                    .any(|said| said.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
        })
    };
    let persists = !says("close") && (outline.version == Version::Http11 || says("keep-alive"));
    prop_assert_eq!(outline.persistence == Persistence::Persists, persists);
    let mut at = outline.length;
    while framing.is_inside_a_body() && at < bytes.len() {
        match framing.next(&bytes[at..]) {
            Ok(Next::Piece { bytes, .. }) => at += bytes,
            other => return Err(TestCaseError::fail(format!("no piece of a body: {other:?}"))),
        }
    }
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
const PIECES: [&str; 59] = [
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
    "X:\t y \r\n",
    "Connection: Close\r\n",
    "connection: x, keep-alive\r\n",
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
