//! From a claim and a secret to a proof.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::Secret;
use zeroize::Zeroizing;

use crate::claim::{Claim, Flaw};
use crate::hash::{Digest, HmacKey, MAX_DIGEST};
use crate::program::{Algorithm, Program, Uses};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;
use crate::sink::{Digester, Gather};

/// The key of one credential, made ready once for all its requests. It prints nothing.
pub struct PreparedKey {
    /// For each variant of the recipe.
    ready: Box<[Ready]>,
    /// The secret itself, where a variant needs it for every request.
    secret: Option<Secret<Vec<u8>>>,
}

#[expect(clippy::large_enum_variant, reason = "the large one is the common one")]
enum Ready {
    Hmac(HmacKey),
    /// The key differs from one request to the next, or the secret stands in the string to sign.
    PerRequest,
    /// The secret does not fit the dialect: no signature can be right.
    Unusable,
}

/// The secret does not fit the dialect: it is not encoded as the dialect says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not encoded as this dialect says")]
pub struct UnusableSecret;

/// Proof that the holder of the secret signed this request. Only [`Recipe::verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct SignatureValid(());

/// Why a signature does not hold, for the operator: callers are told no more than that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is not the signature of this request under this secret.
    #[error("the signature is another one")]
    Signature,
    /// It is not written in the encoding of this dialect, or is too long.
    #[error("the signature is not encoded as this dialect says")]
    Encoding,
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
        let unusable = self.prepare(secret).ready.iter().any(|ready| matches!(ready, Ready::Unusable));
        if unusable { Err(UnusableSecret) } else { Ok(()) }
    }

    /// Makes a credential's secret ready. Do it once and keep the result. A secret that does not fit the dialect makes a key
    /// under which nothing verifies.
    pub fn prepare(&self, secret: &[u8]) -> PreparedKey {
        let mut ready = Vec::with_capacity(self.variants.len());
        let mut keep = false;
        for program in &self.variants {
            let made = match program.algorithm {
                Algorithm::Hmac(hash) if program.key_is_fixed => match fixed_key(program, secret) {
                    Ok(key) => Ready::Hmac(HmacKey::new(hash, &key)),
                    Err(_) => Ready::Unusable,
                },
                Algorithm::Hmac(_) | Algorithm::Hash(_) => Ready::PerRequest,
            };
            keep |= matches!(made, Ready::PerRequest) || program.signed.has(Uses::SECRET);
            ready.push(made);
        }
        let secret = keep.then(|| Secret::new(secret.to_vec()));
        PreparedKey { ready: ready.into(), secret }
    }

    /// Checks the signature of a claim that [`Recipe::read`] made of the same request, in constant time.
    pub fn verify(
        &self,
        claim: &Claim<'_>,
        request: &Request<'_>,
        key: &PreparedKey,
    ) -> Result<SignatureValid, Mismatch> {
        let program = self.program(claim).ok_or(Mismatch::Foreign)?;
        let made = sign_claim(program, claim, request, key)?;
        let mut why = Mismatch::Encoding;
        for signature in claim.signature.as_slice() {
            let mut decoded = [0; MAX_DECODED];
            let Some(len) = decode(program, signature, &mut decoded) else { continue };
            let decoded = decoded.get(..len).unwrap_or_default();
            if verify_slices_are_equal(decoded, made.bytes()).is_ok() {
                return Ok(SignatureValid(()));
            }
            why = Mismatch::Signature;
        }
        Err(why)
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

/// The signature that a claim should have.
pub(crate) fn sign_claim(
    program: &Program,
    claim: &Claim<'_>,
    request: &Request<'_>,
    key: &PreparedKey,
) -> Result<Digest, Mismatch> {
    let scope = Scope::new(program, request, &claim.groups, Some(claim), key.secret());
    let made = match (program.algorithm, key.ready.get(claim.variant)) {
        (_, None) => return Err(Mismatch::Foreign),
        (_, Some(Ready::Unusable)) => return Err(Mismatch::Secret),
        (Algorithm::Hmac(_), Some(Ready::Hmac(ready))) => digest(&scope, Digester::Hmac(ready)),
        (Algorithm::Hmac(hash), Some(Ready::PerRequest)) => scope.bytes(&program.key).and_then(|key| {
            let key = Zeroizing::new(key.into_cow().into_owned());
            digest(&scope, Digester::Hmac(&HmacKey::new(hash, &key)))
        }),
        (Algorithm::Hash(hash), Some(_)) => digest(&scope, Digester::Hash(hash)),
    };
    made.map_err(Mismatch::Unreadable)
}

/// Room for the longest MAC, and for what base64 decodes to before its end is known.
const MAX_DECODED: usize = MAX_DIGEST + 3;

fn digest(scope: &Scope<'_, '_>, digester: Digester<'_>) -> Result<Digest, Flaw> {
    let mut gather = Gather::new(digester);
    scope.put(&scope.program.string_to_sign, &mut gather)?;
    Ok(gather.finish())
}

/// Undoes the encoding of a signature, the last step first.
fn decode(program: &Program, signature: &[u8], out: &mut [u8; MAX_DECODED]) -> Option<usize> {
    match &*program.encoding {
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

fn fixed_key(program: &Program, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    let headers = http::HeaderMap::new();
    let nothing =
        Request { method: "", scheme: "", host: "", target: "", headers: &headers, body: Some(b"") };
    let scope = Scope::new(program, &nothing, &[], None, secret);
    scope.bytes(&program.key).map(|key| Zeroizing::new(key.into_cow().into_owned()))
}

impl PreparedKey {
    fn secret(&self) -> &[u8] {
        self.secret.as_ref().map_or(b"", |secret| secret.expose())
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKey(..)")
    }
}
