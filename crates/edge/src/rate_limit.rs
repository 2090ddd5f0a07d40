//! What a caller is told of the limits: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11), and the
//! older `X-RateLimit-Limit`, `-Remaining` and `-Reset` that many clients know.

use std::time::Duration;

use countersign_lines::AnswerHeaders;
use countersign_verify::Standing;
use http::HeaderName;

/// The rates, each with its name: `"default";q=100;w=60`.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of each: `"default";r=99;t=1`.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// How many may come at once.
pub const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// How many more may come now.
pub const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// When all of them may come again, in seconds since 1970.
pub const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Room for what is told of one limit or two, in bytes.
const ROOM: usize = 64;

/// Tells how a caller stands with every limit; nothing where there is none. The older headers, which know one limit only, tell of
/// the one of which the least is left, and stand in place of those of an API behind us, whose caller meets ours first.
pub fn tell(headers: &mut impl AnswerHeaders, standings: &[Standing]) {
    let nearest =
        standings.iter().min_by_key(|standing| (standing.left, std::cmp::Reverse(standing.full_at)));
    let Some(nearest) = nearest else { return };
    let (mut policy, mut state) = (Vec::with_capacity(ROOM), Vec::with_capacity(ROOM));
    for (place, standing) in standings.iter().enumerate() {
        let gap: &[u8] = if place == 0 { b"" } else { b", " };
        policy.extend_from_slice(gap);
        add_policy(&mut policy, standing);
        state.extend_from_slice(gap);
        add_state(&mut state, standing);
    }
    headers.add(&POLICY, &policy);
    headers.add(&RATE_LIMIT, &state);
    set_number(headers, &LIMIT, nearest.rate.burst().into());
    set_number(headers, &REMAINING, nearest.left.into());
    set_number(headers, &RESET, whole_secs_at(nearest));
}

/// How long to wait for one more, in whole seconds (RFC 9110 section 10.2.3): not a moment less, and never none at all.
pub fn retry_after(standing: &Standing) -> u64 {
    up_to_secs(standing.wait).max(1)
}

/// Section 3.1 of the draft. The burst is ours.
fn add_policy(out: &mut Vec<u8>, standing: &Standing) {
    let Standing { name, rate, .. } = standing;
    add_name(out, name);
    add_number(out, b";q=", rate.count().into());
    add_number(out, b";w=", rate.period().as_secs());
    if rate.burst() != rate.count() {
        add_number(out, b";countersign-burst=", rate.burst().into());
    }
}

/// Section 4.1 of the draft. Where something is left, its window is until all is back: a client that spreads what is left over the
/// window is never over the rate. Where nothing is left, it is until one is back, as `Retry-After` says.
fn add_state(out: &mut Vec<u8>, standing: &Standing) {
    let Standing { name, left, full_in, .. } = standing;
    let window = if *left == 0 { retry_after(standing) } else { up_to_secs(*full_in) };
    add_name(out, name);
    add_number(out, b";r=", (*left).into());
    add_number(out, b";t=", window);
}

fn add_name(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// Written without formatting, which takes several times as long: there are four of them or more in every answer of a route with limits.
fn add_number(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn set_number(headers: &mut impl AnswerHeaders, name: &HeaderName, number: i64) {
    headers.set(name, itoa::Buffer::new().format(number).as_bytes());
}

fn up_to_secs(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn whole_secs_at(standing: &Standing) -> i64 {
    standing.full_at.plus(Duration::from_millis(999)).secs()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_limit::{Check, Limiter, Subject};
    use countersign_model::{Rate, UnixTime};
    use http::{HeaderMap, HeaderValue};

    use super::*;

    const NOON: UnixTime = UnixTime::from_millis(1_795_262_400_100);

    /// What stands in the headers after the last of `count` requests, of which all but one pass.
    fn after(count: usize, rates: &[&str]) -> [String; 5] {
        let limiter = Limiter::new(10);
        let rules: Vec<_> = rates
            .iter()
            .map(|rate| {
                let (name, rate) = rate.split_once(' ').unwrap();
                limiter.rule(name, "", Rate::parse(rate).unwrap())
            })
            .collect();
        let checks: Vec<_> = rules.iter().map(|rule| Check { rule, subject: Subject::Everybody }).collect();
        let mut standings: Vec<Standing> = Vec::new();
        for _ in 0..count {
            standings = match limiter.take(&checks, NOON) {
                Ok(taken) => taken.to_vec(),
                Err(exceeded) => exceeded.standings.to_vec(),
            };
        }
        let mut headers = HeaderMap::new();
        headers.insert(LIMIT, HeaderValue::from_static("of the upstream"));
        tell(&mut headers, &standings);
        [POLICY, RATE_LIMIT, LIMIT, REMAINING, RESET].map(|name| {
            let all: Vec<_> = headers.get_all(name).iter().collect();
            assert_eq!(all.len(), 1);
            all[0].to_str().unwrap().to_owned()
        })
    }

    #[test]
    fn one_limit_is_told_in_the_words_of_the_draft_and_in_the_older_ones() {
        let expected = ["\"default\";q=100;w=60", "\"default\";r=99;t=1", "100", "99", "1795262401"];
        assert_eq!(after(1, &["default 100/min"]), expected);
        // 40 requests take 24 s to come back.
        let expected = ["\"default\";q=100;w=60", "\"default\";r=60;t=24", "100", "60", "1795262425"];
        assert_eq!(after(40, &["default 100/min"]), expected);
    }

    #[test]
    fn where_nothing_is_left_the_window_ends_when_one_is_back() {
        for count in [100, 101] {
            let expected = ["\"default\";q=100;w=60", "\"default\";r=0;t=1", "100", "0", "1795262461"];
            assert_eq!(after(count, &["default 100/min"]), expected);
        }
        let [_, state, ..] = after(2, &["slow 1/min"]);
        assert_eq!(state, "\"slow\";r=0;t=60");
    }

    #[test]
    fn of_several_limits_all_are_told_and_the_older_headers_tell_of_the_nearest() {
        let [policy, state, limit, remaining, reset] =
            after(3, &["calls-s 10/s burst 20", "calls-h 1000/h", "few 5/min"]);
        assert_eq!(
            policy,
            "\"calls-s\";q=10;w=1;countersign-burst=20, \"calls-h\";q=1000;w=3600, \"few\";q=5;w=60"
        );
        assert_eq!(state, "\"calls-s\";r=17;t=1, \"calls-h\";r=997;t=11, \"few\";r=2;t=36");
        assert_eq!([limit, remaining, reset], ["5", "2", "1795262437"]);
    }

    #[test]
    fn no_limit_leaves_the_headers_as_they_are() {
        let mut headers = HeaderMap::new();
        headers.insert(LIMIT, HeaderValue::from_static("of the upstream"));
        tell(&mut headers, &[]);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn whoever_waits_as_long_as_is_said_is_not_early() {
        let standing = |wait| Standing {
            name: Arc::from("a"),
            rate: Rate::parse("1/min").unwrap(),
            left: 0,
            wait,
            full_in: wait,
            full_at: NOON,
        };
        for (millis, secs) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            assert_eq!(retry_after(&standing(Duration::from_millis(millis))), secs, "{millis}");
        }
    }
}
