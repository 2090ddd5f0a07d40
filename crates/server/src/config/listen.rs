//! `[listen]`: where connections are taken.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroUsize;

use super::document::At;
use super::read::{amount, parsed};
use super::section::Section;
use super::units::Count;

/// Where connections are taken, and by how many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    /// The gateway and the login endpoints.
    pub(crate) public: SocketAddr,
    /// Health and metrics.
    pub(crate) admin: SocketAddr,
    /// How many threads serve the public address.
    pub(crate) workers: Workers,
}

/// How many threads serve requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// One for each core that this process may use.
    OnePerCore,
    /// So many.
    Count(NonZeroUsize),
}

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
                "health and metrics are shown there to whoever asks: keep it inside your network",
            );
        }
        section.finish();
        Self { public, admin, workers }
    }
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: write an IP address and a port, as in \"127.0.0.1:8080\" or \"[::]:8080\""))
}
