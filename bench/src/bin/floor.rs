//! What is left of a proxy and of a check when everything that a gateway is for is taken away: bytes are moved on the same runtime, and
//! the HMAC is computed. Nothing is parsed beyond the end of a head, nobody is looked up, nothing is limited, timed or logged.
//!
//! No gateway on this runtime can be faster than this, and what Countersign takes beyond it is its own.
//!
//! `countersign-bench-floor PROXY_PORT ANSWER_PORT UPSTREAM_PORT`: requests without a body to the first port go to the upstream, those to the
//! second are answered at once.

use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::net::Ipv4Addr;

use aws_lc_rs::hmac;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What ends a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// The length of the upstream's content, which is not read out of its head.
const CONTENT_BYTES: usize = 2;

/// As many headers as a check is answered with, of the usual length.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    x-consumer-id: 00000000-0000-4000-8000-000000000000\r\n\
    x-consumer-username: bench\r\n\
    x-credential-identifier: 00000000-0000-4000-8000-000000000000\r\n\
    x-request-id: 00000000-0000-4000-8000-000000000000\r\n\
    cache-control: no-store\r\ncontent-length: 0\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

/// How much is read at once, in bytes.
const STEP: usize = 8 * 1024;

fn main() -> Result<()> {
    let ports = std::env::args().skip(1).map(|port| port.parse().map_err(Error::other));
    let [proxy, answer, upstream] = ports.collect::<Result<Vec<u16>>>()?[..] else {
        return Err(Error::other("usage: countersign-bench-floor PROXY_PORT ANSWER_PORT UPSTREAM_PORT"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        tokio::task::spawn_local(listen(proxy, move |client| pass_on(client, upstream)));
        listen(answer, answer_at_once).await
    })
}

/// Has every connection to a port served in a task of its own.
async fn listen<F>(port: u16, serve: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let served = serve(client);
        tokio::task::spawn_local(async {
            // The client left.
            drop(served.await);
        });
    }
}

async fn pass_on(mut client: TcpStream, port: u16) -> Result<()> {
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    upstream.set_nodelay(true)?;
    let key = key();
    let (mut request, mut response) = (BytesMut::new(), BytesMut::new());
    loop {
        let length = read(&mut client, &mut request, 0).await?;
        check(&key, request.get(..length).unwrap_or_default());
        upstream.write_all_buf(&mut request.split_to(length)).await?;
        let length = read(&mut upstream, &mut response, CONTENT_BYTES).await?;
        client.write_all_buf(&mut response.split_to(length)).await?;
    }
}

async fn answer_at_once(mut client: TcpStream) -> Result<()> {
    let key = key();
    let mut request = BytesMut::new();
    loop {
        let length = read(&mut client, &mut request, 0).await?;
        check(&key, request.get(..length).unwrap_or_default());
        drop(request.split_to(length));
        client.write_all(ANSWER).await?;
    }
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
}

/// The HMAC over as many bytes as a request's method, path and time have.
fn check(key: &hmac::Key, head: &[u8]) {
    let line = head.get(..40).unwrap_or(head);
    std::hint::black_box(hmac::sign(key, line));
}

/// Reads a head and so many bytes after it; gives the length of both.
async fn read(from: &mut TcpStream, bytes: &mut BytesMut, content: usize) -> Result<usize> {
    loop {
        if let Some(at) = memchr::memmem::find(bytes, HEAD_END)
            && let length = at + HEAD_END.len() + content
            && length <= bytes.len()
        {
            return Ok(length);
        }
        bytes.reserve(STEP);
        if from.read_buf(bytes).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}
