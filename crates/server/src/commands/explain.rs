//! `countersign explain`: why a signed request is accepted or refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use countersign_capture::{Body, Captured, Scheme};
use countersign_dialect::{Reading, Recipe, Request};
use countersign_doctor::{Question, Report, Verdict};
use countersign_model::{Clock as _, DialectName, Secret, UnixTime};
use http_body_util::Full;
use serde_json::Value;

use super::context::{Context, runtime, storage_failed, wrong_configuration};
use super::lint::of_files;
use super::sign::{read, secret_of};
use super::table::table;
use super::{Answer, Outcome, Refusal, dialect, http};
use crate::cli::ExplainArgs;
use crate::config::Config;
use crate::signer::{Named, Signer};
use crate::world::SystemClock;

pub(crate) fn explain(context: &Context, wanted: &ExplainArgs) -> Result<Answer, Refusal> {
    match (&wanted.file, &wanted.request) {
        (Some(file), _) => of_file(context, wanted, file),
        (None, Some(id)) => kept(context, wanted, id),
        (None, None) => list(context, wanted),
    }
}

/// A request in a file.
fn of_file(context: &Context, wanted: &ExplainArgs, file: &Path) -> Result<Answer, Refusal> {
    let recipe = recipe(context, wanted.dialect.as_deref().unwrap_or_default())?;
    let captured = captured(file, wanted.entry)?;
    let (now, when) = match (wanted.now, captured.at) {
        (Some(now), _) => (now, None),
        (None, Some(at)) => {
            (at, Some("It is judged at the time at which it was captured; `--now` asks for another."))
        }
        (None, None) => (SystemClock.now(), None),
    };
    let headers = captured.headers();
    let given = wanted.body_file.as_deref().map(read).transpose()?;
    let request = Request {
        method: &captured.method,
        scheme: captured.scheme.unwrap_or(Scheme::Https).as_str(),
        host: &captured.host,
        target: &captured.target,
        headers: headers.view(),
        body: given.as_deref().or(captured.body.bytes()),
    };
    let signer = signer(context, wanted, &recipe, &request, captured.secret.as_ref(), now)?;
    let mut report = signer.explain(Question { recipe: &recipe, request, secret: None, others: &[], now });
    report.notes.extend(when.map(str::to_owned));
    if let (Body::NotShown { bytes: Some(bytes) }, None) = (&captured.body, &given) {
        let form = captured.form.as_str();
        report.notes.push(format!("The body ({bytes} bytes) is not in the capture ({form})."));
    }
    Ok(answer(&report))
}

fn answer(report: &Report) -> Answer {
    let outcome = match report.verdict {
        Verdict::Accepted => Outcome::Done,
        Verdict::Refused | Verdict::Undecided => Outcome::Refused,
    };
    Answer { json: report.to_json(), text: report.to_string().trim_end().to_owned(), outcome }
}

/// A dialect by its name, or the only one in a file.
fn recipe(context: &Context, what: &str) -> Result<Arc<Recipe>, Refusal> {
    if let Ok(name) = DialectName::parse(what)
        && !Path::new(what).is_file()
    {
        let dialects = dialect::load(context)?;
        return dialects.get(&name).cloned().ok_or_else(|| dialect::not_found(&name, &dialects));
    }
    let mut found = of_files(&[PathBuf::from(what)])?;
    match (found.pop(), found.len()) {
        (Some((_, recipe)), 0) => Ok(recipe),
        (_, others) => {
            let message = format!(
                "`{what}` holds {} dialects: name a file that holds one, or list this file in the configuration \
                 (`[[dialect]]`, `--config`) and give the dialect's name",
                others + 1
            );
            Err(Refusal::new("NOT_ONE_DIALECT", message))
        }
    }
}

fn captured(file: &Path, entry: Option<std::num::NonZeroUsize>) -> Result<Captured, Refusal> {
    let mut all = countersign_capture::read(&read(file)?)
        .map_err(|why| Refusal::new("UNREADABLE_REQUEST", format!("`{}`: {why}", file.display())))?;
    let count = all.len();
    let at = entry.map_or(count, std::num::NonZeroUsize::get) - 1;
    if at >= count {
        let message = format!("`{}` holds {count} requests: there is no number {}", file.display(), at + 1);
        return Err(Refusal::new("NO_SUCH_ENTRY", message));
    }
    Ok(all.swap_remove(at))
}

/// Whose secret to check the signature with: the one that is given, the one that the capture tells, or the one that is kept.
fn signer(
    context: &Context,
    wanted: &ExplainArgs,
    recipe: &Recipe,
    request: &Request<'_>,
    told: Option<&Secret<String>>,
    now: UnixTime,
) -> Result<Signer, Refusal> {
    if wanted.secret.is_some() || wanted.secret_file.is_some() {
        let secret = secret_of(wanted.secret.as_deref(), wanted.secret_file.as_deref())?;
        return Ok(Signer::of_secret(secret));
    }
    let asked = wanted.key.is_some() || wanted.consumer.is_some();
    if let (Some(secret), false) = (told, asked) {
        return Ok(Signer::of_secret(Secret::new(secret.expose().clone().into_bytes())));
    }
    let reading = recipe.read(request);
    let named = match (&wanted.key, &wanted.consumer) {
        (Some(key), _) => Named::Wire(key),
        (None, Some(consumer)) => Named::Consumer(consumer),
        (None, None) => named(&reading),
    };
    if matches!(named, Named::Nothing) {
        return Ok(Signer::unknown());
    }
    let desk = context.desk()?;
    desk.run(Signer::look_up(&desk.store, &desk.master_key, recipe, named, now))
        .map_err(|error| storage_failed(&error))
}

/// The credential that a request names.
pub(crate) fn named<'a>(reading: &'a Reading<'_>) -> Named<'a> {
    let key_id = match reading {
        Reading::NotPresented => None,
        Reading::OnlyKeyId(key_id) => Some(&**key_id),
        Reading::Incomplete { key_id, .. } | Reading::Malformed { key_id, .. } => key_id.as_deref(),
        Reading::Presented(claim) => Some(claim.key_id()),
    };
    key_id.filter(|key_id| !key_id.is_empty()).map_or(Named::Nothing, Named::Wire)
}

/// A request that a running server refused.
fn kept(context: &Context, wanted: &ExplainArgs, id: &str) -> Result<Answer, Refusal> {
    let json = asked(context, wanted, &format!("/refusals/{id}"))?;
    let text = json.get("told").and_then(Value::as_str).unwrap_or_default().trim_end().to_owned();
    let accepted = json.get("verdict").and_then(Value::as_str) == Some(Verdict::Accepted.as_str());
    Ok(Answer { text, json, outcome: if accepted { Outcome::Done } else { Outcome::Refused } })
}

/// The last requests that a running server refused.
fn list(context: &Context, wanted: &ExplainArgs) -> Result<Answer, Refusal> {
    let json = asked(context, wanted, "/refusals")?;
    let refusals = json.get("refusals").and_then(Value::as_array).cloned().unwrap_or_default();
    let cell = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let rows: Vec<[String; 5]> = refusals
        .iter()
        .map(|one| {
            let asked = format!("{} {}", cell(one, "method"), cell(one, "path"));
            [cell(one, "request_id"), cell(one, "at"), asked, cell(one, "dialect"), cell(one, "reason")]
        })
        .collect();
    let text = if rows.is_empty() {
        "no refused request is kept".to_owned()
    } else {
        table(["REQUEST ID", "AT", "REQUEST", "DIALECT", "REASON"], &rows)
    };
    Ok(Answer::done(json, text))
}

fn asked(context: &Context, wanted: &ExplainArgs, path: &str) -> Result<Value, Refusal> {
    let admin = match &wanted.admin {
        Some(admin) => admin.clone(),
        None => Config::parse(&context.file, &context.environment)
            .map_err(|mistakes| wrong_configuration(&mistakes))?
            .listen
            .admin
            .to_string(),
    };
    let request = ::http::Request::get(format!("http://{admin}{path}"))
        .body(Full::new(Bytes::new()))
        .map_err(|error| Refusal::of("WRONG_URL", &error))?;
    let answer =
        runtime()?.block_on(http::send(request)).map_err(|error| Refusal::of("NO_ANSWER", &error))?;
    if answer.status() == ::http::StatusCode::NOT_FOUND {
        let message = "the server keeps no refused request of this id: it keeps the last ones, for a while, and those alone that a \
                       signature dialect had a say in (`countersign explain --refused` lists them)";
        return Err(Refusal::new("NOT_KEPT", message));
    }
    serde_json::from_slice(answer.body()).map_err(|error| Refusal::of("NO_ANSWER", &error))
}
