//! The body of a request whose signatures are to be checked, and what became of them while it came.

use std::sync::Arc;

use bytes::Bytes;
use countersign_dialect::{BodyUse, Mismatch, Request, SignatureValid, Verification};

use crate::decide::{Admitted, AllAdmitted, refused};
use crate::verified::Evidence;
use crate::{Begun, BodySource, Caller, Failure, Outage, Reason, Requirement, Scheme};

/// What there was to be had of a body after everything that needs none of it.
pub(crate) enum Rest<'a> {
    /// No check that is left needs it.
    NotNeeded,
    /// All of it.
    Whole(Bytes),
    /// It went by, and these are the answers.
    Passed(Box<Passed<'a>>),
}

/// What became of the signatures over a body that went by.
pub(crate) struct Passed<'a> {
    /// One for each claim that was admitted; none for those that need no body.
    answers: Vec<Option<Result<SignatureValid, Mismatch>>>,
    /// Whom the body was said to be from.
    told: Option<Caller>,
    requirement: &'a Requirement,
}

impl<'a> Rest<'a> {
    /// Reads the body as far as the claims that were admitted need it. Where all of them can be checked while a long
    /// one comes, it is not kept.
    pub(crate) async fn of<B: BodySource>(
        admitted: &AllAdmitted<'_>,
        request: &Request<'_>,
        requirement: &'a Requirement,
        body: &mut B,
    ) -> Result<Self, Failure> {
        match admitted.iter().map(Admitted::body_use).max().unwrap_or(BodyUse::Unused) {
            BodyUse::Unused => Ok(Self::NotNeeded),
            BodyUse::Signed | BodyUse::Read => Ok(Self::Whole(body.read().await?)),
            BodyUse::Streamed => match body.begin().await? {
                Begun::Whole(whole) => Ok(Self::Whole(whole)),
                Begun::Long => {
                    let told = expected(admitted, requirement);
                    let mut running = begin(admitted, request)?;
                    let mut take = |piece: &[u8]| {
                        for verification in running.iter_mut().flatten() {
                            verification.update(piece);
                        }
                    };
                    // Long bodies are few, and every connection has room for whatever it may wait for.
                    Box::pin(body.pass(told.as_ref(), &mut take)).await?;
                    let answers = running.into_iter().map(|running| running.map(Verification::finish));
                    Ok(Self::Passed(Box::new(Passed { answers: answers.collect(), told, requirement })))
                }
            },
        }
    }
}

impl Rest<'_> {
    /// Whether it may have taken long to come.
    pub(crate) fn was_waited_for(&self) -> bool {
        match self {
            Self::NotNeeded => false,
            Self::Whole(_) | Self::Passed(_) => true,
        }
    }

    /// Fails where what was done with the body was not for these claims, which were admitted anew since `before`.
    pub(crate) fn is_of(&self, before: &AllAdmitted<'_>, now: &AllAdmitted<'_>) -> Result<(), Failure> {
        let Self::Passed(passed) = self else { return Ok(()) };
        for (before, now) in before.iter().zip(now) {
            if let (Admitted::Signed { secrets, .. }, Admitted::Signed { secrets: others, .. }) =
                (before, now)
                && !secrets.first().is(others.first())
            {
                return Err(Failure::Unavailable(Outage::Changed));
            }
        }
        let same = match (&passed.told, expected(now, passed.requirement)) {
            (Some(told), Some(now)) => told.is_told_like(&now),
            (None, _) => true,
            (Some(_), None) => false,
        };
        if same && before.len() == now.len() { Ok(()) } else { Err(Failure::Unavailable(Outage::Changed)) }
    }

    /// The answer to the claim at `place`; `verify` checks it against the request, as far as that is there.
    pub(crate) fn signature(
        &self,
        place: usize,
        request: &Request<'_>,
        verify: impl FnOnce(&Request<'_>) -> Result<SignatureValid, Mismatch>,
    ) -> Result<SignatureValid, Mismatch> {
        match self {
            Self::NotNeeded => verify(request),
            Self::Whole(whole) => verify(&Request { body: Some(whole), ..*request }),
            Self::Passed(passed) => match passed.answers.get(place) {
                Some(Some(answer)) => answer.clone(),
                Some(None) | None => verify(request),
            },
        }
    }
}

/// Begins to check the signatures that cover the body.
fn begin<'a>(
    admitted: &'a AllAdmitted<'_>,
    request: &Request<'a>,
) -> Result<Vec<Option<Verification<'a>>>, Failure> {
    let begin = |claim: &'a Admitted<'_>| match (claim, claim.body_use()) {
        (Admitted::Done(_), _) | (Admitted::Signed { .. }, BodyUse::Unused) => Ok(None),
        (Admitted::Signed { recipe, claim, secrets, .. }, _) => {
            let secret = secrets.first();
            recipe.begin(claim, request, secret.key()).map(Some).map_err(|why| {
                refused(Scheme::Signature(Arc::clone(recipe)), Some(&secret.entry()), Reason::Mismatch(why))
            })
        }
    };
    admitted.iter().map(begin).collect()
}

/// Who it will be if the signatures hold; none where the request is refused all the same.
fn expected(admitted: &AllAdmitted<'_>, requirement: &Requirement) -> Option<Caller> {
    let mut caller = Caller::default();
    for claim in admitted {
        match claim {
            Admitted::Done(Evidence::ApiKey(key)) => caller.add_app(key.entry()).ok()?,
            Admitted::Done(Evidence::AccessToken(valid, _)) => caller.add_user(valid.clone()),
            Admitted::Done(Evidence::Signature(secret, ..)) => caller.add_app(secret.entry()).ok()?,
            Admitted::Signed { secrets, .. } => caller.add_app(secrets.first().entry()).ok()?,
        }
    }
    caller.permit(requirement).ok()?;
    Some(caller)
}
