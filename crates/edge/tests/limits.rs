//! How many requests may pass: who is counted, who is not, and what they are told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod world;

use std::sync::Arc;

use countersign_model::ConsumerName;
use countersign_verify::Per;
use world::tokens::access_token;
use world::{Credentials, NOON, Sent, World, realm_signature};

const OVER: (u16, &str) = (429, "RATE_LIMITED");

fn get(credentials: &Credentials) -> Sent {
    Sent::new("GET", "/v1/items", "api-key").header("X-API-Key", &credentials.api_key)
}

/// The statuses of so many requests, one after the other.
fn statuses(world: &World, sent: &Sent, count: usize, at: i64) -> Vec<u16> {
    (0..count).map(|_| world.verdict(sent, NOON + at).0).collect()
}

#[test]
fn a_key_passes_as_often_as_its_limit_says_and_again_when_that_has_come_back() {
    let world = World::new();
    let (one, other) = (world.issue(None, ""), world.issue(None, ""));
    let limit = Arc::new(world.limit(Per::Credential, &["3/min"]));
    let of = |credentials| get(credentials).limit(&limit);
    assert_eq!(statuses(&world, &of(&one), 5, 0), [200, 200, 200, 429, 429]);
    assert_eq!(world.verdict(&of(&one), NOON), (OVER.0, OVER.1.to_owned()));
    assert_eq!(statuses(&world, &of(&other), 4, 0), [200, 200, 200, 429]);
    assert_eq!(statuses(&world, &of(&one), 2, 19), [429, 429]);
    assert_eq!(statuses(&world, &of(&one), 2, 20), [200, 429]);
    assert_eq!(statuses(&world, &of(&one), 4, 80), [200, 200, 200, 429]);
}

#[test]
fn a_request_that_does_not_pass_for_another_reason_uses_nothing_up() {
    let world = World::new();
    let realm = world.issue(Some("realm"), "");
    let limit = Arc::new(world.limit(Per::Credential, &["2/min"]));
    let sign = |secret: &str| {
        Sent::new("POST", "/v1/x", "signature:realm")
            .header("X-API-Key", &realm.api_key)
            .header("X-Timestamp", &NOON.to_string())
            .header("X-Signature", &realm_signature(secret, "POST", "/v1/x", NOON, b""))
            .limit(&limit)
    };
    for _ in 0..10 {
        // A key id that was overheard, a signature that is wrong, a time that is past, scopes that are missing.
        assert_eq!(world.verdict(&sign(&realm.secret).without("X-Signature"), NOON).0, 403);
        assert_eq!(world.verdict(&sign("css_guessed"), NOON).0, 403);
        assert_eq!(world.verdict(&sign(&realm.secret).replace("X-Timestamp", "1"), NOON).0, 403);
        assert_eq!(world.verdict(&sign(&realm.secret).scopes("more"), NOON).0, 403);
    }
    assert_eq!(statuses(&world, &sign(&realm.secret), 3, 0), [200, 200, 429]);
}

#[test]
fn a_signature_that_serves_once_is_not_used_up_by_a_request_over_a_limit() {
    let world = World::new();
    let realm = world.issue(Some("realm"), "");
    let limit = Arc::new(world.limit(Per::Credential, &["1/min"]));
    let sign = |path: &str| {
        Sent::new("POST", path, "signature:realm")
            .header("X-API-Key", &realm.api_key)
            .header("X-Timestamp", &NOON.to_string())
            .header("X-Signature", &realm_signature(&realm.secret, "POST", path, NOON, b""))
            .once()
            .limit(&limit)
    };
    assert_eq!(statuses(&world, &sign("/one"), 1, 0), [200]);
    assert_eq!(statuses(&world, &sign("/two"), 2, 0), [429, 429]);
    assert_eq!(statuses(&world, &sign("/two"), 1, 60), [200]);
    assert_eq!(statuses(&world, &sign("/two"), 1, 120), [403]);
}

#[test]
fn all_keys_of_a_consumer_together_keep_its_limit() {
    let world = World::new();
    let (one, two) = (world.issue(None, ""), world.issue(None, ""));
    let stranger = world.issue_to("other", None, "");
    let limit = Arc::new(world.limit(Per::Consumer, &["3/min"]));
    assert_eq!(statuses(&world, &get(&one).limit(&limit), 2, 0), [200, 200]);
    assert_eq!(statuses(&world, &get(&two).limit(&limit), 2, 0), [200, 429]);
    assert_eq!(statuses(&world, &get(&stranger).limit(&limit), 2, 0), [200, 200]);
}

#[test]
fn each_wallet_keeps_a_limit_of_its_own_and_one_of_credentials_too() {
    let world = World::new();
    let key = world.issue(None, "");
    let wallet =
        Sent::new("GET", "/u", "wallet").header("Authorization", &format!("Bearer {}", access_token("")));
    let both = wallet.clone().require("api-key&wallet").header("X-API-Key", &key.api_key);
    let of_wallets = Arc::new(world.limit(Per::Wallet, &["2/min"]));
    assert_eq!(statuses(&world, &wallet.clone().limit(&of_wallets), 1, 0), [200]);
    assert_eq!(statuses(&world, &both.clone().limit(&of_wallets), 2, 0), [200, 429]);
    let of_credentials = Arc::new(world.limit(Per::Credential, &["1/min"]));
    assert_eq!(statuses(&world, &wallet.limit(&of_credentials), 2, 0), [200, 429]);
    // The app's key is what counts where it came along.
    assert_eq!(statuses(&world, &both.limit(&of_credentials), 2, 0), [200, 429]);
}

#[test]
fn a_limit_of_the_route_is_kept_by_all_together_and_one_of_addresses_by_each() {
    let world = World::new();
    let (one, two) = (world.issue(None, ""), world.issue(None, ""));
    let of_route = Arc::new(world.limit(Per::Route, &["3/min"]));
    assert_eq!(statuses(&world, &get(&one).limit(&of_route), 2, 0), [200, 200]);
    assert_eq!(statuses(&world, &get(&two).limit(&of_route), 2, 0), [200, 429]);
    let of_addresses = Arc::new(world.limit(Per::Client, &["2/min"]));
    let open = Sent::new("GET", "/open", "nothing").limit(&of_addresses);
    for (address, expected) in [
        ("192.0.2.1", [200, 200, 429]),
        ("192.0.2.2", [200, 200, 429]),
        ("2001:db8::1", [200, 200, 429]),
        ("2001:db8::2", [429, 429, 429]),
        ("2001:db8:0:1::2", [200, 200, 429]),
    ] {
        assert_eq!(statuses(&world, &open.clone().from(address), 3, 0), expected, "{address}");
    }
}

#[test]
fn whoever_has_a_rate_of_his_own_is_not_held_by_the_general_one() {
    let world = World::new();
    let (plain, gold) = (world.issue(None, ""), world.issue(None, ""));
    let of_shop = world.issue_to("shop", None, "");
    let mut limit = world.limit(Per::Credential, &["1/min"]);
    limit.of_credentials.insert(gold.key_id.clone(), vec![world.rule("3/min")]);
    limit.of_consumers.insert(ConsumerName::parse("shop").unwrap(), vec![world.rule("2/min")]);
    let limit = Arc::new(limit);
    assert_eq!(statuses(&world, &get(&plain).limit(&limit), 2, 0), [200, 429]);
    assert_eq!(statuses(&world, &get(&gold).limit(&limit), 4, 0), [200, 200, 200, 429]);
    assert_eq!(statuses(&world, &get(&of_shop).limit(&limit), 3, 0), [200, 200, 429]);
}

#[test]
fn limits_of_a_credential_and_of_its_consumer_are_kept_on_all_routes_beside_those_of_the_route() {
    let world = World::new();
    let (one, two) = (world.issue(None, ""), world.issue(None, ""));
    let stranger = world.issue_to("other", None, "");
    world.limit_key(&one, "2/min");
    world.limit_consumer(world::CONSUMER, "3/min,4/h");
    let elsewhere = |credentials: &Credentials| {
        Sent::new("GET", "/elsewhere", "api-key").header("X-API-Key", &credentials.api_key)
    };
    assert_eq!(statuses(&world, &get(&one), 1, 0), [200]);
    assert_eq!(statuses(&world, &elsewhere(&one), 2, 0), [200, 429]);
    assert_eq!(statuses(&world, &get(&two), 3, 0), [200, 429, 429]);
    assert_eq!(statuses(&world, &get(&stranger), 3, 0), [200; 3]);
    let of_route = Arc::new(world.limit(Per::Credential, &["1/min"]));
    // A minute later, the route is the narrowest; then the hour of the consumer is.
    assert_eq!(statuses(&world, &get(&one).limit(&of_route), 2, 60), [200, 429]);
    assert_eq!(statuses(&world, &get(&two), 1, 60), [429]);
    assert_eq!(statuses(&world, &Sent::new("GET", "/open", "nothing"), 5, 60), [200; 5]);
}

#[test]
fn whoever_has_limits_of_his_own_is_told_how_he_stands_with_each() {
    let world = World::new();
    let key = world.issue(None, "");
    world.limit_key(&key, "9/min,3/d");
    world.limit_consumer(world::CONSUMER, "8/h");
    let of_route = Arc::new(world.limit(Per::Credential, &["5/s"]));
    let sent = get(&key).limit(&of_route);
    let told = |verified: countersign_verify::Verified| {
        let standings = verified.standings().iter();
        standings.map(|standing| format!("{} {}", standing.name, standing.left)).collect::<Vec<_>>()
    };
    let verified = world.decide(&sent, NOON).unwrap();
    assert_eq!(told(verified), ["5/s 4", "credential:min 8", "credential:d 2", "consumer:h 7"]);
    assert_eq!(statuses(&world, &sent, 2, 0), [200, 200]);
    let answer = world.answer(&sent, NOON);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("ratelimit-policy"),
        "\"5/s\";q=5;w=1, \"credential:min\";q=9;w=60, \"credential:d\";q=3;w=86400, \"consumer:h\";q=8;w=3600"
    );
    assert_eq!([header("x-ratelimit-limit"), header("x-ratelimit-remaining")], ["3", "0"]);
    assert_eq!(header("retry-after"), "28800");
}

#[test]
fn new_limits_are_in_effect_at_once_and_what_was_used_in_a_period_stays_used() {
    let world = World::new();
    let key = world.issue(None, "");
    assert_eq!(statuses(&world, &get(&key), 9, 0), [200; 9]);
    world.limit_key(&key, "5/h");
    assert_eq!(statuses(&world, &get(&key), 4, 0), [200; 4]);
    world.limit_key(&key, "5/h,100/d");
    assert_eq!(statuses(&world, &get(&key), 2, 0), [200, 429]);
    world.limit_key(&key, "7/h");
    assert_eq!(statuses(&world, &get(&key), 3, 0), [200, 200, 429]);
    world.limit_key(&key, "");
    assert_eq!(statuses(&world, &get(&key), 2, 0), [200; 2]);
    world.limit_key(&key, "5/h");
    assert_eq!(statuses(&world, &get(&key), 1, 0), [429], "what was used of it is not forgotten");
}

#[test]
fn nobody_uses_up_the_limits_of_a_credential_but_its_holder() {
    let world = World::new();
    let realm = world.issue(Some("realm"), "");
    world.limit_key(&realm, "2/min");
    world.limit_consumer(world::CONSUMER, "2/min");
    let sign = |path: &str, secret: &str| {
        Sent::new("POST", path, "signature:realm")
            .header("X-API-Key", &realm.api_key)
            .header("X-Timestamp", &NOON.to_string())
            .header("X-Signature", &realm_signature(secret, "POST", path, NOON, b""))
            .once()
    };
    for _ in 0..5 {
        assert_eq!(world.verdict(&sign("/a", "css_guessed"), NOON).0, 403);
        assert_eq!(world.verdict(&sign("/a", &realm.secret).scopes("more"), NOON).0, 403);
    }
    // That was good but for its scopes, so it served.
    let paths = ["/b", "/c", "/d", "/d"];
    let statuses: Vec<u16> =
        paths.iter().map(|path| world.verdict(&sign(path, &realm.secret), NOON).0).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(world.verdict(&sign("/d", &realm.secret), NOON + 60).0, 200, "it was not used up");
}

#[test]
fn every_limit_of_a_route_is_kept_and_the_refusal_names_the_one_that_was_not() {
    let world = World::new();
    let key = world.issue(None, "");
    let short = Arc::new(world.limit(Per::Credential, &["2/s", "3/h"]));
    let sent = get(&key).limit(&short);
    assert_eq!(statuses(&world, &sent, 3, 0), [200, 200, 429]);
    assert_eq!(statuses(&world, &sent, 2, 1), [200, 429]);
    let answer = world.answer(&sent, NOON + 1);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 429);
    assert_eq!(header("retry-after"), "1199");
    assert_eq!(header("ratelimit-policy"), "\"2/s\";q=2;w=1, \"3/h\";q=3;w=3600");
    assert_eq!(header("ratelimit"), "\"2/s\";r=1;t=1, \"3/h\";r=0;t=1199");
    assert_eq!(header("x-ratelimit-limit"), "3");
    assert_eq!(header("x-ratelimit-remaining"), "0");
    assert_eq!(header("x-ratelimit-reset"), (NOON + 3600).to_string());
    let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["code"], "RATE_LIMITED");
    assert_eq!(problem["detail"], "more than 3/h (3/h); try again in 1199 s");
}

#[test]
fn an_allowed_request_knows_what_is_left() {
    let world = World::new();
    let key = world.issue(None, "");
    let limit = Arc::new(world.limit(Per::Credential, &["3/min"]));
    for left in [2, 1, 0] {
        let verified = world.decide(&get(&key).limit(&limit), NOON).unwrap();
        assert_eq!(verified.standings().iter().map(|standing| standing.left).collect::<Vec<_>>(), [left]);
    }
    assert!(world.decide(&get(&key), NOON).unwrap().standings().is_empty());
}

#[test]
fn whoever_guesses_too_often_is_not_looked_at_until_a_guess_has_come_back() {
    let world = World::new().with_guesses("3/min");
    let key = world.issue(None, "");
    let guess = get(&key).replace("X-API-Key", &world.unknown_key()).from("192.0.2.1");
    assert_eq!(statuses(&world, &guess, 5, 0), [401, 401, 401, 429, 429]);
    // Another address, and a request that proves itself, are not held by that.
    assert_eq!(world.verdict(&get(&key).from("192.0.2.2"), NOON).0, 200);
    assert_eq!(statuses(&world, &get(&key).from("192.0.2.1"), 2, 0), [429, 429]);
    assert_eq!(statuses(&world, &get(&key).from("192.0.2.1"), 2, 20), [200, 200]);
    // Known and not allowed is no guess.
    let more = get(&key).scopes("more").from("192.0.2.2");
    assert_eq!(statuses(&world, &more, 5, 0), [403; 5]);
}
