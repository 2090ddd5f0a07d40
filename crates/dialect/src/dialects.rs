//! A set of dialects, loaded together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_model::DialectName;
use http::HeaderName;

use crate::builtin::{self, Builtin};
use crate::compile::compile;
use crate::compile::text::unknown;
use crate::filter::Filter;
use crate::lint::Notes;
use crate::mistake::{Mistake, Mistakes, Place, Source};
use crate::names::{closest, listed};
use crate::program::{self, Piece, Program, Slot, Template};
use crate::raw::{self, Data, Entry, Table};
use crate::recipe::{Recipe, Refusal, Replay, Statuses};

/// The most variants of one dialect, beside the dialect itself.
const MAX_VARIANTS: usize = 8;
/// How many dialects may inherit from each other in a row.
const MAX_LIKE: usize = 8;
/// The most files that are loaded together.
const MAX_SOURCES: usize = 4096;

/// A set of recipes by name.
#[derive(Clone, Debug, Default)]
pub struct Dialects {
    /// Those of files that somebody named.
    own: BTreeMap<DialectName, Arc<Recipe>>,
    base: Base,
}

/// What stands below the dialects of a user.
#[derive(Clone, Copy, Debug, Default)]
enum Base {
    /// The dialects that come with the crate.
    Builtin,
    #[default]
    Nothing,
}

/// One dialect's table, not compiled yet.
struct Written {
    name: DialectName,
    of: Of,
    place: Place,
    table: Table,
}

/// Where a dialect comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// A file that was given.
    Given,
    /// The crate: it is here because another is like it.
    Builtin,
}

impl Dialects {
    /// The dialects that come with the crate. None is compiled before it is asked for.
    pub fn builtin() -> Self {
        Self { own: BTreeMap::new(), base: Base::Builtin }
    }

    /// The dialects that come with the crate and those of a user beside them. A user's dialect may be `like` a built-in one.
    /// One that has the name of a built-in one stands in its place ([`Dialects::replaced`]), and may be `like` it.
    pub fn builtin_and(sources: &[Source]) -> Result<Self, Vec<Mistake>> {
        Ok(Self { base: Base::Builtin, ..Self::load(sources)? })
    }

    /// Loads dialects, or says everything that is wrong with them. They may be `like` those that come with the crate,
    /// which are not in the set.
    pub fn load(sources: &[Source]) -> Result<Self, Vec<Mistake>> {
        let all = with_ancestors(sources);
        let mut mistakes = Mistakes::new(&all);
        if let Some(source) = sources.get(MAX_SOURCES) {
            let place = Place { file: MAX_SOURCES, start: 0, end: 0 };
            let found = format!("`{}` is one file too many", source.origin);
            mistakes.add(place, found, format!("at most {MAX_SOURCES} files"));
        }
        let given = sources.len().min(MAX_SOURCES);
        let mut written = Vec::new();
        for file in (0..given).chain(sources.len()..all.len()) {
            let table = raw::parse(&all, file, &mut mistakes);
            let of = if file < given { Of::Given } else { Of::Builtin };
            collect(table, of, &mut written, &mut mistakes);
        }
        let mut own = BTreeMap::new();
        for dialect in written.iter().filter(|dialect| matches!(dialect.of, Of::Given)) {
            let Some(table) = inherit(dialect, &written, &mut mistakes) else { continue };
            let text = all.get(dialect.place.file).map_or("", |source| source.text.as_str());
            if let Some(recipe) = recipe(dialect, table, text, &mut mistakes) {
                own.insert(dialect.name.clone(), Arc::new(recipe));
            }
        }
        let mistakes = mistakes.into_vec();
        if mistakes.is_empty() { Ok(Self { own, base: Base::Nothing }) } else { Err(mistakes) }
    }

    /// The recipe of that name.
    pub fn get(&self, name: &DialectName) -> Option<&Arc<Recipe>> {
        match self.base {
            Base::Builtin => self.own.get(name).or_else(|| builtin::recipe(name)),
            Base::Nothing => self.own.get(name),
        }
    }

    /// All recipes, by name. It compiles every one: for lists, not for a server.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Recipe>> {
        self.names().into_iter().filter_map(|name| self.get(&DialectName::parse(name).ok()?))
    }

    /// All names, in order.
    pub fn names(&self) -> Vec<&str> {
        let builtin: &[Builtin] = match self.base {
            Base::Builtin => builtin::all(),
            Base::Nothing => &[],
        };
        let own = self.own.keys().map(DialectName::as_str);
        let names: BTreeSet<&str> = own.chain(builtin.iter().map(|builtin| builtin.name)).collect();
        names.into_iter().collect()
    }

    /// The folder below `dialects/` of the dialect of that name; nothing where it is a user's own.
    pub fn folder(&self, name: &DialectName) -> Option<&'static str> {
        let builtin = || builtin::find(name.as_str()).map(|builtin| builtin.folder);
        match self.base {
            Base::Builtin if !self.own.contains_key(name) => builtin(),
            Base::Builtin | Base::Nothing => None,
        }
    }

    /// The user's own dialects that stand in the place of one that comes with the crate.
    pub fn replaced(&self) -> impl Iterator<Item = &DialectName> {
        self.own.keys().filter(|name| match self.base {
            Base::Builtin => builtin::find(name.as_str()).is_some(),
            Base::Nothing => false,
        })
    }

    /// Takes one out.
    pub(crate) fn take(mut self, name: &DialectName) -> Option<Arc<Recipe>> {
        self.own.remove(name)
    }
}

/// The sources, and behind them those built-in ones that some dialect is like, through however many steps.
fn with_ancestors(sources: &[Source]) -> Vec<Source> {
    let mut all = sources.to_vec();
    let mut added = BTreeSet::new();
    let mut file = 0;
    while file < all.len() && added.len() <= builtin::all().len() {
        // Mistakes are told when the file is read for good.
        let table = raw::parse(&all, file, &mut Mistakes::new(&all));
        for ancestor in likes(table) {
            if let Some(builtin) = builtin::find(&ancestor)
                && added.insert(builtin.name)
            {
                all.push(builtin.source());
            }
        }
        file += 1;
    }
    all
}

/// What the dialects of a file are like.
fn likes(mut file: Table) -> Vec<String> {
    let Some(Entry { value: raw::Raw { data: Data::Table(dialects), .. }, .. }) = file.take("dialect") else {
        return Vec::new();
    };
    let like = |entry: Entry| match entry.value.data {
        Data::Table(mut table) => match table.take("like")?.value.data {
            Data::Text(name) => Some(name),
            _ => None,
        },
        _ => None,
    };
    dialects.0.into_iter().filter_map(like).collect()
}

/// Takes the tables `[dialect.NAME]` out of a file.
fn collect(mut file: Table, of: Of, written: &mut Vec<Written>, mistakes: &mut Mistakes<'_>) {
    if let Some(Entry { value, .. }) = file.take("dialect") {
        let Data::Table(dialects) = value.data else {
            mistakes.add(
                value.place,
                format!("`dialect` is {}", value.data.what()),
                "write `[dialect.NAME]`",
            );
            return;
        };
        for Entry { key, key_place, value } in dialects.0 {
            let name = match DialectName::parse(&key) {
                Ok(name) => name,
                Err(why) => {
                    mistakes.add(key_place, format!("`{key}` is no dialect name"), why.rule);
                    continue;
                }
            };
            if let Some(other) = written.iter().find(|other| other.name == name && other.of == of) {
                let first = mistakes.name_of(other.place);
                mistakes.add(
                    key_place,
                    format!("there is a dialect `{key}` already"),
                    format!("see {first}"),
                );
                continue;
            }
            match value.data {
                Data::Table(table) => written.push(Written { name, of, place: key_place, table }),
                other => {
                    let found = format!("`{key}` is {}", other.what());
                    mistakes.add(
                        value.place,
                        found,
                        format!("write `[dialect.{key}]` with its settings below"),
                    );
                }
            }
        }
    }
    for entry in &file.0 {
        mistakes.add(
            entry.key_place,
            format!("`{}` is not inside a dialect", entry.key),
            "begin with `[dialect.NAME]`",
        );
    }
}

/// The dialect's table laid over the ones it is like.
fn inherit(dialect: &Written, written: &[Written], mistakes: &mut Mistakes<'_>) -> Option<Table> {
    let mut chain = vec![dialect.table.clone()];
    let mut at = dialect;
    while let Some(like) = chain.last_mut()?.take("like") {
        let place = like.value.place;
        let Data::Text(name) = like.value.data else {
            mistakes.add(place, "`like` is no text", "the name of another dialect, in quotes");
            return None;
        };
        // A user's dialect that stands in the place of a built-in one may be like that one.
        let found = |of| {
            let named = |other: &&Written| other.name.as_str() == name && other.of == of;
            written.iter().find(named).filter(|other| of == Of::Builtin || other.name != at.name)
        };
        let other = match at.of {
            Of::Given => found(Of::Given).or_else(|| found(Of::Builtin)),
            Of::Builtin => found(Of::Builtin),
        };
        let Some(other) = other else {
            let own = written.iter().filter(|other| other.of == Of::Given).map(|other| other.name.as_str());
            let builtin = builtin::all().iter().map(|builtin| builtin.name);
            let known: Vec<String> = own.chain(builtin).map(str::to_owned).collect();
            let would_do = match closest(&name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "the name of a dialect that is loaded too".to_owned(),
            };
            mistakes.add(place, format!("there is no dialect `{name}`"), would_do);
            return None;
        };
        if chain.len() > MAX_LIKE {
            mistakes.add(place, "dialects that are like each other in a circle, or too many in a row", {
                format!("at most {MAX_LIKE} in a row")
            });
            return None;
        }
        chain.push(other.table.clone());
        at = other;
    }
    let mut whole = chain.pop()?;
    while let Some(over) = chain.pop() {
        whole.overlay(over);
    }
    Some(whole)
}

fn recipe(dialect: &Written, mut table: Table, source: &str, mistakes: &mut Mistakes<'_>) -> Option<Recipe> {
    let notes = Notes::take(&mut table, &dialect.table, dialect.place, mistakes);
    let key_alone = key_alone(table.take("key_alone"), mistakes);
    let (replay, replay_place) = replay(table.take("replay"), mistakes);
    let status = status(table.take("status"), mistakes);
    let mut variants = Vec::new();
    for (place, over) in overlays(table.take("variants"), mistakes) {
        if !over.0.iter().any(|entry| entry.key == "when") {
            mistakes.add(
                place,
                "a variant without `when`: nothing would choose it",
                "say when it is meant: `when.method = '^GET$'`",
            );
        }
        let mut whole = table.clone();
        whole.overlay(over);
        variants.extend(compile(whole, place, mistakes));
    }
    variants.push(compile(table, dialect.place, mistakes)?);
    guarded(replay, replay_place.unwrap_or(dialect.place), &variants, mistakes);
    Some(Recipe {
        name: dialect.name.clone(),
        source: source.into(),
        key_alone,
        replay,
        status,
        credential_headers: credential_headers(&variants),
        notes,
        variants: variants.into(),
    })
}

/// The headers that the key id and the signature are read from, and those that are held against the secret, through whatever
/// steps.
fn credential_headers(variants: &[Program]) -> Box<[HeaderName]> {
    let mut names = Vec::new();
    for program in variants {
        for template in program.key_id.iter().chain(&program.signature) {
            headers_of(template, program, &mut names);
        }
        for found in &program.matches {
            headers_in(&found.subject, program, &mut names);
        }
        for check in program.checks.iter().filter(|check| check.with_secret) {
            for side in &check.sides {
                headers_of(side, program, &mut names);
            }
        }
    }
    names.into()
}

fn headers_of(template: &Template, program: &Program, names: &mut Vec<HeaderName>) {
    for piece in &template.pieces {
        if let Piece::Slot(slot) = piece {
            headers_in(slot, program, names);
        }
    }
}

fn headers_in(slot: &Slot, program: &Program, names: &mut Vec<HeaderName>) {
    match &slot.source {
        program::Source::Header(name) => {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        program::Source::Let(at) => {
            if let Some(step) = program.lets.get(*at) {
                headers_of(&step.template, program, names);
            }
        }
        // A group's header is its subject's, which is asked for itself; all others are no headers.
        program::Source::Group(_)
        | program::Source::Field(_)
        | program::Source::Text(_)
        | program::Source::Method
        | program::Source::Scheme
        | program::Source::Host
        | program::Source::Hostname
        | program::Source::Port
        | program::Source::Path
        | program::Source::RawQuery
        | program::Source::Target
        | program::Source::Url
        | program::Source::Body
        | program::Source::Secret
        | program::Source::Query(_)
        | program::Source::Form(_)
        | program::Source::Json(_)
        | program::Source::List(_)
        | program::Source::Signature => {}
    }
    for inner in slot.filters.iter().flat_map(Filter::slots) {
        headers_in(inner, program, names);
    }
}

fn overlays(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Vec<(Place, Table)> {
    let Some(entry) = entry else { return Vec::new() };
    let Data::List(list) = entry.value.data else {
        let found = format!("`variants` is {}", entry.value.data.what());
        mistakes.add(entry.value.place, found, "write each as `[[dialect.NAME.variants]]`");
        return Vec::new();
    };
    if list.len() > MAX_VARIANTS {
        mistakes.add(entry.key_place, "too many variants", format!("at most {MAX_VARIANTS}"));
    }
    list.into_iter()
        .filter_map(|variant| match variant.data {
            Data::Table(table) => Some((variant.place, table)),
            other => {
                let found = format!("a variant is {}", other.what());
                mistakes.add(variant.place, found, "write each as `[[dialect.NAME.variants]]`");
                None
            }
        })
        .collect()
}

fn key_alone(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> bool {
    let Some(entry) = entry else { return false };
    match entry.value.data {
        Data::Truth(truth) => truth,
        other => {
            let found = format!("`key_alone` is {}", other.what());
            mistakes.add(entry.value.place, found, "`true` where the key id is itself a secret, or `false`");
            false
        }
    }
}

/// The guard, and where it stands.
fn replay(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> (Replay, Option<Place>) {
    const NAMES: [(&str, Replay); 4] = [
        ("none", Replay::None),
        ("window", Replay::Window),
        ("increasing", Replay::Increasing),
        ("nonce", Replay::Nonce),
    ];
    let Some(entry) = entry else { return (Replay::None, None) };
    let place = entry.value.place;
    if let Data::Text(text) = &entry.value.data
        && let Some((_, replay)) = NAMES.iter().find(|(name, _)| name == text)
    {
        return (*replay, Some(place));
    }
    let known = listed(&NAMES.map(|(name, _)| name.to_owned()));
    mistakes.add(place, "there is no such guard against replay", format!("one of {known}"));
    (Replay::None, Some(place))
}

/// A guard by the nonce wants one in every variant: without, each request would be refused.
fn guarded(replay: Replay, place: Place, variants: &[Program], mistakes: &mut Mistakes<'_>) {
    let by_nonce = match replay {
        Replay::Nonce | Replay::Increasing => true,
        Replay::Window | Replay::None => false,
    };
    if by_nonce && variants.iter().any(|program| program.nonce.is_none()) {
        mistakes.add(
            place,
            "this guard goes by the nonce, and there is no `nonce`",
            "say where it stands: `nonce = \"{header.X-Nonce}\"`; `replay = \"window\"` goes by the signature",
        );
    }
}

fn status(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Statuses {
    let mut statuses = Statuses::default();
    let Some(entry) = entry else { return statuses };
    let Data::Table(mut table) = entry.value.data else {
        let found = format!("`status` is {}", entry.value.data.what());
        mistakes.add(entry.value.place, found, "a table: `status.signature = 403`");
        return statuses;
    };
    for (name, refusal) in Refusal::NAMES {
        let Some(entry) = table.take(name) else { continue };
        if let Data::Number(status @ 400..=499) = entry.value.data {
            statuses.set(refusal, u16::try_from(status).unwrap_or(401));
        } else {
            mistakes.add(entry.value.place, "no status for a refusal", "a number from 400 to 499");
        }
    }
    unknown(&table, mistakes);
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_that_carry_credentials_are_found_behind_steps_and_alternatives() {
        let text = r#"
            [dialect.x]
            let.sent       = "{header.Authorization | split(',', '=')}"
            key_id         = "{sent.id}"
            signature      = "{header.Sig | or(header.Old-Sig)}"
            encoding       = "hex"
            string_to_sign = "{header.Date}"
            algorithm      = "hmac-sha256"
        "#;
        let dialects = Dialects::load(&[Source { origin: "x".into(), text: text.into() }]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        assert_eq!(recipe.credential_headers(), ["authorization", "sig", "old-sig"]);
    }

    fn source(text: &str) -> Source {
        Source { origin: "own.toml".into(), text: text.into() }
    }

    fn name(text: &str) -> DialectName {
        DialectName::parse(text).unwrap()
    }

    #[test]
    fn a_dialect_of_one_s_own_may_be_like_any_that_comes_with_the_crate() {
        let own = source("[dialect.mine]\nlike = 'okxus'\n[dialect.yours]\nlike = 'mine'\nwindow = '1m'");
        let dialects = Dialects::builtin_and(&[own]).unwrap();
        assert_eq!(dialects.folder(&name("mine")), None);
        assert_eq!(dialects.folder(&name("okxus")), Some("exchanges"));
        assert_eq!(dialects.iter().count(), dialects.names().len());
        assert_eq!(dialects.replaced().count(), 0);
    }

    #[test]
    fn a_dialect_of_one_s_own_stands_in_the_place_of_one_that_comes_with_the_crate() {
        let own = source("[dialect.stripe]\nlike = 'stripe'\nreplay = 'window'");
        let dialects = Dialects::builtin_and(&[own]).unwrap();
        assert_eq!(dialects.get(&name("stripe")).unwrap().replay(), Replay::Window);
        assert_eq!(Dialects::builtin().get(&name("stripe")).unwrap().replay(), Replay::None);
        assert_eq!(dialects.replaced().collect::<Vec<_>>(), [&name("stripe")]);
        assert_eq!(dialects.folder(&name("stripe")), None);
    }

    #[test]
    fn to_be_like_oneself_where_there_is_no_other_is_a_mistake() {
        let mistakes = Dialects::builtin_and(&[source("[dialect.mine]\nlike = 'mine'")]).unwrap_err();
        assert_eq!(mistakes[0].found, "there is no dialect `mine`");
    }
}
