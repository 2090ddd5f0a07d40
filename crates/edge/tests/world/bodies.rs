//! How bodies come.

use bytes::Bytes;
use countersign_verify::{Begun, BodyFailure, BodySource, Caller};

/// A body that is there whole.
pub(super) struct Whole(pub(super) Bytes);

impl BodySource for Whole {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Ok(self.0.clone())
    }
}

/// A body that comes in pieces and is too long to be held.
pub(super) struct Pieces(pub(super) Bytes);

impl BodySource for Pieces {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Ok(self.0.clone())
    }

    async fn begin(&mut self) -> Result<Begun, BodyFailure> {
        Ok(Begun::Long)
    }

    async fn pass(
        &mut self,
        _: Option<&Caller>,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<(), BodyFailure> {
        self.0.chunks(7).for_each(take);
        Ok(())
    }
}

/// How a body comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Whole,
    Pieces,
}
