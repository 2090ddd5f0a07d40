//! Secrets of several parts: a JSON object, of which one part signs and others are sent.

use crate::layout::{Atom, Layout};

/// The most parts of a secret that are looked at.
const MAX_PARTS: usize = 6;

/// The parts of a secret, each with its name and value; none where it is one.
pub(crate) fn parts(secret: &[u8]) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(secret) else { return Vec::new() };
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let parts = object.into_iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(value) if plain(&name) => Some((name, value)),
        _ => None,
    });
    parts.take(MAX_PARTS).collect()
}

/// What templates call the secret: itself, or each of its parts, the one that is called a secret first.
pub(crate) fn names(secret: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = parts(secret).into_iter().map(|(name, _)| name).collect();
    names.sort_by_key(|name| !name.contains("secret"));
    if names.is_empty() {
        vec!["secret".to_owned()]
    } else {
        names.into_iter().map(|name| format!("secret.{name}")).collect()
    }
}

/// The parts that the samples show as they are: each with the value that shows it.
pub(crate) fn shown<'l>(secret: &[u8], layout: &'l Layout, samples: &[usize]) -> Vec<(String, &'l Atom)> {
    let shows = |value: &str| {
        let is = |atom: &&Atom| samples.iter().all(|sample| atom.text(*sample) == Some(value));
        layout.atoms.iter().find(is)
    };
    parts(secret).into_iter().filter_map(|(name, value)| Some((name, shows(&value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_several_parts_is_an_object_and_the_part_that_signs_comes_first() {
        assert_eq!(names(b"abc"), ["secret"]);
        assert_eq!(names(br#"{"passphrase":"p","secret":"s"}"#), ["secret.secret", "secret.passphrase"]);
    }
}
