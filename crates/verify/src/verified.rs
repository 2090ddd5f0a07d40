//! The yes, and what it was built from.

use std::borrow::Cow;
use std::fmt;

use countersign_dialect::{Fresh, SignatureValid};
use countersign_limit::Standing;
use countersign_model::{Address, ConsumerId, ConsumerName, KeyId, Principal, Scopes};
use countersign_token::jwt::{AccessClaims, AccessTokenValid};

use crate::first_use::{Claimed, FirstUse, NotGuarded};
use crate::memory::Memory;
use crate::quota::Counted;
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
        self.0.kept().consumer().id
    }

    /// What people call it.
    pub fn name(&self) -> &ConsumerName {
        &self.0.kept().consumer().name
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0
    }

    /// The credential it used.
    pub fn key_id(&self) -> &KeyId {
        self.0.kept().key_id()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({} of {})", self.key_id(), self.name())
    }
}

/// Who is calling: at most one consumer, at most one wallet. By itself it proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    app: Option<App>,
    user: Option<User>,
}

/// The wallet behind a request, as its token says.
#[derive(Clone)]
struct User(AccessTokenValid);

impl User {
    fn address(&self) -> Address {
        self.0.claims().address
    }

    fn scopes(&self) -> &Scopes {
        &self.0.claims().scopes
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.address())
    }
}

impl Caller {
    /// The consumer, where there is one.
    pub fn app(&self) -> Option<&App> {
        self.app.as_ref()
    }

    /// The consumer, for whoever keeps it.
    pub fn into_app(self) -> Option<App> {
        self.app
    }

    /// The wallet, where there is one.
    pub fn user(&self) -> Option<Address> {
        self.user.as_ref().map(User::address)
    }

    /// The scopes of both together.
    pub fn scopes(&self) -> Cow<'_, Scopes> {
        match (&self.app, &self.user) {
            (Some(app), Some(user)) => Cow::Owned(app.0.kept().scopes().union(user.scopes())),
            (Some(app), None) => Cow::Borrowed(app.0.kept().scopes()),
            (None, Some(user)) => Cow::Borrowed(user.scopes()),
            (None, None) => Cow::Owned(Scopes::default()),
        }
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

    pub(crate) fn add_app(&mut self, entry: Entry) -> Result<(), Reason> {
        let app = App(entry);
        match &self.app {
            Some(known) if known.id() != app.id() => Err(Reason::TwoConsumers),
            Some(_) | None => {
                self.app = Some(app);
                Ok(())
            }
        }
    }

    pub(crate) fn add_user(&mut self, token: AccessTokenValid) {
        self.user = Some(User(token));
    }

    /// Whether everything that upstreams are told is the same.
    pub(crate) fn is_told_like(&self, other: &Self) -> bool {
        let app = |caller: &Self| {
            caller.app.as_ref().map(|app| (app.id(), app.name().clone(), app.key_id().clone()))
        };
        app(self) == app(other) && self.user() == other.user() && self.scopes() == other.scopes()
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

/// Who proved themselves. Whether they may pass is another question.
pub(crate) struct Proven(Caller);

impl Proven {
    /// Nobody: what a route asks for that requires nothing, and whom the first proof is added to.
    pub(crate) fn nobody() -> Self {
        Self(Caller::default())
    }

    /// Adds whom these proofs prove.
    pub(crate) fn add(&mut self, proof: Evidence) -> Result<(), Reason> {
        match proof {
            Evidence::ApiKey(key) => self.0.add_app(key.into_entry())?,
            Evidence::Signature(
                secret,
                Fresh { .. },
                SignatureValid { .. },
                FirstUse::NotGuarded(NotGuarded { .. }) | FirstUse::Claimed(Claimed { .. }),
            ) => self.0.add_app(secret.into_entry())?,
            Evidence::AccessToken(valid, LiveSession(())) => self.0.add_user(valid),
        }
        Ok(())
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.0
    }
}

/// A request that may pass, and who sent it. Built here and only here, out of proofs.
#[derive(Debug)]
pub struct Verified {
    caller: Caller,
    counted: Counted,
}

impl Verified {
    pub(crate) fn new(Proven(caller): Proven, _: Permit, counted: Counted) -> Self {
        Self { caller, counted }
    }

    /// Who sent it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who sent it, for whoever keeps that.
    pub fn into_caller(self) -> Caller {
        self.caller
    }

    /// The consumer, where one proved itself.
    pub fn app(&self) -> Option<&App> {
        self.caller.app()
    }

    /// The wallet, where one proved itself.
    pub fn user(&self) -> Option<Address> {
        self.caller.user()
    }

    /// The scopes of everybody who proved themselves, together.
    pub fn scopes(&self) -> Cow<'_, Scopes> {
        self.caller.scopes()
    }

    /// How the caller stands with the limits of the route.
    pub fn standings(&self) -> &[Standing] {
        self.counted.standings()
    }

    /// Who is acting, the user before the app.
    pub fn principals(&self) -> impl Iterator<Item = Principal> + '_ {
        self.caller.principals()
    }
}
