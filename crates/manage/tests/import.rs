//! Credentials of other makers: what is taken over, as what, and what is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::cell::Cell;
use std::time::Duration;

use common::{NOON, Seeded, block_on, name, scopes};
use countersign_dialect::Dialects;
use countersign_manage::{
    AbsentConsumers, Expiry, Foreign, ForeignSecret, Import, ImportLine, ImportRun, Imported, Importer,
    KeyName, KeyNotFound, MIN_API_KEY_LEN, MIN_SECRET_LEN, NotImported, NotImportedAll, NotRotated, Weakness,
    WrongMasterKey, add_consumer, keys, recognise_master_key, show_key,
};
use countersign_model::{CredentialKind, DialectName, KeyId, Life, Origin, Rates, Secret};
use countersign_store::testing::MemoryStore;
use countersign_store::{Consumers as _, Credentials as _, KeyChecks as _};
use countersign_token::key::{self, Within};
use countersign_token::{Binding, MasterKey, Sealer};

struct Desk {
    store: MemoryStore,
    master: MasterKey,
    sealer: Sealer,
    dialects: Dialects,
    entropy: Seeded,
}

const SECRET: &str = "fake-shared-secret-0123456789-abcdef";

impl Desk {
    fn new() -> Self {
        let entropy = Seeded::new(7);
        let master = MasterKey::generate(&entropy);
        let sealer = Sealer::new(&master);
        let desk = Self { store: MemoryStore::new(), master, sealer, dialects: Dialects::builtin(), entropy };
        for consumer in ["acme", "other"] {
            block_on(add_consumer(&desk.store, name(consumer), NOON, &desk.entropy)).unwrap();
        }
        desk
    }

    fn importer(&self, weakness: Weakness) -> Importer<'_> {
        let Self { store, sealer, dialects, entropy, .. } = self;
        Importer { store, sealer, dialects, entropy, weakness }
    }

    fn import(&self, import: Import) -> Result<Imported, NotImported> {
        block_on(self.importer(Weakness::Refuse).import(import, NOON))
    }

    fn refusal(&self, import: Import) -> NotImported {
        self.import(import).unwrap_err()
    }

    /// The secret as it is kept.
    fn opened(&self, imported: &Imported) -> Vec<u8> {
        let CredentialKind::Signature { dialect, secret } = &imported.credential.kind else {
            panic!("no secret")
        };
        let binding = Binding { key_id: &imported.credential.key_id, dialect };
        self.sealer.open(secret, binding).unwrap().expose().clone()
    }
}

fn dialect(text: &str) -> DialectName {
    DialectName::parse(text).unwrap()
}

fn key_id(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

fn import(foreign: Foreign, id: Option<&str>) -> Import {
    Import {
        consumer: name("acme"),
        key_id: id.map(key_id),
        foreign,
        scopes: scopes("a"),
        limits: Rates::default(),
        expiry: Expiry::Never,
        label: None,
    }
}

fn api_key(text: &str) -> Foreign {
    Foreign::ApiKey(Secret::new(text.to_owned()))
}

fn shared(name: &str, secret: &str) -> Foreign {
    let secret = ForeignSecret::Shared(Secret::new(secret.as_bytes().to_vec()));
    Foreign::Signature { dialect: dialect(name), api_key: None, secret }
}

fn public(name: &str, key: &str) -> Foreign {
    let secret = ForeignSecret::PublicKey(key.as_bytes().to_vec());
    Foreign::Signature { dialect: dialect(name), api_key: None, secret }
}

#[test]
fn a_signing_secret_is_kept_as_it_was_given_and_found_by_its_key_id_in_its_dialect() {
    let desk = Desk::new();
    let imported = desk.import(import(shared("aws-sigv4", SECRET), Some("AKID/+="))).unwrap();
    assert_eq!(imported.credential.origin, Origin::Imported);
    assert_eq!(desk.opened(&imported), SECRET.as_bytes());
    let (aws, other) = (dialect("aws-sigv4"), dialect("cavage"));
    let found = |within: Within<'_>| {
        let digest = key::look_up_digest("AKID/+=", within);
        block_on(desk.store.credential_by_digest(&digest)).unwrap().is_some()
    };
    assert!(found(Within::Dialect(&aws)));
    assert!(!found(Within::Dialect(&other)) && !found(Within::Everywhere));
}

#[test]
fn a_key_that_opens_routes_alone_is_kept_as_a_digest_and_never_as_a_name() {
    let desk = Desk::new();
    assert!(matches!(
        desk.refusal(import(shared("realm", SECRET), Some("realm_key_0123456789"))),
        NotImported::KeyIsSecret { .. }
    ));
    let with_key = |key: &str| Foreign::Signature {
        dialect: dialect("realm"),
        api_key: Some(Secret::new(key.to_owned())),
        secret: ForeignSecret::Shared(Secret::new(SECRET.as_bytes().to_vec())),
    };
    let key = "realm_key_0123456789abcdef";
    assert!(matches!(desk.refusal(import(with_key(key), Some(key))), NotImported::KeyAsName));
    let imported = desk.import(import(with_key(key), None)).unwrap();
    assert!(imported.credential.key_id.as_str().starts_with("key_"));
    assert_eq!(imported.credential.digest, key::digest(key));
    // One and the same everywhere: as a plain API key it would be somebody else's.
    assert!(matches!(desk.refusal(import(api_key(key), None)), NotImported::Taken { .. }));
    let other = Foreign::Signature {
        dialect: dialect("kraken"),
        api_key: Some(Secret::new(key.to_owned())),
        secret: ForeignSecret::Shared(Secret::new(b"c2VjcmV0c2VjcmV0c2VjcmV0".to_vec())),
    };
    assert!(matches!(desk.refusal(import(other, Some("K"))), NotImported::KeyIsPublic { .. }));
}

#[test]
fn what_is_easily_guessed_is_refused_up_to_a_length_and_taken_where_somebody_means_it() {
    let desk = Desk::new();
    let secret = |len: usize| import(shared("github", &"ab".repeat(len)[..len]), None);
    assert!(matches!(desk.refusal(secret(MIN_SECRET_LEN - 1)), NotImported::ShortSecret { found: 15 }));
    assert!(desk.import(secret(MIN_SECRET_LEN)).is_ok());
    assert!(matches!(
        desk.refusal(import(shared("github", &"0".repeat(64)), None)),
        NotImported::Placeholder
    ));
    let key = |len: usize| import(api_key(&"k".repeat(len)), None);
    assert!(matches!(desk.refusal(key(MIN_API_KEY_LEN - 1)), NotImported::ShortApiKey { found: 19 }));
    assert!(desk.import(key(MIN_API_KEY_LEN)).is_ok());
    let meant = desk.importer(Weakness::DangerTake);
    assert!(block_on(meant.import(secret(1), NOON)).is_ok());
    assert!(block_on(meant.import(key(1), NOON)).is_ok());
    for empty in [secret(0), key(0)] {
        assert!(matches!(block_on(meant.import(empty, NOON)).unwrap_err(), NotImported::Empty));
    }
}

/// The key of RFC 8032 section 7.1, test 1.
const ED25519_HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// The generators of P-256 (FIPS 186) and of secp256k1 (SEC 2), which are points as any public key is.
const P256_HEX: &str = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

#[test]
fn a_bare_public_key_is_kept_in_a_form_that_no_dialect_takes_for_a_shared_secret() {
    let desk = Desk::new();
    // Binance takes HMAC, Ed25519 and RSA: as a secret of the first, a public key would let everybody sign.
    let imported = desk.import(import(public("binance", ED25519_HEX), Some("B1"))).unwrap();
    let kept = String::from_utf8(desk.opened(&imported)).unwrap();
    assert!(kept.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{kept}");
    let turnkey = desk.import(import(public("turnkey", P256_HEX), Some("T1"))).unwrap();
    assert!(desk.opened(&turnkey).starts_with(b"-----BEGIN PUBLIC KEY-----"));
    // Discord's dialect reads hex by itself.
    let discord = desk.import(import(public("discord", ED25519_HEX), None)).unwrap();
    assert_eq!(desk.opened(&discord), ED25519_HEX.as_bytes());
    for (dialect, key) in
        [("turnkey", ED25519_HEX), ("revolutx", P256_HEX), ("kraken", ED25519_HEX), ("revolutx", "")]
    {
        let refusal = desk.refusal(import(public(dialect, key), Some("X")));
        assert!(matches!(refusal, NotImported::NoPublicKey { .. }), "{dialect} {key}: {refusal}");
    }
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
    assert!(matches!(desk.refusal(import(shared("binance", pem), Some("B2"))), NotImported::PublicAsSecret));
    assert!(desk.import(import(public("binance", pem), Some("B2"))).is_ok());
    for (kind, private) in [("PRIVATE KEY", true), ("EC PRIVATE KEY", true), ("CERTIFICATE", false)] {
        let text = format!("-----BEGIN {kind}-----\nMCow\n-----END {kind}-----\n");
        let refusal = desk.refusal(import(public("binance", &text), Some("B3")));
        assert_eq!(matches!(refusal, NotImported::PrivateKey), private, "{refusal}");
    }
}

#[test]
fn requests_that_carry_a_key_id_want_one_and_for_webhooks_one_is_made() {
    let desk = Desk::new();
    assert!(matches!(desk.refusal(import(shared("aws-sigv4", SECRET), None)), NotImported::NoKeyId { .. }));
    let hook = desk.import(import(shared("github", SECRET), None)).unwrap();
    assert!(hook.credential.key_id.as_str().starts_with("key_"));
    assert!(matches!(desk.refusal(import(shared("nobody", SECRET), None)), NotImported::NoDialect { .. }));
    let kraken = import(shared("kraken", "no base64 at all, is it?"), Some("K"));
    assert!(matches!(desk.refusal(kraken), NotImported::DoesNotFit { .. }));
    let expired = Import { expiry: Expiry::Until(NOON), ..import(shared("github", SECRET), None) };
    assert!(matches!(desk.refusal(expired), NotImported::Past));
}

#[test]
fn a_key_is_replaced_by_an_import_for_the_same_consumer_and_dialect_alone() {
    let desk = Desk::new();
    desk.import(import(shared("github", SECRET), Some("old"))).unwrap();
    let old = KeyName::from(key_id("old"));
    let replace = |import: Import| {
        let hour = Duration::from_hours(1);
        block_on(desk.importer(Weakness::Refuse).replace(&old, hour, import, NOON))
    };
    let new = || import(shared("github", SECRET), Some("new"));
    let of_another = Import { consumer: name("other"), ..new() };
    assert!(matches!(replace(of_another).unwrap_err(), NotRotated::Import(NotImported::OfAnother { .. })));
    let of_another_kind = import(shared("aws-sigv4", SECRET), Some("new"));
    assert!(matches!(
        replace(of_another_kind).unwrap_err(),
        NotRotated::Import(NotImported::OfAnotherKind { .. })
    ));
    let (replaced, imported) = replace(new()).unwrap();
    let until = NOON.plus(Duration::from_hours(1));
    assert_eq!(replaced.life, Life::Rotating { until, successor: imported.credential.key_id });
    let signers = block_on(desk.store.signers(&name("acme"), &dialect("github"), NOON)).unwrap();
    assert_eq!(signers.len(), 2);
    assert!(matches!(replace(new()).unwrap_err(), NotRotated::Rotating { .. }));
}

#[test]
fn of_several_keys_of_one_name_a_command_wants_the_dialect() {
    let desk = Desk::new();
    for name in ["aws-sigv4", "cavage"] {
        desk.import(import(shared(name, SECRET), Some("K"))).unwrap();
    }
    // A name that commands could take for another's is not given to an API key.
    let taken = desk.refusal(import(api_key("sk_live_0123456789abcdef"), Some("K")));
    assert!(matches!(taken, NotImported::Taken { .. }));
    let find = |dialect| block_on(show_key(&desk.store, &KeyName { key_id: key_id("K"), dialect }));
    let refusal = find(None).unwrap_err();
    assert!(matches!(&refusal, KeyNotFound::Several { .. }));
    assert_eq!(
        refusal.to_string(),
        "there are several keys `K`: say in which dialect, `aws-sigv4` or `cavage`"
    );
    assert_eq!(find(Some(dialect("cavage"))).unwrap().credential.kind.dialect(), Some(&dialect("cavage")));
    assert!(find(Some(dialect("kraken"))).is_err());
}

fn line(line: usize, consumer: &str, id: &str) -> ImportLine {
    let import = Import { consumer: name(consumer), ..import(shared("aws-sigv4", SECRET), Some(id)) };
    ImportLine { line, import }
}

#[test]
fn of_a_list_all_mistakes_are_told_and_nothing_is_written_before_there_are_none() {
    let desk = Desk::new();
    desk.import(import(shared("aws-sigv4", SECRET), Some("there"))).unwrap();
    let importer = desk.importer(Weakness::Refuse);
    let seen = Cell::new(0);
    let run = |lines: Vec<ImportLine>, absent, run| {
        block_on(importer.import_all(lines, absent, run, NOON, &|done| seen.set(done)))
    };
    let wrong =
        vec![line(2, "acme", "K1"), line(3, "acme", "there"), line(5, "new", "K2"), line(6, "acme", "K1")];
    let Err(NotImportedAll::Mistakes(mistakes)) = run(wrong, AbsentConsumers::Refuse, ImportRun::Write)
    else {
        panic!("no mistake");
    };
    assert!(matches!(
        mistakes.as_slice(),
        [
            (3, NotImported::Taken { .. }),
            (5, NotImported::Consumer(_)),
            (6, NotImported::Repeated { earlier: 2 })
        ]
    ));
    assert_eq!(seen.get(), 4);
    assert_eq!(block_on(keys(&desk.store, None)).unwrap().len(), 1);

    let right = || vec![line(2, "acme", "K1"), line(3, "new", "K2"), line(4, "new", "K3")];
    for (what, credentials, consumers) in [(ImportRun::Dry, 1, 2), (ImportRun::Write, 4, 3)] {
        let done = run(right(), AbsentConsumers::Add, what).unwrap();
        assert_eq!((done.imported.len(), done.added.len()), (3, 1));
        assert_eq!(block_on(keys(&desk.store, None)).unwrap().len(), credentials);
        assert_eq!(block_on(desk.store.consumers()).unwrap().len(), consumers);
    }
}

#[test]
fn a_master_key_is_recognised_and_another_is_refused_also_before_a_check_was_kept() {
    let desk = Desk::new();
    let other = MasterKey::generate(&Seeded::new(8));
    let recognise = |master| block_on(recognise_master_key(&desk.store, master));
    // A database from before checks were kept: it is known by what opens.
    desk.import(import(shared("github", SECRET), None)).unwrap();
    assert!(matches!(recognise(&other).unwrap_err(), WrongMasterKey::DoesNotOpen { .. }));
    assert_eq!(block_on(desk.store.key_check()).unwrap(), None);
    recognise(&desk.master).unwrap();
    recognise(&desk.master).unwrap();
    let refusal = recognise(&other).unwrap_err();
    assert!(
        matches!(refusal, WrongMasterKey::Another { wanted, found } if wanted == desk.master.check() && found == other.check())
    );
}
