//! What is noted of every request: for the log and the metrics, never with a secret.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Address, KeyId};
use countersign_verify::{App, Caller, Failure, Scheme};
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
    /// The consumer, where one proved itself.
    pub app: Option<App>,
    /// The wallet, where one proved itself.
    pub user: Option<Address>,
    /// The rest. Apart, as a note is moved several times and most have nothing to explain.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default)]
struct More {
    detail: String,
    scheme: Option<Scheme>,
    key_id: Option<KeyId>,
    limit: Option<Arc<str>>,
}

/// The reason of a request that was over a limit.
pub const OVER_LIMIT: &str = "over_limit";

impl Note {
    /// A request that was answered here; `reason` and `detail` are empty for a success.
    pub fn answered(reason: &'static str, detail: String) -> Self {
        let more = if detail.is_empty() { None } else { Some(Box::new(More { detail, ..More::default() })) };
        Self { outcome: Outcome::Answered, route: None, reason, app: None, user: None, more }
    }

    /// A request that may pass.
    pub fn allowed(route: Arc<Route>, caller: Caller) -> Self {
        Self {
            outcome: Outcome::Allowed,
            route: Some(route),
            user: caller.user(),
            app: caller.into_app(),
            reason: "",
            more: None,
        }
    }

    /// A request that may not.
    pub fn refused(route: Arc<Route>, failure: &Failure) -> Self {
        let more = More { detail: with_causes(failure), ..More::default() };
        let (outcome, reason, more) = match failure {
            Failure::Denied(denial) => {
                let (scheme, key_id) = (denial.scheme.clone(), denial.key_id.clone());
                (Outcome::Denied, denial.reason.code(), More { scheme, key_id, ..more })
            }
            Failure::Limited(limited) => {
                let limit = Some(Arc::clone(&limited.exceeded.over.name));
                (Outcome::Denied, OVER_LIMIT, More { limit, key_id: limited.key_id.clone(), ..more })
            }
            Failure::Unavailable(_) => (Outcome::Unavailable, "unavailable", more),
            Failure::Body(_) => (Outcome::Denied, "body", more),
        };
        let more = Some(Box::new(more));
        Self { outcome, route: Some(route), reason, app: None, user: None, more }
    }

    /// The same request, which was over `limit`.
    #[must_use]
    pub fn over(mut self, limit: Arc<str>) -> Self {
        self.more.get_or_insert_default().limit = Some(limit);
        self
    }

    /// The same request, whose upstream failed.
    #[must_use]
    pub fn upstream_failed(self, reason: &'static str, detail: String) -> Self {
        Self { outcome: Outcome::UpstreamFailed, ..self.explained(reason, detail) }
    }

    /// The same request, which could not be passed on as it is.
    #[must_use]
    pub fn not_passed_on(self, reason: &'static str, detail: String) -> Self {
        Self { outcome: Outcome::Denied, ..self.explained(reason, detail) }
    }

    fn explained(mut self, reason: &'static str, detail: String) -> Self {
        self.reason = reason;
        self.more.get_or_insert_default().detail = detail;
        self
    }

    /// Why, in a sentence for operators; empty where there is nothing to explain.
    pub fn detail(&self) -> &str {
        self.more.as_ref().map_or("", |more| &more.detail)
    }

    /// The scheme that failed, where one did.
    pub fn scheme(&self) -> Option<&Scheme> {
        self.more.as_ref()?.scheme.as_ref()
    }

    /// The credential: the one that proved its consumer, or the one that was named in vain.
    pub fn credential(&self) -> Option<&KeyId> {
        let in_vain = || self.more.as_ref()?.key_id.as_ref();
        self.app.as_ref().map(App::key_id).or_else(in_vain)
    }

    /// The limit that the request was over, where it was over one.
    pub fn limit(&self) -> Option<&Arc<str>> {
        self.more.as_ref()?.limit.as_ref()
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
