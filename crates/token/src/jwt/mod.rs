//! Access and refresh tokens: JWTs (RFC 7519) signed with HMAC-SHA-512 (`HS512`, RFC 7518 section 3.2).
//!
//! Only this crate mints what this crate reads, so the reader takes one narrow form and refuses everything
//! else (RFC 8725 section 3). The header is `{"alg":"HS512","typ":"JWT","kid":"…"}` and holds nothing more.
//! The claims are
//!
//! | claim | JSON | means |
//! |---|---|---|
//! | `address` | string | the wallet, `0x` and 40 lower-case hex digits |
//! | `exp` | integer | good before this second, expired from it on; no leeway |
//! | `iat` | integer | when it was minted; at most [`MAX_AHEAD`] ahead of the reader's clock |
//! | `iss` | string | the issuer |
//! | `scopes` | string | scopes with commas between them; may be empty |
//! | `jti` | string | the token's UUID |
//! | `sid` | string | the session's UUID |
//! | `token_use` | string | `access` or `refresh` |
//! | `ctr` | integer | only in a refresh token: the session's counter |
//!
//! each exactly once, in any order, with JSON white space anywhere, and no other. Strings hold printable
//! ASCII without escapes: no claim needs more.
//!
//! Access and refresh tokens have keys of their own, derived from the master key and the name of the token
//! key ([`ACCESS_KEY_LABEL`], [`REFRESH_KEY_LABEL`]), so that one can never pass for the other.

mod base64url;
mod claims;
mod members;
mod mint;
mod object;
mod read;
mod refusal;
mod ring;
mod unverified;

use std::time::Duration;

pub use claims::{AccessClaims, RefreshClaims};
pub use mint::NotMinted;
pub use read::{AccessTokenValid, RefreshTokenValid};
pub use refusal::{JwtRefusal, Part};
pub use ring::{ACCESS_KEY_LABEL, KeyRing, NotAKeyRing, REFRESH_KEY_LABEL};

/// The longest token that is read, in characters; the longest that can be minted is shorter.
pub const MAX_TOKEN_LEN: usize = 4096;
/// The longest list of scopes that a token carries ([`Scopes::to_list`](countersign_model::Scopes::to_list)),
/// in characters.
pub const MAX_SCOPES_LEN: usize = 2048;
/// The longest issuer, in characters.
pub const MAX_ISSUER_LEN: usize = 128;
/// The longest name of a token key (`kid`), in characters.
pub const MAX_KID_LEN: usize = 64;
/// The most token keys in one ring.
pub const MAX_KEYS: usize = 16;
/// How far ahead of the reader's clock a token may have been minted: two servers' clocks differ a little.
pub const MAX_AHEAD: Duration = Duration::from_mins(1);
/// The last second of the year 9999, the greatest time in a token. In seconds since the epoch.
pub const MAX_TIME: u64 = 253_402_300_799;
