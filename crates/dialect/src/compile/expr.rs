//! Templates compiled: names become places, filters get their arguments, kinds and costs are added up.

use http::HeaderName;
use regex::bytes::Regex;

use crate::compile::text::{Named, Text, text};
use crate::condition::{Condition, Test};
use crate::filter::{self, Filter, Misuse, Names};
use crate::json::{MAX_WANTED, Wanted};
use crate::mistake::{Mistakes, Place};
use crate::names::{closest, listed, nearest};
use crate::program::{Field, Kind, Let, ListSource, Match, Piece, Slot, Source, Template, Uses};
use crate::raw::Entry;
use crate::syntax::{self, ArgValue, Expr};

/// The most steps and groups that a dialect may name.
const MAX_NAMES: usize = 64;
/// How many times over a template may copy the request: the bound on what a request can cost.
const MAX_GROWTH: usize = 256;

/// Names of sources that hold one text.
const SOURCES: [(&str, Source); 11] = [
    ("method", Source::Method),
    ("scheme", Source::Scheme),
    ("host", Source::Host),
    ("hostname", Source::Hostname),
    ("port", Source::Port),
    ("path", Source::Path),
    ("rawquery", Source::RawQuery),
    ("target", Source::Target),
    ("url", Source::Url),
    ("body", Source::Body),
    ("secret", Source::Secret),
];

/// Names of sources that hold a list.
const LISTS: [(&str, ListSource); 6] = [
    ("headers", ListSource::Headers),
    ("query", ListSource::Query),
    ("rawpairs", ListSource::RawQuery),
    ("form", ListSource::Form),
    ("rawform", ListSource::RawForm),
    ("json", ListSource::Json),
];

/// Names that no step and no group may have, beside those of sources, lists and fields.
const RESERVED: [&str; 2] = ["header", "signature"];

/// For each named group of an expression its number there, and its place among all groups.
type Groups = Box<[(usize, usize)]>;

/// A compiled template, with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) template: Template,
    pub(super) kind: Kind,
    pub(super) uses: Uses,
    growth: usize,
}

impl Default for Made {
    fn default() -> Self {
        Self { template: Template::default(), kind: Kind::Text, uses: Uses::default(), growth: 1 }
    }
}

impl Made {
    /// `{secret}`.
    pub(super) fn secret() -> Self {
        let slot = Slot { source: Source::Secret, filters: Box::default() };
        let template = Template { pieces: Box::new([Piece::Slot(slot)]), is_list: false };
        Self { template, uses: Uses::SECRET, ..Self::default() }
    }
}

/// A slot, with what is known of it.
struct MadeSlot {
    slot: Slot,
    kind: Kind,
    uses: Uses,
    growth: usize,
    /// The filters that count more than once, and how often.
    counted: Vec<String>,
}

impl MadeSlot {
    fn new(source: Source, kind: Kind) -> Self {
        let uses = source.uses();
        let slot = Slot { source, filters: Box::default() };
        Self { slot, kind, uses, growth: 1, counted: Vec::new() }
    }
}

struct Step {
    written: Named,
    state: State,
    /// How many times other templates name it.
    named: usize,
}

enum State {
    Unseen,
    /// Being compiled: whoever asks for it now asks in a circle.
    Open,
    Done(Made),
}

pub(super) struct Compiler<'m, 's> {
    pub(super) mistakes: &'m mut Mistakes<'s>,
    /// Which fields the dialect has, in the order of [`Field::ALL`].
    fields: [bool; 4],
    steps: Vec<Step>,
    groups: Vec<String>,
    json: Wanted,
}

impl<'m, 's> Compiler<'m, 's> {
    pub(super) fn new(mistakes: &'m mut Mistakes<'s>, fields: [bool; 4], lets: Vec<Named>) -> Self {
        let steps =
            lets.into_iter().map(|written| Step { written, state: State::Unseen, named: 0 }).collect();
        Self { mistakes, fields, steps, groups: Vec::new(), json: Wanted::default() }
    }

    /// Compiles `match`, and what its subjects look at.
    pub(super) fn matches(&mut self, found: Vec<Named>) -> (Box<[Match]>, Uses) {
        // All groups first: a subject may be a step that names a group of another.
        let regexes: Vec<_> = found
            .into_iter()
            .filter_map(|found| {
                let regex = self.regex(&found.text)?;
                let groups = self.groups(&regex, found.text.place);
                Some((found, regex, groups))
            })
            .collect();
        self.subjects(regexes)
    }

    /// Compiles `when`, whose expressions name nothing.
    pub(super) fn conditions(&mut self, found: Vec<Named>) -> (Box<[Condition]>, Uses) {
        let regexes: Vec<_> = found
            .into_iter()
            .filter_map(|found| self.regex(&found.text).map(|regex| (found, regex, Groups::default())))
            .collect();
        let (matches, uses) = self.subjects(regexes);
        let condition = |found: Match| Condition {
            subject: found.subject,
            written: found.regex.as_str().into(),
            test: Test::new(found.regex),
        };
        (matches.into_iter().map(condition).collect(), uses)
    }

    fn subjects(&mut self, found: Vec<(Named, Regex, Groups)>) -> (Box<[Match]>, Uses) {
        let mut uses = Uses::default();
        let mut matches = Vec::new();
        for (Named { name, name_place, .. }, regex, groups) in found {
            match syntax::expr(&name) {
                Ok(expr) => {
                    let Some(made) = self.slot(&expr, name_place) else { continue };
                    uses = uses.with(made.uses);
                    matches.push(Match { subject: made.slot, regex, groups });
                }
                Err(slip) => self.mistakes.add(name_place, slip.found, slip.would_do),
            }
        }
        (matches.into(), uses)
    }

    fn regex(&mut self, text: &Text) -> Option<Regex> {
        let built = filter::regex(&text.text);
        if let Err(why) = &built {
            self.mistakes.add(
                text.place,
                format!("this regular expression cannot be used: {why}"),
                "see https://docs.rs/regex/#syntax; what cannot run in linear time is not there",
            );
        }
        built.ok()
    }

    /// Gives the named groups of an expression their places.
    fn groups(&mut self, regex: &Regex, place: Place) -> Groups {
        let mut groups = Vec::new();
        for (number, group) in regex.capture_names().enumerate() {
            let Some(group) = group else { continue };
            if built_in(group) || self.groups.iter().any(|known| known == group) {
                self.mistakes.add(
                    place,
                    format!("the group `{group}` has a name that means something else already"),
                    "give it another name",
                );
            }
            groups.push((number, self.groups.len()));
            self.groups.push(group.to_owned());
        }
        groups.into()
    }

    /// Compiles all steps.
    pub(super) fn steps(&mut self) {
        let names: Vec<(String, Place)> =
            self.steps.iter().map(|step| (step.written.name.clone(), step.written.name_place)).collect();
        for (name, place) in &names {
            if built_in(name) || self.groups.contains(name) {
                let found = format!("`{name}` means something else already");
                self.mistakes.add(*place, found, "give this step another name");
            }
        }
        if let Some((_, place)) = names.get(MAX_NAMES.saturating_sub(self.groups.len())) {
            self.mistakes.add(*place, "too many names", format!("at most {MAX_NAMES} steps and groups"));
        }
        for at in 0..names.len().min(MAX_NAMES) {
            self.step(at);
        }
    }

    /// Compiles a step, unless that has been done. `None` where it asks for itself.
    fn step(&mut self, at: usize) -> Option<Made> {
        let step = self.steps.get_mut(at)?;
        match &step.state {
            State::Done(made) => return Some(made.clone()),
            State::Open => return None,
            State::Unseen => step.state = State::Open,
        }
        let text = step.written.text.clone();
        let made = self.template(&text);
        if let Some(step) = self.steps.get_mut(at) {
            step.state = State::Done(made.clone());
        }
        Some(made)
    }

    /// Compiles a field of what a request presents: read from the request alone.
    pub(super) fn presented(&mut self, text: &Text) -> Made {
        let made = self.text(text);
        self.without_secret(text, made)
    }

    /// Compiles a signature, which may be a list of which any may match.
    pub(super) fn signature(&mut self, text: &Text) -> Made {
        let made = self.template(text);
        self.without_secret(text, made)
    }

    fn without_secret(&mut self, text: &Text, made: Made) -> Made {
        if made.uses.has(Uses::SECRET) {
            self.mistakes.add(
                text.place,
                "the secret has no place in what a request presents",
                "read it from the request alone",
            );
        }
        self.no_signature(text.place, &made);
        if made.uses.has(Uses::FIELD) {
            self.mistakes.add(
                text.place,
                "one field is read from another",
                "read each from the request; name a common step with `let`",
            );
        }
        made
    }

    /// Compiles an entry whose value must be text, and goes into the signature.
    pub(super) fn own(&mut self, entry: Entry) -> Made {
        let Some(text) = text(entry, self.mistakes) else { return Made::default() };
        let made = self.text(&text);
        self.no_signature(text.place, &made);
        made
    }

    /// A signature cannot go into what it is made of; it is there to be written.
    fn no_signature(&mut self, place: Place, made: &Made) {
        if made.uses.has(Uses::SIGNATURE) {
            self.mistakes.add(
                place,
                "`signature` is not known here",
                "it is there for `sign`, which says how a client writes it",
            );
        }
    }

    /// Compiles a text that is no list.
    pub(super) fn text(&mut self, text: &Text) -> Made {
        let made = self.template(text);
        if made.kind == Kind::List {
            self.mistakes.add(
                text.place,
                "this is a list, and a text belongs here",
                "take one value of it with `.name`, or write it out with `render`",
            );
        }
        made
    }

    fn template(&mut self, text: &Text) -> Made {
        let written = match syntax::template(&text.text) {
            Ok(written) => written,
            Err(slip) => {
                self.mistakes.add_within(text.place, slip.at, slip.found, slip.would_do);
                return Made::default();
            }
        };
        let alone = written.0.len() == 1;
        let mut made = Made { growth: 0, ..Made::default() };
        let mut pieces = Vec::new();
        let mut counted = Vec::new();
        for piece in &written.0 {
            match piece {
                syntax::Piece::Text(text) => {
                    made.growth = made.growth.saturating_add(1);
                    pieces.push(Piece::Text(text.as_bytes().into()));
                }
                syntax::Piece::Expr(expr) => {
                    let Some(slot) = self.slot(expr, text.place) else { continue };
                    if slot.kind == Kind::List && alone {
                        made.kind = Kind::List;
                    } else if slot.kind == Kind::List {
                        self.mistakes.add_within(
                            text.place,
                            expr.at,
                            "a list inside a text",
                            "write it out with `render`, such as `render('=', '&')`",
                        );
                    }
                    made.growth = made.growth.saturating_add(slot.growth);
                    made.uses = made.uses.with(slot.uses);
                    counted.extend(slot.counted);
                    pieces.push(Piece::Slot(slot.slot));
                }
            }
        }
        if made.growth > MAX_GROWTH {
            self.mistakes.add(
                text.place,
                format!("this can copy the request {} times over", made.growth),
                if counted.is_empty() {
                    format!("at most {MAX_GROWTH} times")
                } else {
                    format!("at most {MAX_GROWTH} times; here it grows by {}", counted.join(", "))
                },
            );
        }
        made.template = Template { pieces: pieces.into(), is_list: made.kind == Kind::List };
        made
    }

    /// Compiles a place of the request to write to, such as `header.Authorization`.
    pub(super) fn place(&mut self, name: &str, place: Place) -> Option<Slot> {
        match syntax::expr(name) {
            Ok(expr) => self.slot(&expr, place).map(|made| made.slot),
            Err(slip) => {
                self.mistakes.add(place, slip.found, slip.would_do);
                None
            }
        }
    }

    fn slot(&mut self, expr: &Expr, place: Place) -> Option<MadeSlot> {
        let mut made = self.source(expr, place)?;
        let mut filters = std::mem::take(&mut made.slot.filters).into_vec();
        for written in &expr.filters {
            let mut args = Vec::new();
            for arg in &written.args {
                args.push(match &arg.value {
                    ArgValue::Text(text) => filter::Arg::Text(text.clone()),
                    ArgValue::Number(number) => filter::Arg::Number(*number),
                    ArgValue::Expr(expr) => {
                        let arg = self.slot(expr, place)?;
                        made.growth = made.growth.saturating_add(arg.growth);
                        made.counted.extend(arg.counted);
                        // What stands in for something else is not there where that is.
                        let stands_in = matches!(written.name.as_str(), "or" | "then" | "unless");
                        made.uses = made.uses.with(if stands_in { arg.uses.in_part() } else { arg.uses });
                        filter::Arg::Slot(arg.slot, arg.kind)
                    }
                });
            }
            match Filter::named(&written.name, &args, made.kind) {
                Ok((filter, out)) => {
                    if filter.leaves_a_part() {
                        made.uses = made.uses.in_part();
                    }
                    let growth = filter.growth();
                    made.growth = made.growth.saturating_mul(growth);
                    if growth > 1 {
                        made.counted.push(format!("`{}` ({growth})", written.name));
                    }
                    made.kind = out;
                    filters.push(filter);
                }
                Err(misuse) => {
                    let (found, would_do) = misused(&written.name, &misuse);
                    self.mistakes.add_within(place, written.at, found, would_do);
                    return None;
                }
            }
        }
        made.slot.filters = filters.into();
        Some(made)
    }

    fn source(&mut self, expr: &Expr, place: Place) -> Option<MadeSlot> {
        let (name, member) = match &expr.source {
            syntax::Source::Text(text) => {
                return Some(MadeSlot::new(Source::Text(text.as_bytes().into()), Kind::Text));
            }
            syntax::Source::Name { name, member } => (name.as_str(), member.as_deref()),
        };
        if name == "header" {
            return self.header(member, expr, place);
        }
        if name == "secret" && member.is_some() {
            return self.list(ListSource::Secret, member, expr, place);
        }
        if let Some((_, list)) = LISTS.iter().find(|(known, _)| *known == name) {
            return self.list(*list, member, expr, place);
        }
        if let Some(at) = self.steps.iter().position(|step| step.written.name == name) {
            return self.named_step(at, member, expr, place);
        }
        let source = SOURCES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, source)| source.clone())
            .or_else(|| self.groups.iter().position(|group| group == name).map(Source::Group))
            .or_else(|| self.field(name).map(Source::Field));
        let source = source.or_else(|| (name == "signature").then_some(Source::Signature));
        let Some(source) = source else {
            self.no_such_name(name, expr, place);
            return None;
        };
        if member.is_some() {
            self.mistakes.add_within(
                place,
                expr.at,
                format!("`{name}` is a text and has no members"),
                format!("members are named of {}", listed(&LISTS.map(|(name, _)| name.to_owned()))),
            );
            return None;
        }
        Some(MadeSlot::new(source, Kind::Text))
    }

    fn header(&mut self, member: Option<&str>, expr: &Expr, place: Place) -> Option<MadeSlot> {
        let name = member.and_then(|member| HeaderName::from_bytes(member.as_bytes()).ok());
        if name.is_none() {
            let found = match member {
                Some(member) => format!("`{member}` cannot be the name of a header"),
                None => "`header` without a name".to_owned(),
            };
            self.mistakes.add_within(place, expr.at, found, "name one, as in `header.X-Api-Key`");
        }
        Some(MadeSlot::new(Source::Header(name?), Kind::Text))
    }

    /// The field of that name, where the dialect has it.
    fn field(&self, name: &str) -> Option<Field> {
        let all = Field::ALL.into_iter().zip(self.fields);
        all.filter(|(_, there)| *there).map(|(field, _)| field).find(|field| field.name() == name)
    }

    fn no_such_name(&mut self, name: &str, expr: &Expr, place: Place) {
        let found = format!("there is no `{name}`");
        if Field::ALL.iter().any(|field| field.name() == name) {
            let would_do = format!("say where it stands: `{name} = \"{{header.X-Example}}\"`");
            self.mistakes.add_within(place, expr.at, found, would_do);
            return;
        }
        let mut known: Vec<String> = SOURCES
            .iter()
            .map(|(name, _)| *name)
            .chain(LISTS.iter().map(|(name, _)| *name))
            .chain(["header"])
            .chain(Field::ALL.iter().map(|field| field.name()).filter(|name| self.field(name).is_some()))
            .chain(self.steps.iter().map(|step| step.written.name.as_str()))
            .chain(self.groups.iter().map(String::as_str))
            .map(str::to_owned)
            .collect();
        known.sort();
        let would_do = match closest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", listed(&known)),
        };
        self.mistakes.add_within(place, expr.at, found, would_do);
    }

    fn list(
        &mut self,
        list: ListSource,
        member: Option<&str>,
        expr: &Expr,
        place: Place,
    ) -> Option<MadeSlot> {
        let Some(member) = member else { return Some(MadeSlot::new(Source::List(list), Kind::List)) };
        let source = match list {
            ListSource::Query => Source::Query(member.into()),
            ListSource::Form => Source::Form(member.into()),
            ListSource::Json => {
                let leaf = self.json.add(member);
                if leaf.is_none() {
                    let found = "too many members of the JSON body";
                    let would_do = format!("at most {MAX_WANTED} in one dialect");
                    self.mistakes.add_within(place, expr.at, found, would_do);
                }
                Source::Json(leaf?)
            }
            ListSource::Secret => {
                // A part of the secret that is not there is no empty part: with it, anybody could sign.
                let part = Names::Fixed(Box::new([member.as_bytes().into()]));
                let mut made = MadeSlot::new(Source::List(list), Kind::Text);
                made.slot.filters = Box::new([Filter::Pick(part), Filter::At(member.as_bytes().into())]);
                return Some(made);
            }
            ListSource::Headers | ListSource::RawQuery | ListSource::RawForm => {
                let mut made = MadeSlot::new(Source::List(list), Kind::Text);
                made.slot.filters = Box::new([Filter::At(member.as_bytes().into())]);
                return Some(made);
            }
        };
        Some(MadeSlot::new(source, Kind::Text))
    }

    fn named_step(&mut self, at: usize, member: Option<&str>, expr: &Expr, place: Place) -> Option<MadeSlot> {
        let Some(step) = self.step(at) else {
            self.mistakes.add_within(
                place,
                expr.at,
                "a step is made of itself",
                "steps may use each other in any order, but not in a circle",
            );
            return None;
        };
        // A step that only renames a list of the request is that list: its members are found in place.
        if let [Piece::Slot(Slot { source: Source::List(list), filters })] = &*step.template.pieces
            && filters.is_empty()
        {
            return self.list(*list, member, expr, place);
        }
        let (filters, kind): (Box<[Filter]>, Kind) = match (member, step.kind) {
            (None, kind) => (Box::default(), kind),
            (Some(member), Kind::List) => (Box::new([Filter::At(member.as_bytes().into())]), Kind::Text),
            (Some(_), Kind::Text) => {
                self.mistakes.add_within(place, expr.at, "a text has no members", "only lists do");
                return None;
            }
        };
        if let Some(step) = self.steps.get_mut(at) {
            step.named += 1;
        }
        let slot = Slot { source: Source::Let(at), filters };
        Some(MadeSlot { slot, kind, uses: step.uses, growth: step.growth, counted: Vec::new() })
    }

    /// What was gathered on the way: steps, how many groups there are, and members of the JSON body.
    pub(super) fn finish(self) -> (Box<[Let]>, usize, Wanted) {
        let lets = self.steps.into_iter().map(|Step { written, state, named }| {
            let name = written.name.into();
            match state {
                State::Done(made) => Let { name, template: made.template, shared: named > 1 },
                State::Unseen | State::Open => Let { name, template: Template::default(), shared: false },
            }
        });
        (lets.collect(), self.groups.len(), self.json)
    }
}

fn built_in(name: &str) -> bool {
    SOURCES.iter().any(|(known, _)| *known == name)
        || LISTS.iter().any(|(known, _)| *known == name)
        || Field::ALL.iter().any(|field| field.name() == name)
        || RESERVED.contains(&name)
}

fn misused(name: &str, misuse: &Misuse) -> (String, String) {
    match misuse {
        Misuse::Unknown => {
            let known: Vec<String> = filter::names().collect();
            let would_do = match closest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("the nearest are {}; docs/dialects.md has all", listed(&nearest(name, &known)))
                }
            };
            (format!("there is no filter `{name}`"), would_do)
        }
        Misuse::Arguments(what) => (format!("`{name}` takes other arguments"), format!("it takes: {what}")),
        Misuse::WrongKind(Kind::List) => (
            format!("`{name}` works on lists"),
            "put it after a list such as `query` or `headers`".to_owned(),
        ),
        Misuse::WrongKind(Kind::Text) => (
            format!("`{name}` works on texts"),
            "take one value, or write the list out with `render`".to_owned(),
        ),
    }
}
