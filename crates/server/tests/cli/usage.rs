//! What the command line takes, and how it ends.

use serde_json::Value;

use crate::support::{Folder, Ran, members, text};

#[test]
fn wrong_usage_ends_with_2_and_says_so_in_the_form_that_was_asked_for() {
    let folder = Folder::new();
    let wrong: [&[&str]; 8] = [
        &[],
        &["bogus"],
        &["key"],
        &["key", "issue"],
        &["key", "issue", "--consumer", "acme", "--expires", "soon"],
        &["key", "issue", "--consumer", "acme", "--expires", "0s"],
        &["consumer", "add", "Zoë"],
        &["wallet", "grant", "0x12", "--scope", "a"],
    ];
    for arguments in wrong {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        let ran = folder.run(&[arguments, &["--json"]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        let error: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((members(&error), text(&error, "code")), (vec!["code", "message"], "WRONG_USAGE"));
    }
    assert!(!folder.path("countersign-data").exists(), "nothing was touched");
}

#[test]
fn help_and_version_end_with_0() {
    let folder = Folder::new();
    for arguments in [&["--help"][..], &["key", "issue", "--help"], &["--version"]] {
        assert_eq!(folder.run(arguments).code, 0, "{arguments:?}");
    }
}

#[test]
fn eyes_get_a_refusal_on_standard_error_and_nothing_on_standard_output() {
    let ran = Folder::new().run(&["key", "show", "key_x"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", "error: there is no key `key_x`\n")
    );
}

#[test]
fn completions_are_a_script_that_a_shell_can_read() {
    let folder = Folder::new();
    folder.write("completions.bash", folder.text(&["completions", "bash"]));
    let ran = Ran::of(std::process::Command::new("bash").arg("-n").arg(folder.path("completions.bash")));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn the_configuration_is_named_by_an_option_or_by_the_environment() {
    let folder = Folder::new();
    folder.write("other.toml", "[store]\nurl = \"sqlite:other/other.db\"\n");
    folder.json(&["consumer", "add", "acme", "--config", "other.toml"]);
    assert!(folder.path("other/other.db").exists() && folder.path("other/master.key").exists());
    let ran = Ran::of(folder.command(&["consumer", "show", "acme"]).env("COUNTERSIGN_CONFIG", "other.toml"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let url = ("COUNTERSIGN__STORE__URL", "sqlite:other/other.db");
    let ran = Ran::of(folder.command(&["consumer", "show", "acme"]).env(url.0, url.1));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(folder.refusal(&["consumer", "list", "--config", "none.toml"]), "CONFIGURATION_NOT_FOUND");
    assert!(!folder.path("countersign-data").exists());
}

#[test]
fn without_a_configuration_commands_use_the_defaults() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path("countersign.toml")).unwrap();
    folder.json(&["consumer", "add", "acme"]);
    assert!(folder.path("countersign-data/countersign.db").exists());
}
