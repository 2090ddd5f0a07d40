//! Names that people choose or read, each a type that cannot hold a bad one.

use std::fmt;

use smol_str::SmolStr;

/// Why a text cannot be the name it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}: use {rule}")]
pub struct InvalidName {
    /// What it was meant to name.
    pub what: &'static str,
    /// The text, as it was given.
    pub found: String,
    /// What would do.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The longest such name, in characters.
            pub const MAX_LEN: usize = $max;

            #[doc = concat!("Reads a ", $what, ": ", $rule, ".")]
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let allowed: fn(char) -> bool = $allowed;
                let trimmed = text.trim() == text;
                if text.is_empty() || text.chars().count() > Self::MAX_LEN || !trimmed || !text.chars().all(allowed) {
                    return Err(InvalidName { what: $what, found: text.to_owned(), rule: $rule });
                }
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

name!(
    /// What a consumer is called. It travels in a header, hence ASCII.
    ConsumerName,
    "consumer name",
    "1 to 128 printable ASCII characters, no space at the ends",
    128,
    |c| c == ' ' || c.is_ascii_graphic()
);

name!(
    /// The public name of a credential. Safe to show, to log and to put into a header. Those that are made here are letters, digits
    /// and `_`; those that were taken over are whatever their vendor made, such as a URL or an address.
    KeyId,
    "key id",
    "1 to 255 printable ASCII characters, no space",
    255,
    |c| c.is_ascii_graphic()
);

name!(
    /// What a dialect is called in files, routes and commands.
    DialectName,
    "dialect name",
    "1 to 64 lower-case ASCII letters, digits, - and .",
    64,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.'
);

name!(
    /// A blockchain network as clients of the wallet login name it, such as `eth`.
    Network,
    "network",
    "1 to 32 lower-case ASCII letters, digits and -",
    32,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
);

name!(
    /// A note that an operator puts on a credential.
    Label,
    "label",
    "1 to 128 characters without control characters, no space at the ends",
    128,
    |c| !c.is_control()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_name_can_stand_in_a_header() {
        assert_eq!(ConsumerName::parse("My Shop (EU)").unwrap().as_str(), "My Shop (EU)");
        for bad in ["", " a", "a ", "a\r\nX-Evil: 1", "Zoë", "\u{7f}"] {
            assert!(ConsumerName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_id_of_another_maker_can_stand_in_a_header() {
        let fingerprint = format!("ocid1.tenancy.oc1..a/ocid1.user.oc1..b/{}", ["ab"; 16].join(":"));
        for good in
            ["key_0aB1cD2eF3gH4iJ5", "a@b.example", "https://a.example/u#main-key", "Zm9v+/==", &fingerprint]
        {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\n", "Zoë", "\u{7f}"] {
            assert!(KeyId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_label_is_as_long_as_it_looks() {
        assert!(Label::parse(&"ë".repeat(Label::MAX_LEN)).is_ok());
        assert!(Label::parse(&"ë".repeat(Label::MAX_LEN + 1)).is_err());
    }

    #[test]
    fn a_refusal_says_what_would_do() {
        let refusal = DialectName::parse("Realm").unwrap_err().to_string();
        assert_eq!(
            refusal,
            "`Realm` is no dialect name: use 1 to 64 lower-case ASCII letters, digits, - and ."
        );
    }
}
