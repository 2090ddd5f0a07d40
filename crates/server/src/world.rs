//! The world outside: the clock, chance and the environment. Nothing else in the workspace reads them.

use std::cell::RefCell;

use countersign_model::{Clock, Entropy, UnixTime};

use crate::config::Environment;

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now(&self) -> UnixTime {
        let now = std::time::SystemTime::now();
        // A machine that stands before 1970 has no right time: everything has expired or begins later, and is refused.
        let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_millis(0).plus(since_epoch)
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::disallowed_methods,
        clippy::expect_used,
        reason = "this is the one source; without it no key may be made, and the system documents it not to fail"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}

/// How many bytes are asked of the operating system at a time for names.
const DRAWN_BYTES: usize = 4096;

/// The operating system's generator, asked for the next hundred names at a time. For names of requests and traces alone, which are
/// drawn for each request: what must stay secret is not left lying in memory beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameEntropy;

struct Drawn {
    bytes: [u8; DRAWN_BYTES],
    used: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; DRAWN_BYTES], used: DRAWN_BYTES }) };
}

impl Entropy for NameEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        DRAWN.with_borrow_mut(|drawn| drawn.fill(buffer));
    }
}

impl Drawn {
    fn fill(&mut self, buffer: &mut [u8]) {
        if self.bytes.len() - self.used < buffer.len() {
            OsEntropy.fill(&mut self.bytes);
            self.used = 0;
        }
        match self.bytes.get(self.used..).and_then(|rest| rest.get(..buffer.len())) {
            Some(next) => {
                buffer.copy_from_slice(next);
                self.used += buffer.len();
            }
            None => OsEntropy.fill(buffer),
        }
    }
}

/// An environment variable that is no text.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} is not UTF-8")]
pub(crate) struct NotText {
    name: String,
}

/// The environment of this process: all variables whose names are ours.
pub(crate) fn environment() -> Result<Environment, NotText> {
    let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    ours.filter(|(name, _)| name.starts_with("COUNTERSIGN__"))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(NotText { name }),
        })
        .collect()
}
