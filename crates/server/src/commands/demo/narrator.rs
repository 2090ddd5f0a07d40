//! Tells the tour: what was sent, what was answered, and what the gateway's log says of it.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::log::Log;

/// The longest value that is shown whole, in characters; of a longer one, both ends are.
const SHOWN: usize = 100;

/// The headers by which the upstream knows the caller, in the order in which they are told.
const IDENTITY: [&str; 5] = [
    "x-consumer-username",
    "x-credential-identifier",
    "x-authenticated-scope",
    "x-authenticated-userid",
    "x-consumer-id",
];

/// How the tour is told.
pub(super) struct Narrator {
    stage: Stage,
    style: Style,
    log: Log,
    steps: Vec<Value>,
}

/// Where the tour is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Standard output.
    Output,
    /// Standard error, because standard output is for programs.
    Error,
}

#[derive(Clone, Copy)]
enum Style {
    Colour,
    Plain,
}

impl Narrator {
    /// Tells in colour where `stage` is a terminal and `NO_COLOR` does not ask for less.
    pub(super) fn new(stage: Stage, log: Log) -> Self {
        let terminal = match stage {
            Stage::Output => std::io::stdout().is_terminal(),
            Stage::Error => std::io::stderr().is_terminal(),
        };
        let style = match std::env::var_os("NO_COLOR") {
            None if terminal => Style::Colour,
            None | Some(_) => Style::Plain,
        };
        Self { stage, style, log, steps: Vec::new() }
    }

    /// Every step that was told, for programs.
    pub(super) fn into_steps(self) -> Vec<Value> {
        self.steps
    }

    pub(super) fn chapter(&self, title: &str) {
        self.line(&format!("\n{}\n", self.paint("1;36", &format!("== {title} =="))));
    }

    pub(super) fn step(&mut self, title: &str) {
        self.line(&self.paint("1", &format!("{:>2}. {title}", self.steps.len() + 1)));
    }

    pub(super) fn answered(&mut self, title: &str, status: StatusCode, body: &Value, request_id: &str) {
        let colour = if status.is_success() { "32" } else { "31" };
        self.line(&self.paint(colour, &format!("    < {status}")));
        match (body.get("code"), body.get("headers")) {
            (Some(code), _) => {
                let detail = body.get("detail").and_then(Value::as_str).unwrap_or_default();
                self.line(&format!("    < {}: {detail}", code.as_str().unwrap_or_default()));
            }
            (None, Some(headers)) => self.line(&format!("    the upstream saw: {}", identity(headers))),
            (None, None) => self.line(&format!("    < {}", shorten_members(&body.to_string()))),
        }
        let why = self.log.verdict(request_id).unwrap_or_else(|| "not in the log".to_owned());
        self.line(&format!("    {}\n", self.paint("2", &format!("log: {why}"))));
        self.steps.push(json!({
            "step": title, "status": status.as_u16(), "code": body.get("code"), "request_id": request_id, "log": why,
        }));
    }

    /// Tells of what happened between two requests.
    pub(super) fn aside(&self, text: &str) {
        self.line(&format!("    {text}\n"));
    }

    /// Tells what was sent.
    pub(super) fn sent(&self, request: &Request<Bytes>) {
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut text = format!("    > {} {target}\n", request.method());
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    > {}: {}", title_case(name.as_str()), shorten(&value));
        }
        if !request.body().is_empty() {
            let _ = writeln!(text, "    > {}", shorten_members(&String::from_utf8_lossy(request.body())));
        }
        self.line(text.trim_end());
    }

    /// Prints a line.
    pub(super) fn line(&self, text: &str) {
        // Where nobody reads the tour any more, there is nobody to tell that to.
        let _ = match self.stage {
            Stage::Output => writeln!(std::io::stdout(), "{text}"),
            Stage::Error => writeln!(std::io::stderr(), "{text}"),
        };
    }

    pub(super) fn heading(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Style::Plain => text.to_owned(),
        }
    }
}

fn identity(headers: &Value) -> String {
    let told = IDENTITY.iter().filter_map(|name| {
        let value = headers.get(name)?.as_str()?;
        (!value.is_empty()).then(|| format!("{}: {value}", title_case(name)))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// `x-api-key` as people write it: `X-Api-Key`.
fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn shorten(value: &str) -> String {
    let count = value.chars().count();
    if count <= SHOWN {
        return value.to_owned();
    }
    let head: String = value.chars().take(SHOWN / 2).collect();
    let tail: String = value.chars().skip(count - SHOWN / 4).collect();
    format!("{head}…{tail}")
}

/// A JSON object with its long members shortened; any other text as it is.
fn shorten_members(text: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return shorten(text) };
    let short = members.into_iter().map(|(name, value)| match value {
        Value::String(value) => (name, Value::String(shorten(&value))),
        other => (name, other),
    });
    Value::Object(short.collect()).to_string()
}
