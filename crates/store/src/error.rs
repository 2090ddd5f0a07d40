//! How storage fails.

/// Storage could not do what it was asked. To a caller every kind of it is 503; never an allow, never a deny.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or answered with a failure of its own.
    #[error("storage did not {act}")]
    Unavailable {
        /// What it was asked to do.
        act: &'static str,
        /// What went wrong underneath.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record holds what no version of this program writes.
    #[error("a stored {what} cannot be read: {why}")]
    Corrupt {
        /// The kind of record, and its key where that is public.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}
