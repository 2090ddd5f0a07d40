//! Bodies of requests between a client and whoever acts on them: held in memory, put aside in a file, or passed on but for
//! their end, while their signatures are checked.
//!
//! Doors that have a request in their hands share this. It is for any body that is an [`http_body::Body`], on a runtime of tokio
//! with time.

mod client_body;
mod coming;
mod held;
mod relay;
mod spool;

pub use client_body::{Along, Checked, ClientBody, ReadLimits, RelayLimits};
pub use held::HeldBodies;
pub use relay::{Departure, Relayed, Withheld};
pub use spool::{SpoolPlace, Spooled};
