//! Ids in hexadecimal digits, written without formatting: several stand in every request.

/// The digits of each byte, in lower case.
///
/// Of a fixed number of bytes, and never inlined: so all are worked out at once, and not one by one where each of them goes.
#[inline(never)]
pub fn lower_hex<const BYTES: usize>(bytes: [u8; BYTES]) -> [[u8; 2]; BYTES] {
    let mut digits = [[0; 2]; BYTES];
    for (pair, byte) in digits.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

const fn digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

/// A UUID as text (RFC 9562 section 4): ASCII.
pub(crate) fn uuid(bytes: [u8; 16]) -> [u8; 36] {
    let digits = lower_hex(bytes);
    let digits: &[u8; 32] = digits.as_flattened().as_array().unwrap_or(&[b'0'; 32]);
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_written_as_everybody_writes_them(bytes: [u8; 16]) {
            let (written, id) = (lower_hex(bytes), uuid(bytes));
            prop_assert_eq!(str::from_utf8(written.as_flattened()).unwrap(), hex::encode(bytes));
            prop_assert_eq!(str::from_utf8(&id).unwrap(), uuid::Uuid::from_bytes(bytes).to_string());
        }
    }
}
