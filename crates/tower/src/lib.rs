//! Who is calling, as a [tower](https://docs.rs/tower) layer: the decision of Countersign inside a Rust service.
//!
//! [`CountersignLayer`] decides on each request as the other doors do: the same routes, the same order of checks, the same
//! answers. A request that may pass goes on to the service with the identity headers set and a [`Caller`] in its
//! extensions; any other is answered here. The layer knows neither where credentials are stored nor what clock is right: it is given
//! a [`Guard`](countersign_edge::Guard), which the `countersign` crate makes from a configuration file.
//!
//! Put it outside of everything that rewrites paths or bodies: signatures are checked over what the client sent.

mod admit;
mod body;
mod caller;
mod layer;

pub use body::{BodyLimits, BoxError, RequestBody, ResponseBody};
pub use caller::{Caller, NoCaller};
pub use countersign_bodies::{HeldBodies, ReadLimits, RelayLimits, SpoolPlace, Withheld};
pub use layer::{Countersign, CountersignLayer, Peer, Wire};
