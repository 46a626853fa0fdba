//! What is wrong with a broker's certificate. librdkafka says only that it is not accepted, so the broker is asked for it again.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode};
use openssl::x509::{X509, X509StoreContextRef};

use crate::settings::Properties;

/// Where systems keep whom they trust, of those that librdkafka's `probe` looks at.
const SYSTEMS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const ANSWER: Duration = Duration::from_secs(2);

/// OpenSSL's word for what it does not accept of the broker at `host:port`, with what to look at; `None` if that cannot be
/// found out.
pub(crate) fn fault(address: &str, properties: &Properties) -> Option<String> {
    let (host, _) = address.rsplit_once(':')?;
    let mut builder = SslConnector::builder(SslMethod::tls_client()).ok()?;
    trust(&mut builder, properties).ok()?;
    let found: Arc<Mutex<Option<String>>> = Arc::default();
    let noted = Arc::clone(&found);
    builder.set_verify_callback(SslVerifyMode::PEER, move |is_fine, context| {
        if !is_fine {
            noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| describe(context));
        }
        // Nothing is said to this broker: the whole certificate is wanted, and then the connection ends.
        true
    });
    let mut connector = builder.build().configure().ok()?;
    let by_name = properties.get("ssl.endpoint.identification.algorithm").is_none_or(|algorithm| algorithm != "none");
    connector.set_verify_hostname(by_name);
    let stream = TcpStream::connect_timeout(&address.to_socket_addrs().ok()?.next()?, ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.set_write_timeout(Some(ANSWER)).ok()?;
    // A broker that wants a certificate of ours may end it. What is wanted has come by then.
    drop(connector.connect(host.trim_matches(['[', ']']), stream));
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// As librdkafka does.
fn trust(builder: &mut SslConnectorBuilder, properties: &Properties) -> Result<(), ErrorStack> {
    if let Some(pem) = properties.get("ssl.ca.pem") {
        for certificate in X509::stack_from_pem(pem.as_bytes())? {
            builder.cert_store_mut().add_cert(certificate)?;
        }
        return Ok(());
    }
    match properties.get("ssl.ca.location").filter(|location| *location != "probe") {
        Some(location) if Path::new(location).is_dir() => {
            builder.load_verify_locations(None, Some(Path::new(location)))
        }
        Some(location) => builder.set_ca_file(location),
        None => SYSTEMS.iter().find(|path| Path::new(path).exists()).map_or(Ok(()), |path| builder.set_ca_file(path)),
    }
}

fn describe(context: &X509StoreContextRef) -> String {
    let error = context.error();
    let text = error.error_string();
    let of = context.current_cert().map_or_else(String::new, |certificate| {
        format!(" (of {:?}, until {})", certificate.subject_name(), certificate.not_after())
    });
    let advice = if text.contains("expired") || text.contains("not yet valid") {
        "it has to be renewed there, unless this machine's clock is wrong"
    } else if text.contains("mismatch") {
        "it is for another host than `bootstrap.servers`, or what the brokers advertise, names"
    } else {
        "`ssl.ca.location` has to name who issued it"
    };
    format!("{text}{of}; {advice}")
}
