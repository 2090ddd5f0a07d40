//! A file that lists credentials: CSV, or one JSON object a line.

use std::collections::BTreeMap;

use countersign_manage::{Expiry, Foreign, ForeignSecret, Import, ImportLine};
use countersign_model::{
    ConsumerName, DialectName, InvalidName, KeyId, Rates, Scope, Scopes, Secret, UnixTime,
};
use serde_json::Value;
use zeroize::Zeroize as _;

use super::import::label;
use crate::cli::lifetime;

/// What a line may say.
const FIELDS: [&str; 10] = [
    "consumer",
    "dialect",
    "key_id",
    "secret",
    "public_key",
    "api_key",
    "scopes",
    "limits",
    "label",
    "expires",
];

/// A line that cannot be imported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileMistake {
    /// From 1.
    pub(super) line: usize,
    /// What is wrong, without anything secret that stands there.
    pub(super) why: String,
}

/// What one line says, by field. Empty is not there.
struct Row(BTreeMap<&'static str, Secret<String>>);

/// The credentials that a file lists, and the lines that cannot be read; or why none can.
pub(super) fn lines(text: &Secret<String>) -> Result<(Vec<ImportLine>, Vec<FileMistake>), String> {
    let text = text.expose().trim_start_matches('\u{feff}');
    let rows = if text.trim_ascii_start().starts_with('{') { json_rows(text) } else { csv_rows(text)? };
    if rows.is_empty() {
        return Err("it lists nothing".to_owned());
    }
    let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
    for (line, row) in rows {
        match row.and_then(Row::import) {
            Ok(import) => lines.push(ImportLine { line, import }),
            Err(why) => mistakes.push(FileMistake { line, why }),
        }
    }
    Ok((lines, mistakes))
}

type Rows = Vec<(usize, Result<Row, String>)>;

fn json_rows(text: &str) -> Rows {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| (number, json_row(line))).collect()
}

fn json_row(line: &str) -> Result<Row, String> {
    // What the parser says tells where, and never what stands there.
    let value: Value =
        serde_json::from_str(line).map_err(|error| format!("no JSON: column {}", error.column()))?;
    let Value::Object(members) = value else { return Err("no JSON object".to_owned()) };
    let mut row = Row(BTreeMap::new());
    for (name, value) in members {
        let text = match (name.as_str(), value) {
            (_, Value::Null) => continue,
            (_, Value::String(text)) => text,
            // A secret of several parts.
            ("secret", parts @ Value::Object(_)) => parts.to_string(),
            ("scopes", Value::Array(scopes)) => words("scopes", scopes, " ")?,
            ("limits", Value::Array(rates)) => words("limits", rates, ",")?,
            (name, _) => return Err(format!("`{}` is no text", known(name)?)),
        };
        row.put(&name, text)?;
    }
    Ok(row)
}

fn words(name: &'static str, list: Vec<Value>, between: &str) -> Result<String, String> {
    let word = |value| match value {
        Value::String(word) => Ok(word),
        _ => Err(format!("`{name}` is no list of texts")),
    };
    Ok(list.into_iter().map(word).collect::<Result<Vec<_>, _>>()?.join(between))
}

fn csv_rows(text: &str) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| "its first line is no line of CSV".to_owned())?.clone();
    let columns: Vec<&'static str> = header.iter().map(known).collect::<Result<_, _>>()?;
    if !columns.contains(&"consumer") {
        return Err(format!("its first line must name the columns, of {}", FIELDS.join(", ")));
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let at = usize::try_from(reader.position().line()).unwrap_or(usize::MAX);
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(rows),
            Ok(true) => {
                let at = record.position().map_or(at, |found| usize::try_from(found.line()).unwrap_or(at));
                let mut row = Row(BTreeMap::new());
                let put =
                    columns.iter().zip(&record).try_for_each(|(name, cell)| row.put(name, cell.to_owned()));
                rows.push((at, put.map(|()| row)));
            }
            Err(_) => rows.push((at, Err(format!("no line of CSV with {} cells", columns.len())))),
        }
    }
}

fn known(name: &str) -> Result<&'static str, String> {
    let found = FIELDS.into_iter().find(|field| *field == name);
    // A file without a first line of names would have a secret here.
    found.ok_or_else(|| format!("a field that is none of {}", FIELDS.join(", ")))
}

impl Row {
    fn put(&mut self, name: &str, mut text: String) -> Result<(), String> {
        let name = known(name)?;
        if text.is_empty() {
            return Ok(());
        }
        if self.0.contains_key(name) {
            text.zeroize();
            return Err(format!("`{name}` stands twice"));
        }
        self.0.insert(name, Secret::new(text));
        Ok(())
    }

    fn text(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(|text| text.expose().as_str())
    }

    fn name<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidName>,
    ) -> Result<Option<T>, String> {
        // What stands in the wrong column may be a secret.
        let rule = |error: InvalidName| format!("`{name}` is no {}: use {}", error.what, error.rule);
        self.text(name).map(parse).transpose().map_err(rule)
    }

    fn import(mut self) -> Result<Import, String> {
        let consumer = self.name("consumer", ConsumerName::parse)?.ok_or("no `consumer`")?;
        let key_id = self.name("key_id", KeyId::parse)?;
        let dialect = self.name("dialect", DialectName::parse)?;
        let scopes = self.text("scopes").unwrap_or_default().split_ascii_whitespace().map(Scope::parse);
        let scopes: Scopes = scopes.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        // What stands in the wrong column may be a secret.
        let limits = Rates::parse_list(self.text("limits").unwrap_or_default()).map_err(|_| {
            "`limits` are no rates: use up to 4 of different periods, as in 100/min,5000/d".to_owned()
        })?;
        let label = label(self.text("label").unwrap_or_default())?;
        let expiry = self.text("expires").map_or(Ok(Expiry::Never), expiry)?;
        let foreign = self.foreign(dialect)?;
        Ok(Import { consumer, key_id, foreign, scopes, limits, expiry, label })
    }

    fn foreign(&mut self, dialect: Option<DialectName>) -> Result<Foreign, String> {
        let secret = self.0.remove("secret");
        let public_key = self.0.remove("public_key");
        let api_key = self.0.remove("api_key");
        let secret = match (secret, public_key) {
            (Some(_), Some(_)) => return Err("both `secret` and `public_key`".to_owned()),
            (Some(secret), None) => {
                Some(ForeignSecret::Shared(Secret::new(secret.expose().clone().into_bytes())))
            }
            (None, Some(key)) => Some(ForeignSecret::PublicKey(key.expose().clone().into_bytes())),
            (None, None) => None,
        };
        match (dialect, secret, api_key) {
            (Some(dialect), Some(secret), api_key) => Ok(Foreign::Signature { dialect, api_key, secret }),
            (Some(_), None, _) => Err("a `dialect`, and neither `secret` nor `public_key`".to_owned()),
            (None, Some(_), _) => Err("a `secret` or a `public_key`, and no `dialect`".to_owned()),
            (None, None, Some(api_key)) => Ok(Foreign::ApiKey(api_key)),
            (None, None, None) => Err("neither an `api_key`, nor a `dialect` and its `secret`".to_owned()),
        }
    }
}

/// A moment (RFC 3339), or a period from now.
fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Expiry::Until(UnixTime::from_millis(moment.as_millisecond())));
    }
    lifetime(text).map(Expiry::After).map_err(|_| {
        "`expires` is neither a moment, as in 2027-01-31T00:00:00Z, nor a period, as in 90d".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<ImportLine>, Vec<FileMistake>) {
        lines(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn the_same_list_reads_alike_in_both_forms() {
        let csv = "consumer,dialect,key_id,secret,scopes,limits,expires,label\n\
                   acme,kraken,K1,c2VjcmV0,a b,\"5/min, 100/d\",90d,old shop\n\
                   \"Acme, Inc\",oauth1,K2,\"{\"\"consumer\"\":\"\"x\"\"}\",,,2027-01-31T00:00:00Z,\n";
        let json = r#"{"consumer":"acme","dialect":"kraken","key_id":"K1","secret":"c2VjcmV0","scopes":["a","b"],"limits":["5/min","100/d"],"expires":"90d","label":"old shop"}

{"consumer":"Acme, Inc","dialect":"oauth1","key_id":"K2","secret":{"consumer":"x"},"expires":"2027-01-31T00:00:00Z","label":null}"#;
        let told = |text: &str| {
            let (lines, mistakes) = read(text);
            assert_eq!(mistakes, []);
            let told = |line: ImportLine| {
                let Foreign::Signature { secret: ForeignSecret::Shared(secret), .. } = &line.import.foreign
                else {
                    panic!("no secret");
                };
                (line.line, secret.expose().clone(), format!("{:?}", line.import))
            };
            lines.into_iter().map(told).collect::<Vec<_>>()
        };
        let (csv, json) = (told(csv), told(json));
        assert_eq!((csv[0].0, csv[1].0, json[0].0, json[1].0), (2, 3, 1, 3));
        for (one, other) in csv.iter().zip(&json) {
            assert_eq!((&one.1, &one.2), (&other.1, &other.2));
        }
        assert!(csv[0].2.contains("5184000") || csv[0].2.contains("7776000"), "{}", csv[0].2);
    }

    #[test]
    fn every_line_that_cannot_be_read_is_told_by_its_number_and_without_its_secret() {
        let text = r#"{"consumer":"a","api_key":"hunter2"}
{"consumer":"a","dialect":"kraken"}
hunter2
{"consumer":"a","api_key":{"hunter2":1}}
{"consumer":"a","hunter2":"x"}
{"consumer":"hunter2","api_key":"x"}
{"consumer":"a","api_key":"x","expires":"hunter2"}
{"consumer":"a","api_key":"x","limits":"hunter2"}
["hunter2"]
{"api_key":"hunter2"}
{"consumer":"a","secret":"hunter2"}
{"consumer":"a","dialect":"kraken","secret":"hunter2","public_key":"hunter2"}"#;
        let (lines, mistakes) = read(text);
        assert_eq!(lines.len(), 1);
        assert_eq!(
            mistakes.iter().map(|mistake| mistake.line).collect::<Vec<_>>(),
            (2..=12).collect::<Vec<_>>()
        );
        for mistake in mistakes {
            assert!(!mistake.why.contains("hunter2"), "{mistake:?}");
        }
    }

    #[test]
    fn a_list_without_names_of_columns_is_refused_without_repeating_it() {
        for text in ["acme,hunter2\n", "", "api_key\nhunter2\n", "consumer,api_key,api_key2\n"] {
            let why = lines(&Secret::new(text.to_owned())).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        let (lines, mistakes) = read("consumer,api_key\na,b,c\nacme,\"x\ny\"\na,b\n");
        assert_eq!((lines.len(), mistakes.len()), (2, 1));
        assert_eq!(lines[1].line, 5);
    }
}
