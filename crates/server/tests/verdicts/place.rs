//! A server with every door, and everybody who has something.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use countersign::Embedded;
use countersign_edge::{Bodies, Door};
use countersign_wallet::PrivateKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::holders::{Credential, Holders, Wallet};
use crate::table::{CredentialRow, Ended, Table, WalletRow, folder};
use crate::{doors, upstream};

pub(crate) struct Place {
    folder: TempDir,
    server: Child,
    addresses: Addresses,
    pub(crate) embedded: Embedded,
    pub(crate) holders: Holders,
}

impl Place {
    pub(crate) fn open(table: &Table) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(upstream::start());
        std::fs::write(folder.path().join("countersign.toml"), config).unwrap();

        let mut holders = Holders::default();
        for row in &table.credentials {
            holders.credentials.insert(row.name.clone(), issue(&folder, row));
        }
        for row in table.credentials.iter().filter(|row| row.ended.is_some()) {
            end(&folder, row, &holders.credentials[&row.name]);
        }
        let mut server = command(&folder, &["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
        let addresses = Addresses::told(&mut log);
        // Somebody must read the rest, or the server waits for it.
        std::thread::spawn(move || log.for_each(drop));
        for (row, digit) in table.wallets.iter().zip("123456789".chars()) {
            holders.wallets.insert(row.name.clone(), log_in(&folder, row, digit, addresses.public));
        }
        let embedded =
            Embedded::open(&folder.path().join("countersign.toml")).map_err(|e| e.to_string()).unwrap();
        Self { folder, server, addresses, embedded, holders }
    }

    /// Where the reverse proxy is.
    pub(crate) fn public(&self) -> SocketAddr {
        self.addresses.public
    }

    /// Where a proxy asks.
    pub(crate) fn check(&self, door: Door) -> SocketAddr {
        self.addresses.checks[doors::name(door)]
    }
}

/// Where the server listens.
struct Addresses {
    public: SocketAddr,
    checks: HashMap<String, SocketAddr>,
}

impl Addresses {
    /// What the server's log tells of them, up to where it serves.
    fn told(log: &mut impl Iterator<Item = String>) -> Self {
        let mut checks = HashMap::new();
        for line in log {
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            match text("message").as_str() {
                "asked by a proxy" => {
                    checks.insert(text("door"), text("address").parse().unwrap());
                }
                "serving" => return Self { public: text("public").parse().unwrap(), checks },
                _ => {}
            }
        }
        panic!("the server ended by itself");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let ended = self.server.kill().and_then(|()| self.server.wait());
        assert!(ended.is_ok() && self.folder.path().is_dir());
    }
}

/// The routes of the table, at every door where they can be.
fn configuration(upstream: SocketAddr) -> String {
    let mut text = format!(
        "[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nworkers = 1\n\
         [store]\nurl = \"sqlite:data/countersign.db\"\n[wallet]\nissuer = \"redreamer\"\n\
         [[upstream]]\nname = \"api\"\nurl = \"http://{upstream}\"\n"
    );
    for door in Door::ALL {
        match door {
            Door::ForwardAuth(_) | Door::ExtAuthz => {}
            Door::Proxy | Door::Tower => continue,
        }
        let name = doors::name(door);
        let bodies = match doors::bodies(door) {
            Bodies::Unseen => "unseen",
            Bodies::Forwarded => "forwarded",
        };
        let door = format!(
            "[[forward_auth]]\nname = \"{name}\"\nlisten = \"127.0.0.1:0\"\nproxy = \"{name}\"\n\
             bodies = \"{bodies}\"\n"
        );
        text.push_str(&door);
    }
    let routes = std::fs::read_to_string(folder().join("routes.toml")).unwrap();
    let mut routes: toml::Table = routes.parse().unwrap();
    for route in routes["route"].as_array_mut().unwrap() {
        let route = route.as_table_mut().unwrap();
        let path = route["path"].as_str().unwrap().to_owned();
        let at: Vec<toml::Value> = Door::ALL
            .into_iter()
            .filter(|door| doors::serves(*door, &path))
            .map(|door| doors::name(door).into())
            .collect();
        route.insert("upstream".to_owned(), "api".into());
        route.insert("doors".to_owned(), at.into());
    }
    text + &toml::to_string(&routes).unwrap()
}

fn issue(folder: &TempDir, row: &CredentialRow) -> Credential {
    let known = run(folder, &["consumer", "list"]).to_string();
    if !known.contains(&format!("\"{}\"", row.consumer)) {
        run(folder, &["consumer", "add", &row.consumer]);
    }
    let mut words = vec!["key", "issue", "--consumer", &row.consumer];
    if let Some(dialect) = &row.dialect {
        words.extend(["--dialect", dialect]);
    }
    words.extend(row.scopes.iter().flat_map(|scope| ["--scope", scope]));
    let issued = run(folder, &words);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let consumer = run(folder, &["consumer", "show", &row.consumer]);
    Credential {
        consumer: row.consumer.clone(),
        consumer_id: find_id(&consumer),
        key_id: text(&issued["key_id"]),
        api_key: text(&issued["api_key"]),
        secret: text(&issued["secret"]),
        scopes: row.scopes.join(","),
    }
}

fn find_id(consumer: &Value) -> String {
    consumer["consumer_id"].as_str().unwrap_or_else(|| panic!("no id in {consumer}")).to_owned()
}

fn end(folder: &TempDir, row: &CredentialRow, credential: &Credential) {
    match row.ended {
        Some(Ended::Revoked) => run(folder, &["key", "revoke", &credential.key_id]),
        Some(Ended::Disabled) => run(folder, &["consumer", "disable", &row.consumer]),
        Some(Ended::Removed) => run(folder, &["consumer", "remove", &row.consumer]),
        None => Value::Null,
    };
}

/// A wallet whose key is `digit` all over, granted what it may do, and logged in.
fn log_in(folder: &TempDir, row: &WalletRow, digit: char, public: SocketAddr) -> Wallet {
    let key = String::from(digit).repeat(64);
    let address = PrivateKey::parse(&key).unwrap().address().to_string();
    if !row.scopes.is_empty() {
        let scopes = row.scopes.iter().flat_map(|scope| ["--scope", scope]);
        run(folder, &["wallet", "grant", &address].into_iter().chain(scopes).collect::<Vec<_>>());
    }
    std::fs::write(folder.path().join("wallet.key"), key).unwrap();
    let pair =
        run(folder, &["login", "--url", &format!("http://{public}"), "--private-key-file", "wallet.key"]);
    let text = |name: &str| pair[name].as_str().unwrap().to_owned();
    Wallet { address, token: text("token"), refresh: text("refresh_token") }
}

fn command(folder: &TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(words).current_dir(folder.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command answers.
fn run(folder: &TempDir, words: &[&str]) -> Value {
    let done = command(folder, &[words, &["--json"]].concat()).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}
