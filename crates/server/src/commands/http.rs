//! One request over plain HTTP, for commands that talk to a server.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_http1::client::{Connection, Length, RequestHead};
use countersign_lines::Answered;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Body as _;
use tokio::net::TcpStream;

/// The longest that one request may take, from the connection to the end of the answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The URL is none that can be asked.
    #[error("`{url}` cannot be asked: use http:// and a host (https is not there in this version)")]
    Url {
        /// The URL.
        url: String,
    },
    /// Nobody takes the connection.
    #[error("nobody answers at {authority}")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The answer is none.
    #[error("{authority} gave no answer that could be read")]
    Broken {
        /// Host and port.
        authority: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("{authority} gave no answer within {} seconds", TIME_LIMIT.as_secs())]
    Late {
        /// Host and port.
        authority: String,
    },
}

/// Sends `request`, whose URI is absolute, and gives the answer with its whole body.
pub(crate) async fn send(request: Request<Full<Bytes>>) -> Result<Response<Bytes>, NoAnswer> {
    let url = request.uri().clone();
    let authority = url.authority().filter(|_| url.scheme_str() == Some("http"));
    let authority = authority.ok_or_else(|| NoAnswer::Url { url: url.to_string() })?.as_str().to_owned();
    match tokio::time::timeout(TIME_LIMIT, exchange(request, &url, &authority)).await {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer::Late { authority }),
    }
}

async fn exchange(
    request: Request<Full<Bytes>>,
    url: &Uri,
    authority: &str,
) -> Result<Response<Bytes>, NoAnswer> {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80)))
        .await
        .map_err(|source| NoAnswer::Connect { authority: authority.to_owned(), source })?;
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| NoAnswer::Broken {
        authority: authority.to_owned(),
        source,
    };
    let host = authority.parse().map_err(|error: http::header::InvalidHeaderValue| broken(error.into()))?;
    let (head, mut body) = request.into_parts();
    let length = body.size_hint().exact().filter(|length| *length > 0);
    let mut connection = Connection::new(stream);
    connection.begin(RequestHead {
        method: &head.method,
        // RFC 9112 section 3.2.1: what is asked of an origin server names the path alone.
        target: url.path_and_query().map_or("/", |target| target.as_str()),
        host: &host,
        fields: head.headers.iter(),
        lines: b"",
        length: length.map_or(Length::None, Length::Known),
    });
    let head = poll_fn(|cx| connection.poll_response(cx, &mut body)).await;
    let head = head.map_err(|error| broken(error.into()))?;
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| connection.poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|error| broken(error.into()))?.into_data() else { continue };
        if whole.len().saturating_add(data.len()) > ANSWER_LIMIT {
            return Err(broken(format!("it is longer than {ANSWER_LIMIT} bytes").into()));
        }
        whole.extend_from_slice(&data);
    }
    Ok(Answered { head, body: whole.freeze() }.into())
}
