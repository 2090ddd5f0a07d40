//! Refusals on their way through nginx.
//!
//! nginx throws the body of a refusal away and knows two statuses. So a refusal is told to it as a 403 with the whole answer in
//! a header; nginx sends that header back from the location of its error page, and gets the answer to pass on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_edge::{Answer, Problem, RequestId};
use countersign_lines::{AnswerHead, AnswerHeaders as _, Answered};
use countersign_model::Headers;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};
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
pub(super) fn carry(answer: &Answered<Bytes>) -> Answered<Bytes> {
    let mut carried = Carried {
        status: answer.head.status().as_u16(),
        headers: answer.head.lines().iter().filter_map(text).collect(),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    };
    if carried.len() > CARRIED_BYTES {
        carried.body.clear();
    }
    let mut head = AnswerHead::new(NGINX_NO);
    head.add(&CACHE_CONTROL, b"no-store");
    if let Some(value) = carried.encode() {
        head.add(&CARRIER, value.as_bytes());
    }
    Answered { head, body: Bytes::new() }
}

fn text((name, value): (&[u8], &[u8])) -> Option<(String, String)> {
    let value = str::from_utf8(value).ok().filter(|value| value.is_ascii())?;
    Some((str::from_utf8(name).ok()?.to_owned(), value.to_owned()))
}

/// The answer that `headers` carry. Where they carry none, nobody decided: 503.
pub(super) fn restore(headers: Headers<'_>, id: &RequestId) -> Answered<Bytes> {
    let one = headers.only(CARRIER.as_str()).ok().flatten();
    let one = one.and_then(Carried::decode).and_then(Carried::into_answer);
    one.unwrap_or_else(|| Answer::from(Problem::Unavailable).answered(id))
}

impl Carried {
    fn len(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len().saturating_add(value.len()));
        headers.sum::<usize>().saturating_add(self.body.len())
    }

    fn encode(&self) -> Option<String> {
        serde_json::to_vec(self).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }

    fn decode(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }

    /// A refusal, and nothing else: nothing that somebody puts into the header makes a success of it, or sets a cookie.
    fn into_answer(self) -> Option<Answered<Bytes>> {
        let status = StatusCode::from_u16(self.status).ok()?;
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        let mut head = AnswerHead::new(status);
        for (name, value) in self.headers {
            let name: HeaderName = name.parse().ok()?;
            if [CONTENT_LENGTH, TRANSFER_ENCODING, SET_COOKIE].contains(&name) {
                return None;
            }
            head.add_value(&name, &HeaderValue::from_str(&value).ok()?);
        }
        Some(Answered { head, body: Bytes::from(self.body) })
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::{Entropy, HeaderList};
    use http::{HeaderMap, Response};

    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn through_nginx(answer: Response<Bytes>) -> Response<Bytes> {
        let told = Response::from(carry(&answer.into()));
        assert_eq!((told.status(), told.body().len()), (NGINX_NO, 0));
        restored(told.headers())
    }

    fn restored(headers: &HeaderMap) -> Response<Bytes> {
        let headers: HeaderList = headers.iter().collect();
        restore(headers.view(), &RequestId::random(&Zeros)).into()
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
        let got = through_nginx(sent.clone());
        assert_eq!(got.status(), sent.status());
        assert_eq!(got.headers(), sent.headers());
        assert_eq!(got.body(), sent.body());
    }

    #[test]
    fn of_a_refusal_that_is_too_long_the_head_comes_out() {
        let got = through_nginx(refusal(&"x".repeat(CARRIED_BYTES)));
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
            wrong.push(HeaderMap::from_iter([(CARRIER, carried.encode().unwrap().parse().unwrap())]));
        }
        wrong.push(HeaderMap::from_iter([(CARRIER, HeaderValue::from_static("e30"))]));
        wrong.push(HeaderMap::from_iter([(CARRIER, HeaderValue::from_static("!"))]));
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            twice.append(CARRIER, Response::from(carry(&refusal("").into())).headers()[CARRIER].clone());
        }
        wrong.push(twice);
        for headers in wrong {
            assert_eq!(restored(&headers).status(), 503, "{headers:?}");
        }
    }
}
