//! The wallet login as its users rely on it, over the store in memory.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_model::{Address, Entropy, Network, Scopes, TokenKeyId, UnixTime};
use countersign_session::{
    BUCKET, GRACE, LoginError, LoginRequest, NonceError, Pair, RefreshError, RefreshRefused, Refused,
    Settings, Wallets,
};
use countersign_store::testing::MemoryStore;
use countersign_store::{Grants, Sessions, Store};
use countersign_token::MasterKey;
use countersign_token::jwt::KeyRing;
use countersign_wallet::{PrivateKey, eip55};

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let seed = self.0.fetch_add(1, Ordering::SeqCst);
        for (place, byte) in buffer.iter_mut().enumerate() {
            *byte = seed.to_le_bytes()[place % 8];
        }
    }
}

struct World {
    store: Arc<MemoryStore>,
    wallets: Wallets,
    keys: KeyRing,
    owner: PrivateKey,
    entropy: Counting,
}

fn wallets(store: &Arc<MemoryStore>) -> Wallets {
    let settings = Settings {
        networks: vec![Network::parse("eth").unwrap(), Network::parse("polygon").unwrap()],
        access_lifetime: Duration::from_hours(1),
        refresh_lifetime: Duration::from_hours(24),
    };
    Wallets::new(Arc::clone(store) as Arc<dyn Store>, &master(), settings).unwrap()
}

fn master() -> MasterKey {
    MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap()
}

fn world() -> World {
    let store = Arc::new(MemoryStore::new());
    World {
        wallets: wallets(&store),
        store,
        keys: KeyRing::new(&master(), "redreamer", &[TokenKeyId("k1".into())]).unwrap(),
        owner: PrivateKey::parse(&format!("0x{}", "1f".repeat(32))).unwrap(),
        entropy: Counting(AtomicU64::new(1)),
    }
}

impl World {
    fn address(&self) -> Address {
        self.owner.address()
    }

    async fn nonce(&self, now: UnixTime) -> String {
        self.wallets.nonce(&self.address().to_string(), None, now).await.unwrap().to_string()
    }

    async fn login_with(&self, address: &str, text: &str, now: UnixTime) -> Result<Pair, LoginError> {
        let signature = self.owner.sign_personal(text.as_bytes());
        let request = LoginRequest { address, signature: &signature };
        self.wallets.login(request, &self.keys, now, &self.entropy).await
    }

    async fn login(&self, now: UnixTime) -> Pair {
        let address = self.address().to_string();
        let text = format!("{address} {}", self.nonce(now).await);
        self.login_with(&address, &text, now).await.unwrap()
    }

    async fn refresh(&self, token: &str, now: UnixTime) -> Result<Pair, RefreshRefused> {
        match self.wallets.refresh(token, &self.keys, now).await {
            Ok(pair) => Ok(pair),
            Err(RefreshError::Refused(why)) => Err(why),
            Err(other) => panic!("{other}"),
        }
    }
}

fn after(seconds: u64) -> UnixTime {
    NOON.plus(Duration::from_secs(seconds))
}

fn refused(result: Result<Pair, LoginError>) -> String {
    match result {
        Err(LoginError::Refused(why)) => why.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

#[tokio::test]
async fn the_address_may_stand_in_the_text_and_in_the_login_in_either_form() {
    let world = world();
    let forms = [
        world.address().to_string(),
        eip55(&world.address()),
        world.address().to_string().to_uppercase().replace("0X", "0x"),
    ];
    for in_login in &forms {
        for in_text in [&forms[0], &forms[1], in_login] {
            let text = format!("{in_text} {}", world.nonce(NOON).await);
            world.login_with(in_login, &text, NOON).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_nonce_lets_in_once() {
    let world = world();
    let address = world.address().to_string();
    let text = format!("{address} {}", world.nonce(NOON).await);
    world.login_with(&address, &text, NOON).await.unwrap();
    assert_eq!(refused(world.login_with(&address, &text, NOON).await), Refused::NoNonce.to_string());
    assert_ne!(text, format!("{address} {}", world.nonce(NOON).await));
}

#[tokio::test]
async fn a_nonce_is_good_for_five_minutes_and_never_for_ten() {
    // Every second of a bucket at which the nonce may have been given.
    for second in (0..BUCKET.as_secs()).step_by(37) {
        let world = world();
        let address = world.address().to_string();
        let text = format!("{address} {}", world.nonce(after(second)).await);
        refused(world.login_with(&address, &text, after(second + 2 * BUCKET.as_secs())).await);
        world.login_with(&address, &text, after(second + BUCKET.as_secs())).await.unwrap();
    }
}

#[tokio::test]
async fn a_nonce_survives_a_restart_and_a_stranger_who_asks_for_a_thousand() {
    let world = world();
    let address = world.address().to_string();
    let text = format!("{address} {}", world.nonce(NOON).await);
    for stranger in 0..1000_u32 {
        let other = format!("0x{stranger:040x}");
        world.wallets.nonce(&other, Some("polygon"), NOON).await.unwrap();
        world.nonce(NOON).await;
    }
    assert_eq!(world.store.generation(Address::parse(&format!("0x{:040x}", 7)).unwrap()).await.unwrap().0, 0);
    let restarted = World { wallets: wallets(&world.store), ..world };
    restarted.login_with(&address, &text, NOON).await.unwrap();
}

#[tokio::test]
async fn every_configured_network_may_be_named_and_no_other() {
    let world = world();
    let address = world.address().to_string();
    let nonce = world.wallets.nonce(&address, Some("polygon"), NOON).await.unwrap();
    assert_ne!(nonce.to_string(), world.nonce(NOON).await);
    world.login_with(&address, &format!("{address} {nonce}"), NOON).await.unwrap();
    let refusal = world.wallets.nonce(&address, Some("Eth"), NOON).await.unwrap_err();
    assert!(matches!(refusal, NonceError::Network(_)));
    assert_eq!(refusal.to_string(), "unknown network; this service knows eth, polygon");
}

#[tokio::test]
async fn another_wallet_and_another_text_are_refused() {
    let world = world();
    let address = world.address().to_string();
    let nonce = world.nonce(NOON).await;
    for text in [
        nonce.clone(),
        format!("{address}  {nonce}"),
        format!("{address} {nonce}\n"),
        format!("{address} {}", nonce.to_uppercase()),
    ] {
        refused(world.login_with(&address, &text, NOON).await);
    }
    let stranger = format!("0x{}", "ab".repeat(20));
    let theirs = world.wallets.nonce(&stranger, None, NOON).await.unwrap();
    refused(world.login_with(&stranger, &format!("{stranger} {theirs}"), NOON).await);
    world.login_with(&address, &format!("{address} {nonce}"), NOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_logins_at_once_with_one_nonce_exactly_one_gets_in() {
    let world = Arc::new(world());
    let address = world.address().to_string();
    let text = Arc::new(format!("{address} {}", world.nonce(NOON).await));
    let barrier = Arc::new(tokio::sync::Barrier::new(64));
    let logins: Vec<_> = (0..64)
        .map(|_| {
            let (world, text, barrier) = (Arc::clone(&world), Arc::clone(&text), Arc::clone(&barrier));
            tokio::spawn(async move {
                let address = world.address().to_string();
                barrier.wait().await;
                world.login_with(&address, &text, NOON).await.is_ok()
            })
        })
        .collect();
    let mut let_in = 0;
    for login in logins {
        let_in += usize::from(login.await.unwrap());
    }
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn a_refresh_token_gets_the_next_pair_once() {
    let world = world();
    let first = world.login(NOON).await;
    let second = world.refresh(&first.refresh_token, after(60)).await.unwrap();
    assert_ne!((&second.token, &second.refresh_token), (&first.token, &first.refresh_token));
    let third = world.refresh(&second.refresh_token, after(120)).await.unwrap();
    assert!(world.keys.read_access(&third.token, after(120)).is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_given_again_within_the_grace() {
    let world = world();
    let first = world.login(NOON).await;
    let second = world.refresh(&first.refresh_token, NOON).await.unwrap();
    let again = world.refresh(&first.refresh_token, NOON.plus(GRACE)).await.unwrap();
    assert_eq!((again.token, &again.refresh_token), (second.token, &second.refresh_token));
    world.refresh(&again.refresh_token, NOON.plus(GRACE)).await.unwrap();
}

#[tokio::test]
async fn a_spent_token_that_comes_back_late_ends_the_session() {
    let world = world();
    let first = world.login(NOON).await;
    let second = world.refresh(&first.refresh_token, NOON).await.unwrap();
    let late = NOON.plus(GRACE).plus(Duration::from_millis(1));
    assert!(matches!(world.refresh(&first.refresh_token, late).await, Err(RefreshRefused::Reuse(_))));
    assert_eq!(world.refresh(&second.refresh_token, late).await.unwrap_err(), RefreshRefused::Ended);
    assert_eq!(world.store.ended_sessions(late).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_spent_token_that_comes_back_after_its_child_was_used_ends_the_session() {
    let world = world();
    let first = world.login(NOON).await;
    let second = world.refresh(&first.refresh_token, NOON).await.unwrap();
    let third = world.refresh(&second.refresh_token, after(1)).await.unwrap();
    assert!(matches!(world.refresh(&first.refresh_token, after(2)).await, Err(RefreshRefused::Reuse(_))));
    assert_eq!(world.refresh(&third.refresh_token, after(2)).await.unwrap_err(), RefreshRefused::Ended);
}

#[tokio::test]
async fn a_forged_or_expired_token_ends_nobodys_session() {
    let world = world();
    let first = world.login(NOON).await;
    let mut forged = first.refresh_token.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    for wrong in [forged.as_str(), first.token.as_str(), "", "a.b.c"] {
        assert!(matches!(world.refresh(wrong, NOON).await, Err(RefreshRefused::Token(_))), "{wrong}");
    }
    let expired = after(24 * 3600);
    assert!(matches!(world.refresh(&first.refresh_token, expired).await, Err(RefreshRefused::Token(_))));
    assert!(world.store.ended_sessions(NOON).await.unwrap().is_empty());
    world.refresh(&first.refresh_token, after(24 * 3600 - 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_at_once_with_one_token_all_get_the_same_pair() {
    let world = Arc::new(world());
    let first = Arc::new(world.login(NOON).await);
    let refreshes: Vec<_> = (0..32)
        .map(|_| {
            let (world, first) = (Arc::clone(&world), Arc::clone(&first));
            tokio::spawn(
                async move { world.refresh(&first.refresh_token, after(1)).await.unwrap().refresh_token },
            )
        })
        .collect();
    let mut pairs = std::collections::HashSet::new();
    for refresh in refreshes {
        pairs.insert(refresh.await.unwrap());
    }
    assert_eq!(pairs.len(), 1);
}

#[tokio::test]
async fn granted_scopes_stand_in_the_token_from_the_next_refresh_on() {
    let world = world();
    let first = world.login(NOON).await;
    let scopes = Scopes::parse_list("console:apikey:read,console:apikey:write").unwrap();
    world.store.grant(world.address(), &scopes).await.unwrap();
    let second = world.refresh(&first.refresh_token, NOON).await.unwrap();
    let read = |token: &str| world.keys.read_access(token, NOON).unwrap().into_claims().scopes;
    assert!(read(&first.token).is_empty());
    assert_eq!(read(&second.token), scopes);
}

#[tokio::test]
async fn a_revoked_wallet_loses_its_sessions_and_its_nonces() {
    let world = world();
    let first = world.login(NOON).await;
    let address = world.address().to_string();
    let text = format!("{address} {}", world.nonce(NOON).await);
    world.store.revoke_grant(world.address(), NOON).await.unwrap();
    assert_eq!(world.refresh(&first.refresh_token, NOON).await.unwrap_err(), RefreshRefused::Ended);
    refused(world.login_with(&address, &text, NOON).await);
    world.login(NOON).await;
}
