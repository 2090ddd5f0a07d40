//! After which responses another request may be sent.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use countersign_http1::client::{Connection, Length, RequestHead};
use http::{HeaderMap, Method};
use http_body_util::{Empty, Full};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::coop;

use crate::support::{HOST, Pieces, Then, ask, failure_words, now};

#[test]
fn a_connection_serves_again_only_after_an_end_that_is_beyond_doubt() {
    let ok = "HTTP/1.1 200 OK\r\n";
    for (method, said, reusable) in [
        ("GET", format!("{ok}Content-Length: 2\r\n\r\nok"), true),
        ("GET", format!("{ok}Content-Length: 0\r\n\r\n"), true),
        ("GET", format!("{ok}Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok"), true),
        ("GET", format!("{ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), true),
        ("GET", format!("{ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n"), true),
        ("HEAD", format!("{ok}Content-Length: 2\r\n\r\n"), true),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n".to_owned(), true),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".to_owned(), true),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n".to_owned(), true),
        // It says that it ends there.
        ("GET", format!("{ok}Connection: close\r\nContent-Length: 2\r\n\r\nok"), false),
        ("GET", format!("{ok}Connection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok"), false),
        ("GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok".to_owned(), false),
        // It announces content where there is none: it may come later.
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n".to_owned(), false),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), false),
        // More came than belongs to it.
        ("GET", format!("{ok}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"), false),
        ("GET", format!("{ok}Content-Length: 2\r\n\r\nok\r\n"), false),
        ("HEAD", format!("{ok}Content-Length: 2\r\n\r\nok"), false),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok".to_owned(), false),
        ("GET", format!("{ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n0\r\n\r\n"), false),
    ] {
        let stream = Pieces::new([said.clone().into_bytes()], Then::Silence);
        let got = ask(&method.parse().unwrap(), stream).unwrap().unwrap();
        assert_eq!(got.reusable, reusable, "{method} {}", said.escape_debug());
    }
}

fn begin<S: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<S>, method: &Method, length: Length) {
    let fields = HeaderMap::new();
    connection.begin(RequestHead {
        method,
        target: "/",
        host: &HOST,
        fields: fields.iter(),
        lines: b"",
        length,
    });
}

#[test]
fn nothing_is_sent_on_a_connection_that_ended_or_spoke_before() {
    for (pieces, then, why) in [
        (vec![], Then::End, "nothing was sent: the other side closed it"),
        (
            vec![b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()],
            Then::Silence,
            "nothing was sent: something came before a request was sent",
        ),
    ] {
        // It says what it says before anything was written.
        let mut connection = Connection::new(Pieces { takes: 0, ..Pieces::new(pieces, then) });
        begin(&mut connection, &Method::POST, Length::Known(5));
        let body = &mut Full::new(Bytes::from_static(b"hello"));
        let Poll::Ready(Err(failure)) = connection.poll_response(&mut now(), body) else { panic!("{why}") };
        assert_eq!(failure_words(&failure), why);
        assert!(!http_body::Body::is_end_stream(body), "the body is there for another try");
        assert!(!connection.is_reusable());
    }
}

#[test]
fn a_task_that_has_had_its_turn_looks_at_the_connection_before_it_sends_all_the_same() {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let mut connection = Connection::new(ours);
        begin(&mut connection, &Method::POST, Length::Known(5));
        let turn = tokio::spawn(async move {
            // From here on whatever it asks for is not there until it has another turn.
            while coop::has_budget_remaining() {
                coop::consume_budget().await;
            }
            let body = &mut Full::new(Bytes::from_static(b"hello"));
            let failure = poll_fn(|cx| connection.poll_response(cx, body)).await.unwrap_err();
            assert_eq!(failure_words(&failure), "nothing was sent: something came before a request was sent");
        });
        turn.await.unwrap();
    });
}

#[test]
fn an_answer_is_read_though_sending_failed_and_the_connection_serves_no_more() {
    let said = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let mut connection =
        Connection::new(Pieces { takes: 100, ..Pieces::new([said.to_vec()], Then::Silence) });
    begin(&mut connection, &Method::POST, Length::Known(1000));
    let body = &mut Full::new(Bytes::from(vec![b'x'; 1000]));
    let Poll::Ready(Ok(response)) = connection.poll_response(&mut now(), body) else {
        panic!("it was there when sending failed");
    };
    assert_eq!(response.status(), 413);
    assert!(!connection.is_sending(), "there is nothing more to send it");
    assert_eq!(connection.take_whole().unwrap(), "no");
    assert!(!connection.is_reusable());
}

#[test]
fn a_connection_that_idles_is_silent_until_something_comes() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (late, then, silent) in
        [(vec![], Then::Silence, true), (vec![], Then::End, false), (b"x".to_vec(), Then::Silence, false)]
    {
        let pieces = [said.to_vec(), late].into_iter().filter(|piece| !piece.is_empty());
        let mut connection = Connection::new(Pieces::new(pieces, then));
        begin(&mut connection, &Method::GET, Length::None);
        let body = &mut Empty::<Bytes>::new();
        assert!(connection.poll_response(&mut now(), body).is_pending());
        assert!(connection.poll_response(&mut now(), body).is_ready());
        assert_eq!(connection.take_whole().unwrap(), "ok");
        assert!(connection.is_reusable());
        assert_eq!(connection.is_silent(), silent);
    }
}

#[test]
fn trailers_that_would_frame_a_message_go_no_further() {
    let said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\nX-Sum: 1\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\nTE: x\r\nTrailer: y\r\n\r\n";
    let got = ask(&Method::GET, Pieces::new([said.into()], Then::Silence)).unwrap().unwrap();
    assert_eq!(got.trailers.keys().collect::<Vec<_>>(), ["x-sum"]);
    assert!(got.reusable);
}
