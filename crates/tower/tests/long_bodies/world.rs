//! A service behind the layer, with one route and a consumer who signs for it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_dialect::Dialects;
use countersign_edge::{Credentials, Doors, Guard, LongBodies, Route, Routes, TrustedPeers};
use countersign_manage::{Expiry, Form, Issue, Issuer, Material};
use countersign_model::{Clock, ConsumerName, DialectName, Entropy, Rates, Scopes, UnixTime};
use countersign_store::Store;
use countersign_store::testing::MemoryStore;
use countersign_token::{MasterKey, Sealer};
use countersign_tower::{BodyLimits, CountersignLayer, HeldBodies, ReadLimits, RelayLimits, SpoolPlace};
use countersign_verify::{
    Accept, Guesses, Limiter, Requirement, Scheme, SignatureUse, UnsignedQuery, Verifier, VerifierSettings,
};
use http::{HeaderName, Request};
use http_body::{Body, Frame, SizeHint};
use tempfile::TempDir;
use tokio::sync::mpsc;

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

pub(crate) struct World {
    pub(crate) layer: CountersignLayer,
    spool: TempDir,
    api_key: String,
    secret: String,
}

/// What a test wants of the limits.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// The longest body, in bytes.
    pub(crate) most: u64,
    /// Of all files, in bytes.
    pub(crate) spooled: u64,
}

/// Bytes that differ from one time to the next.
struct Counting(AtomicU8);

struct Noon;

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        NOON
    }
}

impl World {
    /// A layer whose one route asks for a signature in Realm's dialect.
    pub(crate) async fn new(long_bodies: LongBodies, room: Room) -> Self {
        let store = Arc::new(MemoryStore::new());
        let master = || MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
        let (dialects, entropy) = (Dialects::builtin(), Counting(AtomicU8::new(1)));
        let dialect = DialectName::parse("realm").unwrap();
        let consumer = ConsumerName::parse("acme").unwrap();
        countersign_manage::add_consumer(&*store, consumer.clone(), NOON, &entropy).await.unwrap();
        let sealer = Sealer::new(&master());
        let form = Form::Signature(dialect.clone());
        let (scopes, limits) = (Scopes::default(), Rates::default());
        let issue = Issue { consumer, form, scopes, limits, expiry: Expiry::Never, label: None };
        let issuer = Issuer { store: &*store, sealer: &sealer, dialects: &dialects, entropy: &entropy };
        let made = issuer.issue(issue, NOON).await.unwrap();
        let Material::Signature { api_key, secret } = made.material else { panic!("it signs") };

        let scheme = Scheme::Signature(Arc::clone(dialects.get(&dialect).unwrap()));
        let api_key_header = HeaderName::from_static("x-api-key");
        let settings = VerifierSettings {
            store: store as Arc<dyn Store>,
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
            SignatureUse::AsDialect,
        );
        let route = Route {
            methods: Vec::new(),
            pattern: "/{*rest}".to_owned(),
            requirement: requirement.unwrap(),
            doors: Doors::All,
            upstream: None,
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
        let spool = tempfile::tempdir().unwrap();
        let place = SpoolPlace {
            directory: spool.path().to_owned(),
            room: HeldBodies::new(room.spooled),
            longer_than: 64 * 1024,
        };
        let limits = BodyLimits {
            reading: ReadLimits {
                max_bytes: room.most,
                idle_timeout: Duration::from_secs(5),
                whole_timeout: Duration::from_mins(1),
                held: HeldBodies::new(1 << 20),
                spool: Some(Arc::new(place)),
            },
            relaying: RelayLimits {
                max_bytes: room.most,
                whole_timeout: Duration::from_mins(10),
                patience: Duration::from_mins(1),
            },
        };
        let layer = CountersignLayer::new(
            Arc::new(ArcSwap::from_pointee(guard)),
            Arc::new(Noon),
            Arc::new(Counting(AtomicU8::new(100))),
        );
        let (api_key, secret) = (api_key.expose().clone(), secret.expose().clone());
        Self { layer: layer.with_limits(limits), spool, api_key, secret }
    }

    /// How many bodies are put aside under a name.
    pub(crate) fn named_files(&self) -> usize {
        std::fs::read_dir(self.spool.path()).unwrap().count()
    }

    /// A request for a body that consists of `pieces`, signed, with `body` in its place.
    pub(crate) fn request<'a, B>(&self, pieces: impl IntoIterator<Item = &'a [u8]>, body: B) -> Request<B> {
        let timestamp = NOON.secs();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("PUT\n/v1/files\n{timestamp}\n").as_bytes());
        for piece in pieces {
            signed.update(piece);
        }
        Request::put("/v1/files")
            .header("host", "a")
            .header("x-api-key", &self.api_key)
            .header("x-timestamp", timestamp.to_string())
            .header("x-signature", STANDARD.encode(signed.sign()))
            .body(body)
            .unwrap()
    }
}

/// A body that comes as the test sends it, and how long it says that it is.
pub(crate) struct Sent {
    pieces: mpsc::UnboundedReceiver<Bytes>,
    left: Option<u64>,
}

/// A body to come, and its sender. Its end is the sender's.
pub(crate) fn sent(length: Option<u64>) -> (mpsc::UnboundedSender<Bytes>, Sent) {
    let (send, pieces) = mpsc::unbounded_channel();
    (send, Sent { pieces, left: length })
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = ready!(self.pieces.poll_recv(cx));
        if let (Some(left), Some(piece)) = (&mut self.left, &piece) {
            *left -= piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
