//! The tour: starts everything that is needed, drives a client of each system through it, and shows what happened.

mod client;
mod log;
mod narrator;
mod tour;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use countersign_manage::{Expiry, Form, Issue, Issuer, Material};
use countersign_model::{Clock as _, ConsumerName, DialectName, Entropy as _, Rates, Scopes, Secret};
use countersign_token::Sealer;
use countersign_wallet::PrivateKey;
use serde_json::json;

use super::{Answer, Refusal};
use crate::config::{ConfigFile, Environment};
use crate::serve::{self, Running, Signals};
use crate::storage;
use crate::world::{OsEntropy, SystemClock};
use log::Log;
use narrator::Narrator;
pub(crate) use narrator::Stage;
use tour::{Given, Tour};

/// Where the demo listens if it can; if these are taken, on any free port.
const PUBLIC_PORT: u16 = 8080;
const ADMIN_PORT: u16 = 8081;

/// What becomes of the demo after the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It keeps running until it is interrupted.
    KeepRunning,
    /// It ends.
    Exit,
}

/// Runs the tour. What it keeps is in a directory of its own, which is gone when the demo ends.
pub(crate) fn demo(after: After, stage: Stage) -> Result<Answer, Refusal> {
    let failed = |error: &dyn std::error::Error| Refusal::of("DEMO_FAILED", error);
    let folder =
        tempfile::Builder::new().prefix("countersign-demo-").tempdir().map_err(|error| failed(&error))?;
    let upstream = upstream::start().map_err(|error| failed(&error))?;
    let config_path = folder.path().join("countersign.toml");
    let text = configuration(upstream, free(PUBLIC_PORT), free(ADMIN_PORT));
    std::fs::write(&config_path, text).map_err(|error| failed(&error))?;

    let log = Log::default();
    let writer = log.writer(&folder.path().join("requests.log")).map_err(|error| failed(&error))?;
    let running = serve::start(&config_path, &Environment::new(), writer).map_err(|error| failed(&error))?;
    let given = given(&config_path, &running)?;

    let mut tour = Tour {
        given: &given,
        runtime: super::context::runtime()?,
        narrator: Narrator::new(stage, log),
        clock: &SystemClock,
    };
    tour.narrator.line(&introduction(upstream, &running, &config_path));
    tour.run().map_err(|error| failed(&error))?;
    match after {
        After::KeepRunning => {
            let heading = tour.narrator.heading("Go on by hand, in another terminal:");
            tour.narrator.line(&heading);
            tour.narrator.line(&by_hand(&given, &running, folder.path(), &config_path)?);
            tour.narrator.line("Ctrl-C ends the demo and removes what it kept.");
            let signals = Signals::heed().map_err(|error| failed(&error))?;
            running.until_told(signals).map_err(|error| failed(&error))?;
        }
        After::Exit => running.stop(),
    }
    let steps = tour.narrator.into_steps();
    Ok(Answer::done(json!({ "steps": steps }), "The tour is done; every step came out as it should."))
}

fn introduction(upstream: SocketAddr, running: &Running, config: &Path) -> String {
    format!(
        "Countersign stands in front of a small API and decides who may call it.\n\n\
         \x20   the API        http://{upstream}   answers with what it was sent\n\
         \x20   the gateway    http://{}   routes as in {}\n\
         \x20   the admin side http://{}   health and metrics",
        running.public(),
        config.display(),
        running.admin()
    )
}

/// The port that is wanted, if it is free; else 0, which stands for any.
fn free(port: u16) -> SocketAddr {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

fn configuration(upstream: SocketAddr, public: SocketAddr, admin: SocketAddr) -> String {
    format!(
        r#"[listen]
public = "{public}"
admin  = "{admin}"

[store]
url = "sqlite:countersign.db"

[wallet]
issuer   = "redreamer"
networks = ["eth"]

[[upstream]]
name = "api"
url  = "http://{upstream}"

[[route]]
methods  = ["POST", "PUT", "PATCH", "DELETE"]
path     = "/v1/marketplace/{{*rest}}"
require  = "signature:realm"
scopes   = ["marketplace:write"]
upstream = "api"

[[route]]
path     = "/v1/{{*rest}}"
require  = "api-key"
upstream = "api"

[[route]]
path     = "/runtime/{{*rest}}"
require  = "signature:pitchprint"
upstream = "api"

[[route]]
path     = "/api/v1/redeemcenter/{{*rest}}"
require  = ["wallet", "api-key"]
upstream = "api"
"#
    )
}

/// Adds a consumer for each system, as an operator would with the commands, and makes a wallet.
fn given(config: &Path, running: &Running) -> Result<Given, Refusal> {
    let failed = |error: &dyn std::error::Error| Refusal::of("DEMO_FAILED", error);
    let file = ConfigFile::open(config).map_err(|error| failed(&error))?;
    let storage = crate::config::Storage::parse(&file, &Environment::new())
        .map_err(|mistakes| super::context::wrong_configuration(&mistakes))?;
    let opened = storage::open(&storage, countersign_store_sqlite::Limits::COMMAND, &OsEntropy)
        .map_err(|error| failed(&error))?;
    let dialects = storage.dialects().map_err(|mistakes| super::context::wrong_configuration(&mistakes))?;
    let sealer = Sealer::new(&opened.master_key);
    let issuer = Issuer { store: &opened.store, sealer: &sealer, dialects: &dialects, entropy: &OsEntropy };
    let issue = |consumer: &'static str, dialect: &'static str, scopes: &'static str| async move {
        let invalid = |error: &dyn std::error::Error| Refusal::of("DEMO_FAILED", error);
        let name = ConsumerName::parse(consumer).map_err(|error| invalid(&error))?;
        countersign_manage::add_consumer(issuer.store, name.clone(), SystemClock.now(), &OsEntropy)
            .await
            .map_err(|error| invalid(&error))?;
        let credential = issuer
            .issue(
                Issue {
                    consumer: name,
                    form: Form::Signature(DialectName::parse(dialect).map_err(|error| invalid(&error))?),
                    scopes: Scopes::parse_list(scopes).map_err(|error| invalid(&error))?,
                    limits: Rates::default(),
                    expiry: Expiry::Never,
                    label: None,
                },
                SystemClock.now(),
            )
            .await
            .map_err(|error| invalid(&error))?;
        match credential.material {
            Material::Signature { api_key, secret } => Ok((api_key, secret)),
            Material::ApiKey { .. } => Err(Refusal::new("DEMO_FAILED", "the credential has no secret")),
        }
    };
    let runtime = super::context::runtime()?;
    let (realm_key, realm_secret) = runtime.block_on(issue("game-studio", "realm", "marketplace:write"))?;
    let (pitchprint_key, pitchprint_secret) = runtime.block_on(issue("print-shop", "pitchprint", ""))?;
    // Any 32 bytes are a private key but for a few in 2^128; those fail here, and the demo is run again.
    let mut bytes = [0; 32];
    OsEntropy.fill(&mut bytes);
    let wallet_text = client::hex(&bytes);
    let wallet = PrivateKey::parse(&wallet_text).map_err(|error| failed(&error))?;
    Ok(Given {
        base: format!("http://{}", running.public()),
        realm_key,
        realm_secret,
        pitchprint_key,
        pitchprint_secret,
        wallet,
        wallet_text: Secret::new(wallet_text),
    })
}

/// Commands that work as they are printed, while the demo runs.
fn by_hand(given: &Given, running: &Running, folder: &Path, config: &Path) -> Result<String, Refusal> {
    let failed = |error: std::io::Error| Refusal::of("DEMO_FAILED", &error);
    let program = std::env::current_exe().map_err(failed)?;
    let body: PathBuf = folder.join("listing.json");
    std::fs::write(&body, tour::LISTING).map_err(failed)?;
    let wallet: PathBuf = folder.join("wallet.key");
    write_private(&wallet, &given.wallet_text).map_err(failed)?;
    let (base, admin) = (&given.base, running.admin());
    let (program, config, body, wallet) =
        (program.display(), config.display(), body.display(), wallet.display());
    let (key, secret) = (given.realm_key.expose(), given.realm_secret.expose());
    Ok(format!(
        "
  # an API key
  curl -H 'X-API-Key: {key}' {base}/v1/user/profile

  # a signed listing: prints the curl line, and runs it
  {program} sign --dialect realm --key {key} --secret {secret} \\
      POST {base}/v1/marketplace/listings --body-file {body} | sh

  # the wallet logs in
  {program} login --url {base} --private-key-file {wallet}

  # what there is, one more key, and a consumer disabled beside the running gateway
  {program} --config {config} key list
  {program} --config {config} key issue --consumer game-studio
  {program} --config {config} consumer disable game-studio

  # what the gateway noted
  tail -n 3 {folder}/requests.log
  curl http://{admin}/metrics
",
        folder = folder.display()
    ))
}

fn write_private(path: &Path, secret: &Secret<String>) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.expose().as_bytes())
}
