//! The head of a request as the upstream will see it.

use std::rc::Rc;

use countersign_edge::{Provenance, REQUEST_ID, RequestId, provenance};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Version, request};

use super::RequestFailure;
use super::hop;
use super::payload::{Payload, RequestBody, Upload};
use crate::{BodyLimits, Trace, Upstream};

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who sent a request, as the upstream is told.
#[derive(Clone, Debug)]
pub struct Sender {
    way: HeaderValue,
    scheme: &'static str,
    host: Option<HeaderValue>,
}

impl Sender {
    /// The sender of a request that came from there.
    pub fn new(from: &Provenance) -> Self {
        let way =
            from.way.iter().map(|address| address.to_canonical().to_string()).collect::<Vec<_>>().join(", ");
        let way = HeaderValue::from_maybe_shared(bytes::Bytes::from(way))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let host = from.host.as_ref().and_then(|host| HeaderValue::from_str(host).ok());
        Self { way, scheme: from.scheme, host }
    }
}

/// The head of a request on its way: what was between the client and us is gone from it, so that nothing
/// the client names in `Connection` can remove what is set from here on.
#[derive(Debug)]
pub struct Onward {
    head: request::Parts,
    trailers: Trailers,
}

/// Whether the client takes trailers (`TE: trailers`, RFC 9110, 10.1.4).
#[derive(Debug)]
enum Trailers {
    Taken,
    NotTaken,
}

impl Onward {
    /// Takes a head as it came from the client and removes what goes no further.
    pub fn new(mut head: request::Parts) -> Result<Self, RequestFailure> {
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Err(RequestFailure::MethodNotForwarded);
        }
        let mut codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
        if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
            return Err(RequestFailure::TransferCoding);
        }
        let trailers = Trailers::asked_for(&head.headers);
        hop::strip(&mut head.headers);
        // It was for us: hyper answers it when the body is first asked for.
        head.headers.remove(header::EXPECT);
        Ok(Self { head, trailers })
    }

    /// The fields, for what the upstream is to be told besides.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// Says where the request came from and under which names it is known, in place of whatever the client
    /// said about that; adds us to `Via`.
    pub fn introduce(&mut self, sender: &Sender, id: &RequestId, trace: &Trace) {
        let headers = &mut self.head.headers;
        let host = sender.host.as_ref().or_else(|| headers.get(header::HOST)).cloned();
        provenance::remove(headers);
        headers.insert(FORWARDED_FOR.clone(), sender.way.clone());
        headers.insert(FORWARDED_PROTO.clone(), HeaderValue::from_static(sender.scheme));
        if let Some(host) = host {
            headers.insert(FORWARDED_HOST.clone(), host);
        }
        headers.append(header::VIA, via(self.head.version));
        headers.insert(REQUEST_ID, id.as_header().clone());
        trace.write(headers);
    }

    /// The request to send to a server of `upstream`, but for its `Host`, with its body and, where it streams, a view of how that goes.
    pub(super) fn into_request(
        self,
        upstream: &Upstream,
        payload: Payload,
        limits: &BodyLimits,
    ) -> Result<(Request<RequestBody>, Option<Rc<Upload>>), RequestFailure> {
        let Self { mut head, trailers } = self;
        let target = head
            .uri
            .path_and_query()
            .and_then(|sent| upstream.target(sent))
            .ok_or(RequestFailure::TargetNotForwarded)?;
        if let Trailers::Taken = trailers {
            head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
        }
        payload.frame(&mut head.headers);
        let (body, upload) = RequestBody::new(payload, limits)?;
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = target;
        *request.headers_mut() = head.headers;
        Ok((request, upload))
    }
}

impl Trailers {
    fn asked_for(headers: &HeaderMap) -> Self {
        let asked = headers
            .get_all(header::TE)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"));
        if asked { Self::Taken } else { Self::NotTaken }
    }
}

/// How we appear in `Via` (RFC 9110, 7.6.3).
fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::HTTP_10 => "1.0 countersign",
        Version::HTTP_2 => "2.0 countersign",
        _ => "1.1 countersign",
    })
}
