//! Step four: what does the request present?

use std::borrow::Cow;
use std::sync::Arc;

use countersign_dialect::{self as dialect, Part, Reading, Recipe, Request};
use countersign_model::KeyDigest;
use countersign_token::key::{KEY_LEN, digest};
use http::HeaderName;
use http::header::AUTHORIZATION;
use smallvec::SmallVec;

use crate::memory::Memory;
use crate::{Accept, Denial, Reason, Requirement, Scheme};

/// The longest API key or bearer token that is looked at, in bytes.
pub(crate) const CREDENTIAL_BYTES: usize = 4096;

/// What a request says of itself in one scheme, unchecked.
pub(crate) enum Claim<'r> {
    /// With its digest, where it is as long as a key of ours.
    ApiKey(&'r str, Option<KeyDigest>),
    Token(&'r str),
    Signature(&'r Arc<Recipe>, dialect::Claim<'r>),
    /// A key id and not the whole of a signature: the credential is looked up all the same, since an unknown key
    /// and a missing signature may have different answers.
    Unsigned(&'r Arc<Recipe>, Cow<'r, str>, Reason),
}

/// Most requests present one.
pub(crate) type Claims<'r> = SmallVec<[Claim<'r>; 1]>;

/// What one scheme finds.
enum Found<'r> {
    /// Not mine.
    Absent,
    /// Nothing but the key id that the scheme shares with the plain API key.
    OnlyKeyId(Claim<'r>),
    /// Mine: it is among the claims.
    Present,
    /// Mine and broken.
    Broken(Reason),
}

/// Reads every scheme that the route accepts into `present`, which is empty. A scheme presented twice or broken refuses the request, however good
/// another may be: a request that proves two things must mean both.
///
/// A claim is large: it stays where it is put.
pub(crate) fn claims<'r>(
    requirement: &'r Requirement,
    api_key_header: &HeaderName,
    request: &Request<'r>,
    memory: &Memory,
    present: &mut Claims<'r>,
) -> Result<(), Denial> {
    let mut partial = None;
    for scheme in requirement.accept().schemes() {
        let found = match scheme {
            Scheme::ApiKey => api_key(api_key_header, request, memory, present),
            Scheme::Wallet => bearer(request, present),
            Scheme::Signature(recipe) => signature(recipe, request, present),
        };
        match found {
            Found::Absent => match requirement.accept() {
                Accept::All(_) => return Err(denial(scheme, Reason::NotPresented)),
                Accept::Any(_) | Accept::Nothing => {}
            },
            Found::OnlyKeyId(claim) => match requirement.accept() {
                Accept::All(_) => present.push(claim),
                Accept::Any(_) | Accept::Nothing => partial = partial.or(Some(claim)),
            },
            Found::Present => {}
            Found::Broken(reason) => return Err(denial(scheme, reason)),
        }
    }
    if present.is_empty() {
        present.extend(partial);
    }
    if present.is_empty() {
        return Err(Denial { scheme: None, key_id: None, reason: Reason::NotPresented });
    }
    Ok(())
}

fn denial(scheme: &Scheme, reason: Reason) -> Denial {
    Denial { scheme: Some(scheme.clone()), key_id: None, reason }
}

fn api_key<'r>(
    header: &HeaderName,
    request: &Request<'r>,
    memory: &Memory,
    present: &mut Claims<'r>,
) -> Found<'r> {
    match single(header, request) {
        Ok(None) => Found::Absent,
        Ok(Some(key)) => {
            // Among millions the credential is far away in memory, and on its way while the rest of this is done.
            let digest = (key.len() == KEY_LEN).then(|| digest(key));
            if let Some(digest) = &digest {
                memory.read_ahead(digest);
            }
            present.push(Claim::ApiKey(key, digest));
            Found::Present
        }
        Err(reason) => Found::Broken(reason),
    }
}

/// RFC 6750 section 2.1: `Authorization: Bearer`, the scheme's name in any case (RFC 9110 section 11.1).
fn bearer<'r>(request: &Request<'r>, present: &mut Claims<'r>) -> Found<'r> {
    let value = match single(&AUTHORIZATION, request) {
        Ok(None) => return Found::Absent,
        Ok(Some(value)) => value,
        Err(reason) => return Found::Broken(reason),
    };
    match value.split_once(' ') {
        Some((name, token)) if name.eq_ignore_ascii_case("bearer") => {
            present.push(Claim::Token(token.trim_start_matches(' ')));
            Found::Present
        }
        Some(_) | None if value.eq_ignore_ascii_case("bearer") => Found::Broken(Reason::Unreadable),
        Some(_) | None => Found::Absent,
    }
}

fn signature<'r>(recipe: &'r Arc<Recipe>, request: &Request<'r>, present: &mut Claims<'r>) -> Found<'r> {
    let (key_id, reason) = match recipe.read(request) {
        Reading::Presented(claim) => {
            present.push(Claim::Signature(recipe, claim));
            return Found::Present;
        }
        Reading::NotPresented => return Found::Absent,
        Reading::OnlyKeyId(key_id) => {
            let reason = Reason::Incomplete(Part::Signature);
            return Found::OnlyKeyId(Claim::Unsigned(recipe, key_id, reason));
        }
        Reading::Incomplete { key_id, missing } => (key_id, Reason::Incomplete(missing)),
        Reading::Malformed { key_id, why } => (key_id, Reason::Malformed(why)),
    };
    let Some(key_id) = key_id else { return Found::Broken(reason) };
    present.push(Claim::Unsigned(recipe, key_id, reason));
    Found::Present
}

/// The one value of a header: printable ASCII of a sensible length, and not twice.
fn single<'r>(header: &HeaderName, request: &Request<'r>) -> Result<Option<&'r str>, Reason> {
    let Some(value) = request.header(header).map_err(|_twice| Reason::Repeated)? else { return Ok(None) };
    // A header's value holds no control characters but tabs.
    match std::str::from_utf8(value) {
        Ok(text) if is_ascii(text) && !text.is_empty() && text.len() <= CREDENTIAL_BYTES => Ok(Some(text)),
        Ok(_) | Err(_) => Err(Reason::Unreadable),
    }
}

/// Whether all of a text is ASCII. Without a way out in between, the compiler looks at many bytes at once.
fn is_ascii(text: &str) -> bool {
    text.bytes().fold(0, |all, byte| all | byte).is_ascii()
}
