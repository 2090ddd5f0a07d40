//! The commands. Each module has one function a command: it takes what the command line says and gives an [`Answer`].

mod cases;
mod check;
mod completions;
mod consumer;
mod context;
mod demo;
mod dialect;
mod explain;
mod http;
mod import;
mod import_file;
mod infer;
mod key;
mod lint;
mod login;
mod serve;
mod shell;
mod sign;
mod suite;
mod table;
mod time;
mod token;
mod wait;
mod wallet;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use countersign_edge::with_causes;
use serde_json::{Value, json};

pub(crate) use self::explain::named;
pub(crate) use self::time::rfc3339;
use crate::cli::{Cli, Command};
use context::Context;
use demo::{After, Stage};

/// What a command has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For programs.
    pub(crate) json: Value,
    /// For eyes: lines without the last newline.
    pub(crate) text: String,
    /// How it went.
    pub(crate) outcome: Outcome,
}

/// How a command that could do its work went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As was asked: exit code 0.
    Done,
    /// It says no: exit code 1.
    Refused,
}

/// Why a command could not do its work: exit code 1.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// For programs: upper snake case.
    pub(crate) code: &'static str,
    /// For eyes.
    pub(crate) message: String,
}

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    Json,
}

const DONE: u8 = 0;
const REFUSED: u8 = 1;
const WRONG_USAGE: u8 = 2;

impl Answer {
    pub(crate) fn done(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), outcome: Outcome::Done }
    }
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A refusal whose message is that of `error` and of everything that it stems from.
    pub(crate) fn of(code: &'static str, error: &dyn std::error::Error) -> Self {
        Self { code, message: with_causes(error) }
    }
}

/// Does what the command line of this process says. Standard output gets the answer; standard error gets what went
/// wrong, so that a program that reads one never finds the other there.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(wrong_usage(&error)),
    };
    let output = if cli.common.json { Output::Json } else { Output::Text };
    match dispatch(cli) {
        Ok(answer) => {
            let text = match output {
                Output::Json => answer.json.to_string(),
                Output::Text => answer.text,
            };
            if write_line(&mut std::io::stdout().lock(), &text).is_err() {
                return ExitCode::from(REFUSED);
            }
            ExitCode::from(match answer.outcome {
                Outcome::Done => DONE,
                Outcome::Refused => REFUSED,
            })
        }
        Err(refusal) => {
            print_error(output, refusal.code, &refusal.message);
            ExitCode::from(REFUSED)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Answer, Refusal> {
    let Cli { common, command } = cli;
    let context = Context::of(&common)?;
    match command {
        Command::Check => Ok(check::check(&context)),
        Command::Consumer(command) => consumer::run(&context, command),
        Command::Key(command) => key::run(&context, command),
        Command::Wallet(command) => wallet::run(&context, command),
        Command::Token(command) => token::run(&context, command),
        Command::Dialect(command) => dialect::run(&context, command, common.json),
        Command::Sign(wanted) => sign::sign(&context, &wanted),
        Command::Explain(wanted) => explain::explain(&context, &wanted),
        Command::Login(wanted) => login::login(&wanted),
        Command::Serve => serve::serve(&context),
        Command::Demo { exit } => {
            let after = if exit { After::Exit } else { After::KeepRunning };
            demo::demo(after, if common.json { Stage::Error } else { Stage::Output })
        }
        Command::Completions { shell } => Ok(completions::completions(shell)),
    }
}

fn wrong_usage(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nothing is left to be done where nobody reads the help.
            let _ = error.print();
            DONE
        }
        _ => {
            // The line could not be read, so whether it asks for JSON is seen from its words alone.
            let json = std::env::args_os().any(|argument| argument == "--json");
            let output = if json { Output::Json } else { Output::Text };
            match output {
                Output::Json => {
                    let told = error.render().to_string();
                    print_error(output, "WRONG_USAGE", told.trim_start_matches("error: ").trim_end());
                }
                Output::Text => {
                    let _ = error.print();
                }
            }
            WRONG_USAGE
        }
    }
}

fn print_error(output: Output, code: &str, message: &str) {
    let text = match output {
        Output::Json => json!({ "code": code, "message": message }).to_string(),
        Output::Text => format!("error: {message}"),
    };
    // Where standard error is closed, the exit code still tells.
    let _ = write_line(&mut std::io::stderr().lock(), &text);
}

fn write_line(to: &mut dyn std::io::Write, text: &str) -> std::io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}
