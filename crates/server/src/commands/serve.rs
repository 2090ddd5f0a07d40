//! `serve`: the server, until it is told to stop.

use serde_json::json;

use super::context::Context;
use super::{Answer, Refusal};
use crate::serve::{self, Signals};

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(context: &Context) -> Result<Answer, Refusal> {
    let not_serving = |error: &dyn std::error::Error| Refusal::of("NOT_SERVING", error);
    let signals = Signals::heed().map_err(|error| not_serving(&error))?;
    let running = serve::start(context.file.path(), &context.environment, std::io::stderr())
        .map_err(|error| not_serving(&error))?;
    running.until_told(signals).map_err(|error| not_serving(&error))?;
    Ok(Answer::done(json!({ "stopped": true }), "stopped"))
}
