//! From a dialect's table to a program: every name looked up, every type and count of arguments checked.

mod expr;
mod settings;
pub(crate) mod text;

use self::expr::{Compiler, Made};
use self::settings::{WrittenAlgorithms, WrittenLimits};
use self::text::{Named, Text, entries, pairs, signatures, text, unknown};
use crate::algorithm::Algorithm;
use crate::mistake::{Mistakes, Place};
use crate::plan::plan;
use crate::program::{Algorithms, Check, Field, Limits, NamedAlgorithm, Program, Template, Uses, Written};
use crate::raw::{Entry, Table};

/// Compiles one variant of a dialect. Mistakes are noted; `None` where there was one.
pub(crate) fn compile(mut table: Table, place: Place, mistakes: &mut Mistakes<'_>) -> Option<Program> {
    let before = mistakes.count();
    let fields = Field::ALL.map(|field| table.take(field.name()).and_then(|entry| text(entry, mistakes)));
    let signature = signatures(table.take("signature"), place, mistakes);
    let algorithms = settings::algorithms(table.take("algorithm"), place, mistakes);
    let encoding = settings::encoding(table.take("encoding"), place, mistakes);
    let time = settings::time_format(table.take("time"), mistakes);
    let told = mistakes.count();
    let limits = settings::limits(table.take("window"), mistakes);
    let limits_are_read = mistakes.count() == told;
    let when = entries(table.take("when"), mistakes);
    let matches = entries(table.take("match"), mistakes);
    let lets = entries(table.take("let"), mistakes);
    let checks = pairs(table.take("checks"), mistakes);
    let sign = entries(table.take("sign"), mistakes);
    let string_to_sign = table.take("string_to_sign");
    let key = table.take("key");
    unknown(&table, mistakes);

    let mut compiler = Compiler::new(mistakes, fields.each_ref().map(Option::is_some), lets);
    let (when, asked) = compiler.conditions(when);
    let (matches, looked_at) = compiler.matches(matches);
    compiler.steps();
    let mut read = asked.with(looked_at);
    let mut field = |compiler: &mut Compiler<'_, '_>, text: Option<&Text>| {
        let made = compiler.presented(text?);
        read = read.with(made.uses);
        Some(made.template)
    };
    let [key_id, timestamp, nonce, expires] =
        fields.each_ref().map(|text| field(&mut compiler, text.as_ref()));
    if limits_are_read {
        check_limits(&limits, timestamp.is_some(), expires.is_some(), place, compiler.mistakes);
    }
    let limits = Limits {
        past: limits.past,
        named_past: field(&mut compiler, limits.named_past.as_ref()),
        future: limits.future,
        most: limits.most,
    };
    let signature: Vec<Template> = signature
        .iter()
        .map(|text| {
            let made = compiler.signature(text);
            read = read.with(made.uses);
            made.template
        })
        .collect();
    let key = key.map_or_else(Made::secret, |entry| compiler.own(entry));
    let string_to_sign = required(&mut compiler, string_to_sign, "string_to_sign", place);
    let (algorithms, choice) = chosen(algorithms, &mut compiler);
    let mut signed = key.uses.with(string_to_sign.uses).with(choice);
    let mut checked = Uses::default();
    let checks = checks
        .into_iter()
        .map(|(name, left, right)| {
            let made = [&left, &right].map(|side| compiler.text(side));
            let uses = made.iter().fold(Uses::default(), |uses, side| uses.with(side.uses));
            checked = checked.with(uses);
            Check {
                name: name.into(),
                sides: made.map(|side| side.template),
                with_secret: uses.has(Uses::SECRET),
            }
        })
        .collect();
    signed = signed.with(checked);
    let sign = signing(&mut compiler, sign);
    let (lets, groups, json) = compiler.finish();

    let key_is_fixed = !key.uses.has(Uses::REQUEST);
    sound(&algorithms, key_is_fixed, string_to_sign.uses, place, mistakes);
    let mut program = Program {
        when,
        key_id,
        timestamp,
        nonce,
        expires,
        signature,
        time,
        limits,
        encoding,
        algorithms,
        key_is_fixed,
        read,
        signed,
        key: key.template,
        secret_is_signed: string_to_sign.uses.has(Uses::SECRET),
        checks_secret: checked.has(Uses::SECRET),
        string_to_sign: string_to_sign.template,
        checks,
        sign,
        groups,
        json,
        matches,
        lets,
        plan: None,
    };
    if mistakes.count() > before {
        return None;
    }
    program.plan = plan(&program);
    Some(program)
}

fn required(compiler: &mut Compiler<'_, '_>, entry: Option<Entry>, key: &str, place: Place) -> Made {
    if let Some(entry) = entry {
        return compiler.own(entry);
    }
    compiler.mistakes.add(place, format!("`{key}` is missing"), format!("add `{key} = \"...\"`"));
    Made::default()
}

/// Compiles where the request names its algorithm, and what that looks at.
fn chosen(written: WrittenAlgorithms, compiler: &mut Compiler<'_, '_>) -> (Algorithms, Uses) {
    let WrittenAlgorithms { list, named } = written;
    let mut uses = Uses::default();
    let named = named.map(|named| {
        let made = compiler.text(&named.from);
        uses = made.uses;
        NamedAlgorithm { from: made.template, names: named.names.into(), default: named.default }
    });
    (Algorithms { list: list.into(), named }, uses)
}

/// Compiles what a client writes, and where.
fn signing(compiler: &mut Compiler<'_, '_>, written: Vec<Named>) -> Box<[Written]> {
    let places = written.into_iter().filter_map(|Named { name, name_place, text }| {
        let slot = compiler.place(&name, name_place)?;
        let made = compiler.text(&text);
        let with_signature = made.uses.has(Uses::SIGNATURE);
        Some(Written { slot, text: made.template, with_signature })
    });
    places.collect()
}

/// What cannot be right about an algorithm, its key and what is signed.
fn sound(
    algorithms: &Algorithms,
    key_is_fixed: bool,
    signed: Uses,
    place: Place,
    mistakes: &mut Mistakes<'_>,
) {
    for algorithm in &algorithms.list {
        match algorithm {
            Algorithm::Hash(_) | Algorithm::Plain if !signed.has(Uses::SECRET) => mistakes.add(
                place,
                "a plain hash with no secret in what is hashed: anybody could make it",
                "put `{secret}` into `string_to_sign`, or use an hmac algorithm",
            ),
            Algorithm::Public(_) if !key_is_fixed => mistakes.add(
                place,
                "the public key is made from the request",
                "a public key comes from the credential alone: `key = \"{secret}\"`",
            ),
            Algorithm::Hash(_) | Algorithm::Plain | Algorithm::Public(_) | Algorithm::Hmac(_) => {}
        }
    }
}

/// Checks that times and limits belong together.
fn check_limits(
    limits: &WrittenLimits,
    timestamp: bool,
    expires: bool,
    place: Place,
    mistakes: &mut Mistakes<'_>,
) {
    let past = limits.past.is_some() || limits.named_past.is_some();
    let place = limits.place.unwrap_or(place);
    if timestamp && !(past && limits.future.is_some()) {
        mistakes.add(
            place,
            "there is a timestamp and no `window` with `past` and `future`: any age would do",
            "say how old it may be: `window = { past = \"300s\", future = \"300s\" }`",
        );
    }
    if !timestamp && (past || limits.future.is_some()) {
        mistakes.add(
            place,
            "there is a `window` and no timestamp to hold against it",
            "say where it stands: `timestamp = \"{header.X-Timestamp}\"`",
        );
    }
    if limits.named_past.is_some() && limits.most.is_none() {
        mistakes.add(
            place,
            "the request names its own window, and nothing limits it",
            "add `most`: `window = { past = \"{query.expires}s\", most = \"1h\", future = \"300s\" }`",
        );
    }
    if limits.most.is_some() && limits.named_past.is_none() && !expires {
        mistakes.add(place, "`most` limits what the request names, and it names nothing", "take `most` out");
    }
}
