//! Connections: taken, served, timed and ended.
//!
//! `countersign-http1` reads and writes HTTP/1, hyper HTTP/2; when a connection has been silent for too long, how many there
//! may be, and how they end at shutdown is decided here.

mod connection;
mod http2;
mod pace;
mod preface;
mod refused;
mod room;
mod socket;
mod sparing;
mod tls;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use countersign_edge::Head;
use countersign_gateway::{Received, SpareTimer};
use countersign_http1::server::Server;
use countersign_lines::Answered;
use hyper::body::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::world::SystemClock;
use preface::Preface;
use sparing::Sparing;

pub(crate) use refused::{RefusedHead, Watch};
pub(crate) use room::Room;
pub(crate) use socket::{NotBound, adopt, bind};
pub(crate) use tls::{BadCertificate, Certificate, NoTls, Renewed, Tls, TlsFiles};

/// How long to wait after a failure to accept that will not go away at once, such as too many open files.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How many connections were refused before a request was read.
pub(crate) const REFUSED_CONNECTIONS: &str = "countersign_connections_refused_total";

/// What is answered on a connection too many.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\ncache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 144\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"TOO_MANY_CONNECTIONS\",\
    \"detail\":\"this address has too many connections\"}";

/// What a connection may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// The head of a request.
    pub(crate) head: countersign_framing::Limits,
    /// From its first byte to its last, the head of a request may take so long; so may the first byte of a new connection.
    pub(crate) header_read: Duration,
    /// Between an answer and the first byte of the next request.
    pub(crate) keep_alive_idle: Duration,
    /// How long the client may take nothing of an answer.
    pub(crate) write_idle: Duration,
    /// The most requests of one connection at a time, where its protocol has several.
    pub(crate) streams: usize,
    /// How long requests may go on after the server was told to stop.
    pub(crate) shutdown_grace: Duration,
}

/// What answers requests. Each worker thread has its own.
pub(crate) trait Handle: 'static {
    /// The body of its answers.
    type Body: Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Unpin
        + 'static;

    /// Answers a request of `client`.
    fn handle(
        &self,
        head: &Head<'_>,
        body: Received,
        client: &Client,
    ) -> impl Future<Output = Answered<Self::Body>>;

    /// Answers what `client` sent and is no request.
    fn refuse(&self, refused: &RefusedHead, client: &Client) -> Answered<Self::Body>;
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) peer: SocketAddr,
    /// What it speaks.
    pub(crate) scheme: Scheme,
    /// What is known of the bytes it sent.
    pub(crate) watch: Rc<Watch>,
    /// For what its requests wait for.
    pub(crate) timer: Rc<SpareTimer>,
}

impl Client {
    /// A client that was just accepted and speaks without TLS.
    fn at(peer: SocketAddr) -> Self {
        Self { peer, scheme: Scheme::Http, watch: Rc::default(), timer: Rc::default() }
    }
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// HTTP as it is.
    Http,
    /// HTTP inside TLS.
    Https,
}

impl Scheme {
    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What is spoken on the connections of a listening socket.
#[derive(Clone, Debug)]
pub(crate) enum Speech {
    /// HTTP without TLS.
    Plain(PlainHttp2),
    /// HTTP inside TLS; which version, client and server agree on in the handshake.
    Tls(Tls),
}

/// Whether HTTP/2 is spoken without TLS, by clients that know beforehand that it is (RFC 9113 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp2 {
    /// It is not.
    Refused,
    /// It is, beside HTTP/1.
    PriorKnowledge,
}

/// Whether the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes connections.
    Serving,
    /// It was told to stop: no new connections, and those there are end after their current request.
    Stopping,
}

/// Takes connections from `listener` and serves each on this thread, until the phase is [`Phase::Stopping`]; then waits for
/// those that are left, for at most the grace. `slots` is shared by all threads: when none is left, each thread holds one
/// new connection back, and the rest wait in the kernel's queue, where they cost nothing.
///
/// Runs inside a [`tokio::runtime::LocalRuntime`].
pub(crate) async fn serve<H: Handle>(
    listener: TcpListener,
    handler: Rc<H>,
    speech: Speech,
    limits: ConnectionLimits,
    room: Room,
    mut phase: watch::Receiver<Phase>,
) {
    let serving = Rc::new(Serving {
        handler: Sparing::new(handler, &room.slots),
        http1: Server::new(limits.head, SystemClock),
        speech,
        limits,
    });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping(&mut phase) => break,
            accepted = accept(&listener, &room.slots) => accepted,
        };
        // Finished ones are let go of as we come by.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer, slot)) => {
                let place = room.addresses.as_ref().map(|addresses| addresses.enter(peer.ip()));
                if let Some(None) = place {
                    refuse(&stream, &serving.speech);
                    continue;
                }
                let conversation = converse(stream, peer, Rc::clone(&serving), phase.clone());
                connections.spawn_local(async move {
                    conversation.await;
                    drop((slot, place));
                });
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(BACK_OFF).await;
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.shutdown_grace, rest).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at the end of the grace");
    }
}

/// Tells a client that it has too many connections, as far as it can be told in one go, and lets go of it.
fn refuse(stream: &TcpStream, speech: &Speech) {
    metrics::counter!(REFUSED_CONNECTIONS, "reason" => "connections_per_address").increment(1);
    match speech {
        // Whoever does not take so little at once is not waited for.
        Speech::Plain(_) => drop(stream.try_write(TOO_MANY)),
        Speech::Tls(_) => {}
    }
}

/// What the connections of one worker have in common.
struct Serving<H> {
    handler: H,
    http1: Server,
    speech: Speech,
    limits: ConnectionLimits,
}

/// Serves one connection in what it turns out to speak.
async fn converse<H: Handle>(
    stream: TcpStream,
    peer: SocketAddr,
    serving: Rc<Serving<H>>,
    phase: watch::Receiver<Phase>,
) {
    let client = Client::at(peer);
    match &serving.speech {
        Speech::Plain(PlainHttp2::Refused) => connection::http1(stream, client, &serving, phase).await,
        // A task is as large as the largest that it may come to wait for, and idle ones are many.
        Speech::Plain(PlainHttp2::PriorKnowledge) => {
            Box::pin(converse_plainly(stream, client, &serving, phase)).await;
        }
        Speech::Tls(tls) => Box::pin(converse_inside_tls(stream, client, tls, &serving, phase)).await,
    }
}

/// Serves a connection that speaks HTTP/1 or HTTP/2, without TLS.
async fn converse_plainly<H: Handle>(
    stream: TcpStream,
    client: Client,
    serving: &Rc<Serving<H>>,
    phase: watch::Receiver<Phase>,
) {
    match timeout(serving.limits.header_read, preface::of(stream)).await {
        Ok(Ok((stream, Preface::Http2))) => connection::http2(stream, client, serving, phase).await,
        Ok(Ok((stream, Preface::Other))) => connection::http1(stream, client, serving, phase).await,
        // Nobody is there, or nothing came in time.
        Ok(Err(_)) | Err(_) => {}
    }
}

/// Serves a connection that speaks HTTP/1 or HTTP/2, inside TLS.
async fn converse_inside_tls<H: Handle>(
    stream: TcpStream,
    client: Client,
    tls: &Tls,
    serving: &Rc<Serving<H>>,
    phase: watch::Receiver<Phase>,
) {
    let Some(stream) = Box::pin(tls.accept(stream)).await else { return };
    let client = Client { scheme: Scheme::Https, ..client };
    if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2) {
        connection::http2(stream, client, serving, phase).await;
    } else {
        connection::http1(stream, client, serving, phase).await;
    }
}

/// The size of the task of one connection, in bytes.
#[cfg(test)]
pub(crate) fn task_bytes<H: Handle>() -> usize {
    type Phases = watch::Receiver<Phase>;
    fn of<H, F>(_: impl FnOnce(TcpStream, SocketAddr, Rc<Serving<H>>, Phases) -> F) -> usize {
        size_of::<F>()
    }
    of(converse::<Sparing<H>>)
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, Slot)> {
    let (stream, peer) = listener.accept().await?;
    // Not before: a thread that waited for connections with the last slot in hand would keep it from those that have one.
    let slot = Arc::clone(slots).acquire_owned().await.map_err(std::io::Error::other)?;
    // Answers are written whole; waiting for more to send only delays them.
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}

/// A failure of one connection, not of accepting (accept(2), "Error handling").
fn is_passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected | InvalidInput
    )
}

/// Resolves when the server is told to stop, or nobody is left who could tell.
pub(crate) async fn stopping(phase: &mut watch::Receiver<Phase>) {
    let _nobody_left = phase.wait_for(|phase| *phase == Phase::Stopping).await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;
    use countersign_framing::BodyOfGet;
    use http::Response;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const CLIENTS: usize = 16;
    const PLAIN: Speech = Speech::Plain(PlainHttp2::Refused);
    const HEAD: countersign_framing::Limits =
        countersign_framing::Limits { header_count: 16, header_bytes: 8192, body_of_get: BodyOfGet::Refused };

    /// Counts how many requests it answers at a time.
    #[derive(Default)]
    struct Counting {
        now: Cell<usize>,
        most: Cell<usize>,
    }

    impl Handle for Counting {
        type Body = Full<Bytes>;

        async fn handle(&self, _: &Head<'_>, _: Received, _: &Client) -> Answered<Full<Bytes>> {
            self.now.set(self.now.get() + 1);
            self.most.set(self.most.get().max(self.now.get()));
            for _ in 0..CLIENTS {
                tokio::task::yield_now().await;
            }
            self.now.set(self.now.get() - 1);
            Response::new(Full::new(Bytes::from_static(b"ok"))).into()
        }

        fn refuse(&self, _: &RefusedHead, _: &Client) -> Answered<Full<Bytes>> {
            Response::<Full<Bytes>>::default().into()
        }
    }

    #[tokio::test(flavor = "local")]
    async fn with_one_slot_for_two_threads_every_connection_has_its_turn_and_none_at_the_same_time() {
        let limits = ConnectionLimits {
            head: HEAD,
            header_read: Duration::from_mins(1),
            keep_alive_idle: Duration::from_mins(1),
            write_idle: Duration::from_mins(1),
            streams: 100,
            shutdown_grace: Duration::from_mins(1),
        };
        let (phase, told) = watch::channel(Phase::Serving);
        let room = Room::new(1);
        let handler = Rc::new(Counting::default());
        let sockets = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 2).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let serving: Vec<_> = sockets
            .into_iter()
            .map(|socket| {
                let listener = adopt(socket).unwrap();
                let (handler, room) = (Rc::clone(&handler), room.clone());
                tokio::task::spawn_local(serve(listener, handler, PLAIN, limits, room, told.clone()))
            })
            .collect();

        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                tokio::task::spawn_local(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream
                        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        .await
                        .unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).await.unwrap();
                    answer
                })
            })
            .collect();
        for client in clients {
            assert!(client.await.unwrap().ends_with("\r\n\r\nok"));
        }
        assert_eq!(handler.most.get(), 1);

        phase.send_replace(Phase::Stopping);
        for worker in serving {
            worker.await.unwrap();
        }
    }

    #[tokio::test(flavor = "local")]
    async fn strangers_that_keep_every_connection_they_get_leave_some_for_others() {
        let limits = ConnectionLimits {
            head: HEAD,
            header_read: Duration::from_mins(1),
            keep_alive_idle: Duration::from_mins(1),
            write_idle: Duration::from_mins(1),
            streams: 100,
            shutdown_grace: Duration::ZERO,
        };
        let (phase, told) = watch::channel(Phase::Serving);
        let listener = adopt(bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap().remove(0)).unwrap();
        let address = listener.local_addr().unwrap();
        let room = Room::new(8);
        let worker = tokio::task::spawn_local(serve(
            listener,
            Rc::new(Counting::default()),
            PLAIN,
            limits,
            room,
            told,
        ));
        let mut kept = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nok") {
                assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
            }
            if !String::from_utf8(answer).unwrap().contains("connection: close") {
                kept.push(stream);
            }
        }
        assert_eq!(kept.len(), 7);
        phase.send_replace(Phase::Stopping);
        worker.await.unwrap();
    }

    #[tokio::test(flavor = "local")]
    async fn an_address_that_somebody_listens_on_is_refused() {
        let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = other.local_addr().unwrap();
        let refusal = bind(address, 2).unwrap_err();
        assert!(refusal.to_string().starts_with(&format!("cannot listen on {address}")), "{refusal}");
        let shared = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 2).unwrap();
        assert!(bind(shared[0].local_addr().unwrap(), 1).is_err(), "sharing is for our own threads alone");
    }
}
