//! Signing secrets that a dialect can use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::Recipe;
use countersign_model::{Entropy, Secret};
use countersign_token::key::{self, KeyKind};
use zeroize::Zeroizing;

/// How many random bytes stand behind a secret that is not of our own form.
const SECRET_BYTES: usize = 32;

/// A fresh signing secret in a form that `recipe` takes: our own, which secret scanners know; where the dialect decodes its
/// secrets, base64 or hex; where it takes them apart, a JSON object of such. None where it takes none of these, such as the key of an
/// asymmetric algorithm.
pub(crate) fn mint_for(recipe: &Recipe, entropy: &dyn Entropy) -> Option<Secret<String>> {
    let fits = |secret: &Secret<String>| recipe.check_secret(secret.expose().as_bytes()).is_ok();
    Some(key::mint(KeyKind::SigningSecret, entropy))
        .filter(fits)
        .or_else(|| Some(Secret::new(STANDARD.encode(random(entropy).as_slice()))).filter(fits))
        .or_else(|| Some(Secret::new(hex(random(entropy).as_slice()))).filter(fits))
        .or_else(|| in_parts(recipe, || key::mint(KeyKind::SigningSecret, entropy)).filter(fits))
        .or_else(|| {
            in_parts(recipe, || Secret::new(STANDARD.encode(random(entropy).as_slice()))).filter(fits)
        })
}

/// A secret of several parts, each of which `mint` makes; none where the dialect wants no parts.
fn in_parts(recipe: &Recipe, mint: impl Fn() -> Secret<String>) -> Option<Secret<String>> {
    let names = recipe.secret_parts();
    let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    if names.is_empty() || !names.iter().all(plain) {
        return None;
    }
    let mut object = Zeroizing::new(String::from("{"));
    for (at, name) in names.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        object.extend([comma, "\"", name, "\":\"", mint().expose(), "\""]);
    }
    object.push('}');
    Some(Secret::new(std::mem::take(&mut *object)))
}

fn random(entropy: &dyn Entropy) -> Zeroizing<[u8; SECRET_BYTES]> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    entropy.fill(bytes.as_mut_slice());
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}
