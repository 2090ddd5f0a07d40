//! What commands work with: the configuration, the store that it names, the moment, chance.

use std::future::Future;
use std::path::Path;

use countersign_dialect::Dialects;
use countersign_model::{Clock as _, UnixTime};
use countersign_store::StoreError;
use countersign_store_sqlite::{Limits, SqliteStore};
use countersign_token::MasterKey;

use super::Refusal;
use crate::cli::Common;
use crate::config::{ConfigFile, Environment, Mistakes, Storage};
use crate::storage::{self, Opened};
use crate::world::{self, OsEntropy, SystemClock};

const DEFAULT_CONFIG: &str = "countersign.toml";

/// The configuration as it was found, not read yet.
pub(crate) struct Context {
    pub(crate) file: ConfigFile,
    pub(crate) environment: Environment,
}

/// An open store, beside which a server may be running.
pub(crate) struct Desk {
    pub(crate) store: SqliteStore,
    pub(crate) master_key: MasterKey,
    /// The moment at which the command began.
    pub(crate) now: UnixTime,
    storage: Storage,
    runtime: tokio::runtime::Runtime,
}

impl Context {
    /// The configuration file that the command line names. Where it names none, `countersign.toml` here; and where
    /// that is not there, every key has its default.
    pub(crate) fn of(common: &Common) -> Result<Self, Refusal> {
        let environment = world::environment().map_err(|error| Refusal::of("WRONG_CONFIGURATION", &error))?;
        let file = match &common.config {
            Some(path) => ConfigFile::open(path),
            None => ConfigFile::open_or_default(Path::new(DEFAULT_CONFIG)),
        };
        let file = file.map_err(|error| Refusal::of("CONFIGURATION_NOT_FOUND", &error))?;
        Ok(Self { file, environment })
    }

    pub(crate) fn storage(&self) -> Result<Storage, Refusal> {
        Storage::parse(&self.file, &self.environment).map_err(|mistakes| wrong_configuration(&mistakes))
    }

    /// Opens the store.
    pub(crate) fn desk(&self) -> Result<Desk, Refusal> {
        let storage = self.storage()?;
        let opened = storage::open(&storage, Limits::COMMAND, &OsEntropy);
        let Opened { store, master_key } = opened.map_err(|error| Refusal::of("STORE_NOT_OPENED", &error))?;
        let runtime = runtime()?;
        Ok(Desk { store, master_key, now: SystemClock.now(), storage, runtime })
    }
}

impl Desk {
    /// The dialects that come with the program and those of the configuration.
    pub(crate) fn dialects(&self) -> Result<Dialects, Refusal> {
        self.storage.dialects().map_err(|mistakes| wrong_configuration(&mistakes))
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// What runs a command's one task.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Refusal> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::of("NO_RUNTIME", &error))
}

pub(crate) fn wrong_configuration(mistakes: &Mistakes) -> Refusal {
    Refusal::new("WRONG_CONFIGURATION", format!("the configuration is wrong\n\n{mistakes}"))
}

pub(crate) fn storage_failed(error: &StoreError) -> Refusal {
    Refusal::of("STORAGE_FAILED", error)
}
