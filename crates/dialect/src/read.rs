//! From a request to a claim.

use std::borrow::Cow;
use std::time::Duration;

use crate::claim::{Claim, Flaw, Malformed, Part, Reading, Signatures, Stamp};
use crate::program::{Piece, Program, Template};
use crate::recipe::{BodyUse, Recipe};
use crate::request::Request;
use crate::scope::Scope;
use crate::time;
use crate::value::Value;

/// The most signatures of which one must match.
const MAX_SIGNATURES: usize = 8;

/// The fields as they were sent; empty is not there.
struct Sent<'r> {
    key_id: Option<Cow<'r, str>>,
    timestamp: Option<Cow<'r, [u8]>>,
    nonce: Option<Cow<'r, [u8]>>,
    expires: Option<Cow<'r, [u8]>>,
    signature: Option<Signatures<'r>>,
}

impl Recipe {
    /// Reads what the request presents. Where [`Recipe::body_use`] is `Read`, the body must be there.
    pub fn read<'r>(&self, request: &Request<'r>) -> Reading<'r> {
        if request.body.is_none() && self.body_use() == BodyUse::Read {
            return Reading::Incomplete { key_id: None, missing: Part::Body };
        }
        let Some((variant, program)) = self.choose(request) else { return Reading::NotPresented };
        let mut key_id = None;
        match read(program, variant, request, &mut key_id) {
            Ok(reading) => reading,
            Err(why) => Reading::Malformed { key_id, why },
        }
    }
}

fn read<'r>(
    program: &Program,
    variant: usize,
    request: &Request<'r>,
    known: &mut Option<Cow<'r, str>>,
) -> Result<Reading<'r>, Malformed> {
    let groups = groups(program, request)?;
    let scope = Scope::new(program, request, &groups, None, b"");
    let sent = Sent {
        key_id: key_id(program, &scope)?,
        timestamp: field(&scope, program.timestamp.as_ref(), Part::Timestamp)?,
        nonce: field(&scope, program.nonce.as_ref(), Part::Nonce)?,
        expires: field(&scope, program.expires.as_ref(), Part::Expires)?,
        signature: signatures(program, &scope)?,
    };
    let Sent { key_id, timestamp, nonce, expires, signature } = sent;
    let others = timestamp.is_some() || nonce.is_some() || expires.is_some() || signature.is_some();
    // A key id that the dialect itself supplies says nothing about the request.
    let named = key_id.is_some() && program.key_id.as_ref().is_some_and(is_read);
    match (named, others) {
        (false, false) => return Ok(Reading::NotPresented),
        (true, false) => {
            return Ok(key_id.map_or(Reading::NotPresented, Reading::OnlyKeyId));
        }
        (_, true) => {}
    }
    let missing = if key_id.is_none() && program.key_id.is_some() {
        Some(Part::KeyId)
    } else if timestamp.is_none() && program.timestamp.is_some() {
        Some(Part::Timestamp)
    } else if nonce.is_none() && program.nonce.is_some() {
        Some(Part::Nonce)
    } else if expires.is_none() && program.expires.is_some() {
        Some(Part::Expires)
    } else {
        None
    };
    let signature = match (signature, missing) {
        (Some(signature), None) => signature,
        (_, Some(missing)) => return Ok(Reading::Incomplete { key_id, missing }),
        (None, None) => return Ok(Reading::Incomplete { key_id, missing: Part::Signature }),
    };
    let times = || {
        let past =
            program.limits.named_past.as_ref().map(|named| past(program, &scope, named)).transpose()?;
        Ok((stamp(program, timestamp, Part::Timestamp)?, stamp(program, expires, Part::Expires)?, past))
    };
    let (timestamp, expires, past) = match times() {
        Ok(times) => times,
        Err(broken) => {
            *known = key_id;
            return Err(broken);
        }
    };
    Ok(Reading::Presented(Claim {
        key_id: key_id.unwrap_or_default(),
        timestamp,
        nonce,
        expires,
        past,
        signature,
        groups,
        variant,
    }))
}

/// Whether a template looks at anything, or is a fixed text.
fn is_read(template: &Template) -> bool {
    template.pieces.iter().any(|piece| matches!(piece, Piece::Slot(_)))
}

/// What the groups of `match` catch; nothing where an expression does not match.
pub(crate) fn groups<'r>(program: &Program, request: &Request<'r>) -> Result<Vec<Cow<'r, [u8]>>, Malformed> {
    if program.groups == 0 && program.matches.is_empty() {
        return Ok(Vec::new());
    }
    let mut groups = vec![Cow::Borrowed(b"".as_slice()); program.groups];
    for found in &program.matches {
        let scope = Scope::new(program, request, &groups, None, b"");
        let value = scope.value(&found.subject).map_err(|flaw| at_fault(&scope, Part::Signature, flaw))?;
        let Value::Text(bytes) = value else { continue };
        let subject = bytes.into_cow();
        let Some(caught) = found.regex.captures(&subject) else { continue };
        let ranges: Vec<(usize, std::ops::Range<usize>)> = found
            .groups
            .iter()
            .filter_map(|(number, group)| caught.get(*number).map(|text| (*group, text.range())))
            .collect();
        for (group, range) in ranges {
            let text = match &subject {
                Cow::Borrowed(subject) => Cow::Borrowed(subject.get(range).unwrap_or_default()),
                Cow::Owned(subject) => Cow::Owned(subject.get(range).unwrap_or_default().to_vec()),
            };
            if let Some(slot) = groups.get_mut(group) {
                *slot = text;
            }
        }
    }
    Ok(groups)
}

/// The part to blame: the body, where it could not be read at all.
fn at_fault(scope: &Scope<'_, '_>, part: Part, flaw: Flaw) -> Malformed {
    Malformed { part: if scope.body_at_fault.get() { Part::Body } else { part }, flaw }
}

fn field<'r>(
    scope: &Scope<'_, 'r>,
    template: Option<&Template>,
    part: Part,
) -> Result<Option<Cow<'r, [u8]>>, Malformed> {
    let Some(template) = template else { return Ok(None) };
    let bytes = scope.cow(template).map_err(|flaw| at_fault(scope, part, flaw))?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

fn key_id<'r>(program: &Program, scope: &Scope<'_, 'r>) -> Result<Option<Cow<'r, str>>, Malformed> {
    let bytes = field(scope, program.key_id.as_ref(), Part::KeyId)?;
    let text = match bytes {
        None => return Ok(None),
        Some(Cow::Borrowed(bytes)) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Some(Cow::Owned(bytes)) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    text.map(Some).ok_or(Malformed { part: Part::KeyId, flaw: Flaw::NotText })
}

fn signatures<'r>(program: &Program, scope: &Scope<'_, 'r>) -> Result<Option<Signatures<'r>>, Malformed> {
    if let [template] = &*program.signature
        && !template.is_list
    {
        return Ok(field(scope, Some(template), Part::Signature)?.map(Signatures::One));
    }
    let mut any = Vec::new();
    for template in &program.signature {
        match &*template.pieces {
            [Piece::Slot(slot)] if template.is_list => {
                let value = scope.value(slot).map_err(|flaw| at_fault(scope, Part::Signature, flaw))?;
                if let Value::List(list) = value {
                    any.extend(list.into_iter().map(|(_, value)| value).filter(|value| !value.is_empty()));
                }
            }
            _ => any.extend(field(scope, Some(template), Part::Signature)?),
        }
    }
    if any.len() > MAX_SIGNATURES {
        return Err(Malformed { part: Part::Signature, flaw: Flaw::TooMany });
    }
    Ok((!any.is_empty()).then_some(Signatures::Any(any)))
}

/// How long ago the request says that it may have been signed, and not more than the dialect allows.
fn past(program: &Program, scope: &Scope<'_, '_>, named: &Template) -> Result<Duration, Malformed> {
    let part = Part::Timestamp;
    let text = scope.bytes(named).map_err(|flaw| at_fault(scope, part, flaw))?;
    let length = std::str::from_utf8(text.as_slice()).ok().and_then(time::duration);
    let length = length.ok_or(Malformed { part, flaw: Flaw::NotATime })?;
    Ok(program.limits.most.map_or(length, |most| length.min(most)))
}

fn stamp<'r>(
    program: &Program,
    text: Option<Cow<'r, [u8]>>,
    part: Part,
) -> Result<Option<Stamp<'r>>, Malformed> {
    let Some(text) = text else { return Ok(None) };
    let at = program.time.parse(&text).ok_or(Malformed { part, flaw: Flaw::NotATime })?;
    Ok(Some(Stamp { text, at }))
}
