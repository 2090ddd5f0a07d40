//! What Envoy is told.

use bytes::Bytes;
use countersign_edge::{Admitted, Pass, REQUEST_ID, RequestId};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, Response};
use tonic::Code;

/// The request of this name may pass, with who is calling set in place of whatever its client sent under those names, and what `pass` says
/// gone. The client is told of the limits, beside the API's answer.
pub(crate) fn yes(admitted: &Admitted, pass: &Pass, id: &RequestId) -> CheckResponse {
    let mut told = HeaderMap::new();
    admitted.tell_limits(&mut told);
    told.insert(REQUEST_ID, id.to_header());
    let mut headers = Vec::new();
    admitted.tell_onward(id, |name, value| {
        headers.push(header(name, value, HeaderAppendAction::OverwriteIfExistsOrAdd));
    });
    let ok = OkHttpResponse {
        response_headers_to_add: replacing(&told),
        headers,
        headers_to_remove: pass.removed().map(|name| name.as_str().to_owned()).collect(),
        ..OkHttpResponse::default()
    };
    response(Code::Ok, HttpResponse::OkResponse(ok))
}

/// The request may not pass; its client gets `answer`.
pub(crate) fn no(answer: &Response<Bytes>) -> CheckResponse {
    let mut headers = answer.headers().clone();
    // They are about the client's connection, which is Envoy's.
    headers.remove(CONNECTION);
    headers.remove(CONTENT_LENGTH);
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code: answer.status().as_u16().into() }),
        headers: replacing(&headers),
        body: String::from_utf8_lossy(answer.body()).into_owned(),
    };
    response(Code::PermissionDenied, HttpResponse::DeniedResponse(denied))
}

fn response(code: Code, http: HttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(Status { code: code.into(), ..Status::default() }),
        http_response: Some(http),
        dynamic_metadata: None,
    }
}

/// Each header with all its values; the first takes the place of what is there.
fn replacing(headers: &HeaderMap) -> Vec<HeaderValueOption> {
    let every = headers.keys().flat_map(|name| {
        headers.get_all(name).iter().enumerate().map(move |(place, value)| {
            let action = if place == 0 {
                HeaderAppendAction::OverwriteIfExistsOrAdd
            } else {
                HeaderAppendAction::AppendIfExistsOrAdd
            };
            header(name, value.as_bytes(), action)
        })
    });
    every.collect()
}

fn header(name: &HeaderName, value: &[u8], action: HeaderAppendAction) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value).into_owned(),
            raw_value: Vec::new(),
        }),
        append_action: action.into(),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    }
}
