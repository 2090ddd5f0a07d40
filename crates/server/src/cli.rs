//! The command line.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};
use countersign_model::{
    Address, ConsumerName, DialectName, KeyId, Label, Network, Scope, TokenKeyId, UnixTime,
};
use countersign_token::jwt::MAX_KID_LEN;
use http::{HeaderName, HeaderValue, Method, Uri};

use crate::config::{InvalidAmount, Period};

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
    /// Whoever is given credentials: add, list, show, disable, enable, remove.
    #[command(subcommand)]
    Consumer(ConsumerCommand),
    /// Credentials: issue, import, list, show, rotate, revoke.
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
    #[command(after_help = "Example:\n  countersign consumer add acme")]
    Add {
        /// What to call it; it may change, and travels to the upstream in a header.
        #[arg(value_parser = ConsumerName::parse)]
        name: ConsumerName,
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
pub(crate) enum KeyCommand {
    /// Give a consumer a credential. What is secret of it is shown this once.
    #[command(
        after_help = "Examples:\n  countersign key issue --consumer acme --scope listings:read --expires 90d\n  \
                            countersign key issue --consumer acme --dialect realm --json"
    )]
    Issue(IssueArgs),
    /// Take over credentials that were made elsewhere: one, or all of a file. Their holders change nothing.
    ///
    /// A secret is read from a file or from standard input, never from the command line: other users of the machine see that, and the shell
    /// keeps it. In dialects whose requests carry no key id (webhooks), `--key-id` is a name for commands, and routes say `signed_by`.
    ///
    /// A file (`--file`) is a list in CSV, its first line naming the columns, or has one JSON object a line: `consumer`, `dialect`, `key_id`,
    /// `secret` or `public_key`, `api_key`, `scopes`, `label`, `expires`. All of it is imported, or none.
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
        conflicts_with_all = ["consumer", "dialect", "key_id", "what", "api_key_file", "scopes", "expires", "label", "replaces"]
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

#[derive(Debug, Subcommand)]
pub(crate) enum DialectCommand {
    /// List them: those that come with the program, and those of the configuration.
    #[command(after_help = "Example:\n  countersign dialect list")]
    List,
    /// Show one as it is written.
    #[command(after_help = "Example:\n  countersign dialect show realm")]
    Show {
        #[arg(value_parser = DialectName::parse)]
        name: DialectName,
    },
    /// Say what one leaves open: what is not signed, what can be sent again, which hashes are weak.
    ///
    /// These are facts about the vendor's scheme, not mistakes: it ends with 0 where the dialect can be loaded. A file
    /// records with `danger_NAME = "reason"` that one of them is meant.
    #[command(after_help = "Example:\n  countersign dialect lint realm")]
    Lint {
        /// The name of a dialect, or a file.
        #[arg(value_name = "FILE|NAME")]
        what: String,
    },
    /// Run dialect files against the requests beside them, and print a line for each.
    ///
    /// Beside the file of the dialect NAME stands NAME.cases.json: a list of requests, each with the secret that it was
    /// signed with and the moment. Of a file that holds several dialects, each has its own. It ends with 1 where one does
    /// not come to what it must.
    #[command(
        after_help = "A case:\n  {\"id\": \"one\", \"now_ms\": 1795262400000, \"secret\": \"...\", \"request\": {\"method\": \"POST\",\n   \
                            \"url\": \"https://api.example/v1\", \"headers\": [[\"X-Key\", \"k\"]], \"body\": \"...\"}}\n\n\
                            docs/dialects.md says what each field means, under \"Cases\".\n\n\
                            Example:\n  countersign dialect test dialects/webhooks/stripe.toml"
    )]
    Test {
        /// The dialect files.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Find the dialect of captured requests, by search over request and secret, and print its file.
    ///
    /// A request file is an HTTP message, what `curl -v` or `curl --trace` printed, or a HAR file. One request of each
    /// kind, signed with the same secret, is best: with and without a query, with and without a body. What is printed was
    /// verified against every request; below it stands what they leave undecided, and which further one would settle it.
    #[command(
        after_help = "Example:\n  countersign dialect infer get.http post.http --secret-file vendor.secret --key-id my-key --name vendor"
    )]
    Infer(InferArgs),
    /// Print a page with a table of all dialects below a folder, with how many of their cases verify.
    #[command(after_help = "Example:\n  countersign dialect table dialects > docs/schemes.md")]
    Table { folder: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct InferArgs {
    /// Files that hold requests.
    #[arg(value_name = "REQUEST-FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The secret that they were signed with. Other users of this machine can see it while this runs.
    #[arg(long, required_unless_present = "secret_file", conflicts_with = "secret_file")]
    pub(crate) secret: Option<String>,
    /// A file that holds the secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The public name of the credential, where the vendor has one.
    #[arg(long, value_name = "KEY")]
    pub(crate) key_id: Option<String>,
    /// What to call the dialect.
    #[arg(long, default_value = "inferred", value_parser = DialectName::parse)]
    pub(crate) name: DialectName,
    /// How long to search, as in 60s, or how many strings to try, as in 50000000.
    #[arg(long, value_name = "TIME|COUNT", default_value = SearchLimit::DEFAULT, value_parser = SearchLimit::parse)]
    pub(crate) limit: SearchLimit,
    /// Tell progress on standard error even where that is no terminal.
    #[arg(long)]
    pub(crate) progress: bool,
}

/// Where a search ends that finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchLimit {
    Time(Duration),
    Candidates(u64),
}

impl SearchLimit {
    /// Long enough for a typical dialect many times over.
    const DEFAULT: &str = "60s";

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = "use a time such as 60s, or a count such as 50000000";
        let limit = match text.parse() {
            Ok(count) => Self::Candidates(count),
            Err(_) => Self::Time(Period::parse(text).map_err(|_| wrong)?.duration()),
        };
        let nothing = matches!(limit, Self::Candidates(0)) || limit == Self::Time(Duration::ZERO);
        if nothing { Err(wrong.to_owned()) } else { Ok(limit) }
    }
}

impl fmt::Display for SearchLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{}s", time.as_secs_f64()),
            Self::Candidates(count) => write!(f, "{count} strings"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The dialect: its name. One of a file of yours is named in the configuration, with `[[dialect]]` and `file`.
    #[arg(long, value_parser = DialectName::parse)]
    pub(crate) dialect: DialectName,
    /// The API key, as `key issue` gave it, or the key id that was imported; left out where requests carry none.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The signing secret, as `key issue` gave it. Other users of this machine can see it while this runs.
    #[arg(long, required_unless_present = "secret_file", conflicts_with = "secret_file")]
    pub(crate) secret: Option<String>,
    /// A file that holds the signing secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The method, as in POST.
    pub(crate) method: Method,
    /// The URL, as it is sent.
    pub(crate) url: Uri,
    /// A header; give it as often as there are headers.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<HeaderArg>,
    /// The file that holds the body.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["file", "request", "refused"]))]
pub(crate) struct ExplainArgs {
    /// The file that holds the request.
    #[arg(value_name = "REQUEST-FILE", requires = "dialect")]
    pub(crate) file: Option<PathBuf>,
    /// The dialect: its name, or a dialect file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) dialect: Option<String>,
    /// The key id to go by, where it is another than the request says.
    #[arg(long, conflicts_with_all = ["secret", "secret_file", "consumer"])]
    pub(crate) key: Option<String>,
    /// Who signs, in dialects whose requests do not say it.
    #[arg(long, value_name = "NAME", value_parser = ConsumerName::parse, conflicts_with_all = ["secret", "secret_file"])]
    pub(crate) consumer: Option<ConsumerName>,
    /// The signing secret, or the public key [default: the one that is kept for the key id]. Other users of this machine can see
    /// it while this runs.
    #[arg(long, conflicts_with = "secret_file")]
    pub(crate) secret: Option<String>,
    /// A file that holds the secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The moment at which to judge it, as in 2026-11-21T12:00:00Z or 1795262400 [default: when it was captured, where the file
    /// says it, and otherwise now].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) now: Option<UnixTime>,
    /// The file that holds the body, where the capture does not.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
    /// Which of the requests in the file, from 1 [default: the last].
    #[arg(long, value_name = "NUMBER")]
    pub(crate) entry: Option<NonZeroUsize>,
    /// One that a running server refused, by the `X-Request-Id` of its answer.
    #[arg(long, value_name = "ID", conflicts_with_all = ["dialect", "key", "consumer", "secret", "secret_file", "now", "body_file", "entry"])]
    pub(crate) request: Option<String>,
    /// List the last ones that a running server refused.
    #[arg(long, conflicts_with_all = ["dialect", "key", "consumer", "secret", "secret_file", "now", "body_file", "entry"])]
    pub(crate) refused: bool,
    /// The admin address of the running server [default: the one in the configuration].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) admin: Option<String>,
}

/// A header, as `Name: value`.
#[derive(Clone, Debug)]
pub(crate) struct HeaderArg {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
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

fn header(text: &str) -> Result<HeaderArg, &'static str> {
    let (name, value) = text.split_once(':').ok_or("write `Name: value`")?;
    let name = name.parse().map_err(|_| "what stands before the colon is no name of a header")?;
    let value = value
        .trim_matches([' ', '\t'])
        .parse()
        .map_err(|_| "what stands after the colon is no value of a header")?;
    Ok(HeaderArg { name, value })
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
