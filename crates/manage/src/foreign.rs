//! What a credential proves itself by that was made elsewhere.

use countersign_dialect::{KeyNaming, Recipe, SecretUse};
use countersign_model::{DialectName, Secret};

use crate::NotImported;
use crate::public_key;

/// The longest API key, in characters: as many as are looked at in a request.
pub const MAX_API_KEY_LEN: usize = 4096;
/// An API key with fewer characters is weak: of each no more than a plain digest is kept.
pub const MIN_API_KEY_LEN: usize = 20;
/// A signing secret with fewer bytes is weak.
pub const MIN_SECRET_LEN: usize = 16;

/// What a credential proves itself by.
#[derive(Clone, Debug)]
pub enum Foreign {
    /// A key that is presented whole.
    ApiKey(Secret<String>),
    /// Signatures in a dialect.
    Signature {
        /// The dialect.
        dialect: DialectName,
        /// The key, where it opens routes by itself ([`Recipe::key_alone`]), and then only.
        api_key: Option<Secret<String>>,
        /// What checks the signatures.
        secret: ForeignSecret,
    },
}

/// What checks signatures.
#[derive(Clone, Debug)]
pub enum ForeignSecret {
    /// What both sides know, as the vendor shows it: where the dialect decodes it, not decoded yet. One of several parts is a JSON object.
    Shared(Secret<Vec<u8>>),
    /// A public key: PEM, or the bare key (or its DER) in hex or base64.
    PublicKey(Vec<u8>),
}

/// What becomes of secrets that are easily guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// They are refused.
    Refuse,
    /// They are taken: somebody means it.
    DangerTake,
}

/// Where a dialect's key stands between a name and a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It opens routes by itself.
    KeyIsSecret,
    /// It says whose signature it is, and opens nothing; or there is none.
    KeyIsPublic,
}

impl Form {
    pub(crate) fn of(recipe: &Recipe) -> Self {
        match recipe.key_naming() {
            KeyNaming::ByRequest if recipe.key_alone() => Self::KeyIsSecret,
            KeyNaming::ByRequest | KeyNaming::ByRoute => Self::KeyIsPublic,
        }
    }
}

impl ForeignSecret {
    /// The secret as it is kept for credentials of `recipe`.
    pub(crate) fn for_recipe(
        self,
        recipe: &Recipe,
        weakness: Weakness,
    ) -> Result<Secret<Vec<u8>>, NotImported> {
        let dialect = || recipe.name().clone();
        match self {
            Self::Shared(secret) => {
                if public_key::is_pem(secret.expose()) {
                    public_key::refuse_others(secret.expose())?;
                    return Err(NotImported::PublicAsSecret);
                }
                weakness.judge_secret(secret.expose())?;
                match recipe.secret_use(secret.expose()) {
                    Ok(SecretUse::Shared) => Ok(secret),
                    Ok(SecretUse::PublicKey) => Err(NotImported::PublicAsSecret),
                    Err(_) => Err(NotImported::DoesNotFit { dialect: dialect() }),
                }
            }
            Self::PublicKey(text) => {
                public_key::refuse_others(&text)?;
                let fits = |form: &Vec<u8>| matches!(recipe.secret_use(form), Ok(SecretUse::PublicKey));
                let form = public_key::forms(&text).into_iter().find(fits);
                form.map(Secret::new).ok_or_else(|| NotImported::NoPublicKey { dialect: dialect() })
            }
        }
    }
}

impl Weakness {
    fn judge_secret(self, secret: &[u8]) -> Result<(), NotImported> {
        let found = secret.len();
        if found == 0 {
            return Err(NotImported::Empty);
        }
        let same = secret.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        match self {
            Self::Refuse if found < MIN_SECRET_LEN => Err(NotImported::ShortSecret { found }),
            Self::Refuse if same => Err(NotImported::Placeholder),
            Self::Refuse | Self::DangerTake => Ok(()),
        }
    }

    /// The key, where it can stand in a header and is not weak.
    pub(crate) fn judge_key(self, api_key: &Secret<String>) -> Result<&str, NotImported> {
        let key = api_key.expose().as_str();
        let found = key.len();
        if found == 0 {
            return Err(NotImported::Empty);
        }
        if found > MAX_API_KEY_LEN || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotImported::ApiKeyForm);
        }
        match self {
            Self::Refuse if found < MIN_API_KEY_LEN => Err(NotImported::ShortApiKey { found }),
            Self::Refuse | Self::DangerTake => Ok(key),
        }
    }
}
