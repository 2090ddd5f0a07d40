//! A yes, for a proxy that passes the request on itself.

use http::HeaderName;

use crate::field::Field;
use crate::guard::{Admitted, Guard};
use crate::identity::{self, Names};
use crate::inbound::Inbound;
use crate::provenance;

/// What a proxy is to remove from an admitted request before it passes it on. What it is to set, [`Admitted::put_onward`] adds.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// What is gone afterwards, in the spellings that the client used: the secrets that were checked.
    pub credentials: Names,
    /// What is gone afterwards, besides: what only a gateway may set.
    pub forged: Names,
    /// What is gone afterwards, besides: what the client says of where the request came from.
    pub provenance: Names,
}

impl Pass {
    /// Every name that is gone afterwards.
    pub fn removed(&self) -> impl Iterator<Item = &HeaderName> {
        self.credentials.iter().chain(&self.forged).chain(&self.provenance)
    }
}

impl Guard {
    /// What a proxy is to remove from an admitted request before it passes it on.
    pub fn pass(&self, admitted: &Admitted, inbound: &Inbound<'_>) -> Pass {
        Pass {
            credentials: self.secrets(admitted.route()).among(inbound.headers),
            forged: gateways_own(inbound),
            provenance: provenance::of_the_client(inbound),
        }
    }
}

/// What a client may not send through a proxy that can only set headers, not remove them: what only a gateway may set,
/// but for the names that ours always replace, and what names another path.
pub fn irremovable(inbound: &Inbound<'_>) -> Names {
    let mut names = gateways_own(inbound);
    names.extend(inbound.named(&[Field::OtherPath]));
    names
}

/// What only a gateway may set, but for the names that ours always replace.
fn gateways_own(inbound: &Inbound<'_>) -> Names {
    let mut names = inbound.named(&[Field::Identity]);
    names.retain(|name| !identity::HEADERS.contains(name));
    names
}
