//! What a client is told where another mistake would be guessed at first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;

use countersign_dialect::{Dialects, Recipe, Request, SignInput, Signed, Source};
use countersign_doctor::{Kind, Question, Report, Verdict, explain};
use countersign_model::{Entropy, HeaderList, Secret, UnixTime};
use http::HeaderMap;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, into: &mut [u8]) {
        into.fill(0);
    }
}

const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);
const SECRET: &[u8] = b"Mysecretsig1875!?";

fn dialect(text: &str) -> Arc<Recipe> {
    let source = Source { origin: "x".into(), text: format!("[dialect.x]\n{text}") };
    let dialects = Dialects::load(&[source]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    dialects.iter().next().unwrap().clone()
}

/// A request as a client of this dialect sends it.
fn sent(client: &Recipe, body: &str) -> Signed {
    let input = SignInput {
        method: "POST",
        scheme: "https",
        host: "api.example",
        target: "/v1/orders",
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
        key_id: "shop",
        secret: SECRET,
        now: NOW,
        entropy: &Zeros,
    };
    client.sign(input).unwrap()
}

fn explained(recipe: &Recipe, signed: &Signed) -> Report {
    let headers: HeaderList = signed.headers.iter().collect();
    let request = Request {
        method: "POST",
        scheme: "https",
        host: "api.example",
        target: &signed.target,
        headers: headers.view(),
        body: Some(&signed.body),
    };
    let secret = Secret::new(SECRET.to_vec());
    explain(&Question { recipe, request, secret: Some(&secret), others: &[], now: NOW })
}

fn kinds(report: &Report) -> Vec<Kind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

const TIMED: &str = "timestamp = '{header.t}'\nwindow = '5m'\nsignature = '{header.s}'\nencoding = 'hex'\nalgorithm = 'hmac-sha256'\nstring_to_sign = '{method}|{target}|{timestamp}|{body}'\n";

#[test]
fn seconds_for_milliseconds_are_named_and_no_clock_is_blamed() {
    let server = dialect(&format!("{TIMED}time = 'unix-ms'"));
    let report = explained(&server, &sent(&dialect(&format!("{TIMED}time = 'unix'")), "a"));
    assert_eq!(kinds(&report), [Kind::TimeForm], "{report}");
    let said = &report.findings[0].said;
    assert!(said.contains("in seconds") && said.contains("in milliseconds"), "{said}");
    assert!(report.to_string().contains("send and sign 1795262400000"), "{report}");
    assert_eq!(report.verdict, Verdict::Refused);
}

/// Every parameter that is listed is followed by the secret.
const PHRASES: &str = "key_id = '{form.ID}'
signature = '{form.SIGN}'
encoding = 'HEX'
algorithm = 'sha512'
let.fields = \"{form | drop('SIGN') | dropempty}\"
let.c = \"{'' | pairs | add('AMOUNT', secret) | add('CITY', secret) | add('ID', secret)EXTRA}\"
let.present = \"{fields | names(' ')}\"
let.phrases = '{c | keep(present)}'
string_to_sign = \"{fields | line('=') | plus(phrases) | sort('name') | values('')}\"
";

#[test]
fn a_step_that_only_chooses_is_not_said_to_have_a_line_end_too_many() {
    let server = dialect(&PHRASES.replace("EXTRA", ""));
    // The passphrase behind the last parameter is forgotten.
    let client = PHRASES.replace(" | add('ID', secret)EXTRA", "");
    let report = explained(&server, &sent(&dialect(&client), "AMOUNT=1500&CITY=EU"));
    assert_eq!(kinds(&report), [Kind::NotFound], "{report}");
}

#[test]
fn a_secret_that_belongs_into_the_text_is_not_said_to_be_too_much_there() {
    let server = dialect(&PHRASES.replace("EXTRA", ""));
    // A parameter at the end that the dialect does not list.
    let client = PHRASES.replace("EXTRA", " | add('ZZZ', secret)");
    let report = explained(&server, &sent(&dialect(&client), "AMOUNT=1500&CITY=EU&ZZZ=1"));
    assert_eq!(kinds(&report), [Kind::NotFound], "{report}");
    let compared = "is compared with the sha512 of what is to be signed, with the secret in its place";
    assert!(report.notes.iter().any(|note| note.contains(compared)), "{report}");
}

const CHECKED: &str = "signature = '{header.s}'\nencoding = 'hex'\nalgorithm = 'hmac-sha256'\nstring_to_sign = '{method}|{header.x-one}|{body}'\n";
const DIGEST: &str = "checks.body = ['{header.x-digest}', '{body | sha256 | hex}']\n";

#[test]
fn a_digest_that_was_not_sent_is_told_as_missing_and_not_as_a_changed_body() {
    let report = explained(&dialect(&format!("{CHECKED}{DIGEST}")), &sent(&dialect(CHECKED), "a"));
    assert_eq!(kinds(&report), [Kind::Missing], "{report}");
    assert!(report.findings[0].said.contains("`x-digest` is not there"), "{report}");
}

#[test]
fn the_part_that_stands_twice_is_named() {
    let mut signed = sent(&dialect(CHECKED), "a");
    signed.headers.append("x-one", "1".parse().unwrap());
    signed.headers.append("x-one", "1".parse().unwrap());
    let report = explained(&dialect(CHECKED), &signed);
    assert_eq!(kinds(&report), [Kind::Unreadable], "{report}");
    assert!(report.findings[0].said.contains("it stands twice (`header.x-one`)"), "{report}");
}

#[test]
fn the_header_that_is_listed_as_signed_and_is_not_there_is_named() {
    let listing = CHECKED.replace("{header.x-one}", "{headers | pick(header.x-signed) | render(':', ';')}");
    let listing = listing.replace("string_to_sign = '", "string_to_sign = \"").replace("{body}'", "{body}\"");
    let mut signed = sent(&dialect(&listing), "a");
    signed.headers.append("x-signed", "x-signed x-gone".parse().unwrap());
    let report = explained(&dialect(&listing), &signed);
    assert_eq!(kinds(&report), [Kind::Unreadable], "{report}");
    assert!(report.findings[0].said.contains("is not there (`header.x-gone`)"), "{report}");
}
