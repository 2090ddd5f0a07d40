//! What is noted of every request: for the log and the metrics, never with a secret.

use std::time::Duration;

use countersign_model::KeyId;
use http::{Method, StatusCode};

use crate::{RequestId, Route};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It may pass, and went to the upstream.
    Allowed,
    /// The caller's fault.
    Denied,
    /// Ours: no decision could be made.
    Unavailable,
    /// It was answered here: a login, a health check, no route, a head that cannot be read.
    Answered,
    /// It may pass, and the upstream failed.
    UpstreamFailed,
}

impl Outcome {
    /// The word for it in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Answered => "answered",
            Self::UpstreamFailed => "upstream_failed",
        }
    }
}

/// One request, as operators see it.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its name.
    pub request_id: &'a RequestId,
    /// The method, as sent.
    pub method: &'a Method,
    /// The path, without the query: queries carry secrets in some dialects.
    pub path: &'a str,
    /// The route it took, if any.
    pub route: Option<&'a Route>,
    /// How it ended.
    pub outcome: Outcome,
    /// The status that was answered.
    pub status: StatusCode,
    /// Why, as a stable word; empty where it was allowed.
    pub reason: &'static str,
    /// Why, in a sentence for operators; empty where it was allowed.
    pub detail: String,
    /// The scheme that failed, where one did.
    pub scheme: Option<String>,
    /// The consumer, where one proved itself.
    pub consumer: Option<String>,
    /// The credential, where one was found.
    pub key_id: Option<KeyId>,
    /// The wallet, where one proved itself.
    pub user: Option<String>,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
}
