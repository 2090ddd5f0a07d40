//! A dialect ready for use.

use std::fmt;
use std::sync::Arc;

use countersign_model::{DialectName, UnixTime};
use http::HeaderName;

use crate::claim::Claim;
use crate::lint::Notes;
use crate::program::{Program, Uses};
use crate::request::Request;
use crate::scope::Scope;
use crate::time::{Fresh, Untimely, end_of_second, judge};

/// A dialect, checked and compiled: what is left to fail is the request.
pub struct Recipe {
    pub(crate) name: DialectName,
    pub(crate) source: Arc<str>,
    /// The variants in order, the dialect itself last: the first whose conditions hold is the one.
    pub(crate) variants: Box<[Program]>,
    pub(crate) key_alone: bool,
    pub(crate) replay: Replay,
    pub(crate) status: Statuses,
    pub(crate) credential_headers: Box<[HeaderName]>,
    pub(crate) notes: Notes,
}

/// What a recipe needs the body for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyUse {
    /// Nothing.
    Unused,
    /// The signature covers it, and it can be digested as it comes: [`Recipe::begin`].
    Streamed,
    /// The signature covers it and needs it whole; [`Recipe::read`] does without.
    Signed,
    /// Something that is read stands in it.
    Read,
}

/// How it is known whose signature a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNaming {
    /// The request names the credential by its key id.
    ByRequest,
    /// It does not, in one variant or another (webhooks do not): somebody else has to know.
    ByRoute,
}

/// A part of a request, as far as signatures go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestPart {
    /// The method.
    Method,
    /// The host.
    Host,
    /// The path.
    Path,
    /// The query.
    Query,
    /// The body.
    Body,
}

impl RequestPart {
    pub(crate) const EVERY: [Self; 5] = [Self::Method, Self::Host, Self::Path, Self::Query, Self::Body];

    /// What a program uses that covers all of it.
    pub(crate) fn whole(self) -> Uses {
        match self {
            Self::Method => Uses::WHOLE_METHOD,
            Self::Host => Uses::WHOLE_HOST,
            Self::Path => Uses::WHOLE_PATH,
            Self::Query => Uses::WHOLE_QUERY,
            Self::Body => Uses::WHOLE_BODY,
        }
    }
}

/// How a signature is kept from being used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is not: the same request may come again while its time is good.
    None,
    /// Each signature serves once while its time is good.
    Window,
    /// The nonce is a number that must grow with every request of a credential.
    Increasing,
    /// Each nonce serves once.
    Nonce,
}

/// What was refused, to look up the status that the vendor documents for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key id is missing, unknown or no longer good.
    KeyId,
    /// The timestamp is missing or outside its window.
    Timestamp,
    /// The signature is missing or wrong.
    Signature,
    /// Something is there and cannot be read.
    Malformed,
    /// It was used before.
    Replay,
}

impl Refusal {
    pub(crate) const NAMES: [(&'static str, Self); 5] = [
        ("key_id", Self::KeyId),
        ("timestamp", Self::Timestamp),
        ("signature", Self::Signature),
        ("malformed", Self::Malformed),
        ("replay", Self::Replay),
    ];
}

/// The status for each refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statuses {
    pub(crate) key_id: u16,
    pub(crate) timestamp: u16,
    pub(crate) signature: u16,
    pub(crate) malformed: u16,
    pub(crate) replay: u16,
}

impl Default for Statuses {
    fn default() -> Self {
        Self { key_id: 401, timestamp: 401, signature: 401, malformed: 401, replay: 401 }
    }
}

impl Statuses {
    pub(crate) fn set(&mut self, refusal: Refusal, status: u16) {
        *match refusal {
            Refusal::KeyId => &mut self.key_id,
            Refusal::Timestamp => &mut self.timestamp,
            Refusal::Signature => &mut self.signature,
            Refusal::Malformed => &mut self.malformed,
            Refusal::Replay => &mut self.replay,
        } = status;
    }
}

impl Recipe {
    /// What the dialect is called.
    pub fn name(&self) -> &DialectName {
        &self.name
    }

    /// The file that it was read from, as it is written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the body is needed for. A door that does not see the body cannot serve a recipe that needs it.
    pub fn body_use(&self) -> BodyUse {
        self.variants.iter().map(Program::body_use).max().unwrap_or(BodyUse::Unused)
    }

    /// The same for the variant that read this claim.
    pub fn body_use_in(&self, claim: &Claim<'_>) -> BodyUse {
        self.program(claim).map_or(BodyUse::Unused, Program::body_use)
    }

    /// How it is known whose signature a request carries.
    pub fn key_naming(&self) -> KeyNaming {
        let named = |program: &Program| program.key_id.is_some();
        if self.variants.iter().all(named) { KeyNaming::ByRequest } else { KeyNaming::ByRoute }
    }

    /// Whether the key id by itself, without a signature, opens routes that ask for an API key.
    pub fn key_alone(&self) -> bool {
        self.key_alone
    }

    /// Whether the signature covers the query, in every variant. Where it does not, a query can be changed by anybody
    /// between the client and here.
    pub fn covers_query(&self) -> bool {
        !self.unsigned().contains(&RequestPart::Query)
    }

    /// The parts of a request that the signature does not cover as a whole, in one variant or another: what anybody between
    /// the client and here may change. Of the others, what the request itself chooses to leave out is not covered either.
    pub fn unsigned(&self) -> Vec<RequestPart> {
        let left_out =
            |part: &RequestPart| self.variants.iter().any(|program| !program.signed.has(part.whole()));
        RequestPart::EVERY.into_iter().filter(left_out).collect()
    }

    /// The same for the variant that read this claim.
    pub fn unsigned_in(&self, claim: &Claim<'_>) -> Vec<RequestPart> {
        let signed = self.program(claim).map(|program| program.signed).unwrap_or_default();
        RequestPart::EVERY.into_iter().filter(|part| !signed.has(part.whole())).collect()
    }

    /// How a signature is kept from being used again. The caller guards: it has the storage.
    pub fn replay(&self) -> Replay {
        self.replay
    }

    /// The headers that carry the key id or the signature: what the upstream has no need to see.
    pub fn credential_headers(&self) -> &[HeaderName] {
        &self.credential_headers
    }

    /// The status that the vendor documents for a refusal.
    pub fn status(&self, refusal: Refusal) -> u16 {
        match refusal {
            Refusal::KeyId => self.status.key_id,
            Refusal::Timestamp => self.status.timestamp,
            Refusal::Signature => self.status.signature,
            Refusal::Malformed => self.status.malformed,
            Refusal::Replay => self.status.replay,
        }
    }

    /// Judges when the claim was made, to the second: exactly as old as the window reaches is good, a second more is not.
    pub fn fresh(&self, claim: &Claim<'_>, now: UnixTime) -> Result<Fresh, Untimely> {
        let Some(program) = self.program(claim) else { return Ok(Fresh { until: None }) };
        let limits = &program.limits;
        let mut until = None;
        if let (Some(stamp), Some(past), Some(future)) =
            (&claim.timestamp, claim.past.or(limits.past), limits.future)
        {
            until = judge(stamp.at, now, past, future)?.until;
        }
        if let Some(stamp) = &claim.expires {
            if now.secs() > stamp.at.secs() {
                return Err(Untimely::Expired { by: now.since(stamp.at) });
            }
            let ahead = UnixTime::from_secs(stamp.at.secs()).since(UnixTime::from_secs(now.secs()));
            if let Some(most) = limits.most
                && ahead > most
            {
                return Err(Untimely::TooLong { by: ahead.saturating_sub(most) });
            }
            let end = end_of_second(stamp.at);
            until = Some(until.map_or(end, |until| until.min(end)));
        }
        Ok(Fresh { until })
    }

    /// The program that read this claim.
    pub(crate) fn program(&self, claim: &Claim<'_>) -> Option<&Program> {
        self.variants.get(claim.variant)
    }

    /// The first variant whose conditions hold: there is no falling through to another.
    pub(crate) fn choose(&self, request: &Request<'_>) -> Option<(usize, &Program)> {
        self.variants.iter().enumerate().find(|(_, program)| {
            program.when.is_empty() || {
                let scope = Scope::new(program, request, &[], None, b"");
                program.when.iter().all(|condition| condition.holds(&scope))
            }
        })
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;

    use super::*;
    use crate::{Dialects, Reading, Source};

    /// Judges a request that ends at `expires` at a moment in milliseconds: until when it is good.
    fn judged(time: &str, expires: &str, now: i64) -> Result<i64, Untimely> {
        let text = format!(
            "[dialect.x]\nexpires = '{{header.Ends}}'\ntime = '{time}'\nwindow = {{ most = '60s' }}\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nstring_to_sign = '{{expires}}'\nalgorithm = 'hmac-sha256'"
        );
        let dialects = Dialects::load(&[Source { origin: "x".into(), text }]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        let mut headers = HeaderList::new();
        headers.push("ends", expires);
        headers.push("sig", "00");
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "api.example",
            target: "/",
            headers: headers.view(),
            body: None,
        };
        let Reading::Presented(claim) = recipe.read(&request) else { panic!("not presented") };
        recipe.fresh(&claim, UnixTime::from_millis(now)).map(|fresh| fresh.until().unwrap().millis())
    }

    #[test]
    fn an_end_holds_to_the_last_moment_of_its_second_and_a_guard_remembers_as_long() {
        for (time, expires) in [("unix", "1000"), ("unix-ms", "1000500")] {
            assert_eq!(judged(time, expires, 1_000_999), Ok(1_000_999), "{time}");
            let late = judged(time, expires, 1_001_000);
            assert!(matches!(late, Err(Untimely::Expired { .. })), "{time}: {late:?}");
        }
    }

    #[test]
    fn an_end_may_be_exactly_as_far_off_as_the_limit_reaches() {
        assert_eq!(judged("unix", "1060", 1_000_000), Ok(1_060_999));
        assert_eq!(judged("unix-ms", "1060999", 1_000_000), Ok(1_060_999));
        assert!(matches!(judged("unix", "1061", 1_000_999), Err(Untimely::TooLong { .. })));
    }
}
