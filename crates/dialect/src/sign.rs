//! Signing as a client of a dialect does.

use std::borrow::Cow;
use std::time::Duration;

use countersign_model::{Entropy, HeaderList, UnixTime};
use http::header::{Entry as HeaderEntry, HeaderMap, HeaderName, HeaderValue};

use crate::algorithm::Algorithm;
use crate::claim::{Claim, Flaw, Part, Reading, Signatures, Stamp};
use crate::codec::Codec;
use crate::explain::told;
use crate::filter::escape;
use crate::hash::MAX_DIGEST;
use crate::json::quote;
use crate::program::{Piece, Program, Slot, Source, Template, Written as ToWrite};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;
use crate::value::Value;
use crate::verify::{Mismatch, UnusableSecret, encode, holds, sign_claim};

/// The random bytes in a nonce.
const NONCE_BYTES: usize = 16;

/// How long a signature is to serve, where the dialect has it name its end.
const SIGNED_FOR: Duration = Duration::from_mins(1);

/// What is to be signed, and with what.
#[derive(Clone, Copy)]
pub struct SignInput<'a> {
    /// The method.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The authority that the request will name.
    pub host: &'a str,
    /// The path and, where there is one, `?` and the query.
    pub target: &'a str,
    /// The headers that the request has already.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// The key id.
    pub key_id: &'a str,
    /// The secret, as it was given out.
    pub secret: &'a [u8],
    /// The moment of signing.
    pub now: UnixTime,
    /// Where a nonce is drawn from, if the dialect has one.
    pub entropy: &'a dyn Entropy,
}

/// A request with everything in it that the dialect asks for.
#[derive(Clone)]
pub struct Signed {
    /// All headers: those that were there and those that were added.
    pub headers: HeaderMap,
    /// The target; longer than before where the dialect writes into the query.
    pub target: String,
    /// The body; longer than before where the dialect writes into it.
    pub body: Vec<u8>,
}

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The dialect reads this from a place that cannot be worked out backwards.
    #[error("the dialect does not say how a client writes `{0}`")]
    NoPlace(&'static str),
    /// The request holds it already, and in other words.
    #[error("the request has another `{0}` already")]
    AlreadyThere(&'static str),
    /// The dialect writes into a JSON object, and the body is none.
    #[error("the body is no JSON object to write `{0}` into")]
    NoObject(&'static str),
    /// It cannot be written there, for example a line end in a header.
    #[error("`{0}` cannot be written where the dialect wants it")]
    NotWritable(&'static str),
    /// The secret does not fit the dialect.
    #[error("the secret cannot be used")]
    Secret(#[source] UnusableSecret),
    /// The dialect's signatures are made with a private key, and only its public half is known.
    #[error("only the holder of the private key can sign in this dialect")]
    PrivateKey,
    /// What is to be signed cannot be put together.
    #[error("what is to be signed cannot be put together")]
    Unsignable(#[source] Mismatch),
    /// The dialect, or each of its variants, is for other requests.
    #[error(
        "the dialect is for requests whose `{subject}` matches `{expression}`, and this is none: send what it names, or have the dialect write it with `sign`"
    )]
    Unmet {
        /// What is looked at, as the dialect writes it.
        subject: String,
        /// What it must match.
        expression: String,
    },
    /// A check of the dialect reads a header that a signed request does not have.
    #[error(
        "a request signed so is refused: the check `{check}` reads the header `{header}`, which is not there: send it, or have the dialect write it with sign.\"header.{header}\" = \"{should_be}\""
    )]
    NotWritten {
        /// The name of the check.
        check: String,
        /// The header.
        header: String,
        /// What the check holds it against, as the dialect writes it.
        should_be: String,
    },
    /// A check of the dialect does not hold for the signed request.
    #[error("a request signed so is refused: the check `{0}` of the dialect does not hold for it")]
    Check(String),
    /// The request, signed, is read in part.
    #[error("the dialect cannot read its own `{part}` in this request, signed: {flaw}")]
    Misread {
        /// The part.
        part: Part,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The request, signed, does not read as this dialect.
    #[error("the dialect does not recognise its own signature on this request")]
    Unrecognised,
}

impl Recipe {
    /// Signs a request as a client would.
    pub fn sign(&self, input: SignInput<'_>) -> Result<Signed, SignError> {
        let bare = Signed {
            headers: input.headers.clone(),
            target: input.target.to_owned(),
            body: input.body.to_vec(),
        };
        // What chooses the variant may be among what is written: where nothing chooses, it is the dialect itself.
        let lines = bare.lines();
        let chosen = self.choose(&bare.request(&lines, &input)).map(|(_, program)| program);
        let program = chosen.or(self.variants.last()).ok_or(SignError::Unrecognised)?;
        let parts = Parts::new(program, &input);
        let dated = parts.write(program, bare, &input)?;
        // The string to sign may name places that only a signed request has: sign one with an empty signature first.
        let blank = encode(&program.encoding, &program.blank()).ok_or(SignError::NotWritable("signature"))?;
        let draft = parts.write_signature(program, dated.clone(), &input, &blank)?;
        let made = {
            let lines = draft.lines();
            let request = draft.request(&lines, &input);
            let claim = self.read_back(program, &request)?;
            self.check_secret(input.secret).map_err(SignError::Secret)?;
            let key = self.prepare(input.secret);
            let program = self.program(&claim).ok_or(SignError::Unrecognised)?;
            sign_claim(program, &claim, &request, &key).map_err(SignError::Unsignable)?
        };
        let made = made.ok_or(SignError::PrivateKey)?;
        let signature = encode(&program.encoding, &made).ok_or(SignError::NotWritable("signature"))?;
        let signed = parts.write_signature(program, dated, &input, &signature)?;
        let lines = signed.lines();
        self.keep_checks(program, &signed.request(&lines, &input), input.secret)?;
        Ok(signed)
    }

    /// What a server reads of a signed request.
    fn read_back<'r>(&self, program: &Program, request: &'r Request<'r>) -> Result<Claim<'r>, SignError> {
        match self.read(request) {
            Reading::Presented(claim) => Ok(claim),
            Reading::Malformed { why, .. } => Err(SignError::Misread { part: why.part, flaw: why.flaw }),
            Reading::NotPresented | Reading::OnlyKeyId(_) | Reading::Incomplete { .. } => {
                let scope = Scope::new(program, request, &[], None, b"");
                let unmet = program.when.iter().find(|condition| !condition.holds(&scope));
                Err(unmet.map_or(SignError::Unrecognised, |condition| SignError::Unmet {
                    subject: told::slot(program, &condition.subject),
                    expression: condition.written.to_string(),
                }))
            }
        }
    }

    /// Whether the checks hold for a signed request.
    fn keep_checks(&self, program: &Program, request: &Request<'_>, secret: &[u8]) -> Result<(), SignError> {
        let claim = self.read_back(program, request)?;
        let program = self.program(&claim).ok_or(SignError::Unrecognised)?;
        let scope = Scope::new(program, request, &claim.groups, Some(&claim), secret);
        let broken = program.checks.iter().find(|check| holds(check, &scope).is_err());
        let Some(check) = broken else { return Ok(()) };
        let [left, right] = &check.sides;
        let absent = [(left, right), (right, left)].into_iter().find_map(|(side, other)| {
            let header = side
                .slots()
                .find_map(|slot| if let Source::Header(name) = &slot.source { Some(name) } else { None });
            let header = header.filter(|name| !request.headers.contains(name.as_str()))?;
            Some(SignError::NotWritten {
                check: check.name.to_string(),
                header: header.to_string(),
                should_be: told::template(program, other),
            })
        });
        Err(absent.unwrap_or_else(|| SignError::Check(check.name.to_string())))
    }
}

impl Program {
    /// What a signature is while it is not known yet: as many bytes, so that it looks like one.
    fn blank(&self) -> Vec<u8> {
        let len = match self.algorithms.list.first() {
            Some(Algorithm::Hmac(hash) | Algorithm::Hash(hash)) => hash.len(),
            Some(Algorithm::Plain | Algorithm::Public(_)) | None => MAX_DIGEST,
        };
        vec![b'0'; len]
    }
}

/// The fields that a signed request will have.
struct Parts {
    key_id: String,
    timestamp: String,
    nonce: Vec<u8>,
    expires: String,
}

impl Parts {
    fn new(program: &Program, input: &SignInput<'_>) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        if program.nonce.is_some() {
            input.entropy.fill(&mut nonce);
        }
        Self {
            key_id: input.key_id.to_owned(),
            timestamp: program.time.write(input.now),
            nonce: Codec::Hex.encode(&nonce),
            expires: program.time.write(input.now.plus(SIGNED_FOR)),
        }
    }

    /// Writes everything but the signature.
    fn write(
        &self,
        program: &Program,
        mut signed: Signed,
        input: &SignInput<'_>,
    ) -> Result<Signed, SignError> {
        let number = if program.time.is_number() { Written::Number } else { Written::Text };
        let fields = [
            (&program.key_id, self.key_id.as_bytes(), Written::Text, "key_id"),
            (&program.timestamp, self.timestamp.as_bytes(), number, "timestamp"),
            (&program.nonce, &self.nonce, Written::Text, "nonce"),
            (&program.expires, self.expires.as_bytes(), number, "expires"),
        ];
        for (template, value, written, what) in fields {
            if let Some(template) = template {
                signed.place(program, template, value, written, what)?;
            }
        }
        let without = program.sign.iter().filter(|written| !written.with_signature);
        self.fill(program, signed, input, b"", without)
    }

    /// Writes the signature.
    fn write_signature(
        &self,
        program: &Program,
        mut signed: Signed,
        input: &SignInput<'_>,
        signature: &[u8],
    ) -> Result<Signed, SignError> {
        for template in &program.signature {
            signed.place(program, template, signature, Written::Text, "signature")?;
        }
        let with = program.sign.iter().filter(|written| written.with_signature);
        self.fill(program, signed, input, signature, with)
    }

    /// Writes what the dialect says a client writes.
    fn fill<'p>(
        &self,
        program: &Program,
        mut signed: Signed,
        input: &SignInput<'_>,
        signature: &[u8],
        places: impl Iterator<Item = &'p ToWrite>,
    ) -> Result<Signed, SignError> {
        const WHAT: &str = "sign";
        for ToWrite { slot: place, text, .. } in places {
            let value = {
                let stamp =
                    |text: &'_ str| Some(Stamp { text: Cow::Owned(text.as_bytes().to_vec()), at: input.now });
                let claim = Claim {
                    key_id: Cow::Borrowed(self.key_id.as_str()),
                    timestamp: stamp(&self.timestamp),
                    nonce: Some(Cow::Borrowed(self.nonce.as_slice())),
                    expires: stamp(&self.expires),
                    past: None,
                    signature: Signatures::One(Cow::Borrowed(signature)),
                    groups: Vec::new(),
                    variant: 0,
                };
                let lines = signed.lines();
                let request = signed.request(&lines, input);
                let mut scope = Scope::new(program, &request, &[], Some(&claim), input.secret);
                scope.signature = signature;
                let made =
                    scope.bytes(text).map_err(|flaw| SignError::Unsignable(Mismatch::Unreadable(flaw)))?;
                made.into_cow().into_owned()
            };
            signed.slot(program, place, &value, Written::Text, WHAT)?;
        }
        Ok(signed)
    }
}

/// How a value is written into JSON.
#[derive(Clone, Copy)]
enum Written {
    Text,
    Number,
}

impl Signed {
    /// The headers, for a request that is read.
    fn lines(&self) -> HeaderList {
        self.headers.iter().collect()
    }

    fn request<'a>(&'a self, lines: &'a HeaderList, input: &SignInput<'a>) -> Request<'a> {
        Request {
            method: input.method,
            scheme: input.scheme,
            host: input.host,
            target: &self.target,
            headers: lines.view(),
            body: Some(&self.body),
        }
    }

    /// Writes a value where a template reads it, unless the dialect says itself what a client writes there.
    fn place(
        &mut self,
        program: &Program,
        template: &Template,
        value: &[u8],
        written: Written,
        what: &'static str,
    ) -> Result<(), SignError> {
        match &*template.pieces {
            [Piece::Slot(slot)] if slot.filters.is_empty() && slot.is_place() => {
                if program.sign.iter().any(|written| written.slot.source == slot.source) {
                    return Ok(());
                }
                self.slot(program, slot, value, written, what)
            }
            // A fixed text is there without being written.
            pieces if !pieces.iter().any(|piece| matches!(piece, Piece::Slot(_))) => Ok(()),
            _ if !program.sign.is_empty() => Ok(()),
            _ => Err(SignError::NoPlace(what)),
        }
    }

    fn slot(
        &mut self,
        program: &Program,
        slot: &Slot,
        value: &[u8],
        written: Written,
        what: &'static str,
    ) -> Result<(), SignError> {
        if self.holds(program, slot, value, what)? {
            return Ok(());
        }
        match &slot.source {
            Source::Header(name) => self.header(name, value, what),
            Source::Query(name) => {
                self.target.push(if self.target.contains('?') { '&' } else { '?' });
                let pair = pair(name, value);
                self.target.push_str(&pair);
                Ok(())
            }
            Source::Form(name) => {
                if !self.body.is_empty() {
                    self.body.push(b'&');
                }
                self.body.extend_from_slice(pair(name, value).as_bytes());
                Ok(())
            }
            Source::Json(leaf) => match program.json.name_of(*leaf) {
                Some(name) => self.member(name, value, written, what),
                None => Err(SignError::NoPlace(what)),
            },
            Source::Path => {
                let query = self.target.find('?').map(|at| self.target.split_off(at)).unwrap_or_default();
                self.target = String::from_utf8(value.to_vec()).map_err(|_| SignError::NotWritable(what))?;
                self.target.push_str(&query);
                Ok(())
            }
            Source::Text(_)
            | Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::RawQuery
            | Source::Target
            | Source::Url
            | Source::Body
            | Source::Secret
            | Source::List(_)
            | Source::Field(_)
            | Source::Signature
            | Source::Group(_)
            | Source::Let(_) => Err(SignError::NoPlace(what)),
        }
    }

    /// Whether the request says this value already where it is to be written. Another value there is an error; the path is not, since a
    /// client has no other.
    fn holds(
        &self,
        program: &Program,
        slot: &Slot,
        value: &[u8],
        what: &'static str,
    ) -> Result<bool, SignError> {
        if !slot.is_place() {
            return Ok(false);
        }
        let place = Slot { source: slot.source.clone(), filters: Box::default() };
        let lines = self.lines();
        let request = Request {
            method: "",
            scheme: "",
            host: "",
            target: &self.target,
            headers: lines.view(),
            body: Some(&self.body),
        };
        match Scope::new(program, &request, &[], None, b"").value(&place) {
            Ok(Value::Text(there)) if there.as_slice().is_empty() => Ok(false),
            Ok(Value::Text(there)) if there.as_slice() == value => Ok(true),
            Ok(Value::Text(_) | Value::List(_)) | Err(Flaw::Twice) => Err(SignError::AlreadyThere(what)),
            // What is wrong with the body is told when it is written into.
            Err(_) => Ok(false),
        }
    }

    fn header(&mut self, name: &HeaderName, value: &[u8], what: &'static str) -> Result<(), SignError> {
        let mut value = HeaderValue::from_bytes(value).map_err(|_| SignError::NotWritable(what))?;
        value.set_sensitive(what == "signature");
        match self.headers.entry(name) {
            HeaderEntry::Occupied(_) => Err(SignError::AlreadyThere(what)),
            HeaderEntry::Vacant(vacant) => {
                vacant.insert(value);
                Ok(())
            }
        }
    }

    /// Adds a member at the end of the JSON object that the body is; an empty body is an empty object.
    fn member(
        &mut self,
        name: &str,
        value: &[u8],
        written: Written,
        what: &'static str,
    ) -> Result<(), SignError> {
        if self.body.is_empty() {
            self.body.extend_from_slice(b"{}");
        }
        let object = self.body.trim_ascii_end().strip_suffix(b"}").ok_or(SignError::NoObject(what))?;
        let first = object.trim_ascii() == b"{";
        let end = object.len();
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).map_err(|_| SignError::NotWritable(what))?;
        let value = match written {
            Written::Number if digits => text.to_owned(),
            Written::Number | Written::Text => quote(text),
        };
        self.body.truncate(end);
        let comma = if first { "" } else { "," };
        self.body.extend_from_slice(format!("{comma}{}:{value}}}", quote(name)).as_bytes());
        Ok(())
    }
}

impl Slot {
    /// Whether something can be written here.
    fn is_place(&self) -> bool {
        matches!(self.source, Source::Header(_) | Source::Query(_) | Source::Form(_) | Source::Json(_))
    }
}

/// `name=value`, what must be escaped escaped (RFC 3986 section 2.3).
fn pair(name: &str, value: &[u8]) -> String {
    let escaped = |bytes: &[u8]| String::from_utf8_lossy(&escape(bytes, b"-._~", false)).into_owned();
    format!("{}={}", escaped(name.as_bytes()), escaped(value))
}
