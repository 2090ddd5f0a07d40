//! The lines of the log on their way to whoever reads it. One thread writes them, so that nothing else waits for a write.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many bytes wait to be written before whoever has more waits too. As many again may be with the thread that writes.
const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// How long the thread rests between two writes. A line that comes after a rest is written at once, and under load many lines are
/// written together: to wake a thread and to call the system for each batch of a worker costs more than the lines do.
const REST: Duration = Duration::from_millis(5);

/// How much room stays for lines that come later, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// How long the last lines have to be written when the process ends, so that a reader that has stopped cannot keep it.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Where lines are handed over.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

/// The thread that writes. When this is dropped, it writes what is left, and ends.
pub(super) struct WriterThread(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// That there are lines, or no more to come.
    told: Condvar,
    /// That there is room again, or nobody who writes.
    taken: Condvar,
}

/// What waits to be written.
struct Waiting {
    lines: Vec<u8>,
    room: usize,
    writer: Writer,
    more: More,
}

/// What the thread does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// It waits to be told of lines.
    Idle,
    /// It writes or rests, and looks for lines by itself.
    Busy,
    Gone,
}

/// Whether more lines may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    ToCome,
    None,
}

impl LogWriter {
    /// Starts the thread, which writes whole lines to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Self, WriterThread)> {
        Self::with_room(WAITING_BYTES, sink)
    }

    fn with_room(room: usize, sink: impl Write + Send + 'static) -> io::Result<(Self, WriterThread)> {
        let waiting = Waiting { lines: Vec::new(), room, writer: Writer::Busy, more: More::ToCome };
        let shared = Shared { waiting: Mutex::new(waiting), told: Condvar::new(), taken: Condvar::new() };
        let shared = Arc::new(shared);
        let thread = WriterThread(Arc::clone(&shared));
        let writes = Writes(Arc::clone(&shared));
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writes.run(sink))?;
        Ok((Self(shared), thread))
    }

    /// Hands over whole lines. Waits where too many wait to be written; where the thread is gone, they are lost.
    pub(super) fn hand_over(&self, lines: &[u8]) {
        let shared = &*self.0;
        let full =
            |waiting: &mut Waiting| waiting.lines.len() >= waiting.room && waiting.writer != Writer::Gone;
        let waiting = shared.taken.wait_while(shared.lock(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.writer == Writer::Gone {
            return;
        }
        waiting.lines.extend_from_slice(lines);
        if waiting.writer == Writer::Idle {
            waiting.writer = Writer::Busy;
            drop(waiting);
            shared.told.notify_one();
        }
    }
}

/// For the log of everything that is not a request, which writes a line at a time.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.hand_over(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.more = More::None;
        self.0.told.notify_one();
        let not_gone = |waiting: &mut Waiting| waiting.writer != Writer::Gone;
        // Nobody is left to tell of lines that nobody took.
        let _late = self.0.taken.wait_timeout_while(waiting, LAST_LINES, not_gone);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all lines that wait in exchange for `room`, once there are any; `None` where no more come.
    fn take(&self, room: Vec<u8>) -> Option<Vec<u8>> {
        let mut waiting = self.lock();
        waiting.writer = Writer::Idle;
        let none = |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.more == More::ToCome;
        let mut waiting = self.told.wait_while(waiting, none).unwrap_or_else(PoisonError::into_inner);
        waiting.writer = Writer::Busy;
        let lines = std::mem::replace(&mut waiting.lines, room);
        drop(waiting);
        self.taken.notify_all();
        (!lines.is_empty()).then_some(lines)
    }

    /// Rests, unless no more lines come.
    fn rest(&self) {
        let more = |waiting: &mut Waiting| waiting.more == More::ToCome;
        drop(self.told.wait_timeout_while(self.lock(), REST, more));
    }
}

/// The work of the thread.
struct Writes(Arc<Shared>);

impl Writes {
    fn run(self, mut sink: impl Write) {
        let mut room = Vec::new();
        while let Some(mut lines) = self.0.take(room) {
            write(&mut sink, &lines);
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
            room = lines;
            self.0.rest();
        }
    }
}

/// However the thread ends, nobody waits for it any longer.
impl Drop for Writes {
    fn drop(&mut self) {
        self.0.lock().writer = Writer::Gone;
        self.0.taken.notify_all();
    }
}

/// Writes all lines. What cannot be written is lost: there is nobody to tell.
fn write(sink: &mut impl Write, lines: &[u8]) {
    let mut left = lines;
    while !left.is_empty() {
        match sink.write(left) {
            Ok(0) => return,
            Ok(written) => left = left.get(written..).unwrap_or_default(),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                // Whoever started us may have left a pipe that says so instead of waiting.
                ErrorKind::WouldBlock => std::thread::sleep(REST),
                _ => return,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what is written, as long as `takes` says how much of it.
    struct Kept<F> {
        pieces: Arc<Mutex<Vec<Vec<u8>>>>,
        takes: F,
    }

    impl<F: FnMut(usize) -> io::Result<usize>> Write for Kept<F> {
        fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
            let taken = (self.takes)(lines.len())?;
            self.pieces.lock().unwrap().push(lines[..taken].to_vec());
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written when two threads hand over a hundred lines each, where no more than `room` bytes may wait.
    fn written(room: usize, takes: impl FnMut(usize) -> io::Result<usize> + Send + 'static) -> Vec<Vec<u8>> {
        let pieces = Arc::default();
        let (writer, thread) =
            LogWriter::with_room(room, Kept { pieces: Arc::clone(&pieces), takes }).unwrap();
        std::thread::scope(|scope| {
            for name in ["a", "b"] {
                let writer = &writer;
                scope.spawn(move || {
                    for line in 100..200 {
                        writer.hand_over(format!("{name}{line}\n").as_bytes());
                    }
                });
            }
        });
        drop(thread);
        let pieces = pieces.lock().unwrap();
        pieces.clone()
    }

    /// Whether `pieces` are all lines of both threads, each thread's in their order.
    fn is_all(pieces: &[Vec<u8>]) -> bool {
        let text = String::from_utf8(pieces.concat()).unwrap();
        let of = |name| text.lines().filter(move |line| line.starts_with(name)).map(str::to_owned);
        let expected = |name| (100..200).map(move |line| format!("{name}{line}"));
        text.lines().count() == 200 && of("a").eq(expected("a")) && of("b").eq(expected("b"))
    }

    #[test]
    fn every_line_is_written_before_the_end() {
        let pieces = written(WAITING_BYTES, Ok);
        assert!(is_all(&pieces));
        assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")));
    }

    #[test]
    fn no_more_lines_wait_for_a_slow_reader_than_there_is_room_for() {
        let pieces = written(20, Ok);
        assert!(is_all(&pieces));
        assert!(pieces.iter().all(|piece| piece.len() < 20 + "a100\n".len()), "{pieces:?}");
    }

    #[test]
    fn a_reader_that_takes_little_at_a_time_gets_every_line() {
        let mut calls = 0;
        let pieces = written(WAITING_BYTES, move |length| {
            calls += 1;
            match calls % 3 {
                0 => Err(ErrorKind::WouldBlock.into()),
                1 => Err(ErrorKind::Interrupted.into()),
                _ => Ok(length.min(300)),
            }
        });
        assert!(is_all(&pieces));
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_gone() {
        assert!(written(20, |_| Err(ErrorKind::BrokenPipe.into())).is_empty());
        assert!(written(20, |_| panic!("a sink that fails")).is_empty());
    }
}
