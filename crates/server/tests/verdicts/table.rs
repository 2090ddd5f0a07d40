//! The table, as `tests/verdicts/table.toml` has it.

use std::path::PathBuf;

use serde::Deserialize;

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/verdicts")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    #[serde(rename = "credential")]
    pub(crate) credentials: Vec<CredentialRow>,
    #[serde(rename = "wallet")]
    pub(crate) wallets: Vec<WalletRow>,
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialRow {
    pub(crate) name: String,
    pub(crate) consumer: String,
    pub(crate) dialect: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    pub(crate) ended: Option<Ended>,
}

/// How a credential came to its end.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ended {
    Revoked,
    /// Its consumer was disabled.
    Disabled,
    /// Its consumer was removed.
    Removed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalletRow {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) what: String,
    wire: Option<Wire>,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) sign: Option<Sign>,
    #[serde(default)]
    pub(crate) without: Vec<String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) expect: Expect,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wire {
    /// Not through proxies that are not ours.
    Direct,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub(crate) dialect: Dialect,
    pub(crate) with: String,
    #[serde(default)]
    pub(crate) at: i64,
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) body: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    Realm,
    Pitchprint,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Expect {
    Refused { status: u16, code: String },
    Passes { credential: String, wallet: Option<String>, scopes: Option<String> },
}

fn get() -> String {
    "GET".to_owned()
}

impl Table {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(folder().join("table.toml")).unwrap();
        toml::from_str(&text).unwrap()
    }
}

impl Case {
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.wire.is_some()
    }
}

impl Expect {
    pub(crate) fn refusal(status: u16, code: &str) -> Self {
        Self::Refused { status, code: code.to_owned() }
    }
}
