//! What has been tried against readers of JWTs (RFC 8725 section 2), each with the reason for which it is refused.
//!
//! Wherever the attack is not on the signature, the forger is given the right key: the signature is then good, and
//! what refuses the token is the check that the row is about.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use countersign_model::UnixTime;
use countersign_token::jwt::JwtRefusal::{self, *};
use countersign_token::jwt::{MAX_TOKEN_LEN, Part};

use crate::common::{
    ACCESS, HEADER, NOW, REFRESH, access_claims, access_key, base64url, forge, refresh_claims, refresh_key,
    ring, sign,
};

type Row = (&'static str, String, JwtRefusal);

const IN_HEADER: JwtRefusal = UnexpectedMember { part: Part::Header };
const IN_CLAIMS: JwtRefusal = UnexpectedMember { part: Part::Claims };
const NO_HEADER: JwtRefusal = NotAnObject { part: Part::Header };
const NO_CLAIMS: JwtRefusal = NotAnObject { part: Part::Claims };
const BAD_HEADER: JwtRefusal = NotBase64url { part: Part::Header };
const BAD_CLAIMS: JwtRefusal = NotBase64url { part: Part::Claims };
const BAD_SIGNATURE: JwtRefusal = NotBase64url { part: Part::Signature };

fn refused(rows: Vec<Row>) {
    let ring = ring(&["k1", "k2"]);
    for (what, token, refusal) in rows {
        assert_eq!(ring.read_access(&token, NOW), Err(refusal), "{what}: {token}");
    }
}

fn minted() -> String {
    ring(&["k1"]).mint_access(&access_claims()).unwrap()
}

/// The good claims under another header.
fn header(json: &str) -> String {
    forge(json, ACCESS, &access_key())
}

/// The good header over other claims.
fn claims(json: impl AsRef<[u8]>) -> String {
    forge(HEADER, json, &access_key())
}

/// The good claims with one piece of their text replaced, which must be there.
fn with(piece: &str, other: &str) -> String {
    assert!(ACCESS.contains(piece), "{piece}");
    claims(ACCESS.replacen(piece, other, 1))
}

/// The good claims without one of them.
fn without(name: &str) -> String {
    let mut all: serde_json::Map<_, _> = serde_json::from_str(ACCESS).unwrap();
    all.remove(name).unwrap();
    claims(serde_json::to_string(&all).unwrap())
}

#[test]
fn the_forger_makes_good_tokens_when_it_attacks_nothing() {
    let ring = ring(&["k1", "k2"]);
    assert_eq!(ring.read_access(&claims(ACCESS), NOW).unwrap().into_claims(), access_claims());
    assert_eq!(header(HEADER), minted());
    let refresh = forge(HEADER, REFRESH, &refresh_key());
    assert_eq!(ring.read_refresh(&refresh, NOW).unwrap().into_claims(), refresh_claims());
}

#[test]
fn another_order_and_white_space_are_as_good() {
    let ring = ring(&["k1", "k2"]);
    let spaced = ACCESS.replace(",\"", " ,\n\t\"").replace("\":", "\" : ") + "\r\n ";
    let turned =
        format!("{{{},{}", r#""token_use":"access""#, &ACCESS[1..].replace(r#","token_use":"access""#, ""));
    let other_header = r#" { "kid" : "k1", "typ":"JWT" ,"alg":"HS512" } "#;
    for token in
        [claims(&spaced), claims(&turned), header(other_header), forge(other_header, spaced, &access_key())]
    {
        assert_eq!(ring.read_access(&token, NOW).unwrap().into_claims(), access_claims(), "{token}");
    }
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let alg = |alg: &str| header(&HEADER.replace("HS512", alg));
    let wrong = WrongHeader { name: "alg" };
    let unsigned = |alg: &str| format!("{}.{}.", base64url(HEADER.replace("HS512", alg)), base64url(ACCESS));
    refused(vec![
        ("none, unsigned", unsigned("none"), wrong),
        ("None, unsigned", unsigned("None"), wrong),
        ("NONE, unsigned", unsigned("NONE"), wrong),
        ("nOnE, unsigned", unsigned("nOnE"), wrong),
        ("none, signed", alg("none"), wrong),
        ("HS256", alg("HS256"), wrong),
        ("HS384", alg("HS384"), wrong),
        ("RS256", alg("RS256"), wrong),
        ("RS512", alg("RS512"), wrong),
        ("PS512", alg("PS512"), wrong),
        ("ES512", alg("ES512"), wrong),
        ("EdDSA", alg("EdDSA"), wrong),
        ("lower case", alg("hs512"), wrong),
        ("trailing space", alg("HS512 "), wrong),
        ("empty", alg(""), wrong),
        ("key wrapping", alg("A256KW"), wrong),
        ("direct encryption", alg("dir"), wrong),
        ("escaped", alg(r"HS51\u0032"), wrong),
        ("null", header(&HEADER.replace(r#""HS512""#, "null")), WrongForm { name: "alg" }),
        ("number", header(&HEADER.replace(r#""HS512""#, "512")), WrongForm { name: "alg" }),
        ("list", header(&HEADER.replace(r#""HS512""#, r#"["HS512"]"#)), WrongForm { name: "alg" }),
        ("missing", header(r#"{"typ":"JWT","kid":"k1"}"#), MissingMember { name: "alg" }),
        (
            "twice, the good one first",
            header(&HEADER.replace(r#""typ""#, r#""alg":"none","typ""#)),
            RepeatedMember { name: "alg" },
        ),
        (
            "twice, the good one last",
            header(&HEADER.replace('{', r#"{"alg":"none","#)),
            RepeatedMember { name: "alg" },
        ),
        (
            "twice, the same",
            header(&HEADER.replace('{', r#"{"alg":"HS512","#)),
            RepeatedMember { name: "alg" },
        ),
        ("twice, one escaped", header(&HEADER.replace('{', r#"{"\u0061lg":"none","#)), IN_HEADER),
        ("upper-case name", header(&HEADER.replace("alg", "ALG")), IN_HEADER),
    ]);
}

#[test]
fn the_rest_of_the_header_is_as_minted_too() {
    let more = |member: &str| header(&HEADER.replace('}', &format!(",{member}}}")));
    let typ = |typ: &str| header(&HEADER.replace(r#""JWT""#, typ));
    let kid = |kid: &str| header(&HEADER.replace(r#""k1""#, kid));
    refused(vec![
        ("crit, unknown", more(r#""crit":["x"],"x":1"#), IN_HEADER),
        ("crit, empty", more(r#""crit":[]"#), IN_HEADER),
        ("crit and b64", more(r#""crit":["b64"],"b64":false"#), IN_HEADER),
        ("b64 false", more(r#""b64":false"#), IN_HEADER),
        ("b64 true", more(r#""b64":true"#), IN_HEADER),
        ("embedded key", more(r#""jwk":{"kty":"oct","k":"AA"}"#), IN_HEADER),
        ("key by address", more(r#""jku":"https://example.com/keys""#), IN_HEADER),
        ("certificate by address", more(r#""x5u":"https://example.com/cert""#), IN_HEADER),
        ("certificate", more(r#""x5c":["AA"]"#), IN_HEADER),
        ("nested", more(r#""cty":"JWT""#), IN_HEADER),
        ("compressed", more(r#""zip":"DEF""#), IN_HEADER),
        ("encrypted", more(r#""enc":"A256GCM""#), IN_HEADER),
        ("a claim in the header", more(r#""iss":"redreamer""#), IN_HEADER),
        ("typ of another kind", typ(r#""at+jwt""#), WrongHeader { name: "typ" }),
        ("typ in lower case", typ(r#""jwt""#), WrongHeader { name: "typ" }),
        ("typ as a media type", typ(r#""application/jwt""#), WrongHeader { name: "typ" }),
        ("typ as no string", typ("1"), WrongForm { name: "typ" }),
        ("typ missing", header(r#"{"alg":"HS512","kid":"k1"}"#), MissingMember { name: "typ" }),
        ("typ twice", more(r#""typ":"JWT""#), RepeatedMember { name: "typ" }),
        ("kid missing", header(r#"{"alg":"HS512","typ":"JWT"}"#), MissingMember { name: "kid" }),
        ("kid twice", more(r#""kid":"k2""#), RepeatedMember { name: "kid" }),
        ("kid of another key", kid(r#""k2""#), WrongSignature),
        ("kid of no key", kid(r#""k3""#), UnknownKey),
        ("kid empty", kid(r#""""#), UnknownKey),
        ("kid in upper case", kid(r#""K1""#), UnknownKey),
        ("kid with a longer name", kid(r#""k11""#), UnknownKey),
        ("kid as a path", kid(r#""../../../../dev/null""#), UnknownKey),
        ("kid as a path to a key", kid(r#""./k1""#), UnknownKey),
        ("kid as an address", kid(r#""https://example.com/k1""#), UnknownKey),
        ("kid as a query", kid(r#""k1' OR '1'='1""#), UnknownKey),
        ("kid as a command", kid(r#""k1|/bin/true""#), UnknownKey),
        ("kid cut by a zero", kid(r#""k1\u0000""#), UnknownKey),
        ("kid with a zero byte", kid("\"k1\0\""), UnknownKey),
        ("kid as a number", kid("1"), WrongForm { name: "kid" }),
        ("kid as a list", kid(r#"["k1"]"#), WrongForm { name: "kid" }),
        ("no object", header(r#"["HS512"]"#), NO_HEADER),
        ("two objects", header(&format!("{HEADER}{HEADER}")), NO_HEADER),
        ("something behind it", header(&format!("{HEADER}x")), NO_HEADER),
        ("byte order mark", header(&format!("\u{feff}{HEADER}")), NO_HEADER),
        ("comment", header(&HEADER.replace('}', "/**/}")), NO_HEADER),
        ("trailing comma", header(&HEADER.replace('}', ",}")), NO_HEADER),
        ("empty object", header("{}"), MissingMember { name: "alg" }),
        ("empty", header(""), NO_HEADER),
        (
            "no UTF-8",
            sign(&format!("{}.{}", base64url(b"\xff\xfe"), base64url(ACCESS)), &access_key()),
            NO_HEADER,
        ),
    ]);
}

#[test]
fn the_signature_is_whole_and_by_the_right_key() {
    let token = minted();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let behind = |signature: &str| format!("{signed}.{signature}");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut flipped = bytes.clone();
    flipped[63] ^= 1;
    let longer = [&bytes[..], &[0]].concat();
    let much_longer = [&bytes[..], &bytes[..]].concat();
    let zeros = [0; 64];
    refused(vec![
        ("empty", behind(""), WrongSignature),
        ("one bit flipped", behind(&base64url(&flipped)), WrongSignature),
        ("cut to 32 bytes", behind(&base64url(&bytes[..32])), WrongSignature),
        ("cut by one byte", behind(&base64url(&bytes[..63])), WrongSignature),
        ("longer by one byte", behind(&base64url(longer)), WrongSignature),
        ("longer by a lot", behind(&base64url(much_longer)), BAD_SIGNATURE),
        ("zeros", behind(&base64url(zeros)), WrongSignature),
        (
            "as hex",
            behind(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()),
            BAD_SIGNATURE,
        ),
        ("empty key", forge(HEADER, ACCESS, b""), WrongSignature),
        ("the name of the key for a key", forge(HEADER, ACCESS, b"k1"), WrongSignature),
        ("half of the key", forge(HEADER, ACCESS, &access_key()[..32]), WrongSignature),
        ("the refresh key", forge(HEADER, ACCESS, &refresh_key()), WrongSignature),
        ("a refresh token", ring(&["k1"]).mint_refresh(&refresh_claims()).unwrap(), WrongSignature),
        (
            "of other claims",
            format!("{}.{}.{signature}", base64url(HEADER), base64url(REFRESH)),
            WrongSignature,
        ),
    ]);
}

#[test]
fn the_encoding_has_one_form() {
    let token = minted();
    let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let signed = |signed: &str| sign(signed, &access_key());
    // One byte more than a multiple of three: two characters of padding, and four bits to spare in the last one.
    let header = format!("{HEADER}{}", ["", "  ", " "][(HEADER.len() + 2) % 3]);
    let claims_text = format!("{ACCESS}{}", ["", "  ", " "][(ACCESS.len() + 2) % 3]);
    assert_eq!((header.len() % 3, claims_text.len() % 3), (1, 1));
    let next = |text: &str| {
        let (last, rest) = text.as_bytes().split_last().unwrap();
        assert!(b"AQgw".contains(last));
        format!("{}{}", std::str::from_utf8(rest).unwrap(), char::from(last + 1))
    };
    // 62 and 63 are - and _ in base64url: claims whose standard base64 has + and / in it.
    let tilde = ACCESS.replace("redreamer", "~~~???");
    let standard = STANDARD.encode(&tilde);
    assert!(standard.contains('/') || standard.contains('+'));
    refused(vec![
        ("empty", String::new(), NotThreeParts),
        ("one part", head.to_owned(), NotThreeParts),
        ("two parts", format!("{head}.{body}"), NotThreeParts),
        ("two dots alone", "..".to_owned(), NO_HEADER),
        ("four parts", format!("x.{token}"), NotThreeParts),
        ("five parts, as an encrypted token has", "a.b.c.d.e".to_owned(), NotThreeParts),
        ("a dot in front", format!(".{token}"), NotThreeParts),
        ("a dot behind", format!("{token}."), WrongSignature),
        ("a dot within", format!("{head}..{body}.{signature}"), WrongSignature),
        ("padded signature", format!("{token}=="), BAD_SIGNATURE),
        ("padded claims", signed(&format!("{head}.{}", URL_SAFE.encode(&claims_text))), BAD_CLAIMS),
        ("padded header", signed(&format!("{}.{body}", URL_SAFE.encode(&header))), BAD_HEADER),
        ("standard alphabet", signed(&format!("{head}.{}", standard.trim_end_matches('='))), BAD_CLAIMS),
        ("spare bits of the signature", next(&token), BAD_SIGNATURE),
        ("spare bits of the header", signed(&format!("{}.{body}", next(&base64url(&header)))), BAD_HEADER),
        (
            "spare bits of the claims",
            signed(&format!("{head}.{}", next(&base64url(&claims_text)))),
            BAD_CLAIMS,
        ),
        ("space before", format!(" {token}"), BAD_HEADER),
        ("space behind", format!("{token} "), BAD_SIGNATURE),
        ("newline behind", format!("{token}\n"), BAD_SIGNATURE),
        ("newline in the claims", signed(&format!("{head}.{}\n{}", &body[..8], &body[8..])), BAD_CLAIMS),
        ("space in the header", signed(&format!("{} {}.{body}", &head[..4], &head[4..])), BAD_HEADER),
        ("zero byte", format!("{token}\0"), BAD_SIGNATURE),
        ("percent encoded", signed(&format!("{head}.{body}%3D")), BAD_CLAIMS),
        ("a token in a token", claims(&token), NO_CLAIMS),
        (
            "JSON serialization",
            format!(r#"{{"payload":"{body}","protected":"{head}","signature":"{signature}"}}"#),
            NotThreeParts,
        ),
        ("with its scheme", format!("Bearer {token}"), BAD_HEADER),
        ("very long", "a".repeat(MAX_TOKEN_LEN + 1), TooLong { found: MAX_TOKEN_LEN + 1 }),
        ("very long with dots", ".".repeat(1 << 20), TooLong { found: 1 << 20 }),
        (
            "as long as can be",
            format!("{head}.{}.{signature}", "A".repeat(MAX_TOKEN_LEN - head.len() - 88)),
            WrongSignature,
        ),
    ]);
}

#[test]
fn times_are_integers() {
    let mut rows: Vec<Row> = Vec::new();
    for (name, good) in [("exp", "1795266000"), ("iat", "1795262400")] {
        let name: &'static str = name;
        let time = |value: &str| with(&format!("\"{name}\":{good}"), &format!("\"{name}\":{value}"));
        for bad in [
            "1795266000.0",
            "1795266000.5",
            "1.795266e9",
            "1e10",
            "1E10",
            "-1",
            "-0",
            "0x6b013350",
            "01795266000",
            "+1795266000",
            "1_795_266_000",
            "\"1795266000\"",
            "\"\"",
            "null",
            "true",
            "[1795266000]",
            "{}",
            "NaN",
            "Infinity",
            "253402300800",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "99999999999999999999999999999999",
            "",
        ] {
            rows.push((name, time(bad), WrongForm { name }));
        }
    }
    refused(rows);
}

#[test]
fn each_claim_is_there_once_and_of_its_form() {
    let mut rows: Vec<Row> = Vec::new();
    for name in ["address", "exp", "iat", "iss", "scopes", "jti", "sid", "token_use"] {
        rows.push(("missing", without(name), MissingMember { name }));
        let all: serde_json::Map<_, _> = serde_json::from_str(ACCESS).unwrap();
        let again = format!("{{\"{name}\":{},{}", all[name], &ACCESS[1..]);
        rows.push(("twice", claims(again), RepeatedMember { name }));
        rows.push(("under another name", with(&format!("\"{name}\""), &format!("\"{name}_\"")), IN_CLAIMS));
        rows.push((
            "escaped",
            with(&format!("\"{name}\""), &format!("\"\\u00{:02x}{}\"", name.as_bytes()[0], &name[1..])),
            IN_CLAIMS,
        ));
        for (what, value) in [("null", "null"), ("a list", "[]"), ("an object", "{}"), ("true", "true")] {
            let json =
                ACCESS.replacen(&format!("\"{name}\":{}", all[name]), &format!("\"{name}\":{value}"), 1);
            assert_ne!(json, ACCESS);
            rows.push((what, claims(json), WrongForm { name }));
        }
    }
    refused(rows);
    let address = |text: &str| with("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", text);
    let jti = |text: &str| with("01934c2b-7d1f-7b11-9a00-aabbccddeeff", text);
    let sid = |text: &str| with("01934c2b-7d1f-7a3e-8f00-112233445566", text);
    let scopes = |text: &str| with("console:apikey:read,console:apikey:write", text);
    refused(vec![
        ("short address", address("0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea"), WrongForm { name: "address" }),
        (
            "address without 0x",
            address("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),
            WrongForm { name: "address" },
        ),
        ("jti without hyphens", jti("01934c2b7d1f7b119a00aabbccddeeff"), WrongForm { name: "jti" }),
        ("jti in braces", jti("{01934c2b-7d1f-7b11-9a00-aabbccddeeff}"), WrongForm { name: "jti" }),
        ("sid as a URN", sid("urn:uuid:01934c2b-7d1f-7a3e-8f00-112233445566"), WrongForm { name: "sid" }),
        ("sid of a kind", sid("01934c2b-7d1f-7a3e-8f00-11223344556g"), WrongForm { name: "sid" }),
        ("empty sid", sid(""), WrongForm { name: "sid" }),
        ("scopes with a space", scopes("a b"), WrongForm { name: "scopes" }),
        ("scopes with an empty one", scopes("a,,b"), WrongForm { name: "scopes" }),
        ("scopes with a newline", scopes("a\nb"), WrongForm { name: "scopes" }),
        (
            "scopes as a list",
            with(r#""console:apikey:read,console:apikey:write""#, r#"["a"]"#),
            WrongForm { name: "scopes" },
        ),
        ("another issuer", with("redreamer", "redreamers"), WrongIssuer),
        ("an issuer in another case", with("redreamer", "RedReamer"), WrongIssuer),
        ("an empty issuer", with("redreamer", ""), WrongIssuer),
        ("another use", with(r#""access""#, r#""refresh""#), WrongUse),
        ("a use in another case", with(r#""access""#, r#""Access""#), WrongUse),
        ("a refresh token under the access key", forge(HEADER, REFRESH, &access_key()), WrongUse),
        ("a counter", with(r#""access""#, r#""access","ctr":7"#), IN_CLAIMS),
        ("not before", with("{", r#"{"nbf":1795262400,"#), IN_CLAIMS),
        ("audience", with("{", r#"{"aud":"other","#), IN_CLAIMS),
        ("subject", with("{", r#"{"sub":"other","#), IN_CLAIMS),
        ("something of its own", with("{", r#"{"admin":true,"#), IN_CLAIMS),
        ("no object", claims("[]"), NO_CLAIMS),
        ("nothing", claims(""), NO_CLAIMS),
        ("empty object", claims("{}"), MissingMember { name: "iss" }),
        ("something behind it", claims(format!("{ACCESS},")), NO_CLAIMS),
        ("no UTF-8", claims(b"\xff"), NO_CLAIMS),
    ]);
}

#[test]
fn a_refresh_token_has_a_counter() {
    let ring = ring(&["k1"]);
    let read = |json: &str| ring.read_refresh(&forge(HEADER, json, &refresh_key()), NOW);
    assert_eq!(read(&REFRESH.replace(r#","ctr":7"#, "")), Err(MissingMember { name: "ctr" }));
    assert_eq!(
        read(&REFRESH.replace(r#""ctr":7"#, r#""ctr":7,"ctr":8"#)),
        Err(RepeatedMember { name: "ctr" })
    );
    for bad in ["-1", "7.0", "7e0", "\"7\"", "18446744073709551616", "07", "null"] {
        let json = REFRESH.replace(r#""ctr":7"#, &format!(r#""ctr":{bad}"#));
        assert_eq!(read(&json), Err(WrongForm { name: "ctr" }), "{bad}");
    }
    assert_eq!(read(ACCESS), Err(WrongUse));
    let end = UnixTime::from_secs(refresh_claims().expires_at.secs());
    let token = forge(HEADER, REFRESH, &refresh_key());
    assert_eq!(ring.read_refresh(&token, end), Err(Expired { at: end }));
}
