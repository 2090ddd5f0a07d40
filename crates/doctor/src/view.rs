//! A request as the client may have seen it when it signed.

use std::borrow::Cow;

use countersign_dialect::{Claim, NewPiece, Part, Request, Seen, Step, WhatIf, Whole};
use countersign_model::{HeaderList, Headers, Secret};
use http::{HeaderName, HeaderValue};

/// One thing that a client may have signed in another way than it sent it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Method(String),
    Scheme(&'static str),
    Host(String),
    Target(String),
    Body(Vec<u8>),
    Header(HeaderName, HeaderValue),
    /// What the client said in a part, in other words, wherever a header or the query has the same.
    Words(Part, Vec<u8>),
    /// One part of the request in another's place.
    Source(Whole, Whole),
    /// A text of the dialect put together in another way.
    Pieces(Step, Vec<NewPiece>),
    /// Another secret in the text.
    Secret(OwnSecret),
}

/// A secret inside a change: it prints nothing.
#[derive(Clone, Debug)]
pub(crate) struct OwnSecret(pub(crate) Secret<Vec<u8>>);

/// Changes that can be made together are on different axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Method,
    Host,
    Target,
    Body,
    Header,
    Words,
    Source,
    Pieces,
    Secret,
}

impl Change {
    pub(crate) fn axis(&self) -> Axis {
        match self {
            Self::Method(_) => Axis::Method,
            Self::Scheme(_) | Self::Host(_) => Axis::Host,
            Self::Target(_) => Axis::Target,
            Self::Body(_) => Axis::Body,
            Self::Header(..) => Axis::Header,
            Self::Words(..) => Axis::Words,
            Self::Source(..) => Axis::Source,
            Self::Pieces(..) => Axis::Pieces,
            Self::Secret(_) => Axis::Secret,
        }
    }
}

/// What is being examined.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) claim: &'a Claim<'a>,
    pub(crate) request: &'a Request<'a>,
    pub(crate) secret: &'a Secret<Vec<u8>>,
    pub(crate) what_if: &'a WhatIf<'a>,
}

impl<'a> Scene<'a> {
    pub(crate) fn seen(&self) -> Seen<'a, 'a> {
        Seen { claim: self.claim, request: self.request, secret: self.secret.expose() }
    }

    /// The string to sign after these changes. `None` where it cannot be put together, or a change has no place.
    pub(crate) fn text(&self, changes: &[&Change]) -> Option<Secret<Vec<u8>>> {
        self.with(changes, |what_if, seen| what_if.text(&seen)).flatten()
    }

    /// The checks that do not hold after these changes.
    pub(crate) fn broken_checks(&self, changes: &[&Change]) -> Option<Vec<String>> {
        self.with(changes, |what_if, seen| what_if.broken_checks(&seen))
    }

    fn with<T>(&self, changes: &[&Change], then: impl FnOnce(&WhatIf<'_>, Seen<'_, '_>) -> T) -> Option<T> {
        let Request { method, scheme, host, target, headers, body } = *self.request;
        let mut view = View {
            method: Cow::Borrowed(method),
            scheme,
            host: Cow::Borrowed(host),
            target: Cow::Borrowed(target),
            sent: headers,
            headers: None,
            body: body.map(Cow::Borrowed),
            words: None,
            secret: self.secret,
        };
        let mut what_if = Cow::Borrowed(self.what_if);
        for change in changes {
            match change {
                Change::Method(method) => view.method = Cow::Borrowed(method),
                Change::Scheme(scheme) => view.scheme = scheme,
                Change::Host(host) => {
                    view.host = Cow::Borrowed(host);
                    if let Ok(value) = HeaderValue::from_str(host) {
                        view.set(http::header::HOST.as_str(), &value);
                    }
                }
                Change::Target(target) => view.target = Cow::Borrowed(target),
                Change::Body(body) => view.body = Some(Cow::Borrowed(body)),
                Change::Header(name, value) => view.set(name.as_str(), value),
                Change::Words(part, words) => {
                    view.words = Some((*part, words));
                    view.reword(self.claim.sent(*part)?, words);
                }
                Change::Source(part, instead) => {
                    what_if = Cow::Owned(what_if.with_source(part, instead)?);
                }
                Change::Pieces(step, pieces) => what_if = Cow::Owned(what_if.with_pieces(step, pieces)?),
                Change::Secret(OwnSecret(secret)) => view.secret = secret,
            }
        }
        Some(view.show(self.claim, |seen| then(&what_if, seen)))
    }
}

struct View<'c> {
    method: Cow<'c, str>,
    scheme: &'c str,
    host: Cow<'c, str>,
    target: Cow<'c, str>,
    sent: Headers<'c>,
    /// Where they are others than were sent.
    headers: Option<HeaderList>,
    body: Option<Cow<'c, [u8]>>,
    words: Option<(Part, &'c [u8])>,
    secret: &'c Secret<Vec<u8>>,
}

impl View<'_> {
    fn headers(&self) -> Headers<'_> {
        self.headers.as_ref().map_or(self.sent, HeaderList::view)
    }

    fn set(&mut self, name: &str, value: &HeaderValue) {
        self.headers.get_or_insert_with(|| self.sent.into()).set(name, value);
    }

    /// Puts other words where a header or a parameter of the query says the old ones.
    fn reword(&mut self, old: &[u8], new: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(new) {
            let said = self.headers().iter().filter(|header| header.value == old);
            let names: Vec<String> = said.map(|header| header.name_str().to_owned()).collect();
            for name in names {
                self.set(&name, &value);
            }
        }
        let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else { return };
        let Some((path, query)) = self.target.split_once('?') else { return };
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) if value == old => format!("{name}={new}"),
            Some(_) | None => pair.to_owned(),
        });
        let target = format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"));
        self.target = Cow::Owned(target);
    }

    fn show<T>(&self, claim: &Claim<'_>, then: impl FnOnce(Seen<'_, '_>) -> T) -> T {
        let request = Request {
            method: &self.method,
            scheme: self.scheme,
            host: &self.host,
            target: &self.target,
            headers: self.headers(),
            body: self.body.as_deref(),
        };
        let secret = self.secret.expose();
        match self.words {
            None => then(Seen { claim, request: &request, secret }),
            Some((part, words)) => {
                let claim = claim.reworded(part, words);
                then(Seen { claim: &claim, request: &request, secret })
            }
        }
    }
}
