//! What differs between the machines that the stack runs on.

use crate::error::{Error, Result};
use std::net::TcpListener;
use std::path::Path;

/// Where systems keep their bundle of root certificates: Debian and Alpine, Fedora and Amazon Linux, macOS.
const CERTIFICATE_BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The host's bundle of root certificates, for the functions' `SSL_CERT_FILE`.
///
/// # Errors
/// [`Error::NoCertificates`] if there is none.
pub fn certificate_bundle() -> Result<String> {
    std::env::var("SSL_CERT_FILE")
        .ok()
        .into_iter()
        .chain(CERTIFICATE_BUNDLES.map(str::to_owned))
        .find(|path| Path::new(path).is_file())
        .ok_or(Error::NoCertificates)
}

/// The template's name for this machine's processor.
#[must_use]
pub fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// The wanted port if it is free, or any free one.
///
/// The port is given back before its program takes it, so another program may come first: the program then says so.
///
/// # Errors
/// [`Error::PortBusy`] if the wanted port is taken.
pub fn free_port(who: &'static str, wanted: Option<u16>) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted.unwrap_or(0)));
    match (listener, wanted) {
        (Ok(listener), _) => Ok(listener.local_addr().map_err(Error::io("read a free port"))?.port()),
        (Err(_taken), Some(port)) => Err(Error::PortBusy { who, port }),
        (Err(failure), None) => Err(Error::io("look for a free port")(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::free_port;

    #[test]
    fn a_taken_port_is_named_with_the_option_that_changes_it() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        let message = free_port("persona", Some(port)).expect_err("it is taken").to_string();
        assert!(message.contains(&port.to_string()), "{message}");
        assert!(message.contains("--persona-port"), "{message}");
    }
}
