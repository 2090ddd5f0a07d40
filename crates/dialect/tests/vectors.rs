//! Every vector under `dialects/*/vectors`: what is read, the string to sign, the signature, the verdict.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use countersign_dialect::{Claim, Coverage, Dialects, Reading, Recipe};
use countersign_model::{DialectName, UnixTime};
use support::{OwnedRequest, tampered};

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect())
        .unwrap_or_default();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What came of a request, in the words of `verdict.toml`: the verdict, and the part that it is about.
fn judge(
    recipe: &Recipe,
    request: &OwnedRequest,
    now: UnixTime,
    secret: &str,
    check: impl FnOnce(&Claim<'_>),
) -> (String, Option<String>) {
    let lines = request.lines();
    let request = request.borrow(&lines);
    let claim = match recipe.read(&request) {
        Reading::NotPresented => return ("not-presented".into(), None),
        Reading::OnlyKeyId(_) => return ("only-key-id".into(), None),
        Reading::Incomplete { missing, .. } => return ("incomplete".into(), Some(missing.to_string())),
        Reading::Malformed { why, .. } => return ("malformed".into(), Some(why.part.to_string())),
        Reading::Presented(claim) => claim,
    };
    check(&claim);
    if let Err(why) = recipe.fresh(&claim, now) {
        let words = format!("{why:?}").to_lowercase();
        return (words.split(' ').next().unwrap().to_owned(), None);
    }
    let key = recipe.prepare(secret.as_bytes());
    match recipe.verify(&claim, &request, &key) {
        Ok(_) => ("accepted".into(), None),
        Err(_) => ("mismatch".into(), None),
    }
}

fn run(recipe: &Recipe, case: &Path, wrong: &mut Vec<String>) {
    let verdict: toml::Table = fs::read_to_string(case.join("verdict.toml")).unwrap().parse().unwrap();
    let text = |key: &str| verdict.get(key).map(|value| value.as_str().unwrap().to_owned());
    let request = OwnedRequest::parse(&fs::read(case.join("request.http")).unwrap());
    let now = UnixTime::from_millis(verdict["now_ms"].as_integer().unwrap());
    let secret = text("secret").unwrap();
    let mut say = |what: String| wrong.push(format!("{} {}: {what}", recipe.name(), name(case)));

    let mut steps = Vec::new();
    let given = judge(recipe, &request, now, &secret, |claim| {
        if claim.key_id() != text("key_id").unwrap() {
            steps.push(format!("key id is {:?}", claim.key_id()));
        }
        let key = recipe.prepare(secret.as_bytes());
        if let Ok(expected) = fs::read(case.join("string-to-sign")) {
            let made = recipe.string_to_sign(claim, &request.borrow(&request.lines()), &key).unwrap();
            if *made.expose() != expected {
                steps.push(format!("string to sign is {:?}", String::from_utf8_lossy(made.expose())));
            }
        }
    });
    for step in steps {
        say(step);
    }
    let expected = (text("expect").unwrap(), text("part"));
    if given != expected {
        say(format!("verdict is {given:?}, not {expected:?}"));
    }
    // The signature of the vector must do on its own request, whatever signature was sent with it.
    if let Ok(signature) = fs::read_to_string(case.join("signature"))
        && expected.0 == "mismatch"
    {
        let right = request.with_signature(recipe, &signature);
        if let Some(right) = right
            && judge(recipe, &right, now, &secret, |_| ()).0 != "accepted"
        {
            say("the signature of the vector does not do either".into());
        }
    }
}

trait WithSignature {
    fn with_signature(&self, recipe: &Recipe, signature: &str) -> Option<OwnedRequest>;
}

impl WithSignature for OwnedRequest {
    /// The same request with another signature in the place of its own.
    fn with_signature(&self, recipe: &Recipe, signature: &str) -> Option<OwnedRequest> {
        let sent = match recipe.read(&self.borrow(&self.lines())) {
            Reading::Presented(claim) => String::from_utf8(claim.signature().to_vec()).ok()?,
            _ => return None,
        };
        let mut other = self.clone();
        for value in other.headers.values_mut() {
            if value.as_bytes() == sent.as_bytes() {
                *value = signature.parse().unwrap();
            }
        }
        if let Ok(body) = std::str::from_utf8(&other.body) {
            other.body = body.replace(&sent, signature).into_bytes();
        }
        other.target = other.target.replace(&sent, signature);
        Some(other)
    }
}

#[test]
fn every_vector_comes_to_its_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects");
    let dialects = Dialects::builtin();
    let mut wrong = Vec::new();
    let mut count = 0;
    for dialect in folders(&root) {
        let Some(recipe) = DialectName::parse(&name(&dialect)).ok().and_then(|name| dialects.get(&name))
        else {
            continue;
        };
        for case in folders(&dialect.join("vectors")) {
            run(recipe, &case, &mut wrong);
            count += 1;
        }
    }
    assert!(count > 100, "only {count} vectors");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_said_of_each_part_of_an_accepted_vector_agrees_with_tampering() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects");
    let mut wrong = Vec::new();
    let mut count = 0;
    for recipe in Dialects::builtin().iter() {
        for case in folders(&root.join(recipe.name().as_str()).join("vectors")) {
            let verdict: toml::Table =
                fs::read_to_string(case.join("verdict.toml")).unwrap().parse().unwrap();
            if verdict["expect"].as_str() != Some("accepted") {
                continue;
            }
            let request = OwnedRequest::parse(&fs::read(case.join("request.http")).unwrap());
            let now = UnixTime::from_millis(verdict["now_ms"].as_integer().unwrap());
            let secret = verdict["secret"].as_str().unwrap();
            let lines = request.lines();
            let borrowed = request.borrow(&lines);
            let Reading::Presented(claim) = recipe.read(&borrowed) else { panic!("{}", name(&case)) };
            for (part, changed) in tampered(&request) {
                count += 1;
                let given = judge(recipe, &changed, now, secret, |_| ()).0;
                let agrees = match recipe.coverage_in(&claim, part) {
                    Coverage::Whole => given == "mismatch",
                    // What cannot be read any more, or is read elsewhere, is no sign of a signature.
                    Coverage::Nothing => given != "mismatch",
                    Coverage::Partly => true,
                };
                if !agrees {
                    wrong.push(format!("{} {} {part:?}: {given}", recipe.name(), name(&case)));
                }
            }
        }
    }
    assert!(count > 100, "only {count} changes");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
