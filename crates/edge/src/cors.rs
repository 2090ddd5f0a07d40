//! Browsers that call from another origin (the CORS protocol of the WHATWG Fetch standard).
//!
//! A browser asks first, without any credential, whether a page may make a call: that question is answered here, since no
//! route could let it through. Cookies are not spoken of: the credentials of all our schemes are put into the request by
//! the page itself.

use std::time::Duration;

use bytes::Bytes;
use countersign_lines::AnswerHeaders;
use countersign_model::Headers;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::{REQUEST_ID, RequestId};

/// Our headers that a page may read: the name of its request, and how its caller stands with limits.
const EXPOSED: &str = "x-request-id, retry-after, ratelimit-policy, ratelimit, x-ratelimit-limit, \
                       x-ratelimit-remaining, x-ratelimit-reset";

/// Which pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Those of any origin.
    Any,
    /// Those of these origins, each as browsers write it, such as `https://app.example.com`.
    These(Vec<HeaderValue>),
}

/// How browsers that call from another origin are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Which pages may call.
    pub origins: Origins,
    /// How long a browser may remember the answer to its question.
    pub max_age: Duration,
}

/// The origin of a request that may call, as it is to be written into the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

impl Cors {
    /// The origin of a request, if it has one that may call.
    pub fn origin(&self, headers: Headers<'_>) -> Option<AllowedOrigin> {
        let origin = headers.get(ORIGIN.as_str())?;
        match &self.origins {
            Origins::Any => Some(AllowedOrigin(HeaderValue::from_static("*"))),
            Origins::These(origins) => {
                origins.iter().find(|known| known.as_bytes() == origin).cloned().map(AllowedOrigin)
            }
        }
    }

    /// Says that the answer depends on the origin, so that no cache gives one origin's answer to another.
    pub fn vary(&self, headers: &mut impl AnswerHeaders) {
        match self.origins {
            Origins::Any => {}
            Origins::These(_) => headers.add(&VARY, b"origin"),
        }
    }

    /// The method that a browser asks about, if this is such a question.
    pub fn asked(method: &Method, headers: Headers<'_>) -> Option<Method> {
        if *method != Method::OPTIONS || !headers.contains(ORIGIN.as_str()) {
            return None;
        }
        Method::from_bytes(headers.get(ACCESS_CONTROL_REQUEST_METHOD.as_str())?).ok()
    }

    /// The answer to a browser's question: whatever it asked for may be sent. What is sent is then checked as ever.
    pub fn permission(
        &self,
        origin: &AllowedOrigin,
        asked: &Method,
        headers: Headers<'_>,
        request_id: &RequestId,
    ) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        origin.mark(answer);
        if let Ok(method) = HeaderValue::from_str(asked.as_str()) {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
        }
        let names = headers.get(ACCESS_CONTROL_REQUEST_HEADERS.as_str()).map(HeaderValue::from_bytes);
        if let Some(Ok(names)) = names {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.as_secs().into());
        answer.append(
            VARY,
            HeaderValue::from_static("access-control-request-method, access-control-request-headers"),
        );
        answer.insert(REQUEST_ID, request_id.to_header());
        response
    }
}

impl AllowedOrigin {
    /// Lets the page read an answer. What an upstream says of this itself stands.
    pub fn mark(&self, headers: &mut impl AnswerHeaders) {
        if headers.has(&ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        headers.set(&ACCESS_CONTROL_ALLOW_ORIGIN, self.0.as_bytes());
        headers.set(&ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.as_bytes());
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

    fn cors(origins: Origins) -> Cors {
        Cors { origins, max_age: Duration::from_mins(10) }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderList {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_page_of_a_named_origin_may_call_and_no_other() {
        let named = cors(Origins::These(vec![HeaderValue::from_static("https://app.example.com")]));
        assert!(named.origin(headers(&[("origin", "https://app.example.com")]).view()).is_some());
        for other in ["https://app.example.com.evil", "http://app.example.com", "null", ""] {
            assert_eq!(named.origin(headers(&[("origin", other)]).view()), None, "{other}");
        }
        assert_eq!(named.origin(headers(&[]).view()), None);
        let mut answer = HeaderMap::new();
        cors(Origins::Any).origin(headers(&[("origin", "https://a")]).view()).unwrap().mark(&mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }

    #[test]
    fn a_question_is_answered_with_what_was_asked_for() {
        let cors = cors(Origins::These(vec![HeaderValue::from_static("https://a")]));
        let question = headers(&[
            ("origin", "https://a"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization, content-type"),
        ]);
        let asked = Cors::asked(&Method::OPTIONS, question.view()).unwrap();
        let origin = cors.origin(question.view()).unwrap();
        let answer = cors.permission(&origin, &asked, question.view(), &RequestId::random(&Zeros));
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a");
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "authorization, content-type");
        assert_eq!(answer.headers()[ACCESS_CONTROL_MAX_AGE], "600");
        assert_eq!(answer.headers().get_all(VARY).iter().count(), 1);
        let mut other = HeaderMap::new();
        cors.vary(&mut other);
        assert_eq!(other[VARY], "origin");
    }

    #[test]
    fn an_ordinary_request_is_no_question() {
        let origin = headers(&[("origin", "https://a")]);
        assert_eq!(Cors::asked(&Method::OPTIONS, origin.view()), None);
        let full = headers(&[("origin", "https://a"), ("access-control-request-method", "POST")]);
        assert_eq!(Cors::asked(&Method::POST, full.view()), None);
    }

    #[test]
    fn what_the_upstream_says_stands() {
        let mut answer = HeaderMap::new();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://b"));
        AllowedOrigin(HeaderValue::from_static("https://a")).mark(&mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://b");
    }
}
