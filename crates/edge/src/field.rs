//! What a header is to a gateway, by its name.
//!
//! A request's headers are looked at once, and everybody who asks for one of these afterwards need not search for its name:
//! most requests have none of most of them.

use countersign_model::Headers;
use smallvec::SmallVec;

/// How many lines of headers are kept without memory of their own.
const USUAL_LINES: usize = 32;

/// What a header is to a gateway.
///
/// Servers behind gateways fold names together: CGI (RFC 3875 section 4.1.18) and its heirs make `HTTP_X_CONSUMER_ID`
/// of `X-Consumer-ID` and `X_Consumer_ID` alike. So in those that a client must not set, every character that is neither
/// letter nor digit counts as `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Nothing: it is between the client and the API.
    Plain,
    /// `Host`.
    Host,
    /// `Connection`: it names others that go no further.
    Connection,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `TE`.
    Te,
    /// `Trailer`.
    Trailer,
    /// `Expect`.
    Expect,
    /// `Upgrade`.
    Upgrade,
    /// Any other that is between one hop and the next (RFC 9110 section 7.6.1).
    Hop,
    /// The request's name, see [`crate::REQUEST_ID`].
    RequestId,
    /// `Traceparent`.
    TraceParent,
    /// `Tracestate`.
    TraceState,
    /// Who is calling: ours, and those of other gateways whose upstreams believe them (`X-Consumer-Custom-ID`,
    /// `X-Consumer-Groups`, `X-Credential-Username`, `X-Anonymous-Consumer`), in any spelling.
    Identity,
    /// Where a request came from and what it asked for there, in any spelling.
    Provenance,
    /// The same, and some servers route by it, past the route that the request was checked on: `X-Original-URL` and the
    /// like, `X-Rewrite-URL`, in any spelling.
    OtherPath,
    /// What asks some servers to take a request for one with another method: `X-HTTP-Method-Override` and the like, in
    /// any spelling.
    OtherMethod,
}

impl Field {
    /// What a header of this name is, in lower case.
    pub fn of(name: &[u8]) -> Self {
        match name {
            [b'x', hyphen, rest @ ..] if !hyphen.is_ascii_alphanumeric() => extension(name, rest),
            [b'c' | b'e' | b'f' | b'h' | b'k' | b'p' | b't' | b'u', ..] => plain(name),
            _ => Self::Plain,
        }
    }
}

/// All that begin with an `x` are of these.
fn extension(name: &[u8], rest: &[u8]) -> Field {
    let begins = |start: &str| rest.get(..start.len()).is_some_and(|begin| is_alike(begin, start.as_bytes()));
    let is = |whole: &str| is_alike(rest, whole.as_bytes());
    match rest.first() {
        Some(b'a') if begins("authenticated-") || begins("anonymous-") => Field::Identity,
        Some(b'c') if begins("consumer-") || begins("credential-") => Field::Identity,
        Some(b'c') if is("client-ip") || is("cluster-client-ip") => Field::Provenance,
        Some(b'e') if is("envoy-external-address") => Field::Provenance,
        Some(b'f') if begins("forwarded-") => Field::Provenance,
        Some(b'h') if is("host") => Field::Provenance,
        Some(b'h') if is("http-method") || is("http-method-override") => Field::OtherMethod,
        Some(b'm') if is("method-override") => Field::OtherMethod,
        Some(b'o') if begins("original-") => Field::OtherPath,
        Some(b'r') if is("real-ip") => Field::Provenance,
        Some(b'r') if is("rewrite-url") => Field::OtherPath,
        Some(b'r') if name == b"x-request-id" => Field::RequestId,
        _ => Field::Plain,
    }
}

fn plain(name: &[u8]) -> Field {
    match name {
        b"host" => Field::Host,
        b"connection" => Field::Connection,
        b"content-length" => Field::ContentLength,
        b"transfer-encoding" => Field::TransferEncoding,
        b"te" => Field::Te,
        b"trailer" => Field::Trailer,
        b"expect" => Field::Expect,
        b"upgrade" => Field::Upgrade,
        b"keep-alive"
        | b"proxy-authenticate"
        | b"proxy-authentication-info"
        | b"proxy-authorization"
        | b"proxy-connection" => Field::Hop,
        b"traceparent" => Field::TraceParent,
        b"tracestate" => Field::TraceState,
        b"forwarded" | b"proxy" => Field::Provenance,
        _ => {
            let named = ["cf-connecting-ip", "client-ip", "fastly-client-ip", "true-client-ip"];
            let told = named.iter().any(|named| is_alike(name, named.as_bytes()));
            if told { Field::Provenance } else { Field::Plain }
        }
    }
}

/// Whether careless servers take two names for one.
pub(crate) fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    let alike = |(one, other): (&u8, &u8)| one == other || fold(*one) == fold(*other);
    one.len() == other.len() && one.iter().zip(other).all(alike)
}

/// What each line of a request's headers is, in the order in which [`Headers`] give them.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    each: SmallVec<[Field; USUAL_LINES]>,
    seen: u32,
    twice: u32,
}

impl Fields {
    /// Of these headers.
    pub fn of(headers: Headers<'_>) -> Self {
        let mut fields = Self::default();
        for header in headers.iter() {
            fields.push(Field::of(header.name));
        }
        fields
    }

    /// Adds the next line.
    fn push(&mut self, field: Field) {
        self.each.push(field);
        self.twice |= self.seen & bit(field);
        self.seen |= bit(field);
    }

    /// Whether there is a line of this kind.
    pub fn has(&self, field: Field) -> bool {
        self.seen & bit(field) != 0
    }

    /// Whether there is more than one.
    pub fn has_twice(&self, field: Field) -> bool {
        self.twice & bit(field) != 0
    }

    /// What each line is.
    pub fn iter(&self) -> impl Iterator<Item = Field> + '_ {
        self.each.iter().copied()
    }
}

const fn bit(field: Field) -> u32 {
    1 << field as u32
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;
    use proptest::prelude::*;

    use super::*;

    /// The names, as a list that is searched from its beginning.
    fn slowly(name: &str) -> Field {
        let folded = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let exact = [
            ("host", Field::Host),
            ("connection", Field::Connection),
            ("content-length", Field::ContentLength),
            ("transfer-encoding", Field::TransferEncoding),
            ("te", Field::Te),
            ("trailer", Field::Trailer),
            ("expect", Field::Expect),
            ("upgrade", Field::Upgrade),
            ("keep-alive", Field::Hop),
            ("proxy-authenticate", Field::Hop),
            ("proxy-authentication-info", Field::Hop),
            ("proxy-authorization", Field::Hop),
            ("proxy-connection", Field::Hop),
            ("x-request-id", Field::RequestId),
            ("traceparent", Field::TraceParent),
            ("tracestate", Field::TraceState),
        ];
        let any_spelling = [
            ("x-rewrite-url", Field::OtherPath),
            ("x-http-method", Field::OtherMethod),
            ("x-http-method-override", Field::OtherMethod),
            ("x-method-override", Field::OtherMethod),
            ("cf-connecting-ip", Field::Provenance),
            ("client-ip", Field::Provenance),
            ("fastly-client-ip", Field::Provenance),
            ("forwarded", Field::Provenance),
            ("proxy", Field::Provenance),
            ("true-client-ip", Field::Provenance),
            ("x-client-ip", Field::Provenance),
            ("x-cluster-client-ip", Field::Provenance),
            ("x-envoy-external-address", Field::Provenance),
            ("x-host", Field::Provenance),
            ("x-real-ip", Field::Provenance),
        ];
        let starts = [
            ("x-consumer-", Field::Identity),
            ("x-credential-", Field::Identity),
            ("x-authenticated-", Field::Identity),
            ("x-anonymous-", Field::Identity),
            ("x-forwarded-", Field::Provenance),
            ("x-original-", Field::OtherPath),
        ];
        let found = exact.iter().find(|(known, _)| *known == name);
        let found = found.or_else(|| any_spelling.iter().find(|(known, _)| *known == folded));
        let found = found.or_else(|| starts.iter().find(|(known, _)| folded.starts_with(known)));
        found.map_or(Field::Plain, |(_, field)| *field)
    }

    /// Names that are near to those that matter.
    fn names() -> impl Strategy<Value = String> {
        let known = "host|connection|content-length|transfer-encoding|te|trailer|expect|upgrade|keep-alive|proxy-authenticate|\
                     proxy-authentication-info|proxy-authorization|proxy-connection|x-request-id|traceparent|tracestate|\
                     x-rewrite-url|x-http-method|x-http-method-override|x-method-override|cf-connecting-ip|client-ip|\
                     fastly-client-ip|forwarded|proxy|true-client-ip|x-client-ip|x-cluster-client-ip|\
                     x-envoy-external-address|x-host|x-real-ip|x-consumer-id|x-credential-identifier|\
                     x-authenticated-scope|x-anonymous-consumer|x-forwarded-for|x-original-url|accept|user-agent";
        let known: Vec<&str> = known.split('|').collect();
        (prop::sample::select(known), any::<prop::sample::Index>(), "[a-z0-9_.!~-]{0,2}", 0..5_u8).prop_map(
            |(known, place, odd, how)| {
                let at = place.index(known.len() + 1);
                let (before, after) = known.split_at(at);
                match how {
                    0 => known.replace('-', "_"),
                    1 => format!("{before}{odd}{after}"),
                    2 => format!("{before}{odd}{}", after.get(1..).unwrap_or_default()),
                    3 if !before.is_empty() => before.to_owned(),
                    _ => known.to_owned(),
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_name_is_what_a_search_through_all_names_finds(name in names()) {
            prop_assert_eq!(Field::of(name.as_bytes()), slowly(&name), "{}", name);
        }
    }

    #[test]
    fn every_line_has_its_place() {
        let names = ["x-one", "content-length", "X_Forwarded_For", "x-one", "content-length", "host"];
        let headers: HeaderList = names.iter().map(|name| (name, "1")).collect();
        let fields = Fields::of(headers.view());
        for (header, field) in headers.view().iter().zip(fields.iter()) {
            assert_eq!(field, Field::of(header.name));
        }
        assert_eq!(fields.iter().count(), 6);
        assert!(fields.has(Field::Host) && !fields.has_twice(Field::Host));
        assert!(fields.has_twice(Field::ContentLength) && !fields.has(Field::Expect));
    }
}
