//! Addresses in a header.

use std::io::Write as _;
use std::net::IpAddr;

/// Writes addresses as a list (RFC 9110 section 5.6.1).
pub(super) fn write_addresses(out: &mut Vec<u8>, addresses: &[IpAddr]) {
    for (place, address) in addresses.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        write_address(out, *address);
    }
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
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["0.0.0.0", "127.0.0.1", "255.10.99.100", "::", "2001:db8::ff00:1"] {
            let mut out = Vec::new();
            write_addresses(&mut out, &[text.parse().unwrap()]);
            assert_eq!(out, text.as_bytes());
        }
        let mut out = Vec::new();
        write_addresses(&mut out, &["::ffff:192.0.2.1".parse().unwrap(), "10.0.0.1".parse().unwrap()]);
        assert_eq!(out, b"192.0.2.1, 10.0.0.1");
    }
}
