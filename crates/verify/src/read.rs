//! Step four: what does the request present?

use std::borrow::Cow;
use std::sync::Arc;

use countersign_dialect::{self as dialect, Part, Reading, Recipe, Request};
use http::HeaderName;
use http::header::AUTHORIZATION;
use smallvec::SmallVec;

use crate::{Accept, Denial, Reason, Requirement, Scheme};

/// The longest API key or bearer token that is looked at, in bytes.
pub(crate) const CREDENTIAL_BYTES: usize = 4096;

/// What a request says of itself in one scheme, unchecked.
pub(crate) enum Claim<'r> {
    ApiKey(&'r str),
    Token(&'r str),
    Signature(Arc<Recipe>, dialect::Claim<'r>),
    /// A key id and not the whole of a signature: the credential is looked up all the same, since an unknown key
    /// and a missing signature may have different answers.
    Unsigned(Arc<Recipe>, Cow<'r, str>, Reason),
}

pub(crate) type Claims<'r> = SmallVec<[Claim<'r>; 2]>;

/// What one scheme finds.
enum Found<'r> {
    /// Not mine.
    Absent,
    /// Nothing but the key id that the scheme shares with the plain API key.
    OnlyKeyId(Claim<'r>),
    /// Mine.
    Present(Claim<'r>),
    /// Mine and broken.
    Broken(Reason),
}

/// Reads every scheme that the route accepts into `present`, which is empty. A scheme presented twice or broken refuses the request, however good
/// another may be: a request that proves two things must mean both.
pub(crate) fn claims<'r>(
    requirement: &Requirement,
    api_key_header: &HeaderName,
    request: &Request<'r>,
    present: &mut Claims<'r>,
) -> Result<(), Denial> {
    let schemes = requirement.accept().schemes();
    let mut partial = None;
    for scheme in schemes {
        let found = match scheme {
            Scheme::ApiKey => api_key(api_key_header, request),
            Scheme::Wallet => bearer(request),
            Scheme::Signature(recipe) => signature(recipe, request),
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
            Found::Present(claim) => present.push(claim),
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

fn api_key<'r>(header: &HeaderName, request: &Request<'r>) -> Found<'r> {
    match single(header, request) {
        Ok(None) => Found::Absent,
        Ok(Some(key)) => Found::Present(Claim::ApiKey(key)),
        Err(reason) => Found::Broken(reason),
    }
}

/// RFC 6750 section 2.1: `Authorization: Bearer`, the scheme's name in any case (RFC 9110 section 11.1).
fn bearer<'r>(request: &Request<'r>) -> Found<'r> {
    let value = match single(&AUTHORIZATION, request) {
        Ok(None) => return Found::Absent,
        Ok(Some(value)) => value,
        Err(reason) => return Found::Broken(reason),
    };
    match value.split_once(' ') {
        Some((name, token)) if name.eq_ignore_ascii_case("bearer") => {
            Found::Present(Claim::Token(token.trim_start_matches(' ')))
        }
        Some(_) | None if value.eq_ignore_ascii_case("bearer") => Found::Broken(Reason::Unreadable),
        Some(_) | None => Found::Absent,
    }
}

fn signature<'r>(recipe: &Arc<Recipe>, request: &Request<'r>) -> Found<'r> {
    match recipe.read(request) {
        Reading::NotPresented => Found::Absent,
        Reading::OnlyKeyId(key_id) => {
            Found::OnlyKeyId(Claim::Unsigned(Arc::clone(recipe), key_id, Reason::Incomplete(Part::Signature)))
        }
        Reading::Presented(claim) => Found::Present(Claim::Signature(Arc::clone(recipe), claim)),
        Reading::Incomplete { key_id: Some(key_id), missing } => {
            Found::Present(Claim::Unsigned(Arc::clone(recipe), key_id, Reason::Incomplete(missing)))
        }
        Reading::Incomplete { key_id: None, missing } => Found::Broken(Reason::Incomplete(missing)),
        Reading::Malformed { key_id: Some(key_id), why } => {
            Found::Present(Claim::Unsigned(Arc::clone(recipe), key_id, Reason::Malformed(why)))
        }
        Reading::Malformed { key_id: None, why } => Found::Broken(Reason::Malformed(why)),
    }
}

/// The one value of a header: printable ASCII of a sensible length, and not twice.
fn single<'r>(header: &HeaderName, request: &Request<'r>) -> Result<Option<&'r str>, Reason> {
    let mut values = request.headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Reason::Repeated);
    }
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= CREDENTIAL_BYTES => Ok(Some(text)),
        Ok(_) | Err(_) => Err(Reason::Unreadable),
    }
}
