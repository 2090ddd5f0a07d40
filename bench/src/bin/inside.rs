//! A service of axum that answers every request at once: as it is, or with the decision inside, of the configuration that is named.
//!
//! ```text
//! countersign-bench-inside ADDRESS [CONFIGURATION]
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use countersign::Embedded;

fn main() {
    let mut words = std::env::args().skip(1);
    let address = words.next().unwrap();
    let embedded = words.next().map(|config| Embedded::open(Path::new(&config)).unwrap());
    let bare = Router::new().fallback(answer);
    let service = match &embedded {
        Some(countersign) => bare.layer(countersign.layer()),
        None => bare,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.unwrap();
    });
}

/// Reads the request's body, as a service does that has a use for it.
async fn answer(body: Bytes) -> &'static str {
    drop(body);
    "ok"
}
