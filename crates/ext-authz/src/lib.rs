//! Envoy's external authorization over gRPC: it asks about each request before it passes it on.
//!
//! [`ExtAuthz`] is the service `envoy.service.auth.v3.Authorization`, to be wrapped in tonic's `AuthorizationServer` and
//! served at an address that Envoy alone reaches. It reads each request from the one place where Envoy puts it byte for
//! byte (`encode_raw_headers`), decides as every door does, and says yes with the headers to set and to remove, or no with the status,
//! the headers and the body of the refusal.

mod ask;
mod body;
mod reply;
mod service;

pub use service::{Asker, Checked, ExtAuthz};
