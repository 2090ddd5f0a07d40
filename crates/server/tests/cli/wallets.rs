//! `countersign wallet` and `countersign token`.

use serde_json::json;

use crate::support::{Folder, members, text};

const ADDRESS: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

#[test]
fn a_wallet_gets_scopes_and_loses_them() {
    let folder = Folder::new();
    let granted = folder.json(&["wallet", "grant", ADDRESS, "--scope", "b", "--scope", "a"]);
    let expected = json!({ "address": ADDRESS.to_lowercase(), "scopes": ["a", "b"] });
    assert_eq!(granted, expected);
    assert_eq!(folder.json(&["wallet", "list"]), json!([expected]));
    assert!(folder.text(&["wallet", "list"]).contains(ADDRESS), "eyes see the checksummed form");
    let revoked = folder.json(&["wallet", "revoke", &ADDRESS.to_lowercase()]);
    assert_eq!(revoked, json!({ "address": ADDRESS.to_lowercase(), "sessions_ended": 0 }));
    assert_eq!(folder.refusal(&["wallet", "revoke", ADDRESS]), "WALLET_NOT_FOUND");
}

#[test]
fn token_keys_are_rotated_and_the_old_ones_removed() {
    let folder = Folder::new();
    assert_eq!(folder.json(&["token", "list"]), json!([]));
    let first = folder.json(&["token", "rotate"]);
    assert_eq!(members(&first), ["made_at", "token_key", "use"]);
    assert_eq!(folder.refusal(&["token", "remove", text(&first, "token_key")]), "TOKEN_KEY_SIGNS");
    let second = folder.json(&["token", "rotate"]);
    let list = folder.json(&["token", "list"]);
    assert_eq!(list[0], second);
    assert_eq!((text(&list[1], "token_key"), text(&list[1], "use")), (text(&first, "token_key"), "verifies"));
    folder.json(&["token", "remove", text(&first, "token_key")]);
    assert_eq!(folder.refusal(&["token", "remove", text(&first, "token_key")]), "TOKEN_KEY_NOT_FOUND");
}
