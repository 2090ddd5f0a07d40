//! A whole answer.

use http::Response;

use crate::AnswerHead;

/// An answer: its head as it is sent, and its body.
#[derive(Clone, Debug)]
pub struct Answered<B> {
    /// The head.
    pub head: AnswerHead,
    /// The body.
    pub body: B,
}

impl<B> Answered<B> {
    /// The same with another body.
    pub fn map<C>(self, body: impl FnOnce(B) -> C) -> Answered<C> {
        Answered { head: self.head, body: body(self.body) }
    }
}

/// Of the extensions, the [`crate::Reason`] is taken over.
impl<B> From<Response<B>> for Answered<B> {
    fn from(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self { head: AnswerHead::from(parts), body }
    }
}

/// What is said of the connection is left out: that is for who writes to it. A [`crate::Reason`] is among the extensions.
impl<B> From<Answered<B>> for Response<B> {
    fn from(Answered { head, body }: Answered<B>) -> Self {
        let mut response = Self::new(body);
        head.put_into(&mut response);
        response
    }
}
