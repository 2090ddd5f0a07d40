//! `countersign consumer`.

use serde_json::json;

use crate::support::{Folder, members, text};

#[test]
fn the_life_of_a_consumer() {
    let folder = Folder::new();
    assert_eq!(folder.json(&["consumer", "list"]), json!([]));
    let added = folder.json(&["consumer", "add", "My Shop (EU)"]);
    assert_eq!(members(&added), ["added_at", "consumer_id", "name", "state"]);
    assert_eq!(folder.refusal(&["consumer", "add", "My Shop (EU)"]), "NAME_TAKEN");
    assert_eq!(folder.json(&["consumer", "list"]), json!([added]));
    folder.json(&["key", "issue", "--consumer", "My Shop (EU)"]);

    let disabled = folder.json(&["consumer", "disable", "My Shop (EU)"]);
    assert_eq!(members(&disabled), ["added_at", "consumer_id", "disabled_at", "name", "state"]);
    let shown = folder.json(&["consumer", "show", "My Shop (EU)"]);
    assert_eq!(text(&shown, "state"), "disabled");
    assert_eq!(text(&shown["keys"][0], "consumer_state"), "disabled");
    assert!(folder.text(&["key", "list"]).contains("active (consumer disabled)"));
    assert_eq!(
        folder.json(&["consumer", "disable", "My Shop (EU)"]),
        disabled,
        "to disable twice changes nothing"
    );

    assert_eq!(folder.json(&["consumer", "enable", "My Shop (EU)"]), added);
    let removed = folder.json(&["consumer", "remove", "My Shop (EU)"]);
    assert_eq!(removed["keys_removed"], 1);
    assert_eq!(folder.json(&["key", "list"]), json!([]));
    for act in ["show", "disable", "enable", "remove"] {
        assert_eq!(folder.refusal(&["consumer", act, "My Shop (EU)"]), "CONSUMER_NOT_FOUND");
    }
}

#[test]
fn lists_line_up_for_eyes() {
    let folder = Folder::new();
    assert!(folder.text(&["consumer", "list"]).contains("consumer add"));
    folder.text(&["consumer", "add", "a"]);
    folder.text(&["consumer", "add", "a longer one"]);
    let list = folder.text(&["consumer", "list"]);
    let columns: Vec<usize> =
        list.lines().map(|line| line.find("STATE").or_else(|| line.find("enabled")).unwrap()).collect();
    assert_eq!(columns, [14, 14, 14], "{list}");
    assert!(!list.contains('\u{1b}'), "no colour where nobody looks");
}

#[test]
fn a_consumer_is_given_limits_and_others() {
    let folder = Folder::new();
    let added = folder.json(&["consumer", "add", "acme", "--limit", "100/min", "--limit", "1000/h"]);
    assert_eq!(added["limits"], json!(["100/min", "1000/h"]));
    assert!(folder.text(&["consumer", "list"]).contains("  100/min, 1000/h  "));
    assert!(folder.text(&["consumer", "show", "acme"]).contains("limits  100/min, 1000/h\n"));
    assert_eq!(folder.json(&["consumer", "set-limits", "acme", "5/s"])["limits"], json!(["5/s"]));
    assert!(folder.json(&["consumer", "set-limits", "acme", "--none"]).get("limits").is_none());
    assert_eq!(folder.refusal(&["consumer", "add", "b", "--limit", "1/s", "--limit", "2/s"]), "WRONG_LIMITS");
    assert_eq!(folder.refusal(&["consumer", "set-limits", "nobody", "1/s"]), "CONSUMER_NOT_FOUND");
}
