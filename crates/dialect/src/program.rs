//! The compiled form of a dialect: flat templates whose names are resolved and whose types are checked.

use http::HeaderName;

use crate::codec::Codec;
use crate::filter::Filter;
use crate::hash::Hash;
use crate::json::Wanted;
use crate::time::{Format, Window};

/// One variant of a dialect, whole.
pub(crate) struct Program {
    /// The conditions under which it is meant, all of which must hold.
    pub(crate) when: Box<[Match]>,
    pub(crate) key_id: Option<Template>,
    pub(crate) timestamp: Option<Template>,
    pub(crate) nonce: Option<Template>,
    pub(crate) expires: Option<Template>,
    pub(crate) signature: Vec<Template>,
    pub(crate) time: Format,
    pub(crate) window: Option<Window>,
    pub(crate) encoding: Box<[Codec]>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Template,
    /// Whether `key` says the same for every request, so that it can be prepared.
    pub(crate) key_is_fixed: bool,
    pub(crate) string_to_sign: Template,
    pub(crate) lets: Box<[Let]>,
    pub(crate) matches: Box<[Match]>,
    pub(crate) groups: usize,
    pub(crate) json: Wanted,
    /// What reading the fields and what making the string to sign look at.
    pub(crate) read: Uses,
    pub(crate) signed: Uses,
}

/// How signatures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hmac(Hash),
    /// A plain hash, with the secret somewhere in the string to sign.
    Hash(Hash),
}

/// Text with places to fill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template(pub(crate) Box<[Piece]>);

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
pub(crate) struct Let {
    pub(crate) template: Template,
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
pub(crate) struct Uses(u8);

impl Uses {
    pub(crate) const BODY: Self = Self(1);
    pub(crate) const QUERY: Self = Self(2);
    pub(crate) const SECRET: Self = Self(4);
    /// Anything that differs from one request to the next.
    pub(crate) const REQUEST: Self = Self(8);
    /// A member of the JSON body by its name.
    pub(crate) const JSON: Self = Self(16);
    /// A field that other templates may name.
    pub(crate) const FIELD: Self = Self(32);

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Program {
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
            Self::Secret => Uses::SECRET,
            Self::RawQuery
            | Self::Target
            | Self::Url
            | Self::List(ListSource::Query | ListSource::RawQuery)
            | Self::Query(_) => request.with(Uses::QUERY),
            Self::Json(_) => request.with(Uses::BODY).with(Uses::JSON),
            Self::Body
            | Self::Form(_)
            | Self::List(ListSource::Form | ListSource::RawForm | ListSource::Json) => {
                request.with(Uses::BODY)
            }
            Self::Field(_) => request.with(Uses::FIELD),
            Self::Method
            | Self::Scheme
            | Self::Host
            | Self::Path
            | Self::Header(_)
            | Self::List(ListSource::Headers)
            | Self::Group(_) => request,
        }
    }
}
