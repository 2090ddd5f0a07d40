//! HTTP requests as people capture them.
//!
//! [`read`] takes the bytes of a file and finds out by itself what they are: an HTTP message, what `curl -v` or
//! `curl --trace` printed, a HAR file or one entry of it, or a list of cases as they stand beside dialect files. What comes
//! out is exact: whatever a signature may cover is there byte for byte, or is said not to be there. Nothing here does I/O.

mod captured;
mod cases;
mod curl;
mod har;
mod head;
mod message;
mod trace;
mod unreadable;
mod url;

pub use captured::{Body, Captured, Field, Form, Scheme};
pub use unreadable::Unreadable;

/// The largest capture, in bytes.
pub const MAX_CAPTURE_BYTES: usize = 64 * 1024 * 1024;
/// The most requests that are read of one capture.
pub const MAX_REQUESTS: usize = 10_000;
/// The most header fields of one request.
pub const MAX_FIELDS: usize = 1_000;

/// Reads every request of a capture, in its order; there is at least one.
///
/// # Errors
///
/// Says on which line what was found, and what would do.
pub fn read(capture: &[u8]) -> Result<Vec<Captured>, Unreadable> {
    if capture.len() > MAX_CAPTURE_BYTES {
        let found = format!("the capture holds {} bytes", capture.len());
        return Err(Unreadable::new(1, found, format!("at most {MAX_CAPTURE_BYTES} bytes")));
    }
    // Editors of one system put it in front of every text.
    let capture = capture.strip_prefix(b"\xef\xbb\xbf").unwrap_or(capture);
    match capture.trim_ascii_start().first() {
        None => Err(Unreadable::new(
            1,
            "there is nothing",
            "an HTTP message, what `curl -v` printed, a HAR file, or a list of cases",
        )),
        Some(b'{' | b'[') => json(capture),
        Some(_) if trace::is_one(capture) => trace::read(capture),
        Some(_) if curl::is_one(capture) => curl::read(capture),
        Some(_) => message::read(capture).map(|one| vec![one]),
    }
}

/// What kind of JSON it is shows in the names of its members.
fn json(capture: &[u8]) -> Result<Vec<Captured>, Unreadable> {
    let value: serde_json::Value =
        serde_json::from_slice(capture).map_err(|error| Unreadable::json(&error))?;
    if har::is_one(&value) { har::read(capture, &value) } else { cases::read(capture, &value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_no_capture() {
        let why = read(b" \n").unwrap_err();
        assert_eq!((why.line, why.found.as_str()), (1, "there is nothing"));
    }

    #[test]
    fn a_mark_of_the_byte_order_is_no_part_of_the_request() {
        let one = read(b"\xef\xbb\xbfGET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(one[0].method, "GET");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_are_read_or_refused_with_a_line_that_is_there(
            start in prop_oneof![
                Just(String::new()), Just("POST / HTTP/1.1\n".into()), Just("> GET / HTTP/1.1\n> ".into()),
                Just("=> Send header, 3 bytes (0x3)\n0000: ".into()), Just("{\"request\":{\"method\":".into()),
                Just("[{\"request\":{\"url\":\"".into()), Just("{\"log\":{\"entries\":[".into()),
            ],
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = [start.as_bytes(), &rest].concat();
            let lines = memchr::memchr_iter(b'\n', &bytes).count() + 1;
            match read(&bytes) {
                Ok(all) => prop_assert!(!all.is_empty()),
                Err(why) => prop_assert!((1..=lines).contains(&why.line), "{why}"),
            }
        }
    }
}
