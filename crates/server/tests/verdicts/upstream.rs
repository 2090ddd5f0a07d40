//! An API that answers with the headers that it was sent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::wire::read_head;

/// The header in which the answer tells them, also to `HEAD`.
pub(crate) const SEEN: &str = "x-seen";

/// Starts one, which ends with the process.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&mut stream.unwrap()));
        }
    });
    address
}

fn answer(stream: &mut TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let (_, headers) = read_head(head.trim_end());
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n{SEEN}: {}\r\n\r\n",
        tell(&headers)
    );
    stream.write_all(answer.as_bytes()).ok()
}

/// Headers as one word.
pub(crate) fn tell(headers: &[(String, String)]) -> String {
    STANDARD.encode(serde_json::to_vec(headers).unwrap())
}

/// The headers of such a word.
pub(crate) fn told(word: &str) -> Vec<(String, String)> {
    serde_json::from_slice(&STANDARD.decode(word).unwrap()).unwrap()
}
