//! What several of the tests need.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use countersign_dialect::Request;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A request that owns its parts.
#[derive(Clone, Debug)]
pub struct OwnedRequest {
    pub method: String,
    pub scheme: String,
    pub host: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl OwnedRequest {
    pub fn borrow(&self) -> Request<'_> {
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            target: &self.target,
            headers: &self.headers,
            body: Some(&self.body),
        }
    }

    /// Reads an HTTP/1.1 message as it stands in a vector's `request.http`.
    pub fn parse(message: &[u8]) -> Self {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n").expect("a blank line");
        let mut lines = message[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let first = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
            let name = HeaderName::from_bytes(&line[..colon]).unwrap();
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).unwrap());
        }
        let host = headers.get("host").map_or("", |host| host.to_str().unwrap()).to_owned();
        Self { method, scheme: "https".into(), host, target, headers, body: message[end + 4..].to_vec() }
    }
}
