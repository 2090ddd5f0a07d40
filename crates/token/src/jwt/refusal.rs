//! Why a token was refused.

use countersign_model::UnixTime;

/// A part of a token (RFC 7515 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
    /// The third.
    Signature,
}

/// Why a token was refused: for operators. To a caller all but [`JwtRefusal::Expired`] are the same.
///
/// Nothing of the token's content is in here. From [`JwtRefusal::WrongSignature`] on they are listed in the
/// order in which they are found, and whatever comes after it was signed with our key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JwtRefusal {
    /// Longer than [`super::MAX_TOKEN_LEN`].
    #[error("the token has {found} characters, more than any that is minted here")]
    TooLong {
        /// How many characters it has.
        found: usize,
    },
    /// Not three parts with dots between them; five would be an encrypted token (RFC 7516).
    #[error("the token has not three parts")]
    NotThreeParts,
    /// A part is not base64url without padding (RFC 7515 section 2), or not in its one canonical form.
    #[error("the token's {part} is not canonical base64url")]
    NotBase64url {
        /// Which part.
        part: Part,
    },
    /// A part is not a JSON object of plain strings and integers.
    #[error("the token's {part} is not a flat JSON object")]
    NotAnObject {
        /// Which part.
        part: Part,
    },
    /// A member that no token minted here has: `crit`, `b64`, `jwk`, `jku`, `x5u`, `nbf` or any other.
    #[error("the token's {part} has a member that no token minted here has")]
    UnexpectedMember {
        /// In which part.
        part: Part,
    },
    /// A member that stands there twice.
    #[error("the token has `{name}` twice")]
    RepeatedMember {
        /// Its name.
        name: &'static str,
    },
    /// A member that is not there.
    #[error("the token has no `{name}`")]
    MissingMember {
        /// Its name.
        name: &'static str,
    },
    /// A member whose value has not the form that it must have.
    #[error("the token's `{name}` has not the right form")]
    WrongForm {
        /// Its name.
        name: &'static str,
    },
    /// `alg` is not `HS512`, or `typ` is not `JWT`, letter by letter.
    #[error("the token's `{name}` is not the one that is minted here")]
    WrongHeader {
        /// Which of the two.
        name: &'static str,
    },
    /// `kid` names no key of the ring: made up, or removed since.
    #[error("the token was signed with a key that is not known")]
    UnknownKey,
    /// The signature is not by our key: forged, changed, or a token for the other use.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// Signed by us for another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// A refresh token where an access token is asked for, or the other way round.
    #[error("the token is for another use")]
    WrongUse,
    /// Minted more than [`super::MAX_AHEAD`] ahead of the reader's clock: the clocks of two servers differ.
    #[error("the token was minted in the future")]
    FromTheFuture {
        /// When, as it says.
        issued_at: UnixTime,
    },
    /// Good in all else, and too late.
    #[error("the token has expired")]
    Expired {
        /// When it did.
        at: UnixTime,
    },
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}
