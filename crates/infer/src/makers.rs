//! From a string to sign to a signature: the algorithms and the keys that are tried.

use crate::evaluate::{Evaluator, Values};
use crate::hash::{Hash, HmacKey};
use crate::layout::Layout;
use crate::roles;
use crate::secrets;

/// An algorithm with its key.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    pub(crate) hash: Hash,
    pub(crate) how: How,
    /// How unlikely it is.
    pub(crate) cost: u8,
}

/// What a maker does with its hash.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// HMAC under this key: its template, the step that it needs, what it is in each sample.
    Hmac { key: String, step: Option<usize>, values: Values },
    /// The hash alone, with the secret in the text.
    Plain,
}

impl Maker {
    /// Its name in a dialect file.
    pub(crate) fn algorithm(&self) -> String {
        match self.how {
            How::Hmac { .. } => format!("hmac-{}", self.hash.name()),
            How::Plain => self.hash.name().to_owned(),
        }
    }

    /// Whether another is the same algorithm under the same key.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let key = |maker: &Self| match &maker.how {
            How::Hmac { key, .. } => Some(key.clone()),
            How::Plain => None,
        };
        self.hash == other.hash && key(self) == key(other)
    }

    /// It made ready for a sample; `None` where its key cannot be had from it.
    pub(crate) fn ready(&self, sample: usize) -> Option<Ready> {
        match &self.how {
            How::Hmac { values, .. } => {
                let key = values.get(sample)?.as_deref()?;
                Some(Ready::Hmac(HmacKey::new(self.hash, key)))
            }
            How::Plain => Some(Ready::Plain(self.hash)),
        }
    }
}

/// A maker with the key of one sample.
pub(crate) enum Ready {
    Hmac(HmacKey),
    Plain(Hash),
}

/// What a key is made of, and how unlikely that is.
const KEYS: [(&str, u8); 13] = [
    ("{secret}", 0),
    ("{secret | unbase64}", 1),
    ("{secret | unhex}", 1),
    ("{secret | replace('^[A-Za-z]+_', '') | unbase64}", 2),
    ("{secret}&", 3),
    ("{secret | base64}", 4),
    ("{secret | sha256 | hex}", 4),
    ("{secret | md5 | hex}", 4),
    ("{secret | sha256}", 4),
    ("{secret | unbase64url}", 4),
    ("{secret | sha512 | hex}", 5),
    ("{secret | md5}", 5),
    ("{secret | upper}", 6),
];

/// All makers whose signatures are `len` bytes long.
pub(crate) fn makers(evaluator: &Evaluator<'_>, layout: &Layout, len: usize) -> Vec<Maker> {
    let mut keys: Vec<(String, Option<usize>, u8)> = Vec::new();
    for (at, name) in secrets::names(evaluator.secret).iter().enumerate() {
        let later = if at == 0 { 0 } else { 3 };
        keys.extend(KEYS.iter().map(|(key, cost)| (key.replace("secret", name), None, cost + later)));
    }
    keys.push(("{secret.secret | enc}&{secret.token_secret | enc}".to_owned(), None, 3));
    for atom in layout.atoms.iter().filter(|atom| roles::is_time(atom)) {
        for form in ["", " | hex", " | base64"] {
            keys.push((format!("{{{} | hmac-sha256(secret){form}}}", atom.expr), atom.step, 6));
        }
    }
    keys.extend(layout.chains.iter().map(|(key, step)| (key.clone(), Some(*step), 1)));
    let mut makers: Vec<Maker> = Vec::new();
    for hash in Hash::ALL.into_iter().filter(|hash| hash.len() == len) {
        let more = if hash.is_common() { 0 } else { 4 };
        let mut seen: Vec<Values> = Vec::new();
        for (key, step, cost) in &keys {
            let Some(values) = evaluator.values(&layout.lines(*step), key) else { continue };
            // An empty key is nobody's secret.
            if values.iter().flatten().all(Vec::is_empty) || seen.contains(&values) {
                continue;
            }
            seen.push(values.clone());
            makers.push(Maker {
                hash,
                how: How::Hmac { key: key.clone(), step: *step, values },
                cost: cost + more,
            });
        }
        makers.push(Maker { hash, how: How::Plain, cost: 1 + more });
    }
    makers
}
