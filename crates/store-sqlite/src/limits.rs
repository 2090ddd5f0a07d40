//! What one store may use.

use std::time::Duration;

/// What one store may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Writes that wait for the writer, in requests. One more is refused as unavailable.
    pub waiting_writes: usize,
    /// Writes that share one commit, in requests.
    pub group: usize,
    /// Lists that wait for their turn, in requests. One more is refused as unavailable.
    pub waiting_lists: usize,
    /// Connections that look things up, each for one thread at a time.
    pub readers: usize,
    /// How long a group of writes waits while another process writes; also how long opening waits.
    pub write_wait: Duration,
    /// How long a read waits where it must: only while another process recovers or closes the file.
    pub read_wait: Duration,
}

impl Limits {
    /// For a command that does one thing and ends.
    pub const COMMAND: Self = Self {
        waiting_writes: 16,
        group: 16,
        waiting_lists: 16,
        readers: 1,
        write_wait: Duration::from_secs(5),
        read_wait: Duration::from_millis(250),
    };
}

/// For a server.
impl Default for Limits {
    fn default() -> Self {
        Self { waiting_writes: 4096, group: 256, waiting_lists: 64, readers: 8, ..Self::COMMAND }
    }
}
