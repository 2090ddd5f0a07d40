//! First starts, sudden ends and lost keys.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Folder, Ran, text};

#[test]
fn a_key_whose_issue_was_answered_is_there_though_the_process_is_killed_at_once() {
    let folder = Folder::new();
    folder.json(&["consumer", "add", "acme"]);
    for _ in 0..20 {
        let arguments = ["key", "issue", "--consumer", "acme", "--dialect", "realm", "--json"];
        let mut child = folder.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut answer = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let issued: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(text(&folder.json(&["key", "show", text(&issued, "key_id")]), "state"), "active");
    }
}

#[test]
fn processes_that_start_together_in_an_empty_folder_all_succeed() {
    let folder = Folder::new();
    let children: Vec<_> = (0..8)
        .map(|n| {
            let name = format!("consumer-{n}");
            let mut command = folder.command(&["consumer", "add", &name]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(folder.json(&["consumer", "list"]).as_array().unwrap().len(), 8);
    let files = std::fs::read_dir(folder.path("countersign-data")).unwrap();
    let drafts = files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(drafts.count(), 0);
}

#[test]
fn what_is_made_on_first_use_is_for_its_owner_alone() {
    let folder = Folder::new();
    folder.json(&["consumer", "list"]);
    let mode = |name: &str| std::fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("countersign-data/master.key"), 0o600);
    assert_eq!(mode("countersign-data/countersign.db"), 0o600);
    assert_eq!(mode("countersign-data"), 0o700);
}

#[test]
fn a_master_key_that_others_can_read_is_refused_until_it_is_mended() {
    let folder = Folder::new();
    folder.json(&["consumer", "list"]);
    let key = folder.path("countersign-data/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = folder.run(&["consumer", "list"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.json(&["consumer", "list"]);
}

#[test]
fn no_new_master_key_is_made_for_a_database_that_has_lost_its_own() {
    let folder = Folder::new();
    folder.json(&["consumer", "list"]);
    let key = folder.path("countersign-data/master.key");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(folder.refusal(&["consumer", "list"]), "STORE_NOT_OPENED");
    assert!(!key.exists());
}

#[test]
fn the_master_key_can_come_from_the_environment() {
    let folder = Folder::new();
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let list = |name: &str, value: &str| Ran::of(folder.command(&["consumer", "list"]).env(name, value));
    assert_eq!(list("COUNTERSIGN__MASTER_KEY__VALUE", key).code, 0);
    assert!(!folder.path("countersign-data/master.key").exists());
    folder.write("secret", format!("{key}\n"));
    assert_eq!(list("COUNTERSIGN__MASTER_KEY__VALUE_FILE", "secret").code, 0);
    let refused = list("COUNTERSIGN__MASTER_KEY__VALUE", "hunter2");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("64 hex digits") && !refused.stderr.contains("hunter2"),
        "{}",
        refused.stderr
    );
}
