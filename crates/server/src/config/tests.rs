//! What a configuration may say, and how each mistake in one is told.

use std::path::{Path, PathBuf};

use countersign_model::{DialectName, Rate};
use countersign_verify::Per;
use proptest::prelude::*;

use super::*;

const SMALLEST: &str = r#"
    [[upstream]]
    name = "api"
    url = "http://127.0.0.1:9000"

    [[route]]
    path = "/{*rest}"
    require = "api-key"
    upstream = "api"
"#;

fn parse_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let file = ConfigFile {
        path: PathBuf::from("/etc/cs/countersign.toml"),
        text: text.to_owned(),
        presence: Presence::There,
    };
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(&file, &environment)
}

fn parse(text: &str) -> Config {
    parse_with(text, &[]).map_err(|mistakes| mistakes.to_string()).unwrap()
}

fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    parse_with(text, environment).map(|config| format!("{config:?}")).unwrap_err().to_string()
}

#[test]
fn every_mistake_is_told_with_its_place_what_was_found_and_what_would_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/wrong");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() > 30);
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // Seen from the folder itself, so that the snapshots hold no path of this machine.
        let text = std::fs::read_to_string(&path).unwrap();
        let file = ConfigFile {
            path: PathBuf::from(format!("src/config/wrong/{name}.toml")),
            text,
            presence: Presence::There,
        };
        let Err(mistakes) = Config::parse(&file, &Environment::new()) else {
            panic!("{name} is accepted");
        };
        insta::with_settings!({ snapshot_suffix => &name, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("wrong", mistakes);
        });
        assert!(!mistakes.to_string().contains("hunter2"), "{name}");
    }
}

#[test]
fn the_example_of_the_manual_is_accepted() {
    let config = parse(include_str!("example.toml"));
    assert_eq!(config.routes.len(), 4);
    assert_eq!(
        config.routes[0].methods,
        Methods::These(["POST", "PUT", "PATCH", "DELETE"].map(|m| m.parse().unwrap()).into())
    );
    assert_eq!(config.routes[0].scopes.to_list(), "marketplace:write");
    assert_eq!(config.routes[3].require, RequireConfig::Any(vec![SchemeName::Wallet, SchemeName::ApiKey]));
    assert_eq!(config.warnings.len(), 2, "both dialects leave the query unsigned");
}

#[test]
fn a_route_and_its_upstream_are_all_that_must_be_said() {
    let config = parse(SMALLEST);
    assert_eq!(config.listen.public, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.listen.admin, "127.0.0.1:8081".parse().unwrap());
    assert_eq!(config.listen.workers, Workers::OnePerCore);
    assert_eq!(config.api_key.header, "x-api-key");
    assert_eq!(config.limits.signed_body(), 10 << 20);
    assert_eq!(config.log, LogConfig { format: LogFormat::Json, level: LogLevel::Info });
    assert!(config.wallet.is_none());
    assert_eq!(config.routes[0].methods, Methods::Any);
    assert_eq!(config.routes[0].query, QueryRule::Allow);
    assert_eq!(config.routes[0].credentials, CredentialsRule::Remove);
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let storage = parse(&format!("[store]\nurl = \"sqlite:data/c.db\"\n{SMALLEST}")).storage;
    assert_eq!(storage.store, StoreLocation::Sqlite(PathBuf::from("/etc/cs/data/c.db")));
    assert!(
        matches!(&storage.master_key, MasterKeySource::File(path) if path == Path::new("/etc/cs/data/master.key"))
    );
    let elsewhere = parse(&format!("[store]\nurl = \"sqlite:///var/lib/c.db\"\n{SMALLEST}")).storage;
    assert_eq!(elsewhere.store, StoreLocation::Sqlite(PathBuf::from("/var/lib/c.db")));
}

#[test]
fn the_environment_has_the_last_word_on_every_key() {
    let config = parse_with(
        SMALLEST,
        &[
            ("COUNTERSIGN__LISTEN__PUBLIC", "0.0.0.0:80"),
            ("COUNTERSIGN__LISTEN__WORKERS", "3"),
            ("COUNTERSIGN__LIMITS__SIGNED_BODY", "1MiB"),
            ("COUNTERSIGN__WALLET__ISSUER", "redreamer"),
            ("COUNTERSIGN__WALLET__NETWORKS", "eth, polygon"),
            ("COUNTERSIGN__UPSTREAM__0__URL", "http://api:9000"),
            ("COUNTERSIGN__ROUTE__0__REQUIRE", "wallet,api-key"),
            ("COUNTERSIGN__ROUTE__1__PATH", "/open"),
            ("COUNTERSIGN__ROUTE__1__REQUIRE", "nothing"),
            ("COUNTERSIGN__ROUTE__1__UPSTREAM", "api"),
            ("COUNTERSIGN_CONFIG", "not for the parser"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.public, "0.0.0.0:80".parse().unwrap());
    assert_eq!(config.listen.workers, Workers::Count(3.try_into().unwrap()));
    assert_eq!(config.limits.signed_body(), 1 << 20);
    let networks = config.wallet.unwrap().networks;
    assert_eq!(
        networks.iter().map(countersign_model::Network::as_str).collect::<Vec<_>>(),
        ["eth", "polygon"]
    );
    assert_eq!(config.upstreams[0].urls[0].authority().host(), "api");
    assert_eq!(config.routes[0].require, RequireConfig::Any(vec![SchemeName::Wallet, SchemeName::ApiKey]));
    assert_eq!(config.routes[1].require, RequireConfig::Nothing);
}

#[test]
fn a_configuration_can_be_made_of_the_environment_alone() {
    let config = parse_with(
        "",
        &[
            ("COUNTERSIGN__UPSTREAM__0__NAME", "api"),
            ("COUNTERSIGN__UPSTREAM__0__URL", "http://api:9000"),
            ("COUNTERSIGN__ROUTE__0__PATH", "/{*rest}"),
            ("COUNTERSIGN__ROUTE__0__REQUIRE__ALL", "api-key,signature:realm"),
            ("COUNTERSIGN__ROUTE__0__UPSTREAM", "api"),
        ],
    )
    .unwrap();
    let realm = SchemeName::Signature(DialectName::parse("realm").unwrap());
    assert_eq!(config.routes[0].require, RequireConfig::All(vec![SchemeName::ApiKey, realm]));
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let told = refusal(
        SMALLEST,
        &[
            ("COUNTERSIGN__LISTEN__PUBLIC", "80"),
            ("COUNTERSIGN__LISTEN__PUBILC", "127.0.0.1:80"),
            ("COUNTERSIGN__ROUTE__7__PATH", "/"),
            ("COUNTERSIGN__ROUTE__FIRST__PATH", "/"),
            ("COUNTERSIGN__STORE__URL__X", "/"),
            ("COUNTERSIGN__LOG", "json"),
            ("COUNTERSIGN__LOG__FORMAT", "json"),
            ("COUNTERSIGN__UPSTREAM__0", "http://api:9000"),
        ],
    );
    insta::assert_snapshot!("environment", told);
}

#[test]
fn the_master_key_comes_from_the_environment_or_a_file_and_is_never_printed() {
    let given = parse_with(SMALLEST, &[("COUNTERSIGN__MASTER_KEY__VALUE", "hunter2\n")]).unwrap();
    assert!(matches!(&given.storage.master_key, MasterKeySource::Given(text) if text.expose() == "hunter2"));
    assert!(!format!("{given:?}").contains("hunter2"));
    let told = refusal(
        &format!("[master_key]\nvalue = 'hunter2'\n{SMALLEST}"),
        &[("COUNTERSIGN__MASTER_KEY__VALUE_FILE", "/no/such/file")],
    );
    assert!(!told.contains("hunter2") && told.contains("/no/such/file"), "{told}");
}

#[test]
fn commands_beside_a_server_do_not_mind_mistakes_in_its_routes() {
    let text = "[store]\nurl = 'sqlite:x.db'\n[[route]]\npath = 'nonsense'\n".to_owned();
    let file = ConfigFile { path: PathBuf::from("c.toml"), text, presence: Presence::There };
    assert!(Config::parse(&file, &Environment::new()).is_err());
    assert!(Storage::parse(&file, &Environment::new()).is_ok());
}

#[test]
fn a_route_that_names_its_methods_stands_beside_one_for_all_others() {
    let routes = parse(&format!(
        "{SMALLEST}\n[[route]]\nmethods = ['POST']\npath = '/{{*all}}'\nrequire = 'signature:realm'\nupstream = 'api'"
    ));
    assert_eq!(routes.routes.len(), 2);
}

#[test]
fn what_is_open_to_strangers_by_intent_is_a_warning() {
    let text = SMALLEST.replace("\"api-key\"", "\"nothing\"");
    let config = parse(&format!("[listen]\nadmin = \"0.0.0.0:8081\"\n{text}"));
    let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("warnings", told.join("\n\n"));
}

#[test]
fn a_query_that_no_signature_covers_is_a_warning_until_the_route_says_what_is_meant() {
    let text = SMALLEST.replace("\"api-key\"", "[\"signature:realm\", \"api-key\"]");
    assert_eq!(parse(&text).warnings.len(), 1);
    for said in ["allow", "refuse"] {
        assert_eq!(parse(&format!("{text}query = \"{said}\"")).warnings, []);
    }
}

#[test]
fn a_route_may_have_each_signature_serve_once_also_beside_other_schemes() {
    let text = SMALLEST.replace("\"api-key\"", "[\"signature:realm\", \"api-key\"]");
    for (said, expected) in [
        ("", ReplayRule::AsDialect),
        ("replay = \"as-dialect\"", ReplayRule::AsDialect),
        ("replay = \"once\"", ReplayRule::Once),
    ] {
        assert_eq!(parse(&format!("{text}{said}")).routes[0].replay, expected, "{said}");
    }
}

#[test]
fn a_route_without_an_upstream_is_at_every_door_but_the_reverse_proxy() {
    let doors = "[[forward_auth]]\nname = 'a'\nlisten = '127.0.0.1:1'\nproxy = 'nginx'\n\
                 [[forward_auth]]\nname = 'b'\nlisten = '127.0.0.1:2'\nproxy = 'caddy'\n";
    let route = |said: &str| {
        let text = format!(
            "{doors}[[upstream]]\nname = 'api'\nurl = 'http://127.0.0.1:9000'\n\
                            [[route]]\npath = '/x'\nrequire = 'api-key'\n{said}"
        );
        parse(&text).routes.remove(0).doors
    };
    let these = |names: &[&str]| DoorsRule::These(names.iter().map(ToString::to_string).collect());
    assert_eq!(route(""), these(&["tower", "a", "b"]));
    assert_eq!(route("doors = ['b']"), these(&["b"]));
    assert_eq!(route("upstream = 'api'"), DoorsRule::All);
    assert_eq!(route("upstream = 'api'\ndoors = ['proxy', 'a']"), these(&["proxy", "a"]));
    let alone = "[[route]]\npath = '/x'\nrequire = 'api-key'\n";
    assert_eq!(parse(&format!("{alone}doors = ['tower']")).routes[0].doors, these(&["tower"]));
    let told = refusal(alone, &[]);
    assert!(told.contains("has no `upstream`"), "{told}");
}

#[test]
fn every_default_is_within_its_range_and_every_limit_says_what_it_is() {
    for limit in Limits::table() {
        for (name, value) in [("default", &limit.default), ("least", &limit.least), ("most", &limit.most)] {
            let value = if value.ends_with(|c: char| c.is_ascii_digit()) {
                value.clone()
            } else {
                format!("\"{value}\"")
            };
            let text = format!("[limits]\n{} = {value}\n{SMALLEST}", limit.name);
            assert!(parse_with(&text, &[]).is_ok(), "{name} of {}", limit.name);
        }
        assert!(limit.meaning.ends_with('.'), "{}", limit.name);
    }
}

#[test]
fn a_route_can_ask_for_a_dialect_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "[dialect.mine]\nlike = \"realm\"\nwindow = \"1m\"\n")
        .unwrap();
    let path = folder.path().join("countersign.toml");
    let text = SMALLEST.replace("\"api-key\"", "[\"signature:mine\", \"signature:realm\"]");
    std::fs::write(&path, format!("[[dialect]]\nfile = \"mine.toml\"\n{text}")).unwrap();
    let config = Config::parse(&ConfigFile::open(&path).unwrap(), &Environment::new()).unwrap();
    assert!(config.dialects.get(&DialectName::parse("mine").unwrap()).is_some());
}

#[test]
fn the_reference_names_every_key_and_every_limit_with_its_default_and_range() {
    let reference = include_str!("../../../../docs/configuration.md");
    for limit in Limits::table() {
        let row = format!(
            "| `{}` | {} | {} to {} | {} |",
            limit.name, limit.default, limit.least, limit.most, limit.meaning
        );
        assert!(reference.contains(&row), "docs/configuration.md lacks\n{row}");
    }
    // Each mistake about an unknown key lists the keys that are known.
    let unknown = "zzz = 1\n";
    for section in ["listen", "store", "master_key", "api_key", "cors", "wallet", "spool", "log", "clients"] {
        let told = refusal(&format!("[{section}]\n{unknown}\n{SMALLEST}"), &[]);
        assert_names_are_in(reference, &told);
    }
    for section in ["dialect", "forward_auth", "upstream", "route"] {
        assert_names_are_in(reference, &refusal(&format!("[[{section}]]\n{unknown}"), &[]));
    }
}

fn assert_names_are_in(reference: &str, told: &str) {
    let known = told.lines().find_map(|line| line.split_once("known here: ")).unwrap().1;
    // A long list is cut; the limits, which have one, are looked at above.
    let known = known.split(" and ").next().unwrap();
    for key in known.split(", ") {
        assert!(reference.contains(key), "docs/configuration.md lacks {key}");
    }
}

#[test]
fn a_route_that_names_no_limit_has_the_default_one_where_it_can_count() {
    let config = parse(
        r#"
        [[upstream]]
        name = "api"
        url = "http://127.0.0.1:9000"
        [[limit]]
        name = "default"
        rates = ["10/s burst 20", "1000/h"]
        [[limit.override]]
        consumer = "acme"
        rates = ["1000/min"]
        [[limit.override]]
        key = "key_1"
        rates = ["1/d"]
        [[limit]]
        name = "all"
        per = "route"
        rates = ["500/s"]
        [[route]]
        path = "/said"
        require = "api-key"
        limits = ["all"]
        upstream = "api"
        [[route]]
        path = "/unsaid"
        require = "api-key"
        upstream = "api"
        [[route]]
        path = "/none"
        require = "api-key"
        limits = []
        upstream = "api"
        [[route]]
        path = "/open"
        require = "nothing"
        upstream = "api"
        "#,
    );
    let of = |place: usize| config.routes[place].limits.join(" ");
    assert_eq!([of(0), of(1), of(2), of(3)], ["all", "default", "", ""]);
    let default = &config.rate_limits[0];
    let text = |rates: &[Rate]| rates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!((default.per, text(&default.rates)), (Per::Credential, "10/s burst 20, 1000/h".to_owned()));
    let overrides: Vec<_> =
        default.overrides.iter().map(|own| (format!("{:?}", own.of), text(&own.rates))).collect();
    assert_eq!(
        overrides,
        [("Consumer(acme)".to_owned(), "1000/min".to_owned()), ("Key(key_1)".to_owned(), "1/d".to_owned())]
    );
    assert_eq!(
        (text(&config.clients.logins), text(&config.clients.failures)),
        ("50/s burst 500".to_owned(), String::new())
    );
    assert_eq!(parse(&format!("[clients]\nlogins = []\n{SMALLEST}")).clients.logins, []);
}

#[test]
fn every_example_of_the_reference_is_accepted() {
    let reference = include_str!("../../../../docs/configuration.md");
    let examples: Vec<&str> =
        reference.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() > 3);
    for example in examples {
        let rest = if example.contains("[[route]]") { "" } else { SMALLEST };
        let told = parse_with(&format!("{example}\n{rest}"), &[]).map(drop);
        assert_eq!(told.map_err(|told| told.to_string()), Ok(()), "{example}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_reading_panic(
        cut in any::<prop::sample::Index>(),
        skip in 0..40_usize,
        junk in prop_oneof!["[\\[\\]{}\"'=.#\n a-z0-9é]{0,12}", any::<String>()],
    ) {
        let example = include_str!("example.toml");
        let start = cut.index(example.len());
        let end = (start + skip).min(example.len());
        let text = format!("{}{junk}{}", &example[..start], &example[end..]);
        if let Err(mistakes) = parse_with(&text, &[]) {
            prop_assert!(!mistakes.0.is_empty() && !mistakes.to_string().is_empty());
        }
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for open in ["[", "{a=", "a.", "[["] {
        assert!(parse_with(&format!("x = {}", open.repeat(50_000)), &[]).is_err());
    }
}
