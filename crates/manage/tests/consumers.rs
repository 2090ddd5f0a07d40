//! Consumers, wallet grants and token keys.

mod common;

use std::time::Duration;

use common::{NOON, Seeded, block_on, name, rates, scopes};
use countersign_manage::{
    ConsumerNotAdded, ConsumerNotFound, NotGranted, TokenKeyNotRemoved, TokenKeyNotRotated, WalletNotFound,
    add_consumer, add_limited_consumer, disable_consumer, enable_consumer, first_token_key, grant, grants,
    remove_consumer, remove_token_key, revoke_wallet, rotate_token_key, set_consumer_limits, show_consumer,
    token_keys,
};
use countersign_model::{Address, ConsumerState, Scope, Scopes, TokenKeyId};
use countersign_store::testing::MemoryStore;
use countersign_token::MasterKey;
use countersign_token::jwt::{KeyRing, MAX_KEYS};

const WALLET: Address = Address::from_bytes([7; 20]);

#[test]
fn a_consumers_name_is_its_own() {
    let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
    let added = block_on(add_consumer(&store, name("acme"), NOON, &entropy)).unwrap();
    assert_eq!(added.id.0.get_version_num(), 7);
    let twice = block_on(add_consumer(&store, name("acme"), NOON, &entropy)).unwrap_err();
    assert!(matches!(twice, ConsumerNotAdded::NameTaken { .. }), "{twice}");
    assert_eq!(block_on(show_consumer(&store, &name("acme"))).unwrap(), (added, Vec::new()));
}

#[test]
fn a_disabled_consumer_stays_disabled_since_when_it_was() {
    let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
    block_on(add_consumer(&store, name("acme"), NOON, &entropy)).unwrap();
    let later = NOON.plus(Duration::from_mins(1));
    block_on(disable_consumer(&store, &name("acme"), NOON)).unwrap();
    let again = block_on(disable_consumer(&store, &name("acme"), later)).unwrap();
    assert_eq!(again.state, ConsumerState::Disabled { at: NOON });
    let enabled = block_on(enable_consumer(&store, &name("acme"))).unwrap();
    assert_eq!(enabled.state, ConsumerState::Enabled);
    assert_eq!(block_on(show_consumer(&store, &name("acme"))).unwrap().0, enabled);
}

#[test]
fn nothing_is_done_to_a_consumer_that_is_not_there() {
    let store = MemoryStore::new();
    let gone =
        |result: Result<(), ConsumerNotFound>| matches!(result, Err(ConsumerNotFound::NoConsumer { .. }));
    assert!(gone(block_on(show_consumer(&store, &name("x"))).map(drop)));
    assert!(gone(block_on(disable_consumer(&store, &name("x"), NOON)).map(drop)));
    assert!(gone(block_on(enable_consumer(&store, &name("x"))).map(drop)));
    assert!(gone(block_on(remove_consumer(&store, &name("x"))).map(drop)));
}

#[test]
fn grants_add_up_and_are_taken_back_as_a_whole() {
    let store = MemoryStore::new();
    block_on(grant(&store, WALLET, &scopes("a"))).unwrap();
    let whole = block_on(grant(&store, WALLET, &scopes("b"))).unwrap();
    assert_eq!(whole.scopes, scopes("a,b"));
    assert_eq!(block_on(grants(&store)).unwrap(), [whole]);
    assert_eq!(block_on(revoke_wallet(&store, WALLET, NOON)).unwrap(), 0);
    assert!(matches!(block_on(revoke_wallet(&store, WALLET, NOON)), Err(WalletNotFound::NoWallet { .. })));
    assert!(block_on(grants(&store)).unwrap().is_empty());
}

#[test]
fn a_wallet_is_granted_no_more_than_a_token_can_carry() {
    let store = MemoryStore::new();
    let hundred = |from: u32| -> Scopes {
        (from..from + 100).map(|n| Scope::parse(&format!("scope:{n:08}")).unwrap()).collect()
    };
    block_on(grant(&store, WALLET, &hundred(0))).unwrap();
    let refused = block_on(grant(&store, WALLET, &hundred(100))).unwrap_err();
    assert!(matches!(refused, NotGranted::TooManyScopes { .. }), "{refused}");
    assert_eq!(block_on(grants(&store)).unwrap()[0].scopes, hundred(0));
    assert!(matches!(block_on(grant(&store, WALLET, &Scopes::default())), Err(NotGranted::NoScopes)));
}

#[test]
fn two_processes_that_start_together_agree_on_a_token_key() {
    let store = MemoryStore::new();
    let one = block_on(first_token_key(&store, NOON, &Seeded::new(1))).unwrap();
    let other = block_on(first_token_key(&store, NOON, &Seeded::new(2))).unwrap();
    assert_eq!(one, other);
    assert_eq!(one.len(), 1);
}

#[test]
fn a_new_token_key_signs_and_the_one_that_signs_is_not_removed() {
    let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
    let first = block_on(first_token_key(&store, NOON, &entropy)).unwrap()[0].id.clone();
    let refused = block_on(remove_token_key(&store, &first)).unwrap_err();
    assert!(matches!(refused, TokenKeyNotRemoved::Signing { .. }), "{refused}");
    let second = block_on(rotate_token_key(&store, NOON, &entropy)).unwrap().id;
    let ids: Vec<TokenKeyId> = block_on(token_keys(&store)).unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, [second, first.clone()]);
    let master = MasterKey::generate(&entropy);
    assert!(KeyRing::new(&master, "issuer", &ids).is_ok(), "the names can stand in tokens");
    block_on(remove_token_key(&store, &first)).unwrap();
    let gone = block_on(remove_token_key(&store, &first)).unwrap_err();
    assert!(matches!(gone, TokenKeyNotRemoved::NoKey { .. }), "{gone}");
}

#[test]
fn token_keys_are_rotated_no_further_than_a_ring_can_hold() {
    let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
    for _ in 0..MAX_KEYS {
        block_on(rotate_token_key(&store, NOON, &entropy)).unwrap();
    }
    let refused = block_on(rotate_token_key(&store, NOON, &entropy)).unwrap_err();
    assert!(matches!(refused, TokenKeyNotRotated::TooMany), "{refused}");
}

#[test]
fn a_consumer_has_the_limits_it_was_given_last() {
    let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
    let added = add_limited_consumer(&store, name("acme"), rates("5/min"), NOON, &entropy);
    assert_eq!(block_on(added).unwrap().limits, rates("5/min"));
    for list in ["7/h,9/d", ""] {
        let set = block_on(set_consumer_limits(&store, &name("acme"), rates(list))).unwrap();
        assert_eq!(set.limits, rates(list));
        assert_eq!(block_on(show_consumer(&store, &name("acme"))).unwrap().0, set);
    }
    let nobody = block_on(set_consumer_limits(&store, &name("nobody"), rates("1/s"))).unwrap_err();
    assert!(matches!(nobody, ConsumerNotFound::NoConsumer { .. }), "{nobody}");
}
