//! The decision inside another service: the same configuration, storage and answers, by way of the layer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use countersign::Embedded;
use countersign_tower::Caller;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::util::ServiceExt as _;

const CONFIG: &str = r#"
    [[route]]
    path    = "/inside/items"
    require = "api-key"
    doors   = ["tower"]

    [[route]]
    path    = "/v1/marketplace/listings"
    require = "signature:realm"
    doors   = ["tower"]
"#;

/// A folder with a configuration, and a consumer `shop` in its database.
struct House {
    _folder: tempfile::TempDir,
    config: PathBuf,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("countersign.toml");
        let store =
            format!("[store]\nurl = \"sqlite:{}\"\n", folder.path().join("data/countersign.db").display());
        std::fs::write(&config, format!("{store}{CONFIG}")).unwrap();
        let house = Self { _folder: folder, config };
        house.run(&["consumer", "add", "shop"]);
        house
    }

    /// What a command answers.
    fn run(&self, args: &[&str]) -> serde_json::Value {
        let done = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("--config")
            .arg(&self.config)
            .arg("--json")
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn issue(&self, args: &[&str]) -> serde_json::Value {
        self.run(&[&["key", "issue", "--consumer", "shop"], args].concat())
    }
}

async fn who(caller: Caller) -> String {
    caller.app().unwrap().name().to_string()
}

async fn echo(headers: http::HeaderMap, body: String) -> String {
    let consumer = headers["x-consumer-username"].to_str().unwrap();
    let signature = headers.contains_key("x-signature");
    format!("{consumer} {body} {signature}")
}

fn service(countersign: &Embedded) -> Router {
    Router::new()
        .nest("/inside", Router::new().route("/items", get(who)))
        .route("/v1/marketplace/listings", post(echo))
        .layer(countersign.layer())
}

fn asking(path: &str, key: &str) -> Request<Body> {
    Request::get(path).header("Host", "shop.example").header("X-API-Key", key).body(Body::empty()).unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn open(config: &Path) -> Embedded {
    Embedded::open(config).map_err(|error| error.to_string()).unwrap()
}

#[test]
fn a_handler_learns_its_caller_and_strangers_do_not_reach_it() {
    let house = House::new();
    let key = house.issue(&[])["api_key"].as_str().unwrap().to_owned();
    let countersign = open(&house.config);
    runtime().block_on(async {
        let told = service(&countersign).oneshot(asking("/inside/items", &key)).await.unwrap();
        assert_eq!(told.status(), StatusCode::OK);
        assert!(told.headers().contains_key("x-request-id"));
        assert_eq!(text(told).await, "shop");
        let refused = service(&countersign).oneshot(asking("/inside/items", "csk_wrong")).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert!(text(refused).await.contains("CREDENTIAL_INVALID"));
        let nowhere = service(&countersign).oneshot(asking("/elsewhere", &key)).await.unwrap();
        assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn limits_of_a_key_are_kept_inside_a_service_and_those_that_are_new_are_in_effect_at_once() {
    let house = House::new();
    let issued = house.issue(&["--limit", "2/d"]);
    let (key, id) = (issued["api_key"].as_str().unwrap(), issued["key_id"].as_str().unwrap());
    let countersign = open(&house.config);
    let passing = || {
        runtime().block_on(async {
            let mut passed = 0;
            for _ in 0..9 {
                let told = service(&countersign).oneshot(asking("/inside/items", key)).await.unwrap();
                assert_eq!(
                    told.headers()["ratelimit-policy"].to_str().unwrap().split(';').next(),
                    Some("\"credential:d\"")
                );
                passed += usize::from(told.status() == StatusCode::OK);
            }
            passed
        })
    };
    assert_eq!(passing(), 2);
    house.run(&["key", "set-limits", id, "5/d", "--wait"]);
    assert_eq!(passing(), 3, "what was used stays used");
}

#[test]
fn a_signed_body_reaches_the_handler_whole_and_its_signature_does_not() {
    let house = House::new();
    let issued = house.issue(&["--dialect", "realm"]);
    let body = house.config.parent().unwrap().join("body.json");
    std::fs::write(&body, "{\"price\":100}").unwrap();
    let signed = house.run(&[
        "sign",
        "--dialect",
        "realm",
        "--key",
        issued["api_key"].as_str().unwrap(),
        "--secret",
        issued["secret"].as_str().unwrap(),
        "POST",
        "http://shop.example/v1/marketplace/listings",
        "--body-file",
        body.to_str().unwrap(),
    ]);
    let countersign = open(&house.config);
    let request = |body: &'static str| {
        let mut request = Request::post("/v1/marketplace/listings")
            .header("Host", "shop.example")
            .header("X-Consumer-Username", "root");
        for header in signed["headers"].as_array().unwrap() {
            request = request.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
        }
        request.body(Body::from(body)).unwrap()
    };
    runtime().block_on(async {
        let told = service(&countersign).oneshot(request("{\"price\":100}")).await.unwrap();
        assert_eq!(told.status(), StatusCode::OK);
        assert_eq!(text(told).await, "shop {\"price\":100} false");
        let forged = service(&countersign).oneshot(request("{\"price\":101}")).await.unwrap();
        assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    });
}

/// What a handler that reads bodies to their end makes of one of `length` bytes, sent in chunks.
fn long(
    house: &House,
    countersign: &Embedded,
    issued: &serde_json::Value,
    path: &str,
    length: usize,
) -> StatusCode {
    let (body, file) = ("x".repeat(length), house.config.parent().unwrap().join("body"));
    std::fs::write(&file, &body).unwrap();
    let given = |name: &str| issued[name].as_str().unwrap();
    let signed = house.run(&[
        "sign",
        "--dialect",
        "realm",
        "--key",
        given("api_key"),
        "--secret",
        given("secret"),
        "PUT",
        &format!("http://shop.example{path}"),
        "--body-file",
        file.to_str().unwrap(),
    ]);
    let mut request = Request::put(path).header("Host", "shop.example");
    for header in signed["headers"].as_array().unwrap() {
        request = request.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
    }
    let service = Router::new()
        .fallback(|body: axum::body::Bytes| async move { body.len().to_string() })
        .layer(countersign.layer());
    runtime().block_on(async {
        let answer = service.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status();
        if status == StatusCode::OK {
            assert_eq!(text(answer).await, length.to_string());
        }
        status
    })
}

#[test]
fn long_bodies_have_the_limits_and_the_place_that_the_configuration_gives_them() {
    const KIB: usize = 1024;
    let house = House::new();
    let spool = house.config.parent().unwrap().join("aside");
    std::fs::create_dir(&spool).unwrap();
    let more = format!(
        r#"
        [limits]
        signed_body  = "256KiB"
        held_body    = "64KiB"
        proxied_body = "512KiB"

        [spool]
        directory = "{}"

        [[route]]
        path    = "/aside"
        require = "signature:realm"
        doors   = ["tower"]

        [[route]]
        path    = "/along"
        require = "signature:realm"
        stream  = "hold-last"
        doors   = ["tower"]
    "#,
        spool.display()
    );
    let config = std::fs::read_to_string(&house.config).unwrap();
    std::fs::write(&house.config, config + &more).unwrap();
    let issued = house.issue(&["--dialect", "realm"]);
    let countersign = open(&house.config);
    let sent = |path, kib| long(&house, &countersign, &issued, path, kib * KIB);
    assert_eq!((sent("/aside", 256), sent("/aside", 257)), (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!((sent("/along", 512), sent("/along", 513)), (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE));
    // What is short is held, and what goes on as it comes needs no file.
    std::fs::remove_dir(&spool).unwrap();
    assert_eq!((sent("/aside", 64), sent("/along", 512)), (StatusCode::OK, StatusCode::OK));
    assert!(sent("/aside", 65).is_server_error());
}

#[test]
fn a_configuration_that_is_wrong_is_told_with_every_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("countersign.toml");
    std::fs::write(&config, "[[route]]\npath = 'items'\nrequire = 'magic'\n").unwrap();
    let Err(refused) = Embedded::open(&config) else { panic!("it is accepted") };
    let refused = refused.to_string();
    assert!(refused.contains("`items`") && refused.contains("magic"), "{refused}");
}
