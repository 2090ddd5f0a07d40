//! The fields that a gateway sets in a request.

use std::io::Write as _;
use std::net::IpAddr;

use countersign_edge::RequestId;
use http::HeaderName;

use crate::trace::{TRACEPARENT, TraceParent};

/// Room for all of them in most requests, in bytes.
const USUAL_BYTES: usize = 768;

/// Fields of ours, as they are sent: a line each, with its end.
///
/// They are the same dozen in every request and nobody looks one up, so that they go as bytes into the head that is sent: as entries of a
/// map, each would be hashed and get memory of its own.
#[derive(Debug)]
pub(super) struct OwnFields(Vec<u8>);

impl OwnFields {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(USUAL_BYTES))
    }

    /// Adds one. The types that hold our values hold only what can stand in a field (RFC 9110 section 5.5); nothing is what is left of
    /// one that ever did not.
    pub(super) fn put(&mut self, name: &HeaderName, value: &str) {
        let value = if is_of_a_value(value.as_bytes()) { value } else { "" };
        self.line(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// Adds one whose value was looked at before.
    pub(super) fn put_value(&mut self, name: &HeaderName, value: &[u8]) {
        self.line(name, |out| out.extend_from_slice(value));
    }

    /// Adds one whose value needs no look.
    pub(super) fn put_word(&mut self, name: &HeaderName, value: &'static str) {
        self.line(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// Adds the name of the request.
    pub(super) fn put_id(&mut self, name: &HeaderName, id: &RequestId) {
        self.line(name, |out| out.extend_from_slice(id.as_bytes()));
    }

    /// Adds the trace that begins here.
    pub(super) fn put_trace(&mut self, trace: &TraceParent) {
        self.line(&TRACEPARENT, |out| out.extend_from_slice(trace.as_bytes()));
    }

    /// Adds one with addresses in it.
    pub(super) fn put_addresses(&mut self, name: &HeaderName, addresses: &[IpAddr]) {
        self.line(name, |out| {
            for (place, address) in addresses.iter().enumerate() {
                if place > 0 {
                    out.extend_from_slice(b", ");
                }
                write_address(out, *address);
            }
        });
    }

    /// The lines.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[inline]
    fn line(&mut self, name: &HeaderName, value: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.0;
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        value(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether no control character is in a value. Eight bytes at a time: the highest bit is set in each that is less than a blank, and, once
/// all its bits are turned round, in each that is 127; one that is beyond ASCII has it before and does not count.
fn is_of_a_value(value: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let (eights, rest) = value.as_chunks();
    let odd = |eight: &[u8; 8]| {
        let eight = u64::from_ne_bytes(*eight);
        let control = eight.wrapping_sub(EACH * u64::from(b' ')) & !eight;
        let turned = eight ^ (EACH * 127);
        let delete = turned.wrapping_sub(EACH) & !turned;
        (control | delete) & (EACH << 7) != 0
    };
    !eights.iter().any(odd) && rest.iter().all(|byte| *byte >= b' ' && *byte != 127)
}

/// An IPv4 address that is written as IPv6 (RFC 4291 section 2.5.5.2) is written as itself.
fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        // Nearly all are, and formatting takes several times as long.
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            out.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
            for octet in rest {
                out.push(b'.');
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        IpAddr::V6(address) => {
            let written = write!(out, "{address}");
            debug_assert!(written.is_ok(), "memory takes every address");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_has_no_control_character_wherever_it_stands(mut value in "[a-zé~]{0,20}", odd in 0..=127_u8, at: prop::sample::Index) {
            let place = value.char_indices().map(|(place, _)| place).nth(at.index(20)).unwrap_or(0);
            value.insert(place, char::from(odd));
            prop_assert_eq!(is_of_a_value(value.as_bytes()), !odd.is_ascii_control());
        }
    }

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let mut own = OwnFields::new();
        for value in ["shop", "", "a\r\nx-consumer-id: b", "a\nb", "a\0", "\u{7f}", "é b~"] {
            own.put(&HeaderName::from_static("x-consumer-username"), value);
        }
        let lines: Vec<&str> = str::from_utf8(own.as_bytes()).unwrap().split("\r\n").collect();
        let values = lines.iter().map(|line| line.strip_prefix("x-consumer-username: ").unwrap_or("-"));
        assert_eq!(values.collect::<Vec<_>>(), ["shop", "", "", "", "", "", "é b~", "-"]);
    }

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["0.0.0.0", "127.0.0.1", "255.10.99.100", "::", "2001:db8::ff00:1"] {
            let address: IpAddr = text.parse().unwrap();
            let mut out = Vec::new();
            write_address(&mut out, address);
            assert_eq!(out, text.as_bytes());
        }
        let mut own = OwnFields::new();
        own.put_addresses(
            &HeaderName::from_static("x-forwarded-for"),
            &["::ffff:192.0.2.1".parse().unwrap(), "10.0.0.1".parse().unwrap()],
        );
        assert_eq!(own.as_bytes(), b"x-forwarded-for: 192.0.2.1, 10.0.0.1\r\n");
    }
}
