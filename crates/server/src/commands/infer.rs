//! `countersign dialect infer`: the dialect of captured requests, found by search.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use countersign_capture::{Body, Captured, Scheme, read as read_capture};
use countersign_infer::{Ended, Found, NotFound, Progress, Question, Sample, Watch, infer as search};
use serde_json::{Value, json};

use super::lint::findings_json;
use super::sign::{read, secret_of};
use super::{Answer, Refusal};
use crate::cli::{InferArgs, SearchLimit};

/// The most requests that are looked at together.
const MAX_SAMPLES: usize = 256;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(500);

pub(super) fn infer(wanted: &InferArgs, json: bool) -> Result<Answer, Refusal> {
    let samples = samples(&wanted.files)?;
    let secret = secret_of(wanted.secret.as_deref(), wanted.secret_file.as_deref())?;
    let candidates = match wanted.limit {
        SearchLimit::Time(_) => u64::MAX,
        SearchLimit::Candidates(most) => most,
    };
    let question = Question {
        samples: &samples,
        secret: secret.expose(),
        key_id: wanted.key_id.as_deref(),
        name: &wanted.name,
        candidates,
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    let tell = wanted.progress || (!json && std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let watched = Watched::default();
    let outcome = std::thread::scope(|scope| {
        let (done, ended) = tokio::sync::oneshot::channel();
        let thread = scope.spawn(|| watched.watch(wanted.limit, tell, ended));
        let outcome = search(&question, &watched);
        let _ = done.send(());
        // Without it the search only has no end but its own.
        let _ = thread.join();
        outcome
    });
    match outcome {
        Ok(found) => Ok(answer(&found, samples.len())),
        Err(not) => Err(refusal(&not, &watched, wanted.limit, samples.len())),
    }
}

/// The requests of all files, in order.
fn samples(files: &[PathBuf]) -> Result<Vec<Sample>, Refusal> {
    let mut samples = Vec::new();
    for file in files {
        let captured = read_capture(&read(file)?)
            .map_err(|why| Refusal::new("UNREADABLE_REQUEST", format!("`{}`: {why}", file.display())))?;
        for one in captured {
            samples.push(sample(file, one)?);
        }
    }
    if samples.len() > MAX_SAMPLES {
        let found = samples.len();
        return Err(Refusal::new(
            "TOO_MANY_REQUESTS",
            format!(
                "the files hold {found} requests: at most {MAX_SAMPLES}, and a few of each kind are enough"
            ),
        ));
    }
    Ok(samples)
}

fn sample(file: &Path, captured: Captured) -> Result<Sample, Refusal> {
    let headers = captured.headers();
    let body = match captured.body {
        Body::Whole(body) => body,
        Body::NotShown { .. } => {
            return Err(Refusal::new(
                "BODY_NOT_SHOWN",
                format!(
                    "`{}`: the request had a body and the capture does not show it: capture it with `curl --trace`, \
                     or write the request as an HTTP message",
                    file.display()
                ),
            ));
        }
    };
    Ok(Sample {
        method: captured.method,
        scheme: captured.scheme.unwrap_or(Scheme::Https).as_str().to_owned(),
        host: captured.host,
        target: captured.target,
        headers,
        names: captured.fields.into_iter().map(|field| field.name).collect(),
        body,
    })
}

fn answer(found: &Found, samples: usize) -> Answer {
    let findings = found.recipe.lint();
    let open = found.open.iter().map(|open| json!({ "what": open.what, "settle": open.settle }));
    let json = json!({
        "dialect": found.recipe.name().as_str(),
        "file": found.file,
        "requests": samples,
        "tried": found.tried,
        "undecided": open.collect::<Value>(),
        "findings": findings_json(&found.recipe, &findings).get("findings"),
    });
    let mut text = found.file.clone();
    // As comments: what is printed is a file that can be used as it is.
    if !found.open.is_empty() {
        text.push_str("\n# Undecided:\n");
    }
    for open in &found.open {
        let _ = writeln!(text, "# - {}\n#   what would settle it: {}", open.what, open.settle);
    }
    if !findings.is_empty() {
        text.push_str("\n# What it leaves open (`countersign dialect lint`):\n");
    }
    for finding in &findings {
        let _ = writeln!(text, "# - {}: {}", finding.risk.name(), finding.risk.meaning());
    }
    Answer::done(json, text.trim_end())
}

fn refusal(not: &NotFound, watched: &Watched, limit: SearchLimit, samples: usize) -> Refusal {
    let NotFound { ended, solved, tried } = *not;
    let so_far = format!("{tried} strings tried, {solved} of {samples} requests understood");
    let more = "a request with fewer parts, or one of another kind, may be found sooner";
    match ended {
        Ended::NoSample => Refusal::new("NO_REQUEST", "there is no request to look at"),
        Ended::TooLarge => Refusal::new(
            "TOO_LARGE",
            "every request has a body that is too long to search with: give one with a shorter body",
        ),
        Ended::NoSignature { sample } => Refusal::new(
            "NO_SIGNATURE",
            format!(
                "request {} holds nothing that is as long as a digest in hex or base64: is it signed, and with a \
                 secret that both sides have?",
                sample + 1
            ),
        ),
        Ended::Bounded if watched.is_interrupted() => {
            Refusal::new("INTERRUPTED", format!("interrupted: {so_far}"))
        }
        Ended::Bounded => Refusal::new(
            "NOT_FOUND_IN_TIME",
            format!("no dialect was found within {limit}: {so_far}. Give it longer with `--limit`; {more}"),
        ),
        Ended::Exhausted => Refusal::new(
            "NOT_FOUND",
            format!(
                "everything that would be tried was: {so_far}. Are secret and key id those of the requests?"
            ),
        ),
        Ended::NoCommonDialect => Refusal::new(
            "NO_COMMON_DIALECT",
            format!(
                "how each request is signed was found, and no one dialect for all of them: {so_far}; give those of one kind"
            ),
        ),
    }
}

/// What the search and the thread that watches it tell each other.
#[derive(Default)]
struct Watched {
    stop: AtomicBool,
    interrupted: AtomicBool,
    tried: AtomicU64,
    depth: AtomicU8,
    solved: AtomicUsize,
    samples: AtomicUsize,
}

impl Watch for Watched {
    fn go_on(&self, progress: Progress) -> ControlFlow<()> {
        self.tried.fetch_max(progress.tried, Ordering::Relaxed);
        self.depth.store(progress.depth, Ordering::Relaxed);
        self.solved.store(progress.solved, Ordering::Relaxed);
        self.samples.store(progress.samples, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Watched {
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits for the end of the search, and ends it where its time is over or somebody interrupts.
    fn watch(&self, limit: SearchLimit, tell: bool, ended: tokio::sync::oneshot::Receiver<()>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let over = async {
                match limit {
                    SearchLimit::Time(time) => tokio::time::sleep(time).await,
                    SearchLimit::Candidates(_) => std::future::pending().await,
                }
            };
            let told = async {
                let mut before = 0;
                loop {
                    tokio::time::sleep(TELL_EVERY).await;
                    if tell {
                        before = self.tell(before);
                    }
                }
            };
            tokio::select! {
                _ = ended => {}
                () = over => {}
                () = told => {}
                Ok(()) = tokio::signal::ctrl_c() => self.interrupted.store(true, Ordering::Relaxed),
            }
            self.stop.store(true, Ordering::Relaxed);
        });
        if tell {
            eprint!("\r\x1b[K");
        }
    }

    /// One line, over the one before.
    fn tell(&self, before: u64) -> u64 {
        let tried = self.tried.load(Ordering::Relaxed);
        let every = u64::try_from(TELL_EVERY.as_millis()).unwrap_or(1).max(1);
        let rate = tried.saturating_sub(before) * 1000 / every;
        eprint!(
            "\r\x1b[K{tried} strings tried, {rate} a second, {} of {} requests understood, depth {}",
            self.solved.load(Ordering::Relaxed),
            self.samples.load(Ordering::Relaxed),
            self.depth.load(Ordering::Relaxed),
        );
        tried
    }
}
