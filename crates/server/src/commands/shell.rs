//! Words and bytes as a POSIX shell reads them back.

use std::fmt::Write as _;

/// One word that stands for `text`, byte for byte.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    // Within single quotes nothing has a meaning but the quote itself (POSIX, Shell Command Language, 2.2.2).
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command that writes `bytes`, whatever they are, to standard output.
pub(crate) fn printf(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            // The first character must not make it an option.
            b'-' if format.is_empty() => format.push_str("\\055"),
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str(r"\\"),
            b' '..=b'~' => format.push(char::from(*byte)),
            // To write to a string cannot fail.
            byte => drop(write!(format, "\\{byte:03o}")),
        }
    }
    format!("printf {}", quoted(&format))
}

/// In quotes even where none are needed: an empty format would otherwise be no word at all.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn shell(line: &str) -> Vec<u8> {
        Command::new("sh").args(["-c", line]).output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_every_text(text in "[^\0]{0,40}") {
            let read = shell(&format!("printf %s {}", word(&text)));
            prop_assert_eq!(read, text.as_bytes());
        }

        #[test]
        fn a_shell_writes_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(shell(&printf(&bytes)), bytes);
        }
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(word("http://127.0.0.1:8080/v1"), "http://127.0.0.1:8080/v1");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's"), r"'it'\''s'");
        for bytes in [&b""[..], b"-n", b"%s\\0\n'\0\xff", b"--"] {
            assert_eq!(shell(&printf(bytes)), bytes);
        }
    }
}
