//! TLS: certificates that are renewed under a running server, and handshakes that have an end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime as PkiTime};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::{EndEntityCert, KeyUsage};

/// The protocols that are offered inside TLS, the better one first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// The name of HTTP/2 there.
pub(crate) const HTTP_2: &[u8] = b"h2";

/// How many sessions of TLS 1.2 clients without tickets are kept for resumption.
const KEPT_SESSIONS: usize = 1024;

/// The most certificates of one chain.
const CHAIN_CERTIFICATES: usize = 16;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those that lead from it to its root, in PEM.
    pub(crate) cert: PathBuf,
    /// Its private key, in PEM.
    pub(crate) key: PathBuf,
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCertificate {
    /// A file cannot be read, or is no PEM.
    #[error("{} cannot be read as PEM: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The first file has no certificate, or too many.
    #[error("{} has {count} certificates, where 1 to {CHAIN_CERTIFICATES} are wanted, the server's own first", path.display())]
    Chain {
        /// Which.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// The key is not that of the certificate, or of a kind that nobody here knows.
    #[error("the key in {} is not that of the certificate: {why}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The certificate's time is not now.
    #[error("the certificate in {} {why}", path.display())]
    Time {
        /// Which.
        path: PathBuf,
        /// Whether it is over or has not begun.
        why: &'static str,
    },
}

impl BadCertificate {
    /// What would do instead.
    pub(crate) const fn mend(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "write a file that this process may read, as tools like certbot and openssl make it"
            }
            Self::Chain { .. } => "put the chain into this file, such as certbot's fullchain.pem",
            Self::Key { .. } => "name the key that the certificate was made for, and renew both together",
            Self::Time { .. } => "renew it",
        }
    }
}

/// The certificate that is served, and where it comes from.
pub(crate) struct Certificate {
    files: TlsFiles,
    served: ArcSwap<CertifiedKey>,
}

impl Certificate {
    /// Reads a certificate that is good at `now`, in seconds since 1970. Every mistake comes at once.
    pub(crate) fn load(files: TlsFiles, now: Duration) -> Result<Self, Vec<BadCertificate>> {
        let served = ArcSwap::from_pointee(read(&files, now)?);
        Ok(Self { files, served })
    }

    /// Reads the files again, and serves what they hold from the next handshake on; whether it is another certificate. Where it
    /// is not good, the one before goes on.
    pub(crate) fn renew(&self, now: Duration) -> Result<Renewed, Vec<BadCertificate>> {
        let read = read(&self.files, now)?;
        if read.cert == self.served.load().cert {
            return Ok(Renewed::Same);
        }
        self.served.store(Arc::new(read));
        Ok(Renewed::Another)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.files.cert
    }
}

/// What came of reading a certificate again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// It is the one that is served.
    Same,
    /// Another is served now.
    Another,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.served.load_full())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.files.cert.display())
    }
}

fn read(files: &TlsFiles, now: Duration) -> Result<CertifiedKey, Vec<BadCertificate>> {
    let unreadable = |path: &Path, error: rustls::pki_types::pem::Error| BadCertificate::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&files.cert, error));
    let chain = chain.and_then(|chain: Vec<CertificateDer<'static>>| {
        if (1..=CHAIN_CERTIFICATES).contains(&chain.len()) {
            Ok(chain)
        } else {
            Err(BadCertificate::Chain { path: files.cert.clone(), count: chain.len() })
        }
    });
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error));
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
    };
    let mut mistakes: Vec<_> = good_at(&chain, files, now).err().into_iter().collect();
    let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|error| BadCertificate::Key { path: files.key.clone(), why: error.to_string() });
    match certified {
        Ok(certified) if mistakes.is_empty() => return Ok(certified),
        Ok(_) => {}
        Err(mistake) => mistakes.push(mistake),
    }
    Err(mistakes)
}

/// Whether the first certificate is good at this time. Who signed it is its clients' to judge, so it is tried without any root:
/// the time is looked at before the signature.
fn good_at(chain: &[CertificateDer<'_>], files: &TlsFiles, now: Duration) -> Result<(), BadCertificate> {
    let wrong = |why| Err(BadCertificate::Time { path: files.cert.clone(), why });
    let Some(Ok(certificate)) = chain.first().map(EndEntityCert::try_from) else { return Ok(()) };
    let time = PkiTime::since_unix_epoch(now);
    let tried = certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None);
    match tried.map(drop) {
        Err(webpki::Error::CertExpired { .. }) => wrong("has expired"),
        Err(webpki::Error::CertNotValidYet { .. }) => wrong("is not valid yet"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Speaks TLS with clients.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    /// The longest that a handshake may take.
    handshake: Duration,
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS was not set up")]
pub(crate) struct NoTls(#[from] rustls::Error);

impl Tls {
    /// TLS 1.2 and 1.3 with this certificate. Sessions are resumed by tickets, whose keys change by themselves; no data is taken
    /// before the handshake is over, since it could be sent again (RFC 8446 section 8).
    pub(crate) fn new(certificate: Arc<Certificate>, handshake: Duration) -> Result<Self, NoTls> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        config.session_storage = ServerSessionMemoryCache::new(KEPT_SESSIONS);
        config.max_early_data_size = 0;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), handshake })
    }

    /// Shakes hands with a client. None where it did not, or not in time: there is nobody to answer.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        match timeout(self.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a client gave up or was refused in the TLS handshake");
                None
            }
            Err(_) => None,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}
