//! What Countersign answers by itself: the wallet login on the public side, health on the admin side.

mod admin;
mod login;

pub use admin::{Admin, AdminEndpoint};
pub use login::{Endpoint, LoginAnswer, LoginApi, LoginLimit};
