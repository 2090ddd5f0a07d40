//! What is noted of every request: for the log and the metrics, never with a secret.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Address, KeyId};
use countersign_verify::{App, Failure, Scheme, Verified};
use http::StatusCode;

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
    /// It was answered here: a login, no route, a head that cannot be read.
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

/// What came of a request, and why.
#[derive(Clone, Debug)]
pub struct Note {
    /// How it ended.
    pub outcome: Outcome,
    /// The route it took, if any.
    pub route: Option<Arc<Route>>,
    /// Why, as a stable word; empty where there is nothing to explain.
    pub reason: &'static str,
    /// Why, in a sentence for operators; empty where there is nothing to explain.
    pub detail: String,
    /// The scheme that failed, where one did.
    pub scheme: Option<Scheme>,
    /// The consumer, where one proved itself.
    pub app: Option<App>,
    /// The wallet, where one proved itself.
    pub user: Option<Address>,
    /// The credential that was named by a request that was refused, where it was found.
    pub key_id: Option<KeyId>,
    /// The limit that the request was over, where it was over one.
    pub limit: Option<Arc<str>>,
}

/// The reason of a request that was over a limit.
pub const OVER_LIMIT: &str = "over_limit";

impl Note {
    /// A request that was answered here; `reason` and `detail` are empty for a success.
    pub fn answered(reason: &'static str, detail: String) -> Self {
        Self {
            outcome: Outcome::Answered,
            route: None,
            reason,
            detail,
            scheme: None,
            app: None,
            user: None,
            key_id: None,
            limit: None,
        }
    }

    /// A request that may pass.
    pub fn allowed(route: Arc<Route>, verified: &Verified) -> Self {
        Self {
            outcome: Outcome::Allowed,
            route: Some(route),
            app: verified.app().cloned(),
            user: verified.user(),
            ..Self::answered("", String::new())
        }
    }

    /// A request that may not.
    pub fn refused(route: Arc<Route>, failure: &Failure) -> Self {
        let base = Self { route: Some(route), ..Self::answered("", with_causes(failure)) };
        match failure {
            Failure::Denied(denial) => Self {
                outcome: Outcome::Denied,
                reason: denial.reason.code(),
                scheme: denial.scheme.clone(),
                key_id: denial.key_id.clone(),
                ..base
            },
            Failure::Limited(limited) => Self {
                outcome: Outcome::Denied,
                reason: OVER_LIMIT,
                key_id: limited.key_id.clone(),
                limit: Some(Arc::clone(&limited.exceeded.over.name)),
                ..base
            },
            Failure::Unavailable(_) => Self { outcome: Outcome::Unavailable, reason: "unavailable", ..base },
            Failure::Body(_) => Self { outcome: Outcome::Denied, reason: "body", ..base },
        }
    }

    /// The same request, whose upstream failed.
    #[must_use]
    pub fn upstream_failed(self, reason: &'static str, detail: String) -> Self {
        Self { outcome: Outcome::UpstreamFailed, reason, detail, ..self }
    }

    /// The same request, which could not be passed on as it is.
    #[must_use]
    pub fn not_passed_on(self, reason: &'static str, detail: String) -> Self {
        Self { outcome: Outcome::Denied, reason, detail, ..self }
    }

    /// The credential: the one that proved its consumer, or the one that was named in vain.
    pub fn credential(&self) -> Option<&KeyId> {
        self.app.as_ref().map(App::key_id).or(self.key_id.as_ref())
    }
}

/// An error with everything underneath it, in one line. Errors never print their sources themselves: this is how one is
/// told to an operator.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(": ");
        told.push_str(&cause.to_string());
        source = cause.source();
    }
    told
}

/// One request, as operators see it.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its name.
    pub request_id: &'a RequestId,
    /// The method, as sent.
    pub method: &'a str,
    /// The path, without the query: queries carry secrets in some dialects.
    pub path: &'a str,
    /// The status that was answered.
    pub status: StatusCode,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
    /// What came of it, and why.
    pub note: &'a Note,
}
