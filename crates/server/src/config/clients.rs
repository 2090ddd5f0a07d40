//! `[clients]`: what strangers may do before anybody knows who they are, and how they are told apart.

use countersign_edge::{Network, TrustedPeers};
use countersign_model::Rate;

use super::rate_limit::rates_or_none;
use super::read::list;
use super::section::Section;

/// What strangers may do, each address by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientsConfig {
    /// The proxies whose word about the address of a client is believed.
    pub(crate) trusted_proxies: TrustedPeers,
    /// How many requests to the login endpoints; none: any number.
    pub(crate) logins: Vec<Rate>,
    /// How many credentials that do not prove themselves; none: any number.
    pub(crate) failures: Vec<Rate>,
}

/// One address may have a twentieth of a core check signatures of logins, whatever it sends; a site behind one proxy that is not
/// named in `trusted_proxies` can still have fifty logins, nonces or refreshes each second.
const LOGINS: &str = "50/s burst 500";

impl ClientsConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let network = |text: &str| text.parse::<Network>();
        let trusted = section.optional("trusted_proxies", list(network)).unwrap_or_default();
        let logins = section.optional("logins", rates_or_none);
        let logins = logins.unwrap_or_else(|| Rate::parse(LOGINS).into_iter().collect());
        let failures = section.optional("failures", rates_or_none).unwrap_or_default();
        section.finish();
        Self { trusted_proxies: TrustedPeers::new(trusted), logins, failures }
    }
}
