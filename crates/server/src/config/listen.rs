//! `[listen]`: where connections are taken.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroUsize;

use super::document::At;
use super::read::{amount, parsed, word};
use super::section::Section;
use super::tls::TlsConfig;
use super::units::Count;
use crate::listen::PlainHttp2;

/// Where connections are taken, and by how many threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    /// The gateway and the login endpoints.
    pub(crate) public: SocketAddr,
    /// Health and metrics.
    pub(crate) admin: SocketAddr,
    /// How many threads serve the public address.
    pub(crate) workers: Workers,
    /// The certificate of the public address, where it speaks TLS.
    pub(crate) tls: Option<TlsConfig>,
    /// The certificate of the admin address, where it speaks TLS.
    pub(crate) admin_tls: Option<TlsConfig>,
    /// Whether the public address speaks HTTP/2 without TLS.
    pub(crate) h2c: PlainHttp2,
}

/// How many threads serve requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// One for each core that this process may use.
    OnePerCore,
    /// So many.
    Count(NonZeroUsize),
}

const H2C: [(&str, PlainHttp2); 2] =
    [("refuse", PlainHttp2::Refused), ("prior-knowledge", PlainHttp2::PriorKnowledge)];

const PUBLIC: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));
const ADMIN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8081));

impl Listen {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let public = section.or("public", PUBLIC, parsed(address));
        let admin_at = section.node("admin").map_or(At::File, |node| node.at.clone());
        let admin = section.or("admin", ADMIN, parsed(address));
        let workers = section
            .optional("workers", amount(Count(1), Count(1024)))
            .and_then(|count| NonZeroUsize::new(count.0))
            .map_or(Workers::OnePerCore, Workers::Count);
        let tls = section.section_if_there("tls").and_then(TlsConfig::read);
        let admin_tls = section.section_if_there("admin_tls").and_then(TlsConfig::read);
        let h2c_at = section.node("h2c").map_or(At::File, |node| node.at.clone());
        let h2c = section.or("h2c", PlainHttp2::Refused, word(&H2C));
        if tls.is_some() && h2c == PlainHttp2::PriorKnowledge {
            section.notes.wrong(
                &h2c_at,
                "the public address speaks TLS",
                "leave `h2c` out: inside TLS, HTTP/2 is spoken with all clients that know it",
            );
        }
        // Port 0 asks for any free port, which is another one each time.
        if public == admin && public.port() != 0 {
            section.notes.wrong(
                &admin_at,
                format!("{admin} is the public address too"),
                "give `admin` an address of its own, which callers of the API cannot reach",
            );
        }
        if !admin.ip().is_loopback() {
            section.notes.warn(
                &admin_at,
                format!("{admin} can be reached from other machines"),
                "health, metrics and refused requests are shown there to whoever asks: keep it inside your network",
            );
        }
        section.finish();
        Self { public, admin, workers, tls, admin_tls, h2c }
    }
}

impl Listen {
    /// Whether `other` says the same.
    pub(crate) fn same_sockets(&self, other: &Self) -> bool {
        let files = |tls: &Option<TlsConfig>| tls.as_ref().map(|tls| tls.files.clone());
        let at_start = |listen: &Self| {
            let Self { public, admin, workers, tls, admin_tls, h2c } = listen;
            (*public, *admin, *workers, files(tls), files(admin_tls), *h2c)
        };
        at_start(self) == at_start(other)
    }
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: write an IP address and a port, as in \"127.0.0.1:8080\" or \"[::]:8080\""))
}
