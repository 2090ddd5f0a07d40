//! What `curl --trace` printed: every byte that was sent, in hex.

use crate::MAX_REQUESTS;
use crate::captured::{Captured, Form};
use crate::head::lines;
use crate::message;
use crate::unreadable::{Unreadable, shown};

const HEAD: &[u8] = b"=> Send header, ";
const DATA: &[u8] = b"=> Send data, ";

/// The bytes of one request, and the line where they begin.
struct Sent {
    line: usize,
    bytes: Vec<u8>,
}

/// Whether some line begins what was sent. With `--trace-time` a time stands in front.
pub(crate) fn is_one(text: &[u8]) -> bool {
    lines(text).any(|(_, line, _)| memchr::memmem::find(line, HEAD).is_some())
}

/// Reads every request, with its body.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Captured>, Unreadable> {
    let mut all: Vec<Sent> = Vec::new();
    let mut sending = false;
    for (number, line, _) in lines(text) {
        let has = |mark| memchr::memmem::find(line, mark).is_some();
        if has(HEAD) {
            // A head may be sent in pieces: those that follow bring no request line.
            let goes_on =
                all.last().is_some_and(|sent| memchr::memmem::find(&sent.bytes, b"\r\n\r\n").is_none());
            if !goes_on {
                all.push(Sent { line: number, bytes: Vec::new() });
            }
            sending = true;
        } else if has(DATA) {
            sending = true;
        } else if has(b"== Info") || has(b"<= Recv") || has(b"=> Send SSL") {
            sending = false;
        } else if sending && let Some(sent) = all.last_mut() {
            sent.bytes.extend(row(number, line)?);
        }
    }
    if all.len() > MAX_REQUESTS {
        return Err(Unreadable::new(1, "too many requests", format!("at most {MAX_REQUESTS}")));
    }
    let read = |Sent { line, bytes }| {
        let one = message::read(&bytes).map_err(|why| Unreadable { line, ..why })?;
        Ok(Captured { form: Form::CurlTrace, ..one })
    };
    all.into_iter().map(read).collect()
}

/// One row: an offset, a colon, at most sixteen bytes in hex, and the same as text.
fn row(number: usize, line: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let wrong = || {
        let found = format!("{} is no row of hex", shown(line));
        Unreadable::new(number, found, "what `curl --trace FILE` printed, and not `--trace-ascii`")
    };
    let text = std::str::from_utf8(line.get(..line.len().min(54)).unwrap_or_default());
    let (offset, hex) = text.ok().and_then(|text| text.split_once(": ")).ok_or_else(wrong)?;
    if offset.is_empty() || !offset.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    // Two digits and a blank for each byte.
    let hex = hex.as_bytes().get(..hex.len().min(48)).unwrap_or_default();
    let pairs = hex.split(|byte| *byte == b' ').take_while(|pair| !pair.is_empty());
    let byte = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok()
    };
    pairs.map(|pair| byte(pair).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;

    const TRACE: &str = "== Info: Connected to 127.0.0.1\n=> Send header, 35 bytes (0x23)\n0000: 50 4f 53 54 20 2f 76 31 20 48 54 54 50 2f 31 2e POST /v1 HTTP/1.\n0010: 31 0d 0a 48 6f 73 74 3a 20 31 32 37 2e 30 2e 30 1..Host: 127.0.0\n0020: 2e 31 0d 0a 0d 0a                               .1....\n=> Send data, 3 bytes (0x3)\n0000: 61 0a ff                                        a..\n<= Recv header, 27 bytes (0x1b)\n0000: 48 54 54 50 2f 31 2e 31 20 34 30 31 20 55 6e 61 HTTP/1.1 401 Una\n";

    #[test]
    fn a_trace_shows_the_body_byte_for_byte() {
        let all = crate::read(TRACE.as_bytes()).unwrap();
        assert_eq!((all.len(), all[0].form), (1, Form::CurlTrace));
        assert_eq!((all[0].method.as_str(), all[0].host.as_str()), ("POST", "127.0.0.1"));
        assert_eq!(all[0].body, Body::Whole(b"a\n\xff".to_vec()));
    }

    #[test]
    fn a_trace_without_hex_is_refused_with_what_would_do() {
        let why = crate::read(b"=> Send header, 150 bytes (0x96)\n0000: POST /v1 HTTP/1.1\n").unwrap_err();
        assert!(why.to_string().starts_with("line 2: `0000: POST /v1 HTTP/1.1` is no row of hex"), "{why}");
    }
}
