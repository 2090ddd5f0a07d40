//! How an exchange fails.

use std::io;

use countersign_framing::Refusal;

/// A request that had no response.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The connection could not be used. Nothing was sent, and nothing was taken of the request's body.
    #[error("nothing was sent")]
    Unsent(#[source] Lost),
    /// The connection ended before the head of a response.
    #[error("the connection was lost")]
    Lost(#[source] Lost),
    /// What came back is not a response, or none whose end is beyond doubt.
    #[error(transparent)]
    Garbled(Garbled),
    /// What came back is a response to something that was not asked.
    #[error(transparent)]
    Unexpected(Unexpected),
    /// The request's body failed while it was sent.
    #[error("the body of the request failed")]
    Send(#[source] SendFailure<E>),
}

/// Why a request's body was not sent whole. The connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure<E> {
    /// It failed.
    #[error("it broke off")]
    Body(#[source] E),
    /// It is not as long as was said.
    #[error("it is not as long as was said")]
    Length,
}

/// How a connection was lost.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The other side ended it.
    #[error("the other side closed it")]
    Ended,
    /// Something came that nobody had asked for.
    #[error("something came before a request was sent")]
    Unasked,
    /// The system said so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why what came back is not taken for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// Its first line is none of HTTP/1 (RFC 9112 section 4).
    #[error("its first line is not a status line")]
    StatusLine,
    /// A line ends with LF alone (RFC 9112 section 2.2): what another took for one line would be two.
    #[error("a line does not end with CR LF")]
    LineEnd,
    /// A header line has no plain name, or control characters in its value, or goes on in the next one (RFC 9112 section 5).
    #[error("a header line is malformed")]
    Field,
    /// It has more than [`super::MAX_FIELDS`] header lines.
    #[error("it has too many headers")]
    TooManyFields,
    /// Its head is longer than [`super::MAX_HEAD_BYTES`].
    #[error("its head is too long")]
    HeadTooLong,
    /// More than [`super::MAX_INTERIM`] interim responses came before it.
    #[error("too many interim responses came before it")]
    TooManyInterim,
    /// A `Content-Length` that is not a plain number (RFC 9110 section 8.6).
    #[error("its content-length is not a number")]
    ContentLength,
    /// More than one `Content-Length`, even if they agree.
    #[error("it has more than one content-length")]
    ContentLengthTwice,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.3).
    #[error("it has both a content-length and a transfer-encoding")]
    TwoLengths,
    /// A `Transfer-Encoding` in HTTP/1.0, which has none (RFC 9112 section 6.1).
    #[error("HTTP/1.0 has no transfer-encoding")]
    TransferEncodingInOldVersion,
    /// Its chunks are malformed (RFC 9112 section 7.1).
    #[error(transparent)]
    Chunks(Refusal),
}

/// Why a response cannot be taken though it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// 101 (RFC 9110 section 15.2.2).
    #[error("it switches protocols, which nobody asked for")]
    Upgrade,
    /// A coding that no `TE` named (RFC 9112 section 7.4).
    #[error("it has a transfer coding other than chunked")]
    TransferCoding,
}
