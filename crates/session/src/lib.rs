//! Wallet login and refresh.
//!
//! A wallet asks for a nonce, signs `${address} ${nonce}`, and gets an access and a refresh token. Nonces are derived,
//! not stored ([`nonce`](Wallets::nonce)); a session is one record, however often it is refreshed.

mod login;
mod nonce;
mod pair;
mod refresh;
mod settings;

pub use login::{LoginError, LoginRequest, Refused};
pub use nonce::{BUCKET, NonceError};
pub use pair::{NotIssued, Pair};
pub use refresh::{GRACE, RefreshError, RefreshRefused};
pub use settings::{MAX_NETWORKS, Settings, SettingsError, Wallets};
