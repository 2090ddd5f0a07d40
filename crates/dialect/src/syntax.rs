//! The text of a template, taken apart: `text{source | filter(argument, ...) | ...}text`.
//!
//! This file knows how templates are written; what the names mean is `compile`'s business.

/// How deep arguments may nest in arguments.
const MAX_DEPTH: usize = 8;

/// A template as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Expr(Expr),
}

/// A source and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expr {
    pub(crate) source: Source,
    pub(crate) filters: Vec<Filter>,
    /// Where it starts, in bytes from the start of the template.
    pub(crate) at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `name`, or `name.member`.
    Name { name: String, member: Option<String> },
    /// `'text'`.
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) args: Vec<Arg>,
    pub(crate) at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arg {
    pub(crate) value: ArgValue,
    pub(crate) at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArgValue {
    Text(String),
    Number(i64),
    Expr(Expr),
}

/// What is wrong with the writing, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub(crate) at: usize,
    pub(crate) found: String,
    pub(crate) would_do: &'static str,
}

/// Reads a whole template.
pub(crate) fn template(text: &str) -> Result<Template, Slip> {
    let mut reader = Reader { text, at: 0 };
    let mut pieces = Vec::new();
    let mut plain = String::new();
    while let Some(c) = reader.next() {
        let doubled = reader.peek() == Some(c);
        match c {
            '{' | '}' if doubled => {
                reader.next();
                plain.push(c);
            }
            '}' => {
                return Err(Slip {
                    at: reader.at - 1,
                    found: "a `}` that closes nothing".into(),
                    would_do: "write `}}` for a brace in the text",
                });
            }
            '{' => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                let open = reader.at - 1;
                let expr = reader.expr(0)?;
                if reader.next() != Some('}') {
                    return Err(Slip {
                        at: open,
                        found: "a `{` that is not closed after its source and filters".into(),
                        would_do: "write `{source | filter}`, or `{{` for a brace in the text",
                    });
                }
                pieces.push(Piece::Expr(expr));
            }
            c => plain.push(c),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Template(pieces))
}

/// Reads a lone expression, as the keys of `match` are written.
pub(crate) fn expr(text: &str) -> Result<Expr, Slip> {
    let mut reader = Reader { text, at: 0 };
    let expr = reader.expr(0)?;
    reader.end()?;
    Ok(expr)
}

/// Reads filters alone, as `encoding` is written: `hex`, or `hex | base64`.
pub(crate) fn filters(text: &str) -> Result<Vec<Filter>, Slip> {
    let mut reader = Reader { text, at: 0 };
    let mut filters = vec![reader.filter(0)?];
    while reader.take('|') {
        filters.push(reader.filter(0)?);
    }
    reader.end()?;
    Ok(filters)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Takes `c` with the blanks around it, if it is next.
    fn take(&mut self, c: char) -> bool {
        self.blanks();
        let there = self.peek() == Some(c);
        if there {
            self.next();
            self.blanks();
        }
        there
    }

    fn end(&mut self) -> Result<(), Slip> {
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(c) => Err(Slip {
                at: self.at,
                found: format!("`{c}` after the end"),
                would_do: "filters follow each other after `|`",
            }),
        }
    }

    fn word(&mut self, allowed: fn(char) -> bool) -> &str {
        let start = self.at;
        while self.peek().is_some_and(allowed) {
            self.next();
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, Slip> {
        self.blanks();
        let at = self.at;
        let source = self.source()?;
        let mut filters = Vec::new();
        while self.take('|') {
            filters.push(self.filter(depth)?);
        }
        Ok(Expr { source, filters, at })
    }

    fn source(&mut self) -> Result<Source, Slip> {
        let at = self.at;
        if self.peek() == Some('\'') {
            return Ok(Source::Text(self.quoted()?));
        }
        let name = self.word(is_name).to_owned();
        if name.is_empty() {
            return Err(Slip {
                at,
                found: "no source here".into(),
                would_do: "name one, such as `header.X-Api-Key`, or quote a text: 'text'",
            });
        }
        let mut member = None;
        if self.peek() == Some('.') {
            self.next();
            let at = self.at;
            let text =
                if self.peek() == Some('\'') { self.quoted()? } else { self.word(is_member).to_owned() };
            if text.is_empty() {
                return Err(Slip {
                    at,
                    found: "no name after the dot".into(),
                    would_do: "write it as in `header.Date`; quote it where it holds blanks or signs: `query.'a b'`",
                });
            }
            member = Some(text);
        }
        Ok(Source::Name { name, member })
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, Slip> {
        self.blanks();
        let at = self.at;
        let name = self.word(is_name).to_owned();
        if name.is_empty() {
            return Err(Slip {
                at,
                found: "no filter here".into(),
                would_do: "name one after `|`, such as `sha256` or `hex`",
            });
        }
        let mut args = Vec::new();
        if self.take('(') {
            loop {
                args.push(self.arg(depth + 1)?);
                if !self.take(',') {
                    break;
                }
            }
            self.blanks();
            if self.next() != Some(')') {
                return Err(Slip {
                    at: self.at.min(self.text.len()),
                    found: format!("the arguments of `{name}` are not closed"),
                    would_do: "separate them with `,` and close them with `)`",
                });
            }
        }
        Ok(Filter { name, args, at })
    }

    fn arg(&mut self, depth: usize) -> Result<Arg, Slip> {
        self.blanks();
        let at = self.at;
        if depth > MAX_DEPTH {
            return Err(Slip {
                at,
                found: format!("more than {MAX_DEPTH} arguments inside each other"),
                would_do: "name a step with `let`",
            });
        }
        if self.peek().is_some_and(|c| c == '-' || c.is_ascii_digit()) {
            let digits = self.word(|c| c == '-' || c.is_ascii_digit());
            let number = digits.parse().map_err(|_| Slip {
                at,
                found: format!("`{digits}` is no number"),
                would_do: "write digits, with `-` in front to count from the end",
            })?;
            return Ok(Arg { value: ArgValue::Number(number), at });
        }
        let expr = self.expr(depth)?;
        let value = match expr {
            Expr { source: Source::Text(text), filters, .. } if filters.is_empty() => ArgValue::Text(text),
            expr => ArgValue::Expr(expr),
        };
        Ok(Arg { value, at })
    }

    /// `'text'`, where `''` stands for one quote.
    fn quoted(&mut self) -> Result<String, Slip> {
        let open = self.at;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    return Err(Slip {
                        at: open,
                        found: "a quote that is not closed".into(),
                        would_do: "close it with '; write '' for a quote inside",
                    });
                }
                Some('\'') if self.peek() == Some('\'') => {
                    self.next();
                    text.push('\'');
                }
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_member(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '|' | '(' | ')' | '{' | '}' | ',' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_of(template: &Template) -> Vec<String> {
        template.0.iter().map(|piece| format!("{piece:?}")).collect()
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(template("{{a}}").unwrap(), Template(vec![Piece::Text("{a}".into())]));
    }

    #[test]
    fn a_member_may_hold_dots_and_quoted_signs() {
        let read = template("{query.Filters.0.Name}{json.'a b'}").unwrap();
        assert!(source_of(&read)[0].contains("Filters.0.Name"));
        assert!(source_of(&read)[1].contains("a b"));
    }

    #[test]
    fn arguments_are_texts_numbers_and_expressions() {
        let read = expr("a | or(body | sha256 | hex, 'it''s', -2)").unwrap();
        let args = &read.filters[0].args;
        assert!(matches!(&args[0].value, ArgValue::Expr(inner) if inner.filters.len() == 2));
        assert_eq!(args[1].value, ArgValue::Text("it's".into()));
        assert_eq!(args[2].value, ArgValue::Number(-2));
    }

    #[test]
    fn slips_say_where_they_are() {
        for (text, at) in [("ab}", 2), ("a{b", 1), ("{b | }", 5), ("{b | f('x}", 7), ("{}", 1), ("{a.}", 3)] {
            assert_eq!(template(text).unwrap_err().at, at, "{text}");
        }
    }
}
