//! Templates filled in from one request.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use crate::claim::{Claim, Flaw};
use crate::filter::{self, Filter};
use crate::hash::{Digest, Hash};
use crate::json::{self, Found, Kind as JsonKind, Unreadable};
use crate::pairs;
use crate::program::{Field, Let, ListSource, Piece, Program, Slot, Source, Template};
use crate::request::Request;
use crate::sink::{Digester, Gather, Sink};
use crate::value::{Bytes, List, Value};

/// A step that has been worked out, or not yet.
type Kept<'v> = OnceCell<Result<Value<'v>, Flaw>>;

/// A digest that is known already, by what templates call it.
pub(crate) struct Digested<'p> {
    pub(crate) hash: Hash,
    pub(crate) source: &'p Source,
    pub(crate) digest: Digest,
}

/// What templates may look at while one request is read or verified.
pub(crate) struct Scope<'p, 'v> {
    pub(crate) program: &'p Program,
    pub(crate) request: &'p Request<'v>,
    /// What the groups of `match` caught.
    pub(crate) groups: &'p [Cow<'v, [u8]>],
    /// The fields, once they are read.
    pub(crate) claim: Option<&'p Claim<'v>>,
    pub(crate) secret: &'v [u8],
    /// The signature, while it is being written into a request.
    pub(crate) signature: &'v [u8],
    json: OnceCell<Result<Found<'v>, Flaw>>,
    steps: OnceCell<Box<[Kept<'v>]>>,
    /// What was digested while the body came.
    pub(crate) digested: &'p [Digested<'p>],
    /// The part of the request that last turned out to be unreadable.
    pub(crate) body_at_fault: Cell<bool>,
}

impl<'p, 'v> Scope<'p, 'v> {
    pub(crate) fn new(
        program: &'p Program,
        request: &'p Request<'v>,
        groups: &'p [Cow<'v, [u8]>],
        claim: Option<&'p Claim<'v>>,
        secret: &'v [u8],
    ) -> Self {
        Self {
            program,
            request,
            groups,
            claim,
            secret,
            signature: b"",
            json: OnceCell::new(),
            steps: OnceCell::new(),
            digested: &[],
            body_at_fault: Cell::new(false),
        }
    }

    /// Fills in a template and passes it on piece by piece.
    pub(crate) fn put<S: Sink>(&self, template: &Template, sink: &mut S) -> Result<(), Flaw> {
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => sink.put(text),
                Piece::Slot(slot) => self.put_slot(slot, sink)?,
            }
        }
        Ok(())
    }

    /// Fills in a template and gives what it borrows, if it is one part of the request and nothing else.
    pub(crate) fn cow(&self, template: &Template) -> Result<Cow<'v, [u8]>, Flaw> {
        if let [Piece::Slot(Slot { source, filters })] = &*template.pieces
            && filters.is_empty()
        {
            if let Some(part) = self.part(source) {
                return part.map(Cow::Borrowed);
            }
            if let Source::Json(leaf) = source {
                return self.json(*leaf).map(Bytes::into_cow);
            }
        }
        self.bytes(template).map(Bytes::into_cow)
    }

    /// Fills in a template. What is one slot and nothing else stays borrowed.
    pub(crate) fn bytes(&self, template: &Template) -> Result<Bytes<'v>, Flaw> {
        match &*template.pieces {
            [] => Ok(Bytes::EMPTY),
            [Piece::Slot(slot)] => self.text(slot),
            _ => {
                let mut whole = Vec::new();
                self.put(template, &mut whole)?;
                Ok(Bytes::Owned(whole))
            }
        }
    }

    /// The text of a slot that is no list.
    pub(crate) fn text(&self, slot: &Slot) -> Result<Bytes<'v>, Flaw> {
        match self.value(slot)? {
            Value::Text(bytes) => Ok(bytes),
            Value::List(_) => Ok(Bytes::EMPTY),
        }
    }

    /// The value of a slot.
    pub(crate) fn value(&self, slot: &Slot) -> Result<Value<'v>, Flaw> {
        let (mut value, rest) = match slot.filters.split_first() {
            // A hash takes its input piece by piece: the whole is never put together.
            Some((Filter::Hash(hash), rest)) if !self.is_list(&slot.source) => {
                (Value::Text(self.hashed(*hash, &slot.source)?), rest)
            }
            // A member of a list that is kept: the list stays where it is.
            Some((Filter::At(name), rest))
                if let Source::Let(at) = &slot.source
                    && let Some(Ok(Value::List(list))) = self.kept(*at) =>
            {
                (filter::at(list, name).map(Value::Text)?, rest)
            }
            Some((Filter::All(name), rest))
                if let Source::Let(at) = &slot.source
                    && let Some(Ok(Value::List(list))) = self.kept(*at) =>
            {
                let named = list.iter().filter(|(known, _)| **known == **name);
                (Value::List(named.cloned().collect()), rest)
            }
            Some(_) if let Some(place) = filter::place_of_pick(&slot.filters) => {
                let rest = slot.filters.get(place + 1..).unwrap_or_default();
                (Value::List(self.picked(slot, place)?), rest)
            }
            _ => (self.source(&slot.source)?, &*slot.filters),
        };
        for filter in rest {
            value = filter.apply(value, self)?;
        }
        Ok(value)
    }

    /// Whether it is a list, each value of which a filter for texts changes.
    fn is_list(&self, source: &Source) -> bool {
        match source {
            Source::List(_) => true,
            Source::Let(at) => self.program.lets.get(*at).is_some_and(|step| step.template.is_list),
            Source::Text(_)
            | Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::Path
            | Source::RawQuery
            | Source::Target
            | Source::Url
            | Source::Body
            | Source::Secret
            | Source::Header(_)
            | Source::Query(_)
            | Source::Form(_)
            | Source::Json(_)
            | Source::Field(_)
            | Source::Signature
            | Source::Group(_) => false,
        }
    }

    fn hashed(&self, hash: Hash, source: &Source) -> Result<Bytes<'v>, Flaw> {
        if let Some(known) = self.digested.iter().find(|known| known.hash == hash && known.source == source) {
            return Ok(Bytes::Digest(known.digest));
        }
        let mut gather = Gather::new(Digester::Hash(hash));
        self.put_source(source, &mut gather)?;
        Ok(Bytes::Digest(gather.finish()))
    }

    #[inline]
    fn put_slot<S: Sink>(&self, slot: &Slot, sink: &mut S) -> Result<(), Flaw> {
        if slot.filters.is_empty() {
            return self.put_source(&slot.source, sink);
        }
        if let Value::Text(bytes) = self.value(slot)? {
            sink.put(bytes.as_slice());
        }
        Ok(())
    }

    fn put_source<S: Sink>(&self, source: &Source, sink: &mut S) -> Result<(), Flaw> {
        if let Some(bytes) = self.borrowed(source) {
            sink.put(bytes?);
            return Ok(());
        }
        match source {
            Source::Let(at) => match self.program.lets.get(*at) {
                Some(step) if !step.shared => self.put(&step.template, sink),
                Some(_) | None => {
                    if let Some(Ok(Value::Text(bytes))) = self.kept(*at) {
                        sink.put(bytes.as_slice());
                        return Ok(());
                    }
                    self.step(*at).map(|_list| ())
                }
            },
            Source::Url => {
                for part in [self.request.scheme, "://", self.request.host, self.request.target] {
                    sink.put(part.as_bytes());
                }
                Ok(())
            }
            source => {
                if let Value::Text(bytes) = self.source(source)? {
                    sink.put(bytes.as_slice());
                }
                Ok(())
            }
        }
    }

    /// What can be had of a source without copying anything; `None` where there is more to it.
    #[inline]
    fn borrowed(&self, source: &Source) -> Option<Result<&[u8], Flaw>> {
        let text = match source {
            Source::Field(Field::KeyId) => self.claim?.key_id.as_bytes(),
            Source::Field(Field::Timestamp) => &self.claim?.timestamp.as_ref()?.text,
            Source::Field(Field::Nonce) => self.claim?.nonce.as_deref()?,
            Source::Field(Field::Expires) => &self.claim?.expires.as_ref()?.text,
            Source::Group(at) => self.groups.get(*at)?,
            source => return self.part(source),
        };
        Some(Ok(text))
    }

    /// What a slot borrows, if it is one part of the request and nothing else.
    pub(crate) fn part_of(&self, slot: &Slot) -> Option<Result<&'v [u8], Flaw>> {
        if slot.filters.is_empty() { self.part(&slot.source) } else { None }
    }

    /// A source that is a part of the request as it stands.
    #[inline]
    fn part(&self, source: &Source) -> Option<Result<&'v [u8], Flaw>> {
        let request = self.request;
        let text = match source {
            Source::Method => request.method,
            Source::Scheme => request.scheme,
            Source::Host => request.host,
            Source::Hostname => request.hostname(),
            Source::Port => request.port(),
            Source::Path => request.path(),
            Source::RawQuery => request.query().unwrap_or(""),
            Source::Target => request.target,
            Source::Body => return Some(self.body()),
            Source::Secret => return Some(Ok(self.secret)),
            Source::Header(name) => return Some(self.header(name)),
            Source::Text(_)
            | Source::Url
            | Source::Query(_)
            | Source::Form(_)
            | Source::Json(_)
            | Source::List(_)
            | Source::Field(_)
            | Source::Signature
            | Source::Group(_)
            | Source::Let(_) => return None,
        };
        Some(Ok(text.as_bytes()))
    }

    pub(crate) fn source(&self, source: &Source) -> Result<Value<'v>, Flaw> {
        if let Some(part) = self.part(source) {
            return Ok(Value::Text(Bytes::Borrowed(part?)));
        }
        let request = self.request;
        match source {
            Source::Text(bytes) => Ok(Value::Text(Bytes::Owned(bytes.to_vec()))),
            Source::Url => {
                let mut url = Vec::new();
                self.put_source(source, &mut url)?;
                Ok(Value::Text(Bytes::Owned(url)))
            }
            Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::Path
            | Source::RawQuery
            | Source::Target
            | Source::Body
            | Source::Secret
            | Source::Header(_) => Ok(Value::Text(Bytes::EMPTY)),
            Source::Query(name) => {
                pairs::find(request.query().unwrap_or("").as_bytes(), name.as_bytes()).map(Value::Text)
            }
            Source::Form(name) => pairs::find(self.body()?, name.as_bytes()).map(Value::Text),
            Source::Json(leaf) => self.json(*leaf).map(Value::Text),
            Source::List(list) => self.list(*list).map(Value::List),
            Source::Field(field) => self.field(*field).map(Value::Text),
            Source::Signature => Ok(Value::Text(Bytes::Borrowed(self.signature))),
            Source::Group(at) => {
                Ok(Value::Text(self.groups.get(*at).cloned().map_or(Bytes::EMPTY, Bytes::from)))
            }
            Source::Let(at) => self.step(*at),
        }
    }

    /// A step: worked out once, where it is named more than once.
    fn step(&self, at: usize) -> Result<Value<'v>, Flaw> {
        match (self.kept(at), self.program.lets.get(at)) {
            (Some(kept), _) => kept.clone(),
            (None, Some(step)) => self.work_out(step),
            (None, None) => Ok(Value::Text(Bytes::EMPTY)),
        }
    }

    /// What a step that is named more than once gave; `None` for one that is not.
    fn kept(&self, at: usize) -> Option<&Result<Value<'v>, Flaw>> {
        let step = self.program.lets.get(at).filter(|step| step.shared)?;
        let kept = self.steps.get_or_init(|| self.program.lets.iter().map(|_| OnceCell::new()).collect());
        kept.get(at).map(|kept| kept.get_or_init(|| self.work_out(step)))
    }

    fn work_out(&self, step: &Let) -> Result<Value<'v>, Flaw> {
        match &*step.template.pieces {
            [Piece::Slot(slot)] => self.value(slot),
            _ => self.bytes(&step.template).map(Value::Text),
        }
    }

    fn field(&self, field: Field) -> Result<Bytes<'v>, Flaw> {
        let Some(claim) = self.claim else {
            return self.program.field(field).map_or(Ok(Bytes::EMPTY), |template| self.bytes(template));
        };
        let stamp = match field {
            Field::KeyId => return Ok(claim.key_id.clone().into()),
            Field::Nonce => return Ok(claim.nonce.clone().map_or(Bytes::EMPTY, Bytes::from)),
            Field::Timestamp => claim.timestamp.as_ref(),
            Field::Expires => claim.expires.as_ref(),
        };
        Ok(stamp.map_or(Bytes::EMPTY, |stamp| stamp.text.clone().into()))
    }

    fn body(&self) -> Result<&'v [u8], Flaw> {
        self.request.body.ok_or(Flaw::BodyUnread)
    }

    fn header(&self, name: &http::HeaderName) -> Result<&'v [u8], Flaw> {
        Ok(self.request.header(name)?.unwrap_or_default())
    }

    fn json(&self, leaf: usize) -> Result<Bytes<'v>, Flaw> {
        let found = match self.json.get_or_init(|| self.scan()) {
            Ok(found) => found,
            Err(flaw) => return Err(*flaw),
        };
        let Some(member) = found.get(leaf) else { return Ok(Bytes::EMPTY) };
        match member.kind {
            JsonKind::Plain | JsonKind::Number => Ok(Bytes::Borrowed(member.raw.as_bytes())),
            JsonKind::Escaped => member.text().map(Bytes::from).ok_or(Flaw::NotText),
            // What a client presents is a text or a number; a `null` key id is no missing one.
            JsonKind::True | JsonKind::False | JsonKind::Null | JsonKind::Object | JsonKind::Array => {
                let presented = self.claim.is_none();
                if presented {
                    Err(Flaw::NotText)
                } else {
                    member.text().map(Bytes::from).ok_or(Flaw::NotText)
                }
            }
        }
    }

    /// Scans the body. What does not even begin as an object or array holds no members: it is another kind of body.
    fn scan(&self) -> Result<Found<'v>, Flaw> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let body = self.body()?;
        let begins = body.trim_ascii_start().first();
        if !matches!(begins, Some(b'{' | b'[')) && !body.starts_with(BYTE_ORDER_MARK) {
            return Ok(Found::NOTHING);
        }
        json::scan(body, &self.program.json).map_err(|why| {
            self.body_at_fault.set(true);
            match why {
                Unreadable::NotJson => Flaw::NotJson,
                Unreadable::Twice => Flaw::Twice,
            }
        })
    }

    fn list(&self, list: ListSource) -> Result<List<'v>, Flaw> {
        let query = || self.request.query().unwrap_or("").as_bytes();
        Ok(match list {
            ListSource::Headers => self
                .request
                .headers
                .grouped()
                .map(|header| (Cow::Borrowed(header.name), Cow::Borrowed(header.value)))
                .collect(),
            ListSource::Query => pairs::decoded_list(query())?,
            ListSource::RawQuery => pairs::raw_list(query())?,
            ListSource::Form => pairs::decoded_list(self.body()?)?,
            ListSource::RawForm => pairs::raw_list(self.body()?)?,
            // No body at all is no member, as it is no pair of a form.
            ListSource::Json => match self.body()? {
                b"" => List::new(),
                body => members(json::entries(body)?),
            },
            ListSource::Secret => members(json::entries(self.secret)?),
        })
    }
}

fn members(entries: json::Entries<'_>) -> List<'_> {
    let bytes = |text| match text {
        Cow::Borrowed(text) => Cow::Borrowed(str::as_bytes(text)),
        Cow::Owned(text) => Cow::Owned(String::into_bytes(text)),
    };
    entries.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect()
}

#[cfg(test)]
mod tests {
    use countersign_model::{HeaderList, UnixTime};

    use crate::{Dialects, Reading, Request, Source};

    /// The string to sign of a request with the query `a=1&b=2`.
    fn signed(steps: &str, string_to_sign: &str) -> Vec<u8> {
        let text = format!(
            "[dialect.x]\n{steps}\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nstring_to_sign = \"{string_to_sign}\"\nalgorithm = 'hmac-sha256'"
        );
        let dialects = Dialects::load(&[Source { origin: "x".into(), text }]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        let headers = HeaderList::from_iter([("sig", "00")]);
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "api.example",
            target: "/?a=1&b=2",
            headers: headers.view(),
            body: Some(b""),
        };
        let Reading::Presented(claim) = recipe.read(&request) else { panic!("not presented") };
        assert!(recipe.fresh(&claim, UnixTime::from_secs(0)).is_ok());
        let key = recipe.prepare(b"secret");
        recipe.string_to_sign(&claim, &request, &key).unwrap().expose().clone()
    }

    #[test]
    fn the_values_of_a_list_are_hashed_one_by_one_also_where_a_step_names_it() {
        let plainly = signed("", "{query | sha256 | hex | values(',')}");
        assert_eq!(plainly.len(), 64 + 1 + 64);
        let step = "let.all = '{query | sort}'";
        assert_eq!(signed(step, "{all | sha256 | hex | values(',')}"), plainly);
        let twice = signed(step, "{all | sha256 | hex | values(',')}{all | values('')}");
        assert_eq!(twice, [&plainly[..], b"12"].concat());
    }
}
