//! The content of a response, as it comes.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use countersign_framing::{Chunked, Step};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::failure::Garbled;
use super::head::trailers;
use super::told::Ending;

/// A response broke off before its end.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection ended before the response did.
    #[error("the connection ended before the response did")]
    Ended,
    /// Its framing is malformed.
    #[error("the response is malformed")]
    Garbled(#[source] Garbled),
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

/// How much of the content is still to come.
#[derive(Debug)]
pub(super) enum Content {
    Sized(u64),
    Chunked(Box<InChunks>),
    WithConnection,
    /// All of it came; these come after it.
    Trailers(HeaderMap),
    /// Nothing.
    Whole,
    /// Nobody knows.
    Broken,
}

/// Content in chunks.
#[derive(Debug, Default)]
pub(super) struct InChunks {
    chunked: Chunked,
    /// What framed it since the last data, which may be trailers. What the framing allows of those is limited.
    since_data: Vec<u8>,
}

/// What was found of it.
pub(super) enum Taken {
    Frame(Frame<Bytes>),
    /// More has to be read first.
    Nothing,
    End,
}

impl Content {
    pub(super) fn new(ending: Ending) -> Self {
        match ending {
            Ending::AtOnce => Self::Whole,
            Ending::Sized(length) => Self::Sized(length),
            Ending::Chunked => Self::Chunked(Box::default()),
            Ending::WithConnection => Self::WithConnection,
        }
    }

    /// Takes the next frame out of what was read.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Taken, Broken> {
        let data = match self {
            Self::Whole => return Ok(Taken::End),
            Self::Trailers(fields) => {
                let fields = std::mem::take(fields);
                *self = Self::Whole;
                return Ok(Taken::Frame(Frame::trailers(fields)));
            }
            Self::Broken => return Err(Broken::Ended),
            _ if input.is_empty() => return Ok(Taken::Nothing),
            Self::Sized(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= count as u64;
                if *left == 0 {
                    *self = Self::Whole;
                }
                input.split_to(count).freeze()
            }
            Self::WithConnection => input.split().freeze(),
            Self::Chunked(chunks) => match chunks.take(input) {
                Ok(InChunk::Data(data, None)) => data,
                Ok(InChunk::Data(data, Some(fields))) => {
                    *self = Self::after(fields);
                    data
                }
                Ok(InChunk::Nothing) => return Ok(Taken::Nothing),
                Ok(InChunk::Ended(fields)) => {
                    *self = Self::after(fields);
                    return self.take(input);
                }
                Err(why) => {
                    *self = Self::Broken;
                    return Err(Broken::Garbled(why));
                }
            },
        };
        Ok(Taken::Frame(Frame::data(data)))
    }

    /// The connection ended.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        match self {
            Self::WithConnection | Self::Whole => {
                *self = Self::Whole;
                Ok(())
            }
            Self::Sized(_) | Self::Chunked(_) | Self::Trailers(_) | Self::Broken => {
                *self = Self::Broken;
                Err(Broken::Ended)
            }
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Sized(left) => SizeHint::with_exact(*left),
            Self::Whole => SizeHint::with_exact(0),
            Self::Chunked(_) | Self::WithConnection | Self::Trailers(_) | Self::Broken => SizeHint::default(),
        }
    }

    fn after(fields: HeaderMap) -> Self {
        if fields.is_empty() { Self::Whole } else { Self::Trailers(fields) }
    }
}

/// What was found of content in chunks.
enum InChunk {
    /// Data, and the trailers where it was the last.
    Data(Bytes, Option<HeaderMap>),
    Nothing,
    Ended(HeaderMap),
}

impl InChunks {
    fn take(&mut self, input: &mut BytesMut) -> Result<InChunk, Garbled> {
        match self.chunked.next(input).map_err(|(_, why)| Garbled::Chunks(why))? {
            Step::Framing => {
                self.since_data.extend_from_slice(input);
                input.clear();
                Ok(InChunk::Nothing)
            }
            Step::Ended(length) => self.end(input.split_to(length)).map(InChunk::Ended),
            Step::Data(place) => {
                self.since_data.clear();
                input.advance(place.start);
                let data = input.split_to(place.len()).freeze();
                // Whoever gets the last data should know it: what ends the message goes out with it.
                let mut after = self.chunked.clone();
                match after.next(input) {
                    Ok(Step::Ended(length)) => {
                        let fields = self.end(input.split_to(length))?;
                        Ok(InChunk::Data(data, Some(fields)))
                    }
                    Ok(Step::Framing | Step::Data(_)) | Err(_) => Ok(InChunk::Data(data, None)),
                }
            }
        }
    }

    /// The trailers, where `last` ends the body.
    fn end(&mut self, last: BytesMut) -> Result<HeaderMap, Garbled> {
        let last = if self.since_data.is_empty() {
            last.freeze()
        } else {
            self.since_data.extend_from_slice(&last);
            Bytes::from(std::mem::take(&mut self.since_data))
        };
        // The end of the data, if there was any, and the size of the last chunk; neither has an LF inside.
        let rest = last.strip_prefix(b"\r\n").unwrap_or(&last);
        let section = memchr::memchr(b'\n', rest).and_then(|end| rest.get(end + 1..)).unwrap_or_default();
        if section == b"\r\n" { Ok(HeaderMap::new()) } else { trailers(&last.slice_ref(section)) }
    }
}
