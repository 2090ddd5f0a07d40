//! The table from refusal to status: the only one in the house.
//!
//! A caller learns what the wire documents and no more: an unknown key, a revoked one and a wrong signature look alike
//! wherever the documents allow it. Operators find the reason in the log, by the request id.

use std::borrow::Cow;

use bytes::Bytes;
use countersign_dialect::{Part, Refusal};
use countersign_framing::Refusal as FramingRefusal;
use countersign_limit::Exceeded;
use countersign_lines::{AnswerHead, AnswerHeaders, Answered};
use countersign_verify::{BodyFailure, Denial, Failure, Reason, Requirement, Scheme, Standing};
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::inbound::BadRequest;
use crate::{RequestId, rate_limit};

/// The realm in our challenges (RFC 9110 section 11.5).
const REALM: &str = "countersign";

/// When to try again after a failure of ours, in seconds.
const RETRY_SECS: u16 = 1;

/// The methods that are passed on where a route serves them, but for those that few know: what `Allow` says to `TRACE` and `CONNECT`
/// (RFC 9110 section 15.5.6). Where an endpoint has methods of its own, it says these.
const PASSED_ON: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The name of the request, in every answer and towards the upstream.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer of ours: a problem (RFC 9457) with a stable `code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// What went wrong, as a stable word for programs.
    pub code: &'static str,
    /// What went wrong, for people.
    pub detail: Cow<'static, str>,
    challenges: Vec<HeaderValue>,
    connection: Connection,
    limits: Option<Over>,
}

/// How a caller stands who sent too much.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Over {
    retry_after: u64,
    standings: Box<[Standing]>,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Kept,
    /// Where the request ended may be read in more than one way, and with it where the next begins (RFC 9112 section 11.2).
    Closed,
}

/// What else is answered with a problem: everything but a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The head of the request can be read in more than one way.
    BadRequest(BadRequest),
    /// The bytes of the connection are no request.
    Framing(FramingRefusal),
    /// No route matches: nothing is open by accident.
    NoRoute,
    /// Somebody asks about requests who may not: what he says of them proves nothing.
    UntrustedPeer,
    /// The endpoint is there, with other methods.
    MethodNotAllowed,
    /// The body was larger than allowed, or stopped coming, or broke off.
    Body(BodyFailure),
    /// A login or refresh request that cannot be read; the text says why.
    MalformedLogin(Cow<'static, str>),
    /// A login whose signature is not one of a fresh nonce by that address.
    LoginRefused,
    /// A refresh token that is invalid, expired or spent.
    RefreshRefused,
    /// A transfer coding other than chunked (RFC 9112 section 6.1).
    TransferCoding,
    /// The upstream could not be reached.
    UpstreamUnreachable,
    /// The upstream broke off before it had answered.
    UpstreamBroken,
    /// The upstream took too long.
    UpstreamTimeout,
    /// We cannot answer now.
    Unavailable,
    /// A fault in this program.
    Internal,
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let doubtful = match &problem {
            Problem::Framing(_) => true,
            other => [Problem::BadRequest(BadRequest::Framing), Problem::TransferCoding].contains(other),
        };
        let connection = if doubtful { Connection::Closed } else { Connection::Kept };
        let (status, code, detail): (_, _, Cow<'static, str>) = match problem {
            Problem::BadRequest(why) => {
                let (status, code) = bad_request(why);
                (status, code, why.to_string().into())
            }
            Problem::Framing(why) => {
                let (status, code) = framing(why);
                (status, code, why.to_string().into())
            }
            Problem::NoRoute => {
                (StatusCode::NOT_FOUND, "NO_ROUTE", "no route matches this method and path".into())
            }
            Problem::UntrustedPeer => (
                StatusCode::FORBIDDEN,
                "UNTRUSTED_PEER",
                "this address is not that of a proxy that may ask here".into(),
            ),
            Problem::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "this endpoint has other methods".into(),
            ),
            Problem::Body(why) => return body(why),
            Problem::MalformedLogin(why) => (StatusCode::BAD_REQUEST, "BAD_REQUEST", why),
            Problem::LoginRefused => (
                StatusCode::UNAUTHORIZED,
                "AUTHORIZATION_ERROR",
                "the signature is not one of this address over a fresh nonce; ask for a nonce and sign again"
                    .into(),
            ),
            Problem::RefreshRefused => (
                StatusCode::UNAUTHORIZED,
                "AUTHORIZATION_ERROR",
                "the refresh token is invalid or has expired; log in again".into(),
            ),
            Problem::TransferCoding => (
                StatusCode::NOT_IMPLEMENTED,
                "TRANSFER_CODING",
                "the only transfer coding that is understood is chunked".into(),
            ),
            Problem::UpstreamUnreachable => (
                StatusCode::BAD_GATEWAY,
                "UPSTREAM_UNREACHABLE",
                "the API behind this gateway cannot be reached".into(),
            ),
            Problem::UpstreamBroken => (
                StatusCode::BAD_GATEWAY,
                "UPSTREAM_BROKEN",
                "the API behind this gateway broke off its answer".into(),
            ),
            Problem::UpstreamTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "UPSTREAM_TIMEOUT",
                "the API behind this gateway took too long".into(),
            ),
            Problem::Unavailable => return unavailable(),
            Problem::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong in this gateway".into())
            }
        };
        let challenges = match status {
            StatusCode::UNAUTHORIZED => bearer_challenge(None).into_iter().collect(),
            _ => Vec::new(),
        };
        Self { status, code, detail, challenges, connection, limits: None }
    }
}

/// The answer to a request that may not pass a route with this requirement.
pub fn refusal(failure: &Failure, requirement: &Requirement, api_key_header: &HeaderName) -> Answer {
    match failure {
        Failure::Denied(denial) => denied(denial, requirement, api_key_header),
        Failure::Unavailable(_) => unavailable(),
        Failure::Limited(limited) => over_limit(&limited.exceeded),
        Failure::Body(why) => body(*why),
    }
}

/// The status of a head that is not passed on.
fn bad_request(why: BadRequest) -> (StatusCode, &'static str) {
    match why {
        BadRequest::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        BadRequest::Expectation => (StatusCode::EXPECTATION_FAILED, "EXPECTATION_FAILED"),
        BadRequest::Upgrade => (StatusCode::NOT_IMPLEMENTED, "UPGRADE_NOT_SUPPORTED"),
        BadRequest::Target
        | BadRequest::Method
        | BadRequest::Framing
        | BadRequest::QueryByte
        | BadRequest::Path(_)
        | BadRequest::Host
        | BadRequest::HostMismatch
        | BadRequest::Header
        | BadRequest::NotTold(_)
        | BadRequest::Forged => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    }
}

/// The status of what is no request; where none is closer, 400.
fn framing(why: FramingRefusal) -> (StatusCode, &'static str) {
    match why {
        FramingRefusal::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        FramingRefusal::TargetTooLong => (StatusCode::URI_TOO_LONG, "TARGET_TOO_LONG"),
        FramingRefusal::TooManyFields | FramingRefusal::HeadTooLarge => {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE")
        }
        FramingRefusal::TransferCoding => (StatusCode::NOT_IMPLEMENTED, "TRANSFER_CODING"),
        FramingRefusal::NotHttp
        | FramingRefusal::LineEnd
        | FramingRefusal::EmptyLine
        | FramingRefusal::RequestLine
        | FramingRefusal::Method
        | FramingRefusal::Target
        | FramingRefusal::TargetByte
        | FramingRefusal::Fragment
        | FramingRefusal::Version
        | FramingRefusal::FieldName
        | FramingRefusal::FieldFolded
        | FramingRefusal::FieldValue
        | FramingRefusal::Lookalike
        | FramingRefusal::ContentLength
        | FramingRefusal::ContentLengthTwice
        | FramingRefusal::TransferEncoding
        | FramingRefusal::TransferEncodingTwice
        | FramingRefusal::TransferEncodingInOldVersion
        | FramingRefusal::TwoLengths
        | FramingRefusal::BodyOfGet
        | FramingRefusal::ChunkSize
        | FramingRefusal::ChunkExtension
        | FramingRefusal::ChunkEnd
        | FramingRefusal::Trailer => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    }
}

/// The answer to a request of which there were too many before (RFC 6585 section 4).
pub fn over_limit(exceeded: &Exceeded) -> Answer {
    let over = &exceeded.over;
    let retry_after = rate_limit::retry_after(over);
    Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        code: "RATE_LIMITED",
        detail: format!("more than {} ({}); try again in {retry_after} s", over.rate, over.name).into(),
        challenges: Vec::new(),
        connection: Connection::Kept,
        limits: Some(Over { retry_after, standings: exceeded.standings.clone() }),
    }
}

fn unavailable() -> Answer {
    Answer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "UNAVAILABLE",
        detail: "no decision can be made now; try again".into(),
        challenges: Vec::new(),
        connection: Connection::Kept,
        limits: None,
    }
}

fn body(why: BodyFailure) -> Answer {
    let (status, code) = match why {
        BodyFailure::TooLarge { .. } | BodyFailure::Partial => {
            (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE")
        }
        BodyFailure::TooSlow { .. } | BodyFailure::TooLong { .. } => {
            (StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW")
        }
        BodyFailure::Broken => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
        BodyFailure::NotSeen | BodyFailure::Crowded | BodyFailure::NotKept(_) => return unavailable(),
    };
    Answer {
        status,
        code,
        detail: why.to_string().into(),
        challenges: Vec::new(),
        connection: Connection::Kept,
        limits: None,
    }
}

fn denied(denial: &Denial, requirement: &Requirement, api_key_header: &HeaderName) -> Answer {
    let status = match (&denial.scheme, &denial.reason) {
        (_, Reason::Scopes(_) | Reason::TwoConsumers) => StatusCode::FORBIDDEN,
        (Some(Scheme::Signature(recipe)), reason) => {
            StatusCode::from_u16(recipe.status(kind(reason))).unwrap_or(StatusCode::UNAUTHORIZED)
        }
        (Some(Scheme::ApiKey | Scheme::Wallet) | None, _) => StatusCode::UNAUTHORIZED,
    };
    let (code, detail): (_, Cow<'static, str>) = match (&denial.scheme, &denial.reason) {
        // RFC 6750 section 3.1, insufficient_scope: the caller is known and may be told what to ask for.
        (_, Reason::Scopes(missing)) => {
            ("SCOPE_MISSING", format!("this needs more scopes: {}", missing.to_list()).into())
        }
        (_, Reason::TwoConsumers) => ("TWO_CONSUMERS", "the credentials are those of two consumers".into()),
        (_, Reason::NotPresented) => ("CREDENTIAL_MISSING", "a credential is required".into()),
        (Some(Scheme::Wallet), _) => ("AUTHORIZATION_ERROR", "the token is invalid or has expired".into()),
        (Some(Scheme::Signature(_)), _) if status == StatusCode::FORBIDDEN => {
            ("SIGNATURE_INVALID", "the signature or its timestamp is missing or not valid".into())
        }
        (Some(Scheme::ApiKey | Scheme::Signature(_)) | None, _) => {
            ("CREDENTIAL_INVALID", "the credential is not valid".into())
        }
    };
    let challenges = if status == StatusCode::UNAUTHORIZED {
        challenges(denial, requirement, api_key_header)
    } else {
        Vec::new()
    };
    Answer { status, code, detail, challenges, connection: Connection::Kept, limits: None }
}

/// Which of a dialect's documented statuses a reason belongs to.
fn kind(reason: &Reason) -> Refusal {
    match reason {
        Reason::NotPresented
        | Reason::UnknownKey
        | Reason::Unusable(_)
        | Reason::Repeated
        | Reason::Unreadable => Refusal::KeyId,
        Reason::Incomplete(part) => of_part(*part),
        Reason::Malformed(why) => of_part(why.part),
        Reason::Untimely(_) | Reason::NonceNotANumber => Refusal::Timestamp,
        Reason::Replayed(_) => Refusal::Replay,
        Reason::Mismatch(_)
        | Reason::UnsignedQuery
        | Reason::Token(_)
        | Reason::SessionEnded
        | Reason::TwoConsumers
        | Reason::Scopes(_) => Refusal::Signature,
    }
}

fn of_part(part: Part) -> Refusal {
    match part {
        Part::KeyId => Refusal::KeyId,
        Part::Timestamp | Part::Nonce | Part::Expires => Refusal::Timestamp,
        Part::Signature => Refusal::Signature,
        Part::Body => Refusal::Malformed,
    }
}

/// One challenge a scheme that the route accepts (RFC 9110 section 11.6.1).
fn challenges(denial: &Denial, requirement: &Requirement, api_key_header: &HeaderName) -> Vec<HeaderValue> {
    let challenge = |scheme: &Scheme| match scheme {
        Scheme::ApiKey => text(&format!("ApiKey realm=\"{REALM}\", header=\"{api_key_header}\"")),
        Scheme::Wallet => bearer_challenge(Some(denial)),
        Scheme::Signature(recipe) => {
            text(&format!("Signature realm=\"{REALM}\", dialect=\"{}\"", recipe.name()))
        }
    };
    requirement.accept().schemes().iter().filter_map(challenge).collect()
}

/// RFC 6750 section 3: no error code where no token was presented.
fn bearer_challenge(denial: Option<&Denial>) -> Option<HeaderValue> {
    let presented = denial.is_some_and(|denial| {
        matches!(denial.scheme, Some(Scheme::Wallet)) && denial.reason != Reason::NotPresented
    });
    let error = if presented { ", error=\"invalid_token\"" } else { "" };
    text(&format!("Bearer realm=\"{REALM}\"{error}"))
}

fn text(challenge: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(challenge).ok()
}

impl Answer {
    /// The answer as a response: problem JSON (RFC 9457) that no cache may keep.
    pub fn into_response(self, request_id: &RequestId) -> Response<Bytes> {
        let mut response = Response::new(self.problem(request_id));
        *response.status_mut() = self.status;
        self.tell(response.headers_mut(), request_id);
        response
    }

    /// The same as lines.
    pub fn answered(self, request_id: &RequestId) -> Answered<Bytes> {
        let (mut head, body) = (AnswerHead::new(self.status), self.problem(request_id));
        self.tell(&mut head, request_id);
        Answered { head, body }
    }

    fn problem(&self, request_id: &RequestId) -> Bytes {
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id.as_str(),
        });
        Bytes::from(problem.to_string())
    }

    fn tell(&self, headers: &mut impl AnswerHeaders, request_id: &RequestId) {
        headers.set(&CONTENT_TYPE, b"application/problem+json");
        headers.set(&CACHE_CONTROL, b"no-store");
        headers.set(&REQUEST_ID, request_id.as_bytes());
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.set(&ALLOW, PASSED_ON.as_bytes());
        }
        if self.connection == Connection::Closed {
            headers.set(&CONNECTION, b"close");
        }
        if let Some(over) = &self.limits {
            headers.set(&RETRY_AFTER, itoa::Buffer::new().format(over.retry_after).as_bytes());
            rate_limit::tell(headers, &over.standings);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.set(&RETRY_AFTER, itoa::Buffer::new().format(RETRY_SECS).as_bytes());
        }
        for challenge in &self.challenges {
            headers.add(&WWW_AUTHENTICATE, challenge.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_ends_where_it_is_doubtful_where_its_request_does() {
        let id = RequestId::choose(Some(b"test"), &NoEntropy);
        let closes = |problem| Answer::from(problem).into_response(&id).headers().contains_key(CONNECTION);
        assert!(closes(Problem::BadRequest(BadRequest::Framing)) && closes(Problem::TransferCoding));
        assert!(!closes(Problem::BadRequest(BadRequest::Target)) && !closes(Problem::NoRoute));
    }

    #[test]
    fn whoever_asks_with_a_method_that_is_not_passed_on_is_told_which_are() {
        let id = RequestId::choose(Some(b"test"), &NoEntropy);
        for problem in [
            Problem::BadRequest(BadRequest::MethodNotAllowed),
            Problem::Framing(FramingRefusal::MethodNotAllowed),
        ] {
            let answer = Answer::from(problem).into_response(&id);
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()[ALLOW]),
                (405, &HeaderValue::from_static(PASSED_ON))
            );
        }
        let other = Answer::from(Problem::BadRequest(BadRequest::Method)).into_response(&id);
        assert!(!other.headers().contains_key(ALLOW));
    }

    #[test]
    fn a_refusal_in_lines_is_the_one_in_a_map() {
        let id = RequestId::choose(Some(b"test"), &NoEntropy);
        for problem in [
            Problem::NoRoute,
            Problem::LoginRefused,
            Problem::Unavailable,
            Problem::BadRequest(BadRequest::MethodNotAllowed),
            Problem::Framing(FramingRefusal::NotHttp),
        ] {
            let mut response = Answer::from(problem.clone()).into_response(&id);
            let answered = Answer::from(problem).answered(&id);
            let closes = response.headers_mut().remove(CONNECTION).is_some();
            assert_eq!(answered.head.connection() == countersign_lines::Connection::Closed, closes);
            let answered = Response::from(answered);
            assert_eq!(
                (answered.status(), answered.headers(), answered.body()),
                (response.status(), response.headers(), response.body())
            );
        }
    }

    struct NoEntropy;

    impl countersign_model::Entropy for NoEntropy {
        fn fill(&self, _: &mut [u8]) {}
    }
}
