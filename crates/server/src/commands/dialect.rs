//! `countersign dialect`.

use countersign_dialect::{BodyUse, Dialects, KeyNaming, Recipe, Replay};
use countersign_model::DialectName;
use serde_json::{Value, json};

use super::context::{Context, wrong_configuration};
use super::table::table;
use super::{Answer, Refusal, infer, lint, suite};
use crate::cli::DialectCommand;
use crate::config::proposal;

/// Where the user's own dialects stand in the list.
const OWN: &str = "(own)";

pub(crate) fn run(context: &Context, command: DialectCommand, json: bool) -> Result<Answer, Refusal> {
    match command {
        DialectCommand::List => Ok(list(&load(context)?)),
        DialectCommand::Show { name } => show(&load(context)?, &name),
        DialectCommand::Lint { what } => lint::lint(context, &what),
        DialectCommand::Test { files } => suite::test(&files),
        DialectCommand::Infer(wanted) => infer::infer(&wanted, json),
        DialectCommand::Table { folder } => suite::page(&folder),
    }
}

/// The dialects that come with the program and those of the configuration.
pub(crate) fn load(context: &Context) -> Result<Dialects, Refusal> {
    context.storage()?.dialects().map_err(|mistakes| wrong_configuration(&mistakes))
}

pub(crate) fn not_found(name: &DialectName, dialects: &Dialects) -> Refusal {
    let would_do = proposal(name.as_str(), &dialects.names());
    let message = format!("there is no dialect `{name}`: {would_do}; `countersign dialect list` shows all");
    Refusal::new("DIALECT_NOT_FOUND", message)
}

/// The user's own first, then those that come with the program, folder by folder.
fn list(dialects: &Dialects) -> Answer {
    let mut recipes: Vec<(Option<&str>, &Recipe)> =
        dialects.iter().map(|recipe| (dialects.folder(recipe.name()), &**recipe)).collect();
    recipes.sort_by_key(|(folder, recipe)| (*folder, recipe.name()));
    let rows: Vec<[String; 7]> = recipes
        .iter()
        .map(|(folder, recipe)| {
            let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
            [
                folder.unwrap_or(OWN).to_owned(),
                recipe.name().to_string(),
                names_key_word(recipe).to_owned(),
                yes_no(recipe.key_alone()),
                yes_no(recipe.covers_query()),
                body_word(recipe.body_use()).to_owned(),
                replay_word(recipe.replay()).to_owned(),
            ]
        })
        .collect();
    let heads = ["FOLDER", "NAME", "KEY ID", "KEY ALONE", "QUERY SIGNED", "BODY", "REPLAY GUARD"];
    Answer::done(
        recipes.iter().map(|(folder, recipe)| dialect_json(*folder, recipe)).collect(),
        table(heads, &rows),
    )
}

fn show(dialects: &Dialects, name: &DialectName) -> Result<Answer, Refusal> {
    let recipe = dialects.get(name).ok_or_else(|| not_found(name, dialects))?;
    let mut json = dialect_json(dialects.folder(name), recipe);
    if let Value::Object(members) = &mut json {
        members.insert("source".to_owned(), recipe.source().into());
    }
    Ok(Answer::done(json, recipe.source().trim_end()))
}

fn dialect_json(folder: Option<&str>, recipe: &Recipe) -> Value {
    json!({
        "folder": folder,
        "name": recipe.name().as_str(),
        "names_key": matches!(recipe.key_naming(), KeyNaming::ByRequest),
        "key_alone": recipe.key_alone(),
        "covers_query": recipe.covers_query(),
        "body": body_word(recipe.body_use()),
        "replay": replay_word(recipe.replay()),
    })
}

fn names_key_word(recipe: &Recipe) -> &'static str {
    match recipe.key_naming() {
        KeyNaming::ByRequest => "in the request",
        KeyNaming::ByRoute => "none",
    }
}

fn body_word(body: BodyUse) -> &'static str {
    match body {
        BodyUse::Unused => "unused",
        BodyUse::Streamed => "streamed",
        BodyUse::Signed => "signed",
        BodyUse::Read => "read",
    }
}

fn replay_word(replay: Replay) -> &'static str {
    match replay {
        Replay::None => "none",
        Replay::Window => "window",
        Replay::Increasing => "increasing",
        Replay::Nonce => "nonce",
    }
}
