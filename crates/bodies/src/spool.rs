//! Bodies that are put aside in files until their signatures are checked.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use countersign_verify::BodyFailure;
use tokio::fs::File;
use tokio::io::{AsyncRead as _, AsyncSeekExt as _, AsyncWriteExt as _, ReadBuf};

use crate::HeldBodies;
use crate::held::Room;

/// How much of a body is in memory on its way into a file or out of it, in bytes.
const STEP: usize = 128 * 1024;

/// Where bodies are put aside.
#[derive(Clone, Debug)]
pub struct SpoolPlace {
    /// The directory for the files; they have no names in it.
    pub directory: PathBuf,
    /// The room for all of them together.
    pub room: HeldBodies,
    /// A body up to this long is held in memory instead, in bytes.
    pub longer_than: u64,
}

/// A body on its way into a file.
pub(crate) struct Spool {
    file: File,
    room: Room,
    length: u64,
}

/// A body in a file. The file is gone when this is.
pub struct Spooled {
    file: File,
    _room: Room,
    left: u64,
    buffer: BytesMut,
}

impl SpoolPlace {
    /// A file for a body to come.
    pub(crate) async fn open(&self) -> Result<Spool, BodyFailure> {
        let directory = self.directory.clone();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory)).await;
        let file = file.map_err(io::Error::from).flatten().map_err(|error| not_kept(&error))?;
        let mut file = File::from_std(file);
        file.set_max_buf_size(STEP);
        Ok(Spool { file, room: self.room.room(), length: 0 })
    }
}

impl Spool {
    /// Takes the next piece.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> Result<(), BodyFailure> {
        self.length = self.length.saturating_add(piece.len() as u64);
        self.room.grow(self.length).map_err(|_| BodyFailure::Crowded)?;
        self.file.write_all(piece).await.map_err(|error| not_kept(&error))
    }

    /// The whole, to be read from its beginning.
    pub(crate) async fn finish(mut self) -> Result<Spooled, BodyFailure> {
        let rewound = async {
            self.file.flush().await?;
            self.file.rewind().await
        };
        rewound.await.map_err(|error| not_kept(&error))?;
        Ok(Spooled { file: self.file, _room: self.room, left: self.length, buffer: BytesMut::new() })
    }
}

impl Spooled {
    /// How much is left, in bytes.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next piece; nothing at the end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let most = usize::try_from(self.left).unwrap_or(STEP).min(STEP);
        if most == 0 {
            return Poll::Ready(None);
        }
        self.buffer.resize(most, 0);
        let mut into = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut into))?;
        let count = into.filled().len();
        if count == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left = self.left.saturating_sub(count as u64);
        Poll::Ready(Some(Ok(self.buffer.split_to(count).freeze())))
    }
}

fn not_kept(error: &io::Error) -> BodyFailure {
    BodyFailure::NotKept(error.kind())
}

/// Bodies are not for logs.
impl fmt::Debug for Spooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spooled({} bytes left)", self.left)
    }
}
