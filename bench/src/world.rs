//! A verifier over a store in memory, a credential of each kind, and signed requests.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign_dialect::{Dialects, Recipe, SignInput, Signed};
use countersign_manage::{Expiry, Form, Issue, Issuer, Material};
use countersign_model::{
    Address, ConsumerName, DialectName, Entropy, HeaderList, Rates, Scopes, SessionId, TokenKeyId, UnixTime,
};
use countersign_store::testing::MemoryStore;
use countersign_store::{Store, TokenKey, TokenKeys};
use countersign_token::jwt::{AccessClaims, KeyRing};
use countersign_token::{MasterKey, Sealer};
use countersign_verify::{
    Accept, Arrival, BodyFailure, BodySource, Client, Guesses, Limiter, Request, Requirement, Scheme,
    SignatureUse, UnsignedQuery, Verifier, VerifierSettings,
};
use http::{HeaderMap, HeaderName};

/// 2026-11-21T12:00:00Z.
pub(crate) const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
pub(crate) const ISSUER: &str = "redreamer";

/// What a credential's holder has.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) api_key: String,
    pub(crate) secret: String,
}

/// A request and what its route asks.
pub(crate) struct Sent {
    method: &'static str,
    target: String,
    pub(crate) headers: HeaderList,
    pub(crate) body: Bytes,
    requirement: Requirement,
}

pub(crate) struct World {
    verifier: Verifier,
    store: Arc<MemoryStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let verifier = ready(async {
            store.add_token_key(&TokenKey { id: token_key(), made_at: NOON }, None).await.unwrap();
            let settings = VerifierSettings {
                store: Arc::clone(&store) as Arc<dyn Store>,
                master: Arc::new(master()),
                dialects: Dialects::builtin(),
                api_key_header: HeaderName::from_static("x-api-key"),
                issuer: Some(ISSUER.to_owned()),
                limiter: Arc::new(Limiter::new(1)),
                guesses: Guesses::default(),
            };
            Verifier::start(settings, NOON).await.unwrap()
        });
        Self { verifier, store }
    }

    /// A credential of a dialect, or an API key.
    pub(crate) fn issue(&self, dialect: Option<&str>) -> Given {
        let consumer = ConsumerName::parse("bench").unwrap();
        let (sealer, dialects, entropy) = (Sealer::new(&master()), Dialects::builtin(), Counting::default());
        let form = dialect.map_or(Form::ApiKey, |name| Form::Signature(DialectName::parse(name).unwrap()));
        let issued = ready(async {
            countersign_manage::add_consumer(&*self.store, consumer.clone(), NOON, &entropy).await.unwrap();
            let issue = Issue {
                consumer,
                form,
                scopes: Scopes::default(),
                limits: Rates::default(),
                expiry: Expiry::Never,
                label: None,
            };
            let issuer =
                Issuer { store: &*self.store, sealer: &sealer, dialects: &dialects, entropy: &entropy };
            issuer.issue(issue, NOON).await.unwrap()
        });
        match issued.material {
            Material::ApiKey { api_key } => {
                Given { api_key: api_key.expose().clone(), secret: String::new() }
            }
            Material::Signature { api_key, secret } => {
                Given { api_key: api_key.expose().clone(), secret: secret.expose().clone() }
            }
        }
    }

    /// The decision on a request, which must be a yes.
    pub(crate) fn decide(&self, sent: &Sent) {
        let mut body = Whole(&sent.body);
        let arrival = Arrival { at: NOON, from: Client::Unknown };
        let deciding = self.verifier.decide(sent.request(), &mut body, &sent.requirement, arrival);
        let verdict = ready_in_place(pin!(deciding));
        assert!(verdict.is_ok(), "a request was refused");
    }
}

impl Sent {
    /// A request with a bearer credential in a header.
    pub(crate) fn bearer(scheme: Scheme, header: &'static str, value: &str) -> Self {
        let mut headers = client_headers();
        headers.insert(header, value.parse().unwrap());
        let headers = headers.iter().collect();
        Self {
            method: "GET",
            target: "/v1/user/profile".to_owned(),
            headers,
            body: Bytes::new(),
            requirement: requirement(scheme),
        }
    }

    /// A request that was signed in a dialect.
    pub(crate) fn signed(recipe: &Arc<Recipe>, given: &Given, body: &[u8]) -> Self {
        let input = SignInput {
            method: "POST",
            scheme: "http",
            host: "api.example.com",
            target: "/v1/marketplace/listings",
            headers: &client_headers(),
            body,
            key_id: &given.api_key,
            secret: given.secret.as_bytes(),
            now: NOON,
            entropy: &Counting::default(),
        };
        let Signed { headers, target, body } = recipe.sign(input).unwrap();
        let headers = headers.iter().collect();
        let requirement = requirement(Scheme::Signature(Arc::clone(recipe)));
        Self { method: "POST", target, headers, body: body.into(), requirement }
    }

    /// The request without its body, which comes later, if at all.
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            scheme: "http",
            host: "api.example.com",
            target: &self.target,
            headers: self.headers.view(),
            body: None,
        }
    }
}

pub(crate) fn recipe(name: &str) -> Arc<Recipe> {
    Arc::clone(Dialects::builtin().get(&DialectName::parse(name).unwrap()).unwrap())
}

pub(crate) fn master() -> MasterKey {
    MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap()
}

pub(crate) fn token_key() -> TokenKeyId {
    TokenKeyId("k1".into())
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(&master(), ISSUER, &[token_key()]).unwrap()
}

/// An access token as a login gives it.
pub(crate) fn access_token() -> String {
    access_token_number(9)
}

/// One of many that differ in nothing but their own identity.
pub(crate) fn access_token_number(number: u128) -> String {
    let claims = AccessClaims {
        address: Address::from_bytes([7; 20]),
        session: SessionId(uuid::Uuid::from_bytes([8; 16])),
        id: uuid::Uuid::from_u128(number),
        scopes: Scopes::parse_list("console:apikey:read,console:apikey:write").unwrap(),
        issued_at: NOON,
        expires_at: UnixTime::from_secs(NOON.secs() + 3600),
    };
    ring().mint_access(&claims).unwrap()
}

/// What a future gives that has nothing to wait for.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    ready_in_place(pin!(future))
}

/// The same of a future that is not to be moved: a door that waits for a decision does not move it either.
pub(crate) fn ready_in_place<T>(future: Pin<&mut impl Future<Output = T>>) -> T {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("storage in memory never waits"),
    }
}

/// A sequence of bytes that is the same every time: nothing here is secret.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let [.., high] = state.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes();
            *byte = high;
        }
    }
}

struct Whole<'a>(&'a Bytes);

impl BodySource for Whole<'_> {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Ok(self.0.clone())
    }
}

/// What ordinary clients send besides their credentials.
fn client_headers() -> HeaderMap {
    let sent = [
        ("host", "api.example.com"),
        ("user-agent", "python-requests/2.32.3"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate"),
        ("content-type", "application/json"),
    ];
    sent.into_iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn requirement(scheme: Scheme) -> Requirement {
    Requirement::new(
        Accept::Any(vec![scheme]),
        Scopes::default(),
        UnsignedQuery::Allow,
        SignatureUse::AsDialect,
    )
    .unwrap()
}
