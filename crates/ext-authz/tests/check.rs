//! Checks as Envoy sends them, and what it is told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_dialect::Dialects;
use countersign_edge::{
    Bodies, Credentials, DoorName, Doors, Guard, LongBodies, Route, Routes, TrustedPeers,
};
use countersign_ext_authz::{Asker, Checked, ExtAuthz};
use countersign_framing::{BodyOfGet, Limits};
use countersign_manage::{Expiry, Form, Issue, Issuer, Material, add_consumer};
use countersign_model::{Clock, ConsumerName, DialectName, Entropy, Rates, Scopes, UnixTime};
use countersign_store::Store;
use countersign_store::testing::MemoryStore;
use countersign_token::{MasterKey, Sealer};
use countersign_verify::{
    Accept, Guesses, Limiter, Requirement, Scheme, SignatureUse, UnsignedQuery, Verifier, VerifierSettings,
};
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization as _;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use http::HeaderName;

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

struct AtNoon;

impl Clock for AtNoon {
    fn now(&self) -> UnixTime {
        NOON
    }
}

struct Always(u8);

impl Entropy for Always {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// A door, and an API key that it knows.
struct World {
    door: ExtAuthz,
    api_key: String,
}

impl World {
    async fn new(bodies: Bodies) -> Self {
        let store = Arc::new(MemoryStore::new());
        let master = MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
        let consumer = ConsumerName::parse("shop").unwrap();
        add_consumer(&*store, consumer.clone(), NOON, &Always(7)).await.unwrap();
        let (sealer, dialects) = (Sealer::new(&master), Dialects::builtin());
        let issuer = Issuer { store: &*store, sealer: &sealer, dialects: &dialects, entropy: &Always(9) };
        let issue = Issue {
            consumer,
            form: Form::ApiKey,
            scopes: Scopes::default(),
            limits: Rates::default(),
            expiry: Expiry::Never,
            label: None,
        };
        let Material::ApiKey { api_key } = issuer.issue(issue, NOON).await.unwrap().material else {
            panic!("an API key was asked for")
        };
        let pitchprint = Arc::clone(dialects.get(&DialectName::parse("pitchprint").unwrap()).unwrap());
        let route = |pattern: &str, scheme| Route {
            methods: Vec::new(),
            pattern: pattern.to_owned(),
            requirement: Requirement::new(
                Accept::Any(vec![scheme]),
                Scopes::default(),
                UnsignedQuery::Allow,
                SignatureUse::AsDialect,
            )
            .unwrap(),
            doors: Doors::All,
            upstream: None,
            credentials: Credentials::Remove,
            body_limit: None,
            long_bodies: LongBodies::default(),
        };
        let settings = VerifierSettings {
            store: Arc::clone(&store) as Arc<dyn Store>,
            master: Arc::new(master),
            dialects,
            api_key_header: HeaderName::from_static("x-api-key"),
            issuer: None,
            limiter: Arc::new(Limiter::new(100)),
            guesses: Guesses::default(),
        };
        let verifier = Verifier::start(settings, NOON).await.unwrap();
        let guard = Guard {
            routes: Routes::new(vec![
                route("/v1/{*rest}", Scheme::ApiKey),
                route("/runtime/{*rest}", Scheme::Signature(pitchprint)),
            ])
            .unwrap(),
            verifier: Arc::new(verifier),
            api_key_header: HeaderName::from_static("x-api-key"),
            proxies: TrustedPeers::default(),
        };
        let door = ExtAuthz {
            guard: Arc::new(guard),
            name: DoorName::new("mesh"),
            head: Limits { header_count: 100, header_bytes: 32 * 1024, body_of_get: BodyOfGet::Taken },
            bodies,
            trusted: TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap()]),
            own_paths: vec!["/v1/login".to_owned()],
            clock: Arc::new(AtNoon),
            entropy: Arc::new(Always(1)),
        };
        Self { door, api_key: api_key.expose().clone() }
    }

    async fn ask_from(&self, peer: &str, http: Option<HttpRequest>) -> (CheckResponse, Checked) {
        let attributes =
            AttributeContext { request: Some(Request { time: None, http }), ..AttributeContext::default() };
        let mut request = tonic::Request::new(CheckRequest { attributes: Some(attributes) });
        request.extensions_mut().insert(Asker(peer.parse().unwrap()));
        let response = self.door.check(request).await.unwrap();
        let checked = response.extensions().get::<Checked>().unwrap().clone();
        (response.into_inner(), checked)
    }

    async fn ask(&self, http: HttpRequest) -> (CheckResponse, Checked) {
        self.ask_from("10.1.2.3:4", Some(http)).await
    }

    fn get(&self, path: &str) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            (":method", b"GET".to_vec()),
            (":path", path.as_bytes().to_vec()),
            (":scheme", b"http".to_vec()),
            (":authority", b"shop.example".to_vec()),
            ("x-api-key", self.api_key.clone().into_bytes()),
        ]
    }
}

fn http(headers: &[(&str, Vec<u8>)]) -> HttpRequest {
    let raw = |(key, value): &(&str, Vec<u8>)| HeaderValue {
        key: (*key).to_owned(),
        raw_value: value.clone(),
        ..HeaderValue::default()
    };
    HttpRequest {
        header_map: Some(HeaderMap { headers: headers.iter().map(raw).collect() }),
        // What Envoy says elsewhere is not looked at.
        method: "POST".to_owned(),
        path: "/elsewhere".to_owned(),
        host: "elsewhere".to_owned(),
        ..HttpRequest::default()
    }
}

/// What is set and what is removed.
fn yes(response: CheckResponse) -> (BTreeMap<String, String>, Vec<String>) {
    assert_eq!(response.status.unwrap().code, 0);
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!("refused") };
    let set = ok.headers.into_iter().map(|option| {
        // Overwrite, and keep what is empty: what a client wrote there must go.
        assert_eq!((option.append_action, option.keep_empty_value), (2, true));
        let header = option.header.unwrap();
        (header.key, header.value)
    });
    (set.collect(), ok.headers_to_remove)
}

/// The status and the body that the client gets.
fn no(response: CheckResponse) -> (i32, String) {
    assert_eq!(response.status.unwrap().code, 7, "envoy lets nothing pass with this");
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("allowed") };
    assert!(denied.headers.iter().any(|option| option.header.as_ref().unwrap().key == "x-request-id"));
    (denied.status.unwrap().code, denied.body)
}

#[tokio::test]
async fn a_yes_names_the_caller_and_removes_what_was_checked_and_forged() {
    let world = World::new(Bodies::Unseen).await;
    let mut headers = world.get("/v1/items?a=%20");
    headers.push(("x-consumer-username", b"root".to_vec()));
    headers.push(("x_consumer_username", b"root".to_vec()));
    let (response, checked) = world.ask(http(&headers)).await;
    let (set, removed) = yes(response);
    assert_eq!(set["x-consumer-username"], "shop");
    assert_eq!(set["x-authenticated-userid"], "");
    assert!(removed.contains(&"x-api-key".to_owned()) && removed.contains(&"x_consumer_username".to_owned()));
    assert_eq!(
        checked.asked().map(|asked| (asked.method().as_str(), asked.path())),
        Some(("GET", "/v1/items"))
    );
}

#[tokio::test]
async fn a_refusal_has_the_status_and_the_body_of_every_other_door() {
    let world = World::new(Bodies::Unseen).await;
    let mut headers = world.get("/v1/items");
    headers.pop();
    let (response, checked) = world.ask(http(&headers)).await;
    let (status, body) = no(response);
    assert_eq!(status, 401);
    assert!(body.contains("CREDENTIAL_MISSING"), "{body}");
    assert_eq!(checked.status().as_u16(), 401);
    let (status, _) = no(world.ask(http(&world.get("/nowhere"))).await.0);
    assert_eq!(status, 404);
}

#[tokio::test]
async fn only_what_came_byte_for_byte_is_read() {
    let world = World::new(Bodies::Unseen).await;
    let cleaned = HttpRequest { header_map: None, ..http(&world.get("/v1/items")) };
    let (response, checked) = world.ask(cleaned).await;
    assert_eq!(no(response).0, 500);
    assert!(checked.note().detail().contains("encode_raw_headers"), "{}", checked.note().detail());
    let mut merged = http(&world.get("/v1/items"));
    merged.header_map.as_mut().unwrap().headers[4].value = "merged".to_owned();
    assert_eq!(no(world.ask(merged).await.0).0, 500);
    for (why, broken) in [
        ("no path", |headers: &mut Vec<(&'static str, Vec<u8>)>| drop(headers.remove(1))),
        ("two paths", |headers| headers.push((":path", b"/v1/other".to_vec()))),
        ("another protocol", |headers| headers.push((":protocol", b"websocket".to_vec()))),
        ("two keys", |headers| headers.push(("x-api-key", b"csk_x".to_vec()))),
        ("a header that is none", |headers| headers.push(("x y", b"z".to_vec()))),
        ("dots", |headers| headers[1].1 = b"/v1/../runtime".to_vec()),
        ("a fragment", |headers| headers[1].1 = b"/v1/items#x".to_vec()),
    ] as [(&str, fn(&mut Vec<(&'static str, Vec<u8>)>)); 7]
    {
        let mut headers = world.get("/v1/items");
        broken(&mut headers);
        let (status, _) = no(world.ask(http(&headers)).await.0);
        assert!([400, 401].contains(&status), "{why}: {status}");
    }
}

#[tokio::test]
async fn a_head_is_no_larger_than_at_any_other_door() {
    let world = World::new(Bodies::Unseen).await;
    let with = |more: Vec<(&'static str, Vec<u8>)>| {
        let mut headers = world.get("/v1/items");
        headers.extend(more);
        world.ask(http(&headers))
    };
    assert_eq!(no(with(vec![("x-many", vec![]); 100]).await.0).0, 431);
    assert_eq!(no(with(vec![("x-long", vec![b'a'; 32 * 1024])]).await.0).0, 431);
    yes(with(vec![("x-many", vec![]); 99]).await.0);
}

#[tokio::test]
async fn others_than_the_proxies_learn_nothing() {
    let world = World::new(Bodies::Unseen).await;
    let (response, _) = world.ask_from("192.0.2.1:4", Some(http(&world.get("/v1/items")))).await;
    assert_eq!(no(response).0, 403);
    let request = tonic::Request::new(CheckRequest::default());
    assert_eq!(no(world.door.check(request).await.unwrap().into_inner()).0, 500);
}

#[tokio::test]
async fn a_path_of_the_public_side_passes_nowhere_else() {
    let world = World::new(Bodies::Unseen).await;
    assert_eq!(no(world.ask(http(&world.get("/v1/login"))).await.0).0, 404);
}

#[tokio::test]
async fn a_body_is_read_only_where_it_came_whole_and_as_bytes() {
    let world = World::new(Bodies::Forwarded).await;
    let body = b"{\"apiKey\":\"csp_x\",\"timestamp\":1795262400,\"signature\":\"00\"}".to_vec();
    let asking = |partial: Option<&'static [u8]>| {
        let mut headers = world.get("/runtime/fetch");
        headers[0].1 = b"POST".to_vec();
        headers.extend(partial.map(|partial| ("x-envoy-auth-partial-body", partial.to_vec())));
        HttpRequest { raw_body: body.clone(), ..http(&headers) }
    };
    let (status, told) = no(world.ask(asking(Some(b"false"))).await.0);
    assert_eq!((status, told.contains("CREDENTIAL_INVALID")), (401, true), "{told}");
    assert_eq!(no(world.ask(asking(Some(b"true"))).await.0).0, 413);
    let as_text = HttpRequest { body: "{}".to_owned(), raw_body: Vec::new(), ..asking(None) };
    assert_eq!(no(world.ask(as_text).await.0).0, 503);
}
