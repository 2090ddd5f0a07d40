//! Credentials: what is issued works, and what has ended never does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{NOON, Seeded, block_on, name, rates, scopes};
use countersign_dialect::{Dialects, Source};
use countersign_manage::{
    Expiry, Form, Issue, Issued, Issuer, KeyNotFound, Material, NotIssued, NotRotated, Revocation, Rotation,
    add_consumer, disable_consumer, enable_consumer, keys, remove_consumer, revoke_key, set_key_limits,
    show_key,
};
use countersign_model::{
    ConsumerState, CredentialKind, DialectName, KeyId, Label, Life, Phase, Scopes, UnixTime,
};
use countersign_store::Credentials as _;
use countersign_store::testing::MemoryStore;
use countersign_token::{Binding, MasterKey, Sealer, key};
use proptest::prelude::*;

struct Desk {
    store: MemoryStore,
    sealer: Sealer,
    dialects: Dialects,
    entropy: Seeded,
}

impl Desk {
    fn new() -> Self {
        let entropy = Seeded::new(7);
        let sealer = Sealer::new(&MasterKey::generate(&entropy));
        let desk = Self { store: MemoryStore::new(), sealer, dialects: Dialects::builtin(), entropy };
        block_on(add_consumer(&desk.store, name("acme"), NOON, &desk.entropy)).unwrap();
        desk
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { store: &self.store, sealer: &self.sealer, dialects: &self.dialects, entropy: &self.entropy }
    }

    fn issue(&self, expiry: Expiry, now: UnixTime) -> Issued {
        block_on(self.issuer().issue(order(Form::ApiKey, expiry), now)).unwrap()
    }

    fn rotate(&self, key_id: &KeyId, overlap: Duration, now: UnixTime) -> Result<Issued, NotRotated> {
        let rotation = Rotation { key: key_id.clone().into(), overlap, expiry: None };
        block_on(self.issuer().rotate(rotation, now)).map(|replaced| replaced.new)
    }

    /// Whether a request with this key would find it usable.
    fn usable(&self, api_key: &str, now: UnixTime) -> bool {
        let held = block_on(self.store.credential_by_digest(&key::digest(api_key))).unwrap();
        held.is_some_and(|held| {
            let phase = held.credential.life.phase(now);
            matches!(phase, Phase::Active | Phase::Rotating) && held.consumer.state == ConsumerState::Enabled
        })
    }
}

fn order(form: Form, expiry: Expiry) -> Issue {
    Issue {
        consumer: name("acme"),
        form,
        scopes: scopes("listings:read"),
        limits: rates("5/min,100/d"),
        expiry,
        label: Some(Label::parse("shop").unwrap()),
    }
}

fn api_key(issued: &Issued) -> &str {
    match &issued.material {
        Material::ApiKey { api_key } | Material::Signature { api_key, .. } => api_key.expose(),
    }
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[test]
fn an_issued_key_is_kept_as_a_digest_alone() {
    let desk = Desk::new();
    let issued = desk.issue(Expiry::Never, NOON);
    assert_eq!(key::check(api_key(&issued)), Ok(key::KeyKind::ApiKey));
    assert!(desk.usable(api_key(&issued), NOON));
    let held = block_on(show_key(&desk.store, &issued.credential.key_id.clone().into())).unwrap();
    assert_eq!(held.credential, issued.credential);
    assert_eq!(held.credential.kind, CredentialKind::ApiKey);
    assert!(!format!("{held:?} {issued:?}").contains(api_key(&issued)));
}

#[test]
fn a_signing_secret_is_kept_encrypted_and_opens_for_its_own_key_alone() {
    let desk = Desk::new();
    let realm = DialectName::parse("realm").unwrap();
    let one =
        block_on(desk.issuer().issue(order(Form::Signature(realm.clone()), Expiry::Never), NOON)).unwrap();
    let other =
        block_on(desk.issuer().issue(order(Form::Signature(realm.clone()), Expiry::Never), NOON)).unwrap();
    let Material::Signature { secret, .. } = &one.material else { panic!("no secret") };
    assert_eq!(key::check(secret.expose()), Ok(key::KeyKind::SigningSecret));
    let CredentialKind::Signature { secret: sealed, .. } = &one.credential.kind else { panic!("no secret") };
    let open = |key_id| desk.sealer.open(sealed, Binding { key_id, dialect: &realm });
    assert_eq!(open(&one.credential.key_id).unwrap().expose(), secret.expose().as_bytes());
    assert!(open(&other.credential.key_id).is_err());
}

#[test]
fn a_key_that_opens_routes_alone_looks_like_an_api_key_and_one_that_does_not_looks_public() {
    let desk = Desk::new();
    let kind = |dialect: &str| {
        let form = Form::Signature(DialectName::parse(dialect).unwrap());
        let issued = block_on(desk.issuer().issue(order(form, Expiry::Never), NOON)).unwrap();
        key::check(api_key(&issued)).unwrap()
    };
    assert_eq!(kind("realm"), key::KeyKind::ApiKey);
    assert_eq!(kind("pitchprint"), key::KeyKind::PublicKey);
}

#[test]
fn the_successor_of_a_signing_key_signs_in_the_same_dialect_with_a_secret_of_its_own() {
    let desk = Desk::new();
    let form = Form::Signature(DialectName::parse("pitchprint").unwrap());
    let old = block_on(desk.issuer().issue(order(form, Expiry::Never), NOON)).unwrap();
    let new = desk.rotate(&old.credential.key_id, HOUR, NOON).unwrap();
    assert_eq!(new.credential.kind.dialect(), old.credential.kind.dialect());
    let secret = |issued: &Issued| match &issued.material {
        Material::Signature { secret, .. } => secret.expose().clone(),
        Material::ApiKey { .. } => panic!("no secret"),
    };
    assert_ne!(secret(&new), secret(&old));
    assert_ne!(api_key(&new), api_key(&old));
}

#[test]
fn a_rotated_key_is_good_until_the_end_of_the_overlap_and_its_successor_has_all_that_it_had() {
    let desk = Desk::new();
    let old = desk.issue(Expiry::After(90 * DAY), NOON);
    let later = NOON.plus(30 * DAY);
    let new = desk.rotate(&old.credential.key_id, DAY, later).unwrap();
    assert_eq!(new.credential.scopes, old.credential.scopes);
    assert_eq!(new.credential.limits, rates("5/min,100/d"));
    assert_eq!(new.credential.label, old.credential.label);
    assert_eq!(new.credential.consumer, old.credential.consumer);
    assert_eq!(new.credential.life, Life::Active { expires_at: Some(later.plus(90 * DAY)) });
    let end = later.plus(DAY);
    assert!(desk.usable(api_key(&old), UnixTime::from_millis(end.millis() - 1)));
    assert!(!desk.usable(api_key(&old), end));
    assert!(desk.usable(api_key(&new), end));
}

#[test]
fn a_rotation_can_say_how_long_the_successor_is_good() {
    let desk = Desk::new();
    let old = desk.issue(Expiry::After(DAY), NOON);
    let rotation = Rotation { key: old.credential.key_id.into(), overlap: HOUR, expiry: Some(Expiry::Never) };
    let replaced = block_on(desk.issuer().rotate(rotation, NOON)).unwrap();
    assert_eq!(replaced.new.credential.life, Life::Active { expires_at: None });
    let held = block_on(show_key(&desk.store, &replaced.old.key_id.clone().into())).unwrap();
    assert_eq!(held.credential, replaced.old);
}

#[test]
fn rotating_prolongs_no_key() {
    let desk = Desk::new();
    let old = desk.issue(Expiry::After(HOUR), NOON);
    desk.rotate(&old.credential.key_id, DAY, NOON).unwrap();
    assert!(!desk.usable(api_key(&old), NOON.plus(HOUR)));
}

#[test]
fn what_is_not_active_is_not_rotated() {
    let desk = Desk::new();
    let key = desk.issue(Expiry::After(HOUR), NOON).credential.key_id;
    let expired = desk.rotate(&key, DAY, NOON.plus(HOUR)).unwrap_err();
    assert!(matches!(expired, NotRotated::Ended { phase: Phase::Expired, .. }), "{expired}");
    let successor = desk.rotate(&key, DAY, NOON).unwrap().credential.key_id;
    let twice = desk.rotate(&key, DAY, NOON).unwrap_err();
    assert!(
        matches!(&twice, NotRotated::Rotating { successor: named, .. } if *named == successor),
        "{twice}"
    );
    block_on(revoke_key(&desk.store, &successor.clone().into(), NOON)).unwrap();
    let revoked = desk.rotate(&successor, DAY, NOON).unwrap_err();
    assert!(matches!(revoked, NotRotated::Ended { phase: Phase::Revoked, .. }), "{revoked}");
    let unknown = desk.rotate(&KeyId::parse("key_x").unwrap(), DAY, NOON).unwrap_err();
    assert!(matches!(unknown, NotRotated::Key(KeyNotFound::NoKey { .. })), "{unknown}");
}

#[test]
fn a_key_has_the_limits_it_was_given_last_whatever_its_phase() {
    let desk = Desk::new();
    let issued = desk.issue(Expiry::Never, NOON).credential;
    assert_eq!(issued.limits, rates("5/min,100/d"));
    let name = issued.key_id.clone().into();
    revoke(&desk, &issued.key_id);
    for list in ["7/h", ""] {
        let set = block_on(set_key_limits(&desk.store, &name, rates(list))).unwrap();
        let shown = block_on(show_key(&desk.store, &name)).unwrap();
        assert_eq!((set.credential.limits.clone(), shown), (rates(list), set));
    }
    let unknown = KeyId::parse("key_x").unwrap().into();
    let unknown = block_on(set_key_limits(&desk.store, &unknown, rates("1/s"))).unwrap_err();
    assert!(matches!(unknown, KeyNotFound::NoKey { .. }), "{unknown}");
}

fn revoke(desk: &Desk, key_id: &KeyId) {
    block_on(revoke_key(&desk.store, &key_id.clone().into(), NOON)).unwrap();
}

#[test]
fn revoking_twice_says_when_it_was_first() {
    let desk = Desk::new();
    let issued = desk.issue(Expiry::Never, NOON);
    let revoke =
        |now| block_on(revoke_key(&desk.store, &issued.credential.key_id.clone().into(), now)).unwrap();
    assert_eq!(revoke(NOON), Revocation::Revoked { at: NOON });
    assert_eq!(revoke(NOON.plus(HOUR)), Revocation::Already { at: NOON });
    assert!(!desk.usable(api_key(&issued), NOON));
}

#[test]
fn a_key_is_issued_to_nobody_unknown_in_no_unknown_dialect_and_with_no_more_scopes_than_fit() {
    let desk = Desk::new();
    let issue = |issue| block_on(desk.issuer().issue(issue, NOON)).unwrap_err();
    let nobody = Issue { consumer: name("nobody"), ..order(Form::ApiKey, Expiry::Never) };
    assert!(matches!(issue(nobody), NotIssued::Consumer(_)));
    let unknown = Form::Signature(DialectName::parse("unknown").unwrap());
    assert!(matches!(issue(order(unknown, Expiry::Never)), NotIssued::NoDialect { .. }));
    let many = (0..300).map(|n| countersign_model::Scope::parse(&format!("scope:{n}")).unwrap());
    let crowded = Issue { scopes: many.collect::<Scopes>(), ..order(Form::ApiKey, Expiry::Never) };
    assert!(matches!(issue(crowded), NotIssued::TooManyScopes { .. }));
    assert!(block_on(keys(&desk.store, None)).unwrap().is_empty());
}

#[test]
fn a_source_of_randomness_that_repeats_itself_issues_nothing_twice() {
    let desk = Desk::new();
    desk.issue(Expiry::Never, NOON);
    let again = Desk { entropy: Seeded::new(7), ..desk };
    let _master = MasterKey::generate(&again.entropy);
    let mut skipped = [0; 10];
    countersign_model::Entropy::fill(&again.entropy, &mut skipped);
    let refused = block_on(again.issuer().issue(order(Form::ApiKey, Expiry::Never), NOON)).unwrap_err();
    assert!(matches!(refused, NotIssued::Taken), "{refused}");
}

#[test]
fn storage_that_fails_issues_and_revokes_nothing() {
    let desk = Desk::new();
    let issued = desk.issue(Expiry::Never, NOON);
    desk.store.cut();
    assert!(block_on(desk.issuer().issue(order(Form::ApiKey, Expiry::Never), NOON)).is_err());
    assert!(block_on(revoke_key(&desk.store, &issued.credential.key_id.clone().into(), NOON)).is_err());
    assert!(desk.rotate(&issued.credential.key_id, HOUR, NOON).is_err());
    desk.store.mend();
    assert_eq!(block_on(keys(&desk.store, Some(&name("acme")))).unwrap().len(), 1);
}

/// Something that happens, in a history that nobody planned. Numbers choose among the keys that there are.
#[derive(Clone, Debug)]
enum Event {
    Issue { good_for: Option<u64> },
    Rotate { which: usize, overlap: u64 },
    Revoke { which: usize },
    Disable,
    Enable,
    Remove,
    Wait { seconds: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => proptest::option::of(0..200_u64).prop_map(|good_for| Event::Issue { good_for }),
        3 => (any::<usize>(), 0..200_u64).prop_map(|(which, overlap)| Event::Rotate { which, overlap }),
        2 => any::<usize>().prop_map(|which| Event::Revoke { which }),
        1 => Just(Event::Disable),
        2 => Just(Event::Enable),
        1 => Just(Event::Remove),
        4 => (0..100_u64).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

/// What a history says about a key: from when on it must not work.
struct Expected {
    key_id: KeyId,
    api_key: String,
    end: Option<UnixTime>,
}

impl Expected {
    fn of(issued: &Issued, end: Option<UnixTime>) -> Self {
        Self { key_id: issued.credential.key_id.clone(), api_key: api_key(issued).to_owned(), end }
    }

    fn end_by(&mut self, end: UnixTime) {
        self.end = Some(self.end.map_or(end, |known| known.min(end)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_key_works_after_its_end_and_every_key_works_until_then(events in prop::collection::vec(event(), 1..60)) {
        let desk = Desk::new();
        let mut now = NOON;
        let mut all: Vec<Expected> = Vec::new();
        let mut gone: Vec<Expected> = Vec::new();
        let mut enabled = true;
        for event in events {
            match event {
                Event::Issue { good_for } => {
                    let lifetime = good_for.map(Duration::from_secs);
                    let issued = desk.issue(lifetime.map_or(Expiry::Never, Expiry::After), now);
                    all.push(Expected::of(&issued, lifetime.map(|lifetime| now.plus(lifetime))));
                }
                Event::Rotate { which, overlap } if !all.is_empty() => {
                    let which = which % all.len();
                    let overlap = Duration::from_secs(overlap);
                    if let Ok(new) = desk.rotate(&all[which].key_id, overlap, now) {
                        all[which].end_by(now.plus(overlap));
                        let end = new.credential.life.ends_at();
                        all.push(Expected::of(&new, end));
                    }
                }
                Event::Revoke { which } if !all.is_empty() => {
                    let which = which % all.len();
                    block_on(revoke_key(&desk.store, &all[which].key_id.clone().into(), now)).unwrap();
                    all[which].end_by(now);
                }
                Event::Rotate { .. } | Event::Revoke { .. } => {}
                Event::Disable => {
                    block_on(disable_consumer(&desk.store, &name("acme"), now)).unwrap();
                    enabled = false;
                }
                Event::Enable => {
                    block_on(enable_consumer(&desk.store, &name("acme"))).unwrap();
                    enabled = true;
                }
                Event::Remove => {
                    let removed = block_on(remove_consumer(&desk.store, &name("acme"))).unwrap();
                    prop_assert_eq!(removed.credentials, all.len());
                    gone.append(&mut all);
                    block_on(add_consumer(&desk.store, name("acme"), now, &desk.entropy)).unwrap();
                    enabled = true;
                }
                Event::Wait { seconds } => now = now.plus(Duration::from_secs(seconds)),
            }
            for key in &all {
                let good = enabled && key.end.is_none_or(|end| now < end);
                prop_assert_eq!(desk.usable(&key.api_key, now), good, "{} at {:?}", key.key_id, now);
            }
            for key in &gone {
                prop_assert!(!desk.usable(&key.api_key, now), "{} of a consumer that is gone", key.key_id);
            }
        }
    }
}

#[test]
fn a_secret_is_made_in_a_form_that_its_dialect_can_decode() {
    let dialect = |name: &str, key: &str| {
        format!(
            "[dialect.{name}]\nkey_id = \"{{header.K}}\"\nsignature = \"{{header.S}}\"\nencoding = \"hex\"\n\
             key = \"{key}\"\nstring_to_sign = \"{{method}}\"\nalgorithm = \"hmac-sha256\"\n"
        )
    };
    let text = ["plain", "decoded", "hexed", "parted"]
        .into_iter()
        .zip(["{secret}", "{secret | unbase64}", "{secret | unhex}", "{secret.one}{secret.two | unbase64}"])
        .map(|(name, key)| dialect(name, key))
        .collect::<String>();
    let sources = [Source { origin: "test".to_owned(), text }];
    let dialects = Dialects::load(&sources).map_err(|mistakes| format!("{mistakes:?}")).unwrap();
    let desk = Desk { dialects, ..Desk::new() };
    for name in ["plain", "decoded", "hexed", "parted"] {
        let name = DialectName::parse(name).unwrap();
        let order = order(Form::Signature(name.clone()), Expiry::Never);
        let issued = block_on(desk.issuer().issue(order, NOON)).unwrap();
        let Material::Signature { secret, .. } = issued.material else { panic!("no secret") };
        let recipe = desk.dialects.get(&name).unwrap();
        assert!(recipe.check_secret(secret.expose().as_bytes()).is_ok(), "{name}");
        assert_eq!(secret.expose().starts_with("css_"), name.as_str() == "plain");
        assert_eq!(secret.expose().starts_with(r#"{"one":""#), name.as_str() == "parted");
    }
}
