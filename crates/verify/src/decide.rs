//! One request, top to bottom.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_dialect::{self as dialect, BodyUse, Dialects, Fresh, Recipe, Request, SignatureValid};
use countersign_limit::Limiter;
use countersign_model::{ConsumerName, CredentialKind, KeyDigest, KeyId, SessionId, TokenKeyId, UnixTime};
use countersign_store::{BATCH_LIMIT, Batch, Change, Cursor, Held, Store};
use countersign_token::jwt::{KeyRing, NotAKeyRing};
use countersign_token::{Binding, MasterKey, Sealer, key};
use http::HeaderName;
use smallvec::SmallVec;

use crate::first_use::{FirstUse, Guard};
use crate::imported::{Imported, ours};
use crate::kept::Kept;
use crate::memory::{Memory, SignersOf};
use crate::quota::{Arrival, Counted, Guesses};
use crate::read::{Claim, Claims, claims};
use crate::secrets::Secrets;
use crate::streamed::Rest;
use crate::tokens::Tokens;
use crate::usable::{Entry, Unusable, UsableSecret};
use crate::verified::{Evidence, LiveSession, Permit, Proven};
use crate::{
    Accept, BodySource, Caller, Denial, Failure, Outage, Reason, Requirement, Scheme, SignatureUse,
    UnsignedQuery, Verdict, Verified,
};

/// What a [`Verifier`] is made from.
pub struct VerifierSettings {
    /// Where credentials, sessions and token keys are.
    pub store: Arc<dyn Store>,
    /// What opens the signing secrets.
    pub master: Arc<MasterKey>,
    /// The dialects that are configured.
    pub dialects: Dialects,
    /// Where an API key stands, such as `X-API-Key`.
    pub api_key_header: HeaderName,
    /// The issuer of our tokens; none where there is no wallet login.
    pub issuer: Option<String>,
    /// What counts requests.
    pub limiter: Arc<Limiter>,
    /// How many credentials that do not prove themselves may come from one address.
    pub guesses: Guesses,
}

/// Decides. One serves all threads; nothing on a request's path takes a lock.
pub struct Verifier {
    settings: VerifierSettings,
    sealer: Sealer,
    memory: Memory,
    tokens: ArcSwapOption<Tokens>,
    /// One reader of the feed at a time, so that an older reading never overwrites a newer one.
    catching_up: tokio::sync::Mutex<()>,
}

pub(crate) type AllAdmitted<'c> = SmallVec<[Admitted<'c>; 1]>;

/// A claim whose credential and time were found good; what is left needs the body.
pub(crate) enum Admitted<'c> {
    Done(Evidence),
    Signed { recipe: &'c Arc<Recipe>, claim: &'c dialect::Claim<'c>, secrets: Secrets, fresh: Fresh },
}

/// A claim that is proven, or is but for its first use: what is left of that needs storage.
enum Checked<'c> {
    Done(Evidence),
    Signed {
        recipe: &'c Arc<Recipe>,
        secret: UsableSecret,
        fresh: Fresh,
        valid: SignatureValid,
        guard: Guard,
    },
}

impl Verifier {
    /// A verifier that is as good as storage is at `now`.
    pub async fn start(settings: VerifierSettings, now: UnixTime) -> Result<Self, Failure> {
        let cursor = settings.store.head().await?;
        let ended = settings.store.ended_sessions(now).await?;
        let sealer = Sealer::new(&settings.master);
        let verifier = Self {
            sealer,
            memory: Memory::new(cursor, ended, now),
            tokens: ArcSwapOption::empty(),
            catching_up: tokio::sync::Mutex::new(()),
            settings,
        };
        verifier.read_token_keys().await?;
        verifier.read_imported().await?;
        Ok(verifier)
    }

    /// Whether `request` may pass, and who sent it. `body` is read only if a check needs it, and only after the
    /// checks that do not.
    pub async fn decide<B: BodySource>(
        &self,
        request: Request<'_>,
        body: &mut B,
        requirement: &Requirement,
        arrival: Arrival,
    ) -> Verdict {
        let VerifierSettings { limiter, guesses, .. } = &self.settings;
        let mut proven = Proven::nobody();
        let permit = if matches!(requirement.accept(), Accept::Nothing) {
            proven.caller().permit(requirement).map_err(denied)?
        } else {
            guesses.may_try(limiter, arrival)?;
            let permit = self.prove(request, body, requirement, arrival, &mut proven).await;
            if let Err(Failure::Denied(denial)) = &permit {
                guesses.note(limiter, denial, arrival);
            }
            permit?
        };
        // Last: what does not pass for another reason uses nothing up.
        let counted = Counted::count(limiter, requirement.limits(), proven.caller(), arrival)?;
        Ok(Verified::new(proven, permit, counted))
    }

    /// Adds who sent `request` to `proven`, which is nobody yet, and gives the proof that they may do this.
    async fn prove<B: BodySource>(
        &self,
        request: Request<'_>,
        body: &mut B,
        requirement: &Requirement,
        arrival: Arrival,
        proven: &mut Proven,
    ) -> Result<Permit, Failure> {
        let now = arrival.at;
        self.memory.believable(now).map_err(Failure::Unavailable)?;

        let early = match requirement.body_use() {
            BodyUse::Read => Some(body.read().await?),
            BodyUse::Signed | BodyUse::Streamed | BodyUse::Unused => None,
        };
        let request = Request { body: early.as_deref(), ..request };
        let began = self.memory.epoch();
        let mut presented = Claims::new();
        claims(requirement, &self.settings.api_key_header, &request, &self.memory, &mut presented)
            .map_err(Failure::Denied)?;
        let mut admitted = AllAdmitted::new();
        self.admit_all(&presented, &request, requirement, now, &mut admitted).await?;

        let rest = match early {
            None if requirement.body_use() != BodyUse::Unused => {
                Rest::of(&admitted, &request, requirement, body).await?
            }
            None | Some(_) => Rest::NotNeeded,
        };
        // A body may be minutes on its way, and what was revoked meanwhile opens nothing.
        if rest.was_waited_for() && self.memory.epoch() != began {
            let mut anew = AllAdmitted::new();
            self.admit_all(&presented, &request, requirement, now, &mut anew).await?;
            let before = std::mem::replace(&mut admitted, anew);
            rest.is_of(&before, &admitted)?;
        }
        // All of them before any is claimed: a bad signature beside a good one uses nothing up.
        let mut checked: SmallVec<[Checked<'_>; 1]> = SmallVec::new();
        admitted.reverse();
        let count = admitted.len();
        while let Some(claim) = admitted.pop() {
            let place = count - admitted.len() - 1;
            // In the order of the route's schemes.
            match claim {
                Admitted::Done(evidence) if checked.is_empty() => proven.add(evidence).map_err(denied)?,
                claim => match claim.check(&request, &rest, place, requirement.signature_use())? {
                    Checked::Done(evidence) if checked.is_empty() => proven.add(evidence).map_err(denied)?,
                    claim => checked.push(claim),
                },
            }
        }
        // What is claimed is written to the disk: not for a caller who is over a limit.
        if checked.iter().any(Checked::claims) {
            let mut caller = proven.caller().clone();
            Checked::add_to(&mut caller, &checked).map_err(denied)?;
            Counted::look(&self.settings.limiter, requirement.limits(), &caller, arrival)?;
        }
        checked.reverse();
        while let Some(claim) = checked.pop() {
            let evidence = match claim {
                Checked::Done(evidence) => evidence,
                Checked::Signed { recipe, secret, fresh, valid, guard } => {
                    let first = self.claim(guard, recipe, &secret, now).await?;
                    Evidence::Signature(secret, fresh, valid, first)
                }
            };
            proven.add(evidence).map_err(denied)?;
        }

        let caller = proven.caller();
        caller.permit(requirement).map_err(|reason| {
            Failure::Denied(Denial {
                scheme: None,
                key_id: caller.app().map(|app| app.key_id().clone()),
                reason,
            })
        })
    }

    /// Admits each claim that a request presents, into `admitted`. What is admitted is large: it stays where it is put.
    async fn admit_all<'c>(
        &self,
        presented: &'c [Claim<'c>],
        request: &Request<'_>,
        requirement: &Requirement,
        now: UnixTime,
        admitted: &mut AllAdmitted<'c>,
    ) -> Result<(), Failure> {
        for claim in presented {
            self.admit(claim, request, requirement, now, admitted).await?;
        }
        Ok(())
    }

    /// Everything about a claim that can be known without the body: its credential, then its time.
    async fn admit<'c>(
        &self,
        claim: &'c Claim<'c>,
        request: &Request<'_>,
        requirement: &Requirement,
        now: UnixTime,
        admitted: &mut AllAdmitted<'c>,
    ) -> Result<(), Failure> {
        match claim {
            Claim::ApiKey(wire, digest) => {
                let unknown = || unknown(Scheme::ApiKey);
                // What is remembered was of the right form when it was read from storage.
                let remembered = digest.and_then(|digest| self.memory.credential(&digest));
                let entry = if let Some(entry) = remembered {
                    entry
                } else {
                    let ours = digest.filter(|_| key::check(wire).is_ok());
                    let digest = ours.or_else(|| self.memory.imported().api_key(wire));
                    self.credential(&digest.ok_or_else(unknown)?).await?.ok_or_else(unknown)?
                };
                match entry.into_key(now) {
                    Ok(usable) => admitted.push(Admitted::Done(Evidence::ApiKey(usable))),
                    Err((entry, why)) => return Err(unusable(Scheme::ApiKey, &entry, why)),
                }
            }
            Claim::Token(token) => admitted.push(Admitted::Done(self.token(token, now)?)),
            Claim::Unsigned(recipe, key_id, reason) => {
                let secrets = self.secret(recipe, key_id, now).await?;
                return Err(refused(signed_in(recipe), Some(&secrets.first().entry()), reason.clone()));
            }
            Claim::Signature(recipe, claim) => {
                let secrets = match (claim.key_id(), requirement.signer()) {
                    ("", signer) => self.signers(recipe, signer, now).await?,
                    (key_id, _) => self.secret(recipe, key_id, now).await?,
                };
                let refuse = |reason| refused(signed_in(recipe), Some(&secrets.first().entry()), reason);
                if requirement.unsigned_query() == UnsignedQuery::Refuse
                    && !recipe.covers_query()
                    && request.target.contains('?')
                {
                    return Err(refuse(Reason::UnsignedQuery));
                }
                let fresh = recipe.fresh(claim, now).map_err(|why| refuse(Reason::Untimely(why)))?;
                admitted.push(Admitted::Signed { recipe, claim, secrets, fresh });
            }
        }
        Ok(())
    }

    /// The secret of the credential that a request names.
    async fn secret(&self, recipe: &Arc<Recipe>, wire: &str, now: UnixTime) -> Result<Secrets, Failure> {
        let entry = match self.memory.named(wire) {
            Some(signing) => Entry::Signing(signing),
            None => self.signer(recipe, wire).await?,
        };
        match entry.into_secret(recipe, now) {
            Ok(secret) => Ok(Secrets::one(secret)),
            Err((entry, why)) => Err(unusable(signed_in(recipe), &entry, why)),
        }
    }

    /// The credential that a request names in that dialect.
    async fn signer(&self, recipe: &Arc<Recipe>, wire: &str) -> Result<Entry, Failure> {
        let unknown = || unknown(signed_in(recipe));
        let (began, own) = (self.memory.epoch(), ours(wire));
        let digest = own.or_else(|| self.memory.imported().key_id(recipe, wire)).ok_or_else(unknown)?;
        let entry = match self.memory.signer(&digest) {
            Some(entry) => entry,
            None => self.read_credential(&digest).await?.ok_or_else(unknown)?,
        };
        if let (Some(_), Entry::Signing(signing)) = (own, &entry) {
            self.memory.name(began, wire, signing);
        }
        Ok(entry)
    }

    /// The secrets of whoever signs where the request does not say it, the newest first.
    async fn signers(
        &self,
        recipe: &Arc<Recipe>,
        signer: Option<&ConsumerName>,
        now: UnixTime,
    ) -> Result<Secrets, Failure> {
        let Some(signer) = signer else { return Err(unknown(signed_in(recipe))) };
        let of = (signer.clone(), recipe.name().clone());
        let entries = match self.memory.signers(&of) {
            Some(entries) => entries,
            None => self.read_signers(of, now).await?,
        };
        let (mut good, mut others, mut ended) = (None, Vec::new(), None);
        for entry in &*entries {
            match (entry.clone().into_secret(recipe, now), &good) {
                (Ok(secret), None) => good = Some(secret),
                (Ok(secret), Some(_)) => others.push(secret),
                (Err(why), _) => {
                    ended.get_or_insert(why);
                }
            }
        }
        match (good, ended) {
            (Some(secret), _) => Ok(Secrets::any(secret, others)),
            (None, Some((entry, why))) => Err(unusable(signed_in(recipe), &entry, why)),
            (None, None) => Err(unknown(signed_in(recipe))),
        }
    }

    /// Claims in storage what guards a signature.
    async fn claim(
        &self,
        guard: Guard,
        recipe: &Arc<Recipe>,
        secret: &UsableSecret,
        now: UnixTime,
    ) -> Result<FirstUse, Failure> {
        let claimed = guard.claim(&*self.settings.store, || secret.replay_scope(), now).await?;
        claimed.map_err(|why| refused(signed_in(recipe), Some(&secret.entry()), why))
    }

    async fn read_signers(&self, of: SignersOf, now: UnixTime) -> Result<Arc<[Entry]>, Failure> {
        let began = self.memory.epoch();
        let held = self.settings.store.signers(&of.0, &of.1, now).await?;
        let entries: Arc<[Entry]> = held.into_iter().map(|held| self.open(held)).collect::<Result<_, _>>()?;
        self.memory.remember_signers(began, &of, Arc::clone(&entries));
        Ok(entries)
    }

    fn token(&self, token: &str, now: UnixTime) -> Result<Evidence, Failure> {
        let tokens = self.tokens.load();
        let tokens = tokens.as_ref().ok_or(Failure::Unavailable(Outage::NoTokens))?;
        let valid =
            tokens.read(token, now).map_err(|why| refused(Scheme::Wallet, None, Reason::Token(why)))?;
        let live = LiveSession::check(&self.memory, valid.claims())
            .ok_or_else(|| refused(Scheme::Wallet, None, Reason::SessionEnded))?;
        Ok(Evidence::AccessToken(valid, live))
    }

    /// The credential that is found by a digest, in memory or in storage.
    async fn credential(&self, digest: &KeyDigest) -> Result<Option<Entry>, Failure> {
        match self.memory.credential(digest) {
            Some(entry) => Ok(Some(entry)),
            None => self.read_credential(digest).await,
        }
    }

    /// The credential that is found by a digest in storage. It is remembered.
    async fn read_credential(&self, digest: &KeyDigest) -> Result<Option<Entry>, Failure> {
        let began = self.memory.epoch();
        let Some(held) = self.settings.store.credential_by_digest(digest).await? else { return Ok(None) };
        let entry = self.open(held)?;
        self.memory.remember(began, entry.clone());
        Ok(Some(entry))
    }

    fn open(&self, held: Held) -> Result<Entry, Failure> {
        let kind = held.credential.kind.clone();
        let kept = Kept::of(held, self.memory.consumers(), &self.settings.limiter);
        let CredentialKind::Signature { dialect, secret } = kind else {
            return Ok(Entry::Key(kept));
        };
        let Some(recipe) = self.settings.dialects.get(&dialect) else {
            return Ok(Entry::Idle(kept));
        };
        let key_id = kept.key_id();
        let plain = self
            .sealer
            .open(&secret, Binding { key_id, dialect: &dialect })
            .map_err(|_| Failure::Unavailable(Outage::Sealed(key_id.clone())))?;
        let key = recipe.prepare(plain.expose());
        Ok(Entry::signing(kept, secret, Arc::clone(recipe), key))
    }

    /// Reads the change feed up to its end and takes it in: what changed before this call is in effect after it.
    /// To be called several times a second, and before an answer that says that something was ended.
    pub async fn catch_up(&self, now: UnixTime) -> Result<(), Failure> {
        let _turn = self.catching_up.lock().await;
        let store = &self.settings.store;
        loop {
            match store.changes_since(self.memory.cursor()).await? {
                Batch::Changes(changes, cursor) => {
                    if changes.contains(&Change::TokenKeys) {
                        self.read_token_keys().await?;
                    }
                    if changes.iter().any(|change| matches!(change, Change::Credential(_))) {
                        self.read_imported().await?;
                    }
                    self.memory.apply(&changes, cursor);
                    if changes.len() < BATCH_LIMIT {
                        break;
                    }
                }
                Batch::Reset(cursor) => {
                    self.memory.remember_ended(store.ended_sessions(now).await?);
                    self.read_token_keys().await?;
                    self.read_imported().await?;
                    self.memory.forget_credentials(cursor);
                }
            }
        }
        self.memory.read_at(now);
        Ok(())
    }

    /// How far the change feed was taken in.
    pub fn applied(&self) -> Cursor {
        self.memory.cursor()
    }

    /// When the change feed was read last.
    pub fn read_at(&self) -> UnixTime {
        self.memory.was_read_at()
    }

    /// Forgets ended sessions whose tokens have expired. To be called now and then.
    pub async fn tidy(&self, now: UnixTime) -> Result<(), Failure> {
        // Memory first, storage second: a session that is ended in between is in neither list and stays.
        let remembered = self.memory.ended();
        let living: HashSet<SessionId> = self.settings.store.ended_sessions(now).await?.into_iter().collect();
        remembered
            .iter()
            .filter(|session| !living.contains(session))
            .for_each(|gone| self.memory.forget_ended(gone));
        Ok(())
    }

    async fn read_imported(&self) -> Result<(), Failure> {
        let found = self.settings.store.imported_for().await?;
        self.memory.set_imported(Imported::new(found, &self.settings.dialects));
        Ok(())
    }

    async fn read_token_keys(&self) -> Result<(), Failure> {
        let Some(issuer) = &self.settings.issuer else { return Ok(()) };
        let keys = self.settings.store.token_keys().await?;
        let ids: Vec<TokenKeyId> = keys.into_iter().map(|key| key.id).collect();
        let tokens = match KeyRing::new(&self.settings.master, issuer, &ids) {
            Ok(ring) => Some(Arc::new(Tokens::new(ring))),
            Err(NotAKeyRing::Empty) => None,
            Err(why) => return Err(Failure::Unavailable(Outage::TokenKeys(why))),
        };
        self.tokens.store(tokens);
        Ok(())
    }

    /// The token keys as they are now; none where there is no wallet login.
    pub fn token_keys(&self) -> Option<Arc<KeyRing>> {
        self.tokens.load().as_ref().map(|tokens| Arc::clone(tokens.ring()))
    }
}

impl<'c> Admitted<'c> {
    /// What is still to be done with the body for its sake.
    pub(crate) fn body_use(&self) -> BodyUse {
        match self {
            Self::Done(_) => BodyUse::Unused,
            Self::Signed { recipe, claim, secrets, .. } => match recipe.body_use_in(claim) {
                // Whoever is told of the caller before the body has passed must be told right.
                BodyUse::Streamed if secrets.are_several() => BodyUse::Signed,
                body_use => body_use,
            },
        }
    }

    /// Checks the signature, and finds what guards it.
    fn check(
        self,
        request: &Request<'_>,
        rest: &Rest<'_>,
        place: usize,
        signature_use: SignatureUse,
    ) -> Result<Checked<'c>, Failure> {
        let (recipe, claim, mut secrets, fresh) = match self {
            Self::Done(evidence) => return Ok(Checked::Done(evidence)),
            Self::Signed { recipe, claim, secrets, fresh } => (recipe, claim, secrets, fresh),
        };
        let valid = rest
            .signature(place, request, |request| secrets.verify(|key| recipe.verify(claim, request, key)));
        let secret = secrets.into_first();
        let checked = valid
            .map_err(Reason::Mismatch)
            .and_then(|valid| Ok((valid, Guard::new(recipe, signature_use, claim, (&fresh, &valid))?)));
        match checked {
            Ok((valid, guard)) => Ok(match guard.unguarded() {
                Ok(first) => Checked::Done(Evidence::Signature(secret, fresh, valid, first)),
                Err(guard) => Checked::Signed { recipe, secret, fresh, valid, guard },
            }),
            Err(why) => Err(refused(signed_in(recipe), Some(&secret.into_entry()), why)),
        }
    }
}

impl Checked<'_> {
    /// Whether something is to be claimed for it.
    fn claims(&self) -> bool {
        match self {
            Self::Done(_) => false,
            Self::Signed { .. } => true,
        }
    }

    /// Adds whom they will prove once each has served for the first time.
    fn add_to(caller: &mut Caller, all: &[Self]) -> Result<(), Reason> {
        for one in all {
            match one {
                Self::Done(Evidence::ApiKey(key)) => caller.add_app(key.entry())?,
                Self::Done(Evidence::AccessToken(valid, _)) => caller.add_user(valid.clone()),
                Self::Done(Evidence::Signature(secret, ..)) | Self::Signed { secret, .. } => {
                    caller.add_app(secret.entry())?;
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn denied(reason: Reason) -> Failure {
    Failure::Denied(Denial { scheme: None, key_id: None, reason })
}

pub(crate) fn refused(scheme: Scheme, entry: Option<&Entry>, reason: Reason) -> Failure {
    let key_id: Option<KeyId> = entry.map(|entry| entry.kept().key_id().clone());
    Failure::Denied(Denial { scheme: Some(scheme), key_id, reason })
}

fn signed_in(recipe: &Arc<Recipe>) -> Scheme {
    Scheme::Signature(Arc::clone(recipe))
}

fn unknown(scheme: Scheme) -> Failure {
    refused(scheme, None, Reason::UnknownKey)
}

fn unusable(scheme: Scheme, entry: &Entry, why: Unusable) -> Failure {
    refused(scheme, Some(entry), Reason::Unusable(why))
}
