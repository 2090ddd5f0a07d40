//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use countersign_edge::Head;
use countersign_framing::Refusal;
use countersign_gateway::Received;
use countersign_http1::server::{self, Course, Event, Sends, Service};
use countersign_lines::Answered;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::http2::Streamed;
use super::pace::{Pace, Paced, Requests, Socket, Upload};
use super::{Client, Handle, Phase, RefusedHead, Serving, stopping};

/// Serves requests of `client` on `stream` until the client closes it, it has been silent for too long, or the server stops.
pub(super) async fn http1<H: Handle>(
    stream: impl Socket + 'static,
    client: Client,
    serving: &Serving<H>,
    phase: watch::Receiver<Phase>,
) {
    let pace = Pace::new(serving.limits, Requests::InTurn);
    let stream = Paced::new(stream, Rc::clone(&pace));
    let requests = InTurn { handler: &serving.handler, client: &client, pace: &pace };
    let course = Course::default();
    let connection = pin!(serving.http1.serve(stream, &requests, &course));
    watch_over(connection, |_| course.wind_down(), &pace, phase).await;
}

/// The requests of one connection, one after the other.
struct InTurn<'a, H> {
    handler: &'a H,
    client: &'a Client,
    pace: &'a Pace,
}

impl<H: Handle> Service for InTurn<'_, H> {
    type Body = H::Body;

    async fn answer(&self, head: &server::Head<'_>, body: server::Body) -> Answered<H::Body> {
        let server::Head { method, target, authority, version, headers } = head;
        let head = Head { method, target, authority: *authority, version: *version, headers: *headers };
        self.handler.handle(&head, Received::Http1(body), self.client).await
    }

    fn refuse(&self, why: Refusal, bytes: &[u8]) -> Answered<H::Body> {
        self.handler.refuse(&RefusedHead::new(why, bytes), self.client)
    }

    fn note(&self, event: Event) {
        match event {
            Event::HeadBegins => self.pace.head_begins(),
            Event::RequestBegins(Sends::Nothing) => self.pace.request_begins(Upload::Nothing),
            Event::RequestBegins(Sends::Body) => self.pace.request_begins(Upload::Body),
            Event::BodyRefused(why) => self.client.watch.body_refused(why),
            Event::AnswerBreaksOff => self.pace.answer_breaks_off(),
            Event::RequestEnds => self.pace.request_ends(),
        }
    }
}

/// The same in HTTP/2, which has several requests at a time.
pub(super) async fn http2<H: Handle>(
    stream: impl Socket + 'static,
    client: Client,
    serving: &Rc<Serving<H>>,
    phase: watch::Receiver<Phase>,
) {
    let pace = Pace::new(serving.limits, Requests::AtOnce);
    let service = service_fn(|request: Request<Incoming>| {
        let begun = pace.stream_begins();
        let (serving, client) = (Rc::clone(serving), client.clone());
        async move {
            let (parts, body) = request.into_parts();
            let headers = super::http2::headers(&parts);
            let head = Head::of(&parts, headers.view());
            let answered = serving.handler.handle(&head, Received::Http2(body), &client).await;
            Ok::<_, Infallible>(Response::from(answered.map(|body| Streamed::new(body, begun))))
        }
    });
    let stream = TokioIo::new(Paced::new(stream, Rc::clone(&pace)));
    let connection = pin!(super::http2::builder(&serving.limits).serve_connection(stream, service));
    watch_over(connection, http2::Connection::graceful_shutdown, &pace, phase).await;
}

/// Runs a connection to its end, which it is brought to by `wind_down` when the server stops.
async fn watch_over<C: Future>(
    mut connection: Pin<&mut C>,
    wind_down: impl Fn(Pin<&mut C>),
    pace: &Pace,
    mut phase: watch::Receiver<Phase>,
) {
    // Asking the future takes a lock that all connections share; whether anything changed is one look at a number. The
    // future is asked once at the start, so that this task is woken by a change.
    let changes = phase.clone();
    let mut asked = Asked::Never;
    let mut stop = pin!(stopping(&mut phase));
    let mut timer = pin!(sleep_until(pace.next_look().unwrap_or_else(Instant::now)));
    // So is the timer, which wakes this task from then on.
    let mut timing = Asked::Never;
    let mut told_to_stop = Phase::Serving;

    std::future::poll_fn(|cx| {
        let news = asked == Asked::Never || changes.has_changed().unwrap_or(true);
        asked = Asked::Once;
        if told_to_stop == Phase::Serving && news && stop.as_mut().poll(cx).is_ready() {
            told_to_stop = Phase::Stopping;
            wind_down(connection.as_mut());
        }
        // Whether the client broke off or closed, there is nobody left to answer.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let Some(look) = pace.next_look() else { return Poll::Pending };
            // Mostly the deadline moves away; then the timer is left to fire early, and the time is looked at only then.
            if timer.is_elapsed() || timer.deadline() > look {
                if pace.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(look);
            } else if timing == Asked::Once {
                return Poll::Pending;
            }
            timing = Asked::Once;
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// Whether a future was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Never,
    Once,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::SocketAddr;
    use std::task::Context;
    use std::time::Duration;

    use bytes::Bytes;
    use countersign_edge::{Answer, Problem};
    use countersign_framing::BodyOfGet;
    use http_body_util::{BodyExt as _, Full};
    use hyper::body::{Body, Frame};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::listen::pace::LINGER;
    use crate::listen::{ConnectionLimits, PlainHttp2, Speech};
    use crate::world::SystemClock;

    const HEADER_READ: Duration = Duration::from_secs(10);
    const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(75);
    const WRITE_IDLE: Duration = Duration::from_secs(30);
    const HEADER_BYTES: usize = 8192;
    const A_MOMENT: Duration = Duration::from_millis(1);
    const LIMITS: ConnectionLimits = ConnectionLimits {
        head: countersign_framing::Limits {
            header_count: 16,
            header_bytes: HEADER_BYTES,
            body_of_get: BodyOfGet::Refused,
        },
        header_read: HEADER_READ,
        keep_alive_idle: KEEP_ALIVE_IDLE,
        write_idle: WRITE_IDLE,
        streams: 100,
        shutdown_grace: Duration::from_secs(1),
    };
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    impl Socket for DuplexStream {
        fn reset(&self) {}
    }

    /// Answers after `after`, with a body of `size` bytes.
    struct Server {
        after: Duration,
        size: usize,
        served: Cell<usize>,
    }

    impl Handle for Server {
        type Body = Full<Bytes>;

        async fn handle(&self, _: &Head<'_>, body: Received, _: &Client) -> Answered<Full<Bytes>> {
            self.served.set(self.served.get() + 1);
            tokio::time::sleep(self.after).await;
            let body = body.collect().await.map(http_body_util::Collected::to_bytes);
            drop(body);
            Response::new(Full::new(Bytes::from(vec![b'x'; self.size]))).into()
        }

        fn refuse(&self, refused: &RefusedHead, _: &Client) -> Answered<Full<Bytes>> {
            refusal(refused)
        }
    }

    fn refusal(refused: &RefusedHead) -> Answered<Full<Bytes>> {
        let answer = Answer::from(Problem::Framing(refused.why));
        Response::builder().status(answer.status).body(Full::default()).unwrap().into()
    }

    struct Connection {
        client: DuplexStream,
        phase: watch::Sender<Phase>,
        server: Rc<Serving<Server>>,
        driven: JoinHandle<()>,
    }

    fn serving<H>(handler: H) -> Rc<Serving<H>> {
        Rc::new(Serving {
            handler,
            http1: server::Server::new(LIMITS.head, SystemClock),
            speech: Speech::Plain(PlainHttp2::Refused),
            limits: LIMITS,
        })
    }

    fn drive<H: Handle>(
        stream: impl Socket + 'static,
        peer: SocketAddr,
        server: &Rc<Serving<H>>,
        phase: watch::Receiver<Phase>,
    ) -> JoinHandle<()> {
        let server = Rc::clone(server);
        tokio::task::spawn_local(async move { http1(stream, Client::at(peer), &server, phase).await })
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    fn connect(after: Duration, size: usize) -> Connection {
        let (client, ours) = duplex(1024);
        let (phase, told) = watch::channel(Phase::Serving);
        let server = serving(Server { after, size, served: Cell::new(0) });
        let driven = drive(ours, peer(), &server, told);
        Connection { client, phase, server, driven }
    }

    impl Connection {
        async fn get(&mut self) {
            self.client.write_all(GET).await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\nx") {
                seen.push(self.client.read_u8().await.unwrap());
            }
        }

        /// Whether the server has closed the connection, or does so within `within`.
        async fn closes_within(&mut self, within: Duration) -> bool {
            let mut rest = Vec::new();
            tokio::time::timeout(within, self.client.read_to_end(&mut rest)).await.is_ok()
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_sends_its_head_byte_by_byte_is_cut_off() {
        let mut connection = connect(Duration::ZERO, 1);
        connection.client.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await.unwrap();
        for _ in 0..9 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            connection.client.write_all(b"a").await.unwrap();
        }
        assert!(!connection.closes_within(Duration::from_secs(1).saturating_sub(A_MOMENT)).await);
        assert!(connection.closes_within(A_MOMENT * 2).await);
        assert_eq!(connection.server.handler.served.get(), 0);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_connection_on_which_nothing_ever_comes_is_closed() {
        let mut connection = connect(Duration::ZERO, 1);
        assert!(!connection.closes_within(HEADER_READ.saturating_sub(A_MOMENT)).await);
        assert!(connection.closes_within(A_MOMENT * 2).await);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_connection_is_kept_between_requests_for_its_own_time() {
        let mut connection = connect(Duration::ZERO, 1);
        for _ in 0..3 {
            connection.get().await;
            assert!(!connection.closes_within(KEEP_ALIVE_IDLE.saturating_sub(A_MOMENT)).await);
        }
        connection.get().await;
        assert!(connection.closes_within(KEEP_ALIVE_IDLE + A_MOMENT).await);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_second_head_has_as_little_time_as_the_first() {
        let mut connection = connect(Duration::ZERO, 1);
        connection.get().await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        connection.client.write_all(b"GET / HT").await.unwrap();
        assert!(!connection.closes_within(HEADER_READ.saturating_sub(A_MOMENT)).await);
        assert!(connection.closes_within(A_MOMENT * 2).await);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_answer_that_takes_long_to_make_is_waited_for() {
        let mut connection = connect(Duration::from_mins(10), 1);
        connection.get().await;
        assert_eq!(connection.server.handler.served.get(), 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
        let mut connection = connect(Duration::ZERO, 1 << 20);
        connection.client.write_all(GET).await.unwrap();
        tokio::time::sleep(WRITE_IDLE.saturating_sub(A_MOMENT)).await;
        assert!(!connection.driven.is_finished());
        tokio::time::sleep(A_MOMENT * 2).await;
        assert!(connection.driven.is_finished());
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn at_the_end_an_idle_connection_closes_at_once_and_a_busy_one_after_its_answer() {
        let mut idle = connect(Duration::ZERO, 1);
        idle.get().await;
        idle.phase.send_replace(Phase::Stopping);
        assert!(idle.closes_within(A_MOMENT).await);

        let mut busy = connect(Duration::from_secs(5), 1);
        busy.client.write_all(GET).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        busy.phase.send_replace(Phase::Stopping);
        let mut answer = String::new();
        busy.client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nx"), "{answer}");
    }

    /// Sends the start of an answer of unknown length, and then does as the test wants.
    struct Half(Ending);

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Ending {
        Whole,
        BreaksOff,
        Stalls,
    }

    struct HalfBody(Option<Bytes>, Ending);

    impl Body for HalfBody {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            match (self.0.take(), self.1) {
                (Some(start), _) => Poll::Ready(Some(Ok(Frame::data(start)))),
                (None, Ending::Whole) => Poll::Ready(None),
                (None, Ending::BreaksOff) => {
                    Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into())))
                }
                (None, Ending::Stalls) => Poll::Pending,
            }
        }
    }

    impl Handle for Half {
        type Body = HalfBody;

        async fn handle(&self, _: &Head<'_>, _: Received, _: &Client) -> Answered<HalfBody> {
            Response::new(HalfBody(Some(Bytes::from_static(b"half")), self.0)).into()
        }

        fn refuse(&self, _: &RefusedHead, _: &Client) -> Answered<HalfBody> {
            Response::new(HalfBody(None, Ending::Whole)).into()
        }
    }

    /// What an HTTP/1.0 client makes of an answer that ends so; one that stalls is cut by the server.
    async fn read_by_an_old_client(ending: Ending) -> std::io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let (_phase, told) = watch::channel(Phase::Serving);
        let driven = drive(stream, peer, &serving(Half(ending)), told);
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        if ending == Ending::Stalls {
            driven.abort();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.map(|_| answer)
    }

    #[tokio::test(flavor = "local")]
    async fn an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole() {
        assert_eq!(read_by_an_old_client(Ending::Whole).await.unwrap(), "half");
        for ending in [Ending::BreaksOff, Ending::Stalls] {
            let error = read_by_an_old_client(ending).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }

    /// Refuses every request by its head, and reads no body.
    struct Refusing;

    impl Handle for Refusing {
        type Body = Full<Bytes>;

        async fn handle(&self, _: &Head<'_>, _: Received, _: &Client) -> Answered<Full<Bytes>> {
            Response::builder().status(401).body(Full::default()).unwrap().into()
        }

        fn refuse(&self, refused: &RefusedHead, _: &Client) -> Answered<Full<Bytes>> {
            refusal(refused)
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_is_refused_in_the_middle_of_its_body_can_send_the_rest_and_gets_its_answer() {
        let (mut client, ours) = duplex(1024);
        let (_phase, told) = watch::channel(Phase::Serving);
        let driven = drive(ours, peer(), &serving(Refusing), told);
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await.unwrap();
        client.write_all(&vec![b'x'; 100_000]).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(!driven.is_finished());
        drop(client);
        driven.await.unwrap();
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_never_stops_sending_is_cut_off_soon_after_its_answer() {
        let (mut client, ours) = duplex(1024);
        let (_phase, told) = watch::channel(Phase::Serving);
        let began = Instant::now();
        let driven = drive(ours, peer(), &serving(Refusing), told);
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await.unwrap();
        while client.write_all(b"more").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        driven.await.unwrap();
        assert!(began.elapsed() < LINGER + Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_request_that_is_refused_is_answered_after_those_before_it_and_nothing_after_it_is_read() {
        let mut connection = connect(Duration::from_secs(1), 1);
        let bytes = [GET, GET, b"GET / HTTP/1.1\nHost: a\n\n", GET].concat();
        connection.client.write_all(&bytes).await.unwrap();
        let mut answers = String::new();
        connection.client.read_to_string(&mut answers).await.unwrap();
        let statuses: Vec<&str> =
            answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
        assert_eq!(statuses, ["200", "200", "400"]);
        assert_eq!(connection.server.handler.served.get(), 2);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_in_single_bytes_is_read_as_one_and_the_body_after_it_too() {
        let mut connection = connect(Duration::ZERO, 1);
        let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        for byte in [&bytes[..], GET].concat() {
            connection.client.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut seen = Vec::new();
        while seen.windows(5).filter(|end| end == b"\r\n\r\nx").count() < 2 {
            seen.push(connection.client.read_u8().await.unwrap());
        }
        assert_eq!(connection.server.handler.served.get(), 2);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_with_too_many_or_too_long_lines_is_refused_with_431() {
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(17));
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(HEADER_BYTES + 1));
        for head in [many, long] {
            let Connection { client, server, phase: _phase, driven: _driven } = connect(Duration::ZERO, 1);
            let (mut read, mut write) = tokio::io::split(client);
            let sent = tokio::task::spawn_local(async move {
                // The server may close before it has read everything.
                let _ = write.write_all(head.as_bytes()).await;
                write
            });
            let mut answer = String::new();
            read.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
            assert_eq!(server.handler.served.get(), 0);
            drop(sent.await);
        }
    }
}
