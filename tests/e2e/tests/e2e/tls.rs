//! TLS on both ports: certificates are made for the test, and a new one while the server runs.

use abide_e2e::{Setup, cli, within};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Signal, kill_process};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who signs certificates, with a folder for the files.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("abide-e2e-").tempdir().expect("a folder can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it signs itself");
        let authority = Self { folder, issuer };
        std::fs::write(authority.ca_file(), authority.issuer.pem()).expect("it can be written");
        authority
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn files(&self) -> [PathBuf; 2] {
        ["server.pem", "server.key"].map(|name| self.folder.path().join(name))
    }

    /// Writes a new certificate for loopback, and returns it.
    fn certify(&self) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).expect("names");
        let key = KeyPair::generate().expect("a key can be made");
        let signed = params.signed_by(&key, &self.issuer).expect("it can be signed");
        let [cert, private] = self.files();
        std::fs::write(cert, signed.pem()).expect("it can be written");
        std::fs::write(private, key.serialize_pem()).expect("it can be written");
        signed.der().clone()
    }

    fn setup(&self) -> Setup {
        let [cert, key] = self.files().map(|path| path.display().to_string());
        Setup::new().env("ABIDE_ADMIN_TLS_CERT", &cert).env("ABIDE_ADMIN_TLS_KEY", &key).args(&[
            "--ingress-tls-cert",
            &cert,
            "--ingress-tls-key",
            &key,
        ])
    }

    /// Connects as a client that trusts this authority and speaks these protocols.
    async fn connect(&self, addr: SocketAddr, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(self.ca_file()).expect("a certificate");
        roots.add(ca).expect("it is one that signs");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(addr).await.expect("the port is open");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("the certificate is good")
    }

    /// Returns the certificate that a port shows.
    async fn shown(&self, addr: SocketAddr) -> CertificateDer<'static> {
        let stream = self.connect(addr, &[]).await;
        stream.get_ref().1.peer_certificates().expect("it has one")[0].clone().into_owned()
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it does not hang") })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn both_ports_speak_both_versions_over_tls() {
    let authority = Authority::new();
    authority.certify();
    let server = authority.setup().start();
    block_on(async {
        for (addr, path) in [(server.admin().addr, "/health"), (server.ingress().addr, "/restate/health")] {
            let stream = authority.connect(addr, &[b"h2", b"http/1.1"]).await;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (mut sender, connection) = handshake.await.expect("HTTP/2");
            tokio::spawn(connection);
            let request = http::Request::get(format!("https://localhost:{}{path}", addr.port()));
            let reply = sender.send_request(request.body(Empty::<Bytes>::new()).expect("a request")).await;
            assert_eq!(reply.expect("an answer").status(), 200, "{path}");
            let stream = authority.connect(addr, &[b"http/1.1"]).await;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        }
        let stream = authority.connect(server.admin().addr, &[b"http/1.1"]).await;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        let request = http::Request::get("/version").header("host", "localhost");
        let reply = sender.send_request(request.body(Empty::<Bytes>::new()).expect("a request")).await;
        let body = reply.expect("an answer").into_body().collect().await.expect("a body").to_bytes();
        let version: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(version["ingress_endpoint"], format!("https://{}", server.ingress().addr));
    });
    // Plain HTTP is not answered.
    assert!(!server.admin().raw(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").contains("200"));
}

#[test]
fn the_command_speaks_tls_to_who_it_trusts() {
    let authority = Authority::new();
    authority.certify();
    let server = authority.setup().start();
    let url = format!("https://{}", server.admin().addr);
    let ca = text(&authority.ca_file());
    let list = ["services", "list", "--admin-url", &url];
    cli::abide(&[&list[..], &["--ca-cert", &ca]].concat()).expect(0);
    server.abide_with(&["services", "list"], &[("ABIDE_CA_CERT", &ca), ("ABIDE_ADMIN_URL", &url)]).expect(0);
    let stranger = cli::abide(&list).expect(4).stderr;
    assert!(stranger.contains("certificate") && stranger.contains("--ca-cert"), "{stranger}");
    let [_, key] = authority.files();
    let wrong = cli::abide(&[&list[..], &["--ca-cert", &text(&key)]].concat()).expect(2).stderr;
    assert!(wrong.contains("server.key"), "{wrong}");
}

#[test]
fn a_new_certificate_is_taken_over_without_a_new_start() {
    let authority = Authority::new();
    let first = authority.certify();
    let server = authority.setup().start();
    let addr = server.ingress().addr;
    assert_eq!(block_on(authority.shown(addr)), first);

    // A wrong one changes nothing, and is complained about.
    let [cert, _] = authority.files();
    std::fs::write(&cert, "not yet").expect("it can be written");
    let hang_up = || kill_process(server.process().id(), Signal::HUP).expect("it is our child");
    hang_up();
    within(PATIENCE, "the log names the file", || {
        server.log().contains("server.pem has no certificate").then_some(())
    });
    assert_eq!(block_on(authority.shown(addr)), first);

    let second = authority.certify();
    hang_up();
    within(PATIENCE, "the new certificate is shown", || {
        (block_on(authority.shown(addr)) == second).then_some(())
    });
    assert_eq!(block_on(authority.shown(server.admin().addr)), second);
}

#[test]
fn wrong_files_are_refused_at_the_start() {
    let authority = Authority::new();
    authority.certify();
    let [cert, key] = authority.files();
    let refused = |args: &[&str]| Setup::new().args(args).try_start().err().expect("it refuses").1;
    let half = refused(&["--admin-tls-cert", &text(&cert)]);
    assert!(half.contains("no TLS for the admin") && half.contains("tls_key"), "{half}");
    let swapped = refused(&["--ingress-tls-cert", &text(&key), "--ingress-tls-key", &text(&cert)]);
    assert!(
        swapped.contains("no TLS for the ingress") && swapped.contains("has no certificate"),
        "{swapped}"
    );
}

#[test]
fn a_slow_handshake_is_not_waited_for() {
    let authority = Authority::new();
    authority.certify();
    let server = authority.setup().args(&["--http-handshake-timeout", "200ms"]).start();
    let mut silent = server.admin().connect();
    let mut nothing = Vec::new();
    // The connection ends although this client neither sends nor closes anything.
    silent.read_to_end(&mut nothing).expect("the server closes");
    assert!(nothing.is_empty());
    block_on(authority.shown(server.admin().addr));
}
