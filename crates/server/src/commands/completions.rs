//! `countersign completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use super::Answer;
use crate::cli::Cli;

pub(crate) fn completions(shell: Shell) -> Answer {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    Answer::done(json!({ "shell": shell.to_string(), "script": script }), script)
}
