//! What the linter finds, and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use countersign_dialect::{Dialects, Finding, Reach, Risk, Source};
use countersign_model::DialectName;

/// A dialect of which there is nothing to say but that a request may come again.
const GOOD: &str = r#"[dialect.x]
key_id = "{header.Key}"
timestamp = "{header.Time}"
signature = "{header.Sig}"
encoding = "hex"
string_to_sign = "{method}\n{host}\n{target}\n{timestamp}\n{body}"
algorithm = "hmac-sha256"
window = "300s"
replay = "window"
"#;

fn load(text: &str) -> Result<Vec<Finding>, String> {
    let source = Source { origin: "x.toml".to_owned(), text: text.to_owned() };
    let dialects = Dialects::load(&[source]).map_err(|mistakes| mistakes.first().unwrap().to_string())?;
    Ok(dialects.get(&DialectName::parse("x").unwrap()).unwrap().lint())
}

fn names(text: &str) -> Vec<&'static str> {
    load(text).unwrap_or_else(|why| panic!("{why}")).iter().map(|finding| finding.risk.name()).collect()
}

#[test]
fn there_is_nothing_to_say_of_a_dialect_that_signs_all_of_a_request_with_its_time_once() {
    assert_eq!(names(GOOD), [""; 0]);
}

/// A change to the good dialect, and what is found then.
const CHANGES: [(&str, &str, &[&str]); 55] = [
    ("{target}\\n", "{target | dec}\\n", &["decoded_target"]),
    ("{target}\\n", "{path | dec}?{rawquery}\\n", &["decoded_target"]),
    ("{target}\\n", "{path}?{rawquery | dec-form}\\n", &["decoded_target"]),
    ("{target}\\n", "{path | dec | enc('/')}?{rawquery}\\n", &["decoded_target"]),
    ("{target}\\n", "{path}?{query | sort | render('=', '&')}\\n", &["decoded_target"]),
    ("{target}\\n", "{path}?{rawpairs | dec | render('=', '&')}\\n", &["decoded_target"]),
    ("{target}\\n", "{path}?{rawpairs | dec | enc('&') | render('=', '&')}\\n", &["decoded_target"]),
    ("{target}\\n", "{path}?{rawpairs | dec | enc | sort | render('=', '&')}\\n", &[]),
    ("{target}\\n", "{path}?{query | enc | render('=', '&')}\\n", &[]),
    ("{target}\\n", "{path}?{rawpairs | sort | render('=', '&')}\\n", &[]),
    ("{target}\\n", "{path}?{query | keep('a') | render('=', '&')}\\n", &["unsigned_query"]),
    ("{target}\\n", "{target}{target | dec | sha256 | hex}\\n", &[]),
    ("{target}\\n", "{path | enc('/')}?{rawquery | enc}\\n", &[]),
    ("{method}\\n", "", &["unsigned_method"]),
    ("{host}\\n", "", &["unsigned_host"]),
    ("{target}\\n", "{path}\\n", &["unsigned_query"]),
    ("{target}\\n", "{rawquery}\\n", &["unsigned_path"]),
    ("{target}\\n", "{path}?{query.a}\\n", &["unsigned_query"]),
    ("{target}\\n", "{path | slice(0, 5)}?{rawquery}\\n", &["unsigned_path"]),
    ("\\n{body}", "", &["unsigned_body"]),
    ("{body}", "{body | unless(header.No)}", &["unsigned_body"]),
    ("{body}", "{header.Digest | or(body)}", &["unsigned_body"]),
    ("{body}", "{body | sha256 | hex}", &[]),
    ("{body}", "{body | md5 | hex}", &["digest_md5"]),
    ("{body}", "{body | sha1 | hex}", &["digest_sha1"]),
    ("hmac-sha256", "hmac-md5", &["hmac_md5"]),
    ("hmac-sha256", "hmac-sha1", &["hmac_sha1"]),
    ("hmac-sha256", "rsa-sha1", &["rsa_sha1"]),
    ("{body}\"\nalgorithm = \"hmac-sha256\"", "{body}{secret}\"\nalgorithm = \"sha256\"", &[]),
    ("{body}\"\nalgorithm = \"hmac-sha256\"", "{body}{secret}\"\nalgorithm = \"md5\"", &["md5"]),
    ("{body}\"\nalgorithm = \"hmac-sha256\"", "{body}{secret}\"\nalgorithm = \"sha1\"", &["sha1"]),
    (
        "\"{method}\\n{host}\\n{target}\\n{timestamp}\\n{body}\"\nalgorithm = \"hmac-",
        "\"{secret}{method}\\n{url}\\n{timestamp}\\n{body}\"\nalgorithm = \"",
        &["length_extension"],
    ),
    (
        "\"{method}\\n{host}\\n{target}\\n{timestamp}\\n{body}\"\nalgorithm = \"hmac-sha256",
        "\"{secret}{method}\\n{url}\\n{timestamp}\\n{body}\"\nalgorithm = \"sha3-256",
        &[],
    ),
    ("{target}\\n{timestamp}\\n{body}", "{target}{timestamp}{body}", &["ambiguous_join"]),
    ("{target}\\n{timestamp}\\n{body}", "{timestamp}{target}{body}", &["ambiguous_join"]),
    ("{target}\\n{timestamp}\\n{body}", "{timestamp}{path}{rawquery | prefix('?')}\\n{body}", &[]),
    (
        "{target}\\n{timestamp}\\n{body}",
        "{timestamp}{path}{rawquery | prefix('?')}{body}",
        &["ambiguous_join"],
    ),
    ("{target}\\n{timestamp}\\n{body}", "{timestamp}{target}{body | sha256 | hex}", &[]),
    ("{target}\\n{timestamp}\\n{body}", "{timestamp}{target}{key_id}{body}", &[]),
    (
        "{target}\\n{timestamp}\\n{body}",
        "{timestamp}{path}\\n{rawpairs | render('', '')}\\n{body}",
        &["ambiguous_join"],
    ),
    ("{timestamp}\\n{body}", "{header.A | suffix(';')}{header.B}\\n{timestamp}\\n{body}", &[]),
    ("{timestamp}\\n", "", &["unsigned_time"]),
    ("{timestamp}\\n", "{header.Time}\\n", &[]),
    ("{timestamp}\\n", "{timestamp | date('unix', 'day')}\\n", &["unsigned_time"]),
    ("{timestamp}\\n", "{timestamp | unless(header.No)}\\n", &["unsigned_time"]),
    ("{timestamp}\\n", "{headers | render(':', ';')}\\n", &[]),
    ("{timestamp}\\n", "{headers | keep('ti*', 'x') | render(':', ';')}\\n", &[]),
    ("{timestamp}\\n", "{headers | drop('time') | render(':', ';')}\\n", &["unsigned_time"]),
    ("{timestamp}\\n", "{headers | pick(header.Signed) | render(':', ';')}\\n", &["unsigned_time"]),
    ("{header.Time}\"", "{query.t}\"\nnonce = \"{json.n}\"", &[]),
    ("{header.Time}\"", "{header.Time}\"\nnonce = \"{header.N}\"", &["unsigned_nonce"]),
    ("replay = \"window\"\n", "", &["no_replay_guard"]),
    ("\"300s\"", "\"1h\"", &[]),
    ("\"300s\"", "\"3601s\"", &["long_window"]),
    ("\"300s\"", "{ past = \"{header.For}s\", future = \"1s\", most = \"1d\" }", &["long_window"]),
];

#[test]
fn each_thing_that_is_left_open_is_found_by_its_name_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for (from, to, expected) in CHANGES {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let found = load(&text).map(|found| found.iter().map(|one| one.risk.name()).collect::<Vec<_>>());
        if found.as_deref() != Ok(expected) {
            wrong.push(format!("{from} -> {to}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_dialect_without_a_time_is_good_for_ever_unless_its_nonce_must_grow() {
    let text = GOOD
        .replace("timestamp = ", "nonce = ")
        .replace("{timestamp}", "{nonce}")
        .replace("window = \"300s\"\n", "")
        .replace("replay = \"window\"", "replay = \"nonce\"");
    assert_eq!(names(&text), ["no_time"]);
    assert_eq!(names(&text.replace("\"nonce\"", "\"increasing\"")), [""; 0]);
}

#[test]
fn a_finding_says_in_which_variants_and_on_which_line() {
    let text = format!(
        "{GOOD}[[dialect.x.variants]]\nwhen.method = '^GET$'\nstring_to_sign = \"{{method}}\\n{{host}}\\n{{target}}\\n{{timestamp}}\"\n"
    );
    let found = load(&text).unwrap();
    let one = found.first().unwrap();
    assert_eq!(
        (one.risk, one.reach, one.variants.as_slice()),
        (Risk::UnsignedBody, Reach::Sometimes, [1].as_slice())
    );
    let found = load(&GOOD.replace("300s", "2h")).unwrap();
    let one = found.first().unwrap();
    assert_eq!((one.risk, one.place.origin.as_str(), one.place.line), (Risk::LongWindow, "x.toml", 8));
}

#[test]
fn what_a_file_records_as_meant_is_told_with_its_reason() {
    let text = GOOD.replace("{method}\\n", "") + "danger_unsigned_method = \"all calls are POST\"\n";
    let found = load(&text).unwrap();
    let meant: Vec<_> = found.iter().map(|one| (one.risk, one.meant.as_deref())).collect();
    assert_eq!(meant, [(Risk::UnsignedMethod, Some("all calls are POST"))]);
}

#[test]
fn a_time_that_stands_within_what_is_signed_is_signed() {
    let text = GOOD.replace("{header.Time}", "{t}").replace("{timestamp}", "{all}")
        + "match.\"header.Token\" = '^(?P<all>\\w+\\.(?P<t>[0-9]+))\\.(?P<rest>\\w+)$'\n";
    assert_eq!(names(&text), ["ambiguous_join"; 0]);
    assert_eq!(names(&text.replace("{all}", "{rest}")), ["unsigned_time"]);
}

#[test]
fn what_a_file_records_as_meant_and_is_no_longer_left_open_is_told_where_it_stands() {
    let text = GOOD.replace("{method}\\n", "")
        + "danger_unsigned_method = \"all calls are POST\"\ndanger_hmac_md5 = \"until all clients are new\"\n";
    let child = "[dialect.y]\nlike = \"x\"\nstring_to_sign = \"{method}{host}{target}{timestamp}{body}\"\n";
    let source = Source { origin: "x.toml".to_owned(), text: format!("{text}{child}") };
    let dialects = Dialects::load(&[source]).unwrap();
    let stale = |name: &str| dialects.get(&DialectName::parse(name).unwrap()).unwrap().stale();
    let told: Vec<_> = stale("x").iter().map(|one| (one.risk, one.place.line)).collect();
    assert_eq!(told, [(Risk::HmacMd5, 11)]);
    // What it inherits is not its own to take out.
    assert_eq!(stale("y"), []);
}

#[test]
fn a_danger_wants_a_name_that_there_is_and_a_reason() {
    for (line, expected) in [
        ("danger_unsigned_metod = \"all calls are POST\"", "did you mean `danger_unsigned_method`?"),
        ("danger_everything = \"all calls are POST\"", "nothing dangerous is called `danger_everything`"),
        ("danger_md5 = \"   ok    \"", "`danger_md5` without a reason"),
        ("danger_md5 = true", "`danger_md5` is true or false"),
    ] {
        let told = load(&format!("{GOOD}{line}\n")).unwrap_err();
        assert!(told.contains(expected) && told.starts_with("x.toml:10:"), "{told}");
    }
}

#[test]
fn every_risk_has_a_name_of_its_own_a_sentence_and_what_would_do() {
    for (at, risk) in Risk::ALL.iter().enumerate() {
        assert!(risk.meaning().len() > 20 && risk.would_do().len() > 20, "{risk:?}");
        assert!(Risk::ALL.iter().skip(at + 1).all(|other| other.name() != risk.name()), "{risk:?}");
    }
}
