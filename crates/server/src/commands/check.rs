//! `countersign check`.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::{Answer, Outcome};
use crate::config::{Config, Line, Mistake, Place, Severity};

/// Reads the configuration and every file that it names, and says what is wrong: all of it.
pub(crate) fn check(context: &Context) -> Answer {
    let (outcome, found, last) = match Config::parse(&context.file, &context.environment) {
        Ok(config) => {
            let (routes, upstreams) = (config.routes.len(), config.upstreams.len());
            let file = context.file.path().display();
            let last = format!(
                "{file} is right: {} and {}",
                counted(routes, "route"),
                counted(upstreams, "upstream")
            );
            (Outcome::Done, config.warnings, last)
        }
        Err(mistakes) => {
            let count = mistakes.0.iter().filter(|mistake| mistake.severity == Severity::Mistake).count();
            (Outcome::Refused, mistakes.0, counted(count, "mistake"))
        }
    };
    let of = |severity| {
        found.iter().filter(move |one| one.severity == severity).map(mistake_json).collect::<Value>()
    };
    let json = json!({
        "ok": outcome == Outcome::Done,
        "mistakes": of(Severity::Mistake),
        "warnings": of(Severity::Warning),
    });
    let told = found.iter().map(|one| format!("{one}\n\n"));
    Answer { json, text: told.chain([last]).collect(), outcome }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn mistake_json(mistake: &Mistake) -> Value {
    let mut json = Map::new();
    match &mistake.place {
        Place::Line(Line { file, number, column, .. }) => {
            json.insert("file".to_owned(), file.display().to_string().into());
            json.insert("line".to_owned(), (*number).into());
            json.insert("column".to_owned(), (*column).into());
        }
        Place::File(file) => {
            json.insert("file".to_owned(), file.display().to_string().into());
        }
        Place::Variable(name) => {
            json.insert("variable".to_owned(), name.as_str().into());
        }
    }
    json.insert("found".to_owned(), mistake.found.as_str().into());
    json.insert("mend".to_owned(), mistake.mend.as_str().into());
    Value::Object(json)
}
