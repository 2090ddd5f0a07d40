//! The login endpoints: nonce, login, refresh.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use countersign_edge::{Answer, Inbound, OVER_LIMIT, Problem, REQUEST_ID, RequestId, over_limit, rate_limit};
use countersign_limit::{Check, Exceeded, Limiter, Rule, Subject, Taken};
use countersign_model::{Entropy, UnixTime};
use countersign_session::{
    LoginError, LoginRequest, NonceError, NotIssued, Pair, RefreshError, RefreshRefused, Wallets,
};
use countersign_store::StoreError;
use countersign_verify::{Arrival, BodySource, Failure, Verifier};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use serde::Deserialize;

/// One of the login endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET …/nonce?address=…&network=…`
    Nonce,
    /// `POST …/login`
    Login,
    /// `POST …/refresh`
    Refresh,
}

/// The login endpoints under one path.
pub struct LoginApi {
    wallets: Arc<Wallets>,
    verifier: Arc<Verifier>,
    limit: LoginLimit,
    base: String,
}

/// How many requests one address may send to these endpoints, which are open to anybody: what a login costs, in
/// signatures that are checked and sessions that are kept, strangers cannot run up.
pub struct LoginLimit {
    /// What counts them.
    pub limiter: Arc<Limiter>,
    /// The rules; none where any number may come.
    pub rules: Vec<Arc<Rule>>,
}

/// What was answered, and why, for the log.
pub struct LoginAnswer {
    /// The response.
    pub response: Response<Bytes>,
    /// A stable word for a refusal; empty for a success.
    pub reason: &'static str,
    /// The reason in a sentence, for operators; empty for a success.
    pub detail: String,
    /// The limit that the request was over, where it was over one.
    pub limit: Option<Arc<str>>,
}

/// Why a request to these endpoints got no success.
struct Refusal {
    problem: Problem,
    reason: &'static str,
    detail: String,
}

#[derive(Deserialize)]
struct LoginBody<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RefreshBody<'a> {
    #[serde(borrow)]
    refresh_token: Cow<'a, str>,
}

impl LoginApi {
    /// The endpoints under `base`, such as `/api/v1/auth` (no slash at its end).
    pub fn new(wallets: Arc<Wallets>, verifier: Arc<Verifier>, limit: LoginLimit, base: String) -> Self {
        Self { wallets, verifier, limit, base }
    }

    /// The paths of the endpoints.
    pub fn paths(&self) -> Vec<String> {
        ["/nonce", "/login", "/refresh"].into_iter().map(|path| format!("{}{path}", self.base)).collect()
    }

    /// The endpoint that a path names, if it names one. A path here is answered here, whatever the routes say.
    pub fn endpoint(&self, path: &str) -> Option<Endpoint> {
        match path.strip_prefix(self.base.as_str())? {
            "/nonce" => Some(Endpoint::Nonce),
            "/login" => Some(Endpoint::Login),
            "/refresh" => Some(Endpoint::Refresh),
            _ => None,
        }
    }

    /// Answers a request to `endpoint` that came as `arrival` says. The body is JSON whatever its content type says; members that
    /// are not asked for are ignored.
    pub async fn answer<B: BodySource>(
        &self,
        endpoint: Endpoint,
        inbound: &Inbound<'_>,
        body: &mut B,
        request_id: &RequestId,
        arrival: Arrival,
        entropy: &dyn Entropy,
    ) -> LoginAnswer {
        let now = arrival.at;
        let standings = match self.limit.take(arrival) {
            Ok(standings) => standings,
            Err(exceeded) => {
                return LoginAnswer {
                    response: over_limit(&exceeded).into_response(request_id),
                    reason: OVER_LIMIT,
                    detail: exceeded.to_string(),
                    limit: Some(exceeded.over.name),
                };
            }
        };
        let allowed = match endpoint {
            Endpoint::Nonce => Method::GET,
            Endpoint::Login | Endpoint::Refresh => Method::POST,
        };
        if *inbound.method != allowed {
            let mut response = Answer::from(Problem::MethodNotAllowed).into_response(request_id);
            if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
                response.headers_mut().insert(ALLOW, value);
            }
            let detail = format!("{} only", allowed.as_str());
            return LoginAnswer { response, reason: "method", detail, limit: None };
        }
        let done = match endpoint {
            Endpoint::Nonce => self.nonce(inbound, now).await,
            Endpoint::Login => self.login(body, now, entropy).await,
            Endpoint::Refresh => self.refresh(body, now).await,
        };
        let (mut response, reason, detail) = match done {
            Ok(json) => (success(json, request_id), "", String::new()),
            Err(refusal) => {
                (Answer::from(refusal.problem).into_response(request_id), refusal.reason, refusal.detail)
            }
        };
        rate_limit::tell(response.headers_mut(), &standings);
        LoginAnswer { response, reason, detail, limit: None }
    }

    async fn nonce(&self, inbound: &Inbound<'_>, now: UnixTime) -> Result<String, Refusal> {
        let query = inbound.target.split_once('?').map_or("", |(_, query)| query);
        let address = single(query, "address")?.ok_or_else(|| malformed("the query has no `address`"))?;
        let network = single(query, "network")?;
        match self.wallets.nonce(&address, network.as_deref(), now).await {
            Ok(nonce) => Ok(serde_json::json!({ "nonce": nonce.to_string() }).to_string()),
            Err(NonceError::Store(error)) => Err(storage(&error)),
            Err(error @ (NonceError::Address(_) | NonceError::Network(_))) => {
                Err(malformed(error.to_string()))
            }
        }
    }

    async fn login<B: BodySource>(
        &self,
        body: &mut B,
        now: UnixTime,
        entropy: &dyn Entropy,
    ) -> Result<String, Refusal> {
        let bytes = read(body).await?;
        let login: LoginBody<'_> = parse(&bytes)?;
        let keys = self.verifier.token_keys().ok_or_else(no_keys)?;
        let request = LoginRequest { address: &login.address, signature: &login.signature };
        match self.wallets.login(request, &keys, now, entropy).await {
            Ok(pair) => Ok(tokens(&pair)),
            Err(LoginError::Address(error)) => Err(malformed(error.to_string())),
            Err(LoginError::Refused(why)) => Err(Refusal {
                problem: Problem::LoginRefused,
                reason: "login_refused",
                detail: why.to_string(),
            }),
            Err(LoginError::Store(error)) => Err(storage(&error)),
            Err(LoginError::NotIssued(error)) => Err(not_issued(&error)),
        }
    }

    async fn refresh<B: BodySource>(&self, body: &mut B, now: UnixTime) -> Result<String, Refusal> {
        let bytes = read(body).await?;
        let refresh: RefreshBody<'_> = parse(&bytes)?;
        let keys = self.verifier.token_keys().ok_or_else(no_keys)?;
        match self.wallets.refresh(&refresh.refresh_token, &keys, now).await {
            Ok(pair) => Ok(tokens(&pair)),
            Err(RefreshError::Refused(why)) => {
                if let RefreshRefused::Reuse(_) = why {
                    // The session's access tokens end with it, here before this answer goes out.
                    self.verifier.catch_up(now).await.map_err(|error| behind(&error))?;
                }
                Err(Refusal {
                    problem: Problem::RefreshRefused,
                    reason: "refresh_refused",
                    detail: why.to_string(),
                })
            }
            Err(RefreshError::Store(error)) => Err(storage(&error)),
            Err(RefreshError::NotIssued(error)) => Err(not_issued(&error)),
        }
    }
}

impl LoginLimit {
    fn take(&self, arrival: Arrival) -> Result<Taken, Exceeded> {
        let check = |rule| Check { rule, subject: Subject::Client(arrival.from) };
        let checks: Vec<Check<'_>> = self.rules.iter().map(check).collect();
        self.limiter.take(&checks, arrival.at)
    }
}

/// The one value of a query parameter, decoded (WHATWG URL, `application/x-www-form-urlencoded`).
fn single(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let first = values.next().map(|(_, value)| value.into_owned());
    match values.next() {
        None => Ok(first),
        Some(_) => Err(malformed(format!("the query has `{name}` twice"))),
    }
}

async fn read<B: BodySource>(body: &mut B) -> Result<Bytes, Refusal> {
    body.read().await.map_err(|why| Refusal {
        problem: Problem::Body(why),
        reason: "body",
        detail: why.to_string(),
    })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        // A parser's message may quote the body; its place and kind are enough, and never a secret.
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                "the body lacks a member, has one twice, or one of another type"
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => "the body is not JSON",
        };
        malformed(format!("{what} (line {}, column {})", error.line(), error.column()))
    })
}

/// As JSON. No character of a token needs an escape (RFC 7515 section 7.1).
fn tokens(pair: &Pair) -> String {
    let Pair { token, refresh_token } = pair;
    [r#"{"refresh_token":""#, refresh_token, r#"","token":""#, token, r#""}"#].concat()
}

fn success(json: String, request_id: &RequestId) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, request_id.to_header());
    response
}

fn malformed(why: impl Into<Cow<'static, str>>) -> Refusal {
    let why = why.into();
    Refusal { detail: why.to_string(), problem: Problem::MalformedLogin(why), reason: "malformed" }
}

fn storage(error: &StoreError) -> Refusal {
    Refusal { problem: Problem::Unavailable, reason: "storage", detail: error.to_string() }
}

fn behind(error: &Failure) -> Refusal {
    Refusal { problem: Problem::Unavailable, reason: "storage", detail: error.to_string() }
}

fn not_issued(error: &NotIssued) -> Refusal {
    Refusal { problem: Problem::Internal, reason: "not_issued", detail: error.to_string() }
}

fn no_keys() -> Refusal {
    Refusal {
        problem: Problem::Unavailable,
        reason: "no_token_keys",
        detail: "there are no token keys".to_owned(),
    }
}
