//! The header lines of a request, as they came.

use std::fmt;

/// Where one header line stands: positions in the bytes of its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// Where its name begins.
    pub name: usize,
    /// Where the name ends: at the colon.
    pub colon: usize,
    /// Where its value begins, after the blanks before it.
    pub value: usize,
    /// Where the value ends, before the blanks after it.
    pub end: usize,
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name, in lower case: ASCII, as all names are (RFC 9110 section 5.6.2).
    pub name: &'a [u8],
    /// The value, without the blanks around it.
    pub value: &'a [u8],
}

/// The header lines of a request, in the order in which they were sent: a view of its head, which holds no memory of its own.
///
/// A request has some ten of them. To look through their names, the lengths first, is cheaper than to hash one.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    lines: &'a [HeaderLine],
}

/// A header stands there more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header stands there more than once")]
pub struct Twice;

impl<'a> Header<'a> {
    /// The name as text.
    pub fn name_str(&self) -> &'a str {
        std::str::from_utf8(self.name).unwrap_or_default()
    }
}

/// A name, in lower case, and its value.
impl<'a, N: AsRef<[u8]> + ?Sized, V: AsRef<[u8]> + ?Sized> From<(&'a N, &'a V)> for Header<'a> {
    fn from((name, value): (&'a N, &'a V)) -> Self {
        Self { name: name.as_ref(), value: value.as_ref() }
    }
}

impl<'a> Headers<'a> {
    /// The lines that stand in `bytes` at `lines`. Their names are in lower case there.
    pub const fn new(bytes: &'a [u8], lines: &'a [HeaderLine]) -> Self {
        Self { bytes, lines }
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Every line, in the order in which they were sent.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Header<'a>> + ExactSizeIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.lines.iter().map(move |line| line.of(bytes))
    }

    /// Every line, those of one name together where the first of them stands.
    pub fn grouped(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let (all, lines, repeats) = (*self, self.lines, self.has_a_name_twice());
        self.iter().enumerate().flat_map(move |(at, header)| {
            let is_first = !repeats || !all.iter().take(at).any(|before| before.name == header.name);
            // Nearly always each name stands once, and there is nothing to look for.
            let rest = lines.get(at + 1..).filter(|_| repeats && is_first).unwrap_or_default();
            let again = rest.iter().map(move |line| line.of(all.bytes));
            is_first.then_some(header).into_iter().chain(again.filter(move |other| other.name == header.name))
        })
    }

    fn has_a_name_twice(&self) -> bool {
        let name = |line: &HeaderLine| self.bytes.get(line.name..line.colon);
        self.lines.iter().enumerate().any(|(at, line)| {
            let length = line.colon.wrapping_sub(line.name);
            let mut before = self.lines.iter().take(at);
            before.any(|other| other.colon.wrapping_sub(other.name) == length && name(other) == name(line))
        })
    }

    /// Every name once, in lower case, in the order in which they were first sent.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let all = *self;
        let names = self.iter().enumerate();
        let first =
            names.filter(move |(at, header)| !all.iter().take(*at).any(|other| other.name == header.name));
        first.map(|(_, header)| header.name)
    }

    /// The values of a name, which is in lower case, in the order in which they were sent.
    #[inline]
    pub fn get_all<'n>(
        &self,
        name: &'n str,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        let (bytes, name) = (self.bytes, name.as_bytes());
        let named = move |line: &&HeaderLine| {
            line.colon.wrapping_sub(line.name) == name.len() && bytes.get(line.name..line.colon) == Some(name)
        };
        self.lines.iter().filter(named).map(move |line| bytes.get(line.value..line.end).unwrap_or_default())
    }

    /// The first value of a name, which is in lower case.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// The value of a name, which is in lower case, that stands there at most once.
    ///
    /// # Errors
    ///
    /// It stands there more than once.
    #[inline]
    pub fn only(&self, name: &str) -> Result<Option<&'a [u8]>, Twice> {
        let mut values = self.get_all(name);
        let first = values.next();
        if values.next().is_some() { Err(Twice) } else { Ok(first) }
    }

    /// Whether there is a line of a name, which is in lower case.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl HeaderLine {
    /// The line that stands here in `bytes`.
    #[inline]
    fn of(self, bytes: &[u8]) -> Header<'_> {
        Header {
            name: bytes.get(self.name..self.colon).unwrap_or_default(),
            value: bytes.get(self.value..self.end).unwrap_or_default(),
        }
    }
}

/// A value as text, where it is nothing but visible ASCII, blanks and tabs: what else there is may be read in several ways (RFC 9110
/// section 5.5).
pub fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    std::str::from_utf8(value).ok().filter(|text| text.as_bytes().iter().all(is_visible))
}

/// Values may be secret: only names are printed.
impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name_str())
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Header lines that hold their own memory: for whoever keeps a request, or makes one.
#[derive(Clone, Default)]
pub struct HeaderList {
    bytes: Vec<u8>,
    lines: Vec<HeaderLine>,
}

impl HeaderList {
    /// No lines.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), lines: Vec::new() }
    }

    /// No lines yet, with room for so many, whose names and values have so many bytes together.
    pub fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), lines: Vec::with_capacity(lines) }
    }

    /// A view of them.
    pub fn view(&self) -> Headers<'_> {
        Headers::new(&self.bytes, &self.lines)
    }

    /// Adds a line at the end. The name may be in any case.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let line = self.add(name.as_ref(), value.as_ref());
        self.lines.push(line);
    }

    /// Gives a name one value: in the place of the first line that has it, and of all others; at the end, where none has it.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let line = self.add(name.as_ref(), value.as_ref());
        let Self { bytes, lines } = self;
        let is_it = |other: &HeaderLine| other.of(bytes).name == line.of(bytes).name;
        match lines.iter().position(is_it) {
            None => lines.push(line),
            Some(first) => {
                let mut at = 0..;
                lines.retain(|other| at.next() == Some(first) || !is_it(other));
                if let Some(place) = lines.get_mut(first) {
                    *place = line;
                }
            }
        }
    }

    fn add(&mut self, name: &[u8], value: &[u8]) -> HeaderLine {
        let line = self.copy(Header { name, value });
        if let Some(name) = self.bytes.get_mut(line.name..line.colon) {
            name.make_ascii_lowercase();
        }
        line
    }

    fn copy(&mut self, Header { name, value }: Header<'_>) -> HeaderLine {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let colon = self.bytes.len();
        self.bytes.extend_from_slice(value);
        HeaderLine { name: start, colon, value: colon, end: self.bytes.len() }
    }
}

impl<'a> Extend<Header<'a>> for HeaderList {
    fn extend<I: IntoIterator<Item = Header<'a>>>(&mut self, headers: I) {
        for header in headers {
            let line = self.copy(header);
            self.lines.push(line);
        }
    }
}

impl From<Headers<'_>> for HeaderList {
    fn from(headers: Headers<'_>) -> Self {
        let bytes = headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        let mut list = Self::with_capacity(headers.len(), bytes);
        list.extend(headers.iter());
        list
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut list = Self::new();
        lines.into_iter().for_each(|(name, value)| list.push(name, value));
        list
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 8] = ["host", "Host", "x-a", "X-A", "x-b", "X-Abc", "accept", "x_a"];

    fn lines() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
        let value = prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..6);
        prop::collection::vec((prop::sample::select(&NAMES[..]), value), 0..9)
    }

    fn map(lines: &[(&str, Vec<u8>)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn a_name_has_the_values_that_a_table_of_names_gives_it(lines in lines()) {
            let (map, list): (_, HeaderList) = (map(&lines), lines.iter().cloned().collect());
            let view = list.view();
            prop_assert_eq!((view.len(), view.is_empty()), (map.len(), map.is_empty()));
            for name in NAMES.map(str::to_ascii_lowercase) {
                let expected: Vec<&[u8]> = map.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
                prop_assert_eq!(view.get_all(&name).collect::<Vec<_>>(), &expected[..]);
                prop_assert_eq!(view.get_all(&name).rev().collect::<Vec<_>>(), expected.iter().rev().copied().collect::<Vec<_>>());
                prop_assert_eq!(view.get(&name), map.get(&name).map(HeaderValue::as_bytes));
                prop_assert_eq!(view.contains(&name), map.contains_key(&name));
                prop_assert_eq!(view.get(&name).and_then(visible), map.get(&name).and_then(|value| value.to_str().ok()));
                let only = if expected.len() > 1 { Err(Twice) } else { Ok(expected.first().copied()) };
                prop_assert_eq!(view.only(&name), only);
            }
        }

        #[test]
        fn lines_come_in_their_order_and_together_by_their_names_as_a_table_gives_them(lines in lines()) {
            let list: HeaderList = lines.iter().cloned().collect();
            let sent: Vec<_> = lines.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
            let told = |header: Header<'_>| (header.name_str().to_owned(), header.value.to_vec());
            prop_assert_eq!(list.view().iter().map(told).collect::<Vec<_>>(), sent);
            let map = map(&lines);
            let grouped: Vec<_> = map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
            prop_assert_eq!(list.view().grouped().map(told).collect::<Vec<_>>(), &grouped[..]);
            let names: Vec<_> = map.keys().map(|name| name.as_str().as_bytes()).collect();
            prop_assert_eq!(list.view().names().collect::<Vec<_>>(), names);
            let again = HeaderList::from(list.view());
            prop_assert!(again.view().iter().eq(list.view().iter()));
        }

        #[test]
        fn a_value_that_is_set_is_the_only_one_of_its_name(lines in lines(), name in prop::sample::select(&NAMES[..])) {
            let (mut map, mut list): (_, HeaderList) = (map(&lines), lines.iter().cloned().collect());
            map.insert(name, HeaderValue::from_static("set"));
            list.set(name, "set");
            let told = |header: Header<'_>| (header.name_str().to_owned(), header.value.to_vec());
            let expected: Vec<_> = map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
            prop_assert_eq!(list.view().grouped().map(told).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn only_names_are_printed() {
        let list: HeaderList = [("Authorization", "hunter2")].into_iter().collect();
        assert_eq!(format!("{list:?} {:?}", list.view()), "[authorization] [authorization]");
    }
}
