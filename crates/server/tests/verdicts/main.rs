//! One verdict everywhere: a table of requests goes through every door of a running server.
//!
//! The table is data (`tests/verdicts`), and goes through the proxies that are not ours too (`tests/clients/deploy`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod doors;
mod grpc;
mod holders;
mod place;
mod table;
mod upstream;
mod wire;

use countersign_edge::Door;

use doors::Got;
use place::Place;
use table::{Case, Expect, Table};

/// What is wrong with what came of a case; nothing where it is as expected.
fn mistake(place: &Place, case: &Case, door: Door, got: &Got) -> Option<String> {
    let expected = match &case.expect {
        // A route whose signatures need the body is at no door that sees none.
        _ if !doors::serves(door, &case.target) => Expect::refusal(404, "NO_ROUTE"),
        expect => expect.clone(),
    };
    match (&expected, got) {
        (Expect::Refused { status, code }, Got::Refused(refusal)) => {
            let same = refusal.status == *status && (case.is_head() || refusal.code == *code);
            (!same).then(|| format!("expected {status} {code}, got {refusal:?}"))
        }
        (Expect::Passes { .. }, Got::Passed { identity, leaked }) => {
            let told = place.holders.identity(&expected);
            if *identity != told {
                return Some(format!("expected {told:?}, the upstream was told {identity:?}"));
            }
            (!leaked.is_empty()).then(|| format!("the upstream saw {leaked:?}"))
        }
        (Expect::Refused { .. } | Expect::Passes { .. }, Got::Passed { .. } | Got::Refused(_)) => {
            Some(format!("expected {expected:?}, got {got:?}"))
        }
        (_, Got::NotSendable) => (!case.is_direct()).then(|| "it could not be sent".to_owned()),
    }
}

#[test]
fn every_door_gives_every_request_the_same_verdict_and_tells_it_alike() {
    let table = Table::read();
    assert!(table.cases.len() > 90);
    let place = Place::open(&table);
    let mut wrong = Vec::new();
    for case in &table.cases {
        let mut first: Option<(Door, Got)> = None;
        for door in Door::ALL {
            let sent = place.holders.prepare(case);
            let got = doors::send(&place, door, &sent);
            if let Some(mistake) = mistake(&place, case, door, &got) {
                wrong.push(format!("{}, at {door:?}: {mistake}", case.what));
            }
            // Beyond the status and the code: the sentence, the challenges, when to try again.
            if doors::serves(door, &case.target) && got != Got::NotSendable {
                match &first {
                    None => first = Some((door, got)),
                    Some((_, known)) if *known == got => {}
                    Some((other, known)) => {
                        wrong.push(format!("{}: {other:?} says {known:?}, {door:?} says {got:?}", case.what));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} mistakes\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_proxy_that_can_ask_has_a_set_up_that_is_driven_with_it() {
    let deploy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    for door in Door::ALL {
        match door {
            Door::ForwardAuth(_) | Door::ExtAuthz => {
                assert!(deploy.join(doors::name(door)).join("countersign.toml").is_file(), "{door:?}");
            }
            Door::Proxy | Door::Tower => {}
        }
    }
}
