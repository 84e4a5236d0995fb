//! TLS 1.3 with a certificate of the server's own, made at the first start on a data folder and kept there: whoever is to
//! trust it reads it from that folder, also after a restart.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;

use crate::config;

/// Where certificate and key lie, PEM, below the data folder.
const CERTIFICATE: &str = "tls.pem";
const KEY: &str = "tls-key.pem";

/// What connections are taken with, and where the certificate lies that clients are to trust.
///
/// # Errors
/// The certificate cannot be made or written.
pub(crate) fn acceptor(
    config: &config::Tls,
    data: &Path,
    address: SocketAddr,
) -> Result<(Arc<ServerConfig>, PathBuf), String> {
    let said = |error: &dyn std::fmt::Display| format!("the certificate for TLS: {error}");
    let (path, key) = (data.join(CERTIFICATE), data.join(KEY));
    if !(path.exists() && key.exists()) {
        make(&path, &key, address).map_err(|error| said(&error))?;
    }
    let certificate = CertificateDer::from_pem_file(&path).map_err(|error| said(&error))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| said(&error))?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| said(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|error| said(&error))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if config.resumption {
        tls.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| said(&error))?;
    } else {
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
    }
    Ok((Arc::new(tls), path))
}

fn make(certificate: &Path, key: &Path, address: SocketAddr) -> io::Result<()> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.ip().to_string()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(key)?;
    file.write_all(made.signing_key.serialize_pem().as_bytes())?;
    std::fs::write(certificate, made.cert.pem())
}
