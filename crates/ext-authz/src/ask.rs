//! What Envoy says of a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use countersign_edge::{BadRequest, Relayed, Telling, Told};
use countersign_framing::{Limits, Refusal};
use countersign_model::HeaderList;
use envoy_types::pb::envoy::config::core::v3::HeaderValue as RawHeader;
use envoy_types::pb::envoy::config::core::v3::address::Address as Either;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use http::{HeaderName, HeaderValue};

/// Why a check cannot be answered, for operators: it is Envoy's configuration that is wrong, not the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unasked {
    /// There is no HTTP request in it.
    #[error("the check is about no http request")]
    NotHttp,
    /// The headers are merged and cleaned, not what the client sent.
    #[error("the check has no raw headers: set `encode_raw_headers: true`")]
    NoRawHeaders,
}

/// The headers as they came to Envoy.
pub(crate) fn raw(http: &HttpRequest) -> Result<&[RawHeader], Unasked> {
    http.header_map.as_ref().map(|raw| &*raw.headers).ok_or(Unasked::NoRawHeaders)
}

/// Refuses a head that is larger than one may be that comes to us. How its lines were written is not known: they count as they would in
/// HTTP/1.
pub(crate) fn within(raw: &[RawHeader], limits: &Limits) -> Result<(), Refusal> {
    let lines = raw.iter().filter(|header| !header.key.starts_with(':')).count();
    if lines > limits.header_count {
        return Err(Refusal::TooManyFields);
    }
    let length = |header: &RawHeader| header.key.len() + header.raw_value.len() + ": \r\n".len();
    if raw.iter().map(length).sum::<usize>() > limits.header_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    Ok(())
}

/// The request that a check is about, as it came to Envoy: the pseudo-headers say what it asks for (RFC 9113 section 8.3.1).
pub(crate) fn relayed(raw: &[RawHeader], client: SocketAddr) -> Result<Result<Relayed, BadRequest>, Unasked> {
    let mut pseudo = Pseudo::default();
    let mut headers = HeaderList::new();
    for header in raw {
        // `value` is the cleaned form.
        if !header.value.is_empty() {
            return Err(Unasked::NoRawHeaders);
        }
        if let Some(name) = header.key.strip_prefix(':') {
            if let Err(why) = pseudo.take(name, &header.raw_value) {
                return Ok(Err(why));
            }
            continue;
        }
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(header.key.as_bytes()), HeaderValue::from_bytes(&header.raw_value))
        else {
            return Ok(Err(BadRequest::Header));
        };
        headers.push(name, value);
    }
    Ok(pseudo.told().and_then(|told| Relayed::new(told, headers.view().iter(), client)))
}

/// Where the client connected to Envoy from, as Envoy says.
pub(crate) fn client(source: Option<&Peer>) -> SocketAddr {
    let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let Some(Either::SocketAddress(socket)) =
        source.and_then(|peer| peer.address.as_ref()).and_then(|address| address.address.as_ref())
    else {
        return nowhere;
    };
    let Ok(ip) = socket.address.parse::<IpAddr>() else { return nowhere };
    let port = match socket.port_specifier {
        Some(PortSpecifier::PortValue(port)) => u16::try_from(port).unwrap_or_default(),
        Some(PortSpecifier::NamedPort(_)) | None => 0,
    };
    SocketAddr::new(ip, port)
}

#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
}

impl<'a> Pseudo<'a> {
    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), BadRequest> {
        let (slot, what) = match name {
            "method" => (&mut self.method, Telling::Method),
            "path" => (&mut self.target, Telling::Target),
            "scheme" => (&mut self.scheme, Telling::Scheme),
            "authority" => (&mut self.host, Telling::Host),
            // `:protocol` asks for another protocol (RFC 8441); there is no other.
            _ => return Err(BadRequest::Target),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(BadRequest::NotTold(what)),
        }
    }

    fn told(&self) -> Result<Told<'a>, BadRequest> {
        let told = |value: Option<&'a [u8]>, what| value.ok_or(BadRequest::NotTold(what));
        Ok(Told {
            method: told(self.method, Telling::Method)?,
            target: told(self.target, Telling::Target)?,
            scheme: told(self.scheme, Telling::Scheme)?,
            host: told(self.host, Telling::Host)?,
        })
    }
}
