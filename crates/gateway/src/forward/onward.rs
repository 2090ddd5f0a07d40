//! The head of a request as the upstream will see it.

use std::borrow::Cow;

use countersign_edge::identity::{self, Secrets};
use countersign_edge::{Field, Inbound, Provenance, REQUEST_ID, RequestId};
use countersign_http1::client::{Length, RequestHead};
use countersign_lines::Lines;
use countersign_model::{Entropy, Header, Headers};
use countersign_verify::Caller;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Version};
use smallvec::SmallVec;

use super::addresses::write_addresses;
use super::hop::Named;
use super::payload::Payload;
use super::{RequestFailure, hop};
use crate::Upstream;
use crate::trace::{TRACEPARENT, Trace};

/// Room for the fields that we set, in most requests, in bytes.
const OWN_BYTES: usize = 768;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The head of a request on its way: the client's fields that go on, as they were sent and in their order, and ours. The client's are
/// only marked here: each is copied once, where the head is written.
#[derive(Debug)]
pub struct Onward<'a> {
    inbound: &'a Inbound<'a>,
    /// What becomes of each of the client's lines.
    lines: SmallVec<[Line; 32]>,
    /// What the client asked for.
    host: Option<&'a [u8]>,
    /// The same dozen in every request, and nobody looks one up.
    own: Lines,
}

/// What becomes of a line of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    GoesOn,
    EndsHere,
}

impl<'a> Onward<'a> {
    /// Takes a request as it came from the client. What was between the client and us goes no further, nor do `secrets`, which were
    /// checked, and what only a gateway may set, in any spelling. What is set from here on, nothing that the client names in
    /// `Connection` can remove.
    pub fn new(inbound: &'a Inbound<'a>, secrets: &Secrets<'_>) -> Result<Self, RequestFailure> {
        let Inbound { headers, fields, .. } = inbound;
        if matches!(*inbound.method, Method::CONNECT | Method::TRACE) {
            return Err(RequestFailure::MethodNotForwarded);
        }
        if fields.has(Field::TransferEncoding) {
            let mut codings = headers.get_all("transfer-encoding");
            if codings.any(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
                return Err(RequestFailure::TransferCoding);
            }
        }
        let mut own = Lines::with_capacity(OWN_BYTES);
        if fields.has(Field::Te) && takes_trailers(*headers) {
            own.put_word(&header::TE, "trailers");
            own.put_word(&header::CONNECTION, "te");
        }
        let named = if fields.has(Field::Connection) { hop::named(*headers) } else { Named::default() };
        let mut host = None;
        let lines = headers.iter().zip(fields.iter()).map(|(header, field)| {
            if named.has(header.name) || secrets.hold(header.name) {
                return Line::EndsHere;
            }
            if field == Field::Host {
                host = Some(header.value);
            }
            fate(field)
        });
        let lines = lines.collect();
        Ok(Self { inbound, lines, host, own })
    }

    /// Says who is calling. What only a gateway may set stands nowhere else.
    pub fn introduce_caller(&mut self, caller: &Caller) {
        identity::put(&mut self.own, caller);
    }

    /// Says where the request came from and under which names it is known, in place of whatever the client
    /// said about that; adds us to `Via`.
    pub fn introduce(&mut self, from: &Provenance, id: &RequestId, entropy: &dyn Entropy) {
        self.own.put_with(&FORWARDED_FOR, |out| write_addresses(out, &from.way));
        self.own.put_word(&FORWARDED_PROTO, from.scheme);
        match (&from.host, self.host) {
            (Some(host), _) => self.own.put(&FORWARDED_HOST, host.as_bytes()),
            (None, Some(host)) => self.own.put(&FORWARDED_HOST, host),
            (None, None) => {}
        }
        self.own.put_word(&header::VIA, via(self.inbound.version));
        self.own.put_with(&REQUEST_ID, |out| out.extend_from_slice(id.as_bytes()));
        let Inbound { headers, fields, .. } = self.inbound;
        let sent = if fields.has(Field::TraceParent) { *headers } else { Headers::default() };
        match Trace::of(sent, entropy) {
            Trace::Received => {}
            Trace::Begun(trace) => {
                self.own.put_with(&TRACEPARENT, |out| out.extend_from_slice(trace.as_bytes()));
                self.end(|field| matches!(field, Field::TraceParent | Field::TraceState));
            }
        }
    }

    /// Has lines of the client's end here.
    fn end(&mut self, ends: impl Fn(Field) -> bool) {
        for (field, line) in self.inbound.fields.iter().zip(&mut self.lines) {
            if ends(field) {
                *line = Line::EndsHere;
            }
        }
    }

    /// The client's fields that go on.
    fn sent(&self) -> impl Iterator<Item = Header<'_>> {
        let lines = self.inbound.headers.iter().zip(&self.lines);
        lines.filter(|(_, line)| **line == Line::GoesOn).map(|(header, _)| header)
    }

    /// The target to ask `upstream` for.
    pub(super) fn target(&self, upstream: &Upstream) -> Result<Cow<'_, str>, RequestFailure> {
        upstream.target(self.inbound.target).ok_or(RequestFailure::TargetNotForwarded)
    }

    /// How long `payload` is. A client that said that there is none has that said for it.
    pub(super) fn length(&self, payload: &Payload) -> Length {
        match payload.length() {
            Length::None if self.inbound.fields.has(Field::ContentLength) => Length::Known(0),
            length => length,
        }
    }

    /// The head to send to the server that is called `host`.
    pub(super) fn head<'s>(
        &'s self,
        target: &'s str,
        host: &'s HeaderValue,
        length: Length,
    ) -> RequestHead<'s, impl Iterator<Item = Header<'s>>> {
        let (fields, lines) = (self.sent(), self.own.as_bytes());
        RequestHead { method: self.inbound.method, target, host, fields, lines, length }
    }
}

/// What becomes of a line of this kind, whatever it says.
const fn fate(field: Field) -> Line {
    match field {
        Field::Plain
        | Field::OtherMethod
        | Field::TraceParent
        | Field::TraceState
        // Those that frame the body are said anew where it is sent.
        | Field::ContentLength
        | Field::Trailer => Line::GoesOn,
        // What is between two hops (RFC 9110, 7.6.1).
        Field::Connection | Field::Hop | Field::Te | Field::TransferEncoding | Field::Upgrade
        // It was for us: it is answered when the body is first asked for.
        | Field::Expect
        // What is said anew.
        | Field::Host | Field::RequestId | Field::Identity | Field::Provenance | Field::OtherPath => {
            Line::EndsHere
        }
    }
}

/// Whether the client takes trailers (`TE: trailers`, RFC 9110, 10.1.4).
fn takes_trailers(headers: Headers<'_>) -> bool {
    headers
        .get_all("te")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// How we appear in `Via` (RFC 9110, 7.6.3).
const fn via(received: Version) -> &'static str {
    match received {
        Version::HTTP_10 => "1.0 countersign",
        Version::HTTP_2 => "2.0 countersign",
        _ => "1.1 countersign",
    }
}

#[cfg(test)]
mod tests {
    use countersign_edge::{Credentials, Fields, provenance};
    use countersign_model::{HeaderList, Scopes, visible};
    use countersign_verify::{Accept, Requirement, Scheme, SignatureUse, UnsignedQuery};
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    const BEGUN: &str = "00-01010101010101010101010101010101-0101010101010101-00";
    const RECEIVED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

    fn requirement() -> Requirement {
        let accept = Accept::Any(vec![Scheme::ApiKey, Scheme::Wallet]);
        Requirement::new(accept, Scopes::default(), UnsignedQuery::Allow, SignatureUse::AsDialect).unwrap()
    }

    fn from() -> Provenance {
        Provenance::direct(([192, 0, 2, 1], 5000).into(), "https")
    }

    /// The lines that are sent, but for `Host` and those that frame the body.
    fn sent(lines: &[(String, String)]) -> Vec<String> {
        let headers: HeaderList = lines.iter().map(|(name, value)| (name, value)).collect();
        let inbound = Inbound {
            method: &Method::GET,
            target: "/",
            path: "/".into(),
            scheme: "https",
            host: "api",
            headers: headers.view(),
            fields: Fields::of(headers.view()),
            version: Version::HTTP_11,
            peer: ([192, 0, 2, 1], 5000).into(),
        };
        let requirement = requirement();
        let secrets = Secrets::of(&requirement, &API_KEY, &Credentials::Remove);
        let mut onward = Onward::new(&inbound, &secrets).unwrap();
        onward.introduce_caller(&Caller::default());
        onward.introduce(&from(), &RequestId::random(&Ones), &Ones);
        let theirs =
            onward.sent().map(|header| format!("{}: {}", header.name_str(), visible(header.value).unwrap()));
        let ours = str::from_utf8(onward.own.as_bytes()).unwrap().lines().map(str::to_owned);
        theirs.chain(ours).collect()
    }

    /// The same, with a map from which everything is taken out by its name and into which everything is put.
    fn sent_slowly(lines: &[(String, String)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let traced = headers.get_all("traceparent").iter().collect::<Vec<_>>() == [RECEIVED];
        hop::tests::strip(&mut headers);
        headers.remove(header::EXPECT);
        Secrets::of(&requirement(), &API_KEY, &Credentials::Remove).remove(&mut headers);
        identity::remove_forged(&mut headers);
        identity::set(&mut headers, &Caller::default());
        let host = headers.remove(header::HOST);
        provenance::remove(&mut headers);
        headers.insert(&FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"));
        headers.insert(&FORWARDED_PROTO, HeaderValue::from_static("https"));
        if let Some(host) = host {
            headers.insert(&FORWARDED_HOST, host);
        }
        headers.append(header::VIA, HeaderValue::from_static("1.1 countersign"));
        headers.insert(REQUEST_ID, RequestId::random(&Ones).to_header());
        if !traced {
            headers.insert(&TRACEPARENT, HeaderValue::from_static(BEGUN));
            headers.remove("tracestate");
        }
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
        let names = [
            "accept",
            "x-one",
            "via",
            "x-api-key",
            "X_Api_Key",
            "authorization",
            "X-Consumer-ID",
            "x_consumer_id",
            "x-forwarded-for",
            "x.forwarded.host",
            "x-original-url",
            "forwarded",
            "connection",
            "keep-alive",
            "te",
            "upgrade",
            "expect",
            "trailer",
            "content-length",
            "proxy-authorization",
            "x-request-id",
            "traceparent",
            "tracestate",
            "x-http-method",
            "cookie",
        ];
        let values = [
            "1",
            "",
            "close",
            "x-one, via",
            "host",
            "x-one,TraceParent",
            "traceparent",
            "X-Forwarded-For",
            RECEIVED,
        ];
        let field = (prop::sample::select(names.to_vec()), prop::sample::select(values.to_vec()));
        let field = field.prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
        prop::collection::vec(field, 0..12).prop_map(|mut fields| {
            fields.insert(fields.len() / 2, ("host".to_owned(), "api".to_owned()));
            fields
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_upstream_sees_what_is_left_when_each_name_is_taken_out_by_itself(fields in fields()) {
            let (mut seen, mut slowly) = (sent(&fields), sent_slowly(&fields));
            seen.sort();
            slowly.sort();
            prop_assert_eq!(seen, slowly);
        }
    }

    #[test]
    fn what_goes_on_keeps_its_order() {
        let fields =
            ["cookie", "x-api-key", "accept", "connection", "x-one", "X-Consumer-ID", "via", "x-two"];
        let seen = sent(&fields.map(|name| (name.to_owned(), "1".to_owned())));
        assert_eq!(seen[..5], ["cookie: 1", "accept: 1", "x-one: 1", "via: 1", "x-two: 1"]);
    }
}
