//! Several rates that are kept at once.

use std::fmt;

use crate::{InvalidRate, Rate};

/// At most [`Rates::MOST`] rates, no two of the same period, the shortest period first. All of them are kept, each by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Box<[Rate]>);

/// Why rates cannot be kept together, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRates {
    /// More than can be counted.
    #[error("{found} rates: at most {max} are possible", max = Rates::MOST)]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// One of two is reached first, whatever comes.
    #[error("`{one}` and `{other}` have the same period: keep the smaller one, which is reached first")]
    SamePeriod {
        /// One of them.
        one: Rate,
        /// The other.
        other: Rate,
    },
    /// One of them is no rate.
    #[error(transparent)]
    Rate(#[from] InvalidRate),
}

impl Rates {
    /// The most rates.
    pub const MOST: usize = 4;

    /// These rates together.
    pub fn new(rates: impl IntoIterator<Item = Rate>) -> Result<Self, InvalidRates> {
        let mut rates: Box<[Rate]> = rates.into_iter().collect();
        if rates.len() > Self::MOST {
            return Err(InvalidRates::TooMany { found: rates.len() });
        }
        rates.sort_by_key(|rate| rate.period_ms());
        for (one, other) in rates.iter().zip(rates.iter().skip(1)) {
            if one.period_ms() == other.period_ms() {
                return Err(InvalidRates::SamePeriod { one: *one, other: *other });
            }
        }
        Ok(Self(rates))
    }

    /// Reads rates that stand in one string with commas between them; the empty string has none.
    pub fn parse_list(text: &str) -> Result<Self, InvalidRates> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::new(text.split(',').map(Rate::parse).collect::<Result<Vec<_>, _>>()?)
    }

    /// The rates in one string, comma separated; empty where there are none.
    pub fn to_list(&self) -> String {
        let rates: Vec<String> = self.0.iter().map(Rate::to_string).collect();
        rates.join(",")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rates, the shortest period first.
    pub fn iter(&self) -> impl Iterator<Item = Rate> + '_ {
        self.0.iter().copied()
    }
}

/// For people: with a space behind each comma, `none` where there are none.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { f.write_str("none") } else { f.write_str(&self.to_list().replace(',', ", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_back_the_shortest_period_first() {
        for (text, list) in [
            ("", ""),
            ("100/min", "100/min"),
            ("5000/d, 10/s burst 20,100/60s", "10/s burst 20,100/min,5000/d"),
        ] {
            let rates = Rates::parse_list(text).unwrap();
            assert_eq!(rates.to_list(), list);
            assert_eq!(Rates::parse_list(list).unwrap(), rates);
        }
        assert_eq!(Rates::parse_list("5/d,1/s").unwrap().to_string(), "1/s, 5/d");
        assert_eq!(Rates::default().to_string(), "none");
    }

    #[test]
    fn rates_that_cannot_be_kept_together_are_refused_with_what_is_wrong() {
        let refused = |text: &str| Rates::parse_list(text).unwrap_err().to_string();
        assert_eq!(refused("1/s,2/min,3/h,4/d,5/2d"), "5 rates: at most 4 are possible");
        assert!(refused("60/min,1/h,10/60s").contains("`60/min` and `10/min` have the same period"));
        for text in ["100", "1/s,", ",1/s", "1/s 2/min", "none"] {
            assert!(matches!(Rates::parse_list(text), Err(InvalidRates::Rate(_))), "{text}");
        }
    }
}
