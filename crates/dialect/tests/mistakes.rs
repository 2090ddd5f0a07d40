//! What people get wrong in dialect files, and what they are told: the place, and what would do.

use countersign_dialect::{Dialects, Source};

const GOOD: &str = r#"[dialect.x]
key_id = "{header.Key}"
timestamp = "{header.Time}"
signature = "{header.Sig}"
encoding = "hex"
string_to_sign = "{timestamp}{body}"
algorithm = "hmac-sha256"
window = "300s"
"#;

fn load(text: &str) -> Vec<String> {
    let source = Source { origin: "x.toml".to_owned(), text: text.to_owned() };
    match Dialects::load(&[source]) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

/// A change to the good file: what is replaced by what, the place, and words of the message.
const WRONG: [(&str, &str, &str, &str); 48] = [
    ("key_id = \"{header.Key}\"", "key_id = 7", "2:10", "`key_id` is a number"),
    ("{header.Key}", "{header.Key", "2:11", "not closed"),
    ("{header.Key}", "{header}", "2:12", "`header` without a name"),
    ("{header.Key}", "{header.a b}", "2:11", "not closed"),
    ("{header.Key}", "{hedaer.Key}", "2:12", "did you mean `header`?"),
    ("{header.Key}", "{secret}", "2:10", "the secret has no place"),
    ("{header.Key}", "{timestamp}", "2:10", "one field is read from another"),
    ("{header.Key}", "{query}", "2:10", "this is a list"),
    ("{header.Key}", "x{query}", "2:13", "a list inside a text"),
    ("{header.Key}", "{path.x}", "2:12", "has no members"),
    ("signature = \"{header.Sig}\"\n", "", "1:10", "`signature` is missing"),
    ("encoding = \"hex\"\n", "", "1:10", "`encoding` is missing"),
    ("\"hex\"", "\"rot13\"", "5:13", "there is no encoding `rot13`"),
    ("\"hex\"", "\"hex | sort\"", "5:19", "there is no encoding `sort`"),
    ("string_to_sign = \"{timestamp}{body}\"\n", "", "1:10", "`string_to_sign` is missing"),
    ("{body}", "{boby}", "6:31", "did you mean `body`?"),
    ("{body}", "{body | sha265}", "6:38", "did you mean `sha256`?"),
    ("{body}", "{body | urlencode}", "6:38", "the nearest are `enc`"),
    (
        "{body}",
        "{body | enc | replace('a', 'bb') | quote | base64 | enc}",
        "6:18",
        "grows by `enc` (3), `replace` (3), `quote` (6), `base64` (2), `enc` (3)",
    ),
    ("\"hmac-sha256\"", "[\"hmac-sha512\", \"hmac-sha256\"]", "7:29", "`hmac-sha256` is never picked"),
    ("\"hmac-sha256\"", "[\"plain\", \"ed25519\"]", "7:23", "`plain` takes its secrets"),
    ("\"hmac-sha256\"", "[\"ed25519\", \"hmac-sha256\", \"md5\"]", "7:40", "`md5` is never picked"),
    ("\"hmac-sha256\"", "[\"ed25519\", \"ed25519\"]", "7:25", "`ed25519` is never picked"),
    ("{body}", "{body | sha256(1)}", "6:38", "`sha256` takes other arguments"),
    ("{body}", "{body | or()}", "6:41", "no source here"),
    ("{body}", "{body | drop('a')}", "6:38", "`drop` works on lists"),
    ("{body}", "{query | split('a')}", "6:39", "`split` works on texts"),
    ("{body}", "{body | replace('(', '')}", "6:38", "cannot be used"),
    ("{body}", "{nonce}", "6:31", "there is no `nonce`"),
    ("{body}", "{signature}", "6:18", "`signature` is not known here"),
    ("{body}", "}", "6:30", "closes nothing"),
    ("{body}", "{a}\"\nlet.a = \"{a}", "7:11", "made of itself"),
    ("{body}", "\"\nlet.path = \"x", "7:5", "means something else already"),
    ("{body}", "\"\nmatch.path = \"(?P<host>.)", "7:14", "means something else already"),
    ("{body}", "\"\nmatch.path = '(?=x)'\n# \"", "7:14", "linear time"),
    ("{body}", "\"\nchecks.a = \"x", "7:12", "no pair of texts"),
    ("hmac-sha256", "sha256", "1:10", "no secret in what is hashed"),
    ("hmac-sha256", "hmac-sha257", "7:13", "did you mean `hmac-sha256`?"),
    ("algorithm = \"hmac-sha256\"\n", "", "1:10", "`algorithm` is missing"),
    ("window = \"300s\"\n", "", "1:10", "any age would do"),
    ("\"300s\"", "\"300\"", "8:10", "no length of time"),
    ("\"300s\"", "{ past = \"{query.a}s\", future = \"1s\" }", "8:10", "nothing limits it"),
    ("window", "widnow", "8:1", "did you mean `window`?"),
    ("window = ", "replay = \"nonce\"\nwindow = ", "8:10", "there is no `nonce`"),
    ("window = ", "replay = \"increasing\"\nwindow = ", "8:10", "there is no `nonce`"),
    ("[dialect.x]", "[dialect.X]", "1:10", "no dialect name"),
    ("[dialect.x]", "[x]", "1:2", "not inside a dialect"),
    ("key_id", "like = \"y\"\nkey_id", "2:8", "there is no dialect `y`"),
];

#[test]
fn the_good_file_has_no_mistake() {
    assert_eq!(load(GOOD), Vec::<String>::new());
}

#[test]
fn every_mistake_is_told_at_its_place_with_what_would_do() {
    for (old, new, place, words) in WRONG {
        assert!(GOOD.contains(old), "{old}");
        let told = load(&GOOD.replacen(old, new, 1));
        let found = told.iter().any(|mistake| {
            mistake.starts_with(&format!("x.toml:{place}: "))
                && mistake.contains(words)
                && mistake.contains("\n  = ")
        });
        assert!(found, "{new}: {place} {words}\n{}", told.join("\n\n"));
    }
}

#[test]
fn mistakes_are_told_all_at_once_and_in_order() {
    let bad =
        GOOD.replace("{header.Key}", "{hedaer.Key}").replace("hmac-sha256", "hmac").replace("300s", "x");
    let told = load(&bad);
    let places: Vec<&str> =
        told.iter().map(|mistake| mistake.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(places, ["x.toml:2:12", "x.toml:7:13", "x.toml:8:10"], "{}", told.join("\n"));
}

#[test]
fn a_dialect_that_is_there_twice_is_told_with_the_place_of_the_first() {
    let told = load(&format!("{GOOD}\n[dialect.\"x\"]\nkey_id = \"a\"\n"));
    assert!(!told.is_empty());
    let source = |origin: &str| Source { origin: origin.to_owned(), text: GOOD.to_owned() };
    let told = Dialects::load(&[source("a.toml"), source("b.toml")]).unwrap_err();
    assert!(told.first().is_some_and(|mistake| mistake.to_string().contains("see a.toml:1")), "{told:?}");
}
