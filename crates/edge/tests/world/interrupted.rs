//! Bodies during which something happens.

use std::time::Duration;

use bytes::Bytes;
use countersign_manage::Rotation;
use countersign_model::KeyId;
use countersign_token::Sealer;
use countersign_verify::{Begun, BodyFailure, BodySource};

use super::{Arrival, World, dialects, master, noon};

/// What becomes of a credential.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meanwhile {
    Revoked,
    /// With an overlap.
    Rotated,
}

/// A body during which that comes about.
pub(super) struct Interrupted<'a> {
    pub(super) world: &'a World,
    pub(super) meanwhile: Meanwhile,
    pub(super) key_id: &'a KeyId,
    pub(super) body: Bytes,
    pub(super) arrival: Arrival,
}

impl BodySource for Interrupted<'_> {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        let key = self.key_id.clone().into();
        match self.meanwhile {
            Meanwhile::Revoked => {
                countersign_manage::revoke_key(&*self.world.store, &key, noon()).await.unwrap();
            }
            Meanwhile::Rotated => {
                let (sealer, dialects) = (Sealer::new(&master()), dialects());
                // The newer of two stands first.
                let later = noon().plus(Duration::from_secs(1));
                let rotation = Rotation { key, overlap: Duration::from_mins(10), expiry: None };
                self.world.issuer(&sealer, &dialects).rotate(rotation, later).await.unwrap();
            }
        }
        self.world.verifier.catch_up(noon()).await.unwrap();
        Ok(self.body.clone())
    }

    async fn begin(&mut self) -> Result<Begun, BodyFailure> {
        match self.arrival {
            Arrival::Whole => self.read().await.map(Begun::Whole),
            Arrival::Pieces => Ok(Begun::Long),
        }
    }
}
