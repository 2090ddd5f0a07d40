//! What every door shares: the request as we see it, the answer as they see it.
//!
//! A door turns its wire into an [`Inbound`], finds the [`Route`], asks `verify` for the verdict, and turns it into
//! identity headers ([`identity`]) or an [`Answer`]. The table from refusal to status is in `answer.rs` and nowhere
//! else.

mod answer;
mod cors;
mod digits;
mod door;
mod field;
mod forwarded;
mod guard;
mod head;
pub mod identity;
mod inbound;
mod lookalike;
mod pass;
mod path;
mod peers;
pub mod provenance;
pub mod rate_limit;
mod record;
mod relayed;
mod request_id;
mod routes;
mod tree;

pub use answer::{Answer, Problem, REQUEST_ID, over_limit, refusal};
pub use cors::{AllowedOrigin, Cors, Origins};
pub use digits::lower_hex;
pub use door::{Bodies, Door, DoorName, Doors, FrontProxy};
pub use field::{Field, Fields};
pub use forwarded::Provenance;
pub use guard::{Admitted, Guard, Refused};
pub use head::Head;
pub use inbound::{BadRequest, Inbound};
pub use pass::{Pass, irremovable};
pub use path::{Ambiguous, routing_path};
pub use peers::{Network, NotANetwork, TrustedPeers};
pub use record::{Note, OVER_LIMIT, Outcome, Record, with_causes};
pub use relayed::{Relayed, Telling, Told};
pub use request_id::RequestId;
pub use routes::{Credentials, LongBodies, Route, RouteError, Routes, UpstreamName};
