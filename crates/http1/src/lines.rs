//! Writing heads.

/// Writes one header line.
pub(crate) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes a number in decimal digits.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    digits::<10>(out, number);
}

/// Writes the size of a chunk and the end of its line (RFC 9112 section 7.1).
pub(crate) fn chunk_size(out: &mut Vec<u8>, size: usize) {
    digits::<16>(out, size as u64);
    out.extend_from_slice(b"\r\n");
}

fn digits<const BASE: u64>(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut left = number;
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        let value = u8::try_from(left % BASE).unwrap_or(0);
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        left /= BASE;
        start = at;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_others_write_them() {
        for number in [0, 1, 9, 10, 15, 16, 255, 256, 4096, 1_000_000, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
            let Ok(size) = usize::try_from(number) else { continue };
            let mut out = Vec::new();
            chunk_size(&mut out, size);
            assert_eq!(out, format!("{number:x}\r\n").into_bytes());
        }
    }
}
