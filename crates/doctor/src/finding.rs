//! What is wrong with a request.

/// A mistake, in words for a developer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind, for programs.
    pub kind: Kind,
    /// What the client did.
    pub said: String,
    /// What to change.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn new(kind: Kind, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, said: said.into(), remedy: remedy.into() }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kinds of mistakes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Nothing of the dialect is in the request.
    NotPresented = "not-presented",
    /// The key id is there alone.
    OnlyKeyId = "only-key-id",
    /// A part is not there.
    Missing = "missing",
    /// A part cannot be read.
    Malformed = "malformed",
    /// No credential has this key id.
    UnknownKeyId = "unknown-key-id",
    /// The credential cannot be used.
    UnusableCredential = "unusable-credential",
    /// The secret does not fit the dialect.
    UnusableSecret = "unusable-secret",
    /// The time is outside the window.
    Clock = "clock",
    /// A nonce that should grow did not, or one came again.
    Nonce = "nonce",
    /// The body was not captured.
    BodyNotCaptured = "body-not-captured",
    /// A digest in the request is not that of the body.
    Digest = "digest",
    /// The request names an algorithm that the dialect does not allow.
    AlgorithmNotAllowed = "algorithm-not-allowed",
    /// What was signed cannot be put together.
    Unreadable = "unreadable",
    /// Nothing that was tried makes the signature right.
    NotFound = "not-found",
    /// The time is in another unit or form.
    TimeForm = "time-form",
    /// Another time was signed than was sent.
    TimeDiffers = "time-differs",
    /// A time of another zone was signed.
    TimeZone = "time-zone",
    /// Another nonce was signed than was sent.
    NonceDiffers = "nonce-differs",
    /// The key id was signed in another form.
    KeyIdForm = "key-id-form",
    /// The method was signed in another case.
    MethodCase = "method-case",
    /// Another method was signed.
    MethodDiffers = "method-differs",
    /// The query was not signed, and should be.
    QueryLeftOut = "query-left-out",
    /// The query was signed, and should not be.
    QueryAdded = "query-added",
    /// The query was signed in another order.
    QueryOrder = "query-order",
    /// The query was signed with other escapes.
    QueryEncoding = "query-encoding",
    /// The path was signed decoded, encoded or in another case.
    PathEncoding = "path-encoding",
    /// The path was signed with more or less in front.
    PathPrefix = "path-prefix",
    /// The path was signed with or without a slash.
    PathSlash = "path-slash",
    /// The path was left out, or the whole URL signed.
    UrlParts = "url-parts",
    /// The host was signed with or without its port.
    HostPort = "host-port",
    /// The host was signed in another case, or another host.
    HostForm = "host-form",
    /// The scheme was another.
    Scheme = "scheme",
    /// A header was signed with another value, or none.
    HeaderValue = "header-value",
    /// The body was signed as empty.
    BodyEmpty = "body-empty",
    /// The body was written anew after signing.
    BodyRewritten = "body-rewritten",
    /// The body was signed with or without a line end at its end.
    BodyNewline = "body-newline",
    /// The body was signed with other line ends.
    BodyLineEnds = "body-line-ends",
    /// A form was signed for JSON, or JSON for a form.
    BodyForm = "body-form",
    /// The body was signed in another character set or encoding.
    BodyEncoding = "body-encoding",
    /// A line end at the end, or none.
    Newline = "newline",
    /// Other line ends in the string to sign.
    LineEnds = "line-ends",
    /// Something else between the pieces.
    Separator = "separator",
    /// The pieces in another order.
    Order = "order",
    /// A piece is missing.
    PieceMissing = "piece-missing",
    /// A piece is too many.
    PieceExtra = "piece-extra",
    /// The signature is written in another encoding.
    SignatureEncoding = "signature-encoding",
    /// The signature was changed on its way.
    SignatureMangled = "signature-mangled",
    /// Another algorithm.
    Algorithm = "algorithm",
    /// A plain hash in place of an HMAC.
    PlainHash = "plain-hash",
    /// Key and message in each other's place.
    Swapped = "swapped",
    /// The text was hashed before it was signed.
    HashedFirst = "hashed-first",
    /// The secret was decoded, and should not be.
    SecretDecoded = "secret-decoded",
    /// The secret was not decoded, and should be.
    SecretNotDecoded = "secret-not-decoded",
    /// The secret was encoded, or in another case.
    SecretEncoded = "secret-encoded",
    /// The secret had blanks or quotes around it.
    SecretWrapped = "secret-wrapped",
    /// Something else was used as the secret.
    SecretField = "secret-field",
    /// The secret was empty, or a placeholder.
    SecretEmpty = "secret-empty",
    /// The secret of another credential was used.
    OtherSecret = "other-secret",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
