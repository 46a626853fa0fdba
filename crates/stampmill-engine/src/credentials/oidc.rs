//! Fetches tokens: the client credentials grant of OAuth 2.0 (RFC 6749, 4.4), as Kafka's own clients do it (KIP-768).

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use stampmill_core::access_token::{self, AccessToken};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

use super::secret::Secret;
use super::since_1970;

/// Where tokens come from, and as whom they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// An `http://` or `https://` URL.
    pub endpoint: String,
    pub client_id: Secret,
    pub client_secret: Secret,
    pub scope: Option<String>,
    /// Told to the brokers with the token (KIP-342).
    pub extensions: Vec<(String, String)>,
    /// Whom to trust; the system's certificates, if nothing is said.
    pub trust: Trust,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    #[default]
    System,
    /// A PEM file, or a folder of them.
    Location(PathBuf),
    Pem(Secret),
}

/// For an endpoint to answer, from the look-up of its name on.
const ANSWER: Duration = Duration::from_secs(10);
/// Tokens have a few kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// Keeps connections to the endpoint for as long as what it trusts stays the same.
#[derive(Default)]
pub(super) struct Client {
    agent: Option<(Vec<u8>, ureq::Agent)>,
}

// === impl Client ===

impl Client {
    /// # Errors
    /// The endpoint and what to do, without anything secret.
    pub(super) fn fetch(&mut self, oidc: &Oidc) -> Result<AccessToken, String> {
        let id = oidc.client_id.read().map_err(|error| format!("the client's id cannot be read: {error}"))?;
        let secret =
            oidc.client_secret.read().map_err(|error| format!("the client's secret cannot be read: {error}"))?;
        // As librdkafka and the Java client: neither of them is encoded as RFC 6749, 2.3.1 wants it.
        let login = STANDARD.encode(format!("{id}:{secret}"));
        let asked = self.agent(&oidc.trust)?.post(&oidc.endpoint);
        let asked = asked
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        let mut answer = asked.send(form(oidc.scope.as_deref())).map_err(|error| explained(&error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|error| format!("its answer broke off: {error}"))?;
        if !status.is_success() {
            return Err(refused(status.as_u16(), &body));
        }
        access_token::parse(&body, since_1970(), &id).map_err(|error| error.to_string())
    }

    fn agent(&mut self, trust: &Trust) -> Result<&ureq::Agent, String> {
        let pem = trust.read()?;
        if self.agent.as_ref().is_none_or(|(known, _)| *known != pem) {
            let roots = match trust {
                Trust::System => RootCerts::PlatformVerifier,
                Trust::Location(_) | Trust::Pem(_) => RootCerts::new_with_certs(&certificates(&pem)?),
            };
            let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
            let config = ureq::Agent::config_builder()
                .timeout_global(Some(ANSWER))
                .http_status_as_error(false)
                // The secret goes to the endpoint that is named, and to no other.
                .max_redirects(0)
                .user_agent(concat!("stampmill/", env!("CARGO_PKG_VERSION")))
                .tls_config(tls);
            self.agent = Some((pem, ureq::Agent::new_with_config(config.build())));
        }
        self.agent.as_ref().map(|(_, agent)| agent).ok_or_else(|| "no client for HTTP".to_owned())
    }
}

// === impl Trust ===

impl Trust {
    /// PEM; nothing, of the system's.
    fn read(&self) -> Result<Vec<u8>, String> {
        let cannot = |error: std::io::Error| format!("`https.ca.location` cannot be read: {error}");
        match self {
            Self::System => Ok(Vec::new()),
            Self::Pem(pem) => pem.read().map(String::into_bytes).map_err(|error| format!("`https.ca.pem`: {error}")),
            Self::Location(path) if path.is_dir() => read_folder(path).map_err(cannot),
            Self::Location(path) => std::fs::read(path).map_err(cannot),
        }
    }
}

fn read_folder(folder: &Path) -> std::io::Result<Vec<u8>> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        all.extend(std::fs::read(path)?);
        all.push(b'\n');
    }
    Ok(all)
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let no_pem = "`https.ca.location` or `https.ca.pem` holds no certificate in PEM";
    let found = ureq::tls::parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(format!("{no_pem}: {error}"))),
    });
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(no_pem.to_owned()) } else { Ok(found) }
}

fn form(scope: Option<&str>) -> String {
    let scope = scope.map(|scope| format!("&scope={}", utf8_percent_encode(scope, NON_ALPHANUMERIC)));
    format!("grant_type=client_credentials{}", scope.unwrap_or_default())
}

fn explained(error: &ureq::Error) -> String {
    let text = error.to_string();
    match text.contains("certificate") {
        true => format!("{text}; `https.ca.location` says whom to trust"),
        false => text,
    }
}

fn refused(status: u16, body: &[u8]) -> String {
    let said = access_token::refusal(body).map(|said| format!(": {said}")).unwrap_or_default();
    let hint = match status {
        400 | 401 | 403 => {
            "; look at `sasl.oauthbearer.client.id`, `sasl.oauthbearer.client.secret` and `sasl.oauthbearer.scope`"
        }
        300..=399 => "; it answers from elsewhere: name that address",
        404 | 405 => "; look at `sasl.oauthbearer.token.endpoint.url`",
        _ => "",
    };
    format!("it answers with status {status}{said}{hint}")
}
