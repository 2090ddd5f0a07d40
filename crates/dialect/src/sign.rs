//! Signing as a client of a dialect does.

use std::time::Duration;

use countersign_model::{Entropy, UnixTime};
use http::header::{Entry as HeaderEntry, HeaderMap, HeaderName, HeaderValue};

use crate::claim::Reading;
use crate::codec::Codec;
use crate::program::{Piece, Program, Slot, Source, Template};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::verify::{Mismatch, UnusableSecret, sign_claim};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The dialect reads this from a place that cannot be worked out backwards.
    #[error("the dialect does not say how a client writes `{0}`")]
    NoPlace(&'static str),
    /// The request holds it already.
    #[error("the request has its own `{0}` already")]
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
    /// What is to be signed cannot be put together.
    #[error("what is to be signed cannot be put together")]
    Unsignable(#[source] Mismatch),
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
        let (_, program) = self.choose(&bare.request(&input)).ok_or(SignError::Unrecognised)?;
        let dated = program.dated(bare, &input)?;
        // The string to sign may name places that only a signed request has: sign one with an empty signature first.
        let blank = encode(&program.encoding, &[0]);
        let mut draft = dated.clone();
        for template in &program.signature {
            draft.place(program, template, &blank, Written::Text, "signature")?;
        }
        let made = {
            let request = draft.request(&input);
            let Reading::Presented(claim) = self.read(&request) else { return Err(SignError::Unrecognised) };
            self.check_secret(input.secret).map_err(SignError::Secret)?;
            let key = self.prepare(input.secret);
            sign_claim(program, &claim, &request, &key).map_err(SignError::Unsignable)?
        };
        let signature = encode(&program.encoding, made.bytes());
        let mut signed = dated;
        for template in &program.signature {
            signed.place(program, template, &signature, Written::Text, "signature")?;
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

impl Program {
    /// Writes everything but the signature.
    fn dated(&self, mut signed: Signed, input: &SignInput<'_>) -> Result<Signed, SignError> {
        if let Some(template) = &self.key_id {
            signed.place(self, template, input.key_id.as_bytes(), Written::Text, "key_id")?;
        }
        if let Some(template) = &self.timestamp {
            let now = self.time.write(input.now);
            signed.place(self, template, now.as_bytes(), Written::Number, "timestamp")?;
        }
        if let Some(template) = &self.nonce {
            let mut nonce = [0; NONCE_BYTES];
            input.entropy.fill(&mut nonce);
            signed.place(self, template, &Codec::Hex.encode(&nonce), Written::Text, "nonce")?;
        }
        if let Some(template) = &self.expires {
            let end = input.now.plus(SIGNED_FOR);
            signed.place(self, template, self.time.write(end).as_bytes(), Written::Number, "expires")?;
        }
        Ok(signed)
    }
}

impl Signed {
    fn request<'a>(&'a self, input: &SignInput<'a>) -> Request<'a> {
        Request {
            method: input.method,
            scheme: input.scheme,
            host: input.host,
            target: &self.target,
            headers: &self.headers,
            body: Some(&self.body),
        }
    }

    /// Writes a value where a template reads it.
    fn place(
        &mut self,
        program: &Program,
        template: &Template,
        value: &[u8],
        written: Written,
        what: &'static str,
    ) -> Result<(), SignError> {
        let [Piece::Slot(Slot { source, filters })] = &*template.0 else {
            // A fixed text is there without being written.
            let fixed = !template.0.iter().any(|piece| matches!(piece, Piece::Slot(_)));
            return if fixed { Ok(()) } else { Err(SignError::NoPlace(what)) };
        };
        if !filters.is_empty() {
            return Err(SignError::NoPlace(what));
        }
        match source {
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
            Source::Text(_)
            | Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Path
            | Source::RawQuery
            | Source::Target
            | Source::Url
            | Source::Body
            | Source::Secret
            | Source::List(_)
            | Source::Field(_)
            | Source::Group(_)
            | Source::Let(_) => Err(SignError::NoPlace(what)),
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

fn encode(encoding: &[Codec], bytes: &[u8]) -> Vec<u8> {
    encoding.iter().fold(bytes.to_vec(), |bytes, codec| codec.encode(&bytes))
}

/// `name=value`, what must be escaped escaped.
fn pair(name: &str, value: &[u8]) -> String {
    format!("{}={}", escape(name.as_bytes()), escape(value))
}

/// Percent-escapes all but the unreserved characters of RFC 3986 section 2.3.
fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// A JSON string.
fn quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
