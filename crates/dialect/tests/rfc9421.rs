//! HTTP Message Signatures: the examples of RFC 9421, section 4.3 and Appendix B, and the digests of RFC 9530.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::{Dialects, Reading, Source};
use countersign_model::{DialectName, UnixTime};
use support::OwnedRequest;

/// Appendix B.1.2.
const PSS: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n\
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n\
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n\
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n\
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n\
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n\
2wIDAQAB\n\
-----END PUBLIC KEY-----";

/// Appendix B.1.1, as a `SubjectPublicKeyInfo`.
const RSA: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhAKYdtoeoy8zcAcR874L\n\
8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrwWEBnez6d0UDKDwGbc6nxfEXAy5mbhgaj\n\
zrw3MOEt8uA5txSKobBpKDeBLOsdJKFqMGmXCQvEG7YemcxDTRPxAleIAgYYRjTS\n\
d/QBwVW9OwNFhekro3RtlinV0a75jfZgkne/YiktSvLG34lw2zqXBDTC5NHROUqG\n\
TlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0PuKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dS\n\
FFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQPSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ1\n\
0wIDAQAB\n\
-----END PUBLIC KEY-----";

/// Appendix B.1.3.
const P256: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n\
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n\
-----END PUBLIC KEY-----";

/// Appendix B.1.4.
const ED25519: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
-----END PUBLIC KEY-----";

/// Appendix B.1.5, in base64.
const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

/// When most of the examples were signed.
const NOW: i64 = 1_618_884_473;

/// The request that Appendix B.2 signs.
const REQUEST: &str = "POST /foo?param=Value&Pet=dog HTTP/1.1\r\n\
    Host: example.com\r\n\
    Date: Tue, 20 Apr 2021 02:07:55 GMT\r\n\
    Content-Type: application/json\r\n\
    Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\r\n\
    Content-Length: 18\r\n";

/// A signature of one of the examples: what it is called, what was put in, and what came out.
struct Example {
    label: &'static str,
    input: &'static str,
    signature: &'static str,
    key: &'static str,
}

/// Appendix B.2. Its fourth example signs a response.
const B2: [Example; 5] = [
    Example {
        label: "sig-b21",
        input: r#"();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
        signature: "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
        key: PSS,
    },
    Example {
        label: "sig-b22",
        input: r#"("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
        signature: "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
        key: PSS,
    },
    Example {
        label: "sig-b23",
        input: r#"("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
        signature: "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
        key: PSS,
    },
    Example {
        label: "sig-b25",
        input: r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        signature: "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
        key: SHARED,
    },
    Example {
        label: "sig-b26",
        input: r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        signature: "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
        key: ED25519,
    },
];

/// A dialect for one of several signatures, by its label.
fn labelled(label: &str) -> String {
    let input = r"(?:^|, ?)LABEL=\((?P<listed>[^)]*)\)(?P<params>[^,]*)(?:,|$)";
    let signature = r"{header.Signature | capture('(?:^|, ?)LABEL=:([^:]*):')}";
    format!(
        "[dialect.labelled]\nlike = 'rfc9421'\nmatch.'header.Signature-Input' = '{input}'\nsignature = \"{signature}\"\n"
    )
    .replace("LABEL", label)
}

fn judge(dialect: &str, more: &str, request: &OwnedRequest, now: i64, secret: &[u8]) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects/standards/rfc9421.toml");
    let sources = [
        Source { origin: "rfc9421.toml".into(), text: fs::read_to_string(file).unwrap() },
        Source { origin: "more".into(), text: more.into() },
    ];
    let dialects = Dialects::load(&sources).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    let recipe = dialects.get(&DialectName::parse(dialect).unwrap()).unwrap();
    let lines = request.lines();
    let request = request.borrow(&lines);
    let claim = match recipe.read(&request) {
        Reading::Presented(claim) => claim,
        other => return Err(format!("{other:?}")),
    };
    recipe.fresh(&claim, UnixTime::from_secs(now)).map_err(|why| why.to_string())?;
    let key = recipe.prepare(secret);
    recipe.verify(&claim, &request, &key).map(|_| ()).map_err(|why| {
        let signed = recipe.string_to_sign(&claim, &request, &key).map(|text| text.expose().clone());
        format!("{why}: {:?}", signed.map(String::from_utf8))
    })
}

fn verifies(request: &OwnedRequest, now: i64, secret: &[u8]) -> Result<(), String> {
    judge("rfc9421", "", request, now, secret)
}

fn message(head: &str, body: &str) -> OwnedRequest {
    OwnedRequest::parse(format!("{head}\r\n{body}").as_bytes())
}

fn signed(head: &str, example: &Example, body: &str) -> OwnedRequest {
    let Example { label, input, signature, .. } = example;
    message(&format!("{head}Signature-Input: {label}={input}\r\nSignature: {label}=:{signature}:\r\n"), body)
}

fn secret(example: &Example) -> Vec<u8> {
    if example.key == SHARED { STANDARD.decode(SHARED).unwrap() } else { example.key.as_bytes().to_vec() }
}

#[test]
fn the_requests_of_appendix_b_2_verify_with_their_keys_and_no_other() {
    for example in &B2 {
        let request = signed(REQUEST, example, r#"{"hello": "world"}"#);
        assert_eq!(verifies(&request, NOW, &secret(example)), Ok(()), "{}", example.label);
        for other in B2.iter().filter(|other| other.key != example.key) {
            let came = verifies(&request, NOW, &secret(other));
            assert!(came.is_err(), "{} with the key of {}", example.label, other.label);
        }
    }
}

#[test]
fn a_request_of_appendix_b_2_is_refused_with_another_body_or_a_component_changed() {
    for example in &B2 {
        let request = signed(REQUEST, example, r#"{"hello": "World"}"#);
        let why = verifies(&request, NOW, &secret(example)).unwrap_err();
        assert!(why.contains("`sha512`"), "{}: {why}", example.label);
        if example.input.starts_with("()") {
            continue;
        }
        let head = REQUEST.replace("example.com", "example.org").replace("Pet=dog", "Pet=cat");
        let request = signed(&head, example, r#"{"hello": "world"}"#);
        let why = verifies(&request, NOW, &secret(example)).unwrap_err();
        assert!(why.contains("another one"), "{}: {why}", example.label);
    }
}

#[test]
fn the_signature_of_a_proxy_that_ends_tls_verifies_as_appendix_b_3_has_it() {
    let head = "POST /foo?param=Value&Pet=dog HTTP/1.1\r\n\
        Host: service.internal.example\r\n\
        Date: Tue, 20 Apr 2021 02:07:55 GMT\r\n\
        Content-Type: application/json\r\n\
        Content-Length: 18\r\n\
        Client-Cert: :MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:\r\n";
    let example = Example {
        label: "ttrp",
        input: r#"("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256""#,
        signature: "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
        key: P256,
    };
    let request = signed(head, &example, r#"{"hello": "world"}"#);
    assert_eq!(verifies(&request, NOW, P256.as_bytes()), Ok(()));
    let request = signed(&head.replace("MIIBqD", "MIIBqE"), &example, r#"{"hello": "world"}"#);
    assert!(verifies(&request, NOW, P256.as_bytes()).is_err());
}

#[test]
fn what_a_message_may_go_through_is_what_appendix_b_4_says() {
    let example = Example {
        label: "transform",
        input: r#"("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519""#,
        signature: "ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==",
        key: ED25519,
    };
    let date = "Date: Fri, 15 Jul 2022 14:24:55 GMT\r\n";
    let apart = "Accept: application/json\r\nAccept: */*\r\n";
    let target = "/demo?name1=Value1&Name2=value2";
    let heads = [
        (true, format!("GET {target} HTTP/1.1\r\nHost: example.org\r\n{date}{apart}")),
        (
            true,
            format!(
                "GET {target}&param=added HTTP/1.1\r\nHost: example.org\r\n{date}{apart}Accept-Language: en-US,en;q=0.5\r\n"
            ),
        ),
        (
            true,
            format!(
                "GET {target} HTTP/1.1\r\nHost: example.org\r\nReferer: https://developer.example.org/demo\r\nAccept: application/json, */*\r\n"
            ),
        ),
        (false, format!("POST {target} HTTP/1.1\r\nHost: example.com\r\n{date}{apart}")),
        (
            false,
            format!(
                "GET {target} HTTP/1.1\r\nHost: example.org\r\n{date}Accept: */*\r\nAccept: application/json\r\n"
            ),
        ),
    ];
    for (good, head) in heads {
        let came = verifies(&signed(&head, &example, ""), NOW, ED25519.as_bytes());
        assert_eq!(came.is_ok(), good, "{head}: {came:?}");
    }
}

/// Section 4.3: a client's request as a proxy passes it on, with its own signature beside the client's.
const PROXIED: &str = "POST /foo?param=Value&Pet=dog HTTP/1.1\r\n\
    Host: origin.host.internal.example\r\n\
    Date: Tue, 20 Apr 2021 02:07:56 GMT\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 18\r\n\
    Forwarded: for=192.0.2.123;host=example.com;proto=https\r\n\
    Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\r\n\
    Signature-Input: sig1=(\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-type\" \"content-length\");created=1618884475;keyid=\"test-key-ecc-p256\", proxy_sig=(\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-type\" \"content-length\" \"forwarded\");created=1618884480;keyid=\"test-key-rsa\";alg=\"rsa-v1_5-sha256\";expires=1618884540\r\n\
    Signature: sig1=:X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A==:, proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g==:\r\n";

#[test]
fn one_of_several_signatures_is_taken_by_its_label() {
    let request = message(PROXIED, r#"{"hello": "world"}"#);
    let proxy = |now| judge("labelled", &labelled("proxy_sig"), &request, now, RSA.as_bytes());
    assert_eq!(proxy(1_618_884_480), Ok(()));
    // The proxy's signature names its end; where there are two, the built-in dialect takes none.
    assert_eq!(proxy(1_618_884_540), Ok(()));
    assert_eq!(proxy(1_618_884_541).unwrap_err(), "it ended 1 s ago");
    assert!(verifies(&request, 1_618_884_480, RSA.as_bytes()).is_err());
    // What the client signed was sent to another host.
    let client = |request| judge("labelled", &labelled("sig1"), request, 1_618_884_480, P256.as_bytes());
    assert!(client(&request).is_err());
    let sent = PROXIED
        .replace("origin.host.internal.example", "example.com")
        .replace(";alg=\"rsa-v1_5-sha256\";expires=1618884540", ";alg=\"rsa-v1_5-sha256\"");
    assert_eq!(client(&message(&sent, r#"{"hello": "world"}"#)), Ok(()));
}

#[test]
fn a_digest_that_is_not_the_bodys_or_that_nobody_can_check_is_refused() {
    for (digest, word) in [
        ("sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", "another one"),
        ("sha-256=:AAAAo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", "`sha256`"),
        ("md5=:AAAA:", "`others`"),
    ] {
        let head = format!(
            "POST /foo HTTP/1.1\r\nHost: example.com\r\nDate: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Digest: {digest}\r\n"
        );
        let example = Example {
            label: "a",
            input: r#"("date");created=1618884473;keyid="k""#,
            signature: "AAAA",
            key: "",
        };
        let why = verifies(&signed(&head, &example, "{}"), NOW, b"key").unwrap_err();
        assert!(why.contains(word), "{digest}: {why}");
    }
}

#[test]
fn components_that_change_how_a_field_is_read_are_refused() {
    for listed in [r#""date";sf"#, r#""date";bs"#, r#""date";key="a""#, r#""date";tr"#, r#""@method";req"#] {
        let input = format!(r#"({listed});created=1618884473;keyid="k""#);
        let head = format!(
            "{REQUEST}Signature-Input: a={input}\r\nSignature: a=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:\r\n"
        );
        let why = verifies(&message(&head, r#"{"hello": "world"}"#), NOW, b"key").unwrap_err();
        assert!(why.contains("not there"), "{listed}: {why}");
    }
}
