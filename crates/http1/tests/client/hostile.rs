//! Responses that two readers could read in two ways, or that never end.

use http::Method;

use crate::support::{Pieces, Then, ask};

fn why(said: &str) -> String {
    let got = ask(&Method::GET, Pieces::new([said.as_bytes().to_vec()], Then::End)).unwrap();
    got.map_or_else(|why| why, |got| got.broken.clone().unwrap_or_else(|| format!("taken: {got:?}")))
}

#[test]
fn a_head_that_can_be_read_in_two_ways_is_refused() {
    let status = "its first line is not a status line";
    let line_end = "a line does not end with CR LF";
    let field = "a header line is malformed";
    let number = "its content-length is not a number";
    let coding = "it has a transfer coding other than chunked";
    for (head, expected) in [
        ("SSH-2.0-OpenSSH\r\n", status),
        ("\r\nHTTP/1.1 200 OK\r\n", status),
        ("\x15\x03\x01\x00\x02\x02\x46", status),
        ("HTTP/2 200 OK\r\n", status),
        ("HTTP/1.2 200 OK\r\n", status),
        ("HTTP/1.10 200 OK\r\n", status),
        ("HTTP/1.1  200 OK\r\n", status),
        ("HTTP/1.1\t200 OK\r\n", status),
        ("http/1.1 200 OK\r\n", status),
        ("HTTP/1.1 20 OK\r\n", status),
        ("HTTP/1.1 2000 OK\r\n", status),
        ("HTTP/1.1 099 OK\r\n", status),
        ("HTTP/1.1 200 O\rK\r\n", status),
        ("HTTP/1.1 200\rOK\r\n", status),
        ("HTTP/1.1 200 O\0K\r\n", status),
        ("HTTP/1.1 200 OK\nX: y\r\n", line_end),
        ("HTTP/1.1 200 OK\r\nX: y\nContent-Length: 1\r\n", line_end),
        ("HTTP/1.1 200 OK\r\nX: y\r\n\n", line_end),
        ("HTTP/1.1 200 OK\r\nX: y\rContent-Length: 1\r\n", field),
        ("HTTP/1.1 200 OK\r\nX: y\0\r\n", field),
        ("HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n", field),
        ("HTTP/1.1 200 OK\r\n X: y\r\n", field),
        ("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n", field),
        ("HTTP/1.1 200 OK\r\n: y\r\n", field),
        ("HTTP/1.1 200 OK\r\nX\r\n", field),
        ("HTTP/1.1 200 OK\r\nX y: z\r\n", field),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n", number),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n", number),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n",
            "it has more than one content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "it has both a content-length and a transfer-encoding",
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.0 has no transfer-encoding"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", coding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n", coding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n", coding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n", coding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", coding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n", coding),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n",
            "it switches protocols, which nobody asked for",
        ),
        ("", "the connection was lost: the other side closed it"),
        ("HTTP/1.1 200 OK\r\nContent-Len", "the connection was lost: the other side closed it"),
    ] {
        let whole = expected.starts_with("the connection");
        let said = if whole { head.to_owned() } else { format!("{head}\r\n") };
        assert_eq!(why(&said), expected, "{}", head.escape_debug());
    }
}

#[test]
fn what_one_reader_takes_for_a_chunk_and_another_does_not_breaks_the_response_off() {
    for (chunks, expected) in [
        ("5 \r\nhello", "the size of a chunk is not a plain number"),
        ("0x5\r\nhello", "the size of a chunk is not a plain number"),
        ("5\nhello", "the size of a chunk is not a plain number"),
        ("-5\r\nhello", "the size of a chunk is not a plain number"),
        ("5\r\nhello!\r\n", "a chunk does not end where its size says"),
        ("5\r\nhello\n0\r\n\r\n", "a chunk does not end where its size says"),
        ("5;a=\x01\r\nhello\r\n", "the extension of a chunk is malformed or too long"),
        ("0\r\nX : y\r\n\r\n", "the trailers are malformed or too long"),
        ("0\r\n folded\r\n\r\n", "the trailers are malformed or too long"),
    ] {
        let said = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        assert_eq!(why(&said), format!("the response is malformed: {expected}"), "{}", chunks.escape_debug());
    }
}

#[test]
fn a_response_that_ends_early_is_not_taken_for_whole() {
    for said in [
        "Content-Length: 10\r\n\r\nhalf",
        "Content-Length: 10\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX: y\r\n",
    ] {
        let said = format!("HTTP/1.1 200 OK\r\n{said}");
        assert_eq!(why(&said), "the connection ended before the response did", "{}", said.escape_debug());
    }
}

#[test]
fn heads_without_end_are_refused_at_their_limits() {
    let fields = |count: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", "X: y\r\n".repeat(count - 1))
    };
    assert!(why(&fields(100)).starts_with("taken"));
    assert_eq!(why(&fields(101)), "it has too many headers");
    let bytes = |count: usize| {
        let other = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "y".repeat(count - other))
    };
    assert!(why(&bytes(64 * 1024)).starts_with("taken"));
    assert_eq!(why(&bytes(64 * 1024 + 1)), "its head is too long");
    assert_eq!(why(&format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(70_000))), "its head is too long");
    let interim = |count: usize| {
        format!(
            "{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n".repeat(count)
        )
    };
    assert!(why(&interim(16)).starts_with("taken"));
    assert_eq!(why(&interim(17)), "too many interim responses came before it");
}
