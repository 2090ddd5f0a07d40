//! Many that do one thing at once.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::Fixture;
use crate::Store;

/// How many do it.
pub(super) const CONTENDERS: u64 = 8;

/// How often a race is run: a gap between a check and its write shows within a few rounds.
pub(super) const ROUNDS: u64 = 25;

/// Does `act` [`CONTENDERS`] times at once: [`race_of`] so many.
pub(super) async fn race<Act, Acting>(fixture: &Fixture, act: Act) -> Vec<Acting::Output>
where
    Act: Fn(u64, Arc<dyn Store>) -> Acting,
    Acting: Future<Output: Send + 'static> + Send + 'static,
{
    race_of(CONTENDERS, fixture, act).await
}

/// Does `act` `contenders` times at once, each in a task of its own with its number, every second one through
/// the fixture's other store. Gives what came of each, in the order of the numbers.
pub(super) async fn race_of<Act, Acting>(contenders: u64, fixture: &Fixture, act: Act) -> Vec<Acting::Output>
where
    Act: Fn(u64, Arc<dyn Store>) -> Acting,
    Acting: Future<Output: Send + 'static> + Send + 'static,
{
    let start = Arc::new(Barrier::new(contenders.try_into().unwrap()));
    let contend = |number| {
        let store = if number % 2 == 0 { &fixture.store } else { &fixture.other };
        let (acting, start) = (act(number, store.clone()), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            acting.await
        })
    };
    let contenders: Vec<_> = (0..contenders).map(contend).collect();
    let mut outcomes = Vec::new();
    for contender in contenders {
        outcomes.push(contender.await.unwrap());
    }
    outcomes
}

/// How many of `outcomes` are `wanted`.
pub(super) fn count<T: PartialEq>(outcomes: &[T], wanted: &T) -> usize {
    outcomes.iter().filter(|outcome| *outcome == wanted).count()
}
