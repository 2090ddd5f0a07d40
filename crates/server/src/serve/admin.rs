//! The admin side: health and metrics.

use std::net::SocketAddr;

use bytes::Bytes;
use countersign_api::Admin;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::listen::Handle;

/// Answers requests to the admin side.
pub(super) struct AdminSide(Admin);

impl AdminSide {
    pub(super) fn new(admin: Admin) -> Self {
        Self(admin)
    }
}

impl Handle for AdminSide {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        self.0.answer(request.method(), request.uri().path()).await.map(Full::new)
    }
}
