//! Records to try things with, each told from the others by a number.

use countersign_model::{
    Address, Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, DialectName,
    Generation, KeyDigest, KeyId, Label, Life, Origin, Rates, Scopes, SealedSecret, Session, SessionId,
    TokenKeyId, UnixTime,
};
use uuid::Uuid;

use crate::{
    Added, Advance, Batch, Begun, Change, Cursor, Inserted, ReplayScope, ReplayToken, Store, TokenKey,
};

pub(super) const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

/// Moments that a clock may give or an operator may ask for, the far ends of the range among them.
pub(super) const MOMENTS: [UnixTime; 6] = [
    UnixTime::from_millis(i64::MIN),
    UnixTime::from_millis(-1),
    UnixTime::from_millis(0),
    UnixTime::from_millis(1),
    NOON,
    UnixTime::from_millis(i64::MAX),
];

pub(super) fn later(seconds: i64) -> UnixTime {
    UnixTime::from_secs(NOON.secs() + seconds)
}

pub(super) fn scopes(list: &str) -> Scopes {
    Scopes::parse_list(list).unwrap()
}

pub(super) fn consumer(number: u64) -> Consumer {
    Consumer {
        id: ConsumerId(Uuid::from_u128(number.into())),
        name: ConsumerName::parse(&format!("consumer {number}")).unwrap(),
        state: ConsumerState::Enabled,
        limits: Rates::default(),
        added_at: NOON,
    }
}

pub(super) fn digest(number: u64) -> KeyDigest {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    KeyDigest(bytes)
}

pub(super) fn key_id(number: u64) -> KeyId {
    KeyId::parse(&format!("key_{number}")).unwrap()
}

pub(super) fn rates(list: &str) -> Rates {
    Rates::parse_list(list).unwrap()
}

/// An active API key of `consumer`.
pub(super) fn api_key(number: u64, consumer: &Consumer) -> Credential {
    Credential {
        key_id: key_id(number),
        consumer: consumer.id,
        kind: CredentialKind::ApiKey,
        digest: digest(number),
        origin: Origin::Issued,
        scopes: scopes("read,write"),
        limits: Rates::default(),
        label: None,
        issued_at: NOON,
        life: Life::Active { expires_at: None },
    }
}

pub(super) fn dialect() -> DialectName {
    DialectName::parse("some-dialect.v4").unwrap()
}

/// What signature credential `number` claims its signatures and nonces in.
pub(super) fn replay_scope(number: u64) -> ReplayScope {
    ReplayScope { key_id: key_id(number), dialect: dialect() }
}

pub(super) fn replay_token(number: u64) -> ReplayToken {
    ReplayToken(digest(number).0)
}

/// An active signature credential of `consumer`.
pub(super) fn signature(number: u64, consumer: &Consumer, secret: &[u8]) -> Credential {
    let kind = CredentialKind::Signature { dialect: dialect(), secret: SealedSecret(secret.into()) };
    let label = Some(Label::parse("für Zoë 🗝 (東京)").unwrap());
    Credential { kind, label, ..api_key(number, consumer) }
}

pub(super) fn address(number: u64) -> Address {
    let mut bytes = [0x5a; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Address::from_bytes(bytes)
}

pub(super) fn session_id(number: u64) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(number) << 32))
}

/// A session of `address` as a login begins it, good for a day.
pub(super) fn session(number: u64, address: Address) -> Session {
    Session {
        id: session_id(number),
        address,
        counter: 0,
        refreshed_at: NOON,
        scopes: scopes("console:apikey:read"),
        expires_at: later(86_400),
        ended: None,
    }
}

/// The refresh of session `number` that makes its counter `from + 1`.
pub(super) fn advance(number: u64, from: u64) -> Advance {
    Advance {
        id: session_id(number),
        from,
        at: later(60),
        scopes: scopes("console:apikey:write"),
        expires_at: later(86_460),
    }
}

pub(super) fn token_key(name: &str, made_at: UnixTime) -> TokenKey {
    TokenKey { id: TokenKeyId(name.into()), made_at }
}

/// Adds consumer `number`.
pub(super) async fn add_consumer(store: &dyn Store, number: u64) -> Consumer {
    let consumer = consumer(number);
    assert_eq!(store.add_consumer(&consumer).await.unwrap(), Added::Added);
    consumer
}

/// Issues `credential`.
pub(super) async fn issue(store: &dyn Store, credential: &Credential) {
    assert_eq!(store.insert_credential(credential).await.unwrap(), Inserted::Inserted);
}

/// Begins `session` at its address's generation, whatever that is.
pub(super) async fn begin(store: &dyn Store, session: &Session) {
    let generation = store.generation(session.address).await.unwrap();
    assert_eq!(store.begin_session(generation, session).await.unwrap(), Begun::Begun);
}

/// The generation after `logins` logins.
pub(super) fn generation(logins: u64) -> Generation {
    Generation(logins)
}

/// Everything in the feed after `cursor`, and its end.
pub(super) async fn follow(store: &dyn Store, mut cursor: Cursor) -> (Vec<Change>, Cursor) {
    let mut all = Vec::new();
    loop {
        match store.changes_since(cursor).await.unwrap() {
            Batch::Changes(batch, reached) if batch.is_empty() => {
                assert_eq!(reached, cursor);
                return (all, cursor);
            }
            Batch::Changes(batch, reached) => {
                assert!(reached > cursor);
                all.extend(batch);
                cursor = reached;
            }
            Batch::Reset(head) => panic!("the feed does not reach from {head:?} back to {cursor:?}"),
        }
    }
}
