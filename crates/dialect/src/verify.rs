//! From a claim and a secret to a proof.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::{Headers, Secret};
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, PublicKey, is_pem};
use crate::claim::{Claim, Flaw};
use crate::codec::Codec;
use crate::ethereum;
use crate::hash::{Digest, Hash, HmacKey, MAX_DIGEST};
use crate::parts;
use crate::program::{Check, Encoding, Program, Unnamed};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;
use crate::sink::{Digester, Gather};
use crate::value::Bytes;

/// The key of one credential, made ready once for all its requests. It prints nothing.
pub struct PreparedKey {
    /// For each variant of the recipe.
    variants: Box<[Keys]>,
    /// The secret itself, where a variant needs it for every request.
    secret: Option<Secret<Vec<u8>>>,
}

pub(crate) enum Ready {
    Hmac(HmacKey),
    Public(PublicKey),
    /// The key differs from one request to the next, or the secret stands in the string to sign.
    PerRequest,
    /// The secret is for another algorithm, or does not fit the dialect: no signature can be right.
    Unusable,
}

/// The keys of one variant: one for each of its algorithms.
type Keys = Box<[Ready]>;

/// The secret does not fit the dialect: it is not encoded as the dialect says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not encoded as this dialect says")]
pub struct UnusableSecret;

/// Proof that the holder of the secret signed this request. Only [`Recipe::verify`] and [`Verification::finish`] make one.
///
/// [`Verification::finish`]: crate::Verification::finish
#[derive(Clone, Copy)]
pub struct SignatureValid {
    signed: Digest,
}

impl SignatureValid {
    /// A digest of what was signed, at most 64 bytes long: what has the same one, under the same secret, was signed alike, however the
    /// signature is written. It may be the signature itself, so it is as secret.
    pub fn signed(&self) -> &[u8] {
        self.signed.bytes()
    }

    /// Where the signature is made from the secret, it stands for what was signed.
    fn of(made: &Bytes<'_>) -> Self {
        let signed = match made {
            Bytes::Digest(digest) => *digest,
            Bytes::Borrowed(_) | Bytes::Owned(_) => Hash::Sha256.of(made.as_slice()),
        };
        Self { signed }
    }
}

impl fmt::Debug for SignatureValid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureValid")
    }
}

/// What a secret is to a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUse {
    /// Both sides have it: whoever knows it can sign.
    Shared,
    /// A public key: it checks signatures and makes none.
    PublicKey,
}

/// Why a signature does not hold, for the operator: callers are told no more than that it does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is not the signature of this request under this secret.
    #[error("the signature is another one")]
    Signature,
    /// It is not written in the encoding of this dialect, or is too long.
    #[error("the signature is not encoded as this dialect says")]
    Encoding,
    /// One of the dialect's checks does not hold, such as a digest of the body.
    #[error("the check `{0}` does not hold")]
    Check(Box<str>),
    /// The request names an algorithm that the dialect does not allow.
    #[error("the algorithm that the request names is not allowed")]
    Algorithm,
    /// What was signed cannot be put together from this request.
    #[error("what was signed cannot be read from the request: {0}")]
    Unreadable(Flaw),
    /// The claim was not read by this recipe.
    #[error("the claim was read by another dialect")]
    Foreign,
    /// The credential's secret does not fit the dialect.
    #[error("the secret is not encoded as this dialect says")]
    Secret,
}

impl Recipe {
    /// Whether a secret fits the dialect: to be asked before one is taken into keeping.
    pub fn check_secret(&self, secret: &[u8]) -> Result<(), UnusableSecret> {
        let of_no_use = |keys: &Keys| keys.iter().all(|key| matches!(key, Ready::Unusable));
        if self.prepare(secret).variants.iter().any(of_no_use) { Err(UnusableSecret) } else { Ok(()) }
    }

    /// What a secret is to the dialect: to be asked before one is taken over from elsewhere. It is a public key only where no algorithm of the
    /// dialect takes it for a shared secret: otherwise whoever knows it could sign, by naming that algorithm.
    pub fn secret_use(&self, secret: &[u8]) -> Result<SecretUse, UnusableSecret> {
        self.check_secret(secret)?;
        let prepared = self.prepare(secret);
        let shared = |key: &Ready| match key {
            Ready::Hmac(_) | Ready::PerRequest => true,
            Ready::Public(_) | Ready::Unusable => false,
        };
        let shared = prepared.variants.iter().flatten().any(shared);
        Ok(if shared { SecretUse::Shared } else { SecretUse::PublicKey })
    }

    /// Makes a credential's secret ready. Do it once and keep the result. A secret that does not fit the dialect makes a key
    /// under which nothing verifies.
    pub fn prepare(&self, secret: &[u8]) -> PreparedKey {
        let variants: Box<[Keys]> = self.variants.iter().map(|program| keys(program, secret)).collect();
        let keep = self
            .variants
            .iter()
            .any(|program| !program.key_is_fixed || program.secret_is_signed || program.checks_secret);
        let secret = keep.then(|| Secret::new(secret.to_vec()));
        PreparedKey { variants, secret }
    }

    /// Checks the signature of a claim that [`Recipe::read`] made of the same request, in constant time.
    pub fn verify(
        &self,
        claim: &Claim<'_>,
        request: &Request<'_>,
        key: &PreparedKey,
    ) -> Result<SignatureValid, Mismatch> {
        let program = self.program(claim).ok_or(Mismatch::Foreign)?;
        let scope = Scope::new(program, request, &claim.groups, Some(claim), key.secret());
        program.checks.iter().try_for_each(|check| holds(check, &scope))?;
        let (algorithm, ready) = key.for_claim(program, &scope, claim)?;
        settle(program, claim, &scope, (algorithm, ready))
    }

    /// The bytes that a claim's signature is made of. They may hold the secret, so they come wrapped.
    pub fn string_to_sign(
        &self,
        claim: &Claim<'_>,
        request: &Request<'_>,
        key: &PreparedKey,
    ) -> Result<Secret<Vec<u8>>, Mismatch> {
        let program = self.program(claim).ok_or(Mismatch::Foreign)?;
        let scope = Scope::new(program, request, &claim.groups, Some(claim), key.secret());
        let mut bytes = Zeroizing::new(Vec::new());
        scope.put(&program.string_to_sign, &mut *bytes).map_err(Mismatch::Unreadable)?;
        Ok(Secret::new(std::mem::take(&mut *bytes)))
    }
}

/// The signature that a claim should have, as bytes. `None` where only a private key could make it.
pub(crate) fn sign_claim(
    program: &Program,
    claim: &Claim<'_>,
    request: &Request<'_>,
    key: &PreparedKey,
) -> Result<Option<Vec<u8>>, Mismatch> {
    let scope = Scope::new(program, request, &claim.groups, Some(claim), key.secret());
    let (algorithm, ready) = key.for_claim(program, &scope, claim)?;
    if matches!(ready, Ready::Public(_)) {
        return Ok(None);
    }
    make(program, &scope, algorithm, ready).map(|made| Some(made.as_slice().to_vec()))
}

/// Whether a check holds.
pub(crate) fn holds(check: &Check, scope: &Scope<'_, '_>) -> Result<(), Mismatch> {
    let [left, right] = check.sides.each_ref().map(|side| scope.bytes(side));
    let (left, right) = (left.map_err(Mismatch::Unreadable)?, right.map_err(Mismatch::Unreadable)?);
    verify_slices_are_equal(left.as_slice(), right.as_slice())
        .map_err(|_| Mismatch::Check(check.name.clone()))
}

/// Checks a signature over what the scope makes of the string to sign.
pub(crate) fn settle(
    program: &Program,
    claim: &Claim<'_>,
    scope: &Scope<'_, '_>,
    (algorithm, ready): (Algorithm, &Ready),
) -> Result<SignatureValid, Mismatch> {
    match (algorithm, ready) {
        (Algorithm::Public(algorithm), Ready::Public(public)) => {
            if let Some(hash) = algorithm.hash() {
                let digested = digest(scope, Digester::Hash(hash)).map_err(Mismatch::Unreadable)?;
                return of_digest(program, claim, public, hash, digested);
            }
            let signed = scope.bytes(&program.string_to_sign).map_err(Mismatch::Unreadable)?;
            let good = |signature: &[u8]| public.signed(signed.as_slice(), signature);
            of_public(program, claim, good)?;
            Ok(SignatureValid { signed: Hash::Sha256.of(signed.as_slice()) })
        }
        (algorithm, ready) => {
            let made = make(program, scope, algorithm, ready)?;
            compare(program, claim, made.as_slice())?;
            Ok(SignatureValid::of(&made))
        }
    }
}

/// Checks a signature against the MAC or digest that was made of the string to sign, or the digest that a private key signed.
pub(crate) fn settle_digest(
    program: &Program,
    claim: &Claim<'_>,
    (algorithm, ready): (Algorithm, &Ready),
    digest: Digest,
) -> Result<SignatureValid, Mismatch> {
    match (algorithm, ready) {
        (Algorithm::Public(algorithm), Ready::Public(public)) => {
            let hash = algorithm.hash().ok_or(Mismatch::Secret)?;
            of_digest(program, claim, public, hash, digest)
        }
        (Algorithm::Hmac(_) | Algorithm::Hash(_) | Algorithm::Plain | Algorithm::Public(_), _) => {
            compare(program, claim, digest.bytes())?;
            Ok(SignatureValid { signed: digest })
        }
    }
}

fn of_digest(
    program: &Program,
    claim: &Claim<'_>,
    public: &PublicKey,
    hash: Hash,
    signed: Digest,
) -> Result<SignatureValid, Mismatch> {
    match public {
        PublicKey::Key(key) => {
            let digest = signed.imported(hash).ok_or(Mismatch::Secret)?;
            of_public(program, claim, |signature| key.verify_digest_sig(&digest, signature).is_ok())?;
        }
        PublicKey::Account(address) => {
            of_public(program, claim, |signature| ethereum::signed_by(*address, signed.bytes(), signature))?;
        }
    }
    Ok(SignatureValid { signed })
}

/// Whether any signature is a private key's.
fn of_public(program: &Program, claim: &Claim<'_>, good: impl Fn(&[u8]) -> bool) -> Result<(), Mismatch> {
    let Encoding::Codecs(codecs) = &program.encoding else { return Err(Mismatch::Encoding) };
    any_signature(claim, |signature| {
        let decoded = codecs.iter().rev().try_fold(signature.to_vec(), |text, codec| codec.decode_vec(&text));
        let decoded = decoded.ok_or(Mismatch::Encoding)?;
        if good(&decoded) { Ok(()) } else { Err(Mismatch::Signature) }
    })
}

/// Makes a signature that the secret alone makes.
fn make<'v>(
    program: &Program,
    scope: &Scope<'_, 'v>,
    algorithm: Algorithm,
    ready: &Ready,
) -> Result<Bytes<'v>, Mismatch> {
    let made = match (algorithm, ready) {
        (_, Ready::Unusable | Ready::Public(_)) | (Algorithm::Public(_), _) => return Err(Mismatch::Secret),
        (Algorithm::Hmac(_), Ready::Hmac(ready)) => digest(scope, Digester::Hmac(ready)).map(Bytes::Digest),
        (Algorithm::Hmac(hash), Ready::PerRequest) => {
            let key = key_of(program, scope, hash)?;
            digest(scope, Digester::Hmac(&key)).map(Bytes::Digest)
        }
        (Algorithm::Hash(hash), _) => digest(scope, Digester::Hash(hash)).map(Bytes::Digest),
        (Algorithm::Plain, _) => scope.bytes(&program.string_to_sign),
    };
    made.map_err(Mismatch::Unreadable)
}

fn digest(scope: &Scope<'_, '_>, digester: Digester<'_>) -> Result<Digest, Flaw> {
    let mut gather = Gather::new(digester);
    scope.put(&scope.program.string_to_sign, &mut gather)?;
    Ok(gather.finish())
}

/// The key of a request that has its own.
pub(crate) fn key_of(program: &Program, scope: &Scope<'_, '_>, hash: Hash) -> Result<HmacKey, Mismatch> {
    let key = scope.bytes(&program.key).map_err(Mismatch::Unreadable)?;
    let key = Zeroizing::new(key.into_cow().into_owned());
    if key.is_empty() { Err(Mismatch::Secret) } else { Ok(HmacKey::new(hash, &key)) }
}

/// Compares what was sent with what was made: as bytes where the encoding can be undone, as text otherwise.
fn compare(program: &Program, claim: &Claim<'_>, made: &[u8]) -> Result<(), Mismatch> {
    let same =
        |sent: &[u8], made: &[u8]| verify_slices_are_equal(sent, made).map_err(|_| Mismatch::Signature);
    match &program.encoding {
        Encoding::Codecs(codecs) if made.len() <= MAX_DIGEST => any_signature(claim, |signature| {
            let mut decoded = [0; MAX_DECODED];
            let len = decode(codecs, signature, &mut decoded).ok_or(Mismatch::Encoding)?;
            same(decoded.get(..len).unwrap_or_default(), made)
        }),
        encoding => {
            let written = encode(encoding, made).ok_or(Mismatch::Encoding)?;
            any_signature(claim, |signature| same(signature, &written))
        }
    }
}

/// Whether any of the signatures that were sent holds; why the last does not.
fn any_signature(claim: &Claim<'_>, holds: impl Fn(&[u8]) -> Result<(), Mismatch>) -> Result<(), Mismatch> {
    let mut why = Mismatch::Encoding;
    for signature in claim.signature.as_slice() {
        match holds(signature) {
            Ok(()) => return Ok(()),
            Err(mismatch) => why = mismatch,
        }
    }
    Err(why)
}

/// Room for the longest MAC, and for what base64 decodes to before its end is known.
const MAX_DECODED: usize = MAX_DIGEST + 3;

/// Undoes the encoding of a signature, the last step first.
fn decode(codecs: &[Codec], signature: &[u8], out: &mut [u8; MAX_DECODED]) -> Option<usize> {
    match codecs {
        [] => {
            out.get_mut(..signature.len())?.copy_from_slice(signature);
            Some(signature.len())
        }
        [codec] => codec.decode(signature, out),
        [first, others @ ..] => {
            let mut text = signature.to_vec();
            for codec in others.iter().rev() {
                text = codec.decode_vec(&text)?;
            }
            first.decode(&text, out)
        }
    }
}

/// Writes a signature.
pub(crate) fn encode(encoding: &Encoding, bytes: &[u8]) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Codecs(codecs) => {
            Some(codecs.iter().fold(bytes.to_vec(), |bytes, codec| codec.encode(&bytes)))
        }
        Encoding::Filters(filters) => {
            let mut text = Bytes::Owned(bytes.to_vec());
            for filter in filters {
                text = filter.change(text).ok()?;
            }
            Some(text.into_cow().into_owned())
        }
    }
}

/// The keys of one variant that a secret makes.
fn keys(program: &Program, secret: &[u8]) -> Keys {
    // An empty key is one that everybody has.
    let fixed = if program.key_is_fixed {
        fixed_key(program, secret).ok().filter(|key| !key.is_empty())
    } else {
        None
    };
    let hmac = program.algorithms.list.iter().any(|algorithm| matches!(algorithm, Algorithm::Hmac(_)));
    let whole = parts::has_all(program, secret);
    let key = |algorithm: &Algorithm| match (algorithm, &fixed) {
        _ if secret.is_empty() || !whole => Ready::Unusable,
        (Algorithm::Hash(_) | Algorithm::Plain, _) => Ready::PerRequest,
        (Algorithm::Hmac(_), None) if !program.key_is_fixed => Ready::PerRequest,
        // What everybody may know is no key of an HMAC.
        (Algorithm::Hmac(hash), Some(key)) if !is_pem(key) => Ready::Hmac(HmacKey::new(*hash, key)),
        // A bare one would be good as the key of an HMAC too, and whoever knows it could sign: it must be seen not to serve.
        (Algorithm::Public(_), Some(key)) if hmac && !is_pem(key) => Ready::Unusable,
        (Algorithm::Public(public), Some(key)) => public.key(key).map_or(Ready::Unusable, Ready::Public),
        (Algorithm::Hmac(_) | Algorithm::Public(_), _) => Ready::Unusable,
    };
    program.algorithms.list.iter().map(key).collect()
}

fn fixed_key(program: &Program, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    let nothing = Request {
        method: "",
        scheme: "",
        host: "",
        target: "",
        headers: Headers::default(),
        body: Some(b""),
    };
    let scope = Scope::new(program, &nothing, &[], None, secret);
    scope.bytes(&program.key).map(|key| Zeroizing::new(key.into_cow().into_owned()))
}

impl PreparedKey {
    /// The algorithm of a claim and the key for it. What the request names picks among those that are allowed; otherwise it is
    /// the first that the secret is for.
    pub(crate) fn for_claim(
        &self,
        program: &Program,
        scope: &Scope<'_, '_>,
        claim: &Claim<'_>,
    ) -> Result<(Algorithm, &Ready), Mismatch> {
        let keys = self.variants.get(claim.variant).ok_or(Mismatch::Foreign)?;
        let mut pairs = program.algorithms.list.iter().copied().zip(keys);
        let choice = match &program.algorithms.named {
            None => Unnamed::Credential,
            Some(named) => {
                let name = scope.bytes(&named.from).map_err(Mismatch::Unreadable)?;
                let known = named.names.iter().find(|(known, _)| **known == *name.as_slice());
                match known {
                    Some((_, at)) => Unnamed::One(*at),
                    None if name.is_empty() => named.default,
                    None => Unnamed::Refused,
                }
            }
        };
        match choice {
            Unnamed::Refused => Err(Mismatch::Algorithm),
            Unnamed::One(at) => pairs.nth(at).ok_or(Mismatch::Algorithm),
            Unnamed::Credential => {
                pairs.find(|(_, key)| !matches!(key, Ready::Unusable)).ok_or(Mismatch::Secret)
            }
        }
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.as_ref().map_or(b"", |secret| secret.expose())
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dialects, SecretUse, Source};

    fn check(key: &str, secret: &str) -> bool {
        let text = format!(
            "[dialect.x]\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nstring_to_sign = '{{body}}'\nalgorithm = 'hmac-sha256'\nkey = '{key}'"
        );
        let dialects = Dialects::load(&[Source { origin: "x".into(), text }]).unwrap();
        dialects.iter().next().unwrap().check_secret(secret.as_bytes()).is_ok()
    }

    #[test]
    fn a_secret_that_would_make_a_key_that_everybody_has_is_refused() {
        assert!(check("{secret}", "s"));
        assert!(!check("{secret}", ""));
        assert!(!check("{secret | slice(8)}", "short"));
        assert!(!check("{secret}", "-----BEGIN PUBLIC KEY-----"));
        assert!(!check("{secret | unhex}", "zz"));
    }

    #[test]
    fn a_public_key_that_some_algorithm_takes_for_a_shared_secret_is_one() {
        let used = |key: &str, algorithm: &str, secret: &str| {
            let text = format!(
                "[dialect.x]\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nstring_to_sign = '{{body}}'\nalgorithm = {algorithm}\nkey = '{key}'"
            );
            let dialects = Dialects::load(&[Source { origin: "x".into(), text }]).unwrap();
            let recipe = dialects.iter().next().unwrap();
            recipe.secret_use(secret.as_bytes()).ok()
        };
        let hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
        let (unhex, named) =
            ("{secret | unhex}", "{ from = '{header.Alg}', allow = { e = 'ed25519', h = 'hmac-sha256' } }");
        assert_eq!(used(unhex, "'ed25519'", hex), Some(SecretUse::PublicKey));
        assert_eq!(used(unhex, named, hex), Some(SecretUse::Shared));
        assert_eq!(used("{secret}", named, pem), Some(SecretUse::PublicKey));
        assert_eq!(used("{secret}", named, hex), Some(SecretUse::Shared));
        assert_eq!(used("{secret}", "'ed25519'", "a"), None);
    }

    #[test]
    fn a_secret_of_several_parts_must_have_them_all() {
        let key = "{secret.one}&{secret.two}";
        assert!(check(key, r#"{"one":"a","two":""}"#));
        assert!(!check(key, r#"{"one":"a"}"#));
        assert!(!check(key, r#"{"one":"a","two":"b","two":"c"}"#));
        assert!(!check(key, "a"));
    }
}
