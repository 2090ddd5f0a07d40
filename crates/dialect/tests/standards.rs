//! The standards' own examples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use countersign_dialect::{Dialects, Reading, Source};
use countersign_model::{DialectName, UnixTime};
use support::OwnedRequest;

fn verifies(path: &str, request: &OwnedRequest, now: i64, secret: &[u8]) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects").join(path);
    let source = Source { origin: path.into(), text: fs::read_to_string(&file).unwrap() };
    let dialects = Dialects::load(&[source]).map_err(|mistakes| format!("{mistakes:?}"))?;
    let name = file.file_stem().unwrap().to_str().unwrap();
    let recipe = dialects.get(&DialectName::parse(name).unwrap()).unwrap();
    let lines = request.lines();
    let request = request.borrow(&lines);
    let Reading::Presented(claim) = recipe.read(&request) else { return Err("not presented".into()) };
    recipe.fresh(&claim, UnixTime::from_secs(now)).map_err(|why| why.to_string())?;
    let key = recipe.prepare(secret);
    recipe.verify(&claim, &request, &key).map(|_| ()).map_err(|why| {
        let signed = recipe.string_to_sign(&claim, &request, &key).map(|text| text.expose().clone());
        format!("{why}: {:?}", signed.map(String::from_utf8))
    })
}

const HAWK_KEY: &[u8] = b"werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn";

#[test]
fn hawk_example_without_a_payload_verifies() {
    let mut request = OwnedRequest::parse(
        b"GET /resource/1?b=1&a=2 HTTP/1.1\r\nHost: example.com:8000\r\nAuthorization: Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", ext=\"some-app-ext-data\", mac=\"6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE=\"\r\n\r\n",
    );
    request.scheme = "http".into();
    assert_eq!(verifies("standards/hawk.toml", &request, 1_353_832_234, HAWK_KEY), Ok(()));
}

#[test]
fn hawk_example_with_a_payload_verifies_and_another_payload_does_not() {
    let mut request = OwnedRequest::parse(
        b"POST /resource/1?b=1&a=2 HTTP/1.1\r\nHost: example.com:8000\r\nContent-Type: text/plain\r\nAuthorization: Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", hash=\"Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=\", ext=\"some-app-ext-data\", mac=\"aSe1DERmZuRl3pI36/9BdZmnErTw3sNzOOAUlfeKjVw=\"\r\n\r\nThank you for flying Hawk",
    );
    request.scheme = "http".into();
    assert_eq!(verifies("standards/hawk.toml", &request, 1_353_832_234, HAWK_KEY), Ok(()));
    request.body.push(b'!');
    assert!(verifies("standards/hawk.toml", &request, 1_353_832_234, HAWK_KEY).is_err());
}

#[test]
fn the_signature_version_4_example_of_the_documentation_verifies() {
    let request = OwnedRequest::parse(
        b"GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nHost: iam.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n\r\n",
    );
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    assert_eq!(verifies("cloud/aws-sigv4.toml", &request, 1_440_938_160, secret), Ok(()));
}

#[test]
fn the_three_requests_of_rfc_5849_section_1_2_verify() {
    let request = |line: &str, form: &str, rest: &str, signature: &str| {
        let oauth = format!(
            "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", {rest}, oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"{signature}\""
        );
        let kind = if form.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded\r\n" };
        OwnedRequest::parse(
            format!(
                "{line} HTTP/1.1\r\nHost: photos.example.net\r\n{kind}Authorization: {oauth}\r\n\r\n{form}"
            )
            .as_bytes(),
        )
    };
    let secret = |token: &str| format!("{{\"secret\":\"kd94hf93k423kf44\",\"token_secret\":\"{token}\"}}");
    let initiate = request(
        "POST /initiate",
        "",
        "oauth_timestamp=\"137131200\", oauth_nonce=\"wIjqoS\", oauth_callback=\"http%3A%2F%2Fprinter.example.com%2Fready\"",
        "74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D",
    );
    let token = request(
        "POST /token",
        "",
        "oauth_token=\"hh5s93j4hdidpola\", oauth_timestamp=\"137131201\", oauth_nonce=\"walatlh\", oauth_verifier=\"hfdp7dh39dks9884\"",
        "gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D",
    );
    let mut photo = request(
        "GET /photos?file=vacation.jpg&size=original",
        "",
        "oauth_token=\"nnch734d00sl2jdk\", oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\"",
        "MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D",
    );
    photo.scheme = "http".into();
    let path = "standards/oauth1.toml";
    assert_eq!(verifies(path, &initiate, 137_131_200, secret("").as_bytes()), Ok(()));
    assert_eq!(verifies(path, &token, 137_131_201, secret("hdhd0244k9j7ao03").as_bytes()), Ok(()));
    assert_eq!(verifies(path, &photo, 137_131_202, secret("pfkkdhi9sl3r4s00").as_bytes()), Ok(()));
    photo.target = photo.target.replace("original", "small");
    assert!(verifies(path, &photo, 137_131_202, secret("pfkkdhi9sl3r4s00").as_bytes()).is_err());
}

#[test]
fn the_example_of_standard_webhooks_verifies() {
    let request = OwnedRequest::parse(
        b"POST /hook HTTP/1.1\r\nHost: example.com\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n\r\n{\"test\": 2432232314}",
    );
    let secret = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert_eq!(verifies("standards/standard-webhooks.toml", &request, 1_614_265_330, secret), Ok(()));
}

#[test]
fn the_example_of_githubs_page_verifies() {
    let request = OwnedRequest::parse(
        b"POST /hook HTTP/1.1\r\nHost: example.com\r\nX-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\r\nHello, World!",
    );
    assert_eq!(verifies("webhooks/github.toml", &request, 0, b"It's a Secret to Everybody"), Ok(()));
}

#[test]
fn the_example_of_slacks_page_verifies() {
    let request = OwnedRequest::parse(
        b"POST /hook HTTP/1.1\r\nHost: example.com\r\nX-Slack-Request-Timestamp: 1531420618\r\nX-Slack-Signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\r\n\r\ntoken=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    );
    let secret = b"8f742231b10e8888abcd99yyyzzz85a5";
    assert_eq!(verifies("webhooks/slack.toml", &request, 1_531_420_618, secret), Ok(()));
}
