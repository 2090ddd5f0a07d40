//! The yes, and what it was built from.

use std::borrow::Cow;
use std::fmt;

use countersign_dialect::{Fresh, SignatureValid};
use countersign_model::{Address, ConsumerId, ConsumerName, KeyId, Principal, Scopes};
use countersign_token::jwt::{AccessClaims, AccessTokenValid};
use smallvec::SmallVec;

use crate::first_use::{Claimed, FirstUse, NotGuarded};
use crate::memory::Memory;
use crate::usable::{Entry, UsableKey, UsableSecret};
use crate::{Reason, Requirement};

/// The proofs of one scheme, all of them.
pub(crate) enum Evidence {
    /// An API key that works.
    ApiKey(UsableKey),
    /// A signature: its credential, its time and the signature itself were good, and it may serve now.
    Signature(UsableSecret, Fresh, SignatureValid, FirstUse),
    /// An access token of a session that was not ended.
    AccessToken(AccessTokenValid, LiveSession),
}

pub(crate) type AllEvidence = SmallVec<[Evidence; 2]>;

/// Proof: the session was not ended.
pub(crate) struct LiveSession(());

impl LiveSession {
    /// The proof that the session of an access token goes on; none where it was ended.
    pub(crate) fn check(memory: &Memory, claims: &AccessClaims) -> Option<Self> {
        (!memory.is_ended(&claims.session)).then_some(Self(()))
    }
}

/// Proof: the scopes suffice.
pub(crate) struct Permit(());

/// The consumer behind a request.
#[derive(Clone)]
pub struct App(Entry);

impl App {
    /// Its identity.
    pub fn id(&self) -> ConsumerId {
        self.0.held().consumer.id
    }

    /// What people call it.
    pub fn name(&self) -> &ConsumerName {
        &self.0.held().consumer.name
    }

    /// The credential it used.
    pub fn key_id(&self) -> &KeyId {
        &self.0.held().credential.key_id
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({} of {})", self.key_id(), self.name())
    }
}

/// Who proved themselves. Whether they may pass is another question.
#[derive(Debug, Default)]
pub(crate) struct Proven {
    app: Option<App>,
    user: Option<(Address, Scopes)>,
}

impl Proven {
    /// Puts the proofs together: at most one consumer, at most one wallet.
    pub(crate) fn from_evidence(evidence: AllEvidence) -> Result<Self, Reason> {
        let mut proven = Self::default();
        for proof in evidence {
            match proof {
                Evidence::ApiKey(key) => proven.add(App(key.into_entry()))?,
                Evidence::Signature(
                    secret,
                    Fresh { .. },
                    SignatureValid { .. },
                    FirstUse::NotGuarded(NotGuarded { .. }) | FirstUse::Claimed(Claimed { .. }),
                ) => proven.add(App(secret.into_entry()))?,
                Evidence::AccessToken(valid, LiveSession(())) => {
                    let claims = valid.into_claims();
                    proven.user = Some((claims.address, claims.scopes));
                }
            }
        }
        Ok(proven)
    }

    fn add(&mut self, app: App) -> Result<(), Reason> {
        match &self.app {
            Some(known) if known.id() != app.id() => Err(Reason::TwoConsumers),
            Some(_) | None => {
                self.app = Some(app);
                Ok(())
            }
        }
    }

    /// The credential of the consumer, where one proved itself.
    pub(crate) fn key_id(&self) -> Option<&KeyId> {
        self.app.as_ref().map(App::key_id)
    }

    /// The scopes of everybody who proved themselves, together.
    fn scopes(&self) -> Cow<'_, Scopes> {
        match (&self.app, &self.user) {
            (Some(app), Some((_, granted))) => Cow::Owned(app.0.held().credential.scopes.union(granted)),
            (Some(app), None) => Cow::Borrowed(&app.0.held().credential.scopes),
            (None, Some((_, granted))) => Cow::Borrowed(granted),
            (None, None) => Cow::Owned(Scopes::default()),
        }
    }

    /// The proof that these scopes suffice, or what is missing.
    pub(crate) fn permit(&self, requirement: &Requirement) -> Result<Permit, Reason> {
        if requirement.scopes().is_empty() {
            return Ok(Permit(()));
        }
        let held = self.scopes();
        let missing: Scopes = requirement.scopes().missing_from(&held).cloned().collect();
        if missing.is_empty() { Ok(Permit(())) } else { Err(Reason::Scopes(missing)) }
    }
}

/// A request that may pass, and who sent it. Built here and only here, out of proofs.
#[derive(Debug)]
pub struct Verified(Proven);

impl Verified {
    pub(crate) fn new(proven: Proven, _: Permit) -> Self {
        Self(proven)
    }

    /// The verdict of a route that requires nothing: nobody is known.
    pub(crate) fn nobody() -> Self {
        Self(Proven::default())
    }

    /// The consumer, where one proved itself.
    pub fn app(&self) -> Option<&App> {
        self.0.app.as_ref()
    }

    /// The wallet, where one proved itself.
    pub fn user(&self) -> Option<Address> {
        self.0.user.as_ref().map(|(address, _)| *address)
    }

    /// The scopes of everybody who proved themselves, together.
    pub fn scopes(&self) -> Cow<'_, Scopes> {
        self.0.scopes()
    }

    /// Who is acting, the user before the app.
    pub fn principals(&self) -> impl Iterator<Item = Principal> + '_ {
        let user = self.user().map(|address| Principal::Wallet { address });
        let app = self.app().map(|app| Principal::Consumer {
            id: app.id(),
            name: app.name().clone(),
            key_id: app.key_id().clone(),
        });
        user.into_iter().chain(app)
    }
}
