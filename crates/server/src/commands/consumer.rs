//! `countersign consumer`.

use countersign_manage::{
    ConsumerNotAdded, ConsumerNotFound, Removed, add_limited_consumer, consumers, disable_consumer,
    enable_consumer, remove_consumer, set_consumer_limits, show_consumer,
};
use countersign_model::{Consumer, ConsumerName, ConsumerState, Rate};
use serde_json::{Value, json};

use super::context::{Context, Desk, storage_failed};
use super::key::{key_json, key_table, limits_json, rates};
use super::table::{fields, table};
use super::time::rfc3339;
use super::wait::after;
use super::{Answer, Refusal};
use crate::cli::ConsumerCommand;
use crate::world::OsEntropy;

pub(crate) fn run(context: &Context, command: ConsumerCommand) -> Result<Answer, Refusal> {
    let desk = context.desk()?;
    match command {
        ConsumerCommand::Add { name, limits } => add(&desk, name, limits),
        ConsumerCommand::List => list(&desk),
        ConsumerCommand::Show { name } => show(&desk, &name),
        ConsumerCommand::SetLimits { name, limits, effect } => {
            set_limits(&desk, &name, limits.rates).map(|done| after(&desk, effect, done))
        }
        ConsumerCommand::Disable { name, effect } => {
            let consumer = desk
                .run(disable_consumer(&desk.store, &name, desk.now))
                .map_err(|error| not_found(&error))?;
            Ok(after(&desk, effect, changed("disabled", &consumer)))
        }
        ConsumerCommand::Enable { name, effect } => {
            let consumer =
                desk.run(enable_consumer(&desk.store, &name)).map_err(|error| not_found(&error))?;
            Ok(after(&desk, effect, changed("enabled", &consumer)))
        }
        ConsumerCommand::Remove { name, effect } => {
            remove(&desk, &name).map(|done| after(&desk, effect, done))
        }
    }
}

fn add(desk: &Desk, name: ConsumerName, limits: Vec<Rate>) -> Result<Answer, Refusal> {
    let limits = rates(limits)?;
    let added = desk.run(add_limited_consumer(&desk.store, name, limits, desk.now, &OsEntropy));
    let consumer = added.map_err(|error| {
        let code = match &error {
            ConsumerNotAdded::NameTaken { .. } => "NAME_TAKEN",
            ConsumerNotAdded::Store(_) => "STORAGE_FAILED",
        };
        Refusal::of(code, &error)
    })?;
    Ok(changed("added", &consumer))
}

fn set_limits(desk: &Desk, name: &ConsumerName, wanted: Vec<Rate>) -> Result<Answer, Refusal> {
    let limits = rates(wanted)?;
    let consumer =
        desk.run(set_consumer_limits(&desk.store, name, limits)).map_err(|error| not_found(&error))?;
    let text = format!("the limits of {} are now: {}", consumer.name, consumer.limits);
    Ok(Answer::done(consumer_json(&consumer), text))
}

fn list(desk: &Desk) -> Result<Answer, Refusal> {
    let all = desk.run(consumers(&desk.store)).map_err(|error| storage_failed(&error))?;
    let rows: Vec<[String; 5]> = all
        .iter()
        .map(|consumer| {
            let state = state_word(consumer.state).to_owned();
            let (added, id) = (rfc3339(consumer.added_at), consumer.id.0.to_string());
            [consumer.name.to_string(), state, consumer.limits.to_string(), added, id]
        })
        .collect();
    let text = if rows.is_empty() {
        "there is no consumer: add one with `countersign consumer add NAME`".to_owned()
    } else {
        table(["NAME", "STATE", "LIMITS", "ADDED", "ID"], &rows)
    };
    Ok(Answer::done(all.iter().map(consumer_json).collect(), text))
}

fn show(desk: &Desk, name: &ConsumerName) -> Result<Answer, Refusal> {
    let (consumer, held) = desk.run(show_consumer(&desk.store, name)).map_err(|error| not_found(&error))?;
    let mut lines = vec![
        ("name", consumer.name.to_string()),
        ("id", consumer.id.0.to_string()),
        ("state", state_word(consumer.state).to_owned()),
    ];
    if let ConsumerState::Disabled { at } = consumer.state {
        lines.push(("disabled", rfc3339(at)));
    }
    lines.push(("limits", consumer.limits.to_string()));
    lines.push(("added", rfc3339(consumer.added_at)));
    let keys = if held.is_empty() { "it has no keys".to_owned() } else { key_table(&held, desk.now) };
    let text = format!("{}\n\n{keys}", fields(&lines));
    let mut json = consumer_json(&consumer);
    if let Value::Object(members) = &mut json {
        members.insert("keys".to_owned(), held.iter().map(|held| key_json(held, desk.now)).collect());
    }
    Ok(Answer::done(json, text))
}

fn remove(desk: &Desk, name: &ConsumerName) -> Result<Answer, Refusal> {
    let Removed { consumer, credentials } =
        desk.run(remove_consumer(&desk.store, name)).map_err(|error| not_found(&error))?;
    let json = json!({ "consumer_id": consumer.id.0.to_string(), "name": consumer.name.as_str(), "keys_removed": credentials });
    let keys = match credentials {
        1 => "its 1 key".to_owned(),
        count => format!("its {count} keys"),
    };
    Ok(Answer::done(json, format!("removed {} and {keys}", consumer.name)))
}

fn changed(done: &str, consumer: &Consumer) -> Answer {
    Answer::done(consumer_json(consumer), format!("{done} {}", consumer.name))
}

pub(crate) fn not_found(error: &ConsumerNotFound) -> Refusal {
    let code = match error {
        ConsumerNotFound::NoConsumer { .. } => "CONSUMER_NOT_FOUND",
        ConsumerNotFound::Store(_) => "STORAGE_FAILED",
    };
    Refusal::of(code, error)
}

fn consumer_json(consumer: &Consumer) -> Value {
    let mut json = json!({
        "consumer_id": consumer.id.0.to_string(),
        "name": consumer.name.as_str(),
        "state": state_word(consumer.state),
        "added_at": rfc3339(consumer.added_at),
    });
    let disabled_at = match consumer.state {
        ConsumerState::Enabled => None,
        ConsumerState::Disabled { at } => Some(("disabled_at".to_owned(), rfc3339(at).into())),
    };
    if let Value::Object(members) = &mut json {
        members.extend(disabled_at);
        members.extend(limits_json(&consumer.limits));
    }
    json
}

pub(crate) fn state_word(state: ConsumerState) -> &'static str {
    match state {
        ConsumerState::Enabled => "enabled",
        ConsumerState::Disabled { .. } => "disabled",
    }
}
