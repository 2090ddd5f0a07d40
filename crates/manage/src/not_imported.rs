//! Why credentials that were made elsewhere were not taken over.

use countersign_model::{ConsumerName, DialectName, KeyId};
use countersign_store::StoreError;
use countersign_token::NotSealed;
use countersign_token::jwt::MAX_SCOPES_LEN;

use crate::ConsumerNotFound;
use crate::foreign::{MAX_API_KEY_LEN, MIN_API_KEY_LEN, MIN_SECRET_LEN};
use crate::import::IMPORT_LIMIT;

/// Why a credential was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum NotImported {
    /// Whose it should be is not there.
    #[error(transparent)]
    Consumer(ConsumerNotFound),
    /// There is no such dialect.
    #[error("there is no dialect `{dialect}`")]
    NoDialect {
        /// The dialect.
        dialect: DialectName,
    },
    /// Requests in this dialect say whose they are.
    #[error("requests in `{dialect}` carry a key id: say which")]
    NoKeyId {
        /// The dialect.
        dialect: DialectName,
    },
    /// In this dialect the key opens routes by itself.
    #[error(
        "the key of `{dialect}` opens routes by itself, so it is a secret of which a digest alone is kept: give it as an API \
         key, beside the signing secret; a key id is a name, and shown"
    )]
    KeyIsSecret {
        /// The dialect.
        dialect: DialectName,
    },
    /// In this dialect there is nothing to be presented whole.
    #[error(
        "in `{dialect}` nothing is presented whole: what its requests carry is a key id, and not an API key"
    )]
    KeyIsPublic {
        /// The dialect.
        dialect: DialectName,
    },
    /// An API key as its own name.
    #[error(
        "the key id is the API key itself, and key ids are shown and logged: leave it out, or choose another"
    )]
    KeyAsName,
    /// The API key cannot stand in a header.
    #[error("an API key is 1 to {MAX_API_KEY_LEN} printable ASCII characters without a space")]
    ApiKeyForm,
    /// The API key can be found by trying.
    #[error(
        "the API key has {found} characters; with fewer than {MIN_API_KEY_LEN} it can be found by trying where its digest gets known"
    )]
    ShortApiKey {
        /// How many it has.
        found: usize,
    },
    /// The signing secret can be found by trying.
    #[error(
        "the signing secret has {found} bytes; with fewer than {MIN_SECRET_LEN} whoever sees one signed request can find it by trying"
    )]
    ShortSecret {
        /// How many it has.
        found: usize,
    },
    /// The signing secret is one byte over and over.
    #[error("the signing secret is one byte over and over: a placeholder that somebody forgot to replace")]
    Placeholder,
    /// There is nothing in it.
    #[error("the secret is empty")]
    Empty,
    /// The secret is of no use in this dialect.
    #[error(
        "the secret does not fit `{dialect}`: it is not encoded as that dialect says, or lacks one of its parts"
    )]
    DoesNotFit {
        /// The dialect.
        dialect: DialectName,
    },
    /// What was given as a shared secret is a public key.
    #[error("this is a public key, which everybody may know: give it as such, and not as a secret")]
    PublicAsSecret,
    /// A private key.
    #[error(
        "this is a private key, which its holder keeps: nothing here needs it. `openssl pkey -pubout -in FILE` gives the \
         public one"
    )]
    PrivateKey,
    /// Something that holds more than a public key.
    #[error("this is a certificate: `openssl x509 -pubkey -noout -in FILE` gives its public key")]
    Certificate,
    /// No public key of an algorithm of this dialect.
    #[error(
        "this is no public key that `{dialect}` takes: PEM (`BEGIN PUBLIC KEY`), or the bare key in hex or base64"
    )]
    NoPublicKey {
        /// The dialect.
        dialect: DialectName,
    },
    /// So many scopes that they fit into no header.
    #[error("the scopes have {found} characters as a list; at most {MAX_SCOPES_LEN} are possible")]
    TooManyScopes {
        /// How many characters they have.
        found: usize,
    },
    /// It would have expired already.
    #[error("it has expired already")]
    Past,
    /// Its names are in use.
    #[error("the key `{key_id}` is there already, or its API key is")]
    Taken {
        /// Its key id.
        key_id: KeyId,
    },
    /// It stands in the file twice.
    #[error("the same key stands in line {earlier} already")]
    Repeated {
        /// The first time.
        earlier: usize,
    },
    /// It would replace another consumer's.
    #[error(
        "the key `{key_id}` belongs to `{consumer}`, and can be replaced by a key of the same consumer alone"
    )]
    OfAnother {
        /// The one to be replaced.
        key_id: KeyId,
        /// Whose that is.
        consumer: ConsumerName,
    },
    /// It would replace one of another kind.
    #[error(
        "the key `{key_id}` is of another dialect, or one of them is an API key: import without replacing it"
    )]
    OfAnotherKind {
        /// The one to be replaced.
        key_id: KeyId,
    },
    /// The secret was not sealed.
    #[error("the signing secret was not encrypted")]
    Sealer(#[source] NotSealed),
    /// Storage failed.
    #[error("the key was not imported")]
    Store(#[source] StoreError),
}

/// Why several credentials were not taken over. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NotImportedAll {
    /// These are wrong, by line.
    #[error("{} of them cannot be imported", .0.len())]
    Mistakes(Vec<(usize, NotImported)>),
    /// More than are written together.
    #[error("there are {found}; at most {IMPORT_LIMIT} are imported together: split the file")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Somebody wrote at the same time.
    #[error("somebody else took one of the names meanwhile: try again")]
    Raced,
    /// Storage failed.
    #[error("the keys were not imported")]
    Store(#[source] StoreError),
}
