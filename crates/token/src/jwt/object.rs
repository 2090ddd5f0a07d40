//! A reader for the JSON of tokens: one flat object of strings and integers (RFC 8259).
//!
//! Narrower than JSON where that leaves less to go wrong: strings hold printable ASCII without escapes, integers have no sign, fraction or exponent,
//! nothing nests. White space and order are as free as JSON has them.

/// The text is not such an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFlat;

/// A JSON object that is read member by member: a [`name`](Self::name), then its [`text`](Self::text) or
/// [`integer`](Self::integer), and again until there is no name left.
pub(super) struct FlatObject<'a> {
    rest: &'a str,
    place: Place,
}

enum Place {
    BeforeFirst,
    AfterValue,
}

impl<'a> FlatObject<'a> {
    pub(super) fn open(json: &'a str) -> Result<Self, NotFlat> {
        let rest = skip_space(json).strip_prefix('{').ok_or(NotFlat)?;
        Ok(Self { rest, place: Place::BeforeFirst })
    }

    /// The next member's name, or nothing at the end of the object, which must be the end of the text.
    pub(super) fn name(&mut self) -> Result<Option<&'a str>, NotFlat> {
        let rest = skip_space(self.rest);
        if let Some(after) = rest.strip_prefix('}') {
            return if skip_space(after).is_empty() { Ok(None) } else { Err(NotFlat) };
        }
        self.rest = match self.place {
            Place::BeforeFirst => rest,
            Place::AfterValue => skip_space(rest.strip_prefix(',').ok_or(NotFlat)?),
        };
        self.place = Place::AfterValue;
        let name = self.string()?;
        self.rest = skip_space(skip_space(self.rest).strip_prefix(':').ok_or(NotFlat)?);
        Ok(Some(name))
    }

    /// The value of the member whose name was read last, which must be a string.
    pub(super) fn text(&mut self) -> Result<&'a str, NotFlat> {
        self.string()
    }

    /// The value of the member whose name was read last, which must be an integer from 0 to 2^64 - 1.
    pub(super) fn integer(&mut self) -> Result<u64, NotFlat> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).ok_or(NotFlat)?;
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        if leading_zero || rest.starts_with(['.', 'e', 'E']) {
            return Err(NotFlat);
        }
        self.rest = rest;
        digits.parse().map_err(|_| NotFlat)
    }

    fn string(&mut self) -> Result<&'a str, NotFlat> {
        let after = self.rest.strip_prefix('"').ok_or(NotFlat)?;
        let end = after.bytes().position(|byte| !is_plain(byte)).ok_or(NotFlat)?;
        let (string, rest) = after.split_at_checked(end).ok_or(NotFlat)?;
        self.rest = rest.strip_prefix('"').ok_or(NotFlat)?;
        Ok(string)
    }
}

/// Printable ASCII that stands for itself in a JSON string.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// RFC 8259 section 2.
fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}
