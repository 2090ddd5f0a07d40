//! Who signed a request, as it says itself: the secret of that credential, and what the client may have used in its place.

use countersign_dialect::Recipe;
use countersign_doctor::{Finding, Kind, OtherSecret, Question, Report, Verdict, explain};
use countersign_model::{
    ConsumerName, ConsumerState, Credential, CredentialKind, KeyId, Phase, Secret, UnixTime,
};
use countersign_store::{Held, Store, StoreError};
use countersign_token::key::{self, Within};
use countersign_token::{Binding, MasterKey, Sealer};

/// The most credentials of one consumer whose secrets are looked at.
const MAX_CREDENTIALS: usize = 8;

/// What is known of who signed a request.
pub(crate) struct Signer {
    /// The secrets with which the signature may be right: more than one where the request does not name its credential.
    secrets: Vec<Secret<Vec<u8>>>,
    /// What the client may have used by mistake.
    others: Vec<OtherSecret>,
    /// Why none of the secrets would help.
    finding: Option<Finding>,
}

/// How a credential is named.
#[derive(Clone, Copy)]
pub(crate) enum Named<'a> {
    /// By what the request says.
    Wire(&'a str),
    /// By whoever signs where requests do not say it.
    Consumer(&'a ConsumerName),
    /// Not at all.
    Nothing,
}

impl Signer {
    /// One secret, and nothing else known.
    pub(crate) fn of_secret(secret: Secret<Vec<u8>>) -> Self {
        Self { secrets: vec![secret], others: Vec::new(), finding: None }
    }

    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        Self { secrets: Vec::new(), others: Vec::new(), finding: None }
    }

    /// Looks the credential up, and those of the same consumer.
    pub(crate) async fn look_up(
        store: &dyn Store,
        master: &MasterKey,
        recipe: &Recipe,
        named: Named<'_>,
        now: UnixTime,
    ) -> Result<Self, StoreError> {
        let held = match named {
            Named::Nothing => return Ok(Self::unknown()),
            Named::Consumer(consumer) => store.signers(consumer, recipe.name(), now).await?,
            Named::Wire(wire) => found(store, recipe, wire).await?.into_iter().collect(),
        };
        let sealer = Sealer::new(master);
        let Some(first) = held.first() else {
            return Ok(Self { finding: Some(unknown(named)), ..Self::unknown() });
        };
        let own = held.iter().filter_map(|held| opened(&sealer, &held.credential, recipe)).collect();
        let all = store.credentials(Some(first.consumer.id)).await?;
        let is_own = |one: &Held| held.iter().any(|held| held.credential == one.credential);
        let others = all.iter().filter(|one| !is_own(one)).take(MAX_CREDENTIALS);
        let others = others.filter_map(|one| other(&sealer, one, now)).collect();
        Ok(Self { secrets: own, others, finding: unusable(first, recipe, now) })
    }

    /// Explains a request, and why its credential cannot be used where it cannot.
    pub(crate) fn explain(self, question: Question<'_>) -> Report {
        let mut report =
            explain(&Question { secret: self.secrets.first(), others: &self.others, ..question });
        for secret in self.secrets.iter().skip(1) {
            if report.verdict == Verdict::Accepted {
                break;
            }
            let other = explain(&Question { secret: Some(secret), others: &[], ..question });
            if other.verdict == Verdict::Accepted {
                report = other;
            }
        }
        if let Some(finding) = self.finding {
            report.verdict = Verdict::Refused;
            report.findings.insert(0, finding);
        }
        report
    }
}

/// The credential that a key on the wire names, or an operator by its key id.
async fn found(store: &dyn Store, recipe: &Recipe, wire: &str) -> Result<Option<Held>, StoreError> {
    let within = if recipe.key_alone() { Within::Everywhere } else { Within::Dialect(recipe.name()) };
    for digest in [key::look_up_digest(wire, within), key::digest(wire)] {
        if let Some(held) = store.credential_by_digest(&digest).await? {
            return Ok(Some(held));
        }
    }
    let Ok(key_id) = KeyId::parse(wire) else { return Ok(None) };
    let named = store.credentials_named(&key_id).await?;
    Ok(named.into_iter().find(|held| held.credential.kind.dialect() == Some(recipe.name())))
}

fn unknown(named: Named<'_>) -> Finding {
    let (said, remedy) = match named {
        Named::Consumer(consumer) => (
            format!("The consumer `{consumer}` has no credential that is good for this dialect."),
            "Issue one: `countersign key issue --consumer NAME --dialect DIALECT`.",
        ),
        Named::Wire(wire) if key::check(wire).is_err() && wire.starts_with("cs") => (
            "No credential has this key: it was cut or mistyped, for its checksum is wrong.".to_owned(),
            "Send the key exactly as it was issued.",
        ),
        Named::Wire(wire) if wire.starts_with("css_") => (
            "The client sent the signing secret in the place of the key.".to_owned(),
            "Send the API key, keep the secret to yourself, and rotate it now: it has travelled.",
        ),
        Named::Wire(_) | Named::Nothing => (
            "No credential has this key id.".to_owned(),
            "Send the key that was issued for this server; `countersign key list` tells which there are.",
        ),
    };
    Finding { kind: Kind::UnknownKeyId, said, remedy: remedy.to_owned() }
}

fn unusable(held: &Held, recipe: &Recipe, now: UnixTime) -> Option<Finding> {
    let Held { credential, consumer } = held;
    let key_id = &credential.key_id;
    let (said, remedy) = match (&credential.kind, credential.life.phase(now), &consumer.state) {
        (CredentialKind::ApiKey, ..) => (
            format!("The credential {key_id} is an API key: it has no signing secret."),
            format!(
                "Issue one for signatures: `countersign key issue --consumer {} --dialect {}`.",
                consumer.name,
                recipe.name()
            ),
        ),
        (CredentialKind::Signature { dialect, .. }, ..) if dialect != recipe.name() => (
            format!(
                "The credential {key_id} is for the dialect `{dialect}`, and not for `{}`.",
                recipe.name()
            ),
            format!(
                "Issue one for it: `countersign key issue --consumer {} --dialect {}`.",
                consumer.name,
                recipe.name()
            ),
        ),
        (_, Phase::Revoked, _) => {
            (format!("The credential {key_id} was revoked."), "Give the client another one.".to_owned())
        }
        (_, Phase::Expired, _) => {
            (format!("The credential {key_id} has expired."), "Give the client another one.".to_owned())
        }
        (_, Phase::Active | Phase::Rotating, ConsumerState::Disabled { .. }) => (
            format!("The consumer `{}` is disabled.", consumer.name),
            format!("`countersign consumer enable {}` lets its credentials work again.", consumer.name),
        ),
        (_, Phase::Active | Phase::Rotating, ConsumerState::Enabled) => return None,
    };
    Some(Finding { kind: Kind::UnusableCredential, said, remedy })
}

fn opened(sealer: &Sealer, credential: &Credential, recipe: &Recipe) -> Option<Secret<Vec<u8>>> {
    match &credential.kind {
        CredentialKind::Signature { dialect, secret } if dialect == recipe.name() => {
            sealer.open(secret, Binding { key_id: &credential.key_id, dialect }).ok()
        }
        CredentialKind::Signature { .. } | CredentialKind::ApiKey => None,
    }
}

fn other(sealer: &Sealer, held: &Held, now: UnixTime) -> Option<OtherSecret> {
    let CredentialKind::Signature { dialect, secret } = &held.credential.kind else { return None };
    let key_id = &held.credential.key_id;
    let secret = sealer.open(secret, Binding { key_id, dialect }).ok()?;
    let state = match held.credential.life.phase(now) {
        Phase::Active => "",
        Phase::Rotating => ", which is being replaced",
        Phase::Expired => ", which has expired",
        Phase::Revoked => ", which was revoked",
    };
    Some(OtherSecret { label: format!("the secret of another credential, {key_id}{state}"), secret })
}
