//! Waiting until a change is in effect in every running server.

use std::time::Duration;

use countersign_store::{Changes as _, Follower, Followers as _, StoreError};
use countersign_verify::STALE_AFTER;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::context::Desk;
use super::{Answer, Outcome};
use crate::cli::Effect;

/// How often it is looked who has taken the change in.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How much longer than [`STALE_AFTER`] is waited for a server that says nothing.
const MARGIN: Duration = Duration::from_secs(1);

/// What came of waiting.
struct Waited {
    after: Duration,
    servers: usize,
    /// Those that said nothing.
    silent: Vec<String>,
}

/// Ends a command that changed something: where it is asked to, waits until every running server has taken that in, and adds to
/// `answer` what came of it.
pub(super) fn after(desk: &Desk, effect: Effect, answer: Answer) -> Answer {
    if !effect.wait {
        return answer;
    }
    match desk.run(wait(desk)) {
        Ok(waited) => add(answer, &waited),
        Err(error) => {
            let told =
                format!("it is not known whether it is in effect: {}", countersign_edge::with_causes(&error));
            with(answer, json!({ "error": told }), &told, Outcome::Refused)
        }
    }
}

async fn wait(desk: &Desk) -> Result<Waited, StoreError> {
    let began = Instant::now();
    // What was changed is before this.
    let changed = desk.store.head().await?;
    loop {
        let followers = desk.store.followers().await?;
        let servers = followers.len();
        let silent: Vec<Follower> = followers.into_iter().filter(|one| one.applied < changed).collect();
        let after = began.elapsed();
        if silent.is_empty() {
            return Ok(Waited { after, servers, silent: Vec::new() });
        }
        if after > STALE_AFTER + MARGIN {
            for one in &silent {
                // One that lives makes itself known again with the next change that it takes in.
                desk.store.forget_follower(one.id).await?;
            }
            let silent = silent.into_iter().map(|one| one.title).collect();
            return Ok(Waited { after, servers, silent });
        }
        sleep(LOOK_EVERY).await;
    }
}

fn add(answer: Answer, waited: &Waited) -> Answer {
    let Waited { after, servers, silent } = waited;
    let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    let in_effect = json!({ "servers": servers, "after_ms": millis, "silent": silent });
    let (told, outcome) = match (servers, silent.as_slice()) {
        (0, _) => ("no server is known to run on this database".to_owned(), Outcome::Done),
        (1, []) => (format!("in effect in the running server after {millis} ms"), Outcome::Done),
        (count, []) => (format!("in effect in all {count} running servers after {millis} ms"), Outcome::Done),
        (count, silent) => {
            let told = format!(
                "{} of {count} servers said nothing within {} s: {}. A server that was killed says nothing; one that runs and \
                 cannot read changes refuses every request after {} s",
                silent.len(),
                after.as_secs(),
                silent.join("; "),
                STALE_AFTER.as_secs()
            );
            (told, Outcome::Refused)
        }
    };
    with(answer, in_effect, &told, outcome)
}

fn with(answer: Answer, in_effect: Value, told: &str, outcome: Outcome) -> Answer {
    let Answer { mut json, text, .. } = answer;
    if let Value::Object(members) = &mut json {
        members.insert("in_effect".to_owned(), in_effect);
    }
    Answer { json, text: format!("{text}\n{told}"), outcome }
}
