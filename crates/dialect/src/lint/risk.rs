//! The names of what may be left open, and what to say of it.

use crate::recipe::RequestPart;

/// What a dialect may leave open, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// The secret itself is sent.
    Plain,
    /// A plain hash with the secret in front of what a caller chooses.
    LengthExtension,
    /// A plain MD5 over secret and request.
    Md5,
    /// A plain SHA-1 over secret and request.
    Sha1,
    /// RSA over SHA-1.
    RsaSha1,
    /// An MD5 of something in the request stands for it in what is signed.
    DigestMd5,
    /// A SHA-1 of something in the request stands for it in what is signed.
    DigestSha1,
    /// Variable parts that join with nothing between them.
    AmbiguousJoin,
    /// The path or the query is signed with its escapes decoded.
    DecodedTarget,
    /// The signature does not cover the whole body.
    UnsignedBody,
    /// The signature does not cover the whole path.
    UnsignedPath,
    /// The signature does not cover the method.
    UnsignedMethod,
    /// The signature does not cover the whole query.
    UnsignedQuery,
    /// The signature does not cover the host.
    UnsignedHost,
    /// The signature does not cover the time.
    UnsignedTime,
    /// The signature does not cover the nonce.
    UnsignedNonce,
    /// Nothing says when a request was signed.
    NoTime,
    /// A request is good for longer than an hour.
    LongWindow,
    /// The same request may come again while it is good.
    NoReplayGuard,
    /// HMAC over MD5.
    HmacMd5,
    /// HMAC over SHA-1.
    HmacSha1,
}

impl Risk {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Plain,
        Self::LengthExtension,
        Self::Md5,
        Self::Sha1,
        Self::RsaSha1,
        Self::DigestMd5,
        Self::DigestSha1,
        Self::AmbiguousJoin,
        Self::DecodedTarget,
        Self::UnsignedBody,
        Self::UnsignedPath,
        Self::UnsignedMethod,
        Self::UnsignedQuery,
        Self::UnsignedHost,
        Self::UnsignedTime,
        Self::UnsignedNonce,
        Self::NoTime,
        Self::LongWindow,
        Self::NoReplayGuard,
        Self::HmacMd5,
        Self::HmacSha1,
    ];

    pub(super) fn unsigned(part: RequestPart) -> Self {
        match part {
            RequestPart::Method => Self::UnsignedMethod,
            RequestPart::Host => Self::UnsignedHost,
            RequestPart::Path => Self::UnsignedPath,
            RequestPart::Query => Self::UnsignedQuery,
            RequestPart::Body => Self::UnsignedBody,
        }
    }

    /// Its name, as `danger_NAME` writes it in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::LengthExtension => "length_extension",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::RsaSha1 => "rsa_sha1",
            Self::DigestMd5 => "digest_md5",
            Self::DigestSha1 => "digest_sha1",
            Self::AmbiguousJoin => "ambiguous_join",
            Self::DecodedTarget => "decoded_target",
            Self::UnsignedBody => "unsigned_body",
            Self::UnsignedPath => "unsigned_path",
            Self::UnsignedMethod => "unsigned_method",
            Self::UnsignedQuery => "unsigned_query",
            Self::UnsignedHost => "unsigned_host",
            Self::UnsignedTime => "unsigned_time",
            Self::UnsignedNonce => "unsigned_nonce",
            Self::NoTime => "no_time",
            Self::LongWindow => "long_window",
            Self::NoReplayGuard => "no_replay_guard",
            Self::HmacMd5 => "hmac_md5",
            Self::HmacSha1 => "hmac_sha1",
        }
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Plain => "the secret itself is sent: whoever sees one request can make any other",
            Self::LengthExtension => {
                "a plain hash with the secret in front: whoever sees one signature can sign a longer request without the secret"
            }
            Self::Md5 => {
                "a plain MD5 over the secret: collisions are made in seconds, so two requests can share a signature; worse than HMAC-MD5"
            }
            Self::Sha1 => {
                "a plain SHA-1 over the secret: collisions can be bought, so two requests can share a signature; worse than HMAC-SHA1"
            }
            Self::RsaSha1 => {
                "RSA over SHA-1: collisions can be bought, so two requests can share a signature"
            }
            Self::DigestMd5 => {
                "an MD5 stands for a part of the request: who may choose that part can make two with one digest in seconds"
            }
            Self::DigestSha1 => {
                "a SHA-1 stands for a part of the request: who may choose that part can have two with one digest made"
            }
            Self::AmbiguousJoin => {
                "variable parts join with nothing between them: what stands at the end of one can be moved to the start of the next"
            }
            Self::DecodedTarget => {
                "the path or the query is signed decoded: an escaped delimiter can be sent as the delimiter, such as a=1%26b=2 as a=1&b=2"
            }
            Self::UnsignedBody => "the signature does not cover the whole body: it can be changed unnoticed",
            Self::UnsignedPath => {
                "the signature does not cover the whole path: a signed request can be sent to another one"
            }
            Self::UnsignedMethod => {
                "the signature does not cover the method: a signed GET can be sent as a DELETE"
            }
            Self::UnsignedQuery => {
                "the signature does not cover the whole query: whoever sees a request can change it there"
            }
            Self::UnsignedHost => {
                "the signature does not cover the host: a request for one host can be sent to another with the same credential"
            }
            Self::UnsignedTime => {
                "the signature does not cover the time, or not in every request: whoever sees a request can send it later with another one"
            }
            Self::UnsignedNonce => {
                "the signature does not cover the nonce, or not in every request: whoever sees a request can send it again with another one"
            }
            Self::NoTime => "nothing says when a request was signed: it is good for ever",
            Self::LongWindow => "a signed request may be good for longer than an hour",
            Self::NoReplayGuard => "the same request may come again while it is good",
            Self::HmacMd5 => {
                "HMAC over MD5: no forgery is known, since HMAC does not rest on collisions; far better than plain MD5, and not for anything new"
            }
            Self::HmacSha1 => {
                "HMAC over SHA-1: no forgery is known, since HMAC does not rest on collisions; far better than plain SHA-1, and not for anything new"
            }
        }
    }

    /// What would do about it.
    pub fn would_do(self) -> &'static str {
        match self {
            Self::Plain => "treat the secret as an API key: TLS everywhere, and rotate it often",
            Self::LengthExtension => "ask the vendor for an HMAC; refuse a query, and parse bodies strictly",
            Self::Md5 | Self::Sha1 | Self::HmacMd5 | Self::HmacSha1 | Self::RsaSha1 => {
                "use hmac-sha256 for clients of your own"
            }
            Self::DigestMd5 | Self::DigestSha1 => "use sha256 for clients of your own",
            Self::AmbiguousJoin => "put a sign between them that neither can hold, for clients of your own",
            Self::DecodedTarget => {
                "take no callers' texts into targets that your own client signs; sign what is sent, for clients of your own"
            }
            Self::UnsignedBody => "do not let a route trust the body for more than its caller may do anyway",
            Self::UnsignedPath | Self::UnsignedMethod => {
                "give routes of this dialect credentials that may do nothing else, with scopes"
            }
            Self::UnsignedQuery => {
                "write query = \"refuse\" on the route to take no query, or query = \"allow\" to say that this is meant"
            }
            Self::UnsignedHost => "do not use one credential on several hosts",
            Self::UnsignedTime => {
                "hold it to be good for ever: rotate credentials often, and make repeated calls harmless"
            }
            Self::UnsignedNonce => {
                "do not rely on the nonce: guard with replay = \"window\", or make repeated calls harmless"
            }
            Self::NoTime => "rotate credentials often, and make repeated calls harmless",
            Self::LongWindow => "make `window` shorter, as far as the vendor's clients allow",
            Self::NoReplayGuard => "write replay = \"once\" on the route to have each signature serve once",
        }
    }
}
