//! `key`: credentials.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use countersign_model::{ConsumerName, DialectName, KeyId, Label, Rate, Scope};

use super::{lifetime, period};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Give a consumer a credential. What is secret of it is shown this once.
    #[command(
        after_help = "Examples:\n  countersign key issue --consumer acme --scope listings:read --expires 90d\n  \
                            countersign key issue --consumer acme --dialect realm --json\n  \
                            countersign key issue --consumer acme --limit 100/min --limit 5000/d"
    )]
    Issue(IssueArgs),
    /// Take over credentials that were made elsewhere: one, or all of a file. Their holders change nothing.
    ///
    /// A secret is read from a file or from standard input, never from the command line: other users of the machine see that, and the shell
    /// keeps it. In dialects whose requests carry no key id (webhooks), `--key-id` is a name for commands, and routes say `signed_by`.
    ///
    /// A file (`--file`) is a list in CSV, its first line naming the columns, or has one JSON object a line: `consumer`, `dialect`, `key_id`,
    /// `secret` or `public_key`, `api_key`, `scopes`, `limits`, `label`, `expires`. All of it is imported, or none.
    #[command(
        after_help = "Examples:\n  countersign key import --consumer acme --dialect kraken --key-id K1 --secret-file k1.secret\n  \
                            countersign key import --consumer acme --dialect rfc9421 --key-id acme-1 --public-key-file acme.pem\n  \
                            countersign key import --consumer github --dialect github --key-id github-2026 --secret-stdin\n  \
                            countersign key import --consumer acme --api-key-file acme.key --scope orders:read\n  \
                            countersign key import --file customers.csv --add-consumers --dry-run"
    )]
    Import(Box<ImportArgs>),
    /// List credentials, of all consumers or of one.
    #[command(after_help = "Example:\n  countersign key list --consumer acme")]
    List {
        /// Only this consumer's.
        #[arg(long, value_name = "NAME", value_parser = ConsumerName::parse)]
        consumer: Option<ConsumerName>,
    },
    /// Show one.
    #[command(after_help = "Example:\n  countersign key show key_0aB1cD2eF3gH4iJ5")]
    Show {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Replace one by a new one. The old one stays good for a while, so that its user can change over.
    #[command(after_help = "Example:\n  countersign key rotate key_0aB1cD2eF3gH4iJ5 --overlap 24h")]
    Rotate {
        #[command(flatten)]
        key: KeyArgs,
        /// How long the old one stays good; 0s ends it at once.
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = period)]
        overlap: Duration,
        /// How long the new one is good [default: as long as the old one was issued for].
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        expires: Option<Duration>,
        #[command(flatten)]
        effect: Effect,
    },
    /// Say how many requests may pass with one, in place of what was said before.
    ///
    /// It is kept on all routes together, and what the configuration says is kept beside it. What was used in a period stays used.
    #[command(after_help = "Examples:\n  countersign key set-limits key_0aB1cD2eF3gH4iJ5 100/min 5000/d\n  \
                            countersign key set-limits key_0aB1cD2eF3gH4iJ5 --none")]
    SetLimits {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        limits: LimitsArgs,
        #[command(flatten)]
        effect: Effect,
    },
    /// End one at once.
    #[command(
        after_help = "Examples:\n  countersign key revoke key_0aB1cD2eF3gH4iJ5\n  countersign key revoke key_0aB1cD2eF3gH4iJ5 --wait"
    )]
    Revoke {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        effect: Effect,
    },
}

/// Which key.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key id.
    #[arg(value_parser = KeyId::parse)]
    pub(crate) id: KeyId,
    /// Its dialect, where several have this key id.
    #[arg(long, value_parser = DialectName::parse)]
    pub(crate) dialect: Option<DialectName>,
}

/// How many requests may pass.
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    /// A rate, as in 100/min, 5000/d or '10/s burst 20'; as many as there are periods.
    #[arg(value_name = "RATE", value_parser = Rate::parse, required_unless_present = "none")]
    pub(crate) rates: Vec<Rate>,
    /// No limit but those of the configuration.
    #[arg(long, conflicts_with = "rates")]
    pub(crate) none: bool,
}

/// When a command that changes something ends.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Effect {
    /// Wait until the change is in effect in every server that runs on the database, and say how long that took. It ends with 1 where
    /// one of them says nothing for 6 seconds.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// Whose it will be.
    #[arg(long, value_name = "NAME", value_parser = ConsumerName::parse)]
    pub(crate) consumer: ConsumerName,
    /// The dialect that its requests are signed in [default: none, it is an API key].
    #[arg(long, value_parser = DialectName::parse)]
    pub(crate) dialect: Option<DialectName>,
    /// What it permits; give it as often as there are scopes.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(crate) scopes: Vec<Scope>,
    /// How many requests may pass with it, on all routes together: a rate, as in 100/min, 5000/d or '10/s burst 20'; give it as often as
    /// there are periods. What the configuration says is kept beside it.
    #[arg(long = "limit", value_name = "RATE", value_parser = Rate::parse)]
    pub(crate) limits: Vec<Rate>,
    /// How long it is good, as in 90d [default: until it is revoked].
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) expires: Option<Duration>,
    /// A note for operators.
    #[arg(long, value_name = "TEXT", value_parser = Label::parse)]
    pub(crate) label: Option<Label>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["secret_file", "secret_stdin", "public_key_file", "secret"])))]
#[command(group(ArgGroup::new("where").args(["consumer", "file"]).required(true)))]
pub(crate) struct ImportArgs {
    /// Whose it is.
    #[arg(long, value_name = "NAME", value_parser = ConsumerName::parse)]
    pub(crate) consumer: Option<ConsumerName>,
    /// The dialect that its requests are signed in [default: none, it is an API key].
    #[arg(long, value_parser = DialectName::parse)]
    pub(crate) dialect: Option<DialectName>,
    /// The key id that requests carry; where they carry none, a name for commands [default there: a new one].
    #[arg(long, value_name = "ID", value_parser = KeyId::parse)]
    pub(crate) key_id: Option<KeyId>,
    /// A file that holds the signing secret as the vendor shows it; where it has several parts, a JSON object of them.
    #[arg(long, value_name = "FILE", requires = "dialect")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The signing secret is on standard input.
    #[arg(long, requires = "dialect")]
    pub(crate) secret_stdin: bool,
    /// A file that holds the public key: PEM, or the bare key in hex or base64.
    #[arg(long, value_name = "FILE", requires = "dialect")]
    pub(crate) public_key_file: Option<PathBuf>,
    /// A file that holds the API key; in a dialect, the key that opens routes alone. A digest of it is kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// What it permits; give it as often as there are scopes.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::parse)]
    pub(crate) scopes: Vec<Scope>,
    /// How many requests may pass with it, on all routes together: a rate, as in 100/min, 5000/d or '10/s burst 20'; give it as often as
    /// there are periods. What the configuration says is kept beside it.
    #[arg(long = "limit", value_name = "RATE", value_parser = Rate::parse)]
    pub(crate) limits: Vec<Rate>,
    /// How long it is good from now, as in 90d [default: until it is revoked].
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) expires: Option<Duration>,
    /// A note for operators.
    #[arg(long, value_name = "TEXT", value_parser = Label::parse)]
    pub(crate) label: Option<Label>,
    /// The key of the same consumer and dialect that it replaces.
    #[arg(long, value_name = "ID", value_parser = KeyId::parse, conflicts_with = "dry_run")]
    pub(crate) replaces: Option<KeyId>,
    /// How long the one that it replaces stays good; 0s ends it at once.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = period)]
    pub(crate) overlap: Duration,
    /// Import all that a file lists: CSV, or one JSON object a line.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["consumer", "dialect", "key_id", "what", "api_key_file", "scopes", "limits", "expires", "label", "replaces"]
    )]
    pub(crate) file: Option<PathBuf>,
    /// Add the consumers of the file that are not there.
    #[arg(long, requires = "file")]
    pub(crate) add_consumers: bool,
    /// Say what would be imported and what is wrong with it; write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take secrets that are easily guessed too, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) danger_weak_secrets: Option<String>,
    /// Refused: a secret does not belong there.
    #[arg(long, hide = true)]
    pub(crate) secret: Option<String>,
    /// Refused: a secret does not belong there.
    #[arg(long, hide = true)]
    pub(crate) api_key: Option<String>,
}
