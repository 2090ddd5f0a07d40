//! All ports together.

use std::time::Duration;

use countersign_model::{
    Consumer, ConsumerState, Credential, Life, Origin, Session, SessionEnd, TokenKeyId, UnixTime,
};

use super::Fixture;
use super::samples::{
    NOON, address, advance, api_key, consumer, dialect, digest, generation, key_id, rates, replay_scope,
    replay_token, scopes, session, session_id, signature, token_key,
};
use crate::testing::MemoryStore;
use crate::{
    Advance, Batch, Change, Consumers, Credentials, Cursor, Grants, Keep, Replays, Sessions, Store, TokenKeys,
};

/// How many acts a series has: enough that most records were made, changed and removed many times.
const ACTS: u32 = 1500;

pub async fn any_series_of_acts_is_answered_as_the_simplest_store_answers_it(fixture: &Fixture) {
    let simplest = MemoryStore::new();
    let mut dice = Dice(0x5eed);
    let mut followers = [Follower::default(), Follower::default()];
    for act in 0..ACTS {
        let store = if dice.roll(2) == 0 { &fixture.store } else { &fixture.other };
        act_on_both(&mut dice, act, &**store, &simplest).await;
        let [theirs, ours] = &mut followers;
        assert_eq!(theirs.follow(&**store).await, ours.follow(&simplest).await, "the feed after act {act}");
    }
}

/// Asks both for the same and compares the answers. What is asked must be the same when it is evaluated again.
macro_rules! both {
    ($act:ident, $store:ident, $simplest:ident, $($asked:tt)*) => {
        assert_eq!(
            $store.$($asked)*.await.unwrap(),
            $simplest.$($asked)*.await.unwrap(),
            "act {}: {}", $act, stringify!($($asked)*)
        )
    };
}

async fn act_on_both(dice: &mut Dice, act: u32, a: &dyn Store, b: &MemoryStore) {
    // Few of each, so that the acts meet.
    let (who, key, other_key) = (consumer(dice.roll(3)), dice.roll(12), dice.roll(12));
    let (wallet, login) = (address(dice.roll(3)), session_id(dice.roll(8)));
    let (kid, kept, often) = (TokenKeyId(dice.letter().into()), dice.roll(20), dice.roll(4) > 0);
    let at = UnixTime::from_secs(NOON.secs() + i64::try_from(dice.roll(100)).unwrap());
    let (claimed, number) = (replay_token(dice.roll(6)), u128::from(dice.roll(50)));
    let keep = if dice.roll(5) == 0 { Keep::WithCredential } else { Keep::Until(later(at, dice.roll(40))) };
    match dice.roll(30) {
        0 => both!(act, a, b, add_consumer(&who)),
        1 if often => both!(act, a, b, set_consumer_state(who.id, ConsumerState::Disabled { at })),
        1 => both!(act, a, b, set_consumer_state(who.id, ConsumerState::Enabled)),
        2 if !often => both!(act, a, b, remove_consumer(who.id)),
        3 if !often => {
            let new = [dice.credential(key, &who, at), dice.credential(other_key, &who, at)];
            both!(act, a, b, insert_all(&[consumer(often.into())], &new));
            both!(act, a, b, insert_all(&[], &new));
        }
        2..=4 => {
            let new = dice.credential(key, &who, at);
            both!(act, a, b, insert_credential(&new));
        }
        5..=7 => {
            let new = dice.credential(other_key, &who, at);
            both!(act, a, b, rotate_credential(&digest(key), at, &new));
        }
        8 => both!(act, a, b, revoke_credential(&digest(key), at)),
        9 => both!(act, a, b, consumers()),
        10 => both!(act, a, b, credentials(often.then_some(who.id))),
        11 if often => both!(act, a, b, signers(&who.name, &dialect(), at)),
        11 => both!(act, a, b, credential_by_digest(&digest(key))),
        12 => {
            let expected = if often { b.generation(wallet).await.unwrap() } else { generation(1) };
            let new = Session { id: login, expires_at: at, ..session(0, wallet) };
            both!(act, a, b, begin_session(expected, &new));
        }
        13 | 14 => {
            let stands = b.session(login).await.unwrap().map_or(0, |session| session.counter);
            let step = Advance { id: login, ..advance(0, stands + u64::from(!often)) };
            both!(act, a, b, advance_session(&step));
        }
        15 => both!(act, a, b, end_session(login, SessionEnd::Reuse { at })),
        16 => {
            let (mut ours, mut theirs) =
                (a.ended_sessions(at).await.unwrap(), b.ended_sessions(at).await.unwrap());
            ours.sort();
            theirs.sort();
            assert_eq!(ours, theirs, "act {act}: ended_sessions({at:?})");
        }
        17 => both!(act, a, b, sweep(at, kept)),
        18 => both!(act, a, b, grant(wallet, &scopes(&kid.0))),
        19 => both!(act, a, b, grants()),
        20 => both!(act, a, b, revoke_grant(wallet, at)),
        21 => {
            let newest = b.token_keys().await.unwrap().first().map(|key| key.id.clone());
            let newest = newest.filter(|_| often);
            both!(act, a, b, add_token_key(&token_key(&kid.0, at), newest.as_ref()));
        }
        22 => both!(act, a, b, remove_token_key(&kid)),
        23 => both!(act, a, b, token_keys()),
        24 => both!(act, a, b, claim_increasing(&replay_scope(key), number)),
        25 if often => both!(act, a, b, set_credential_limits(&digest(key), &rates("5/min,6/h"))),
        25 => both!(act, a, b, set_consumer_limits(who.id, &rates("7/d"))),
        _ => both!(act, a, b, claim_once(&replay_scope(key), &claimed, keep, at)),
    }
    both!(act, a, b, credentials_named(&key_id(key)));
    both!(act, a, b, imported_for());
    both!(act, a, b, session(login));
    both!(act, a, b, generation(wallet));
    both!(act, a, b, granted(wallet));
}

/// So many seconds after `moment`.
fn later(moment: UnixTime, seconds: u64) -> UnixTime {
    moment.plus(Duration::from_secs(seconds))
}

/// One who follows a feed. Places in it may differ between stores, what stands there may not.
#[derive(Default)]
struct Follower {
    cursor: Cursor,
}

impl Follower {
    /// What is new, or `None` for a reset. Sorted: what one act changes has no order.
    async fn follow(&mut self, store: &dyn Store) -> Option<Vec<Change>> {
        let (changes, reached) = match store.changes_since(self.cursor).await.unwrap() {
            Batch::Changes(mut changes, reached) => {
                changes.sort_by_key(|change| match change {
                    Change::Credential(digest) => (0, digest.0.to_vec()),
                    Change::Consumer(id) => (1, id.0.as_bytes().to_vec()),
                    Change::Session(id) => (2, id.0.as_bytes().to_vec()),
                    Change::TokenKeys => (3, Vec::new()),
                });
                (Some(changes), reached)
            }
            Batch::Reset(head) => (None, head),
        };
        self.cursor = reached;
        changes
    }
}

/// Chance that is the same every time (the generator is `SplitMix64`).
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn letter(&mut self) -> &'static str {
        ["a", "b", "c", "d"][usize::try_from(self.roll(4)).unwrap()]
    }

    fn credential(&mut self, number: u64, whose: &Consumer, at: UnixTime) -> Credential {
        let life = match self.roll(4) {
            0 => Life::Active { expires_at: Some(at) },
            1 => Life::Rotating { until: at, successor: key_id(9) },
            _ => Life::Active { expires_at: None },
        };
        // Sometimes with the digest of another.
        let digest = digest(if self.roll(8) == 0 { self.roll(12) } else { number });
        let plain = api_key(number, whose);
        let kind =
            if self.roll(3) == 0 { plain.kind.clone() } else { signature(number, whose, b"sealed").kind };
        let origin = if self.roll(16) == 0 { Origin::Imported } else { Origin::Issued };
        Credential { digest, kind, origin, issued_at: at, life, ..plain }
    }
}
