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
    let request = request.borrow();
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
