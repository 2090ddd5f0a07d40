//! The socket under a connection, which remembers the head that was written last.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::forward::RequestBody;

/// A socket whose writes can be read back.
pub(super) struct Wire {
    stream: TcpStream,
    written: Rc<Written>,
}

/// What was written since [`Written::remember`].
///
/// A request without a body that is lost with its connection may be sent again, but its head was used up by
/// then. Copying a head's bytes as they are written costs far less than copying every head's fields before.
#[derive(Default)]
pub(super) struct Written {
    memory: Cell<Memory>,
    bytes: RefCell<Vec<u8>>,
    /// How many of `bytes` the socket took; the rest was offered to it last.
    taken: Cell<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Memory {
    On,
    #[default]
    Off,
}

impl Wire {
    /// The socket, and what remembers.
    pub(super) fn new(stream: TcpStream) -> (Self, Rc<Written>) {
        let written = Rc::new(Written::default());
        (Self { stream, written: Rc::clone(&written) }, written)
    }
}

impl Written {
    /// Begins anew, with a request that has no body.
    pub(super) fn remember(&self) {
        self.memory.set(Memory::On);
        self.bytes.borrow_mut().clear();
        self.taken.set(0);
    }

    /// Remembers nothing.
    pub(super) fn forget(&self) {
        self.memory.set(Memory::Off);
    }

    /// The request that was written, where it was remembered.
    pub(super) fn read_back(&self) -> Option<Request<RequestBody>> {
        if self.memory.get() == Memory::Off {
            return None;
        }
        let bytes = self.bytes.borrow();
        let lines = bytes.split(|byte| *byte == b'\n').count();
        let mut fields = vec![httparse::EMPTY_HEADER; lines];
        let mut head = httparse::Request::new(&mut fields);
        if !head.parse(&bytes).ok()?.is_complete() {
            return None;
        }
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = Method::from_bytes(head.method?.as_bytes()).ok()?;
        *request.uri_mut() = Uri::try_from(head.path?).ok()?;
        for field in head.headers {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            request.headers_mut().append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        Some(request)
    }

    fn offered<'a>(&self, slices: impl Iterator<Item = &'a [u8]>) {
        if self.memory.get() == Memory::On {
            let mut bytes = self.bytes.borrow_mut();
            bytes.truncate(self.taken.get());
            slices.for_each(|slice| bytes.extend_from_slice(slice));
        }
    }

    fn took(&self, count: usize) {
        self.taken.set(self.taken.get().saturating_add(count));
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.offered(std::iter::once(bytes));
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.written.took(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written.offered(slices.iter().map(|slice| &**slice));
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.written.took(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_whole_however_the_socket_took_it() {
        let head = b"GET /a%2F?b HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: \xe4\r\n\r\n";
        for cut in 0..=head.len() {
            let written = Written::default();
            written.remember();
            written.offered([&head[..]].into_iter());
            written.took(cut);
            written.offered([&head[cut..]].into_iter());
            let request = written.read_back().unwrap();
            assert_eq!((request.method().as_str(), request.uri().to_string()), ("GET", "/a%2F?b".to_owned()));
            assert_eq!(request.headers().get_all("x").iter().map(HeaderValue::as_bytes).count(), 2);
        }
    }

    #[test]
    fn nothing_is_read_back_that_was_not_to_be_remembered() {
        let written = Written::default();
        written.offered([&b"PUT / HTTP/1.1\r\n\r\n"[..]].into_iter());
        assert!(written.read_back().is_none());
        written.remember();
        assert!(written.read_back().is_none());
    }
}
