//! With a private key on the other side, what was signed is varied as for others.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use countersign_dialect::Request;
use countersign_doctor::{Kind, Question, Report, Verdict, explain};
use countersign_model::{HeaderList, Secret, UnixTime};

const BODY: &[u8] = br#"{"type":1}"#;

fn explained(signed: &[u8]) -> Report {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut headers = HeaderList::new();
    headers.push("x-signature-timestamp", "1795262400");
    headers.push("x-signature-ed25519", hex::encode(pair.sign(signed)));
    let request = Request {
        method: "POST",
        scheme: "https",
        host: "a",
        target: "/interactions",
        headers: headers.view(),
        body: Some(BODY),
    };
    let (dialects, _) = support::dialects();
    let recipe = support::named(&dialects, "discord");
    let secret = Secret::new(hex::encode(pair.public_key()).into_bytes());
    let now = UnixTime::from_secs(1_795_262_400);
    explain(&Question { recipe: &recipe, request, secret: Some(&secret), others: &[], now })
}

#[test]
fn a_mistake_in_what_a_private_key_signed_is_named() {
    let right = [b"1795262400", BODY].concat();
    assert_eq!(explained(&right).verdict, Verdict::Accepted);
    for (signed, kind) in [
        ([b"1795262400\n", BODY].concat(), Kind::Separator),
        ([BODY, b"1795262400"].concat(), Kind::Order),
        ([b"1795262400000", BODY].concat(), Kind::TimeForm),
        (BODY.to_vec(), Kind::PieceMissing),
    ] {
        let report = explained(&signed);
        assert_eq!(report.findings.iter().map(|one| one.kind).collect::<Vec<_>>(), [kind], "{report}");
    }
}
