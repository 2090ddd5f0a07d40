//! What operators may ask of the requests that were refused: which there are, and why each was. On the admin side alone.

use std::sync::Arc;

use bytes::Bytes;
use countersign_dialect::{KeyNaming, Request};
use countersign_doctor::{Finding, Kind, Question, Report, Verdict};
use countersign_model::Clock as _;
use countersign_store::StoreError;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::refusals::{Keeping, KeptBody, Refused};
use super::site::Foundation;
use super::sites::Sites;
use crate::commands::{named, rfc3339};
use crate::signer::{Named, Signer};
use crate::world::SystemClock;

/// Where they are listed, and below which each is.
const PATH: &str = "/refusals";

/// Explains requests that were refused.
pub(super) struct Explaining {
    foundation: Foundation,
    sites: Sites,
}

impl Explaining {
    pub(super) fn new(foundation: Foundation, sites: Sites) -> Self {
        Self { foundation, sites }
    }

    /// Answers what is asked about refusals; `None` where something else is asked.
    pub(super) async fn answer(&self, method: &Method, path: &str) -> Option<Response<Bytes>> {
        let below = path.strip_prefix(PATH)?;
        let id = match below {
            "" | "/" => None,
            below => Some(below.strip_prefix('/')?),
        };
        if method != Method::GET {
            let mut refused = told(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "GET only" }));
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return Some(refused);
        }
        let keeping = Keeping::of(&self.sites.present().limits);
        let all = self.foundation.refusals.all(keeping, SystemClock.now());
        let Some(id) = id else {
            let listed: Vec<Value> = all.iter().map(|refused| line(refused)).collect();
            return Some(told(StatusCode::OK, &json!({ "refusals": listed })));
        };
        // A client may give two requests one id: the newest is meant.
        let Some(refused) = all.into_iter().find(|refused| refused.request_id == id) else {
            let message = "no request of this id is kept";
            return Some(told(StatusCode::NOT_FOUND, &json!({ "message": message })));
        };
        Some(match self.explain(refused).await {
            Ok(explained) => told(StatusCode::OK, &explained),
            Err(error) => told(StatusCode::SERVICE_UNAVAILABLE, &json!({ "message": error.to_string() })),
        })
    }

    async fn explain(&self, refused: Arc<Refused>) -> Result<Value, StoreError> {
        let reading = refused.recipe.read(&request(&refused));
        let whose = match (refused.recipe.key_naming(), &refused.signer) {
            (KeyNaming::ByRoute, Some(consumer)) => Named::Consumer(consumer),
            (KeyNaming::ByRoute | KeyNaming::ByRequest, _) => named(&reading),
        };
        let Foundation { store, master, .. } = &self.foundation;
        let signer = Signer::look_up(&**store, master, &refused.recipe, whose, refused.at).await?;
        drop(reading);
        // A search takes its time: health and metrics do not wait for it.
        let explained = tokio::task::spawn_blocking(move || explained(&refused, signer)).await;
        Ok(explained.unwrap_or_else(|_| json!({ "message": "the search ended early" })))
    }
}

fn request(refused: &Refused) -> Request<'_> {
    Request {
        method: &refused.method,
        scheme: &refused.scheme,
        host: &refused.host,
        target: &refused.target,
        headers: refused.headers.view(),
        body: match &refused.body {
            KeptBody::Whole(body) => Some(body),
            KeptBody::NotRead | KeptBody::TooLong(_) => None,
        },
    }
}

fn explained(refused: &Refused, signer: Signer) -> Value {
    let question = Question {
        recipe: &refused.recipe,
        request: request(refused),
        secret: None,
        others: &[],
        now: refused.at,
    };
    let mut report = signer.explain(question);
    add(&mut report, refused);
    let mut answer = report.to_json();
    let head = format!(
        "request {}, answered at {} with {}: {}",
        refused.request_id,
        rfc3339(refused.at),
        refused.status.as_u16(),
        refused.detail
    );
    if let (Value::Object(answer), Value::Object(line)) = (&mut answer, line(refused)) {
        answer.extend(line);
        answer.insert("told".to_owned(), format!("{head}\n\n{report}").into());
    }
    answer
}

/// What the server knows besides.
fn add(report: &mut Report, refused: &Refused) {
    if report.verdict == Verdict::Accepted {
        // What it was refused for is not in the request: it was used before, or its scopes do not suffice.
        report.verdict = Verdict::Refused;
        let kind = if refused.reason == "replayed" { Kind::Nonce } else { Kind::UnusableCredential };
        report.findings.push(Finding {
            kind,
            said: format!(
                "The signature is right, and so is its time. The request was refused for another reason: {}.",
                refused.detail
            ),
            remedy: match kind {
                Kind::Nonce => "Sign every request anew, a retry too, with a new time and a new nonce that is greater than the last.",
                _ => "See what the route asks for: scopes, limits, a query that is not signed.",
            }
            .to_owned(),
        });
    }
    match &refused.body {
        KeptBody::Whole(_) => {}
        KeptBody::NotRead => {
            report.notes.push("The body was not read before the request was refused.".to_owned());
        }
        KeptBody::TooLong(bytes) => {
            report.notes.push(format!("The body ({bytes} bytes) is too long to be kept."));
        }
    }
}

/// One request in the list: nothing that a client keeps secret.
fn line(refused: &Refused) -> Value {
    let path = refused.target.split('?').next().unwrap_or_default();
    json!({
        "request_id": refused.request_id,
        "at": rfc3339(refused.at),
        "method": refused.method,
        "path": path,
        "dialect": refused.recipe.name().as_str(),
        "status": refused.status.as_u16(),
        "reason": refused.reason,
        "detail": refused.detail,
    })
}

fn told(status: StatusCode, json: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{json}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
