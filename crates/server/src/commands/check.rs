//! `countersign check`.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_dialect::{Finding, Recipe, Risk};
use countersign_edge::with_causes;
use countersign_model::DialectName;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::{Answer, Outcome, lint};
use crate::config::{
    Config, Line, Mistake, Mistakes, Place, RequireConfig, SchemeName, Severity, Storage, StoreLocation,
};
use crate::serve::Certificates;
use crate::storage::{self, Look, StorageError};

/// Reads the configuration and every file that it names, and says what is wrong: all of it.
pub(crate) fn check(context: &Context) -> Answer {
    let (outcome, found, open, last) = match read(context) {
        Ok(config) => {
            let (routes, upstreams) = (config.routes.len(), config.upstreams.len());
            let file = context.file.path().display();
            let last = format!(
                "{file} is right: {} and {}",
                counted(routes, "route"),
                counted(upstreams, "upstream")
            );
            let open = left_open(&config);
            let storage = about_storage(&config.storage);
            let count = storage.iter().filter(|one| one.severity == Severity::Mistake).count();
            let (outcome, last) = if count == 0 {
                (Outcome::Done, last)
            } else {
                (Outcome::Refused, counted(count, "mistake"))
            };
            (outcome, config.warnings.into_iter().chain(storage).collect(), open, last)
        }
        Err(mistakes) => {
            let count = mistakes.0.iter().filter(|mistake| mistake.severity == Severity::Mistake).count();
            (Outcome::Refused, mistakes.0, Vec::new(), counted(count, "mistake"))
        }
    };
    let of = |severity| {
        found.iter().filter(move |one| one.severity == severity).map(mistake_json).collect::<Value>()
    };
    let json = json!({
        "ok": outcome == Outcome::Done,
        "mistakes": of(Severity::Mistake),
        "warnings": of(Severity::Warning),
        "dialects": open.iter().map(|(recipe, found)| lint::findings_json(recipe, found)).collect::<Value>(),
    });
    let open = open.iter().map(|(recipe, found)| format!("{}\n\n", lint::told(recipe, found)));
    let told = found.iter().map(|one| format!("{one}\n\n")).chain(open);
    Answer { json, text: told.chain([last]).collect(), outcome }
}

/// What keeps the database from being opened with its key, and who may read it. What cannot be seen from here, by this user, is no mistake
/// of the configuration.
fn about_storage(named: &Storage) -> Vec<Mistake> {
    let StoreLocation::Sqlite(database) = &named.store;
    let told = |severity, found| Mistake {
        severity,
        place: Place::File(database.clone()),
        found,
        mend: String::new(),
    };
    let Look { warnings, mistake } = storage::look(named);
    let mistake = mistake.map(|error| {
        let severity = match &error {
            StorageError::KeyLost { .. } | StorageError::WrongKey { .. } => Severity::Mistake,
            StorageError::MasterKey(_) | StorageError::Store(_) | StorageError::Runtime(_) => {
                Severity::Warning
            }
        };
        told(severity, with_causes(&error))
    });
    let warnings = warnings.into_iter().map(|warning| told(Severity::Warning, warning));
    warnings.chain(mistake).collect()
}

/// The configuration, with the certificates that it names looked at.
fn read(context: &Context) -> Result<Config, Mistakes> {
    let config = Config::parse(&context.file, &context.environment)?;
    Certificates::load(&config)?;
    Ok(config)
}

/// What the dialects leave open that routes use. Of the query each route is asked by itself.
fn left_open(config: &Config) -> Vec<(Arc<Recipe>, Vec<Finding>)> {
    let schemes = config.routes.iter().flat_map(|route| match &route.require {
        RequireConfig::Any(schemes) | RequireConfig::All(schemes) => schemes.as_slice(),
        RequireConfig::Nothing => &[],
    });
    let used: BTreeSet<&DialectName> = schemes
        .filter_map(|scheme| match scheme {
            SchemeName::Signature(dialect) => Some(dialect),
            SchemeName::ApiKey | SchemeName::Wallet => None,
        })
        .collect();
    let recipes = used.into_iter().filter_map(|name| config.dialects.get(name));
    recipes
        .map(|recipe| {
            let mut found = recipe.lint();
            found.retain(|finding| finding.risk != Risk::UnsignedQuery);
            (recipe.clone(), found)
        })
        .collect()
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
