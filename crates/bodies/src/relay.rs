//! A body that goes on while its signature is checked, but for its end.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use countersign_verify::Caller;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How much of the end of a body is held back at least, in bytes.
const HELD_BACK: usize = 16 * 1024;

/// The side of a body that is read and checked.
pub(crate) struct Relay {
    begin: Option<oneshot::Sender<Departure>>,
    /// Gone once nobody takes any more.
    pieces: Option<mpsc::Sender<Piece>>,
    held: VecDeque<Bytes>,
    held_bytes: usize,
    /// How long a piece may wait to be taken.
    patience: Duration,
}

/// A body that began to go on.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Whose it is, if its signature holds.
    pub caller: Caller,
    /// How long it is, where that is known, in bytes.
    pub length: Option<u64>,
}

/// The side of a body that is sent.
pub struct Relayed {
    pieces: mpsc::Receiver<Piece>,
    length: Option<u64>,
}

/// What is passed from one side to the other.
enum Piece {
    Data(Bytes),
    /// The signature was found good, and nothing is left.
    End,
}

/// The other side of a body ended without a good signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end of the body was withheld: it broke off, or was refused")]
pub struct Withheld;

/// The two sides of a body, and what tells that it begins to go on. A piece that nobody takes for as long as `patience` is the last.
pub(crate) fn relay(patience: Duration) -> (Relay, oneshot::Receiver<Departure>, Relayed) {
    let (say, begun) = oneshot::channel();
    let (send, receive) = mpsc::channel(1);
    let relay =
        Relay { begin: Some(say), pieces: Some(send), held: VecDeque::new(), held_bytes: 0, patience };
    (relay, begun, Relayed { pieces: receive, length: None })
}

impl Relay {
    /// Says that the body begins to go on.
    pub(crate) fn begin(&mut self, departure: Departure) {
        if let Some(begin) = self.begin.take() {
            // Nobody listens where the upstream failed before; the signature is checked all the same.
            let _failed_before = begin.send(departure);
        }
    }

    /// Whether it does.
    pub(crate) fn has_begun(&self) -> bool {
        self.begin.is_none()
    }

    /// Takes a piece, and passes on what is far enough from the end.
    pub(crate) async fn put(&mut self, piece: Bytes) {
        self.held_bytes = self.held_bytes.saturating_add(piece.len());
        self.held.push_back(piece);
        while let Some(first) = self.held.front()
            && self.held_bytes.saturating_sub(first.len()) >= HELD_BACK
            && let Some(first) = self.held.pop_front()
        {
            self.held_bytes = self.held_bytes.saturating_sub(first.len());
            self.send(Piece::Data(first)).await;
        }
    }

    /// Lets go of the end.
    pub(crate) async fn release(mut self) {
        while let Some(piece) = self.held.pop_front() {
            self.send(Piece::Data(piece)).await;
        }
        self.send(Piece::End).await;
    }

    async fn send(&mut self, piece: Piece) {
        let Some(pieces) = &self.pieces else { return };
        // The upstream may have failed, or have answered before it has everything and take no more: the signature is
        // checked all the same.
        match timeout(self.patience, pieces.send(piece)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => self.pieces = None,
        }
    }
}

impl Relayed {
    /// The same, its length known, in bytes.
    #[must_use]
    pub fn with_length(self, length: Option<u64>) -> Self {
        Self { length, ..self }
    }

    /// How much is left, where that is known, in bytes.
    pub fn left(&self) -> Option<u64> {
        self.length
    }

    /// The next piece; nothing at the end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Withheld>>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(cx)) {
            Some(Piece::Data(bytes)) => {
                self.length = self.length.map(|left| left.saturating_sub(bytes.len() as u64));
                Some(Ok(bytes))
            }
            Some(Piece::End) => None,
            None => Some(Err(Withheld)),
        })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} bytes held)", self.held_bytes)
    }
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relayed(..)")
    }
}
