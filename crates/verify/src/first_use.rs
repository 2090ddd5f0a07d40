//! Step nine: what serves once has not served before.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_dialect::{Claim, Fresh, Part, Recipe, Replay, SignatureValid};
use countersign_model::{Phase, UnixTime};
use countersign_store::{Increase, Keep, Once, ReplayScope, ReplayToken, Store, StoreError};

use crate::{Reason, SignatureUse, Unusable};

/// The most digits of a nonce that must grow: as many as 128 bits always hold. Zeros in front count.
const NONCE_DIGITS: usize = 38;

/// Proof: the signature may serve now. Only [`Guard::claim`] makes one.
pub(crate) enum FirstUse {
    /// It may serve as often as its time lets it.
    NotGuarded(NotGuarded),
    /// It serves once, and this is that once.
    Claimed(Claimed),
}

/// Proof: neither the dialect nor the route asks for one use.
pub(crate) struct NotGuarded(());

/// Proof: storage said that nobody had claimed it before.
pub(crate) struct Claimed(());

/// What is to be claimed for a signature that was found good.
pub(crate) struct Guard(Rule);

enum Rule {
    NotGuarded(NotGuarded),
    Signature(ReplayToken, Keep),
    Nonce(ReplayToken, Keep),
    Increasing(u128),
}

/// How it is known that a signature served before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Replayed {
    /// The signature was used.
    #[error("the signature was used before")]
    Signature,
    /// The nonce was used.
    #[error("the nonce was used before")]
    Nonce,
    /// The nonce must grow with every request, and did not.
    #[error("the nonce is not greater than one that was used before")]
    NotGreater,
    /// It is not known any more, and so it may have.
    #[error("what was used at that time is forgotten: a clock is behind, or was ahead")]
    Forgotten,
}

impl Guard {
    /// What is to be claimed for a signature of `claim`, once it was found fresh and valid.
    pub(crate) fn new(
        recipe: &Recipe,
        signature_use: SignatureUse,
        claim: &Claim<'_>,
        (fresh, valid): (&Fresh, &SignatureValid),
    ) -> Result<Self, Reason> {
        let nonce = || claim.nonce().ok_or(Reason::Incomplete(Part::Nonce));
        Ok(Self(match (recipe.replay(), signature_use) {
            (Replay::None, SignatureUse::AsDialect) => Rule::NotGuarded(NotGuarded(())),
            // What was signed, and not the signature as it was sent: that passes again in another case or padding,
            // beside a second one that is wrong, or as its twin (ECDSA).
            (Replay::None, SignatureUse::Once)
            | (Replay::Window, SignatureUse::AsDialect | SignatureUse::Once) => {
                Rule::Signature(token("signature", valid.signed()), keep(fresh))
            }
            // Where the dialect has its nonces used once, so are its signatures.
            (Replay::Nonce, SignatureUse::AsDialect | SignatureUse::Once) => {
                Rule::Nonce(token("nonce", nonce()?), keep(fresh))
            }
            (Replay::Increasing, SignatureUse::AsDialect | SignatureUse::Once) => {
                Rule::Increasing(number(nonce()?).ok_or(Reason::NonceNotANumber)?)
            }
        }))
    }

    /// The proof, where nothing is to be claimed.
    pub(crate) fn unguarded(self) -> Result<FirstUse, Self> {
        match self.0 {
            Rule::NotGuarded(proof) => Ok(FirstUse::NotGuarded(proof)),
            rule @ (Rule::Signature(..) | Rule::Nonce(..) | Rule::Increasing(_)) => Err(Self(rule)),
        }
    }

    /// Claims it in storage. Once this began, the signature is used up, whatever becomes of the request: a claim that
    /// is given back could be taken by whoever listens.
    pub(crate) async fn claim(
        self,
        store: &dyn Store,
        scope: impl FnOnce() -> ReplayScope,
        now: UnixTime,
    ) -> Result<Result<FirstUse, Reason>, StoreError> {
        let outcome = match self.0 {
            Rule::NotGuarded(proof) => Ok(FirstUse::NotGuarded(proof)),
            Rule::Signature(token, keep) => {
                once(store.claim_once(&scope(), &token, keep, now).await?, Replayed::Signature)
            }
            Rule::Nonce(token, keep) => {
                once(store.claim_once(&scope(), &token, keep, now).await?, Replayed::Nonce)
            }
            Rule::Increasing(number) => match store.claim_increasing(&scope(), number).await? {
                Increase::Increased => Ok(FirstUse::Claimed(Claimed(()))),
                Increase::NotGreater => Err(Reason::Replayed(Replayed::NotGreater)),
                Increase::NoCredential => Err(gone()),
            },
        };
        Ok(outcome)
    }
}

fn once(claimed: Once, what: Replayed) -> Result<FirstUse, Reason> {
    match claimed {
        Once::First => Ok(FirstUse::Claimed(Claimed(()))),
        Once::Seen => Err(Reason::Replayed(what)),
        Once::Expired => Err(Reason::Replayed(Replayed::Forgotten)),
        Once::NoCredential => Err(gone()),
    }
}

/// Storage knows of an end that the change feed has not told yet.
fn gone() -> Reason {
    Reason::Unusable(Unusable::Ended(Phase::Revoked))
}

/// A digest of `text`, which is of that kind.
fn token(kind: &str, text: &[u8]) -> ReplayToken {
    let mut context = Context::new(&SHA256);
    for part in [kind.as_bytes(), b"\0", text] {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    ReplayToken(digest)
}

/// Times are judged in whole seconds: what is fresh is so to the end of that second.
fn keep(fresh: &Fresh) -> Keep {
    fresh.until().map_or(Keep::WithCredential, |until| {
        Keep::Until(UnixTime::from_secs(until.secs()).plus(Duration::from_millis(999)))
    })
}

/// A whole number in decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u128> {
    if text.is_empty() || text.len() > NONCE_DIGITS {
        return None;
    }
    text.iter().try_fold(0_u128, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u128::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_that_must_grow_is_a_number_in_digits() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"1795262400123"), Some(1_795_262_400_123));
        assert_eq!(number(b"0007"), Some(7));
        assert_eq!(number(&[b'9'; NONCE_DIGITS]), Some(10_u128.pow(38) - 1));
        for no_number in ["", "-1", "+1", " 1", "1 ", "1.5", "1e9", "0x10", "\u{661}", "1_0", "1795262400,1"]
        {
            assert_eq!(number(no_number.as_bytes()), None, "{no_number:?}");
        }
        assert_eq!(number(&[b'0'; NONCE_DIGITS + 1]), None);
    }

    #[test]
    fn a_nonce_is_no_signature() {
        assert_ne!(token("nonce", b"x"), token("signature", b"x"));
    }
}
