//! Why bytes are not a request.

/// Why the bytes of a connection are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It begins as a TLS connection does.
    #[error("this port speaks HTTP without TLS")]
    NotHttp,
    /// Lines end with CR and LF, both (RFC 9112 section 2.2). A server that takes one alone sees lines where others see none.
    #[error("a line does not end with CR LF")]
    LineEnd,
    /// More empty lines before a request than the one that RFC 9112 section 2.2 has servers forgive.
    #[error("there are empty lines before the request")]
    EmptyLine,
    /// Not a method, a target and a version with one space between (RFC 9112 section 3).
    #[error("the request line is not a method, a target and a version")]
    RequestLine,
    /// A method that is no token, or longer than any that is registered.
    #[error("the method is not a token")]
    Method,
    /// `CONNECT` opens tunnels and `TRACE` shows others what a request holds; neither is passed on.
    #[error("this method is not passed on")]
    MethodNotAllowed,
    /// Neither a path, nor an absolute `http` URI of a plain host, nor `*` (RFC 9112 section 3.2).
    #[error("the request target is not a path")]
    Target,
    /// A byte that no URI may have (RFC 3986 section 2).
    #[error("the request target has a byte that must be escaped")]
    TargetByte,
    /// Targets have no fragment (RFC 9112 section 3.2); some servers cut it, others take it for a part of the path.
    #[error("the request target has a fragment")]
    Fragment,
    /// Longer than the limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    #[error("the version is neither HTTP/1.1 nor HTTP/1.0")]
    Version,
    /// A line without a name that is a token and ends with its colon (RFC 9112 section 5.1).
    #[error("a header's name is not a token that ends with a colon")]
    FieldName,
    /// A line that goes on with the value of the one before it (RFC 9112 section 5.2).
    #[error("a header is folded over two lines")]
    FieldFolded,
    /// A control character in a value (RFC 9110 section 5.5).
    #[error("a header's value has a control character")]
    FieldValue,
    /// A name that is read as another's by servers that fold names together, where the other says how long a request is
    /// or whom it is for: `Content_Length`.
    #[error("a header's name is a misspelling of one that frames the request")]
    Lookalike,
    /// More header lines than the limit.
    #[error("there are too many headers")]
    TooManyFields,
    /// A head longer than the limit.
    #[error("the head of the request is too large")]
    HeadTooLarge,
    /// A `Content-Length` that is not a plain number (RFC 9110 section 8.6).
    #[error("the content-length is not a number")]
    ContentLength,
    /// More than one `Content-Length`, even if they agree.
    #[error("the request has more than one content-length")]
    ContentLengthTwice,
    /// A `Transfer-Encoding` that is no list of codings, such as one with control characters or other bytes in it.
    #[error("the transfer-encoding is not a list of codings")]
    TransferEncoding,
    /// More than one `Transfer-Encoding`: some servers heed the first, some the last.
    #[error("the request has more than one transfer-encoding")]
    TransferEncodingTwice,
    /// A coding other than `chunked` alone (RFC 9112 section 6.1).
    #[error("the only transfer coding that is understood is chunked")]
    TransferCoding,
    /// A `Transfer-Encoding` in HTTP/1.0, which has none (RFC 9112 section 6.1).
    #[error("HTTP/1.0 has no transfer-encoding")]
    TransferEncodingInOldVersion,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.3).
    #[error("the request has both a content-length and a transfer-encoding")]
    TwoLengths,
    /// A body of `GET` or `HEAD`, which means nothing (RFC 9110 section 9.3.1): servers that do not expect it take it for the
    /// next request.
    #[error("this method has no body")]
    BodyOfGet,
    /// The length of a chunk is not hexadecimal digits alone, 16 at most (RFC 9112 section 7.1).
    #[error("the size of a chunk is not a plain number")]
    ChunkSize,
    /// What follows it is not of the form of extensions, or longer than the limit (RFC 9112 section 7.1.1).
    #[error("the extension of a chunk is malformed or too long")]
    ChunkExtension,
    /// A chunk does not end where its length says.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// A trailer that is no header line, or too many of them (RFC 9112 section 7.1.2).
    #[error("the trailers are malformed or too long")]
    Trailer,
}

impl Refusal {
    /// The word for it in logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotHttp => "not_http",
            Self::LineEnd => "line_end",
            Self::EmptyLine => "empty_line",
            Self::RequestLine => "request_line",
            Self::Method => "method",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Target => "target",
            Self::TargetByte => "target_byte",
            Self::Fragment => "fragment",
            Self::TargetTooLong => "target_too_long",
            Self::Version => "version",
            Self::FieldName => "header_name",
            Self::FieldFolded => "header_folded",
            Self::FieldValue => "header_value",
            Self::Lookalike => "header_lookalike",
            Self::TooManyFields => "header_count",
            Self::HeadTooLarge => "header_bytes",
            Self::ContentLength => "content_length",
            Self::ContentLengthTwice => "content_length_twice",
            Self::TransferEncoding => "transfer_encoding",
            Self::TransferEncodingTwice => "transfer_encoding_twice",
            Self::TransferCoding => "transfer_coding",
            Self::TransferEncodingInOldVersion => "transfer_encoding_old",
            Self::TwoLengths => "two_lengths",
            Self::BodyOfGet => "body_of_get",
            Self::ChunkSize => "chunk_size",
            Self::ChunkExtension => "chunk_extension",
            Self::ChunkEnd => "chunk_end",
            Self::Trailer => "trailer",
        }
    }
}
