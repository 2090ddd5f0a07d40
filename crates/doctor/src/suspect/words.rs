//! What a client says in a field, and signs in other words: times, nonces, the key id.

use countersign_dialect::{Looks, Part};
use countersign_model::UnixTime;
use std::time::Duration;

use super::Suspicion;
use crate::finding::Kind;
use crate::limits::{DIFFERING_MILLIS, DIFFERING_SECONDS};
use crate::shown::quoted;
use crate::times::{FORMS, Form, guess};
use crate::view::{Change, Scene};

pub(super) fn suspicions(scene: &Scene<'_>, looks: &Looks) -> Vec<Suspicion> {
    let mut all = Vec::new();
    for part in [Part::Timestamp, Part::Expires] {
        if let Some(sent) = scene.claim.sent(part) {
            let form = Form::of_dialect(looks.time);
            times(part, sent, scene.claim.timestamp().or(scene.claim.expires()), form, &mut all);
        }
    }
    if let Some(sent) = scene.claim.sent(Part::Nonce) {
        nonces(sent, &mut all);
    }
    key_ids(scene.claim.key_id(), &mut all);
    all
}

fn noun(part: Part) -> &'static str {
    match part {
        Part::Expires => "the end",
        Part::Nonce => "the nonce",
        Part::Timestamp | Part::KeyId | Part::Signature | Part::Body => "the time",
    }
}

fn times(part: Part, sent: &[u8], at: Option<UnixTime>, form: Form, all: &mut Vec<Suspicion>) {
    let Some(at) = at.or_else(|| guess(sent).map(|(at, _)| at)) else { return };
    let what = noun(part);
    let words = |text: &str| Change::Words(part, text.as_bytes().to_vec());
    let remedy = format!("Sign {what} exactly as it is sent: {}.", quoted(sent));
    let is_sent = |text: &String| text.as_bytes() == sent;
    // The same moment in another form. What is finer than what was sent is not known: each millisecond is a guess.
    let tells_millis = at.millis() % 1000 != 0 || form.is_fine();
    for (rank, other) in (10..).zip(FORMS) {
        let mut moments = vec![at];
        if other.is_fine() && !tells_millis {
            moments.extend((1..1000).map(|millis| at.plus(Duration::from_millis(millis))));
        } else if tells_millis && !other.is_fine() {
            moments.push(at.plus(Duration::from_millis(500)));
        }
        for (number, moment) in moments.into_iter().enumerate() {
            let Some(text) = other.write(moment).filter(|text| !is_sent(text)) else { continue };
            if number == 1 && !other.is_fine() && other.write(at).as_ref() == Some(&text) {
                continue;
            }
            let said = if other.told() == form.told() {
                format!(
                    "The client signed {what} as {}, and sent it as {}.",
                    quoted(text.as_bytes()),
                    quoted(sent)
                )
            } else {
                format!(
                    "The client signed {what} {} ({text}), and sent it {} ({}).",
                    other.told(),
                    form.told(),
                    String::from_utf8_lossy(sent),
                )
            };
            let rank = if number == 0 { rank } else { 200 + rank };
            let one = Suspicion::new(Kind::TimeForm, rank, words(&text), said, remedy.as_str());
            all.push(if number == 0 { one } else { one.guessed() });
        }
    }
    differing(part, sent, at, form, all);
    zones(part, sent, at, form, all);
}

/// The clock was asked twice.
fn differing(part: Part, sent: &[u8], at: UnixTime, form: Form, all: &mut Vec<Suspicion>) {
    let what = noun(part);
    let (step, most) = if form.is_fine() { (1, DIFFERING_MILLIS) } else { (1000, DIFFERING_SECONDS) };
    for distance in (1..=most).flat_map(|by| [by, -by]) {
        let moment = UnixTime::from_millis(at.millis().saturating_add(distance * step));
        let Some(text) = form.write(moment).filter(|text| text.as_bytes() != sent) else { continue };
        let rank = if distance.abs() <= 2 { 80 } else { 300 };
        let one = Suspicion::new(
            Kind::TimeDiffers,
            rank,
            Change::Words(part, text.as_bytes().to_vec()),
            format!(
                "The client signed another time ({text}) than the one it sent ({}).",
                String::from_utf8_lossy(sent)
            ),
            format!(
                "Ask the clock once: put the same value into {what} that is sent and into the string to sign."
            ),
        );
        all.push(if distance.abs() <= 2 { one } else { one.guessed() });
    }
}

/// Local time was taken for UTC: zones are whole quarters of an hour.
fn zones(part: Part, sent: &[u8], at: UnixTime, form: Form, all: &mut Vec<Suspicion>) {
    const QUARTER_MILLIS: i64 = 15 * 60 * 1000;
    for quarters in (1..=14 * 4_i64).flat_map(|by| [by, -by]) {
        let moment = UnixTime::from_millis(at.millis().saturating_add(quarters * QUARTER_MILLIS));
        let Some(text) = form.write(moment).filter(|text| text.as_bytes() != sent) else { continue };
        all.push(Suspicion::new(
            Kind::TimeZone,
            if quarters % 4 == 0 { 140 } else { 310 },
            Change::Words(part, text.as_bytes().to_vec()),
            format!(
                "The client signed its local time ({}: {text}), and sent {}.",
                zone(quarters * 15),
                String::from_utf8_lossy(sent),
            ),
            "Sign the time in UTC, as it is sent.",
        ));
    }
}

/// A zone by its distance from UTC in minutes.
pub(crate) fn zone(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{rest:02}") }
}

fn nonces(sent: &[u8], all: &mut Vec<Suspicion>) {
    let Ok(text) = std::str::from_utf8(sent) else { return };
    let mut push = |kind, rank, words: String, said: String, guessed: bool| {
        if words == text || words.is_empty() {
            return;
        }
        let change = Change::Words(Part::Nonce, words.into_bytes());
        let one = Suspicion::new(
            kind,
            rank,
            change,
            said,
            format!("Sign the nonce exactly as it is sent: {}.", quoted(sent)),
        );
        all.push(if guessed { one.guessed() } else { one });
    };
    if let Ok(number) = text.parse::<i128>() {
        for by in (1..=50).flat_map(|by: i128| [by, -by]) {
            let words = (number + by).to_string();
            let said = format!("The client signed another nonce ({words}) than the one it sent ({text}).");
            push(Kind::NonceDiffers, if by.abs() <= 2 { 85 } else { 320 }, words, said, by.abs() > 2);
        }
        for (words, unit) in
            [(number.checked_div(1000), "divided by 1000"), (number.checked_mul(1000), "times 1000")]
        {
            let Some(words) = words else { continue };
            let said = format!("The client signed the nonce {unit} ({words}), and sent {text}.");
            push(Kind::NonceDiffers, 86, words.to_string(), said, false);
        }
        return;
    }
    for (words, how) in [
        (text.to_lowercase(), "in lower case"),
        (text.to_uppercase(), "in upper case"),
        (text.replace('-', ""), "without its dashes"),
        (text.trim().to_owned(), "without the blanks around it"),
    ] {
        let said = format!(
            "The client signed the nonce {how} ({}), and sent {}.",
            quoted(words.as_bytes()),
            quoted(sent)
        );
        push(Kind::NonceDiffers, 87, words, said, false);
    }
}

fn key_ids(sent: &str, all: &mut Vec<Suspicion>) {
    for (words, how) in [
        (sent.to_lowercase(), "in lower case"),
        (sent.to_uppercase(), "in upper case"),
        (sent.trim().to_owned(), "without the blanks around it"),
    ] {
        if words != sent && !words.is_empty() {
            all.push(Suspicion::new(
                Kind::KeyIdForm,
                120,
                Change::Words(Part::KeyId, words.into_bytes()),
                format!("The client signed the key id {how}, and sent it otherwise."),
                "Sign the key id exactly as it is sent.",
            ));
        }
    }
}
