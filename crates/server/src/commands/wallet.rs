//! `countersign wallet`.

use countersign_manage::{NotGranted, WalletNotFound, grant, grants, revoke_wallet};
use countersign_model::{Address, Scopes};
use countersign_store::Grant;
use countersign_wallet::eip55;
use serde_json::{Value, json};

use super::context::{Context, Desk, storage_failed};
use super::key::{scopes_json, scopes_text};
use super::table::table;
use super::wait::after;
use super::{Answer, Refusal};
use crate::cli::WalletCommand;

pub(crate) fn run(context: &Context, command: WalletCommand) -> Result<Answer, Refusal> {
    let desk = context.desk()?;
    match command {
        WalletCommand::Grant { address, scopes } => add(&desk, address, &scopes.into_iter().collect()),
        WalletCommand::Revoke { address, effect } => {
            revoke(&desk, address).map(|done| after(&desk, effect, done))
        }
        WalletCommand::List => list(&desk),
    }
}

fn add(desk: &Desk, address: Address, scopes: &Scopes) -> Result<Answer, Refusal> {
    let granted = desk.run(grant(&desk.store, address, scopes)).map_err(|error| {
        let code = match &error {
            NotGranted::NoScopes => "NO_SCOPES",
            NotGranted::TooManyScopes { .. } => "TOO_MANY_SCOPES",
            NotGranted::Store(_) => "STORAGE_FAILED",
        };
        Refusal::of(code, &error)
    })?;
    let text = format!(
        "{} has the scopes {}. Its tokens carry them from its next login or refresh on.",
        eip55(&address),
        scopes_text(&granted.scopes)
    );
    Ok(Answer::done(grant_json(&granted), text))
}

fn revoke(desk: &Desk, address: Address) -> Result<Answer, Refusal> {
    let ended = desk.run(revoke_wallet(&desk.store, address, desk.now)).map_err(|error| {
        let code = match &error {
            WalletNotFound::NoWallet { .. } => "WALLET_NOT_FOUND",
            WalletNotFound::Store(_) => "STORAGE_FAILED",
        };
        Refusal::of(code, &error)
    })?;
    let sessions = match ended {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    };
    let text = format!("took every scope from {} and ended {sessions}", eip55(&address));
    Ok(Answer::done(json!({ "address": address.to_string(), "sessions_ended": ended }), text))
}

fn list(desk: &Desk) -> Result<Answer, Refusal> {
    let all = desk.run(grants(&desk.store)).map_err(|error| storage_failed(&error))?;
    let rows: Vec<[String; 2]> =
        all.iter().map(|grant| [eip55(&grant.address), scopes_text(&grant.scopes)]).collect();
    let text = if rows.is_empty() {
        "no wallet has scopes: grant some with `countersign wallet grant ADDRESS --scope SCOPE`".to_owned()
    } else {
        table(["ADDRESS", "SCOPES"], &rows)
    };
    Ok(Answer::done(all.iter().map(grant_json).collect(), text))
}

fn grant_json(grant: &Grant) -> Value {
    json!({ "address": grant.address.to_string(), "scopes": scopes_json(&grant.scopes) })
}
