//! A door with one route, a consumer who signs for it, and an upstream that keeps every byte it gets.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::Dialects;
use countersign_edge::{
    Credentials, DoorName, Doors, Guard, Head, Inbound, LongBodies, Provenance, REQUEST_ID, RequestId, Route,
    Routes, TrustedPeers, UpstreamName,
};
use countersign_gateway::{
    Attending, BodyLimits, ClientBody, Gateway, HeldBodies, Pools, ReadLimits, Reply, SpareTimer, SpoolPlace,
    UpstreamLimits,
};
use countersign_manage::{Expiry, Form, Issue, Issuer, Material};
use countersign_model::{ConsumerName, DialectName, Entropy, HeaderList, Rates, Scopes, UnixTime};
use countersign_store::Store;
use countersign_store::testing::MemoryStore;
use countersign_token::{MasterKey, Sealer};
use countersign_verify::{
    Accept, Guesses, Limiter, Requirement, Scheme, SignatureUse, UnsignedQuery, Verifier, VerifierSettings,
};
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;

/// A body of which much is on its way before its end, in bytes.
pub(crate) const LONG: usize = 1024 * 1024;
/// The longest body that passes, in bytes.
pub(crate) const MOST: usize = 2 * 1024 * 1024;
const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

/// How a body is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length,
    Chunks,
}

pub(crate) struct World {
    address: SocketAddr,
    store: Arc<MemoryStore>,
    spool: TempDir,
    api_key: String,
    secret: String,
}

/// Bytes that differ from one time to the next.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

impl World {
    /// A door whose one route asks for a signature in Realm's dialect and leads to `upstream`.
    pub(crate) async fn new(
        upstream: &Upstream,
        long_bodies: LongBodies,
        signature_use: SignatureUse,
    ) -> Self {
        let store = Arc::new(MemoryStore::new());
        let master = || MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
        let (dialects, entropy) = (Dialects::builtin(), Counting(AtomicU8::new(1)));
        let dialect = DialectName::parse("realm").unwrap();
        let consumer = ConsumerName::parse("acme").unwrap();
        countersign_manage::add_consumer(&*store, consumer.clone(), NOON, &entropy).await.unwrap();
        let sealer = Sealer::new(&master());
        let form = Form::Signature(dialect.clone());
        let issue = Issue {
            consumer,
            form,
            scopes: Scopes::default(),
            limits: Rates::default(),
            expiry: Expiry::Never,
            label: None,
        };
        let issuer = Issuer { store: &*store, sealer: &sealer, dialects: &dialects, entropy: &entropy };
        let made = issuer.issue(issue, NOON).await.unwrap();
        let Material::Signature { api_key, secret } = made.material else { panic!("it signs") };

        let scheme = Scheme::Signature(Arc::clone(dialects.get(&dialect).unwrap()));
        let api_key_header = HeaderName::from_static("x-api-key");
        let settings = VerifierSettings {
            store: Arc::clone(&store) as Arc<dyn Store>,
            master: Arc::new(master()),
            dialects,
            api_key_header: api_key_header.clone(),
            issuer: None,
            limiter: Arc::new(Limiter::new(100)),
            guesses: Guesses::default(),
        };
        let requirement = Requirement::new(
            Accept::Any(vec![scheme]),
            Scopes::default(),
            UnsignedQuery::Allow,
            signature_use,
        );
        let route = Route {
            methods: Vec::new(),
            pattern: "/{*rest}".to_owned(),
            requirement: requirement.unwrap(),
            doors: Doors::All,
            upstream: Some(UpstreamName("api".into())),
            credentials: Credentials::Remove,
            body_limit: None,
            long_bodies,
        };
        let guard = Guard {
            routes: Routes::new(vec![route]).unwrap(),
            verifier: Arc::new(Verifier::start(settings, NOON).await.unwrap()),
            api_key_header,
            proxies: TrustedPeers::default(),
        };
        let url = format!("http://{}", upstream.address);
        let parsed = countersign_gateway::Upstream::parse("api", &url, UpstreamLimits::default()).unwrap();
        let gateway = Rc::new(Gateway {
            guard: Arc::new(guard),
            name: DoorName::proxy(),
            upstreams: [(UpstreamName("api".into()), Arc::new(parsed))].into_iter().collect(),
            bodies: BodyLimits { max_bytes: MOST as u64, ..BodyLimits::default() },
        });
        let spool = tempfile::tempdir().unwrap();
        let place = SpoolPlace {
            directory: spool.path().to_owned(),
            room: HeldBodies::new(1 << 30),
            longer_than: 64 * 1024,
        };
        let limits = ReadLimits {
            max_bytes: MOST as u64,
            idle_timeout: Duration::from_secs(5),
            whole_timeout: Duration::from_mins(1),
            held: HeldBodies::new(1 << 20),
            spool: Some(Arc::new(place)),
        };
        let address = serve(gateway, limits).await;
        let (api_key, secret) = (api_key.expose().clone(), secret.expose().clone());
        Self { address, store, spool, api_key, secret }
    }

    pub(crate) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    /// The directory that bodies are put aside in.
    pub(crate) fn spool(&self) -> &Path {
        self.spool.path()
    }

    pub(crate) fn api_key(&self) -> String {
        self.api_key.clone()
    }

    /// Storage fails from here on.
    pub(crate) fn cut(&self) {
        self.store.cut();
    }

    pub(crate) fn mend(&self) {
        self.store.mend();
    }
}

/// Serves the door to everybody who connects.
async fn serve(gateway: Rc<Gateway>, limits: ReadLimits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pools = Rc::new(Pools::default());
    spawn_local(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (gateway, limits, pools) = (Rc::clone(&gateway), limits.clone(), Rc::clone(&pools));
            let service = service_fn(move |request| {
                let (gateway, limits, pools) = (Rc::clone(&gateway), limits.clone(), Rc::clone(&pools));
                async move {
                    Ok::<_, std::convert::Infallible>(answer(&gateway, limits, &pools, peer, request).await)
                }
            });
            spawn_local(async move {
                let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn answer(
    gateway: &Gateway,
    limits: ReadLimits,
    pools: &Pools,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Reply> {
    let entropy = Counting(AtomicU8::new(1));
    let (head, body) = request.into_parts();
    let id = RequestId::choose(head.headers.get(REQUEST_ID).map(HeaderValue::as_bytes), &entropy);
    let (from, timer) = (Provenance::direct(peer, "http"), &SpareTimer::default());
    let attending = Attending { id: &id, now: NOON, entropy: &entropy, from, pools, timer };
    let mut body = ClientBody::new(body.into(), &limits);
    let lines: HeaderList = head.headers.iter().collect();
    let inbound = Inbound::read(&Head::of(&head, lines.view()), "http", peer).unwrap();
    match gateway.admit(&inbound, &mut body, &attending).await {
        Ok(passage) => gateway.forward(&inbound, &mut body, passage, &attending).await.0.into(),
        Err(refused) => refused.answer.into_response(&id).map(Reply::answer),
    }
}

/// A body that differs everywhere.
pub(crate) fn body(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// A request with that body, signed, whose connection ends with it.
pub(crate) fn request(world: &World, body: &[u8], framing: Framing) -> Vec<u8> {
    let timestamp = NOON.secs();
    let signed = [format!("PUT\n/v1/files\n{timestamp}\n").as_bytes(), body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, world.secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, &signed));
    let framed = match framing {
        Framing::Length => format!("content-length: {}", body.len()),
        Framing::Chunks => "transfer-encoding: chunked".to_owned(),
    };
    let head = format!(
        "PUT /v1/files HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {}\r\nx-timestamp: {timestamp}\r\nx-signature: {signature}\r\n{framed}\r\n\r\n",
        world.api_key
    );
    let body = match framing {
        Framing::Length => body.to_vec(),
        Framing::Chunks => {
            let mut chunks: Vec<u8> = body.chunks(50_000).flat_map(chunk).collect();
            chunks.extend_from_slice(b"0\r\n\r\n");
            chunks
        }
    };
    [head.into_bytes(), body].concat()
}

/// A chunk as RFC 9112 section 7.1 writes it.
pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

pub(crate) struct Client(TcpStream);

impl Client {
    /// Sends what the server takes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _refused_before = self.0.write_all(bytes).await;
    }

    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let _reset = self.0.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }

    /// What comes up to the end of a head.
    pub(crate) async fn read_head(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// What an upstream does.
#[derive(Clone, Copy)]
enum Manner {
    /// Nothing but to read.
    Silent,
    /// It answers once it has a whole request.
    Answers(&'static str),
    /// It answers as soon as it has a head.
    Early(&'static str),
}

/// An upstream that keeps every byte.
pub(crate) struct Upstream {
    address: SocketAddr,
    accepted: Rc<Cell<usize>>,
    got: Rc<RefCell<usize>>,
    more: Rc<Notify>,
    ended: mpsc::UnboundedReceiver<Served>,
    accepting: tokio::task::AbortHandle,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Upstream {
    pub(crate) async fn silent() -> Self {
        Self::new(Manner::Silent).await
    }

    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::new(Manner::Answers(answer)).await
    }

    pub(crate) async fn early(answer: &'static str) -> Self {
        Self::new(Manner::Early(answer)).await
    }

    async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, got, more) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(0)), Rc::new(Notify::new()));
        let (tell, ended) = mpsc::unbounded_channel();
        let (count, bytes, notify) = (Rc::clone(&accepted), Rc::clone(&got), Rc::clone(&more));
        let accepting = spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.set(count.get() + 1);
                *bytes.borrow_mut() = 0;
                spawn_local(connection(stream, manner, Rc::clone(&bytes), Rc::clone(&notify), tell.clone()));
            }
        });
        Self { address, accepted, got, more, ended, accepting: accepting.abort_handle() }
    }

    /// How many connections it took.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    /// How many bytes it got on its newest connection.
    pub(crate) fn got(&self) -> usize {
        *self.got.borrow()
    }

    /// Waits until it got so many bytes on its newest connection.
    pub(crate) async fn wait_for(&self, bytes: usize) {
        while *self.got.borrow() < bytes {
            self.more.notified().await;
        }
    }

    /// What it got on a connection that ended, or when it answered.
    pub(crate) async fn served(&mut self) -> Served {
        self.ended.recv().await.unwrap()
    }
}

async fn connection(
    mut stream: TcpStream,
    manner: Manner,
    got: Rc<RefCell<usize>>,
    more: Rc<Notify>,
    tell: mpsc::UnboundedSender<Served>,
) {
    let mut served = Served { bytes: Vec::new(), ending: Ending::Open };
    let mut answered = false;
    loop {
        match stream.read_buf(&mut served.bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        *got.borrow_mut() = served.bytes.len();
        more.notify_waiters();
        let due = match manner {
            Manner::Silent => None,
            Manner::Answers(answer) => Some(answer).filter(|_| served.is_whole()),
            Manner::Early(answer) => Some(answer).filter(|_| !answered && served.head_ends().is_some()),
        };
        if let Some(answer) = due {
            answered = true;
            stream.write_all(answer.as_bytes()).await.unwrap();
            if let Manner::Answers(_) = manner {
                let _forgotten = tell
                    .send(std::mem::replace(&mut served, Served { bytes: Vec::new(), ending: Ending::Open }));
            }
        }
    }
    served.ending = Ending::Closed;
    if !served.bytes.is_empty() {
        let _forgotten = tell.send(served);
    }
}

/// What came over one connection.
pub(crate) struct Served {
    bytes: Vec<u8>,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Closed,
}

impl Served {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ending: Ending::Closed }
    }

    fn head_ends(&self) -> Option<usize> {
        self.bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
    }

    pub(crate) fn head(&self) -> String {
        String::from_utf8(self.bytes[..self.head_ends().unwrap_or(0)].to_vec()).unwrap()
    }

    /// The length that its head says; none for chunks.
    fn length(&self) -> Option<usize> {
        let head = self.head();
        let line = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        Some(line.parse().unwrap())
    }

    pub(crate) fn is_broken_off(&self) -> bool {
        self.ending == Ending::Closed && !self.is_whole()
    }

    /// Whether a server would take it for a whole request.
    pub(crate) fn is_whole(&self) -> bool {
        let Some(start) = self.head_ends() else { return false };
        match self.length() {
            Some(length) => self.bytes.len() >= start + length,
            None => self.bytes.ends_with(b"\r\n0\r\n\r\n"),
        }
    }

    /// The body without its framing.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut rest = &self.bytes[self.head_ends().unwrap()..];
        if self.length().is_some() {
            return rest.to_vec();
        }
        let mut body = Vec::new();
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            let data = &rest[line + 2..];
            body.extend_from_slice(&data[..size.min(data.len())]);
            match data.get(size + 2..) {
                Some(after) if size > 0 => rest = after,
                _ => break,
            }
        }
        body
    }
}
