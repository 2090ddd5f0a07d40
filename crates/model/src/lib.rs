//! The words of Countersign, and nothing that acts on them.
//!
//! Everything above this crate speaks in these types. They do no I/O, read no clock and draw no
//! randomness; where time or randomness is needed, [`Clock`] and [`Entropy`] come in as arguments.

mod address;
mod consumer;
mod credential;
mod headers;
mod key_check;
mod lifecycle;
mod name;
mod principal;
mod rate;
mod rates;
mod scope;
mod secret;
mod session;
mod time;

pub use address::{Address, NotAnAddress};
pub use consumer::{Consumer, ConsumerId, ConsumerState};
pub use credential::{Credential, CredentialKind, KeyDigest, Origin, SealedSecret};
pub use headers::{Header, HeaderLine, HeaderList, Headers, Twice, visible};
pub use key_check::KeyCheck;
pub use lifecycle::{Life, Phase};
pub use name::{ConsumerName, DialectName, InvalidName, KeyId, Label, Network};
pub use principal::Principal;
pub use rate::{InvalidRate, Rate};
pub use rates::{InvalidRates, Rates};
pub use scope::{InvalidScope, Scope, Scopes};
pub use secret::Secret;
pub use session::{Generation, Session, SessionEnd, SessionId, TokenKeyId};
pub use time::{Clock, Entropy, UnixTime};
