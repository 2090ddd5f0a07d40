//! Compiled templates, written as a dialect file writes them.

use crate::filter::{Filter, Names, SortBy};
use crate::json::{Order, Spacing};
use crate::program::{Field, ListSource, Piece, Program, Slot, Source, Template};

/// A slot as it stands between braces.
pub(crate) fn slot(program: &Program, slot: &Slot) -> String {
    let mut told = source(program, &slot.source);
    let mut filters = slot.filters.iter();
    // A member of a step that is a list is written with a dot.
    if let (Source::Let(_) | Source::List(_), Some(Filter::At(name))) = (&slot.source, slot.filters.first()) {
        told = format!("{told}.{}", String::from_utf8_lossy(name));
        filters.next();
    }
    for one in filters {
        told = format!("{told} | {}", filter(program, one));
    }
    told
}

/// A template as it stands between quotes, line ends written out.
pub(crate) fn template(program: &Program, template: &Template) -> String {
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => visible(text).replace('{', "{{").replace('}', "}}"),
        Piece::Slot(one) => format!("{{{}}}", slot(program, one)),
    });
    pieces.collect()
}

fn source(program: &Program, source: &Source) -> String {
    let fixed = match source {
        Source::Text(text) => return quoted(text),
        Source::Header(name) => return format!("header.{name}"),
        Source::Query(name) => return format!("query.{name}"),
        Source::Form(name) => return format!("form.{name}"),
        Source::Json(leaf) => return format!("json.{}", program.json.path_of(*leaf)),
        Source::Group(at) => return group(program, *at).unwrap_or("a group").to_owned(),
        Source::Let(at) => program.lets.get(*at).map_or("a step", |step| &step.name),
        Source::Field(field) => field.name(),
        Source::Method => "method",
        Source::Scheme => "scheme",
        Source::Host => "host",
        Source::Hostname => "hostname",
        Source::Port => "port",
        Source::Path => "path",
        Source::RawQuery => "rawquery",
        Source::Target => "target",
        Source::Url => "url",
        Source::Body => "body",
        Source::Secret | Source::List(ListSource::Secret) => "secret",
        Source::List(ListSource::Headers) => "headers",
        Source::List(ListSource::Query) => "query",
        Source::List(ListSource::RawQuery) => "rawpairs",
        Source::List(ListSource::Form) => "form",
        Source::List(ListSource::RawForm) => "rawform",
        Source::List(ListSource::Json) => "json",
        Source::Signature => "signature",
    };
    fixed.to_owned()
}

/// The name of a group of `match`.
fn group(program: &Program, at: usize) -> Option<&str> {
    program.matches.iter().find_map(|found| {
        let (number, _) = found.groups.iter().find(|(_, group)| *group == at)?;
        found.regex.capture_names().nth(*number).flatten()
    })
}

/// The text that a field is read from.
pub(crate) fn field(program: &Program, field: Field) -> Option<String> {
    program.field(field).map(|read| match &*read.pieces {
        [Piece::Slot(one)] => slot(program, one),
        _ => template(program, read),
    })
}

fn quoted(text: &[u8]) -> String {
    format!("'{}'", visible(text).replace('\'', "''"))
}

/// Line ends and other control signs as escapes, all else as it is.
fn visible(text: &[u8]) -> String {
    let mut told = String::new();
    for c in String::from_utf8_lossy(text).chars() {
        if c.is_control() {
            told.extend(c.escape_debug());
        } else {
            told.push(c);
        }
    }
    told
}

fn filter(program: &Program, filter: &Filter) -> String {
    let text = |name: &str, text: &[u8]| format!("{name}({})", quoted(text));
    let texts = |name: &str, one: &[u8], two: &[u8]| format!("{name}({}, {})", quoted(one), quoted(two));
    let value = |name: &str, one: &Slot| format!("{name}({})", slot(program, one));
    let names = |name: &str, names: &Names| match names {
        Names::Listed(listed) => value(name, listed),
        Names::Fixed(names) => {
            let names: Vec<String> = names.iter().map(|one| quoted(one)).collect();
            format!("{name}({})", names.join(", "))
        }
    };
    let fixed = match filter {
        Filter::Hash(hash) => hash.name(),
        Filter::Hmac(hash, key) => return value(&format!("hmac-{}", hash.name()), key),
        Filter::Chain(hash, parts) => {
            let parts: Vec<String> = parts.iter().map(|part| slot(program, part)).collect();
            return format!("chain-{}({})", hash.name(), parts.join(", "));
        }
        Filter::Encode(codec) => codec.name(),
        Filter::Decode(codec) => return format!("un{}", codec.name()),
        Filter::Escape { safe, plus } => return text(if *plus { "enc-form" } else { "enc" }, safe),
        Filter::Unescape { plus } => {
            if *plus {
                "dec-form"
            } else {
                "dec"
            }
        }
        Filter::LowerEscapes => "lower-escapes",
        Filter::NormPath => "normpath",
        Filter::Lower => "lower",
        Filter::Upper => "upper",
        Filter::Trim => "trim",
        Filter::Squeeze => "squeeze",
        Filter::Slice(from, i64::MAX) => return format!("slice({from})"),
        Filter::Slice(from, to) => return format!("slice({from}, {to})"),
        Filter::Replace(regex, with) => return texts("replace", regex.as_str().as_bytes(), with),
        Filter::Capture(regex) => return text("capture", regex.as_str().as_bytes()),
        Filter::Prefix(front) => return text("prefix", front),
        Filter::Suffix(end) => return text("suffix", end),
        Filter::Length => "length",
        Filter::Quote => "quote",
        Filter::Date(from, to) => return texts("date", from.name().as_bytes(), to.name().as_bytes()),
        Filter::Or(other) => return value("or", other),
        Filter::Then(other) => return value("then", other),
        Filter::Unless(other) => return value("unless", other),
        Filter::Split(separator, None) => return text("split", separator),
        Filter::Split(separator, Some(inner)) => return texts("split", separator, inner),
        Filter::Json => "json",
        Filter::Flat(front, end) if end.is_empty() => return text("flat", front.as_bytes()),
        Filter::Flat(front, end) => return texts("flat", front.as_bytes(), end.as_bytes()),
        Filter::Xml => "xml",
        Filter::Tidy(Order::AsSent, Spacing::Compact) => "tidy('compact')",
        Filter::Tidy(Order::AsSent, Spacing::Spaced) => "tidy('spaced')",
        Filter::Tidy(Order::Sorted, Spacing::Compact) => "tidy('compact', 'sorted')",
        Filter::Tidy(Order::Sorted, Spacing::Spaced) => "tidy('spaced', 'sorted')",
        Filter::Unbase58 => "unbase58",
        Filter::Crc32 => "crc32",
        Filter::Pairs => "pairs",
        Filter::Drop(which) => return names("drop", which),
        Filter::Keep(which) => return names("keep", which),
        Filter::Pick(which) => return names("pick", which),
        Filter::DropEmpty => "dropempty",
        Filter::Sort(SortBy::Pair) => "sort",
        Filter::Sort(SortBy::Name) => "sort('name')",
        Filter::Sort(SortBy::Nocase) => "sort('nocase')",
        Filter::Sort(SortBy::Value) => "sort('value')",
        Filter::Unique => "unique",
        Filter::Join(separator) => return text("join", separator),
        Filter::Plus(other) => return value("plus", other),
        Filter::Add(name, other) => return format!("add({}, {})", quoted(name), slot(program, other)),
        Filter::Label(front, end) => return texts("label", front, end),
        Filter::LowerNames => "lower-names",
        Filter::All(name) => return text("all", name),
        Filter::At(name) => return text("at", name),
        Filter::Nth(at) => return format!("at({at})"),
        Filter::Render(between, separator) => return texts("render", between, separator),
        Filter::Values(separator) => return text("values", separator),
        Filter::NamesOf(separator) => return text("names", separator),
        Filter::Line(between) => return text("line", between),
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::{Dialects, Source};

    #[test]
    fn what_is_told_of_a_template_is_what_the_file_says() {
        for text in [
            "{method}\\n{path}{{x}}",
            "{header.x-one | or(header.x-two) | lower}.{json.a.b}",
            "{sent.t}{sent | all('v1') | values(',')}",
            "{rawpairs | drop('a', 'b*') | sort('name') | render('=', '&')}",
            "{body | sha256 | hex | slice(0, 8)}{body | hmac-sha256(secret) | unbase64url}",
            "{timestamp | date('unix', 'iso')}{'a''b'}{path | replace('^/a', '') | split('/') | at(-1)}",
            "{method | chain-sha256(path, 'x')}{form.q}{query.q}{id}{headers | pick(id) | names(';')}",
        ] {
            let file = format!(
                "[dialect.x]\ntimestamp = \"{{header.t}}\"\nwindow = \"1s\"\nsignature = \"{{header.sig}}\"\nencoding = \"hex\"\n\
                 algorithm = \"hmac-sha256\"\nstring_to_sign = \"{text}\"\nlet.sent = \"{{header.s | split(',', '=')}}\"\n\
                 match.\"header.a\" = '^(?P<id>.*)$'"
            );
            let dialects = Dialects::load(&[Source { origin: "x".into(), text: file }]).unwrap();
            let recipe = dialects.iter().next().unwrap();
            let program = recipe.variants.last().unwrap();
            assert_eq!(super::template(program, &program.string_to_sign), text);
        }
    }
}
