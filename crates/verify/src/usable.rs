//! A credential that works here and now: the only way to its secret.

use std::sync::Arc;

use countersign_dialect::{PreparedKey, Recipe};
use countersign_model::{ConsumerState, Phase, UnixTime};
use countersign_store::{Held, ReplayScope};

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
/// works: ask [`Entry::as_key`] or [`Entry::as_secret`].
#[derive(Clone)]
pub(crate) enum Entry {
    /// Presented whole.
    Key(Arc<Held>),
    /// Checks signatures of one dialect, and opens routes alone as far as the recipe says.
    Signing(Arc<Signing>),
    /// Its dialect is not configured.
    Idle(Arc<Held>),
}

/// A signing credential with its secret, opened and made ready.
pub(crate) struct Signing {
    held: Held,
    recipe: Arc<Recipe>,
    key: PreparedKey,
}

impl Entry {
    pub(crate) fn signing(held: Held, recipe: Arc<Recipe>, key: PreparedKey) -> Self {
        Self::Signing(Arc::new(Signing { held, recipe, key }))
    }

    /// Who holds it, for logs and for forgetting it.
    pub(crate) fn held(&self) -> &Held {
        match self {
            Self::Key(held) | Self::Idle(held) => held,
            Self::Signing(signing) => &signing.held,
        }
    }

    /// The proof that this credential may be presented as an API key at `now`.
    pub(crate) fn as_key(&self, now: UnixTime) -> Result<UsableKey, Unusable> {
        match self {
            Self::Key(_) => {}
            Self::Signing(signing) if signing.recipe.key_alone() => {}
            Self::Signing(_) | Self::Idle(_) => return Err(Unusable::WrongKind),
        }
        alive(self.held(), now)?;
        Ok(UsableKey(self.clone()))
    }

    /// The proof that this credential may sign in `recipe`'s dialect at `now`.
    pub(crate) fn as_secret(&self, recipe: &Recipe, now: UnixTime) -> Result<UsableSecret, Unusable> {
        match self {
            Self::Signing(signing) if signing.recipe.name() == recipe.name() => {
                alive(&signing.held, now)?;
                Ok(UsableSecret(Arc::clone(signing)))
            }
            Self::Key(_) | Self::Signing(_) | Self::Idle(_) => Err(Unusable::WrongKind),
        }
    }
}

fn alive(held: &Held, now: UnixTime) -> Result<(), Unusable> {
    match held.credential.life.phase(now) {
        Phase::Active | Phase::Rotating => {}
        ended @ (Phase::Expired | Phase::Revoked) => return Err(Unusable::Ended(ended)),
    }
    match held.consumer.state {
        ConsumerState::Enabled => Ok(()),
        ConsumerState::Disabled { .. } => Err(Unusable::ConsumerDisabled),
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
        let (one, other) = (&self.0.held.credential, &other.0.held.credential);
        one.key_id == other.key_id && one.kind == other.kind
    }

    /// Where its signatures and nonces are claimed.
    pub(crate) fn replay_scope(&self) -> ReplayScope {
        ReplayScope { key_id: self.0.held.credential.key_id.clone(), dialect: self.0.recipe.name().clone() }
    }

    /// The key that checks signatures.
    pub(crate) fn key(&self) -> &PreparedKey {
        &self.0.key
    }
}
