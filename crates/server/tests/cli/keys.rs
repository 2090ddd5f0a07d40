//! `countersign key`.

use serde_json::json;

use crate::support::{Folder, members, text};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.json(&["consumer", "add", "acme"]);
    folder
}

#[test]
fn issuing_answers_exactly_what_the_manual_says() {
    let folder = folder();
    let plain = folder.issue(&[]);
    assert_eq!(members(&plain), ["api_key", "consumer", "key_id", "scopes"]);
    assert_eq!((text(&plain, "consumer"), &plain["scopes"]), ("acme", &json!([])));
    assert!(text(&plain, "api_key").starts_with("csk_"));
    let scoped = folder.issue(&["--scope", "b", "--scope", "a", "--expires", "90d", "--label", "shop"]);
    assert_eq!(members(&scoped), ["api_key", "consumer", "expires_at", "key_id", "scopes"]);
    assert_eq!(scoped["scopes"], json!(["a", "b"]));
    let signing = folder.issue(&["--dialect", "realm"]);
    assert_eq!(members(&signing), ["api_key", "consumer", "dialect", "key_id", "scopes", "secret"]);
    assert_eq!(text(&signing, "dialect"), "realm");
    assert!(text(&signing, "secret").starts_with("css_"));
}

#[test]
fn the_key_of_a_dialect_looks_like_what_it_opens() {
    let folder = folder();
    assert!(
        text(&folder.issue(&["--dialect", "realm"]), "api_key").starts_with("csk_"),
        "it opens routes alone"
    );
    assert!(text(&folder.issue(&["--dialect", "pitchprint"]), "api_key").starts_with("csp_"), "it is public");
}

#[test]
fn the_life_of_a_key_from_its_issue_to_its_end() {
    let folder = folder();
    let issued = folder.issue(&["--dialect", "realm", "--scope", "a", "--label", "shop"]);
    let id = text(&issued, "key_id");

    let shown = folder.json(&["key", "show", id]);
    let expected = [
        "consumer",
        "consumer_state",
        "dialect",
        "issued_at",
        "key_id",
        "kind",
        "label",
        "origin",
        "scopes",
        "state",
    ];
    assert_eq!(members(&shown), expected);
    assert_eq!(
        (text(&shown, "kind"), text(&shown, "state"), text(&shown, "label")),
        ("signature", "active", "shop")
    );

    let rotated = folder.json(&["key", "rotate", id, "--overlap", "1h"]);
    let expected =
        ["api_key", "consumer", "dialect", "key_id", "replaced_until", "replaces", "scopes", "secret"];
    assert_eq!(members(&rotated), expected);
    assert_eq!((text(&rotated, "replaces"), &rotated["scopes"]), (id, &json!(["a"])));
    let successor = text(&rotated, "key_id");
    assert_ne!(text(&rotated, "api_key"), text(&issued, "api_key"));
    assert_ne!(text(&rotated, "secret"), text(&issued, "secret"));

    let old = folder.json(&["key", "show", id]);
    assert_eq!((text(&old, "state"), text(&old, "replaced_by")), ("rotating", successor));
    assert_eq!(text(&old, "expires_at"), text(&rotated, "replaced_until"));
    assert_eq!(folder.refusal(&["key", "rotate", id]), "KEY_NOT_ACTIVE");

    let revoked = folder.json(&["key", "revoke", successor]);
    assert_eq!(members(&revoked), ["key_id", "revoked_at", "state"]);
    let again = folder.json(&["key", "revoke", successor]);
    assert_eq!(again["revoked_at"], revoked["revoked_at"], "to revoke twice changes nothing");
    assert_eq!(text(&folder.json(&["key", "show", successor]), "state"), "revoked");
    assert_eq!(folder.refusal(&["key", "rotate", successor]), "KEY_NOT_ACTIVE");

    let states: Vec<String> = folder
        .json(&["key", "list", "--consumer", "acme"])
        .as_array()
        .unwrap()
        .iter()
        .map(|key| text(key, "state").to_owned())
        .collect();
    assert_eq!(states, ["rotating", "revoked"]);
}

#[test]
fn a_rotation_without_overlap_ends_the_old_key_at_once() {
    let folder = folder();
    let issued = folder.issue(&["--expires", "90d"]);
    let rotated = folder.json(&["key", "rotate", text(&issued, "key_id"), "--overlap", "0s"]);
    let old = folder.json(&["key", "show", text(&issued, "key_id")]);
    assert_eq!(text(&old, "state"), "expired");
    assert!(
        text(&rotated, "expires_at") > text(&issued, "expires_at"),
        "the new one gets its 90 days from now"
    );
}

#[test]
fn nothing_secret_is_shown_a_second_time_nor_kept_in_clear() {
    let folder = folder();
    let issued = folder.issue(&["--dialect", "pitchprint"]);
    let (api_key, secret) = (text(&issued, "api_key"), text(&issued, "secret"));
    let id = text(&issued, "key_id");
    for arguments in [&["key", "show", id][..], &["key", "list"], &["consumer", "show", "acme"]] {
        for said in [folder.text(arguments), folder.json(arguments).to_string()] {
            assert!(!said.contains(secret) && !said.contains(api_key), "{said}");
        }
    }
    for entry in std::fs::read_dir(folder.path("countersign-data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
        assert!(!holds(secret) && !holds(api_key));
    }
}

#[test]
fn eyes_are_told_that_a_secret_is_shown_this_once() {
    let folder = folder();
    let said = folder.text(&["key", "issue", "--consumer", "acme"]);
    assert!(said.contains("api key   csk_") && said.contains("shown this once"), "{said}");
    let said = folder.text(&["key", "issue", "--consumer", "acme", "--dialect", "realm"]);
    assert!(said.contains("secret    css_") && said.contains("shown this once"), "{said}");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let folder = folder();
    assert_eq!(folder.refusal(&["key", "show", "key_x"]), "KEY_NOT_FOUND");
    assert_eq!(folder.refusal(&["key", "revoke", "key_x"]), "KEY_NOT_FOUND");
    assert_eq!(folder.refusal(&["key", "rotate", "key_x"]), "KEY_NOT_FOUND");
    assert_eq!(folder.refusal(&["key", "list", "--consumer", "nobody"]), "CONSUMER_NOT_FOUND");
    assert_eq!(folder.refusal(&["key", "issue", "--consumer", "nobody"]), "CONSUMER_NOT_FOUND");
    assert_eq!(
        folder.refusal(&["key", "issue", "--consumer", "acme", "--dialect", "x"]),
        "DIALECT_NOT_FOUND"
    );
}

#[test]
fn a_dialect_of_the_users_own_can_be_issued_for() {
    let folder = folder();
    let config = std::fs::read_to_string(folder.path("countersign.toml")).unwrap();
    folder.write("countersign.toml", format!("{config}\n[[dialect]]\nfile = \"mine.toml\"\n"));
    folder.write("mine.toml", "[dialect.mine]\nlike = \"realm\"\n");
    assert_eq!(text(&folder.issue(&["--dialect", "mine"]), "dialect"), "mine");
    folder.write("mine.toml", "[dialect.mine]\nlike = \"relm\"\n");
    assert_eq!(folder.refusal(&["key", "issue", "--consumer", "acme"]), "WRONG_CONFIGURATION");
    let issued = folder.json(&["key", "list"]);
    let id = text(&issued[0], "key_id");
    assert_eq!(
        text(&folder.json(&["key", "revoke", id]), "state"),
        "revoked",
        "a key can be revoked all the same"
    );
}

#[test]
fn limits_are_given_shown_changed_and_taken() {
    let folder = folder();
    let issued = folder.issue(&["--limit", "5000/d", "--limit", "10/s burst 20"]);
    assert_eq!(members(&issued), ["api_key", "consumer", "key_id", "limits", "scopes"]);
    assert_eq!(issued["limits"], json!(["10/s burst 20", "5000/d"]));
    let id = text(&issued, "key_id");
    folder.json(&["consumer", "set-limits", "acme", "9/min"]);
    let shown = folder.json(&["key", "show", id]);
    assert_eq!(shown["limits"], issued["limits"]);
    let said = folder.text(&["key", "show", id]);
    assert!(said.contains("limits                  10/s burst 20, 5000/d\n"), "{said}");
    assert!(said.contains("limits of the consumer  9/min\n"), "{said}");
    for listed in [folder.text(&["key", "list"]), folder.text(&["consumer", "show", "acme"])] {
        assert!(listed.contains("  LIMITS ") && listed.contains("  10/s burst 20, 5000/d"), "{listed}");
    }
    assert_eq!(folder.json(&["key", "rotate", id])["limits"], issued["limits"]);
    let set = folder.json(&["key", "set-limits", id, "7/h"]);
    assert_eq!((&set["limits"], text(&set, "state")), (&json!(["7/h"]), "rotating"));
    let none = folder.text(&["key", "set-limits", id, "--none"]);
    assert_eq!(none.trim_end(), format!("the limits of {id} are now: none"));
    assert!(folder.json(&["key", "show", id]).get("limits").is_none());
    assert_eq!(folder.refusal(&["key", "set-limits", id, "7/h", "8/60min"]), "WRONG_LIMITS");
    assert_eq!(folder.refusal(&["key", "set-limits", "key_x", "7/h"]), "KEY_NOT_FOUND");
}
