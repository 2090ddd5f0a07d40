//! The forward path by itself: one thread that passes everything on and checks nothing, to be measured beside
//! other proxies.
//!
//!     plain_proxy 127.0.0.1:8080 http://127.0.0.1:9000

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use countersign_edge::identity::Secrets;
use countersign_edge::{Head, Inbound, Provenance, REQUEST_ID, RequestId};
use countersign_gateway::{
    BodyLimits, ForwardFailure, ForwardedBody, Onward, Payload, Pools, RequestFailure, SpareTimer, Upstream,
    UpstreamLimits, forward,
};
use countersign_lines::Answered;
use countersign_model::{Entropy, HeaderList};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::LocalOptions;
use tokio::task::spawn_local;

/// Ids that differ and are easy to guess: enough for a measurement, and for nothing else.
struct Numbered;

impl Entropy for Numbered {
    fn fill(&self, buffer: &mut [u8]) {
        thread_local!(static NEXT: Cell<u64> = const { Cell::new(1) });
        for chunk in buffer.chunks_mut(8) {
            let number = NEXT.replace(NEXT.get().wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
            chunk.copy_from_slice(number.to_le_bytes().get(..chunk.len()).unwrap_or_default());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: plain_proxy ADDRESS UPSTREAM-URL".into());
    };
    let listen: SocketAddr = listen.parse()?;
    let upstream = Arc::new(Upstream::parse("upstream", &url, UpstreamLimits::default())?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(listen, upstream))
}

async fn serve(listen: SocketAddr, upstream: Arc<Upstream>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(listen).await?;
    let pools = Rc::new(Pools::default());
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let sender = Rc::new(Provenance::direct(peer, "http"));
        let (pools, upstream) = (Rc::clone(&pools), Arc::clone(&upstream));
        let service = service_fn(move |request| {
            let (pools, upstream, sender) = (Rc::clone(&pools), Arc::clone(&upstream), Rc::clone(&sender));
            async move {
                Ok::<_, Infallible>(match pass(&pools, &upstream, &sender, request).await {
                    Ok(answered) => answered.map(Either::Left).into(),
                    Err(failure) => {
                        eprintln!("{failure}");
                        let mut response = Response::new(Either::Right(Empty::<Bytes>::new()));
                        *response.status_mut() = StatusCode::BAD_GATEWAY;
                        response
                    }
                })
            }
        });
        spawn_local(async move {
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn pass(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    sender: &Provenance,
    request: Request<Incoming>,
) -> Result<Answered<ForwardedBody>, ForwardFailure> {
    let (head, body) = request.into_parts();
    let id = RequestId::choose(head.headers.get(REQUEST_ID).map(HeaderValue::as_bytes), &Numbered);
    let lines: HeaderList = head.headers.iter().collect();
    let head = Head::of(&head, lines.view());
    let Ok(inbound) = Inbound::read(&head, sender.scheme, sender.client) else {
        return Err(RequestFailure::TargetNotForwarded.into());
    };
    let mut onward = Onward::new(&inbound, &Secrets::default())?;
    onward.introduce(sender, &id, &Numbered);
    forward(
        &pools.of(upstream),
        &onward,
        Payload::incoming(body),
        &BodyLimits::default(),
        &SpareTimer::default(),
    )
    .await
}
