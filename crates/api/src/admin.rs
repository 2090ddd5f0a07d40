//! Health, for whatever restarts us or sends us traffic.

use std::sync::Arc;

use bytes::Bytes;
use countersign_store::Store;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

/// One of the admin endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminEndpoint {
    /// `GET /livez`: the process serves requests. Nothing else is asked, so that an outage of storage restarts nobody.
    Live,
    /// `GET /readyz`: decisions can be made: storage answers.
    Ready,
    /// `GET /metrics`: figures in Prometheus text format.
    Metrics,
}

/// The admin endpoints.
pub struct Admin {
    store: Arc<dyn Store>,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Admin {
    /// The admin side of a server over `store`; `metrics` renders the figures.
    pub fn new(store: Arc<dyn Store>, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { store, metrics: Box::new(metrics) }
    }

    /// Answers a request.
    pub async fn answer(&self, method: &Method, path: &str) -> Response<Bytes> {
        let endpoint = match path {
            "/livez" => AdminEndpoint::Live,
            "/readyz" => AdminEndpoint::Ready,
            "/metrics" => AdminEndpoint::Metrics,
            _ => return plain(StatusCode::NOT_FOUND, "not found\n".to_owned()),
        };
        if *method != Method::GET && *method != Method::HEAD {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match endpoint {
            AdminEndpoint::Live => plain(StatusCode::OK, "ok\n".to_owned()),
            AdminEndpoint::Ready => match self.store.ping().await {
                Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
                Err(error) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
            },
            AdminEndpoint::Metrics => plain(StatusCode::OK, (self.metrics)()),
        }
    }
}

fn plain(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
