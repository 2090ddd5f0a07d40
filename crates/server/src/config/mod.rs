//! What the configuration says, in types that cannot hold a wrong one.
//!
//! A file is read whole: every mistake in it is found in one go, and told with its place, what was found there and
//! what would do ([`Mistakes`]). Nothing here reads the environment; it comes in as an argument.

mod api_key;
mod clients;
mod cors;
mod dialects;
mod document;
mod forward_auth;
mod limits;
mod listen;
mod log;
mod mistake;
mod notes;
mod pattern;
mod rate_limit;
mod read;
mod route;
mod routes;
mod section;
mod spool;
mod storage;
mod tls;
mod units;
mod upstream;
mod wallet;

use std::path::{Path, PathBuf};

use countersign_dialect::Dialects;
use countersign_edge::Cors;

pub(crate) use api_key::ApiKeyConfig;
pub(crate) use clients::ClientsConfig;
pub(crate) use dialects::DialectFile;
pub(crate) use document::Environment;
pub(crate) use forward_auth::{Asks, ForwardAuthConfig};
pub(crate) use limits::Limits;
pub(crate) use listen::{Listen, Workers};
pub(crate) use log::{LogConfig, LogFormat, LogLevel};
pub(crate) use mistake::{Line, Mistake, Mistakes, Place, Severity};
pub(crate) use notes::proposal;
pub(crate) use rate_limit::{FAILURES, Favoured, LOGINS, RateLimitConfig, rate_name};
pub(crate) use route::{
    CredentialsRule, DoorsRule, Methods, QueryRule, ReplayRule, RequireConfig, RouteConfig, SchemeName,
    StreamRule,
};
pub(crate) use spool::SpoolConfig;
pub(crate) use storage::{MasterKeySource, StoreLocation};
pub(crate) use tls::TlsConfig;
pub(crate) use units::{ByteSize, InvalidAmount, Period};
pub(crate) use upstream::UpstreamConfig;
pub(crate) use wallet::WalletConfig;

use document::{At, Table};
use notes::Notes;
use section::Section;

/// Where credentials are, and in which dialects they can be: what the commands need that work beside a server.
///
/// It is read without regard to the rest of the file, so that a key can be revoked while somebody is in the middle
/// of editing routes.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// Where credentials are kept.
    pub(crate) store: StoreLocation,
    /// What their secrets are encrypted with.
    pub(crate) master_key: MasterKeySource,
    /// The files of the user's own dialects.
    dialect_files: Vec<DialectFile>,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where credentials are.
    pub(crate) storage: Storage,
    /// The dialects that come with the program and those of the user's files.
    pub(crate) dialects: Dialects,
    /// Where connections are taken.
    pub(crate) listen: Listen,
    /// Where other proxies ask about requests, each with a name and an address of its own.
    pub(crate) forward_auth: Vec<ForwardAuthConfig>,
    /// Where an API key stands in a request.
    pub(crate) api_key: ApiKeyConfig,
    /// How pages of other origins are answered, where they may call.
    pub(crate) cors: Option<Cors>,
    /// The login with a wallet, where there is one.
    pub(crate) wallet: Option<WalletConfig>,
    /// Every limit.
    pub(crate) limits: Limits,
    /// Where bodies are put aside.
    pub(crate) spool: SpoolConfig,
    /// How many requests may pass, each limit with its own name.
    pub(crate) rate_limits: Vec<RateLimitConfig>,
    /// What strangers may do.
    pub(crate) clients: ClientsConfig,
    /// What is logged.
    pub(crate) log: LogConfig,
    /// The APIs behind us, each with its own name.
    pub(crate) upstreams: Vec<UpstreamConfig>,
    /// The routes: at least one, no two that tie, and nothing in them that is not there.
    pub(crate) routes: Vec<RouteConfig>,
    /// What somebody should know about it, in order.
    pub(crate) warnings: Vec<Mistake>,
}

/// A configuration file that was read.
#[derive(Clone, Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    text: String,
    presence: Presence,
}

/// Whether there is a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Missing,
}

/// The configuration file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the configuration file {} cannot be read", path.display())]
pub(crate) struct Unreadable {
    path: PathBuf,
    source: std::io::Error,
}

impl ConfigFile {
    /// Reads the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Unreadable> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { path: path.to_owned(), text, presence: Presence::There }),
            Err(source) => Err(Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Reads the file at `path`; where there is none, every key has its default.
    pub(crate) fn open_or_default(path: &Path) -> Result<Self, Unreadable> {
        match Self::open(path) {
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { path: path.to_owned(), text: String::new(), presence: Presence::Missing })
            }
            read => read,
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn notes(&self) -> Notes<'_> {
        Notes::new(&self.path, &self.text)
    }

    /// A text that is no TOML is refused for that alone: what could be said about the rest is guesswork.
    fn table(&self, environment: &Environment, notes: &Notes<'_>) -> Result<Table, Mistakes> {
        let syntax = self.notes();
        let mut table = Table::parse(&self.text, |at, why| syntax.wrong(&at, why, ""));
        refuse_mistakes(syntax)?;
        table.overlay(environment, |at, why| notes.wrong(&at, why, VARIABLE_FORM));
        Ok(table)
    }
}

const VARIABLE_FORM: &str =
    "write COUNTERSIGN__SECTION__KEY, and for the first of several COUNTERSIGN__SECTION__0__KEY";

impl Storage {
    /// Reads what is said about storage, and nothing else of the file.
    pub(crate) fn parse(file: &ConfigFile, environment: &Environment) -> Result<Self, Mistakes> {
        let notes = file.notes();
        let table = file.table(environment, &notes)?;
        let storage = Self::read(&mut Section::root(&table, &notes));
        refuse_mistakes(notes)?;
        Ok(storage)
    }

    /// The dialects that come with the program and those of the user's files.
    pub(crate) fn dialects(&self) -> Result<Dialects, Mistakes> {
        dialects::load(&self.dialect_files).map_err(Mistakes)
    }

    fn read(root: &mut Section<'_>) -> Self {
        let store = StoreLocation::read(root.section("store"));
        let master_key = MasterKeySource::read(root.section("master_key"), &store);
        let dialect_files = DialectFile::read_all(root.sections("dialect"));
        Self { store, master_key, dialect_files }
    }
}

impl Config {
    /// Reads the whole file.
    pub(crate) fn parse(file: &ConfigFile, environment: &Environment) -> Result<Self, Mistakes> {
        let notes = file.notes();
        let table = file.table(environment, &notes)?;
        let mut root = Section::root(&table, &notes);
        let storage = Storage::read(&mut root);
        let dialects = storage.dialects();
        let listen = Listen::read(root.section("listen"));
        let (forward_auth, door_names) = ForwardAuthConfig::read_all(root.sections("forward_auth"), &listen);
        let api_key = ApiKeyConfig::read(root.section("api_key"));
        let cors = root.section_if_there("cors").and_then(cors::read);
        let wallet_section = root.section_if_there("wallet");
        let wallet_is_on = wallet_section.is_some();
        let wallet = wallet_section.and_then(WalletConfig::read);
        let limits = Limits::read(root.section("limits"));
        let spool = SpoolConfig::read(root.section("spool"));
        let (rate_limits, limit_names) = RateLimitConfig::read_all(root.sections("limit"));
        let clients = ClientsConfig::read(root.section("clients"));
        let log = LogConfig::read(root.section("log"));
        let (upstreams, upstream_names) = UpstreamConfig::read_all(root.sections("upstream"));
        if file.presence == Presence::Missing && root.node("route").is_none() {
            notes.wrong(
                &At::File,
                "there is no such file here",
                "write it, or name another with --config FILE",
            );
        }
        let known = routes::Named {
            upstreams: &upstream_names,
            dialects: dialects.as_ref().ok(),
            wallet_is_on,
            doors: &forward_auth,
            door_names: &door_names,
            limits: &rate_limits,
            limit_names: &limit_names,
        };
        let routes = routes::read_all(root.sections("route"), &known, &notes);
        root.finish();
        if let Ok(dialects) = &dialects {
            notes.append(dialects::replaced(&storage.dialect_files, dialects));
        }
        let dialects = dialects.unwrap_or_else(|mistakes| {
            notes.append(mistakes.0);
            Dialects::default()
        });
        let warnings = refuse_mistakes(notes)?;
        Ok(Self {
            storage,
            dialects,
            listen,
            forward_auth,
            api_key,
            cors,
            wallet,
            limits,
            spool,
            rate_limits,
            clients,
            log,
            upstreams,
            routes,
            warnings,
        })
    }
}

/// Everything that was noted, where there is a mistake among it; the warnings, where there is none.
fn refuse_mistakes(notes: Notes<'_>) -> Result<Vec<Mistake>, Mistakes> {
    let list = notes.into_list();
    if list.iter().any(|mistake| mistake.severity == Severity::Mistake) {
        Err(Mistakes(list))
    } else {
        Ok(list)
    }
}

#[cfg(test)]
mod tests;
