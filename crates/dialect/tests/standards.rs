//! The standards' own examples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
fn rfc_9421_appendix_b_2_5_verifies_with_the_shared_secret() {
    let request = OwnedRequest::parse(
        b"POST /foo?param=Value&Pet=dog HTTP/1.1\r\nHost: example.com\r\nDate: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Type: application/json\r\nContent-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\r\nContent-Length: 18\r\nSignature-Input: sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"\r\nSignature: sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:\r\n\r\n{\"hello\": \"world\"}",
    );
    let key = STANDARD
        .decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        .unwrap();
    assert_eq!(verifies("standards/rfc9421.toml", &request, 1_618_884_473, &key), Ok(()));
}

#[test]
fn a_digest_that_is_not_the_bodys_or_that_nobody_can_check_is_refused() {
    let message = |digest: &str| {
        let head = "POST /foo HTTP/1.1\r\nHost: example.com\r\nDate: Tue, 20 Apr 2021 02:07:55 GMT\r\n";
        let sent = "Signature-Input: a=(\"date\");created=1618884473;keyid=\"k\"\r\nSignature: a=:AAAA:";
        OwnedRequest::parse(format!("{head}{sent}\r\nContent-Digest: {digest}\r\n\r\n{{}}").as_bytes())
    };
    for (digest, word) in [
        ("sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", "another one"),
        ("sha-256=:AAAAo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", "`sha256`"),
        ("md5=:AAAA:", "`others`"),
    ] {
        let why = verifies("standards/rfc9421.toml", &message(digest), 1_618_884_473, b"key").unwrap_err();
        assert!(why.contains(word), "{digest}: {why}");
    }
}

#[test]
fn rfc_9421_appendix_b_2_6_verifies_with_the_ed25519_key() {
    let request = OwnedRequest::parse(
        b"POST /foo?param=Value&Pet=dog HTTP/1.1\r\nHost: example.com\r\nDate: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Type: application/json\r\nContent-Length: 18\r\nSignature-Input: sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"\r\nSignature: sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:\r\n\r\n{\"hello\": \"world\"}",
    );
    let key = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----";
    assert_eq!(verifies("standards/rfc9421.toml", &request, 1_618_884_473, key), Ok(()));
}

#[test]
fn the_signature_version_4_example_of_the_documentation_verifies() {
    let request = OwnedRequest::parse(
        b"GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nHost: iam.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n\r\n",
    );
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    assert_eq!(verifies("cloud/aws-sigv4.toml", &request, 1_440_938_160, secret), Ok(()));
}
