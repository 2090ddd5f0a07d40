//! The trace that a request belongs to (W3C Trace Context, level 1).

use std::fmt;

use countersign_edge::lower_hex;
use countersign_model::{Entropy, Headers};
use http::HeaderName;

/// The field that names a trace.
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace that a request belongs to: the client's where its `traceparent` is valid, made otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It came with the request, and goes on as it is: no span is added here.
    Received,
    /// It begins here. A `tracestate` belongs to the trace that was refused (3.3.1.1), so it goes with it.
    Begun(TraceParent),
}

/// The value of a `traceparent` of ours.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TraceParent([u8; 55]);

impl Trace {
    /// The client's trace, where there is exactly one valid `traceparent`; otherwise a new one that is not
    /// sampled, as nothing was recorded of it.
    pub(crate) fn of(headers: Headers<'_>, entropy: &dyn Entropy) -> Self {
        match headers.only(TRACEPARENT.as_str()).ok().flatten() {
            Some(value) if is_traceparent(value) => Self::Received,
            Some(_) | None => Self::Begun(TraceParent::random(entropy)),
        }
    }
}

impl TraceParent {
    fn random(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 24];
        entropy.fill(&mut random);
        // Ids of all zeros are invalid (3.2.2.3, 3.2.2.4).
        random[0] |= 1;
        random[16] |= 1;
        let digits = lower_hex(random);
        let (trace, parent) = digits.split_at(16);
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(trace.as_flattened());
        text[36..52].copy_from_slice(parent.as_flattened());
        Self(text)
    }

    /// As it stands in the field: ASCII.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Sections 3.2.2 and 4.3: version `00` is exactly four fields; a later one may have more after them.
fn is_traceparent(value: &[u8]) -> bool {
    let Some((known, more)) = value.split_at_checked(55) else { return false };
    let mut fields = known.split(|byte| *byte == b'-');
    let mut field =
        |length: usize| fields.next().filter(|field| field.len() == length && is_lower_hex(field));
    let (Some(version), Some(trace), Some(parent), Some(_flags)) = (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    let complete = match version {
        b"ff" => false,
        b"00" => more.is_empty(),
        _ => more.first().is_none_or(|byte| *byte == b'-'),
    };
    complete && trace.iter().any(|byte| *byte != b'0') && parent.iter().any(|byte| *byte != b'0')
}

fn is_lower_hex(field: &[u8]) -> bool {
    field.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;

    use super::*;

    /// Counts up from one.
    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for (byte, value) in buffer.iter_mut().zip(1..) {
                *byte = value;
            }
        }
    }

    fn of(fields: &[(&str, &str)]) -> Trace {
        let headers: HeaderList = fields.iter().copied().collect();
        Trace::of(headers.view(), &Counting)
    }

    fn made() -> Trace {
        Trace::Begun(TraceParent(*b"00-0102030405060708090a0b0c0d0e0f10-1112131415161718-00"))
    }

    #[test]
    fn a_trace_begins_here_where_there_is_none_or_two() {
        let valid = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(of(&[]), made());
        assert_eq!(of(&[valid, valid]), made());
    }

    #[test]
    fn a_valid_trace_is_gone_on_with() {
        for valid in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings",
        ] {
            assert_eq!(of(&[("traceparent", valid)]), Trace::Received);
        }
    }

    #[test]
    fn an_invalid_trace_is_replaced() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut bad = vec![
            String::new(),
            good.replace("00-0a", "ff-0a"),
            good.to_uppercase(),
            good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            good.replace("b7ad6b7169203331", &"0".repeat(16)),
            good.replace('-', "_"),
            format!("{good}-x"),
            format!("cc{}.x", &good[2..]),
        ];
        bad.extend((0..good.len()).map(|end| good[..end].to_owned()));
        for bad in bad {
            assert_eq!(of(&[("traceparent", &bad)]), made(), "{bad:?}");
        }
    }
}
