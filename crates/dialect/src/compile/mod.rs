//! From a dialect's table to a program: every name looked up, every type and count of arguments checked.

mod expr;
mod settings;
pub(crate) mod text;

use self::expr::{Compiler, Made};
use self::text::{entries, signatures, text, unknown};
use crate::mistake::{Mistakes, Place};
use crate::program::{Algorithm, Field, Program, Template, Uses};
use crate::raw::{Entry, Table};
use crate::time::Window;

/// Compiles one variant of a dialect. Mistakes are noted; `None` where there was one.
pub(crate) fn compile(mut table: Table, place: Place, mistakes: &mut Mistakes<'_>) -> Option<Program> {
    let before = mistakes.count();
    let fields = Field::ALL.map(|field| table.take(field.name()).and_then(|entry| text(entry, mistakes)));
    let signature = signatures(table.take("signature"), place, mistakes);
    let algorithm = settings::algorithm(table.take("algorithm"), place, mistakes);
    let encoding = settings::encoding(table.take("encoding"), place, mistakes);
    let time = settings::time_format(table.take("time"), mistakes);
    let window = settings::window(table.take("window"), mistakes);
    let when = entries(table.take("when"), mistakes);
    let matches = entries(table.take("match"), mistakes);
    let lets = entries(table.take("let"), mistakes);
    let string_to_sign = table.take("string_to_sign");
    let key = table.take("key");
    unknown(&table, mistakes);

    let mut compiler = Compiler::new(mistakes, fields.each_ref().map(Option::is_some), lets);
    let (when, asked) = compiler.conditions(when);
    let (matches, looked_at) = compiler.matches(matches);
    compiler.steps();
    let mut read = asked.with(looked_at);
    let mut field = |text: Option<&text::Text>| {
        let made = compiler.presented(text?);
        read = read.with(made.uses);
        Some(made.template)
    };
    let [key_id, timestamp, nonce, expires] = fields.each_ref().map(|text| field(text.as_ref()));
    let signature: Vec<Template> = signature.iter().filter_map(|text| field(Some(text))).collect();
    let key = key.map_or_else(Made::secret, |entry| compiler.own(entry));
    let string_to_sign = required(&mut compiler, string_to_sign, "string_to_sign", place);
    let (lets, groups, json) = compiler.finish();

    if let Some(Algorithm::Hash(_)) = algorithm
        && !string_to_sign.uses.has(Uses::SECRET)
    {
        mistakes.add(
            place,
            "a plain hash with no secret in what is hashed: anybody could make it",
            "put `{secret}` into `string_to_sign`, or use an hmac algorithm",
        );
    }
    timestamp_and_window(timestamp.as_ref(), window.as_ref(), place, mistakes);
    let program = Program {
        when,
        key_id,
        timestamp,
        nonce,
        expires,
        signature,
        time,
        window,
        encoding,
        algorithm: algorithm?,
        key_is_fixed: !key.uses.has(Uses::REQUEST),
        read,
        signed: key.uses.with(string_to_sign.uses),
        key: key.template,
        string_to_sign: string_to_sign.template,
        groups,
        json,
        matches,
        lets,
    };
    (mistakes.count() == before).then_some(program)
}

fn required(compiler: &mut Compiler<'_, '_>, entry: Option<Entry>, key: &str, place: Place) -> Made {
    if let Some(entry) = entry {
        return compiler.own(entry);
    }
    compiler.mistakes.add(place, format!("`{key}` is missing"), format!("add `{key} = \"...\"`"));
    Made::default()
}

fn timestamp_and_window(
    timestamp: Option<&Template>,
    window: Option<&Window>,
    place: Place,
    mistakes: &mut Mistakes<'_>,
) {
    match (timestamp, window) {
        (Some(_), None) => mistakes.add(
            place,
            "there is a timestamp and no `window`: any age would do",
            "say how old it may be: `window = { past = \"300s\", future = \"300s\" }`",
        ),
        (None, Some(_)) => mistakes.add(
            place,
            "there is a `window` and no timestamp to hold against it",
            "say where it stands: `timestamp = \"{header.X-Timestamp}\"`",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
}
