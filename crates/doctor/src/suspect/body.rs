//! Bodies that were signed in another form than they were sent in.

use super::Suspicion;
use super::jsontext::{Blanks, Node, Numbers, Order, Signs, Slashes, Style};
use super::target::{Plus, base64, decode, encode, text};
use crate::finding::Kind;
use crate::limits::MAX_REWRITTEN_BODY_BYTES;
use crate::shown::quoted;
use crate::view::{Change, Scene};

const AS_SENT: &str = "Write the body once, sign those bytes, and send the same bytes.";

pub(super) fn suspicions(scene: &Scene<'_>) -> Vec<Suspicion> {
    let Some(sent) = scene.request.body else { return Vec::new() };
    let mut all = Vec::new();
    let mut push = |kind, rank, body: Vec<u8>, said: String| {
        if body != sent {
            all.push(Suspicion::new(kind, rank, Change::Body(body), said, AS_SENT));
        }
    };
    if sent.is_empty() {
        for other in ["{}", "null", "\"\"", "[]", "undefined", "None"] {
            let said = format!("The client signed `{other}` as the body, and sent none.");
            push(Kind::BodyEmpty, 38, other.into(), said);
        }
        // Parameters that went into the query were signed as the body they would have made.
        if let Some(query) = scene.request.query() {
            let said = "The client signed the parameters of the query as the body, and sent no body.";
            push(Kind::BodyEmpty, 39, query.into(), said.to_owned());
            push(Kind::BodyForm, 65, json_of(query).into_bytes(), format!("{said} It wrote them as JSON."));
        }
        return all;
    }
    push(
        Kind::BodyEmpty,
        13,
        Vec::new(),
        format!("The client signed an empty body, and sent {} bytes.", sent.len()),
    );
    ends(sent, &mut push);
    if sent.len() <= MAX_REWRITTEN_BODY_BYTES
        && let Ok(text) = std::str::from_utf8(sent)
    {
        encodings(text, &mut push);
        match Node::read(text) {
            Some(node) => json(&node, text, &mut push),
            None => form(text, &mut push),
        }
    }
    all
}

fn ends(sent: &[u8], push: &mut impl FnMut(Kind, u32, Vec<u8>, String)) {
    let with = |end: &[u8]| [sent, end].concat();
    push(
        Kind::BodyNewline,
        14,
        with(b"\n"),
        "The client signed a line end behind the body, and sent the body without.".into(),
    );
    push(
        Kind::BodyNewline,
        47,
        with(b"\r\n"),
        "The client signed a CRLF behind the body, and sent the body without.".into(),
    );
    let bare = sent.strip_suffix(b"\n").map(|bare| bare.strip_suffix(b"\r").unwrap_or(bare));
    if let Some(bare) = bare {
        push(
            Kind::BodyNewline,
            14,
            bare.to_vec(),
            "The client signed the body without the line end that it sent behind it.".into(),
        );
    }
    push(
        Kind::BodyNewline,
        48,
        sent.trim_ascii().to_vec(),
        "The client signed the body without the blanks around it.".into(),
    );
    let lines: Vec<&[u8]> = sent.split(|byte| *byte == b'\n').collect();
    let bare: Vec<&[u8]> = lines.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    push(
        Kind::BodyLineEnds,
        49,
        bare.join(b"\n".as_slice()),
        "The client signed the body with LF line ends, and sent CRLF.".into(),
    );
    push(
        Kind::BodyLineEnds,
        49,
        bare.join(b"\r\n".as_slice()),
        "The client signed the body with CRLF line ends, and sent LF.".into(),
    );
    push(Kind::BodyLineEnds, 66, bare.concat(), "The client signed the body without its line ends.".into());
}

fn encodings(sent: &str, push: &mut impl FnMut(Kind, u32, Vec<u8>, String)) {
    push(
        Kind::BodyEncoding,
        67,
        base64(sent.as_bytes()).into_bytes(),
        "The client signed the body in base64, and sent it as it is.".into(),
    );
    push(
        Kind::BodyEncoding,
        68,
        encode(sent, "-._~").into_bytes(),
        "The client signed the body with percent-escapes, and sent it as it is.".into(),
    );
    push(
        Kind::BodyEncoding,
        69,
        decode(sent, Plus::Blank),
        "The client signed the body decoded, and sent it with percent-escapes.".into(),
    );
    if !sent.is_ascii() {
        let latin: Option<Vec<u8>> = sent.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if let Some(latin) = latin {
            push(
                Kind::BodyEncoding,
                50,
                latin,
                "The client signed the body in Latin-1, and sent it in UTF-8.".into(),
            );
        }
        let twice: String = sent.bytes().map(char::from).collect();
        push(
            Kind::BodyEncoding,
            51,
            twice.into_bytes(),
            "The client signed the body encoded in UTF-8 twice.".into(),
        );
    }
    let wide: Vec<u8> = sent.encode_utf16().flat_map(u16::to_le_bytes).collect();
    push(Kind::BodyEncoding, 100, wide, "The client signed the body in UTF-16, and sent it in UTF-8.".into());
    push(
        Kind::BodyRewritten,
        78,
        sent.to_lowercase().into_bytes(),
        "The client signed the body in lower case.".into(),
    );
    let blankless: String = sent.split_ascii_whitespace().collect();
    push(
        Kind::BodyRewritten,
        79,
        blankless.into_bytes(),
        "The client signed the body without any blanks, also inside its texts.".into(),
    );
}

/// The document as other libraries write it.
fn json(node: &Node, sent: &str, push: &mut impl FnMut(Kind, u32, Vec<u8>, String)) {
    for (rank, style) in (100_u32..).zip(styles()) {
        let text = node.write(style);
        let how = told(style);
        let near = if rank < 110 { rank - 100 + 52 } else { rank };
        let said = format!(
            "The client wrote the JSON of the body anew after it had signed it: it signed it {how}, {}, and sent {}.",
            quoted(text.as_bytes()),
            quoted(sent.as_bytes())
        );
        push(Kind::BodyRewritten, near, text.into_bytes(), said);
    }
    if let Some(pairs) = node.pairs() {
        let mut pairs = pairs;
        for (how, rank) in [("", 63), (" sorted by name", 64)] {
            let form: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name, "-._~"), encode(value, "-._~")))
                .collect();
            let plain: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            for form in [form.join("&"), plain.join("&")] {
                let said =
                    format!("The client signed a form{how} ({}), and sent JSON.", quoted(form.as_bytes()));
                push(Kind::BodyForm, rank, form.into_bytes(), said);
            }
            pairs.sort();
        }
    }
    let in_quotes = format!("\"{}\"", sent.replace('\\', "\\\\").replace('"', "\\\""));
    push(
        Kind::BodyRewritten,
        80,
        in_quotes.into_bytes(),
        "The client signed the JSON of the body encoded as JSON a second time.".into(),
    );
}

/// Every style, the commonest first.
fn styles() -> Vec<Style> {
    let plain = Style {
        blanks: Blanks::None,
        order: Order::AsSent,
        signs: Signs::Plain,
        slashes: Slashes::Plain,
        numbers: Numbers::AsSent,
    };
    let mut all = Vec::new();
    for numbers in [Numbers::AsSent, Numbers::Short, Numbers::Fractions, Numbers::Texts] {
        for slashes in [Slashes::Plain, Slashes::Escaped] {
            for signs in [Signs::Plain, Signs::Escaped] {
                for blanks in [Blanks::None, Blanks::After, Blanks::Lines(2), Blanks::Lines(4)] {
                    for order in [Order::AsSent, Order::ByName] {
                        all.push(Style { blanks, order, signs, slashes, numbers });
                    }
                }
            }
        }
    }
    // How far it is from the plain style.
    all.sort_by_key(|style| {
        u32::from(style.blanks != plain.blanks)
            + u32::from(style.order != plain.order)
            + u32::from(style.signs != plain.signs)
            + 2 * u32::from(style.slashes != plain.slashes)
            + 2 * u32::from(style.numbers != plain.numbers)
    });
    all
}

fn told(style: Style) -> String {
    let mut how = vec![match style.blanks {
        Blanks::None => "without blanks",
        Blanks::After => "with a blank behind `:` and `,`",
        Blanks::Lines(_) => "over several lines",
    }];
    how.extend((style.order == Order::ByName).then_some("sorted by name"));
    how.extend((style.signs == Signs::Escaped).then_some("with \\u escapes"));
    how.extend((style.slashes == Slashes::Escaped).then_some("with `\\/` for `/`"));
    how.extend(match style.numbers {
        Numbers::AsSent => None,
        Numbers::Short => Some("with shorter numbers"),
        Numbers::Fractions => Some("with `.0` behind whole numbers"),
        Numbers::Texts => Some("with numbers in quotes"),
    });
    how.join(" and ")
}

fn form(sent: &str, push: &mut impl FnMut(Kind, u32, Vec<u8>, String)) {
    if !sent.contains('=') {
        return;
    }
    push(Kind::BodyForm, 40, json_of(sent).into_bytes(), "The client signed JSON, and sent a form.".into());
    let mut pairs: Vec<&str> = sent.split('&').collect();
    pairs.sort_unstable();
    let sorted = pairs.join("&");
    let said = format!(
        "The client signed the form sorted ({}), and sent {}.",
        quoted(sorted.as_bytes()),
        quoted(sent.as_bytes())
    );
    push(Kind::BodyRewritten, 41, sorted.into_bytes(), said);
    for (old, new) in [("+", "%20"), ("%20", "+")] {
        let said = format!("The client signed blanks in the form as `{new}`, and sent them as `{old}`.");
        push(Kind::BodyEncoding, 42, sent.replace(old, new).into_bytes(), said);
    }
}

/// A form as JSON without blanks.
fn json_of(form: &str) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (text(decode(name, Plus::Blank)), Node::Text(text(decode(value, Plus::Blank))))
    };
    Node::Object(form.split('&').map(pair).collect()).write(Style {
        blanks: Blanks::None,
        order: Order::AsSent,
        signs: Signs::Plain,
        slashes: Slashes::Plain,
        numbers: Numbers::AsSent,
    })
}
