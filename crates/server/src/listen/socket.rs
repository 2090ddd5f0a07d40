//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the kernel keeps for us until we take them.
const BACKLOG: i32 = 1024;

/// A listening socket could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: choose another address under [listen], or end what listens there")]
pub(crate) struct NotBound {
    address: SocketAddr,
    source: io::Error,
}

/// Listens on `address` with `count` sockets, among which the kernel spreads connections (`SO_REUSEPORT`). Port 0 is any
/// free port, the same for all of them.
///
/// Another process that listens there already is found out and refused, rather than silently sharing connections with us.
pub(crate) fn bind(address: SocketAddr, count: usize) -> Result<Vec<std::net::TcpListener>, NotBound> {
    let not_bound = |source| NotBound { address, source };
    // Without sharing, this fails where anybody listens, ourselves included.
    let probe = std::net::TcpListener::bind(address).map_err(not_bound)?;
    let address = probe.local_addr().map_err(not_bound)?;
    drop(probe);
    (0..count).map(|_| shared(address)).collect::<io::Result<_>>().map_err(not_bound)
}

fn shared(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Hands a socket to the runtime of this thread.
pub(crate) fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    TcpListener::from_std(listener)
}
