//! TLS of a port: its certificate, read from two files and read again when they change.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{Error, ServerConfig};

/// Says which cryptography TLS uses in this process; HTTP clients ask for it, too. Whoever comes first wins.
pub fn install_provider() {
    let _ = ring::default_provider().install_default();
}

/// How often the files are looked at; SIGHUP reads them at once.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// HTTP/2 for those who can, HTTP/1.1 for the others.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a port. Without a certificate it speaks plain HTTP.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// The certificate and those that signed it, in PEM.
    pub cert: Option<PathBuf>,
    /// Its private key, in PEM.
    pub key: Option<PathBuf>,
}

/// Why there is no certificate. Each names its file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("a certificate needs its key, and a key its certificate: set both tls_cert and tls_key")]
    Half,
    #[error("cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path} has no {what}; it should be PEM with a line \"-----BEGIN {marker}-----\"")]
    Missing { path: PathBuf, what: &'static str, marker: &'static str },
    #[error("{path} has an encrypted private key, and nobody is there to ask for its password: decrypt it")]
    Encrypted { path: PathBuf },
    #[error("{path} is damaged: {error}")]
    Damaged { path: PathBuf, error: rustls_pki_types::pem::Error },
    #[error("the key in {key} does not belong to the certificate in {cert}")]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error("the certificate in {cert} and the key in {key} cannot be used: {error}")]
    Unusable { cert: PathBuf, key: PathBuf, error: Error },
}

/// A certificate in use.
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    current: watch::Sender<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    seen: [Option<Seen>; 2],
}

/// What tells that a file is another one now.
type Seen = (SystemTime, u64);

impl Certificate {
    /// Loads a certificate; None when the port speaks plain HTTP.
    ///
    /// # Errors
    /// Says which file is not as it should be.
    pub fn load(files: &TlsFiles) -> Result<Option<Arc<Self>>, TlsError> {
        let (cert, key) = match (&files.cert, &files.key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (Some(_), None) | (None, Some(_)) => return Err(TlsError::Half),
        };
        let current = watch::Sender::new(read(&cert, &key)?);
        Ok(Some(Arc::new(Self { cert, key, current })))
    }

    /// Returns what connections that begin now are served with.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.borrow().config.clone())
    }

    /// Reads the files again. When they are not right, the old certificate goes on.
    ///
    /// # Errors
    /// As [`Certificate::load`].
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.send_replace(read(&self.cert, &self.key)?);
        Ok(())
    }

    /// Says whether the files changed since they were read.
    fn is_outdated(&self) -> bool {
        let now = [seen(&self.cert), seen(&self.key)];
        now.iter().all(Option::is_some) && now != self.current.borrow().seen
    }

    /// Looks at the files until `stopped` ends, and takes over new ones.
    pub async fn watch(self: Arc<Self>, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        // What went wrong is said once, not every time.
        let mut complained = None;
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            if !self.is_outdated() {
                continue;
            }
            match self.reload() {
                Ok(()) => tracing::info!(cert = %self.cert.display(), "the certificate was read again"),
                Err(error) => {
                    let text = error.to_string();
                    if complained.as_ref() != Some(&text) {
                        tracing::error!(
                            error = text,
                            "the new certificate is not taken over, the old one goes on"
                        );
                        complained = Some(text);
                    }
                }
            }
        }
    }
}

fn read(cert: &Path, key: &Path) -> Result<Loaded, TlsError> {
    // Looked at first: a file that changes while it is read is read again.
    let seen = [seen(cert), seen(key)];
    let chain = certificates(cert)?;
    let private_key = private_key(key)?;
    let unusable = |error| match error {
        Error::InconsistentKeys(_) => TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
        error => TlsError::Unusable { cert: cert.to_owned(), key: key.to_owned(), error },
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(unusable)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Loaded { config: Arc::new(config), seen })
}

fn seen(path: &Path) -> Option<Seen> {
    let file = fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable { path: path.to_owned(), error })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = bytes(path)?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| TlsError::Damaged { path: path.to_owned(), error })?;
    if chain.is_empty() {
        let (what, marker) = ("certificate", "CERTIFICATE");
        return Err(TlsError::Missing { path: path.to_owned(), what, marker });
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = bytes(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let path = path.to_owned();
        let is_encrypted = bytes.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED);
        match error {
            rustls_pki_types::pem::Error::NoItemsFound if is_encrypted => TlsError::Encrypted { path },
            rustls_pki_types::pem::Error::NoItemsFound => {
                TlsError::Missing { path, what: "private key", marker: "PRIVATE KEY" }
            }
            error => TlsError::Damaged { path, error },
        }
    })
}

const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone when the test is.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("abide-tls-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            path
        }

        /// Makes a certificate of its own and returns its two files.
        fn pair(&self, name: &str) -> TlsFiles {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            let cert = self.file(&format!("{name}.pem"), &made.cert.pem());
            let key = self.file(&format!("{name}.key"), &made.signing_key.serialize_pem());
            TlsFiles { cert: Some(cert), key: Some(key) }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn complaint(cert: &Path, key: &Path) -> String {
        let files = TlsFiles { cert: Some(cert.to_owned()), key: Some(key.to_owned()) };
        Certificate::load(&files).err().expect("these files are wrong").to_string()
    }

    #[test]
    fn wrong_files_are_named_with_what_is_wrong() {
        let folder = Folder::new("wrong");
        let TlsFiles { cert: Some(cert), key: Some(key) } = folder.pair("a.test") else { panic!("a pair") };
        let TlsFiles { key: Some(other_key), .. } = folder.pair("b.test") else { panic!("a pair") };
        let text = folder.file("text.pem", "hello\n");
        let cut = folder.file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
        let nonsense =
            folder.file("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let locked = folder.file("locked.key", locked);
        let gone = folder.0.join("gone.pem");
        for (cert, key, expected) in [
            (&gone, &key, "cannot read "),
            (
                &text,
                &key,
                "text.pem has no certificate; it should be PEM with a line \"-----BEGIN CERTIFICATE-----\"",
            ),
            (&key, &key, "a.test.key has no certificate"),
            (&cert, &cert, "a.test.pem has no private key"),
            (&cut, &key, "cut.pem is damaged"),
            (&nonsense, &key, "cannot be used"),
            (&cert, &locked, "locked.key has an encrypted private key"),
            (&cert, &other_key, "b.test.key does not belong to the certificate in "),
        ] {
            let complaint = complaint(cert, key);
            assert!(complaint.contains(expected), "{complaint}");
        }
        let half = TlsFiles { cert: Some(cert), key: None };
        assert!(matches!(Certificate::load(&half), Err(TlsError::Half)));
        assert!(matches!(Certificate::load(&TlsFiles::default()), Ok(None)));
    }

    #[test]
    fn a_new_certificate_is_taken_over_and_a_wrong_one_is_not() {
        let folder = Folder::new("new");
        let files = folder.pair("a.test");
        let certificate = Certificate::load(&files).unwrap().unwrap();
        let config = |certificate: &Certificate| certificate.current.borrow().config.clone();
        let first = config(&certificate);
        assert!(!certificate.is_outdated());

        fs::write(files.cert.as_ref().unwrap(), "no certificate at all").unwrap();
        assert!(certificate.is_outdated());
        assert!(certificate.reload().is_err());
        assert!(Arc::ptr_eq(&first, &config(&certificate)));

        folder.pair("a.test");
        certificate.reload().unwrap();
        assert!(!certificate.is_outdated());
        assert!(!Arc::ptr_eq(&first, &config(&certificate)));
    }
}
