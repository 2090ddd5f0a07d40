//! A wallet logs in.

use std::cell::LazyCell;

use countersign_model::{Address, Entropy, Generation, NotAnAddress, Session, SessionId, UnixTime};
use countersign_store::{Begun, StoreError};
use countersign_token::jwt::KeyRing;
use countersign_wallet::{BadSignature, SignedBy, WalletSignature, eip55, signed_by};
use smallvec::SmallVec;

use crate::Wallets;
use crate::nonce::Bucket;
use crate::pair::{NotIssued, Pair};

/// What a login says.
#[derive(Clone, Copy)]
pub struct LoginRequest<'a> {
    /// The address, as the client wrote it.
    pub address: &'a str,
    /// The signature: `0x` and 130 hex digits.
    pub signature: &'a str,
}

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The address cannot be read: a malformed request.
    #[error("{0}")]
    Address(NotAnAddress),
    /// The signature is not good.
    #[error("{0}")]
    Refused(Refused),
    /// Storage failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
    /// The tokens could not be minted.
    #[error("{0}")]
    NotIssued(#[from] NotIssued),
}

/// Why a login was refused, for operators: the caller sees one answer for all.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The signature is not one of an externally owned account.
    #[error("{0}")]
    Signature(BadSignature),
    /// It is one of another account, or over another text: a stale or spent nonce, another network.
    #[error("the signature is not one of this address over a fresh nonce")]
    NoNonce,
    /// Another login spent the nonce at the same time.
    #[error("the nonce was spent by another login")]
    Spent,
}

impl Wallets {
    /// Begins a session for the owner of an address, who proves it by a signature over a fresh nonce. Of any number of
    /// logins with one nonce, one succeeds.
    ///
    /// The login does not say which nonce was signed, nor in which form the address stood in the text: each that is
    /// good now is tried, the likeliest first. The number of networks bounds how many there are.
    pub async fn login(
        &self,
        request: LoginRequest<'_>,
        keys: &KeyRing,
        now: UnixTime,
        entropy: &dyn Entropy,
    ) -> Result<Pair, LoginError> {
        let address = Address::parse(request.address).map_err(LoginError::Address)?;
        // A contract wallet (EIP-1271) signs in a form of its own, which this refuses by name; a check that asks the
        // contract would be tried here, and would have to give the same proof.
        let signature = WalletSignature::parse(request.signature)
            .map_err(|why| LoginError::Refused(Refused::Signature(why)))?;

        let generation = self.store.generation(address).await?;
        let proof = self
            .proof(request.address, address, generation, &signature, now)
            .ok_or(LoginError::Refused(Refused::NoNonce))?;
        // After the generation, see `Grants::granted`.
        let scopes = self.store.granted(address).await?;

        // In the order of time (RFC 9562 section 5.7), so that sessions that begin together lie together in storage.
        let mut rest = [0; 10];
        entropy.fill(&mut rest);
        let id = uuid::Builder::from_unix_timestamp_millis(now.millis().cast_unsigned(), &rest);
        let session = Session {
            id: SessionId(id.into_uuid()),
            address: proof.address(),
            counter: 0,
            refreshed_at: now,
            scopes,
            expires_at: self.refresh_expiry(now),
            ended: None,
        };
        let pair = self.pair(&session, keys)?;
        match self.store.begin_session(generation, &session).await? {
            Begun::Begun => Ok(pair),
            Begun::Raced => Err(LoginError::Refused(Refused::Spent)),
        }
    }

    fn proof(
        &self,
        as_sent: &str,
        address: Address,
        generation: Generation,
        signature: &WalletSignature,
        now: UnixTime,
    ) -> Option<SignedBy> {
        // Hardly anybody signs another form than he sends, and one of them takes a hash.
        let others = LazyCell::new(|| {
            let mut others: SmallVec<[String; 2]> = SmallVec::new();
            for form in [eip55(&address), address.to_string()] {
                if form != as_sent && !others.contains(&form) {
                    others.push(form);
                }
            }
            others
        });
        let signed = |form: &str, nonce| {
            let text = format!("{form} {nonce}");
            // Nobody's, or another's.
            signed_by(address, text.as_bytes(), signature).ok()
        };
        for bucket in Bucket::good_at(now) {
            for network in &self.settings.networks {
                let nonce = self.nonce_key.nonce(network, address, bucket, generation);
                let proof =
                    signed(as_sent, nonce).or_else(|| others.iter().find_map(|form| signed(form, nonce)));
                if proof.is_some() {
                    return proof;
                }
            }
        }
        None
    }
}
