//! Who sent a request, for the service behind the layer.

use std::sync::Arc;

use countersign_model::{Address, Scopes};
use countersign_verify::App;

/// Who sent a request that the layer let pass. It stands in the request's extensions; with the feature `axum` it is an extractor.
///
/// On a route with `stream = "hold-last"` it is who the request would be from, and not to be believed before the end of the body was
/// read without an error.
#[derive(Clone, Debug)]
pub struct Caller(Arc<countersign_verify::Caller>);

/// The request did not come through the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request did not come through the countersign layer")]
pub struct NoCaller;

impl Caller {
    pub(crate) fn new(caller: &countersign_verify::Caller) -> Self {
        Self(Arc::new(caller.clone()))
    }

    /// The consumer with the credential that it used; none where only a wallet proved itself, or nothing is required.
    pub fn app(&self) -> Option<&App> {
        self.0.app()
    }

    /// The wallet; none where it is not a wallet that called.
    pub fn wallet(&self) -> Option<Address> {
        self.0.user()
    }

    /// The scopes of everybody who proved themselves, together.
    pub fn scopes(&self) -> Scopes {
        self.0.scopes().into_owned()
    }
}

#[cfg(feature = "axum")]
mod extractor {
    use axum::extract::FromRequestParts;
    use axum::response::{IntoResponse, Response};
    use http::StatusCode;
    use http::request::Parts;

    use super::{Caller, NoCaller};

    impl<S: Sync> FromRequestParts<S> for Caller {
        type Rejection = NoCaller;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoCaller> {
            parts.extensions.get::<Self>().cloned().ok_or(NoCaller)
        }
    }

    /// A handler that asks for its caller is not reached by a request that nobody checked.
    impl IntoResponse for NoCaller {
        fn into_response(self) -> Response {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
