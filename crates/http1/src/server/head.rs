//! The head of a request, out of its bytes.

use bytes::Bytes;
use countersign_framing::{Field, Outline, Refusal, Version};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

use super::Body;
use super::names::Names;
use super::trailers::Taken;

/// The request whose head is `bytes`, as `outline` and `fields` say where its parts are, and whether its client takes trailers. Its
/// values share the memory of `bytes`.
///
/// # Errors
///
/// What is refused that the types of a request have no place for. The framing refuses it before, so that this is a second
/// look and not the first.
pub(super) fn request(
    bytes: &Bytes,
    outline: &Outline,
    fields: &[Field],
    names: &mut Names,
) -> Result<(Request<Body>, Taken), Refusal> {
    let mut trailers = Taken::No;
    let mut headers = HeaderMap::try_with_capacity(fields.len()).map_err(|_| Refusal::TooManyFields)?;
    for field in fields {
        let spelling = bytes.get(field.name..field.colon).unwrap_or_default();
        let name = names.get(spelling).ok_or(Refusal::FieldName)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice(field.value..field.end))
            .map_err(|_| Refusal::FieldValue)?;
        if name == header::TE && trailers == Taken::No {
            trailers = Taken::said_by(&value);
        }
        headers.try_append(name, value).map_err(|_| Refusal::TooManyFields)?;
    }
    let method = bytes.get(outline.method.clone()).unwrap_or_default();
    let mut request = Request::new(Body::none());
    *request.method_mut() = Method::from_bytes(method).map_err(|_| Refusal::Method)?;
    *request.uri_mut() =
        Uri::from_maybe_shared(bytes.slice(outline.target.clone())).map_err(|_| Refusal::Target)?;
    *request.version_mut() = match outline.version {
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    *request.headers_mut() = headers;
    Ok((request, trailers))
}
