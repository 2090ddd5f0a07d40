//! Names of headers that were seen before.

use http::HeaderName;

/// How many are kept. A stranger who fills the table with names of his own has everybody's made anew, as without it.
const SLOTS: usize = 256;

/// The longest that is kept, in bytes.
const LONGEST: usize = 31;

/// Makes names out of bytes, most of them by finding them as they came before: clients send the same ones in the same spelling, and
/// one that is not registered costs memory of its own each time it is made.
#[derive(Debug)]
pub(super) struct Names(Vec<Option<Known>>);

#[derive(Clone, Debug)]
struct Known {
    length: u8,
    spelling: [u8; LONGEST],
    name: HeaderName,
}

impl Names {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    /// The name that is spelled so; nothing where it is no token.
    pub(super) fn get(&mut self, spelling: &[u8]) -> Option<HeaderName> {
        let Some(slot) = self.0.get_mut(place(spelling)).filter(|_| spelling.len() <= LONGEST) else {
            return HeaderName::from_bytes(spelling).ok();
        };
        if let Some(known) = slot
            && known.spelling.get(..usize::from(known.length)) == Some(spelling)
        {
            return Some(known.name.clone());
        }
        let name = HeaderName::from_bytes(spelling).ok()?;
        let mut kept = [0; LONGEST];
        kept.get_mut(..spelling.len())?.copy_from_slice(spelling);
        let length = u8::try_from(spelling.len()).ok()?;
        *slot = Some(Known { length, spelling: kept, name: name.clone() });
        Some(name)
    }
}

/// Where a name is kept: by its length, and its first and last bytes.
fn place(spelling: &[u8]) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let ends = match (spelling.first_chunk::<8>(), spelling.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29),
        (_, _) => spelling.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    };
    let mixed = (ends ^ (spelling.len() as u64) << 59).wrapping_mul(MIX) >> 56;
    usize::try_from(mixed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_name_is_what_it_is_however_many_came_before(
            spellings in prop::collection::vec("[a-zA-Z-]{1,34}|Host|host|x-api-key|X-Api-Key|a b|", 1..600),
        ) {
            let mut names = Names::new();
            for spelling in &spellings {
                prop_assert_eq!(names.get(spelling.as_bytes()), HeaderName::from_bytes(spelling.as_bytes()).ok());
            }
        }
    }
}
