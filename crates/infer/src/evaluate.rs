//! What a template of the dialect language comes to for each sample. The language itself says: nothing of it is written
//! here a second time, so that what is found means the same when it is loaded.

use std::sync::Arc;

use countersign_dialect::{Dialects, Reading, Recipe, Source};

use crate::sample::Sample;
use crate::toml_text::quoted;

/// What a template comes to, a sample each; `None` where it cannot be read from the sample.
pub(crate) type Values = Vec<Option<Vec<u8>>>;

/// The name that a dialect has while it is tried.
const NAME: &str = "inferred";

/// Evaluates templates.
pub(crate) struct Evaluator<'a> {
    pub(crate) samples: &'a [Sample],
    pub(crate) secret: &'a [u8],
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(samples: &'a [Sample], secret: &'a [u8]) -> Self {
        Self { samples, secret }
    }

    /// What `template` comes to for each sample; `None` where the language refuses it. `steps` are the lines that it needs.
    pub(crate) fn values(&self, steps: &[&str], template: &str) -> Option<Values> {
        let text = format!(
            "[dialect.{NAME}]\nsignature = \"{{method}}\"\nencoding = \"hex\"\nalgorithm = \"hmac-sha256\"\nstring_to_sign = {}\n{}\n",
            quoted(template),
            steps.join("\n"),
        );
        let recipe = load(&text)?;
        let key = recipe.prepare(self.secret);
        let value = |sample: &Sample| {
            let request = sample.request();
            let Reading::Presented(claim) = recipe.read(&request) else { return None };
            recipe.string_to_sign(&claim, &request, &key).ok().map(|bytes| bytes.expose().clone())
        };
        Some(self.samples.iter().map(value).collect())
    }
}

/// The one dialect of a file; `None` where there is a mistake in it.
pub(crate) fn load(text: &str) -> Option<Arc<Recipe>> {
    let source = Source { origin: "inferred.toml".to_owned(), text: text.to_owned() };
    Dialects::load(&[source]).ok()?.iter().next().cloned()
}
