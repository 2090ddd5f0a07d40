//! An Ethereum account, as twenty bytes.

use std::fmt;

/// An Ethereum address. Equality is of the twenty bytes, whatever the case of the hex it came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// The text was not `0x` and forty hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address: use 0x and 40 hex digits")]
pub struct NotAnAddress;

impl Address {
    /// The address with these bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Reads `0x` and forty hex digits of either case. A mixed case is not checked against EIP-55:
    /// clients write what they like, and a wrong letter names an account that cannot sign anyway.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let digits = text.strip_prefix("0x").ok_or(NotAnAddress)?.as_bytes();
        if digits.len() != 40 {
            return Err(NotAnAddress);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).ok_or(NotAnAddress)?;
                *byte = (*byte << 4) | u8::try_from(value).map_err(|_| NotAnAddress)?;
            }
        }
        Ok(Self(bytes))
    }

    /// The twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

/// `0x` and forty lower-case hex digits.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: byte by byte it takes ten times as long, and it stands in headers and logs.
        let mut text = *b"0x0000000000000000000000000000000000000000";
        let (_, digits) = text.split_at_mut(2);
        let hex = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_names_the_same_account() {
        let lower = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        let mixed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert_eq!(Address::parse(mixed).unwrap(), Address::parse(lower).unwrap());
        assert_eq!(Address::parse(mixed).unwrap().to_string(), lower);
    }

    #[test]
    fn anything_else_is_refused() {
        let good = "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        for bad in
            ["", "0x", good, &format!("0X{good}"), &format!("0x{good}0"), &format!("0x{}g", &good[1..])]
        {
            assert_eq!(Address::parse(bad), Err(NotAnAddress), "{bad}");
        }
        assert_eq!(Address::parse("0xéééééééééééééééééééé"), Err(NotAnAddress));
    }
}
