//! TLS from the client's side: whom it trusts, which protocol it asks for, whether it resumes sessions.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire::Stream;
use crate::scenario::{Http, Network};

/// Sessions that a population remembers, for all its clients together.
const SESSIONS: usize = 4_096;

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that this system trusts.
    System,
    /// These and no others, PEM.
    These(String),
}

/// How a population secures its connections.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// For a server of this name or address.
    ///
    /// # Errors
    /// Nothing that can be trusted, or no name of a server.
    pub(super) fn new(trust: &Trust, host: &str, network: &Network) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| format!("TLS with {host}: {error}");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| said(&error))?;
        let mut config = match trust {
            Trust::System => {
                builder.with_platform_verifier().map_err(|error| said(&error))?.with_no_client_auth()
            }
            Trust::These(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|error| said(&error))?;
                    roots.add(certificate).map_err(|error| said(&error))?;
                }
                if roots.is_empty() {
                    return Err(said(&"there is no certificate in what is to be trusted (PEM)"));
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        config.alpn_protocols = match network.http {
            Http::One => vec![b"http/1.1".to_vec()],
            Http::Two => vec![b"h2".to_vec()],
        };
        config.resumption = match network.resumption {
            true => Resumption::in_memory_sessions(SESSIONS),
            false => Resumption::disabled(),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| said(&error))?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Shakes hands over an open stream; true when a session was resumed.
    ///
    /// # Errors
    /// The server shows a certificate that is not trusted, or does not go on.
    pub(super) async fn over<S: Stream>(&self, stream: S) -> io::Result<(TlsStream<S>, bool)> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.name.clone(), stream).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok((stream, resumed))
    }

    /// A stream that shakes hands when it is first used, for who may block.
    ///
    /// # Errors
    /// Nothing can be said to this server.
    pub(super) fn blocking(&self, stream: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let client = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        Ok(StreamOwned::new(client.map_err(io::Error::other)?, stream))
    }
}
