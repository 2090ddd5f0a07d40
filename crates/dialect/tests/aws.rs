//! AWS Signature Version 4 and 4A against the vendor's own: the test suite that comes inside the crate `aws-sigv4`, and that crate
//! as the signer of other requests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use countersign_dialect::{Dialects, Reading, Recipe, SignInput, Source};
use countersign_model::{DialectName, Entropy, UnixTime};
use serde_json::Value;
use support::OwnedRequest;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What a service does that is no part of the built-in dialects: each is a line or two over them.
const SERVICES: &str = r#"
[dialect.as-sent]
like    = "aws-sigv4"
let.uri = "{path | enc('-._~/')}"
[dialect.as-sent-query]
like    = "aws-sigv4-query"
let.uri = "{path | enc('-._~/')}"
[dialect.as-sent-a]
like    = "aws-sigv4a"
let.uri = "{path | enc('-._~/')}"
[dialect.as-sent-a-query]
like    = "aws-sigv4a-query"
let.uri = "{path | enc('-._~/')}"
[dialect.s3-as-sent]
like     = "aws-sigv4"
variants = []
let.uri  = "{path}"
[dialect.s3-as-sent-query]
like        = "aws-sigv4-query"
variants    = []
let.uri     = "{path}"
let.payload = "UNSIGNED-PAYLOAD"
[dialect.token-behind-query]
like     = "aws-sigv4-query"
let.args = "{rawpairs | drop('X-Amz-Signature', 'X-Amz-Security-Token') | dec-form | enc | sort | render('=', '&')}"
[dialect.token-behind-a-query]
like     = "aws-sigv4a-query"
let.args = "{rawpairs | drop('X-Amz-Signature', 'X-Amz-Security-Token') | dec-form | enc | sort | render('=', '&')}"
"#;

fn dialects() -> Dialects {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects/cloud");
    let mut sources: Vec<Source> = ["aws-sigv4", "aws-sigv4-query", "aws-sigv4a", "aws-sigv4a-query"]
        .map(|name| Source {
            origin: name.into(),
            text: fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap(),
        })
        .into();
    sources.push(Source { origin: "services".into(), text: SERVICES.into() });
    Dialects::load(&sources).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]))
}

fn recipe<'d>(dialects: &'d Dialects, name: &str) -> &'d Recipe {
    dialects.get(&DialectName::parse(name).unwrap()).unwrap()
}

/// Where the sources of the crate are.
fn suite() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let told = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&told.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|package| package["name"] == "aws-sigv4").unwrap();
    let manifest = PathBuf::from(found["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("aws-signing-test-suite")
}

/// Reads a message of the suite, which holds blanks in targets, bytes beyond ASCII, and lines that go on (RFC 9112 section 5.2: a
/// recipient puts blanks for the line end, and so do proxies in front).
fn message(text: &str) -> OwnedRequest {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let head = head.replace("\n ", "  ");
    let mut lines = head.lines();
    let first = lines.next().unwrap().trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (method, target) = first.split_once(' ').unwrap();
    let mut headers = http::HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.trim().parse().unwrap());
    }
    OwnedRequest {
        method: method.into(),
        scheme: "https".into(),
        host: headers["host"].to_str().unwrap().to_owned(),
        target: target.to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
    }
}

/// Whether a request verifies at the moment at which it says that it was signed.
fn verifies(recipe: &Recipe, request: &OwnedRequest, secret: &[u8]) -> Result<(), String> {
    let lines = request.lines();
    let request = request.borrow(&lines);
    let claim = match recipe.read(&request) {
        Reading::Presented(claim) => claim,
        other => return Err(format!("{other:?}")),
    };
    recipe.fresh(&claim, claim.timestamp().unwrap()).map_err(|why| why.to_string())?;
    let key = recipe.prepare(secret);
    recipe.verify(&claim, &request, &key).map(|_| ()).map_err(|why| {
        let signed = recipe.string_to_sign(&claim, &request, &key).map(|text| text.expose().clone());
        format!("{why}: {:?}", signed.map(String::from_utf8))
    })
}

/// The request with a signature that is another one, as long.
fn forged(request: &OwnedRequest) -> OwnedRequest {
    let mut other = request.clone();
    let swap = |text: &str| {
        let at = text.rfind("ignature=").unwrap() + "ignature=".len() + 20;
        let new = if &text[at..=at] == "0" { "1" } else { "0" };
        format!("{}{new}{}", &text[..at], &text[at + 1..])
    };
    match other.headers.get_mut("authorization") {
        Some(value) => *value = swap(value.to_str().unwrap()).parse().unwrap(),
        None => other.target = swap(&other.target),
    }
    other
}

/// Runs one half of the suite; says how many requests there were.
fn run(version: &str, letter: &str) -> usize {
    let dialects = dialects();
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut folders: Vec<PathBuf> =
        fs::read_dir(suite().join(version)).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let context: Value =
            read("context.json").map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        let secret = match read("public-key.json") {
            // Its key id is another, whose secret the crate gives to its tests.
            None if name == "double-encode-path" => b"notrealrnrELgWzOk3IfjzDKtFBhDby".to_vec(),
            None => SECRET.as_bytes().to_vec(),
            Some(text) => point(&serde_json::from_str(&text).unwrap()),
        };
        for (place, behind) in [("header", ""), ("query", "-query")] {
            let Some(signed) = read(&format!("{place}-signed-request.txt")) else { continue };
            count += 1;
            let behind_token = place == "query" && context["omit_session_token"] == true;
            let mut dialect = format!("aws-sigv4{letter}{behind}");
            if context["normalize"] == false {
                dialect = format!("as-sent{}{behind}", letter.replace('a', "-a"));
            } else if behind_token {
                dialect = format!("token-behind{}-query", letter.replace('a', "-a"));
            }
            let request = message(&signed);
            let recipe = recipe(&dialects, &dialect);
            let came = verifies(recipe, &request, &secret);
            wrong.extend(came.err().map(|why| format!("{name} {place} as {dialect}: {why}")));
            if verifies(recipe, &forged(&request), &secret).is_ok() {
                wrong.push(format!("{name} {place}: a forged signature verifies"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    count
}

/// The point on the curve that a public key is (SEC 1 section 2.3.3, not compressed).
fn point(key: &Value) -> Vec<u8> {
    let digits = format!("04{}{}", key["X"].as_str().unwrap(), key["Y"].as_str().unwrap());
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_request_of_the_vendors_suite_for_version_4_verifies() {
    assert_eq!(run("v4", ""), 78);
}

#[test]
fn every_request_of_the_vendors_suite_for_version_4a_verifies_with_the_public_key() {
    assert_eq!(run("v4a", "a"), 76);
}

/// The moment at which the other signer signs.
const NOW: i64 = 1_795_262_400;

/// What the other signer is asked for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    service: &'static str,
    token: Option<&'static str>,
    location: SignatureLocation,
    body: Body,
}

/// What is said of the body.
#[derive(Clone, Copy, Debug)]
enum Body {
    Signed,
    Unsigned,
    Streaming,
}

/// The signature's place, whether in a header or in the query, is that of the request's own clients: S3 takes the path as it is and
/// has no body in a presigned URL.
fn signed_by_the_crate(ask: Ask, request: &OwnedRequest) -> OwnedRequest {
    let s3 = ask.service == "s3";
    let mut settings = SigningSettings::default();
    settings.signature_location = ask.location;
    if ask.location == SignatureLocation::QueryParams {
        settings.expires_in = Some(Duration::from_mins(15));
    }
    settings.session_token_mode = SessionTokenMode::Include;
    if s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, ask.token.map(str::to_owned), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name(ask.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs()))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("{}://{}{}", request.scheme, request.host, request.target);
    let presigned_s3 = s3 && ask.location == SignatureLocation::QueryParams;
    let body = match ask.body {
        Body::Signed if !presigned_s3 => SignableBody::Bytes(&request.body),
        Body::Signed | Body::Unsigned => SignableBody::UnsignedPayload,
        Body::Streaming => SignableBody::Precomputed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD".into()),
    };
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable = SignableRequest::new(&request.method, uri.clone(), headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut made = http::Request::builder().method(request.method.as_str()).uri(&uri).body(()).unwrap();
    *made.headers_mut() = request.headers.clone();
    instructions.apply_to_request_http1x(&mut made);
    OwnedRequest {
        target: made.uri().path_and_query().unwrap().to_string(),
        headers: made.headers().clone(),
        ..request.clone()
    }
}

/// A path that could be written otherwise. S3 escapes the path anew, and so does the built-in dialect; the vendor's own signer signs
/// it as it is sent. Its clients never send such a path.
const ESCAPED_OTHERWISE: &str = "/a%20b/%7Euser/c%2Fd";

fn requests() -> Vec<OwnedRequest> {
    let targets = [
        "/",
        "/a/b",
        "/a//b/",
        ESCAPED_OTHERWISE,
        "/a/%E1%88%B4",
        "/?b=2&a=1",
        "/x?a=%20b&c=d%2Be&empty=&flag",
        "/x?a=2&a=1&A=0&aa=3",
        "/x?%E1%88%B4=bar&k=v%3D",
    ];
    let bodies: [&[u8]; 3] = [b"", br#"{"n":1}"#, b"\x00\xff binary"];
    let mut all = Vec::new();
    for target in targets {
        for (method, body) in ["GET", "PUT", "POST"].into_iter().zip(bodies) {
            let mut headers = http::HeaderMap::new();
            headers.insert("host", "bucket.example.com".parse().unwrap());
            headers.insert("x-extra", "a   b  c".parse().unwrap());
            headers.append("x-twice", "1".parse().unwrap());
            headers.append("x-twice", "2".parse().unwrap());
            all.push(OwnedRequest {
                method: method.into(),
                scheme: "https".into(),
                host: "bucket.example.com".into(),
                target: target.into(),
                headers,
                body: body.to_vec(),
            });
        }
    }
    all
}

fn asks() -> Vec<Ask> {
    let mut all = Vec::new();
    for service in ["execute-api", "s3"] {
        for token in [None, Some("FwoGZXIvYXdzEXAMPLEtoken//+==")] {
            for location in [SignatureLocation::Headers, SignatureLocation::QueryParams] {
                all.push(Ask { service, token, location, body: Body::Signed });
            }
            if service == "s3" {
                for body in [Body::Unsigned, Body::Streaming] {
                    all.push(Ask { service, token, location: SignatureLocation::Headers, body });
                }
            }
        }
    }
    all
}

#[test]
fn what_the_vendors_signer_signs_verifies_and_nothing_that_was_changed_behind_it() {
    let dialects = dialects();
    let mut wrong = Vec::new();
    let (mut count, mut count_as_sent) = (0, 0);
    for ask in asks() {
        let name = match ask.location {
            SignatureLocation::QueryParams => "aws-sigv4-query",
            _ => "aws-sigv4",
        };
        let as_sent = recipe(&dialects, &name.replace("aws-sigv4", "s3-as-sent"));
        let recipe = recipe(&dialects, name);
        for request in requests() {
            count += 1;
            let signed = signed_by_the_crate(ask, &request);
            let recipe = if ask.service == "s3" && request.target == ESCAPED_OTHERWISE {
                count_as_sent += 1;
                assert!(verifies(recipe, &signed, SECRET.as_bytes()).is_err());
                as_sent
            } else {
                recipe
            };
            let mut say = |what: String| {
                wrong.push(format!("{ask:?} {} {}: {what}", request.method, request.target));
            };
            if let Err(why) = verifies(recipe, &signed, SECRET.as_bytes()) {
                say(why);
            }
            for (part, changed) in support::tampered(&signed) {
                let body = part == countersign_dialect::RequestPart::Body;
                let covered = !body || matches!(ask.body, Body::Signed) && !is_presigned_s3(ask);
                if verifies(recipe, &changed, SECRET.as_bytes()).is_ok() == covered {
                    say(format!("{part:?} was changed, and that came to {}", !covered));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((count, count_as_sent), (12 * 27, 8 * 3));
}

fn is_presigned_s3(ask: Ask) -> bool {
    ask.service == "s3" && ask.location == SignatureLocation::QueryParams
}

#[test]
fn what_the_dialect_signs_has_the_signature_that_the_vendors_signer_gives_it() {
    let dialects = dialects();
    let recipe = recipe(&dialects, "aws-sigv4");
    let ask =
        Ask { service: "execute-api", token: None, location: SignatureLocation::Headers, body: Body::Signed };
    for mut request in requests() {
        // The dialect signs the host and the date alone, and for one region.
        request.headers = [(http::header::HOST, "bucket.example.com".parse().unwrap())].into_iter().collect();
        let input = SignInput {
            method: &request.method,
            scheme: &request.scheme,
            host: &request.host,
            target: &request.target,
            headers: &request.headers,
            body: &request.body,
            key_id: "AKIDEXAMPLE",
            secret: SECRET.as_bytes(),
            now: UnixTime::from_secs(NOW),
            entropy: &Fixed,
        };
        let ours = recipe.sign(input).unwrap().headers["authorization"].to_str().unwrap().to_owned();
        let theirs = signed_by_the_crate(ask, &request).headers["authorization"].to_str().unwrap().to_owned();
        let ours = ours.replace("us-east-1", "eu-central-1");
        let without = |text: &str| text.rsplit_once("Signature=").unwrap().0.replace(", ", ",");
        assert_eq!(without(&ours), without(&theirs));
    }
}

/// The same bytes each time.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}
