//! `countersign dialect test` and `countersign dialect table`, on the dialects that come with the source.

use crate::support::{Folder, Ran, text};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn in_root(arguments: &[&str]) -> Ran {
    let folder = Folder::new();
    Ran::of(folder.command(arguments).current_dir(ROOT))
}

#[test]
fn the_page_of_schemes_is_what_the_command_prints() {
    let ran = in_root(&["dialect", "table", "dialects"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let page = std::fs::read_to_string(format!("{ROOT}/docs/schemes.md")).unwrap();
    assert!(ran.stdout == page, "make it anew: countersign dialect table dialects > docs/schemes.md");
}

#[test]
fn the_example_of_the_help_runs_and_prints_a_line_for_each_case() {
    let ran = in_root(&["dialect", "test", "dialects/webhooks/stripe.toml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("ok    stripe stripe/webhook: accepted\n"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\n2 cases, 0 of them failing\n"), "{}", ran.stdout);
}

#[test]
fn vectors_are_run_too_and_files_may_be_like_those_beside_them() {
    for (file, least) in [
        ("dialects/realm/dialect.toml", 50),
        ("dialects/pitchprint/dialect.toml", 50),
        ("dialects/exchanges/binanceus.toml", 2),
    ] {
        let ran = in_root(&["dialect", "test", file]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{file}: {}", ran.stdout);
        assert!(ran.stdout.lines().count() > least, "{file}: {}", ran.stdout);
    }
}

#[test]
fn a_case_that_does_not_come_to_what_it_must_is_named_and_the_test_ends_with_1() {
    let folder = Folder::new();
    let dialect = std::fs::read_to_string(format!("{ROOT}/dialects/webhooks/stripe.toml")).unwrap();
    let cases = std::fs::read_to_string(format!("{ROOT}/dialects/webhooks/stripe.cases.json")).unwrap();
    folder.write("stripe.toml", &dialect);
    assert_eq!(folder.refusal(&["dialect", "test", "stripe.toml"]), "NO_CASES");
    folder.write("stripe.cases.json", cases.replacen("\"now_ms\": 17", "\"now_ms\": 18", 1));
    let ran = folder.run(&["dialect", "test", "stripe.toml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert!(
        ran.stdout.starts_with("FAILS stripe stripe/webhook: late, and not accepted\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.ends_with("\n2 cases, 1 of them failing\n"), "{}", ran.stdout);
    let ran = folder.run(&["dialect", "test", "stripe.toml", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told[0]["ok"], text(&told[0], "found")), (&false.into(), "late"));
    folder.write("stripe.cases.json", "[{}]");
    assert_eq!(folder.refusal(&["dialect", "test", "stripe.toml"]), "WRONG_CASES");
}

#[test]
fn a_case_with_a_field_that_nobody_reads_or_with_two_bodies_is_refused_before_it_is_run() {
    let folder = Folder::new();
    let dialect = std::fs::read_to_string(format!("{ROOT}/dialects/webhooks/stripe.toml")).unwrap();
    let cases = std::fs::read_to_string(format!("{ROOT}/dialects/webhooks/stripe.cases.json")).unwrap();
    folder.write("stripe.toml", &dialect);
    for (old, new, told) in [
        ("\"now_ms\":", "\"expect\": \"late\", \"now_ms\":", "unknown field `expect`"),
        ("\"method\":", "\"verb\": \"GET\", \"method\":", "unknown field `verb`"),
        ("\"method\":", "\"body_base64\": \"\", \"method\":", "both `body` and `body_base64`"),
    ] {
        assert!(cases.contains(old), "{cases}");
        folder.write("stripe.cases.json", cases.replacen(old, new, 1));
        let ran = folder.run(&["dialect", "test", "stripe.toml"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn a_vector_whose_key_id_is_another_or_that_has_a_field_that_nobody_reads_is_told() {
    let folder = Folder::new();
    let vector = format!("{ROOT}/dialects/realm/vectors/accepted-post");
    std::fs::create_dir_all(folder.path("vectors/one")).unwrap();
    let dialect = std::fs::read_to_string(format!("{ROOT}/dialects/realm/dialect.toml")).unwrap();
    folder.write("realm.toml", dialect);
    folder.write(
        "vectors/one/request.http",
        std::fs::read_to_string(format!("{vector}/request.http")).unwrap(),
    );
    let verdict = std::fs::read_to_string(format!("{vector}/verdict.toml")).unwrap();
    assert!(verdict.contains("key_id = \"rk_live_example\""), "{verdict}");
    for (verdict, code, told) in [
        (verdict.clone(), 0, "ok    realm one: accepted"),
        (
            verdict.replace("rk_live_example", "rk_other"),
            1,
            "FAILS realm one: the key id is read as `rk_live_example`",
        ),
        (format!("{verdict}partt = \"x\"\n"), 1, "unknown field `partt`"),
    ] {
        folder.write("vectors/one/verdict.toml", verdict);
        let ran = folder.run(&["dialect", "test", "realm.toml"]);
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(told), "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn every_dialect_below_the_folder_of_dialects_is_listed_under_its_folder_and_shown_as_it_is_written() {
    let folder = Folder::new();
    let listed = folder.json(&["dialect", "list"]);
    let listed = listed.as_array().unwrap();
    for (place, name) in [("webhooks", "stripe"), ("exchanges", "kraken"), ("realm", "realm")] {
        assert!(listed.iter().any(|one| one["folder"] == place && text(one, "name") == name), "{name}");
    }
    assert_eq!(listed.iter().filter(|one| text(one, "name") == "stripe").count(), 1);
    let written = std::fs::read_to_string(format!("{ROOT}/dialects/webhooks/stripe.toml")).unwrap();
    assert_eq!(text(&folder.json(&["dialect", "show", "stripe"]), "source"), written);
}

#[test]
fn a_dialect_of_one_s_own_takes_the_place_of_one_that_comes_with_the_program_and_check_says_so() {
    let folder = Folder::new();
    folder.write("own.toml", "[dialect.stripe]\nlike = \"stripe\"\nwindow = \"1m\"\n");
    folder.write(
        "countersign.toml",
        "[[dialect]]\nfile = \"own.toml\"\n[[upstream]]\nname = \"api\"\nurl = \"http://127.0.0.1:9\"\n\
         [[route]]\npath = \"/x\"\nrequire = \"api-key\"\nupstream = \"api\"\n",
    );
    assert!(text(&folder.json(&["dialect", "show", "stripe"]), "source").contains("1m"));
    let listed = folder.json(&["dialect", "list"]);
    assert_eq!((text(&listed[0], "name"), &listed[0]["folder"]), ("stripe", &serde_json::Value::Null));
    let told = folder.json(&["check"]);
    assert!(text(&told["warnings"][0], "found").contains("your `stripe` stands in the place"), "{told}");
}
