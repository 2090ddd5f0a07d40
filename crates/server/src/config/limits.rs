//! `[limits]`: everything has a limit, and every limit a name and a unit.

use std::time::Duration;

use super::read::amount;
use super::section::Section;
use super::units::{ByteSize, Count, Period};

/// One limit, for people.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitText {
    pub(crate) name: &'static str,
    pub(crate) meaning: String,
    pub(crate) default: String,
    pub(crate) least: String,
    pub(crate) most: String,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $default:expr, $least:expr => $most:expr;)+) => {
        /// The limits of a running server. Each is what it says at its getter.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct Limits {
            $($name: $kind,)+
        }

        impl Limits {
            pub(super) fn read(mut section: Section<'_>) -> Self {
                let limits = Self { $($name: section.or(stringify!($name), $default, amount($least, $most)),)+ };
                section.finish();
                limits
            }

            $(
                $(#[doc = $doc])+
                pub(crate) fn $name(&self) -> <$kind as Plain>::Plain {
                    self.$name.plain()
                }
            )+

            #[cfg(test)]
            /// Every limit with its meaning, default and range.
            pub(crate) fn table() -> Vec<LimitText> {
                vec![$(LimitText {
                    name: stringify!($name),
                    meaning: [$($doc.trim()),+].join(" "),
                    default: $default.to_string(),
                    least: $least.to_string(),
                    most: $most.to_string(),
                },)+]
            }
        }
    };
}

limits! {
    /// The most header lines of a request; one with more is refused.
    header_count: Count = Count(100), Count(8) => Count(1000);
    /// The largest head of a request: request line and headers together.
    header_bytes: ByteSize = ByteSize::kib(32), ByteSize::kib(4) => ByteSize::mib(1);
    /// The largest body that is read before it is passed on, because a signature covers it.
    signed_body: ByteSize = ByteSize::mib(10), ByteSize::bytes(0) => ByteSize::gib(1);
    /// The longest that reading such a body, or that of a login, may take.
    signed_body_read: Period = Period::minutes(2), Period::seconds(1) => Period::hours(1);
    /// The longest such body that is held in memory although its signature can be checked as it comes; longer ones are put
    /// aside in files.
    held_body: ByteSize = ByteSize::mib(1), ByteSize::kib(64) => ByteSize::gib(1);
    /// The memory for such bodies, of all connections together; bodies of up to 64 KiB are not counted. Where it is used up,
    /// longer ones are put aside, or answered with 503 where they are needed whole.
    held_bodies: ByteSize = ByteSize::mib(256), ByteSize::mib(1) => ByteSize::gib(1024);
    /// The disk space for bodies that are put aside, of all connections together. Where it is used up, they are answered
    /// with 503.
    spooled_bodies: ByteSize = ByteSize::gib(4), ByteSize::mib(1) => ByteSize::gib(1024);
    /// The largest body that is passed on as it comes.
    proxied_body: ByteSize = ByteSize::gib(1), ByteSize::bytes(0) => ByteSize::gib(1024);
    /// The longest that such a body may take from its first byte to its last.
    proxied_body_read: Period = Period::hours(1), Period::seconds(1) => Period::days(7);
    /// The largest body of a login or a refresh.
    login_body: ByteSize = ByteSize::kib(16), ByteSize::kib(1) => ByteSize::mib(1);
    /// The most connections of clients at one time, of all threads together; further ones wait to be taken.
    connections: Count = Count(10_000), Count(1) => Count(1_000_000);
    /// The most callers that are counted at one time, each by each rate that holds for them; as many addresses of strangers besides. Further ones
    /// share what one may send.
    rate_buckets: Count = Count(1_000_000), Count(1) => Count(100_000_000);
    /// The most connections of one address (of IPv6, one /64 network) at one time; further ones are answered with 503. Trusted
    /// proxies are not counted.
    connections_per_address: Count = Count(1000), Count(1) => Count(1_000_000);
    /// The most requests of one HTTP/2 connection at one time.
    http2_streams: Count = Count(100), Count(1) => Count(1000);
    /// The longest that the handshake of a TLS connection may take.
    tls_handshake: Period = Period::seconds(10), Period::seconds(1) => Period::minutes(1);
    /// The longest that a client may take to send the head of a request.
    header_read: Period = Period::seconds(10), Period::seconds(1) => Period::minutes(10);
    /// The longest silence within a body, of a client's request or of an upstream's answer.
    body_idle: Period = Period::seconds(30), Period::seconds(1) => Period::hours(1);
    /// How long a client's connection stays open without a request.
    keep_alive_idle: Period = Period::seconds(75), Period::seconds(1) => Period::hours(1);
    /// The longest that connecting to an upstream may take.
    upstream_connect: Period = Period::seconds(5), Period::seconds(1) => Period::minutes(5);
    /// The longest that an upstream may take from the end of a request to the head of its answer.
    upstream_response: Period = Period::seconds(60), Period::seconds(1) => Period::hours(1);
    /// How long an unused connection to an upstream is kept.
    upstream_idle: Period = Period::seconds(30), Period::seconds(1) => Period::hours(1);
    /// The most unused connections to one upstream that each thread keeps.
    upstream_idle_connections: Count = Count(64), Count(0) => Count(10_000);
    /// The most requests that were refused for their signature and are kept in memory, to be explained; 0 keeps none.
    kept_refusals: Count = Count(200), Count(0) => Count(100_000);
    /// The memory for them. A body that is longer than a quarter of this is not kept.
    kept_refusal_bytes: ByteSize = ByteSize::mib(8), ByteSize::kib(64) => ByteSize::gib(1);
    /// How long they are kept.
    kept_refusals_for: Period = Period::hours(1), Period::seconds(1) => Period::days(7);
    /// How long requests that are under way may go on after the server was told to stop.
    shutdown_grace: Period = Period::seconds(30), Period::seconds(0) => Period::hours(1);
}

/// An amount as the code that applies the limit wants it.
pub(crate) trait Plain {
    type Plain;
    fn plain(self) -> Self::Plain;
}

impl Plain for Count {
    type Plain = usize;
    fn plain(self) -> usize {
        self.0
    }
}

impl Plain for ByteSize {
    type Plain = u64;
    fn plain(self) -> u64 {
        self.get()
    }
}

impl Plain for Period {
    type Plain = Duration;
    fn plain(self) -> Duration {
        self.duration()
    }
}
