//! What a route asks of a request.

use std::fmt;
use std::sync::Arc;

use countersign_dialect::{BodyUse, KeyNaming, Recipe};
use countersign_model::{ConsumerName, Scopes};

use crate::Limit;

/// A way to prove who is calling.
#[derive(Clone)]
pub enum Scheme {
    /// An API key, presented whole.
    ApiKey,
    /// A wallet's access token, as a bearer token (RFC 6750).
    Wallet,
    /// A request signature in one dialect.
    Signature(Arc<Recipe>),
}

/// The scheme as routes name it: `api-key`, `wallet`, `signature:realm`.
impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey => f.write_str("api-key"),
            Self::Wallet => f.write_str("wallet"),
            Self::Signature(recipe) => write!(f, "signature:{}", recipe.name()),
        }
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Scheme {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ApiKey, Self::ApiKey) | (Self::Wallet, Self::Wallet) => true,
            (Self::Signature(one), Self::Signature(two)) => one.name() == two.name(),
            (Self::ApiKey | Self::Wallet | Self::Signature(_), _) => false,
        }
    }
}

/// Which schemes a route accepts.
#[derive(Clone, Debug)]
pub enum Accept {
    /// The route is open: nothing is checked.
    Nothing,
    /// Any of these will do. What is presented beside it must prove itself too.
    Any(Vec<Scheme>),
    /// Each of these must be presented.
    All(Vec<Scheme>),
}

impl Accept {
    /// The schemes, whichever way they combine.
    pub fn schemes(&self) -> &[Scheme] {
        match self {
            Self::Nothing => &[],
            Self::Any(schemes) | Self::All(schemes) => schemes,
        }
    }
}

/// What to do with a query that the signature does not cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsignedQuery {
    /// Let it pass, as the dialect's documents do.
    #[default]
    Allow,
    /// Refuse the request.
    Refuse,
}

/// How often one signature may serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureUse {
    /// As its dialect says.
    #[default]
    AsDialect,
    /// Once, also where the dialect has no replay guard.
    Once,
}

/// What a route asks of a request.
#[derive(Clone, Debug)]
pub struct Requirement {
    accept: Accept,
    scopes: Scopes,
    unsigned_query: UnsignedQuery,
    signature_use: SignatureUse,
    limits: Vec<Arc<Limit>>,
    signed_by: Option<ConsumerName>,
    body_use: BodyUse,
}

/// Why a requirement makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// An empty list would be an open route, or a closed one, by accident.
    #[error("the list of schemes is empty; say `nothing` for an open route")]
    Empty,
    /// The same scheme stands twice.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// An open route knows nobody who could have scopes.
    #[error("a route that requires nothing cannot ask for scopes")]
    ScopesOfNobody,
    /// Nothing that the route accepts is signed.
    #[error("a route that accepts no signature cannot ask that each serve once")]
    NoSignature,
    /// A limit counts the requests of somebody who cannot prove himself on the route.
    #[error("a limit counts by what nothing that the route accepts can prove")]
    LimitOfNobody,
    /// Every signature that the route accepts says itself whose it is.
    #[error("no signature that the route accepts leaves open whose it is")]
    SignerNamed,
}

impl Requirement {
    /// The schemes a request may prove itself by, the scopes it must hold (all of them), what becomes of a query that
    /// a signature leaves out, and how often a signature may serve.
    pub fn new(
        accept: Accept,
        scopes: Scopes,
        unsigned_query: UnsignedQuery,
        signature_use: SignatureUse,
    ) -> Result<Self, RequirementError> {
        let schemes = accept.schemes();
        match &accept {
            Accept::Nothing if !scopes.is_empty() => return Err(RequirementError::ScopesOfNobody),
            Accept::Any(_) | Accept::All(_) if schemes.is_empty() => return Err(RequirementError::Empty),
            Accept::Nothing | Accept::Any(_) | Accept::All(_) => {}
        }
        for (place, scheme) in schemes.iter().enumerate() {
            if schemes.iter().take(place).any(|earlier| earlier == scheme) {
                return Err(RequirementError::Twice(scheme.to_string()));
            }
        }
        let signed = schemes.iter().any(|scheme| matches!(scheme, Scheme::Signature(_)));
        match signature_use {
            SignatureUse::Once if !signed => return Err(RequirementError::NoSignature),
            SignatureUse::Once | SignatureUse::AsDialect => {}
        }
        let uses = accept.schemes().iter().map(|scheme| match scheme {
            Scheme::ApiKey | Scheme::Wallet => BodyUse::Unused,
            Scheme::Signature(recipe) => recipe.body_use(),
        });
        let body_use = uses.max().unwrap_or(BodyUse::Unused);
        let (limits, signed_by) = (Vec::new(), None);
        Ok(Self { accept, scopes, unsigned_query, signature_use, limits, signed_by, body_use })
    }

    /// The same, with limits on how many requests may pass.
    pub fn with_limits(self, limits: Vec<Arc<Limit>>) -> Result<Self, RequirementError> {
        if limits.iter().all(|limit| limit.can_count(&self.accept)) {
            Ok(Self { limits, ..self })
        } else {
            Err(RequirementError::LimitOfNobody)
        }
    }

    /// The same, and whose signatures those are that do not name a credential. Without this they are refused.
    pub fn signed_by(self, consumer: ConsumerName) -> Result<Self, RequirementError> {
        let unnamed = |scheme: &Scheme| match scheme {
            Scheme::Signature(recipe) => recipe.key_naming() == KeyNaming::ByRoute,
            Scheme::ApiKey | Scheme::Wallet => false,
        };
        if self.accept.schemes().iter().any(unnamed) {
            return Ok(Self { signed_by: Some(consumer), ..self });
        }
        Err(RequirementError::SignerNamed)
    }

    /// Whose signatures those are that do not name a credential.
    pub fn signer(&self) -> Option<&ConsumerName> {
        self.signed_by.as_ref()
    }

    /// Which schemes are accepted.
    pub fn accept(&self) -> &Accept {
        &self.accept
    }

    /// The scopes that must be held.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// What becomes of a query that the signature does not cover.
    pub fn unsigned_query(&self) -> UnsignedQuery {
        self.unsigned_query
    }

    /// How often a signature may serve.
    pub fn signature_use(&self) -> SignatureUse {
        self.signature_use
    }

    /// How many requests may pass.
    pub fn limits(&self) -> &[Arc<Limit>] {
        &self.limits
    }

    /// The most that any of the schemes needs of the body.
    pub fn body_use(&self) -> BodyUse {
        self.body_use
    }
}
