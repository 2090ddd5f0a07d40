//! What the upstream sees of a request's head, and the client of a response's.

use crate::support::{Bodies, Door, Scripted};
use countersign_gateway::{BodyLimits, UpstreamLimits};

/// The head that the upstream got for `request`, as sorted lines.
async fn seen(request: &str) -> Vec<String> {
    let upstream = Scripted::mirror().await;
    let door = Door::to(upstream.address).await;
    lines(&door.ask(request).await)
}

fn lines(answer: &str) -> Vec<String> {
    let (_, head) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.trim_end().lines().map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

#[tokio::test(flavor = "local")]
async fn the_upstream_sees_our_word_for_where_a_request_came_from() {
    let upstream = Scripted::mirror().await;
    let door = Door::to(upstream.address).await;
    let answer = door
        .ask(
            "GET /a HTTP/1.1\r\nHost: api.example\r\nX-Forwarded-For: 8.8.8.8\r\nX_Forwarded_For: 8.8.8.8\r\n\
              X-Forwarded-Port: 1\r\nForwarded: for=8.8.8.8\r\nX-Real-IP: 8.8.8.8\r\nVia: 1.0 theirs\r\n\
              X.Forwarded.For: 8.8.8.8\r\nX-Original-URL: /b\r\nX_Rewrite_URL: /b\r\nCF-Connecting-IP: 8.8.8.8\r\n\
              X-Request-Id: theirs\r\nX-Own: kept\r\nConnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(
        lines(&answer),
        [
            "GET /a HTTP/1.1".to_owned(),
            format!("host: {}", upstream.address),
            "traceparent: 00-5b5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-5b5a5a5a5a5a5a5a-00".to_owned(),
            "via: 1.0 theirs".to_owned(),
            "via: 1.1 countersign".to_owned(),
            "x-authenticated-scope: ".to_owned(),
            "x-authenticated-userid: ".to_owned(),
            "x-consumer-id: ".to_owned(),
            "x-consumer-username: ".to_owned(),
            "x-credential-identifier: ".to_owned(),
            "x-forwarded-for: 127.0.0.1".to_owned(),
            "x-forwarded-host: api.example".to_owned(),
            "x-forwarded-proto: http".to_owned(),
            "x-own: kept".to_owned(),
            "x-request-id: theirs".to_owned(),
        ]
    );
}

#[tokio::test(flavor = "local")]
async fn naming_a_field_in_connection_removes_the_clients_and_never_ours() {
    let seen = seen(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-consumer-id, X-Secret\r\nConnection: x-forwarded-for, via, \
         host, x-request-id\r\nX-Secret: s\r\nX-Consumer-ID: admin\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n\
         Proxy-Authorization: Basic eA==\r\n\r\n",
    )
    .await;
    assert!(seen.contains(&"x-consumer-id: ".to_owned()));
    assert!(!seen.contains(&"x-consumer-id: admin".to_owned()));
    assert!(seen.contains(&"x-forwarded-for: 127.0.0.1".to_owned()));
    assert!(seen.contains(&"via: 1.1 countersign".to_owned()));
    for name in ["x-secret", "keep-alive", "upgrade", "proxy-authorization", "connection"] {
        assert!(!seen.iter().any(|line| line.starts_with(name)), "{name} in {seen:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_target_goes_on_byte_for_byte() {
    for target in ["/", "/a//b/../%2F;v=1?x=%zz&&y=%20+", "//double", "/?", "/a?b?c", "/%C3%A4"] {
        let seen = seen(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(seen[0], format!("GET {target} HTTP/1.1"));
    }
    let seen = seen("GET http://other/a?b HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n").await;
    assert_eq!(seen[0], "GET /a?b HTTP/1.1");
}

#[tokio::test(flavor = "local")]
async fn the_base_path_of_the_upstream_goes_before_the_target() {
    let upstream = Scripted::mirror().await;
    let url = format!("http://{}/base/", upstream.address);
    let door = Door::with(&url, UpstreamLimits::default(), BodyLimits::default(), Bodies::Streamed).await;
    let answer = door.ask("GET /a%2Fb?c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(lines(&answer)[0], "GET /base/a%2Fb?c HTTP/1.1");
}

#[tokio::test(flavor = "local")]
async fn a_client_that_takes_trailers_still_does_so_behind_us() {
    let seen =
        seen("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, trailers\r\nConnection: close, TE\r\n\r\n").await;
    assert!(seen.contains(&"te: trailers".to_owned()), "{seen:?}");
    assert!(seen.contains(&"connection: te".to_owned()), "{seen:?}");
}

#[tokio::test(flavor = "local")]
async fn a_request_from_an_http_1_0_client_goes_on_as_1_1() {
    let seen = seen("GET /old HTTP/1.0\r\n\r\n").await;
    assert_eq!(seen[0], "GET /old HTTP/1.1");
    assert!(seen.contains(&"via: 1.0 countersign".to_owned()));
    assert!(!seen.iter().any(|line| line.starts_with("x-forwarded-host")));
}

#[tokio::test(flavor = "local")]
async fn tunnels_and_traces_are_not_passed_on() {
    let upstream = Scripted::mirror().await;
    let door = Door::to(upstream.address).await;
    for request in ["CONNECT a:443", "TRACE /"] {
        let answer = door.ask(&format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test(flavor = "local")]
async fn another_transfer_coding_than_chunked_is_refused() {
    let upstream = Scripted::mirror().await;
    let door = Door::to(upstream.address).await;
    let answer = door
        .ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test(flavor = "local")]
async fn the_client_sees_the_response_without_what_was_for_us() {
    let upstream = Scripted::answering(
        "HTTP/1.1 299 Fine by me\r\nConnection: X-Internal\r\nX-Internal: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nok",
    )
    .await;
    let door = Door::to(upstream.address).await;
    let answer = door.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut fields: Vec<_> = head.lines().skip(1).collect();
    fields.sort_unstable();
    assert!(head.starts_with("HTTP/1.1 299 Fine by me\r\n"), "{head}");
    assert_eq!(
        fields,
        [
            "connection: close",
            "content-length: 2",
            "date: Thu, 01 Jan 1970 00:00:00 GMT",
            "set-cookie: a=1",
            "set-cookie: b=2",
        ]
    );
    assert_eq!(body, "ok");
}

#[tokio::test(flavor = "local")]
async fn responses_without_a_body_end_where_their_head_ends() {
    for (method, status, length, passed) in [
        ("HEAD", "200 OK", "Content-Length: 1234", Some("content-length: 1234")),
        ("HEAD", "200 OK", "Transfer-Encoding: chunked", None),
        ("GET", "204 No Content", "X: y", None),
        ("GET", "304 Not Modified", "ETag: \"x\"", Some("etag: \"x\"")),
    ] {
        let upstream = Scripted::new(move |_, mut peer| async move {
            while !peer.read_head().await.is_empty() {
                peer.send(&format!("HTTP/1.1 {status}\r\n{length}\r\n\r\n")).await;
            }
        })
        .await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        // Twice on one connection: a body that nobody sends would swallow the second answer.
        for _ in 0..2 {
            client.send(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = client.read_head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(passed.is_none_or(|field| head.contains(field)), "{method} {status}: {head}");
        }
        assert_eq!(upstream.accepted(), 1);
    }
}

#[tokio::test(flavor = "local")]
async fn interim_responses_are_skipped() {
    let upstream = Scripted::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
         Content-Length: 2\r\n\r\nok",
    )
    .await;
    let door = Door::to(upstream.address).await;
    let answer = door.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("ok"));
}
