//! The command line.

mod dialect;
mod key;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign_model::{Address, ConsumerName, Network, Rate, Scope, TokenKeyId, UnixTime};
use countersign_token::jwt::MAX_KID_LEN;

use crate::config::{InvalidAmount, Period};

pub(crate) use dialect::{DialectCommand, ExplainArgs, HeaderArg, InferArgs, SearchLimit, SignArgs};
pub(crate) use key::{Effect, ImportArgs, IssueArgs, KeyArgs, KeyCommand, LimitsArgs};

/// Tells any HTTP API who is calling: gateway, wallet login, keys and request signatures in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    after_help = "Example:\n  countersign check --config countersign.toml"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file [default: countersign.toml, where there is one].
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERSIGN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Answer with one JSON value on standard output; errors are one JSON value on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The tour: start everything that is needed, drive a client of each system through it, show what happens.
    #[command(after_help = "Example:\n  countersign demo --exit")]
    Demo {
        /// End after the tour, instead of keeping everything running to go on by hand.
        #[arg(long)]
        exit: bool,
    },
    /// Serve: the gateway and the login endpoints on the public address, health and metrics on the admin address.
    #[command(
        after_help = "SIGTERM and SIGINT stop it, after the requests that are under way. SIGHUP reloads the configuration; if the new one \
                            is wrong, it says why and keeps the old one.\n\nExample:\n  countersign serve --config countersign.toml"
    )]
    Serve,
    /// Say what is wrong with the configuration: every mistake at once.
    #[command(after_help = "Example:\n  countersign check --config countersign.toml")]
    Check,
    /// Whoever is given credentials: add, list, show, set limits, disable, enable, remove.
    #[command(subcommand)]
    Consumer(ConsumerCommand),
    /// Credentials: issue, import, list, show, rotate, set limits, revoke.
    #[command(subcommand)]
    Key(KeyCommand),
    /// What wallets may do: grant, revoke, list.
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// The keys that sign the tokens of wallets: list, rotate, remove.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Dialects, which describe request signatures: list and show them, say what one leaves open, test one, find one.
    #[command(subcommand)]
    Dialect(DialectCommand),
    /// Sign a request as a client of a dialect does, and print a curl line that sends it.
    #[command(
        after_help = "Example:\n  countersign sign --dialect realm --key csk_... --secret css_... \\\n    \
                            POST http://127.0.0.1:8080/v1/marketplace/listings -H 'Content-Type: application/json' --body-file listing.json"
    )]
    Sign(SignArgs),
    /// Say why a signed request is accepted or refused, and what the client got wrong.
    ///
    /// The request is read from a file (an HTTP message, what `curl -v` or `curl --trace` printed, a HAR file, a list of cases), or
    /// asked of a running server, which keeps the last ones that it refused. It ends with 0 where the request is accepted, and with
    /// 1 where it is not.
    #[command(
        after_help = "Examples:\n  countersign explain --dialect realm --secret css_... request.http\n  \
                            countersign explain --dialect realm request.http\n  countersign explain --request 0b7a2c9e\n  \
                            countersign explain --refused"
    )]
    Explain(ExplainArgs),
    /// Log in with a wallet and print the tokens.
    #[command(
        after_help = "Example:\n  countersign login --url http://127.0.0.1:8080 --private-key-file wallet.key"
    )]
    Login(LoginArgs),
    /// Print a script that completes commands in a shell.
    #[command(after_help = "Example:\n  countersign completions bash > countersign.bash")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// Add one.
    #[command(
        after_help = "Examples:\n  countersign consumer add acme\n  countersign consumer add acme --limit 1000/min --limit 100000/d"
    )]
    Add {
        /// What to call it; it may change, and travels to the upstream in a header.
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
        /// How many requests may pass with all its credentials together, on all routes: a rate, as in 100/min, 5000/d or '10/s burst 20';
        /// give it as often as there are periods. What the configuration says is kept beside it.
        #[arg(long = "limit", value_name = "RATE", value_parser = Rate::parse)]
        limits: Vec<Rate>,
    },
    /// List all of them.
    #[command(after_help = "Example:\n  countersign consumer list")]
    List,
    /// Show one with its credentials.
    #[command(after_help = "Example:\n  countersign consumer show acme")]
    Show {
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
    },
    /// Say how many requests may pass with all its credentials together, in place of what was said before.
    ///
    /// It is kept on all routes together, and what the configuration says is kept beside it. What was used in a period stays used.
    #[command(
        after_help = "Examples:\n  countersign consumer set-limits acme 1000/min 100000/d\n  countersign consumer set-limits acme --none"
    )]
    SetLimits {
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
        #[command(flatten)]
        limits: LimitsArgs,
        #[command(flatten)]
        effect: Effect,
    },
    /// Make none of its credentials work, until it is enabled again.
    #[command(after_help = "Example:\n  countersign consumer disable acme")]
    Disable {
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
        #[command(flatten)]
        effect: Effect,
    },
    /// Make its credentials work again, each as its own life allows.
    #[command(after_help = "Example:\n  countersign consumer enable acme")]
    Enable {
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
        #[command(flatten)]
        effect: Effect,
    },
    /// Remove one and all its credentials, for good.
    #[command(after_help = "Example:\n  countersign consumer remove acme")]
    Remove {
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
        #[command(flatten)]
        effect: Effect,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Add scopes to what a wallet may do.
    #[command(
        after_help = "Example:\n  countersign wallet grant 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --scope console:apikey:read"
    )]
    Grant {
        /// The wallet.
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// A scope; give it as often as there are scopes.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
        scopes: Vec<Scope>,
    },
    /// Take everything from a wallet and end its sessions.
    #[command(
        after_help = "Example:\n  countersign wallet revoke 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    )]
    Revoke {
        /// The wallet.
        #[arg(value_parser = Address::parse)]
        address: Address,
        #[command(flatten)]
        effect: Effect,
    },
    /// List what was granted.
    #[command(after_help = "Example:\n  countersign wallet list")]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List the keys, the one that signs first.
    #[command(after_help = "Example:\n  countersign token list")]
    List,
    /// Make a new key that signs from now on. Tokens that older keys signed stay good.
    #[command(after_help = "Example:\n  countersign token rotate")]
    Rotate,
    /// Remove an older key, and with it the validity of every token that it signed.
    #[command(after_help = "Example:\n  countersign token remove tk_0123456789abcdef")]
    Remove {
        /// The key's name.
        #[arg(value_parser = token_key_id)]
        id: TokenKeyId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Where the server is.
    #[arg(long, value_name = "http://HOST:PORT")]
    pub(crate) url: String,
    /// The file that holds the wallet's private key, as 64 hex digits.
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key_file: PathBuf,
    /// The network to name [default: none, which means the server's first].
    #[arg(long, value_parser = Network::parse)]
    pub(crate) network: Option<Network>,
}

fn period(text: &str) -> Result<Duration, InvalidAmount> {
    Period::parse(text).map(Period::duration)
}

/// How long a credential may be good: nobody means less, and a calendar ends.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = Period::parse(text).map_err(|error| error.to_string())?;
    if lifetime < Period::seconds(1) || Period::days(36_500) < lifetime {
        return Err("use 1s to 36500d".to_owned());
    }
    Ok(lifetime.duration())
}

/// A moment, with its zone or in seconds.
fn moment(text: &str) -> Result<UnixTime, &'static str> {
    if let Ok(seconds) = text.parse() {
        return Ok(UnixTime::from_secs(seconds));
    }
    let at: Result<jiff::Timestamp, _> = text.parse();
    at.map(|at| UnixTime::from_millis(at.as_millisecond()))
        .map_err(|_| "write it as 2026-11-21T12:00:00Z, or in seconds since 1970")
}

fn token_key_id(text: &str) -> Result<TokenKeyId, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > MAX_KID_LEN || !text.chars().all(plain) {
        return Err("write it as `token list` shows it");
    }
    Ok(TokenKeyId(text.into()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_every_command_shows_an_example_of_itself() {
        Cli::command().debug_assert();
        let mut without = Vec::new();
        collect_without_example(&Cli::command(), "", &mut without);
        assert!(without.is_empty(), "{without:?}");
    }

    #[test]
    fn every_example_is_a_command_line_that_is_taken() {
        let mut examples = Vec::new();
        collect_examples(&Cli::command(), &mut examples);
        assert!(examples.len() > 20);
        for example in examples {
            let taken = Cli::try_parse_from(words(&example));
            assert!(taken.is_ok(), "{example}\n{}", taken.unwrap_err());
        }
    }

    fn collect_without_example(command: &clap::Command, path: &str, without: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        if command.has_subcommands() {
            let subcommands = command.get_subcommands();
            return subcommands.for_each(|command| collect_without_example(command, &path, without));
        }
        if !help(command).contains(&path) {
            without.push(path);
        }
    }

    fn collect_examples(command: &clap::Command, examples: &mut Vec<String>) {
        let help = help(command).replace("\\\n", " ");
        let lines = help.lines().map(str::trim).filter(|line| line.starts_with("countersign "));
        examples.extend(lines.map(|line| line.split(" > ").next().unwrap().to_owned()));
        command.get_subcommands().for_each(|command| collect_examples(command, examples));
    }

    fn help(command: &clap::Command) -> String {
        command.get_after_help().map(ToString::to_string).unwrap_or_default()
    }

    /// The words of a line in which nothing but single quotes has a meaning.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (index, part) in line.split('\'').enumerate() {
            if index % 2 == 1 {
                words.last_mut().unwrap().push_str(part);
                continue;
            }
            let mut pieces = part.split(' ');
            words.last_mut().unwrap().push_str(pieces.next().unwrap_or_default());
            words.extend(pieces.map(str::to_owned));
        }
        words.retain(|word| !word.is_empty());
        words
    }
}
