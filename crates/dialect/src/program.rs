//! The compiled form of a dialect: flat templates whose names are resolved and whose types are checked.

use std::time::Duration;

use http::HeaderName;

use crate::algorithm::Algorithm;
use crate::codec::Codec;
use crate::condition::Condition;
use crate::filter::Filter;
use crate::json::Wanted;
use crate::plan::Plan;
use crate::recipe::BodyUse;
use crate::time::Format;

/// One variant of a dialect, whole.
pub(crate) struct Program {
    /// The conditions under which it is meant, all of which must hold.
    pub(crate) when: Box<[Condition]>,
    pub(crate) key_id: Option<Template>,
    pub(crate) timestamp: Option<Template>,
    pub(crate) nonce: Option<Template>,
    pub(crate) expires: Option<Template>,
    pub(crate) signature: Vec<Template>,
    pub(crate) time: Format,
    pub(crate) limits: Limits,
    pub(crate) encoding: Encoding,
    pub(crate) algorithms: Algorithms,
    pub(crate) key: Template,
    /// Whether `key` says the same for every request, so that it can be prepared.
    pub(crate) key_is_fixed: bool,
    pub(crate) string_to_sign: Template,
    /// Whether the secret stands in the string to sign.
    pub(crate) secret_is_signed: bool,
    /// Whether a check looks at the secret.
    pub(crate) checks_secret: bool,
    pub(crate) checks: Box<[Check]>,
    /// How a client writes what cannot be worked out backwards: a place and what stands there.
    pub(crate) sign: Box<[Written]>,
    pub(crate) lets: Box<[Let]>,
    pub(crate) matches: Box<[Match]>,
    pub(crate) groups: usize,
    pub(crate) json: Wanted,
    /// What reading the fields and what making the string to sign look at.
    pub(crate) read: Uses,
    pub(crate) signed: Uses,
    /// How the body is digested as it comes; none where it is not needed, or needed whole.
    pub(crate) plan: Option<Plan>,
}

/// The algorithms that a dialect allows, and how one of them is chosen.
pub(crate) struct Algorithms {
    /// Those that the credential's secret may be for: the first that it is for is the one.
    pub(crate) list: Box<[Algorithm]>,
    /// Where the request names one.
    pub(crate) named: Option<NamedAlgorithm>,
}

/// A choice that the request makes among the algorithms that are allowed.
pub(crate) struct NamedAlgorithm {
    pub(crate) from: Template,
    /// What requests say, and the place of what they mean.
    pub(crate) names: Box<[(Box<[u8]>, usize)]>,
    pub(crate) default: Unnamed,
}

/// What is meant where the request names no algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// Nothing: the request is refused.
    Refused,
    /// The first that the credential's secret is for.
    Credential,
    /// This one of those that are allowed.
    One(usize),
}

/// How a signature is written.
pub(crate) enum Encoding {
    /// Steps that can be undone: signatures are compared as bytes.
    Codecs(Box<[Codec]>),
    /// Steps of which some cannot: signatures are compared as they are written.
    Filters(Box<[Filter]>),
}

/// What a client writes somewhere.
pub(crate) struct Written {
    pub(crate) slot: Slot,
    pub(crate) text: Template,
    /// Whether the signature is part of it.
    pub(crate) with_signature: bool,
}

/// Two texts that must be the same, such as a digest and what it is a digest of.
pub(crate) struct Check {
    pub(crate) name: Box<str>,
    pub(crate) sides: [Template; 2],
    /// Whether one of them is made of the secret: then the other may be as good as it.
    pub(crate) with_secret: bool,
}

/// The time limits of a dialect.
#[derive(Default)]
pub(crate) struct Limits {
    /// How long ago a timestamp may be, unless the request names it.
    pub(crate) past: Option<Duration>,
    /// Where the request names how long ago it may be, in the form of the dialect's own lengths of time.
    pub(crate) named_past: Option<Template>,
    /// How far ahead a timestamp may be.
    pub(crate) future: Option<Duration>,
    /// The most that a request may name, for its window or its end.
    pub(crate) most: Option<Duration>,
}

/// Text with places to fill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) pieces: Box<[Piece]>,
    /// Whether it is a list: one slot and nothing around it.
    pub(crate) is_list: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Box<[u8]>),
    Slot(Slot),
}

/// A source and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) source: Source,
    pub(crate) filters: Box<[Filter]>,
}

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Text(Box<[u8]>),
    Method,
    Scheme,
    Host,
    Hostname,
    Port,
    Path,
    RawQuery,
    Target,
    Url,
    Body,
    Secret,
    Header(HeaderName),
    Query(Box<str>),
    Form(Box<str>),
    /// A member of the JSON body, by its place among those that are wanted.
    Json(usize),
    List(ListSource),
    Field(Field),
    /// The signature that is being made; for writing it alone.
    Signature,
    Group(usize),
    Let(usize),
}

/// The lists that a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListSource {
    Headers,
    Query,
    RawQuery,
    Form,
    RawForm,
    Json,
    /// The members of a secret that is a JSON object.
    Secret,
}

/// The fields that other templates may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    KeyId,
    Timestamp,
    Nonce,
    Expires,
}

impl Field {
    pub(crate) const ALL: [Self; 4] = [Self::KeyId, Self::Timestamp, Self::Nonce, Self::Expires];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyId => "key_id",
            Self::Timestamp => "timestamp",
            Self::Nonce => "nonce",
            Self::Expires => "expires",
        }
    }
}

/// A named step.
#[derive(Clone)]
pub(crate) struct Let {
    pub(crate) name: Box<str>,
    pub(crate) template: Template,
    /// Whether it is named more than once: then it is worked out once and kept.
    pub(crate) shared: bool,
}

/// An expression whose groups are named values.
pub(crate) struct Match {
    pub(crate) subject: Slot,
    pub(crate) regex: regex::bytes::Regex,
    /// For each group of the expression that has a name, its number there and among the program's groups.
    pub(crate) groups: Box<[(usize, usize)]>,
}

/// Whether a text is a list or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    List,
}

/// What a template looks at, in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses(u16);

impl Uses {
    /// The body, or something in it.
    pub(crate) const BODY: Self = Self(1);
    pub(crate) const SECRET: Self = Self(2);
    /// Anything that differs from one request to the next.
    pub(crate) const REQUEST: Self = Self(4);
    /// A field that other templates may name.
    pub(crate) const FIELD: Self = Self(8);
    /// The signature itself.
    pub(crate) const SIGNATURE: Self = Self(16);
    pub(crate) const WHOLE_METHOD: Self = Self(32);
    pub(crate) const WHOLE_HOST: Self = Self(64);
    pub(crate) const WHOLE_PATH: Self = Self(128);
    pub(crate) const WHOLE_QUERY: Self = Self(256);
    pub(crate) const WHOLE_BODY: Self = Self(512);
    const WHOLES: u16 = 32 | 64 | 128 | 256 | 512;

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The same, where a filter has left only a part of what was whole.
    pub(crate) fn in_part(self) -> Self {
        Self(self.0 & !Self::WHOLES)
    }
}

impl Program {
    /// What the body is needed for.
    pub(crate) fn body_use(&self) -> BodyUse {
        if self.read.has(Uses::BODY) {
            BodyUse::Read
        } else if !self.signed.has(Uses::BODY) {
            BodyUse::Unused
        } else if self.plan.is_some() {
            BodyUse::Streamed
        } else {
            BodyUse::Signed
        }
    }

    /// The template of a field.
    pub(crate) fn field(&self, field: Field) -> Option<&Template> {
        match field {
            Field::KeyId => self.key_id.as_ref(),
            Field::Timestamp => self.timestamp.as_ref(),
            Field::Nonce => self.nonce.as_ref(),
            Field::Expires => self.expires.as_ref(),
        }
    }
}

impl Source {
    /// What this source looks at, without what other templates behind it look at.
    pub(crate) fn uses(&self) -> Uses {
        let request = Uses::REQUEST;
        match self {
            Self::Text(_) | Self::Let(_) => Uses::default(),
            Self::Secret | Self::List(ListSource::Secret) => Uses::SECRET,
            Self::Method => request.with(Uses::WHOLE_METHOD),
            Self::Host | Self::Hostname => request.with(Uses::WHOLE_HOST),
            Self::Path => request.with(Uses::WHOLE_PATH),
            Self::RawQuery | Self::List(ListSource::Query | ListSource::RawQuery) => {
                request.with(Uses::WHOLE_QUERY)
            }
            Self::Target => request.with(Uses::WHOLE_PATH).with(Uses::WHOLE_QUERY),
            Self::Url => request.with(Uses::WHOLE_HOST).with(Uses::WHOLE_PATH).with(Uses::WHOLE_QUERY),
            Self::Body | Self::List(ListSource::Form | ListSource::RawForm | ListSource::Json) => {
                request.with(Uses::BODY).with(Uses::WHOLE_BODY)
            }
            Self::Json(_) | Self::Form(_) => request.with(Uses::BODY),
            Self::Field(_) => request.with(Uses::FIELD),
            Self::Signature => request.with(Uses::SIGNATURE),
            Self::Scheme
            | Self::Port
            | Self::Query(_)
            | Self::Header(_)
            | Self::List(ListSource::Headers)
            | Self::Group(_) => request,
        }
    }
}
