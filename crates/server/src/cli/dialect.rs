//! Request signatures: `dialect`, `sign` and `explain`.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use countersign_model::{ConsumerName, DialectName, UnixTime};
use http::{HeaderName, HeaderValue, Method, Uri};

use super::moment;
use crate::config::Period;

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

fn header(text: &str) -> Result<HeaderArg, &'static str> {
    let (name, value) = text.split_once(':').ok_or("write `Name: value`")?;
    let name = name.parse().map_err(|_| "what stands before the colon is no name of a header")?;
    let value = value
        .trim_matches([' ', '\t'])
        .parse()
        .map_err(|_| "what stands after the colon is no value of a header")?;
    Ok(HeaderArg { name, value })
}
