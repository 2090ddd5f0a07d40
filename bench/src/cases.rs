//! What is measured.

use std::hint::black_box;

use aws_lc_rs::{digest, hmac};
use countersign_dialect::{Reading, Request};
use countersign_token::jwt::ACCESS_KEY_LABEL;
use countersign_verify::Scheme;
use md5::{Digest as _, Md5};

use crate::logins;
use crate::meter::{Meter, Operation, operation};
use crate::world::{Given, NOON, Sent, World, access_token, access_token_number, master, recipe, ring};

/// One row.
pub(crate) struct Case {
    pub(crate) system: &'static str,
    /// The body, in bytes.
    pub(crate) body: usize,
    pub(crate) crypto: &'static str,
    /// The cryptography alone, on the bytes that were signed, with its key prepared.
    pub(crate) bare: Operation,
    /// What knows the scheme: reading the claim, its time, its signature.
    pub(crate) alone: Operation,
    /// The whole decision; the credential is in memory. None for dialects that are measured by themselves.
    pub(crate) whole: Option<Operation>,
}

/// The sizes of bodies.
const BODIES: [usize; 3] = [0, 200, 16_000];

pub(crate) fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = BODIES.into_iter().map(realm).collect();
    all.extend(BODIES.into_iter().map(pitchprint));
    all.extend([access(), new_access(), api_key(), logins::login()]);
    all.extend([stripe(), kraken(), sigv4(), rfc9421()]);
    all
}

/// The body of dialects that are measured by themselves.
const BODY: &[u8] = &[b'x'; 200];

fn stripe() -> Case {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let text = [format!("{}.", NOON.secs()).as_bytes(), BODY].concat();
    by_itself("stripe", "HMAC-SHA256", SECRET, BODY, operation(move || hmac::sign(&key, black_box(&text))))
}

fn kraken() -> Case {
    let secret = "a3Jha2VuL2tyYWtlbi9rcmFrZW4va3Jha2VuL2tyYWtlbg==";
    let key = hmac::Key::new(hmac::HMAC_SHA512, b"kraken/kraken/kraken/kraken/kraken");
    let (inner, path) = ([b'x'; 81], b"/v1/marketplace/listings".to_vec());
    let bare = operation(move || {
        let digest = digest::digest(&digest::SHA256, black_box(&inner));
        let mut text = [0; 64];
        text[..path.len()].copy_from_slice(&path);
        text[path.len()..path.len() + 32].copy_from_slice(digest.as_ref());
        hmac::sign(&key, &text[..path.len() + 32])
    });
    by_itself("kraken", "SHA-256, HMAC-SHA512", secret, b"pair=XBTUSD&type=buy&volume=1", bare)
}

fn sigv4() -> Case {
    let canonical = [b'x'; 190];
    let bare = operation(move || {
        let body = digest::digest(&digest::SHA256, black_box(BODY));
        let canonical = digest::digest(&digest::SHA256, black_box(&canonical));
        let mut key = [0; 32];
        key.copy_from_slice(body.as_ref());
        // Four for the key, one for the signature.
        for part in [&b"20261121"[..], b"us-east-1", b"execute-api", b"aws4_request", canonical.as_ref()] {
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part);
            key.copy_from_slice(mac.as_ref());
        }
        key
    });
    by_itself("aws-sigv4", "2 SHA-256, 5 HMAC-SHA256", SECRET, BODY, bare)
}

fn rfc9421() -> Case {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let base = [b'x'; 340];
    let bare = operation(move || {
        (digest::digest(&digest::SHA256, black_box(BODY)), hmac::sign(&key, black_box(&base)))
    });
    by_itself("rfc9421", "SHA-256, HMAC-SHA256", SECRET, BODY, bare)
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A dialect without a decision around it.
fn by_itself(
    dialect: &'static str,
    crypto: &'static str,
    secret: &str,
    body: &[u8],
    bare: Operation,
) -> Case {
    let given = Given { api_key: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: secret.to_owned() };
    let sent = Sent::signed(&recipe(dialect), &given, body);
    Case {
        system: dialect,
        body: sent.body.len(),
        crypto,
        bare,
        alone: signature(sent, dialect, secret),
        whole: None,
    }
}

fn realm(size: usize) -> Case {
    let (world, recipe) = (World::new(), recipe("realm"));
    let given = world.issue(Some("realm"));
    let body = vec![b'x'; size];
    let head = format!("POST\n/v1/marketplace/listings\n{}\n", NOON.secs());
    let text = [head.as_bytes(), &body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, given.secret.as_bytes());
    Case {
        system: "realm",
        body: size,
        crypto: "HMAC-SHA256",
        bare: operation(move || hmac::sign(&key, black_box(&text))),
        alone: signature(Sent::signed(&recipe, &given, &body), "realm", &given.secret),
        whole: Some(decision(world, Sent::signed(&recipe, &given, &body))),
    }
}

fn pitchprint(size: usize) -> Case {
    let (world, recipe) = (World::new(), recipe("pitchprint"));
    let given = world.issue(Some("pitchprint"));
    let body =
        if size == 0 { b"{}".to_vec() } else { format!(r#"{{"d":"{}"}}"#, "x".repeat(size)).into_bytes() };
    let text = format!("{}{}{}", given.api_key, given.secret, NOON.secs());
    let sent = Sent::signed(&recipe, &given, &body);
    Case {
        system: "PitchPrint",
        body: sent.body.len(),
        crypto: "MD5",
        bare: operation(move || Md5::digest(black_box(text.as_bytes()))),
        alone: signature(Sent::signed(&recipe, &given, &body), "pitchprint", &given.secret),
        whole: Some(decision(world, sent)),
    }
}

/// A token that comes again and again, as tokens do.
fn access() -> Case {
    let world = World::new();
    let sent = bearing(&access_token());
    token("wallet token", decision(world, sent))
}

/// Tokens that all come for the first time.
fn new_access() -> Case {
    let (world, mut minted) = (World::new(), 0);
    let whole = Box::new(move |meter: &mut Meter, count: u32| {
        minted += u128::from(count);
        let tokens = (minted..).map(access_token_number);
        let sent: Vec<Sent> = tokens.take(count as usize).map(|token| bearing(&token)).collect();
        meter.sample(count, || sent.iter().for_each(|sent| world.decide(black_box(sent))))
    });
    token("wallet token, new", whole)
}

fn bearing(token: &str) -> Sent {
    Sent::bearer(Scheme::Wallet, "authorization", &format!("Bearer {token}"))
}

fn token(system: &'static str, whole: Operation) -> Case {
    let (ring, token) = (ring(), access_token());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let signed = signed.to_owned();
    let key = hmac::Key::new(hmac::HMAC_SHA512, master().derive::<64>(ACCESS_KEY_LABEL, b"k1").expose());
    Case {
        system,
        body: 0,
        crypto: "HMAC-SHA512",
        bare: operation(move || hmac::sign(&key, black_box(signed.as_bytes()))),
        alone: operation(move || ring.read_access(black_box(&token), NOON).unwrap()),
        whole: Some(whole),
    }
}

fn api_key() -> Case {
    let world = World::new();
    let given = world.issue(None);
    let (first, second) = (given.api_key.clone(), given.api_key.clone());
    Case {
        system: "API key",
        body: 0,
        crypto: "SHA-256",
        bare: operation(move || digest::digest(&digest::SHA256, black_box(first.as_bytes()))),
        alone: operation(move || {
            let key = black_box(&second);
            countersign_token::key::check(key).map(|_| countersign_token::key::digest(key)).unwrap()
        }),
        whole: Some(decision(world, Sent::bearer(Scheme::ApiKey, "x-api-key", &given.api_key))),
    }
}

fn decision(world: World, sent: Sent) -> Operation {
    operation(move || world.decide(black_box(&sent)))
}

fn signature(sent: Sent, dialect: &str, secret: &str) -> Operation {
    let recipe = recipe(dialect);
    let key = recipe.prepare(secret.as_bytes());
    operation(move || {
        let request = Request { body: Some(&sent.body), ..black_box(&sent).request() };
        let Reading::Presented(claim) = recipe.read(&request) else { unreachable!("it was signed") };
        let fresh = recipe.fresh(&claim, NOON).unwrap();
        (recipe.verify(&claim, &request, &key).unwrap(), fresh)
    })
}
