//! `countersign dialect`.

use countersign_dialect::{BodyUse, Dialects, Recipe, Replay};
use countersign_model::DialectName;
use serde_json::{Value, json};

use super::context::{Context, wrong_configuration};
use super::table::table;
use super::{Answer, Refusal, lint, suite};
use crate::cli::DialectCommand;

pub(crate) fn run(context: &Context, command: DialectCommand) -> Result<Answer, Refusal> {
    match command {
        DialectCommand::List => Ok(list(&load(context)?)),
        DialectCommand::Show { name } => show(&load(context)?, &name),
        DialectCommand::Lint { what } => lint::lint(context, &what),
        DialectCommand::Test { files } => suite::test(&files),
        DialectCommand::Table { folder } => suite::page(&folder),
    }
}

/// The dialects that come with the program and those of the configuration.
pub(crate) fn load(context: &Context) -> Result<Dialects, Refusal> {
    context.storage()?.dialects().map_err(|mistakes| wrong_configuration(&mistakes))
}

pub(crate) fn not_found(name: &DialectName, dialects: &Dialects) -> Refusal {
    let known: Vec<&str> = dialects.iter().map(|recipe| recipe.name().as_str()).collect();
    Refusal::new("DIALECT_NOT_FOUND", format!("there is no dialect `{name}`: there are {}", known.join(", ")))
}

fn list(dialects: &Dialects) -> Answer {
    let rows: Vec<[String; 5]> = dialects
        .iter()
        .map(|recipe| {
            let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
            [
                recipe.name().to_string(),
                yes_no(recipe.key_alone()),
                yes_no(recipe.covers_query()),
                body_word(recipe.body_use()).to_owned(),
                replay_word(recipe.replay()).to_owned(),
            ]
        })
        .collect();
    let text = table(["NAME", "KEY ALONE", "QUERY SIGNED", "BODY", "REPLAY GUARD"], &rows);
    Answer::done(dialects.iter().map(|recipe| dialect_json(recipe)).collect(), text)
}

fn show(dialects: &Dialects, name: &DialectName) -> Result<Answer, Refusal> {
    let recipe = dialects.get(name).ok_or_else(|| not_found(name, dialects))?;
    let mut json = dialect_json(recipe);
    if let Value::Object(members) = &mut json {
        members.insert("source".to_owned(), recipe.source().into());
    }
    Ok(Answer::done(json, recipe.source().trim_end()))
}

fn dialect_json(recipe: &Recipe) -> Value {
    json!({
        "name": recipe.name().as_str(),
        "key_alone": recipe.key_alone(),
        "covers_query": recipe.covers_query(),
        "body": body_word(recipe.body_use()),
        "replay": replay_word(recipe.replay()),
    })
}

fn body_word(body: BodyUse) -> &'static str {
    match body {
        BodyUse::Unused => "unused",
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
