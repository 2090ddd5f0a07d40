//! `countersign key import`.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use countersign_edge::with_causes;
use countersign_manage::{
    AbsentConsumers, Expiry, Foreign, ForeignSecret, Import, ImportLine, ImportRun, Imported, ImportedAll,
    Importer, KeyName, NotImported, NotImportedAll, NotRotated, Weakness,
};
use countersign_model::{Label, Secret};
use countersign_store::Held;
use countersign_token::Sealer;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::context::Desk;
use super::import_file::{self, FileMistake};
use super::key::{key_json, not_rotated, rates};
use super::time::rfc3339;
use super::{Answer, Refusal, consumer};
use crate::cli::ImportArgs;
use crate::world::OsEntropy;

/// The largest file of one secret, in bytes.
const SECRET_FILE_LIMIT: u64 = 64 * 1024;
/// The largest file of many, in bytes.
const LIST_FILE_LIMIT: u64 = 64 * 1024 * 1024;
/// How often progress is told, in lines.
const PROGRESS_EACH: usize = 1000;
/// The most mistakes of a file that are told.
const TOLD_MISTAKES: usize = 1000;

pub(super) fn import(desk: &Desk, wanted: Box<ImportArgs>) -> Result<Answer, Refusal> {
    if wanted.secret.is_some() || wanted.api_key.is_some() {
        return Err(Refusal::new(
            "SECRET_ON_COMMAND_LINE",
            "a secret on the command line is seen by every user of this machine (`ps`) and stays in the shell's history: put it into a \
             file that only you can read, and use --secret-file or --api-key-file, or --secret-stdin. Treat this one as known",
        ));
    }
    let (dialects, sealer) = (desk.dialects()?, Sealer::new(&desk.master_key));
    let weakness = weakness(&wanted)?;
    let importer =
        Importer { store: &desk.store, sealer: &sealer, dialects: &dialects, entropy: &OsEntropy, weakness };
    match &wanted.file {
        Some(file) => many(desk, &importer, &wanted, file),
        None => one(desk, &importer, *wanted),
    }
}

fn weakness(wanted: &ImportArgs) -> Result<Weakness, Refusal> {
    match wanted.danger_weak_secrets.as_deref().map(str::trim) {
        None => Ok(Weakness::Refuse),
        Some("") => Err(Refusal::new("NO_REASON", "--danger-weak-secrets wants a reason")),
        Some(_) => Ok(Weakness::DangerTake),
    }
}

fn one(desk: &Desk, importer: &Importer<'_>, wanted: ImportArgs) -> Result<Answer, Refusal> {
    let dry = wanted.dry_run;
    let old = wanted.replaces.clone();
    let overlap = wanted.overlap;
    let import = described(wanted)?;
    if dry {
        let line = ImportLine { line: 1, import };
        let run = importer.import_all(vec![line], AbsentConsumers::Refuse, ImportRun::Dry, desk.now, &|_| {});
        return match desk.run(run) {
            Ok(ImportedAll { imported, .. }) => {
                let held = imported.into_iter().next().map(held);
                let json = held.map_or(Value::Null, |held| key_json(&held, desk.now));
                Ok(Answer::done(json, "it can be imported; nothing was written"))
            }
            Err(NotImportedAll::Mistakes(mut mistakes)) => match mistakes.pop() {
                Some((_, mistake)) => Err(not_imported(&mistake)),
                None => Err(Refusal::new("NOT_IMPORTED", "it cannot be imported")),
            },
            Err(error) => Err(not_imported_all(&error)),
        };
    }
    let dialect = match &import.foreign {
        Foreign::ApiKey(_) => None,
        Foreign::Signature { dialect, .. } => Some(dialect.clone()),
    };
    let Some(old) = old else {
        let new = desk.run(importer.import(import, desk.now)).map_err(|error| not_imported(&error))?;
        let held = held(new);
        let text = format!("imported {} for {}", held.credential.key_id, held.consumer.name);
        return Ok(Answer::done(key_json(&held, desk.now), text));
    };
    let old = KeyName { key_id: old, dialect };
    let outcome = desk.run(importer.replace(&old, overlap, import, desk.now));
    let (old, new) = outcome.map_err(|error: NotRotated| not_rotated(&error))?;
    let until = old.life.ends_at().map(rfc3339).unwrap_or_default();
    let held = held(new);
    let mut json = key_json(&held, desk.now);
    if let Value::Object(members) = &mut json {
        members.insert("replaces".to_owned(), old.key_id.as_str().into());
        members.insert("replaced_until".to_owned(), until.clone().into());
    }
    let text = format!(
        "imported {} for {}\nThe old key {} is good until {until}.",
        held.credential.key_id, held.consumer.name, old.key_id
    );
    Ok(Answer::done(json, text))
}

fn held(imported: Imported) -> Held {
    Held { credential: imported.credential, consumer: imported.consumer }
}

/// What the command line describes.
fn described(wanted: ImportArgs) -> Result<Import, Refusal> {
    let incomplete = |message: &str| Refusal::new("INCOMPLETE", message);
    let api_key = match &wanted.api_key_file {
        Some(file) => Some(text(&secret_in(file)?, file)?),
        None => None,
    };
    let secret = match (&wanted.secret_file, wanted.secret_stdin, &wanted.public_key_file) {
        (Some(file), _, _) => Some(ForeignSecret::Shared(secret_in(file)?)),
        (None, true, _) => Some(ForeignSecret::Shared(secret_on_stdin()?)),
        (None, false, Some(file)) => Some(ForeignSecret::PublicKey(secret_in(file)?.expose().clone())),
        (None, false, None) => None,
    };
    let foreign = match (wanted.dialect, secret, api_key) {
        (Some(dialect), Some(secret), api_key) => Foreign::Signature { dialect, api_key, secret },
        (Some(_), None, _) => {
            return Err(incomplete("name the secret: --secret-file, --secret-stdin or --public-key-file"));
        }
        (None, _, Some(api_key)) => Foreign::ApiKey(api_key),
        (None, _, None) => {
            return Err(incomplete("name --api-key-file for an API key, or --dialect and the secret"));
        }
    };
    let consumer = wanted.consumer.ok_or_else(|| incomplete("name --consumer"))?;
    Ok(Import {
        consumer,
        key_id: wanted.key_id,
        foreign,
        scopes: wanted.scopes.into_iter().collect(),
        limits: rates(wanted.limits)?,
        expiry: wanted.expires.map_or(Expiry::Never, Expiry::After),
        label: wanted.label,
    })
}

fn many(desk: &Desk, importer: &Importer<'_>, wanted: &ImportArgs, file: &Path) -> Result<Answer, Refusal> {
    let absent = if wanted.add_consumers { AbsentConsumers::Add } else { AbsentConsumers::Refuse };
    let text = text(&read(file, LIST_FILE_LIMIT)?, file)?;
    let (lines, mut mistakes) = import_file::lines(&text)
        .map_err(|why| Refusal::new("WRONG_FILE", format!("{}: {why}", file.display())))?;
    let count = lines.len() + mistakes.len();
    // Where some lines cannot be read, the others are looked at all the same: all mistakes are told at once.
    let run = if wanted.dry_run || !mistakes.is_empty() { ImportRun::Dry } else { ImportRun::Write };
    let progress = |done: usize| {
        if done.is_multiple_of(PROGRESS_EACH) && std::io::stderr().is_terminal() {
            eprintln!("{done} of {count} looked at");
        }
    };
    let outcome = desk.run(importer.import_all(lines, absent, run, desk.now, &progress));
    let done = match outcome {
        Ok(done) if mistakes.is_empty() => done,
        Ok(_) => return Err(wrong_file(file, mistakes)),
        Err(NotImportedAll::Mistakes(more)) => {
            let more = more.into_iter().map(|(line, why)| FileMistake { line, why: with_causes(&why) });
            mistakes.extend(more);
            return Err(wrong_file(file, mistakes));
        }
        Err(error) => return Err(not_imported_all(&error)),
    };
    let (keys, consumers) = (done.imported.len(), done.added.len());
    let added: Vec<&str> = done.added.iter().map(|consumer| consumer.name.as_str()).collect();
    let json = json!({ "imported": keys, "consumers_added": added, "written": run == ImportRun::Write });
    let (verb, rest) = match run {
        ImportRun::Write => ("imported", ""),
        ImportRun::Dry => ("can import", "; nothing was written"),
    };
    Ok(Answer::done(json, format!("{verb} {keys} keys, and add {consumers} consumers{rest}")))
}

fn wrong_file(file: &Path, mut mistakes: Vec<FileMistake>) -> Refusal {
    mistakes.sort_by_key(|mistake| mistake.line);
    let count = mistakes.len();
    let told = mistakes.iter().take(TOLD_MISTAKES);
    let told: Vec<String> =
        told.map(|FileMistake { line, why }| format!("{}:{line}: {why}", file.display())).collect();
    let more = count.checked_sub(TOLD_MISTAKES).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!("\nand {more} more"));
    let (lines, are) = if count == 1 { ("line", "is") } else { ("lines", "are") };
    let message = format!("nothing was imported: {count} {lines} {are} wrong\n\n{}{more}", told.join("\n"));
    Refusal::new("WRONG_FILE", message)
}

/// A secret in a file, without the line end at its end, which is no part of it.
fn secret_in(file: &Path) -> Result<Secret<Vec<u8>>, Refusal> {
    Ok(without_line_end(&read(file, SECRET_FILE_LIMIT)?))
}

fn secret_on_stdin() -> Result<Secret<Vec<u8>>, Refusal> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = std::io::stdin().lock().take(SECRET_FILE_LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| Refusal::new("FILE_NOT_READ", format!("standard input cannot be read: {error}")))?;
    Ok(without_line_end(&Secret::new(std::mem::take(&mut *bytes))))
}

fn without_line_end(secret: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let bytes = secret.expose();
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Secret::new(line.to_vec())
}

fn read(file: &Path, limit: u64) -> Result<Secret<Vec<u8>>, Refusal> {
    let refuse =
        |why: String| Refusal::new("FILE_NOT_READ", format!("{} cannot be read: {why}", file.display()));
    let opened = std::fs::File::open(file).map_err(|error| refuse(error.to_string()))?;
    let size = opened.metadata().map_or(0, |metadata| metadata.len());
    // Room for all of it from the start: a vector that grows leaves copies of secrets in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size.min(limit)).unwrap_or(0) + 1));
    opened.take(limit + 1).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(refuse(format!("it has more than {limit} bytes")));
    }
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

fn text(bytes: &Secret<Vec<u8>>, file: &Path) -> Result<Secret<String>, Refusal> {
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| Refusal::new("FILE_NOT_READ", format!("{} is no text in UTF-8", file.display())))?;
    Ok(Secret::new(text.to_owned()))
}

/// The label of a line, for which an empty cell is none.
pub(super) fn label(text: &str) -> Result<Option<Label>, String> {
    if text.is_empty() { Ok(None) } else { Label::parse(text).map(Some).map_err(|error| error.to_string()) }
}

pub(super) fn not_imported(error: &NotImported) -> Refusal {
    let code = match error {
        NotImported::Consumer(error) => return consumer::not_found(error),
        NotImported::NoDialect { .. } => "DIALECT_NOT_FOUND",
        NotImported::ShortApiKey { .. } | NotImported::ShortSecret { .. } | NotImported::Placeholder => {
            let mend = "give its holder a better one (`key issue`); to take it all the same, --danger-weak-secrets REASON";
            return Refusal::new("WEAK_SECRET", format!("{}: {mend}", with_causes(error)));
        }
        NotImported::Taken { .. } | NotImported::Repeated { .. } => "KEY_TAKEN",
        NotImported::NoKeyId { .. }
        | NotImported::KeyIsSecret { .. }
        | NotImported::KeyIsPublic { .. }
        | NotImported::KeyAsName
        | NotImported::ApiKeyForm
        | NotImported::Empty
        | NotImported::DoesNotFit { .. }
        | NotImported::PublicAsSecret
        | NotImported::PrivateKey
        | NotImported::Certificate
        | NotImported::NoPublicKey { .. }
        | NotImported::Past
        | NotImported::OfAnother { .. }
        | NotImported::OfAnotherKind { .. } => "NOT_IMPORTABLE",
        NotImported::TooManyScopes { .. } => "TOO_MANY_SCOPES",
        NotImported::Sealer(_) => "NOT_ENCRYPTED",
        NotImported::Store(_) => "STORAGE_FAILED",
    };
    Refusal::of(code, error)
}

fn not_imported_all(error: &NotImportedAll) -> Refusal {
    let code = match error {
        NotImportedAll::Mistakes(_) | NotImportedAll::TooMany { .. } => "WRONG_FILE",
        NotImportedAll::Raced => "KEY_TAKEN",
        NotImportedAll::Store(_) => "STORAGE_FAILED",
    };
    Refusal::of(code, error)
}
