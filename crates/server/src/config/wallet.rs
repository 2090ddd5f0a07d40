//! `[wallet]`: the login with a wallet. Left out, there is none.

use std::time::Duration;

use countersign_model::Network;
use countersign_session::MAX_NETWORKS;
use countersign_token::jwt::MAX_ISSUER_LEN;

use super::document::At;
use super::read::{amount, list, parsed};
use super::section::Section;
use super::units::Period;

/// The login with a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WalletConfig {
    /// What stands in the tokens' `iss`.
    pub(crate) issuer: String,
    /// The networks whose names are accepted; the first is the one that is meant where a client names none.
    pub(crate) networks: Vec<Network>,
    /// How long an access token is good.
    pub(crate) access_lifetime: Duration,
    /// How long a refresh token is good.
    pub(crate) refresh_lifetime: Duration,
}

impl WalletConfig {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let issuer = section.required("issuer", "the name that stands in the tokens' `iss`", parsed(issuer));
        let networks_at = section.node("networks").map_or(At::File, |node| node.at.clone());
        let networks = section.optional("networks", list(Network::parse));
        let networks = networks.or_else(|| Network::parse("eth").ok().map(|network| vec![network]));
        if networks.as_ref().is_some_and(Vec::is_empty) {
            section.notes.wrong(&networks_at, "no network is accepted", "name at least one, as in [\"eth\"]");
        }
        if networks.as_ref().is_some_and(|networks| networks.len() > MAX_NETWORKS) {
            section.notes.wrong(&networks_at, "too many networks", format!("name at most {MAX_NETWORKS}"));
        }
        let access =
            section.or("access_lifetime", Period::hours(1), amount(Period::minutes(1), Period::days(1)));
        let refresh_at = section.node("refresh_lifetime").map_or(section.at.clone(), |node| node.at.clone());
        let refresh =
            section.or("refresh_lifetime", Period::hours(24), amount(Period::minutes(5), Period::days(90)));
        if refresh < access {
            section.notes.wrong(
                &refresh_at,
                format!("a refresh token of {refresh} ends before the access token of {access}"),
                "make `refresh_lifetime` the longer one",
            );
        }
        section.finish();
        Some(Self {
            issuer: issuer?,
            networks: networks?,
            access_lifetime: access.duration(),
            refresh_lifetime: refresh.duration(),
        })
    }
}

fn issuer(text: &str) -> Result<String, String> {
    let plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if text.is_empty() || text.len() > MAX_ISSUER_LEN || !text.chars().all(plain) {
        return Err(format!(
            "`{text}` is no issuer: use 1 to {MAX_ISSUER_LEN} printable ASCII characters without \" and \\"
        ));
    }
    Ok(text.to_owned())
}
