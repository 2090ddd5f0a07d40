//! A certificate and its key, as in `tls = { cert = "cert.pem", key = "key.pem" }`.

use std::time::Duration;

use countersign_model::UnixTime;

use super::mistake::{Mistake, Place, Severity};
use super::read::text;
use super::section::Section;
use crate::listen::{BadCertificate, Certificate, TlsFiles};

/// Where a certificate and its key are, and where the configuration says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// Where they are.
    pub(crate) files: TlsFiles,
    place: Place,
}

impl TlsConfig {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let notes = section.notes;
        let path = |node, notes: &_| text(node, notes).map(|text| notes.path(text));
        let cert = section.required("cert", "the file with the certificate, in PEM", path);
        let key = section.required("key", "the file with its private key, in PEM", path);
        let place = notes.place(&section.at);
        section.finish();
        Some(Self { files: TlsFiles { cert: cert?, key: key? }, place })
    }

    /// Reads the files. Every mistake in them comes at once.
    pub(crate) fn load(&self, now: UnixTime) -> Result<Certificate, Vec<Mistake>> {
        let now = Duration::from_secs(u64::try_from(now.secs()).unwrap_or_default());
        let mistake = |why: BadCertificate| Mistake {
            severity: Severity::Mistake,
            place: self.place.clone(),
            found: why.to_string(),
            mend: why.mend().to_owned(),
        };
        Certificate::load(self.files.clone(), now).map_err(|whys| whys.into_iter().map(mistake).collect())
    }
}
