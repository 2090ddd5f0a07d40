//! How Envoy asks over gRPC, and what it makes of the answer.

use countersign_edge::Door;
use envoy_types::pb::envoy::config::core::v3::address::Address as Either;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, HeaderValueOption, SocketAddress,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};

use crate::doors::{Got, HOST, passed, refused};
use crate::holders::Sent;
use crate::place::Place;
use crate::wire::Answer;

/// A check as Envoy makes it with `encode_raw_headers`, `with_request_body` and `pack_as_bytes`.
pub(crate) fn asked(place: &Place, sent: &Sent) -> Got {
    let pseudo =
        [(":method", &*sent.method), (":path", &*sent.target), (":scheme", "http"), (":authority", HOST)];
    let pseudo = pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut headers: Vec<_> = pseudo.chain(sent.headers.clone()).collect();
    if sent.body.is_some() {
        headers.push(("x-envoy-auth-partial-body".to_owned(), "false".to_owned()));
    }
    let raw = |(key, value): (String, String)| HeaderValue {
        key: key.to_ascii_lowercase(),
        raw_value: value.into_bytes(),
        ..HeaderValue::default()
    };
    let http = HttpRequest {
        header_map: Some(HeaderMap { headers: headers.into_iter().map(raw).collect() }),
        raw_body: sent.body.clone().unwrap_or_default(),
        ..HttpRequest::default()
    };
    let client = SocketAddress {
        address: "127.0.0.1".to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(40_000)),
        ..SocketAddress::default()
    };
    let attributes = AttributeContext {
        source: Some(Peer {
            address: Some(Address { address: Some(Either::SocketAddress(client)) }),
            ..Peer::default()
        }),
        request: Some(Request { time: None, http: Some(http) }),
        ..AttributeContext::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("http://{}", place.check(Door::ExtAuthz));
    let response: CheckResponse = runtime.block_on(async {
        let mut client = AuthorizationClient::connect(url).await.unwrap();
        client.check(CheckRequest { attributes: Some(attributes) }).await.unwrap().into_inner()
    });
    match response.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => {
            let ours = pairs(ok.headers);
            let mut seen = sent.headers.clone();
            seen.retain(|(name, _)| {
                let name = name.to_ascii_lowercase();
                !ok.headers_to_remove.contains(&name) && !ours.iter().any(|(other, _)| *other == name)
            });
            seen.extend(ours);
            passed(&seen, sent)
        }
        HttpResponse::DeniedResponse(denied) => refused(&Answer {
            status: u16::try_from(denied.status.unwrap().code).unwrap(),
            headers: pairs(denied.headers),
            body: denied.body.into_bytes(),
        }),
        HttpResponse::ErrorResponse(_) => panic!("an error instead of a refusal"),
    }
}

fn pairs(options: Vec<HeaderValueOption>) -> Vec<(String, String)> {
    let headers = options.into_iter().map(|option| option.header.unwrap());
    headers.map(|header| (header.key, header.value)).collect()
}
