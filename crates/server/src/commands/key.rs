//! `countersign key`.

use std::time::Duration;

use countersign_manage::{
    ConsumerNotFound, Expiry, Form, Issue, Issued, Issuer, KeyName, KeyNotFound, KeysNotListed, Material,
    NotIssued, NotRotated, Replaced, Revocation, Rotation, keys, revoke_key, set_key_limits, show_key,
};
use countersign_model::{
    ConsumerName, ConsumerState, Credential, Life, Origin, Phase, Rate, Rates, Scope, Scopes, UnixTime,
};
use countersign_store::Held;
use countersign_token::Sealer;
use serde_json::{Map, Value};

use super::context::{Context, Desk};
use super::table::{fields, table};
use super::time::rfc3339;
use super::wait::after;
use super::{Answer, Refusal, consumer, import};
use crate::cli::{IssueArgs, KeyArgs, KeyCommand};
use crate::world::OsEntropy;

pub(crate) fn run(context: &Context, command: KeyCommand) -> Result<Answer, Refusal> {
    let desk = context.desk()?;
    match command {
        KeyCommand::Issue(wanted) => issue(&desk, wanted),
        KeyCommand::Import(wanted) => import::import(&desk, wanted),
        KeyCommand::List { consumer } => list(&desk, consumer.as_ref()),
        KeyCommand::Show { key } => show(&desk, &name(key)),
        KeyCommand::Rotate { key, overlap, expires, effect } => {
            rotate(&desk, name(key), overlap, expires).map(|done| after(&desk, effect, done))
        }
        KeyCommand::SetLimits { key, limits, effect } => {
            set_limits(&desk, &name(key), limits.rates).map(|done| after(&desk, effect, done))
        }
        KeyCommand::Revoke { key, effect } => {
            revoke(&desk, &name(key)).map(|done| after(&desk, effect, done))
        }
    }
}

fn name(key: KeyArgs) -> KeyName {
    KeyName { key_id: key.id, dialect: key.dialect }
}

fn issue(desk: &Desk, wanted: IssueArgs) -> Result<Answer, Refusal> {
    let (dialects, sealer) = (desk.dialects()?, Sealer::new(&desk.master_key));
    let issuer = Issuer { store: &desk.store, sealer: &sealer, dialects: &dialects, entropy: &OsEntropy };
    let order = Issue {
        consumer: wanted.consumer,
        form: wanted.dialect.map_or(Form::ApiKey, Form::Signature),
        scopes: wanted.scopes.into_iter().collect(),
        limits: rates(wanted.limits)?,
        expiry: wanted.expires.map_or(Expiry::Never, Expiry::After),
        label: wanted.label,
    };
    let given = desk.run(issuer.issue(order, desk.now)).map_err(|error| not_issued(&error))?;
    Ok(Answer::done(Value::Object(issued_json(&given)), issued_text(&given)))
}

/// Rates together, as somebody wrote them on the command line.
pub(super) fn rates(wanted: Vec<Rate>) -> Result<Rates, Refusal> {
    Rates::new(wanted).map_err(|error| Refusal::of("WRONG_LIMITS", &error))
}

fn set_limits(desk: &Desk, key: &KeyName, wanted: Vec<Rate>) -> Result<Answer, Refusal> {
    let limits = rates(wanted)?;
    let held = desk.run(set_key_limits(&desk.store, key, limits)).map_err(|error| not_found(&error))?;
    let text = format!("the limits of {} are now: {}", held.credential.key_id, held.credential.limits);
    Ok(Answer::done(key_json(&held, desk.now), text))
}

fn rotate(
    desk: &Desk,
    key: KeyName,
    overlap: Duration,
    expires: Option<Duration>,
) -> Result<Answer, Refusal> {
    let (dialects, sealer) = (desk.dialects()?, Sealer::new(&desk.master_key));
    let issuer = Issuer { store: &desk.store, sealer: &sealer, dialects: &dialects, entropy: &OsEntropy };
    let rotation = Rotation { key, overlap, expiry: expires.map(Expiry::After) };
    let replaced = desk.run(issuer.rotate(rotation, desk.now)).map_err(|error| not_rotated(&error))?;
    let Replaced { old, new } = &replaced;
    let until = old.life.ends_at().map(rfc3339).unwrap_or_default();
    let mut json = issued_json(new);
    json.insert("replaces".to_owned(), old.key_id.as_str().into());
    json.insert("replaced_until".to_owned(), until.clone().into());
    let text = format!("{}\nThe old key {} is good until {until}.", issued_text(new), old.key_id);
    Ok(Answer::done(Value::Object(json), text))
}

fn list(desk: &Desk, of: Option<&ConsumerName>) -> Result<Answer, Refusal> {
    let held = desk.run(keys(&desk.store, of)).map_err(|error| match error {
        KeysNotListed::Consumer(error) => consumer::not_found(&error),
        KeysNotListed::Store(_) => Refusal::of("STORAGE_FAILED", &error),
    })?;
    let text = if held.is_empty() {
        "there is no key: issue one with `countersign key issue --consumer NAME`".to_owned()
    } else {
        key_table(&held, desk.now)
    };
    Ok(Answer::done(held.iter().map(|held| key_json(held, desk.now)).collect(), text))
}

fn show(desk: &Desk, key: &KeyName) -> Result<Answer, Refusal> {
    let held = desk.run(show_key(&desk.store, key)).map_err(|error| not_found(&error))?;
    let credential = &held.credential;
    let mut lines = vec![
        ("key id", credential.key_id.to_string()),
        ("consumer", held.consumer.name.to_string()),
        ("kind", kind_word(credential).to_owned()),
    ];
    lines.extend(credential.kind.dialect().map(|dialect| ("dialect", dialect.to_string())));
    lines.push(("origin", origin_word(credential.origin).to_owned()));
    lines.push(("scopes", scopes_text(&credential.scopes)));
    lines.push(("limits", credential.limits.to_string()));
    lines.push(("limits of the consumer", held.consumer.limits.to_string()));
    lines.extend(credential.label.as_ref().map(|label| ("label", label.to_string())));
    lines.push(("state", state_text(&held, desk.now)));
    lines.push(("issued", rfc3339(credential.issued_at)));
    match &credential.life {
        Life::Active { expires_at } => lines.push(("expires", expiry_text(*expires_at))),
        Life::Rotating { until, successor } => {
            lines.push(("good until", rfc3339(*until)));
            lines.push(("replaced by", successor.to_string()));
        }
        Life::Revoked { at } => lines.push(("revoked", rfc3339(*at))),
    }
    Ok(Answer::done(key_json(&held, desk.now), fields(&lines)))
}

fn revoke(desk: &Desk, key: &KeyName) -> Result<Answer, Refusal> {
    let key_id = &key.key_id;
    let revocation = desk.run(revoke_key(&desk.store, key, desk.now)).map_err(|error| not_found(&error))?;
    let (at, text) = match revocation {
        Revocation::Revoked { at } => (at, format!("revoked {key_id}")),
        Revocation::Already { at } => (at, format!("{key_id} was revoked before, at {}", rfc3339(at))),
    };
    let json =
        serde_json::json!({ "key_id": key_id.as_str(), "state": "revoked", "revoked_at": rfc3339(at) });
    Ok(Answer::done(json, text))
}

/// What the holder of a new credential needs, and nothing more.
fn issued_json(issued: &Issued) -> Map<String, Value> {
    let credential = &issued.credential;
    let mut json = Map::new();
    json.insert("key_id".to_owned(), credential.key_id.as_str().into());
    match &issued.material {
        Material::ApiKey { api_key } => {
            json.insert("api_key".to_owned(), api_key.expose().as_str().into());
        }
        Material::Signature { api_key, secret } => {
            json.insert("api_key".to_owned(), api_key.expose().as_str().into());
            json.insert("secret".to_owned(), secret.expose().as_str().into());
        }
    }
    json.insert("consumer".to_owned(), issued.consumer.name.as_str().into());
    if let Some(dialect) = credential.kind.dialect() {
        json.insert("dialect".to_owned(), dialect.as_str().into());
    }
    json.insert("scopes".to_owned(), scopes_json(&credential.scopes));
    json.extend(limits_json(&credential.limits));
    if let Some(end) = credential.life.ends_at() {
        json.insert("expires_at".to_owned(), rfc3339(end).into());
    }
    json
}

fn issued_text(issued: &Issued) -> String {
    let credential = &issued.credential;
    let mut lines = vec![("key id", credential.key_id.to_string())];
    let shown_once = match &issued.material {
        Material::ApiKey { api_key } => {
            lines.push(("api key", api_key.expose().clone()));
            "The api key is shown this once: keep it now, nothing gives it a second time."
        }
        Material::Signature { api_key, secret } => {
            lines.push(("api key", api_key.expose().clone()));
            lines.push(("secret", secret.expose().clone()));
            "The api key and the secret are shown this once: keep them now, nothing gives them a second time."
        }
    };
    lines.push(("consumer", issued.consumer.name.to_string()));
    lines.extend(credential.kind.dialect().map(|dialect| ("dialect", dialect.to_string())));
    lines.push(("scopes", scopes_text(&credential.scopes)));
    if !credential.limits.is_empty() {
        lines.push(("limits", credential.limits.to_string()));
    }
    lines.extend(credential.label.as_ref().map(|label| ("label", label.to_string())));
    lines.push(("expires", expiry_text(credential.life.ends_at())));
    format!("{}\n\n{shown_once}", fields(&lines))
}

/// A credential as it is kept.
pub(crate) fn key_json(held: &Held, now: UnixTime) -> Value {
    let credential = &held.credential;
    let mut json = Map::new();
    json.insert("key_id".to_owned(), credential.key_id.as_str().into());
    json.insert("consumer".to_owned(), held.consumer.name.as_str().into());
    json.insert("consumer_state".to_owned(), consumer::state_word(held.consumer.state).into());
    json.insert("kind".to_owned(), kind_word(credential).into());
    if let Some(dialect) = credential.kind.dialect() {
        json.insert("dialect".to_owned(), dialect.as_str().into());
    }
    json.insert("origin".to_owned(), origin_word(credential.origin).into());
    json.insert("scopes".to_owned(), scopes_json(&credential.scopes));
    json.extend(limits_json(&credential.limits));
    if let Some(label) = &credential.label {
        json.insert("label".to_owned(), label.as_str().into());
    }
    json.insert("state".to_owned(), credential.life.phase(now).as_str().into());
    json.insert("issued_at".to_owned(), rfc3339(credential.issued_at).into());
    match &credential.life {
        Life::Active { expires_at } => {
            json.extend(expires_at.map(|end| ("expires_at".to_owned(), rfc3339(end).into())));
        }
        Life::Rotating { until, successor } => {
            json.insert("expires_at".to_owned(), rfc3339(*until).into());
            json.insert("replaced_by".to_owned(), successor.as_str().into());
        }
        Life::Revoked { at } => {
            json.insert("revoked_at".to_owned(), rfc3339(*at).into());
        }
    }
    Value::Object(json)
}

pub(crate) fn key_table(held: &[Held], now: UnixTime) -> String {
    let rows: Vec<[String; 8]> = held
        .iter()
        .map(|held| {
            let credential = &held.credential;
            let kind = credential.kind.dialect().map_or(kind_word(credential), |dialect| dialect.as_str());
            [
                credential.key_id.to_string(),
                held.consumer.name.to_string(),
                kind.to_owned(),
                state_text(held, now),
                expiry_text(credential.life.ends_at()),
                scopes_text(&credential.scopes),
                credential.limits.to_string(),
                credential.label.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]
        })
        .collect();
    table(["KEY ID", "CONSUMER", "KIND", "STATE", "ENDS", "SCOPES", "LIMITS", "LABEL"], &rows)
}

fn kind_word(credential: &Credential) -> &'static str {
    match credential.kind.dialect() {
        Some(_) => "signature",
        None => "api-key",
    }
}

fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Issued => "issued",
        Origin::Imported => "imported",
    }
}

fn state_text(held: &Held, now: UnixTime) -> String {
    let phase = held.credential.life.phase(now);
    match (phase, held.consumer.state) {
        (Phase::Active | Phase::Rotating, ConsumerState::Disabled { .. }) => {
            format!("{} (consumer disabled)", phase.as_str())
        }
        (Phase::Active | Phase::Rotating, ConsumerState::Enabled) | (Phase::Expired | Phase::Revoked, _) => {
            phase.as_str().to_owned()
        }
    }
}

fn expiry_text(end: Option<UnixTime>) -> String {
    end.map_or_else(|| "never".to_owned(), rfc3339)
}

pub(crate) fn scopes_json(scopes: &Scopes) -> Value {
    scopes.iter().map(Scope::as_str).collect()
}

pub(crate) fn scopes_text(scopes: &Scopes) -> String {
    if scopes.is_empty() { "none".to_owned() } else { scopes.to_list().replace(',', ", ") }
}

/// The member that tells of limits, where there are any.
pub(crate) fn limits_json(limits: &Rates) -> Option<(String, Value)> {
    let rates: Value = limits.iter().map(|rate| rate.to_string()).collect();
    (!limits.is_empty()).then(|| ("limits".to_owned(), rates))
}

fn not_found(error: &KeyNotFound) -> Refusal {
    let code = match error {
        KeyNotFound::NoKey { .. } => "KEY_NOT_FOUND",
        KeyNotFound::Several { .. } => "KEY_AMBIGUOUS",
        KeyNotFound::Store(_) => "STORAGE_FAILED",
    };
    Refusal::of(code, error)
}

fn not_issued(error: &NotIssued) -> Refusal {
    let code = match error {
        NotIssued::Consumer(ConsumerNotFound::NoConsumer { .. }) => "CONSUMER_NOT_FOUND",
        NotIssued::NoDialect { .. } => "DIALECT_NOT_FOUND",
        NotIssued::NoSecret { .. } => "NO_SECRET",
        NotIssued::TooManyScopes { .. } => "TOO_MANY_SCOPES",
        NotIssued::Taken => "BROKEN_RANDOMNESS",
        NotIssued::Sealer(_) => "NOT_ENCRYPTED",
        NotIssued::Consumer(ConsumerNotFound::Store(_)) | NotIssued::Store(_) => "STORAGE_FAILED",
    };
    Refusal::of(code, error)
}

pub(super) fn not_rotated(error: &NotRotated) -> Refusal {
    match error {
        NotRotated::Key(error) => not_found(error),
        NotRotated::Successor(error) => not_issued(error),
        NotRotated::Import(error) => import::not_imported(error),
        NotRotated::Ended { .. } | NotRotated::Rotating { .. } => Refusal::of("KEY_NOT_ACTIVE", error),
    }
}
