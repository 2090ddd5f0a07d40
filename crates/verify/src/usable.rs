//! A credential that works here and now: the only way to its secret.

use std::sync::Arc;

use countersign_dialect::{PreparedKey, Recipe};
use countersign_model::{KeyDigest, Phase, SealedSecret, UnixTime};
use countersign_store::ReplayScope;

use crate::kept::{HasDigest, Kept};

/// Why a credential that exists does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was revoked or has expired.
    #[error("the credential is {}", .0.as_str())]
    Ended(Phase),
    /// Its consumer is disabled.
    #[error("the consumer is disabled")]
    ConsumerDisabled,
    /// It is for something else: an API key where a signature is due, another dialect's secret, or a public
    /// key that opens nothing alone.
    #[error("the credential is of another kind")]
    WrongKind,
}

/// A credential as memory holds it, by what it can be used for. That it is held says nothing about whether it
/// works: ask [`Entry::into_key`] or [`Entry::into_secret`].
#[derive(Clone)]
pub(crate) enum Entry {
    /// Presented whole.
    Key(Kept),
    /// Checks signatures of one dialect, and opens routes alone as far as the recipe says.
    Signing(Arc<Signing>),
    /// Its dialect is not configured.
    Idle(Kept),
}

/// A signing credential with its secret, opened and made ready.
pub(crate) struct Signing {
    kept: Kept,
    /// To know it again.
    secret: SealedSecret,
    recipe: Arc<Recipe>,
    key: PreparedKey,
}

impl Entry {
    pub(crate) fn signing(kept: Kept, secret: SealedSecret, recipe: Arc<Recipe>, key: PreparedKey) -> Self {
        Self::Signing(Arc::new(Signing { kept, secret, recipe, key }))
    }

    /// What there is to know of it.
    pub(crate) fn kept(&self) -> &Kept {
        match self {
            Self::Key(kept) | Self::Idle(kept) => kept,
            Self::Signing(signing) => &signing.kept,
        }
    }

    /// The proof that this credential may be presented as an API key at `now`; it is given back where it may not.
    pub(crate) fn into_key(self, now: UnixTime) -> Result<UsableKey, (Self, Unusable)> {
        let right_kind = match &self {
            Self::Key(_) => true,
            Self::Signing(signing) => signing.recipe.key_alone(),
            Self::Idle(_) => false,
        };
        let usable = if right_kind { self.kept().alive(now) } else { Err(Unusable::WrongKind) };
        match usable {
            Ok(()) => Ok(UsableKey(self)),
            Err(why) => Err((self, why)),
        }
    }

    /// The proof that this credential may sign in `recipe`'s dialect at `now`; it is given back where it may not.
    pub(crate) fn into_secret(
        self,
        recipe: &Recipe,
        now: UnixTime,
    ) -> Result<UsableSecret, (Self, Unusable)> {
        match self {
            Self::Signing(signing) if signing.recipe.name() == recipe.name() => match signing.kept.alive(now)
            {
                Ok(()) => Ok(UsableSecret(signing)),
                Err(why) => Err((Self::Signing(signing), why)),
            },
            Self::Key(_) | Self::Signing(_) | Self::Idle(_) => Err((self, Unusable::WrongKind)),
        }
    }
}

impl HasDigest for Entry {
    fn digest(&self) -> &KeyDigest {
        self.kept().digest()
    }
}

/// Proof: an API key that works here and now.
pub(crate) struct UsableKey(Entry);

impl UsableKey {
    pub(crate) fn into_entry(self) -> Entry {
        self.0
    }

    /// The same without giving up the proof.
    pub(crate) fn entry(&self) -> Entry {
        self.0.clone()
    }
}

/// Proof: a signing secret that works here and now.
pub(crate) struct UsableSecret(Arc<Signing>);

impl UsableSecret {
    pub(crate) fn into_entry(self) -> Entry {
        Entry::Signing(self.0)
    }

    /// The same without giving up the secret.
    pub(crate) fn entry(&self) -> Entry {
        Entry::Signing(Arc::clone(&self.0))
    }

    /// Whether it is the same secret of the same credential.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.kept.key_id() == other.0.kept.key_id() && self.0.secret == other.0.secret
    }

    /// Where its signatures and nonces are claimed.
    pub(crate) fn replay_scope(&self) -> ReplayScope {
        ReplayScope { key_id: self.0.kept.key_id().clone(), dialect: self.0.recipe.name().clone() }
    }

    /// The key that checks signatures.
    pub(crate) fn key(&self) -> &PreparedKey {
        &self.0.key
    }
}
