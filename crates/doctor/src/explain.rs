//! One request, examined in the order in which a server does it.

use countersign_dialect::{
    Claim, Flaw, Looked, Looks, Malformed, Mismatch, Part, Reading, Recipe, Request, Seen, WhatIf,
};
use countersign_model::{HeaderList, Secret, UnixTime};

use crate::finding::{Finding, Kind};
use crate::report::{ReadField, Report, SignedText, Verdict};
use crate::search::search;
use crate::suspect::digests;
use crate::times::{self, Form};
use crate::view::Scene;
use crate::withheld::withhold;
use crate::{clock, missing, shown};

/// What is to be explained.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The dialect.
    pub recipe: &'a Recipe,
    /// The request; without its body where that was not captured.
    pub request: Request<'a>,
    /// The secret of the credential that the request names, or its public key. Without it nothing is judged but what was
    /// read.
    pub secret: Option<&'a Secret<Vec<u8>>>,
    /// Other secrets that the client may have used by mistake.
    pub others: &'a [OtherSecret],
    /// The moment at which to judge it.
    pub now: UnixTime,
}

/// A secret that belongs to another credential, or did once.
#[derive(Clone, Debug)]
pub struct OtherSecret {
    /// What it is, to follow "the client signed with": `the secret of the credential key_1`.
    pub label: String,
    /// The secret.
    pub secret: Secret<Vec<u8>>,
}

/// Explains why a request is accepted or refused.
pub fn explain(question: &Question<'_>) -> Report {
    let Question { recipe, request, now, .. } = question;
    let mut report = Report {
        dialect: recipe.name().clone(),
        method: request.method.to_owned(),
        path: request.path().to_owned(),
        now: *now,
        verdict: Verdict::Refused,
        read: Vec::new(),
        signed: None,
        findings: Vec::new(),
        notes: Vec::new(),
        tried: None,
    };
    let Some(looks) = recipe.look(request) else { return report };
    report.read = looks.fields.iter().map(|field| read_field(field, &looks, question)).collect();
    let reading = recipe.read(request);
    report.findings.extend(missing::finding(&reading, &looks, request));
    match reading {
        Reading::Presented(claim) => judge(question, request, &claim, &looks, &mut report),
        Reading::Malformed { why, .. } if why.flaw == Flaw::NotATime => {
            mend_time(question, why.part, &looks, &mut report);
        }
        Reading::Incomplete { missing: Part::Body, .. } => report.verdict = Verdict::Undecided,
        Reading::NotPresented
        | Reading::OnlyKeyId(_)
        | Reading::Incomplete { .. }
        | Reading::Malformed { .. } => {}
    }
    report
}

/// Judges a claim: its time, then its signature.
fn judge(
    question: &Question<'_>,
    request: &Request<'_>,
    claim: &Claim<'_>,
    looks: &Looks,
    report: &mut Report,
) {
    let Question { recipe, secret, others, now, .. } = question;
    let untimely = recipe.fresh(claim, *now).err();
    if untimely.is_some()
        && let Some(part) = other_unit(claim, looks, *now)
    {
        let why = Malformed { part, flaw: Flaw::NotATime };
        report.findings.push(Finding { kind: Kind::TimeForm, ..missing::malformed(why, looks) });
        report.signed =
            recipe.what_if(claim).and_then(|what_if| signed(recipe, &what_if, claim, request, *secret));
        mend_time(question, part, looks, report);
        return;
    }
    report.findings.extend(untimely.map(|why| clock::finding(claim, why, *now)));
    let Some(what_if) = recipe.what_if(claim) else { return };
    report.signed = signed(recipe, &what_if, claim, request, *secret);
    let Some(secret) = secret else {
        report.verdict = if untimely.is_some() { Verdict::Refused } else { Verdict::Undecided };
        report.notes.push("Without the secret the signature cannot be checked.".to_owned());
        return;
    };
    let scene = Scene { claim, request, secret, what_if: &what_if };
    let algorithm = what_if.algorithm(&scene.seen());
    let key = recipe.prepare(secret.expose());
    let mismatch = match recipe.verify(claim, request, &key) {
        Ok(_proof) => {
            if untimely.is_none() {
                report.verdict = Verdict::Accepted;
            } else {
                report.notes.push("The signature itself is right.".to_owned());
            }
            return;
        }
        Err(mismatch) => mismatch,
    };
    match mismatch {
        Mismatch::Unreadable(Flaw::BodyUnread) => {
            report.verdict = if untimely.is_some() { Verdict::Refused } else { Verdict::Undecided };
            report.findings.push(body_not_known());
            return;
        }
        Mismatch::Unreadable(_) if what_if.key(&scene.seen()).is_none() => {
            report.findings.push(unusable_secret(&what_if));
            return;
        }
        Mismatch::Unreadable(flaw) => {
            let piece =
                what_if.unreadable(&scene.seen()).map_or_else(String::new, |piece| format!(" (`{piece}`)"));
            report.findings.push(Finding::new(
                Kind::Unreadable,
                format!("What was signed cannot be put together from this request: {flaw}{piece}."),
                "Send every part that is signed, once, and encoded as the dialect says.",
            ));
            return;
        }
        Mismatch::Algorithm => {
            report.findings.push(Finding::new(
                Kind::AlgorithmNotAllowed,
                "The request names an algorithm that this dialect does not allow.",
                "Sign with an algorithm that the dialect allows, and name that.",
            ));
            return;
        }
        Mismatch::Secret => report.findings.push(unusable_secret(&what_if)),
        Mismatch::Check(_) => report.findings.extend(digests(&scene)),
        Mismatch::Signature | Mismatch::Encoding | Mismatch::Foreign => {}
    }
    // A digest that is wrong may be all that is wrong.
    let Some(algorithm) = algorithm else { return };
    report.notes.extend(compared(&what_if, &algorithm));
    let (found, tried) = search(&scene, looks, &algorithm, others);
    report.tried = Some(tried);
    let nothing_else = matches!(mismatch, Mismatch::Check(_));
    match found {
        Some(found) => report.findings.extend(found),
        None if nothing_else => {
            report.notes.push("The signature is not right either, and nothing that was tried makes it right; it may be once the digest is.".to_owned());
        }
        None => report.findings.push(not_found(&what_if, claim, &algorithm)),
    }
}

/// What a signature is held against, where no key is kept apart from the text.
fn compared(what_if: &WhatIf<'_>, algorithm: &str) -> Option<String> {
    let encoding = what_if.encodings()?.join(", then ");
    (what_if.signs_secret() && expected_len(algorithm).is_some() && !algorithm.starts_with("hmac-")).then(|| {
        format!("The signature is compared with the {algorithm} of what is to be signed, with the secret in its place, written as {encoding}.")
    })
}

fn body_not_known() -> Finding {
    Finding::new(
        Kind::BodyNotCaptured,
        "The signature covers the body, and the body is not known: it was not captured, or not read before the request was refused.",
        "Give it with `--body-file`, or capture the request with its body.",
    )
}

fn unusable_secret(what_if: &WhatIf<'_>) -> Finding {
    Finding::new(
        Kind::UnusableSecret,
        format!(
            "The secret that is kept here does not fit the dialect, which makes the key of it by `{}`.",
            what_if.key_told()
        ),
        "Keep the secret as the vendor issued it, in its encoding and with all its parts.",
    )
}

/// Nothing that was tried makes the signature right.
fn not_found(what_if: &WhatIf<'_>, claim: &Claim<'_>, algorithm: &str) -> Finding {
    let mut said = "Nothing that was tried makes this signature right: the client signed with another secret, or something else than it sent.".to_owned();
    if let Some(len) = expected_len(algorithm)
        && let Some(codecs) = what_if.encodings()
        && let Some(got) = decoded_len(claim.signature(), &codecs)
        && got != len
    {
        said = format!(
            "{said} The signature has {got} bytes, and `{algorithm}` makes {len}: the algorithm or the encoding is another one."
        );
    }
    let remedy = if what_if.signs_secret() {
        "First make sure of the secret. Then compare piece by piece what the client hashes with what is shown above."
    } else {
        "First make sure of the secret. Then print the string to sign on the client as hex, and compare it byte by byte with the one above."
    };
    Finding::new(Kind::NotFound, said, remedy)
}

fn expected_len(algorithm: &str) -> Option<usize> {
    let hash = algorithm.strip_prefix("hmac-").unwrap_or(algorithm);
    match hash {
        "md5" => Some(16),
        "sha1" => Some(20),
        "sha224" => Some(28),
        "sha256" | "sha512-256" | "sha3-256" | "keccak256" => Some(32),
        "sha384" | "sha3-384" => Some(48),
        "sha512" | "sha3-512" | "keccak512" | "ed25519" => Some(64),
        _ => None,
    }
}

fn decoded_len(signature: &[u8], codecs: &[&str]) -> Option<usize> {
    match codecs {
        ["hex" | "HEX"] => Some(signature.len() / 2),
        ["base64" | "base64-nopad" | "base64url" | "base64url-pad"] => {
            let digits = signature.iter().filter(|byte| **byte != b'=').count();
            Some(digits * 6 / 8)
        }
        _ => None,
    }
}

/// The time of a claim that would be nearer if its number were taken for one in another unit.
fn other_unit(claim: &Claim<'_>, looks: &Looks, now: UnixTime) -> Option<Part> {
    let own = Form::of_dialect(looks.time);
    if !looks.time.starts_with("unix") {
        return None;
    }
    let fields = [(Part::Timestamp, claim.timestamp()), (Part::Expires, claim.expires())];
    fields.into_iter().find_map(|(part, read)| {
        let (at, form) = times::guess(claim.sent(part)?)?;
        let off = |time: UnixTime| time.millis().abs_diff(now.millis());
        (form.told() != own.told() && off(at) < off(read?)).then_some(part)
    })
}

/// A time that is sent in another form than the dialect's: what would be if it were sent as it should.
fn mend_time(question: &Question<'_>, part: Part, looks: &Looks, report: &mut Report) {
    let sent = looks.fields.iter().find(|field| field.part == part).and_then(|field| field.text.as_deref());
    let Some(sent) = sent else { return };
    let own = Form::of_dialect(looks.time);
    let Some((at, _)) = times::guess(sent) else { return };
    let Some(text) = own.write(at) else { return };
    let request = &question.request;
    let mend = |value| if value == sent { text.as_bytes() } else { value };
    let headers: HeaderList =
        request.headers.iter().map(|header| (header.name, mend(header.value))).collect();
    let Ok(sent) = std::str::from_utf8(sent) else { return };
    let target = request.target.replace(&format!("={sent}"), &format!("={text}"));
    let mended = Request { headers: headers.view(), target: &target, ..*request };
    let Reading::Presented(claim) = question.recipe.read(&mended) else { return };
    if claim.sent(part) != Some(text.as_bytes()) {
        return;
    }
    let untimely = question.recipe.fresh(&claim, question.now).err();
    report.findings.extend(untimely.map(|why| clock::finding(&claim, why, question.now)));
    let (Some(secret), Some(what_if)) = (question.secret, question.recipe.what_if(&claim)) else { return };
    let scene = Scene { claim: &claim, request: &mended, secret, what_if: &what_if };
    let Some(algorithm) = what_if.algorithm(&scene.seen()) else { return };
    let key = question.recipe.prepare(secret.expose());
    if question.recipe.verify(&claim, &mended, &key).is_ok() {
        report.notes.push(format!(
            "The signature is over the time as it should be ({text}): only what is sent is wrong."
        ));
        return;
    }
    let signed_as_sent = claim.reworded(part, sent.as_bytes());
    let scene_as_sent = Scene { claim: &signed_as_sent, request, ..scene };
    let as_sent = question.recipe.verify(&signed_as_sent, request, &key);
    if matches!(as_sent, Err(Mismatch::Unreadable(Flaw::BodyUnread))) {
        report.findings.push(body_not_known());
        return;
    }
    if as_sent.is_ok() {
        report.notes.push(format!("The signature is right for the time as it was sent ({sent}): send and sign {text}, and all is well."));
        return;
    }
    let (found, tried) = search(&scene_as_sent, looks, &algorithm, question.others);
    report.tried = Some(tried);
    report.findings.extend(found.unwrap_or_else(|| vec![not_found(&what_if, &claim, &algorithm)]));
}

/// The string to sign with its pieces.
fn signed(
    recipe: &Recipe,
    what_if: &WhatIf<'_>,
    claim: &Claim<'_>,
    request: &Request<'_>,
    secret: Option<&Secret<Vec<u8>>>,
) -> Option<SignedText> {
    let secret = secret.map_or(b"".as_slice(), |secret| secret.expose());
    let pieces = recipe.trace(claim, request, secret).ok()?;
    let text = what_if.text(&Seen { claim, request, secret })?;
    let bytes = (!what_if.signs_secret()).then(|| text.expose().clone());
    let mut signed = SignedText { len: text.expose().len(), bytes, pieces };
    withhold(&mut signed, recipe, request, claim.key_id());
    Some(signed)
}

/// A field and what it says. Of signatures and of keys that are secrets themselves no more is shown than their shape.
fn read_field(field: &Looked, looks: &Looks, question: &Question<'_>) -> ReadField {
    let text = field.text.as_deref();
    let mut meaning = None;
    let told = match (text, field.part) {
        (None, _) => "it cannot be read".to_owned(),
        (Some(b""), _) => "it is not there".to_owned(),
        (Some(text), Part::Signature) => format!("{} signs", text.len()),
        (Some(text), Part::KeyId) if question.recipe.key_alone() => shortened(text),
        (Some(text), Part::Timestamp | Part::Expires) => {
            meaning = times::guess(text).map(|(at, form)| when(at, form, looks, question.now));
            shown::visible(&String::from_utf8_lossy(text))
        }
        (Some(text), Part::KeyId | Part::Nonce | Part::Body) => {
            shown::visible(&String::from_utf8_lossy(text))
        }
    };
    ReadField { name: field.part.as_str(), from: field.expression.clone(), text: told, meaning }
}

/// The ends of a key that opens routes by itself.
fn shortened(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let front: String = text.chars().take(8).collect();
    if text.chars().count() > 16 {
        format!("{}..", shown::visible(&front))
    } else {
        "[shown to nobody]".to_owned()
    }
}

fn when(at: UnixTime, form: Form, looks: &Looks, now: UnixTime) -> String {
    let own = Form::of_dialect(looks.time);
    let form = if form.told() == own.told() { "" } else { form.told() };
    let (distance, side) = if at > now { (at.since(now), "ahead") } else { (now.since(at), "ago") };
    let blank = if form.is_empty() { "" } else { " " };
    format!("{form}{blank}{}, {} {side}", times::shown(at), clock::span(distance))
}
