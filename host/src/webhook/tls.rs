//! Whom a delivery trusts: the system's certificate authorities, so that a company's own count once it is installed there.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::stopwatch::HandshakeMark;

/// A configuration for HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3 that trusts the system's authorities and `extra_roots`.
pub(super) fn client_config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = system_roots();
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(HandshakeMark));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A minimal container has no store of authorities: Mozilla's, compiled in, stand in for it.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (taken, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, ignored, errors = ?found.errors, "read the system's certificate authorities");
    if roots.is_empty() {
        tracing::warn!(
            "the system has no certificate authorities; those compiled in are used, install ca-certificates"
        );
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
