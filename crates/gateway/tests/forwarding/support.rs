//! The two ends of a forwarded request, byte by byte, and the door between them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use countersign_edge::identity::Secrets;
use countersign_edge::{Fields, Inbound, Provenance, REQUEST_ID, RequestId};
use countersign_gateway::{
    BodyLimits, ForwardFailure, Onward, Payload, Pools, RequestFailure, SpareTimer, Upstream, UpstreamLimits,
    forward,
};
use countersign_lines::Reason;
use countersign_model::{Entropy, HeaderList};
use countersign_verify::{BodyFailure, Caller};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// Randomness that is the same in every run.
pub(crate) struct Seeded;

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0x5a);
    }
}

/// How the body reaches [`forward`].
#[derive(Clone, Copy)]
pub(crate) enum Bodies {
    /// As it comes.
    Streamed,
    /// Read whole before, as for a signed route.
    ReadBefore,
}

/// A door that forwards everything to one upstream, whoever asks.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// The `Display` of every failure.
    pub(crate) failures: Rc<RefCell<Vec<String>>>,
    pub(crate) pools: Rc<Pools>,
    pub(crate) upstream: Arc<Upstream>,
}

impl Door {
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        Self::with(
            &format!("http://{upstream}"),
            UpstreamLimits::default(),
            BodyLimits::default(),
            Bodies::Streamed,
        )
        .await
    }

    pub(crate) async fn with(
        url: &str,
        limits: UpstreamLimits,
        body_limits: BodyLimits,
        bodies: Bodies,
    ) -> Self {
        Self::before(Arc::new(Upstream::parse("api", url, limits).unwrap()), body_limits, bodies).await
    }

    pub(crate) async fn before(upstream: Arc<Upstream>, body_limits: BodyLimits, bodies: Bodies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let failures = Rc::new(RefCell::new(Vec::new()));
        let pools = Rc::new(Pools::default());
        let door =
            Self { address, failures: failures.clone(), pools: pools.clone(), upstream: upstream.clone() };
        spawn_local(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (pools, upstream, failures) = (pools.clone(), upstream.clone(), failures.clone());
                let service = service_fn(move |request| {
                    let (pools, upstream, failures) = (pools.clone(), upstream.clone(), failures.clone());
                    async move {
                        Ok::<_, std::convert::Infallible>(
                            match pass(&pools, &upstream, request, peer, body_limits, bodies).await {
                                Ok(response) => response.map(Either::Left),
                                Err(failure) => {
                                    failures.borrow_mut().push(failure.to_string());
                                    answer(&failure).map(Either::Right)
                                }
                            },
                        )
                    }
                });
                spawn_local(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        door
    }

    pub(crate) async fn client(&self) -> Peer {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    /// The door's whole answer to one request, with the connection closed by the request's own `Connection`.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut client = self.client().await;
        client.send(request).await;
        client.read_to_end().await
    }
}

async fn pass(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    request: Request<Incoming>,
    peer: SocketAddr,
    limits: BodyLimits,
    bodies: Bodies,
) -> Result<Response<countersign_gateway::ForwardedBody>, ForwardFailure> {
    let (head, body) = request.into_parts();
    let id = RequestId::choose(head.headers.get(REQUEST_ID).map(HeaderValue::as_bytes), &Seeded);
    let lines: HeaderList = head.headers.iter().collect();
    let inbound = Inbound {
        method: &head.method,
        target: head.uri.path_and_query().map_or("", |target| target.as_str()),
        path: head.uri.path().into(),
        scheme: "http",
        host: "",
        headers: lines.view(),
        fields: Fields::of(lines.view()),
        version: head.version,
        peer,
    };
    let mut onward = Onward::new(&inbound, &Secrets::default())?;
    onward.introduce_caller(&Caller::default());
    onward.introduce(&Provenance::direct(peer, "http"), &id, &Seeded);
    let payload = match bodies {
        Bodies::Streamed => Payload::incoming(body),
        Bodies::ReadBefore => Payload::Read(body.collect().await.unwrap().to_bytes()),
    };
    let mut response = Response::from(
        forward(&pools.of(upstream), &onward, payload, &limits, &SpareTimer::default()).await?,
    );
    if let Some(reason) = response.extensions_mut().remove::<Reason>() {
        response.extensions_mut().insert(ReasonPhrase::try_from(reason.into_bytes()).unwrap());
    }
    Ok(response)
}

fn answer(failure: &ForwardFailure) -> Response<Full<Bytes>> {
    let status = match failure {
        ForwardFailure::Upstream(upstream) if upstream.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
        ForwardFailure::Upstream(_) => StatusCode::BAD_GATEWAY,
        ForwardFailure::Request(RequestFailure::Body(BodyFailure::TooLarge { .. })) => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        ForwardFailure::Request(RequestFailure::Body(
            BodyFailure::TooSlow { .. } | BodyFailure::TooLong { .. },
        )) => StatusCode::REQUEST_TIMEOUT,
        ForwardFailure::Request(RequestFailure::MethodNotForwarded) => StatusCode::METHOD_NOT_ALLOWED,
        ForwardFailure::Request(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::new(Bytes::from(failure.to_string())));
    *response.status_mut() = status;
    response
}

/// One end of a connection, as raw bytes.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the other side closes, or resets.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }

    /// What comes up to and with `end`; what came before the other side closed, if it does so first.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            match self.0.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The next bytes, so many.
    pub(crate) async fn read_exactly(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The head of a message, with the empty line; empty where the other side closed.
    pub(crate) async fn read_head(&mut self) -> String {
        self.read_until("\r\n\r\n").await
    }
}

/// An upstream that does with each connection what it is told, given the connection's number from 0.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    accepted: Rc<Cell<usize>>,
}

impl Scripted {
    pub(crate) async fn new<F>(script: impl Fn(usize, Peer) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Rc::new(Cell::new(0));
        let count = accepted.clone();
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.replace(count.get() + 1);
                spawn_local(script(number, Peer(stream)));
            }
        });
        Self { address, accepted }
    }

    /// An upstream that answers every head with the same bytes, for as long as heads come.
    pub(crate) async fn answering(response: &'static str) -> Self {
        Self::new(move |_, mut peer| async move {
            while !peer.read_head().await.is_empty() {
                peer.send(response).await;
            }
        })
        .await
    }

    /// An upstream that answers with the head that it got, for as long as heads come.
    pub(crate) async fn mirror() -> Self {
        Self::new(|_, mut peer| async move {
            loop {
                let head = peer.read_head().await;
                if head.is_empty() {
                    return;
                }
                peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len())).await;
            }
        })
        .await
    }

    /// How many connections it has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }
}
