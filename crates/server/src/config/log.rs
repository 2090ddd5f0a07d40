//! `[log]`: what is written about what happens.

use super::read::word;
use super::section::Section;

/// What is written to standard error, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// The least important lines that are written.
    pub(crate) level: LogLevel,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For eyes.
    Text,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// Something failed that should not.
    Error,
    /// Something is not as it should be.
    Warn,
    /// One line a request, and what the process does.
    Info,
    /// More than an operator wants.
    Debug,
    /// Everything.
    Trace,
}

impl LogConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let format = section.or("format", LogFormat::Json, word(&formats));
        let level = section.or("level", LogLevel::Info, word(&levels));
        section.finish();
        Self { format, level }
    }
}
