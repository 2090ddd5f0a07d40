//! What a look at a request's bytes costs: reads one head so often as the first argument says. To be run under something
//! that counts instructions, with two numbers, so that the difference is the reading alone.

use countersign_framing::{BodyOfGet, Framing, Limits};

const HEAD: &[u8] = b"POST /v1/marketplace/listings/0198c2de?expand=owner HTTP/1.1\r\n\
Host: api.example.com\r\n\
User-Agent: python-requests/2.32.3\r\n\
Accept-Encoding: gzip, deflate\r\n\
Accept: */*\r\n\
Connection: keep-alive\r\n\
Content-Type: application/json\r\n\
X-API-Key: csk_0123456789ABCDEFGHIJKLMNOPQRSTUVWX\r\n\
X-Timestamp: 1795262400\r\n\
X-Signature: MDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRUlNUVVY=\r\n\
Content-Length: 4\r\n\r\nbody";

fn main() {
    let times: u64 = std::env::args().nth(1).and_then(|times| times.parse().ok()).unwrap_or(1);
    let limits = Limits { header_count: 100, header_bytes: 32 * 1024, body_of_get: BodyOfGet::Refused };
    let mut framing = Framing::new(limits);
    let mut heads = 0;
    for _ in 0..times {
        heads += u64::from(framing.settle(std::hint::black_box(HEAD)).heads);
    }
    println!("{heads} heads of {} bytes", HEAD.len());
}
