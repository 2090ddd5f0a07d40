//! What any bytes of a connection come to: the same in whatever pieces they come, no request that another parser refuses, and its
//! lines where that finds them.

#![no_main]

use countersign_framing::{BodyOfGet, Framing, Limits, Next, Settled};

const LIMITS: Limits = Limits { header_count: 32, header_bytes: 4096, body_of_get: BodyOfGet::Refused };

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = Framing::new(LIMITS).settle(bytes);
    assert!(whole.bytes <= bytes.len());
    assert_eq!(in_pieces(bytes), whole);
    if whole.heads == 0 {
        return;
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else { panic!("httparse refuses it") };
    assert!(length <= whole.bytes);
    let mut framing = Framing::new(LIMITS);
    let Ok(Next::Head(outline)) = framing.next(bytes) else { panic!("no head comes first") };
    assert_eq!(outline.length, length);
    assert_eq!(&bytes[outline.method], request.method.unwrap_or_default().as_bytes());
    assert_eq!(&bytes[outline.target], request.path.unwrap_or_default().as_bytes());
    assert_eq!(framing.fields().len(), request.headers.len());
    for (ours, theirs) in framing.fields().iter().zip(&*request.headers) {
        assert_eq!(&bytes[ours.name..ours.colon], theirs.name.as_bytes());
        assert_eq!(&bytes[ours.value..ours.end], theirs.value);
    }
    let uri: http::Uri = request.path.unwrap_or_default().parse().expect("http refuses its target");
    assert!(uri.path_and_query().is_some());
    let lengths = request.headers.iter().filter(|field| {
        field.name.eq_ignore_ascii_case("content-length") || field.name.eq_ignore_ascii_case("transfer-encoding")
    });
    assert!(lengths.count() <= 1);
    assert!(!bytes[..length].windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r'));
});

/// The same bytes, in pieces whose sizes they choose themselves.
fn in_pieces(bytes: &[u8]) -> Settled {
    let mut framing = Framing::new(LIMITS);
    let mut all = Settled { bytes: 0, heads: 0, refused: None };
    let mut end = 0;
    while end < bytes.len() && all.refused.is_none() {
        end = bytes.len().min(end + 1 + usize::from(bytes[end] % 17));
        let Settled { bytes: more, heads, refused } = framing.settle(&bytes[all.bytes..end]);
        all = Settled { bytes: all.bytes + more, heads: all.heads + heads, refused };
    }
    all
}
