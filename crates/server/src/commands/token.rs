//! `countersign token`.

use countersign_manage::{
    TokenKeyNotRemoved, TokenKeyNotRotated, remove_token_key, rotate_token_key, token_keys,
};
use countersign_model::TokenKeyId;
use countersign_store::TokenKey;
use serde_json::{Value, json};

use super::context::{Context, Desk, storage_failed};
use super::table::table;
use super::time::rfc3339;
use super::{Answer, Refusal};
use crate::cli::TokenCommand;
use crate::world::OsEntropy;

pub(crate) fn run(context: &Context, command: TokenCommand) -> Result<Answer, Refusal> {
    let desk = context.desk()?;
    match command {
        TokenCommand::List => list(&desk),
        TokenCommand::Rotate => rotate(&desk),
        TokenCommand::Remove { id } => remove(&desk, &id),
    }
}

fn list(desk: &Desk) -> Result<Answer, Refusal> {
    let keys = desk.run(token_keys(&desk.store)).map_err(|error| storage_failed(&error))?;
    let keys: Vec<(&TokenKey, &str)> =
        keys.iter().zip(std::iter::once("signs").chain(std::iter::repeat("verifies"))).collect();
    let rows: Vec<[String; 3]> = keys
        .iter()
        .map(|(key, use_)| [key.id.to_string(), (*use_).to_owned(), rfc3339(key.made_at)])
        .collect();
    let text = if rows.is_empty() {
        "there is no token key: the server makes one when it starts".to_owned()
    } else {
        table(["KEY", "USE", "MADE"], &rows)
    };
    Ok(Answer::done(keys.iter().map(|(key, use_)| key_json(key, use_)).collect(), text))
}

fn rotate(desk: &Desk) -> Result<Answer, Refusal> {
    let key = desk.run(rotate_token_key(&desk.store, desk.now, &OsEntropy)).map_err(|error| {
        let code = match &error {
            TokenKeyNotRotated::Raced => "RACED",
            TokenKeyNotRotated::TooMany => "TOO_MANY_TOKEN_KEYS",
            TokenKeyNotRotated::Store(_) => "STORAGE_FAILED",
        };
        Refusal::of(code, &error)
    })?;
    let text = format!(
        "{} signs from now on. Tokens that older keys signed stay good until those are removed.",
        key.id
    );
    Ok(Answer::done(key_json(&key, "signs"), text))
}

fn remove(desk: &Desk, id: &TokenKeyId) -> Result<Answer, Refusal> {
    desk.run(remove_token_key(&desk.store, id)).map_err(|error| {
        let code = match &error {
            TokenKeyNotRemoved::NoKey { .. } => "TOKEN_KEY_NOT_FOUND",
            TokenKeyNotRemoved::Signing { .. } => "TOKEN_KEY_SIGNS",
            TokenKeyNotRemoved::Store(_) => "STORAGE_FAILED",
        };
        Refusal::of(code, &error)
    })?;
    let text = format!("removed {id}: the tokens that it signed are good no longer");
    Ok(Answer::done(json!({ "token_key": id.to_string() }), text))
}

fn key_json(key: &TokenKey, use_: &str) -> Value {
    json!({ "token_key": key.id.to_string(), "use": use_, "made_at": rfc3339(key.made_at) })
}
