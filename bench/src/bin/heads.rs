//! What it costs to read the head of a request strictly, beside httparse, which looks for less: on the same heads, into the same
//! kind of table of header lines.
//!
//! ```text
//! countersign-bench-heads [--only TEXT] [--rounds N]
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "../meter.rs"]
mod meter;
#[path = "../wanted.rs"]
mod wanted;

use std::hint::black_box;

use countersign_framing::{BodyOfGet, Framing, Limits, Next};
use meter::{Meter, Operation, Sample, median, operation};
use wanted::Wanted;

/// The most header lines, for both.
const LINES: usize = 100;
const ROUNDS: usize = 300;
/// What follows where a head says that something does.
const BODY: &[u8] = b"body";
const TITLE: &str = "Reading a head:";

/// Heads by name: of a load generator, of a script, of a browser.
const HEADS: [(&str, &[u8]); 3] = [
    (
        "`GET` with an API key",
        b"GET /v1/user/profile HTTP/1.1\r\n\
Host: 127.0.0.1:8080\r\n\
X-API-Key: csk_0123456789ABCDEFGHIJKLMNOPQRSTUVWX\r\n\r\n",
    ),
    (
        "`POST` of a script, signed",
        b"POST /v1/marketplace/listings/0198c2de?expand=owner HTTP/1.1\r\n\
Host: api.example.com\r\n\
User-Agent: python-requests/2.32.3\r\n\
Accept-Encoding: gzip, deflate\r\n\
Accept: */*\r\n\
Connection: keep-alive\r\n\
Content-Type: application/json\r\n\
X-API-Key: csk_0123456789ABCDEFGHIJKLMNOPQRSTUVWX\r\n\
X-Timestamp: 1795262400\r\n\
X-Signature: MDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRUlNUVVY=\r\n\
Content-Length: 4\r\n\r\n",
    ),
    (
        "`GET` of a browser",
        b"GET /v1/user/profile?tab=orders&page=2 HTTP/1.1\r\n\
Host: shop.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: https://shop.example.com/v1/user\r\n\
Cookie: session=0198c2de-7c1a-7bb2-a8f2-0d5b0d9d3f11; theme=dark; consent=1%2C1%2C0; visited=2026-11-22\r\n\
Authorization: Bearer eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIweDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIn0.c2lnbmF0dXJl\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Dest: document\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-User: ?1\r\n\
DNT: 1\r\n\
Connection: keep-alive\r\n\r\n",
    ),
];

fn main() {
    let wanted = Wanted::of_words(ROUNDS);
    let rows: Vec<_> = HEADS.into_iter().filter(|(name, _)| wanted.has(TITLE, name)).collect();
    if rows.is_empty() {
        return;
    }
    let mut meter = Meter::new();
    println!(
        "\n{TITLE}\n\n| head | bytes | lines | httparse ns | ours ns | ratio | httparse instr. | ours | ratio |"
    );
    println!("|{}", "---|".repeat(9));
    for (name, head) in rows {
        let lines = head.split(|byte| *byte == b'\n').count() - 3;
        let mut ways: [Operation; 2] = [operation(httparse(head)), operation(ours(head))];
        let counts = ways.each_mut().map(|way| meter.calibrate(way));
        let mut samples: [Vec<Sample>; 2] = Default::default();
        for _ in 0..wanted.rounds {
            for ((way, samples), count) in ways.iter_mut().zip(&mut samples).zip(&counts) {
                samples.push(way(&mut meter, *count));
            }
        }
        let [their_nanos, our_nanos] = samples.each_ref().map(|all| median(all.iter().map(|one| one.nanos)));
        let [theirs, ours] = samples.each_ref().map(|all| median(all.iter().map(|one| one.instructions)));
        println!(
            "| {name} | {} | {lines} | {their_nanos:.0} | {our_nanos:.0} | **{:.2}** | {theirs:.0} | {ours:.0} | **{:.2}** |",
            head.len(),
            our_nanos / their_nanos,
            ours / theirs
        );
    }
}

/// Reads it as hyper has it read: into lines that are not set before.
fn httparse(head: &'static [u8]) -> impl FnMut() -> usize {
    move || {
        let mut lines = [const { std::mem::MaybeUninit::uninit() }; LINES];
        let mut request = httparse::Request::new(&mut []);
        let parsed = request.parse_with_uninit_headers(black_box(head), &mut lines).unwrap();
        assert!(parsed.is_complete());
        black_box(&request);
        request.headers.len()
    }
}

/// Reads it as a connection of ours does.
fn ours(head: &'static [u8]) -> impl FnMut() -> usize {
    let limits = Limits { header_count: LINES, header_bytes: 32 * 1024, body_of_get: BodyOfGet::Refused };
    let mut framing = Framing::new(limits);
    move || {
        assert!(matches!(framing.next(black_box(head)), Ok(Next::Head(_))));
        let lines = black_box(framing.fields()).len();
        if framing.is_inside_a_body() {
            assert!(matches!(framing.next(BODY), Ok(Next::Piece { .. })));
        }
        lines
    }
}
