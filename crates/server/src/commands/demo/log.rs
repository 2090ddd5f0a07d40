//! The request log of the demo's gateway: kept to be looked up, and written to a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// How many lines can be looked up; the file has all of them.
const KEPT: usize = 1000;

/// How long a look-up waits for a line that is on its way.
const PATIENCE: Duration = Duration::from_secs(2);

/// A log that can be looked up.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<VecDeque<String>>,
    more: Condvar,
}

/// Where the gateway writes its lines.
pub(super) struct LogWriter {
    log: Log,
    file: File,
}

impl Log {
    /// A writer for this log, whose lines also go to the file at `path`.
    pub(super) fn writer(&self, path: &Path) -> std::io::Result<LogWriter> {
        Ok(LogWriter { log: self.clone(), file: File::create(path)? })
    }

    /// What the log says of one request: the verdict, and for a refusal its reason.
    pub(super) fn verdict(&self, request_id: &str) -> Option<String> {
        let find = |lines: &VecDeque<String>| {
            lines
                .iter()
                .rev()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| line.get("request_id").and_then(Value::as_str) == Some(request_id))
        };
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.more.wait_timeout_while(lines, PATIENCE, |lines| find(lines).is_none());
        let (lines, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let line = find(&lines)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(match (text("reason").as_str(), text("detail").as_str()) {
            ("", _) => format!("verdict {}", text("verdict")),
            (reason, detail) => format!("verdict {}, reason {reason}: {detail}", text("verdict")),
        })
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        let mut lines = self.log.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A write is whole lines: that is how the log hands them over.
        lines.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
        let surplus = lines.len().saturating_sub(KEPT);
        lines.drain(..surplus);
        self.log.0.more.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
