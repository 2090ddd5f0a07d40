//! How far a search goes.

/// The most ways to put a string to sign together that are tried alone.
pub const MAX_TEXTS: usize = 12_000;
/// The most pairs of changes to one string to sign.
pub const MAX_PAIRS: usize = 6_000;
/// How many of the likeliest changes are tried in pairs.
pub const PAIRED: usize = 110;
/// How many of the likeliest changes are tried together with each exact time that may have been signed.
pub const PAIRED_WITH_TIMES: usize = 6;
/// How many of the likeliest changes are tried with every other key and algorithm.
pub const TRIED_IN_EVERY_WAY: usize = 150;
/// The most bytes that are put together and digested in one search.
pub const MAX_WORK_BYTES: usize = 256 * 1024 * 1024;
/// What checking one signature of a private key counts as, in bytes.
pub const PUBLIC_KEY_WORK_BYTES: usize = 64 * 1024;
/// The largest body that is written anew in other ways, in bytes.
pub const MAX_REWRITTEN_BODY_BYTES: usize = 1024 * 1024;
/// The most pieces of one text that are put into every order; of longer ones two at a time change places.
pub const MAX_PERMUTED: usize = 5;
/// The most pieces of one text that is put together in other ways.
pub const MAX_PIECES: usize = 24;
/// The most steps whose texts are changed.
pub const MAX_STEPS: usize = 12;
/// The most other secrets of the consumer that are tried.
pub const MAX_OTHER_SECRETS: usize = 8;
/// By how many seconds a time that was signed is thought to differ from the one that was sent.
pub const DIFFERING_SECONDS: i64 = 120;
/// The same for times in milliseconds.
pub const DIFFERING_MILLIS: i64 = 1500;
