//! Refusals on their way through nginx.
//!
//! nginx throws the body of a refusal away and knows two statuses. So a refusal is told to it as a 403 with the whole answer in
//! a header; nginx sends that header back from the location of its error page, and gets the answer to pass on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_edge::{Answer, Problem, RequestId};
use countersign_model::Headers;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::reply::NGINX_NO;

/// The header in which an answer is carried.
const CARRIER: HeaderName = HeaderName::from_static("x-countersign-refusal");

/// The longest answer that is carried whole, in bytes; of a longer one the body stays behind. nginx reads heads into one
/// buffer, which the recipe makes twice as large.
const CARRIED_BYTES: usize = 8 * 1024;

#[derive(Serialize, Deserialize)]
struct Carried {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The 403 in which `answer` is carried.
pub(super) fn carry(answer: &Response<Bytes>) -> Response<Bytes> {
    let mut carried = Carried {
        status: answer.status().as_u16(),
        headers: answer.headers().iter().filter_map(text).collect(),
        body: String::from_utf8_lossy(answer.body()).into_owned(),
    };
    if carried.len() > CARRIED_BYTES {
        carried.body.clear();
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = NGINX_NO;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(value) = carried.encode() {
        response.headers_mut().insert(CARRIER, value);
    }
    response
}

fn text((name, value): (&HeaderName, &HeaderValue)) -> Option<(String, String)> {
    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
}

/// The answer that `headers` carry. Where they carry none, nobody decided: 503.
pub(super) fn restore(headers: Headers<'_>, id: &RequestId) -> Response<Bytes> {
    let one = headers.only(CARRIER.as_str()).ok().flatten();
    let one = one.and_then(Carried::decode).and_then(Carried::into_answer);
    one.unwrap_or_else(|| Answer::from(Problem::Unavailable).into_response(id))
}

impl Carried {
    fn len(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len().saturating_add(value.len()));
        headers.sum::<usize>().saturating_add(self.body.len())
    }

    fn encode(&self) -> Option<HeaderValue> {
        let json = serde_json::to_vec(self).ok()?;
        HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(json)).ok()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }

    /// A refusal, and nothing else: nothing that somebody puts into the header makes a success of it, or sets a cookie.
    fn into_answer(self) -> Option<Response<Bytes>> {
        let status = StatusCode::from_u16(self.status).ok()?;
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() = status;
        for (name, value) in self.headers {
            let name: HeaderName = name.parse().ok()?;
            if [CONTENT_LENGTH, TRANSFER_ENCODING, SET_COOKIE].contains(&name) {
                return None;
            }
            response.headers_mut().append(name, HeaderValue::from_str(&value).ok()?);
        }
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::{Entropy, HeaderList};
    use http::HeaderMap;

    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn through_nginx(answer: &Response<Bytes>) -> Response<Bytes> {
        let told = carry(answer);
        assert_eq!((told.status(), told.body().len()), (NGINX_NO, 0));
        let headers: HeaderList = told.headers().iter().collect();
        restore(headers.view(), &RequestId::random(&Zeros))
    }

    fn refusal(body: &str) -> Response<Bytes> {
        let answer = Response::builder()
            .status(429)
            .header("content-type", "application/problem+json")
            .header("www-authenticate", "ApiKey realm=\"x\"")
            .header("www-authenticate", "Bearer realm=\"x\"")
            .header("retry-after", "7");
        answer.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_refusal_comes_out_of_nginx_as_it_went_in() {
        let sent = refusal("{\"detail\":\"größer\"}");
        let got = through_nginx(&sent);
        assert_eq!(got.status(), sent.status());
        assert_eq!(got.headers(), sent.headers());
        assert_eq!(got.body(), sent.body());
    }

    #[test]
    fn of_a_refusal_that_is_too_long_the_head_comes_out() {
        let got = through_nginx(&refusal(&"x".repeat(CARRIED_BYTES)));
        assert_eq!((got.status().as_u16(), got.body().len()), (429, 0));
        assert_eq!(got.headers()["retry-after"], "7");
    }

    #[test]
    fn what_carries_no_refusal_is_503() {
        let mut wrong = vec![HeaderMap::new()];
        for (status, header) in
            [(200, "x-a"), (302, "location"), (401, "set-cookie"), (401, "content-length")]
        {
            let carried =
                Carried { status, headers: vec![(header.to_owned(), "1".to_owned())], body: String::new() };
            wrong.push(HeaderMap::from_iter([(CARRIER, carried.encode().unwrap())]));
        }
        wrong.push(HeaderMap::from_iter([(CARRIER, HeaderValue::from_static("e30"))]));
        wrong.push(HeaderMap::from_iter([(CARRIER, HeaderValue::from_static("!"))]));
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            twice.append(CARRIER, carry(&refusal("")).headers()[CARRIER].clone());
        }
        wrong.push(twice);
        for headers in wrong {
            let lines: HeaderList = headers.iter().collect();
            let answer = restore(lines.view(), &RequestId::random(&Zeros));
            assert_eq!(answer.status(), 503, "{headers:?}");
        }
    }
}
