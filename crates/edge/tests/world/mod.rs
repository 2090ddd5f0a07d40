//! A verifier over the store in memory, with a clock that stands where a test says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
// Each table of verdicts is a crate of its own and needs a part of it.
#![allow(dead_code)]

mod bodies;
mod interrupted;
mod limits;
pub(crate) mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_dialect::{Dialects, Replay, Source};
use countersign_edge::{RequestId, refusal};
use countersign_manage::{Expiry, Form, Issue, Issued, Issuer, Material, Rotation};
use countersign_model::{
    ConsumerName, DialectName, Entropy, HeaderList, KeyId, Rates, Scopes, TokenKeyId, UnixTime,
};
use countersign_store::testing::MemoryStore;
use countersign_store::{Sessions, Store, Swept, TokenKey, TokenKeys};
use countersign_token::key::{self, KeyKind};
use countersign_token::{MasterKey, Sealer};
use countersign_verify::{
    Accept, BodySource, Client, Guesses, Limit, Limiter, Request, Requirement, Scheme, SignatureUse,
    UnsignedQuery, Verdict, Verifier, VerifierSettings,
};
use http::{HeaderName, Response};
use md5::{Digest, Md5};

pub(crate) use bodies::Arrival;
use bodies::{Pieces, Whole};
use interrupted::Interrupted;
pub(crate) use interrupted::Meanwhile;

pub(crate) const NOON: i64 = 1_795_262_400;
pub(crate) const CONSUMER: &str = "acme";

/// What a credential's holder has.
pub(crate) struct Credentials {
    pub(crate) key_id: KeyId,
    pub(crate) api_key: String,
    pub(crate) secret: String,
}

/// A request, and what its route asks: schemes with `|` between them (any will do) or `&` (all).
#[derive(Clone)]
pub(crate) struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    require: String,
    scopes: String,
    signature_use: SignatureUse,
    limits: Vec<Arc<Limit>>,
    signed_by: Option<ConsumerName>,
    from: Client,
}

impl Sent {
    pub(crate) fn new(method: &str, target: &str, require: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            require: require.to_owned(),
            scopes: String::new(),
            signature_use: SignatureUse::AsDialect,
            limits: Vec::new(),
            signed_by: None,
            from: Client::Unknown,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self
    }

    pub(crate) fn replace(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    pub(crate) fn get(&self, name: &str) -> String {
        self.headers.iter().find(|(key, _)| key == name).unwrap().1.clone()
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub(crate) fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Bytes::copy_from_slice(body);
        self
    }

    pub(crate) fn require(mut self, require: &str) -> Self {
        require.clone_into(&mut self.require);
        self
    }

    /// On a route that has each signature serve once.
    pub(crate) fn once(mut self) -> Self {
        self.signature_use = SignatureUse::Once;
        self
    }

    /// By one of this consumer's secrets.
    pub(crate) fn signed_by(mut self, consumer: &str) -> Self {
        self.signed_by = Some(ConsumerName::parse(consumer).unwrap());
        self
    }

    pub(crate) fn scopes(mut self, scopes: &str) -> Self {
        scopes.clone_into(&mut self.scopes);
        self
    }

    fn headers(&self) -> HeaderList {
        self.headers.iter().map(|(name, value)| (name, value)).collect()
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        // SplitMix64: every call goes on from where the last one stopped.
        for byte in buffer {
            let mut state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (state ^ (state >> 31)).to_le_bytes()[0];
        }
    }
}

/// Whether credentials that do not prove themselves are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guessing {
    Free,
    Counted,
}

pub(crate) struct World {
    store: Arc<MemoryStore>,
    verifier: Verifier,
    limiter: Arc<Limiter>,
    guessing: Guessing,
    api_key_header: HeaderName,
    entropy: Counting,
    runtime: tokio::runtime::Runtime,
    /// How many verdicts there were that may use something up.
    turns: AtomicU64,
    /// Whether storage has limits.
    limited: AtomicBool,
}

/// Dialects that no vendor has, one for each guard against replay, beside those that come with the program.
const DIALECTS: &str = r#"
    [dialect.windowed]
    key_id         = "{header.X-Key}"
    timestamp      = "{header.X-Time}"
    signature      = ["{header.X-Sign}", "{header.X-Sign-2}"]
    encoding       = "hex"
    string_to_sign = "{method} {path} {timestamp} {body}"
    algorithm      = "hmac-sha256"
    window         = { past = "60s", future = "30s" }
    replay         = "window"
    status         = { signature = 403, replay = 403 }

    [dialect.ending]
    key_id         = "{header.X-Key}"
    expires        = "{header.X-Time}"
    signature      = "{header.X-Sign}"
    encoding       = "hex"
    string_to_sign = "{method} {path} {expires} {body}"
    algorithm      = "hmac-sha256"
    replay         = "window"

    [dialect.nonced]
    like           = "windowed"
    nonce          = "{header.X-Nonce}"
    string_to_sign = "{nonce} {timestamp} {body}"
    replay         = "nonce"

    [dialect.timeless]
    key_id         = "{header.X-Key}"
    nonce          = "{header.X-Nonce}"
    signature      = "{header.X-Sign}"
    encoding       = "hex"
    string_to_sign = "{nonce} {body}"
    algorithm      = "hmac-sha256"
    replay         = "nonce"

    [dialect.growing]
    key_id         = "{header.X-Grow-Key}"
    nonce          = "{header.X-Grow-Nonce}"
    signature      = "{header.X-Grow-Sign}"
    encoding       = "hex"
    string_to_sign = "{nonce} {body}"
    algorithm      = "hmac-sha256"
    replay         = "increasing"

    [dialect.keyless]
    timestamp      = "{header.X-Time}"
    signature      = "{header.X-Sign}"
    encoding       = "hex"
    string_to_sign = "{timestamp} {body}"
    algorithm      = "hmac-sha256"
    window         = "60s"
"#;

fn dialects() -> Dialects {
    let own = Source { origin: "own.toml".to_owned(), text: DIALECTS.to_owned() };
    Dialects::builtin_and(&[own]).unwrap()
}

fn master() -> MasterKey {
    MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap()
}

fn token_key() -> TokenKeyId {
    TokenKeyId("k1".into())
}

fn noon() -> UnixTime {
    UnixTime::from_secs(NOON)
}

async fn verifier(
    store: &Arc<MemoryStore>,
    api_key_header: HeaderName,
    limiter: &Arc<Limiter>,
    guesses: Guesses,
) -> Verifier {
    let settings = VerifierSettings {
        store: Arc::clone(store) as Arc<dyn Store>,
        master: Arc::new(master()),
        dialects: dialects(),
        api_key_header,
        issuer: Some("redreamer".to_owned()),
        limiter: Arc::clone(limiter),
        guesses,
    };
    Verifier::start(settings, noon()).await.unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = Arc::new(MemoryStore::new());
        let api_key_header = HeaderName::from_static("x-api-key");
        let key = TokenKey { id: token_key(), made_at: noon() };
        let limiter = Arc::new(Limiter::new(100));
        let verifier = runtime.block_on(async {
            store.add_token_key(&key, None).await.unwrap();
            verifier(&store, api_key_header.clone(), &limiter, Guesses::default()).await
        });
        let (entropy, turns) = (Counting(AtomicU64::new(1)), AtomicU64::new(0));
        Self {
            store,
            verifier,
            limiter,
            guessing: Guessing::Free,
            api_key_header,
            entropy,
            runtime,
            turns,
            limited: AtomicBool::new(false),
        }
    }

    pub(crate) fn with_api_key_header(self, name: &'static str) -> Self {
        let api_key_header: HeaderName = name.parse().unwrap();
        let made = verifier(&self.store, api_key_header.clone(), &self.limiter, Guesses::default());
        Self { verifier: self.runtime.block_on(made), api_key_header, ..self }
    }

    pub(crate) fn issue(&self, dialect: Option<&str>, scopes: &str) -> Credentials {
        self.issue_as(CONSUMER, dialect, scopes, Expiry::Never)
    }

    pub(crate) fn issue_to(&self, consumer: &str, dialect: Option<&str>, scopes: &str) -> Credentials {
        self.issue_as(consumer, dialect, scopes, Expiry::Never)
    }

    pub(crate) fn issue_expiring(&self, seconds: u64) -> Credentials {
        self.issue_as(CONSUMER, None, "", Expiry::After(Duration::from_secs(seconds)))
    }

    fn issue_as(&self, consumer: &str, dialect: Option<&str>, scopes: &str, expiry: Expiry) -> Credentials {
        let consumer = ConsumerName::parse(consumer).unwrap();
        self.runtime.block_on(async {
            let added =
                countersign_manage::add_consumer(&*self.store, consumer.clone(), noon(), &self.entropy).await;
            // It may be there from an earlier credential.
            drop(added);
            let form =
                dialect.map_or(Form::ApiKey, |name| Form::Signature(DialectName::parse(name).unwrap()));
            let (scopes, limits) = (Scopes::parse_list(scopes).unwrap(), Rates::default());
            let issue = Issue { consumer, form, scopes, limits, expiry, label: None };
            let (sealer, dialects) = (Sealer::new(&master()), dialects());
            credentials(self.issuer(&sealer, &dialects).issue(issue, noon()).await.unwrap())
        })
    }

    fn issuer<'a>(&'a self, sealer: &'a Sealer, dialects: &'a Dialects) -> Issuer<'a> {
        Issuer { store: &*self.store, sealer, dialects, entropy: &self.entropy }
    }

    pub(crate) fn rotate(&self, old: &Credentials, overlap: u64) -> Credentials {
        let (sealer, dialects) = (Sealer::new(&master()), dialects());
        let rotation =
            Rotation { key: old.key_id.clone().into(), overlap: Duration::from_secs(overlap), expiry: None };
        let replaced =
            self.runtime.block_on(self.issuer(&sealer, &dialects).rotate(rotation, noon())).unwrap();
        credentials(replaced.new)
    }

    pub(crate) fn revoke(&self, credentials: &Credentials) {
        self.runtime
            .block_on(countersign_manage::revoke_key(
                &*self.store,
                &credentials.key_id.clone().into(),
                noon(),
            ))
            .unwrap();
    }

    pub(crate) fn disable(&self, consumer: &str) {
        let name = ConsumerName::parse(consumer).unwrap();
        self.runtime.block_on(countersign_manage::disable_consumer(&*self.store, &name, noon())).unwrap();
    }

    pub(crate) fn enable(&self, consumer: &str) {
        let name = ConsumerName::parse(consumer).unwrap();
        self.runtime.block_on(countersign_manage::enable_consumer(&*self.store, &name)).unwrap();
    }

    /// A key of the right form that nobody was given.
    pub(crate) fn unknown_key(&self) -> String {
        key::mint(KeyKind::ApiKey, &self.entropy).expose().clone()
    }

    pub(crate) fn cut(&self) {
        self.store.cut();
    }

    pub(crate) fn mend(&self) {
        self.store.mend();
    }

    /// The status and code of the answer; 200 and nothing where the request may pass.
    pub(crate) fn verdict(&self, sent: &Sent, now: i64) -> (u16, String) {
        self.follow(UnixTime::from_secs(now));
        self.verdict_unfollowed(sent, now)
    }

    /// As the follower of the change feed does; where storage is cut, it gets nothing either.
    pub(crate) fn follow(&self, now: UnixTime) {
        let caught_up = self.runtime.block_on(self.verifier.catch_up(now));
        drop(caught_up);
    }

    pub(crate) fn verdict_unfollowed(&self, sent: &Sent, now: i64) -> (u16, String) {
        let requirement = requirement(sent);
        match self.decide_unfollowed(sent, &requirement, now) {
            Ok(_) => (200, String::new()),
            Err(failure) => {
                let answer = refusal(&failure, &requirement, &self.api_key_header);
                (answer.status.as_u16(), answer.code.to_owned())
            }
        }
    }

    pub(crate) fn decide(&self, sent: &Sent, now: i64) -> Verdict {
        self.decide_at(sent, UnixTime::from_secs(now))
    }

    pub(crate) fn decide_at(&self, sent: &Sent, now: UnixTime) -> Verdict {
        self.decide_by(sent, &requirement(sent), now)
    }

    /// Removes from storage what has expired.
    pub(crate) fn sweep(&self, now: i64) -> Swept {
        self.runtime.block_on(self.store.sweep(UnixTime::from_secs(now), u64::MAX)).unwrap()
    }

    pub(crate) fn answer(&self, sent: &Sent, now: i64) -> Response<Bytes> {
        let requirement = requirement(sent);
        let failure = self.decide_unfollowed(sent, &requirement, now).unwrap_err();
        let id = RequestId::choose(Some(b"test"), &self.entropy);
        refusal(&failure, &requirement, &self.api_key_header).into_response(&id)
    }

    fn decide_unfollowed(&self, sent: &Sent, requirement: &Requirement, now: i64) -> Verdict {
        self.decide_by(sent, requirement, UnixTime::from_secs(now))
    }

    /// The verdict on a request whose credential is revoked or rotated, and that taken in, while its body is on its way.
    pub(crate) fn decide_while(
        &self,
        meanwhile: Meanwhile,
        credentials: &Credentials,
        sent: &Sent,
        arrival: Arrival,
    ) -> Verdict {
        let (key_id, body) = (&credentials.key_id, sent.body.clone());
        let mut body = Interrupted { world: self, meanwhile, key_id, body, arrival };
        self.decide_with(sent, &mut body, &requirement(sent), noon())
    }

    /// The verdict, however the body comes: both ways where a verdict uses nothing up, in turns where it may.
    fn decide_by(&self, sent: &Sent, requirement: &Requirement, now: UnixTime) -> Verdict {
        let in_pieces = || self.decide_with(sent, &mut Pieces(sent.body.clone()), requirement, now);
        let whole = || self.decide_with(sent, &mut Whole(sent.body.clone()), requirement, now);
        let counted = !requirement.limits().is_empty()
            || self.guessing == Guessing::Counted
            || self.limited.load(Ordering::Relaxed);
        if counted || serves_once(requirement) {
            let turn = self.turns.fetch_add(1, Ordering::Relaxed);
            return if turn.is_multiple_of(2) { in_pieces() } else { whole() };
        }
        let (verdict, other) = (whole(), in_pieces());
        assert_eq!(told(&verdict), told(&other), "whole and in pieces");
        verdict
    }

    fn decide_with<B: BodySource>(
        &self,
        sent: &Sent,
        body: &mut B,
        requirement: &Requirement,
        now: UnixTime,
    ) -> Verdict {
        let headers = sent.headers();
        let request = Request {
            method: &sent.method,
            scheme: "http",
            host: "api.example.com",
            target: &sent.target,
            headers: headers.view(),
            body: None,
        };
        let arrival = countersign_verify::Arrival { at: now, from: sent.from };
        self.runtime.block_on(self.verifier.decide(request, body, requirement, arrival))
    }
}

fn serves_once(requirement: &Requirement) -> bool {
    requirement.signature_use() == SignatureUse::Once
        || requirement.accept().schemes().iter().any(|scheme| match scheme {
            Scheme::Signature(recipe) => recipe.replay() != Replay::None,
            Scheme::ApiKey | Scheme::Wallet => false,
        })
}

/// What is told of a verdict.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Ok(verified) => format!("{:?}", verified.caller()),
        Err(failure) => failure.to_string(),
    }
}

fn credentials(issued: Issued) -> Credentials {
    let (api_key, secret) = match issued.material {
        Material::ApiKey { api_key } => (api_key.expose().clone(), String::new()),
        Material::Signature { api_key, secret } => (api_key.expose().clone(), secret.expose().clone()),
    };
    Credentials { key_id: issued.credential.key_id, api_key, secret }
}

/// Realm's signature: base64 of HMAC-SHA256 over method, path, timestamp and body with newlines between them.
pub(crate) fn realm_signature(secret: &str, method: &str, path: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let text = [format!("{method}\n{path}\n{timestamp}\n").as_bytes(), body].concat();
    STANDARD.encode(hmac::sign(&key, &text))
}

/// HMAC-SHA256 in hex.
pub(crate) fn hex_hmac(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

/// PitchPrint's signature: MD5 in hex.
pub(crate) fn hex_md5(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

fn requirement(sent: &Sent) -> Requirement {
    let dialects = dialects();
    let scheme = |name: &str| match name {
        "api-key" => Scheme::ApiKey,
        "wallet" => Scheme::Wallet,
        other => {
            let name = DialectName::parse(other.strip_prefix("signature:").unwrap()).unwrap();
            Scheme::Signature(Arc::clone(dialects.get(&name).unwrap()))
        }
    };
    let accept = match sent.require.as_str() {
        "nothing" => Accept::Nothing,
        all if all.contains('&') => Accept::All(all.split('&').map(scheme).collect()),
        any => Accept::Any(any.split('|').map(scheme).collect()),
    };
    let scopes = Scopes::parse_list(&sent.scopes).unwrap();
    let requirement = Requirement::new(accept, scopes, UnsignedQuery::Allow, sent.signature_use).unwrap();
    let requirement = requirement.with_limits(sent.limits.clone()).unwrap();
    match &sent.signed_by {
        Some(consumer) => requirement.signed_by(consumer.clone()).unwrap(),
        None => requirement,
    }
}
