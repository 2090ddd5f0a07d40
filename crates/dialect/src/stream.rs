//! A signature checked while the body comes.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::claim::{Claim, Flaw};
use crate::plan::{Plan, Split};
use crate::program::{Program, Template};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::{Digested, Scope};
use crate::sink::{Running, Sink};
use crate::verify::{Mismatch, PreparedKey, Ready, SignatureValid, holds, key_of, settle, settle_digest};

/// A verification that wants the body, piece by piece. It takes the same memory for a body of any size.
pub struct Verification<'a> {
    program: &'a Program,
    plan: &'a Plan,
    claim: &'a Claim<'a>,
    request: Request<'a>,
    key: &'a PreparedKey,
    digests: Vec<Growing<'a>>,
    signed: Option<Growing<'a>>,
}

/// A digest in which the body stands.
struct Growing<'a> {
    split: &'a Split,
    running: Running,
    body: Body,
}

/// What has come of the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Nothing,
    Something,
}

impl Recipe {
    /// Begins to check the signature of a claim that [`Recipe::read`] made of the same request, whose body is still to come.
    /// To be asked where [`Recipe::body_use_in`] is [`Streamed`]; elsewhere, and where something is wrong that needs no
    /// body to be seen, that is the mismatch.
    ///
    /// The answer in the end is that of [`Recipe::verify`] on the whole request.
    ///
    /// [`Streamed`]: crate::BodyUse::Streamed
    pub fn begin<'a>(
        &'a self,
        claim: &'a Claim<'a>,
        request: &Request<'a>,
        key: &'a PreparedKey,
    ) -> Result<Verification<'a>, Mismatch> {
        let program = self.program(claim).ok_or(Mismatch::Foreign)?;
        let plan = program.plan.as_ref().ok_or(Mismatch::Unreadable(Flaw::BodyUnread))?;
        let request = Request { body: None, ..*request };
        let scope = Scope::new(program, &request, &claim.groups, Some(claim), key.secret());
        let early = program.checks.iter().enumerate().filter(|(at, _)| !plan.late.contains(at));
        for (_, check) in early {
            holds(check, &scope)?;
        }
        let chosen = key.for_claim(program, &scope, claim)?;
        let signed = match &plan.signed {
            None => None,
            Some(split) => Some(Growing::new(split, begun(program, &scope, chosen)?, &scope)?),
        };
        let digests =
            plan.digests.iter().map(|tap| Growing::new(&tap.split, Running::Hash(tap.hash.begin()), &scope));
        let digests = digests.collect::<Result<Vec<_>, _>>()?;
        Ok(Verification { program, plan, claim, request, key, digests, signed })
    }
}

/// What digests the string to sign.
fn begun(
    program: &Program,
    scope: &Scope<'_, '_>,
    (algorithm, ready): (Algorithm, &Ready),
) -> Result<Running, Mismatch> {
    match (algorithm, ready) {
        (Algorithm::Hmac(_), Ready::Hmac(key)) => Ok(Running::Hmac(key.begin())),
        (Algorithm::Hmac(hash), Ready::PerRequest) => {
            key_of(program, scope, hash).map(|key| Running::Hmac(key.begin()))
        }
        (Algorithm::Hash(hash), Ready::Hmac(_) | Ready::PerRequest) => Ok(Running::Hash(hash.begin())),
        (Algorithm::Public(public), Ready::Public(_)) => {
            public.hash().map(|hash| Running::Hash(hash.begin())).ok_or(Mismatch::Secret)
        }
        (Algorithm::Hmac(_) | Algorithm::Hash(_) | Algorithm::Public(_) | Algorithm::Plain, _) => {
            Err(Mismatch::Secret)
        }
    }
}

impl Verification<'_> {
    /// Takes the next piece of the body, of any length.
    pub fn update(&mut self, piece: &[u8]) {
        for growing in self.signed.iter_mut().chain(&mut self.digests) {
            growing.update(piece);
        }
    }

    /// The answer, once the whole body was given.
    pub fn finish(self) -> Result<SignatureValid, Mismatch> {
        let Self { program, plan, claim, request, key, digests, signed } = self;
        let begin = || Scope::new(program, &request, &claim.groups, Some(claim), key.secret());
        let scope = begin();
        let mut digested = Vec::with_capacity(digests.len());
        for (tap, growing) in plan.digests.iter().zip(digests) {
            let digest = growing.finish(&scope)?.finish();
            digested.push(Digested { hash: tap.hash, source: &tap.source, digest });
        }
        let mut scope = begin();
        scope.digested = &digested;
        for check in plan.late.iter().filter_map(|at| program.checks.get(*at)) {
            holds(check, &scope)?;
        }
        let chosen = key.for_claim(program, &scope, claim)?;
        match signed {
            Some(growing) => settle_digest(program, claim, chosen, growing.finish(&scope)?.finish()),
            None => settle(program, claim, &scope, chosen),
        }
    }
}

impl<'a> Growing<'a> {
    fn new(split: &'a Split, mut running: Running, scope: &Scope<'_, '_>) -> Result<Self, Mismatch> {
        put(scope, &split.before, &mut running)?;
        Ok(Self { split, running, body: Body::Nothing })
    }

    fn update(&mut self, piece: &[u8]) {
        if self.body == Body::Nothing && !piece.is_empty() {
            self.running.put(&self.split.front);
            self.body = Body::Something;
        }
        self.running.put(piece);
    }

    fn finish(mut self, scope: &Scope<'_, '_>) -> Result<Running, Mismatch> {
        put(scope, &self.split.after, &mut self.running)?;
        Ok(self.running)
    }
}

fn put(scope: &Scope<'_, '_>, template: &Template, running: &mut Running) -> Result<(), Mismatch> {
    scope.put(template, running).map_err(Mismatch::Unreadable)
}

/// The key is in it.
impl fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verification(..)")
    }
}
