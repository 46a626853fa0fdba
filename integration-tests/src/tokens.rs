//! A server of OpenID Connect for clients that are programs: it takes their id and secret (RFC 6749, 4.4), gives signed
//! tokens (RFC 7519) and shows by which key (RFC 7517). A test decides how long they last, and what goes wrong.

use std::io::{BufReader, Error, Read, Result as IoResult, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::served::{Request, respond};
use crate::tls::Certificate;

/// Who signs the tokens. Several servers may have one: a broker knows the key from the first, and tests spoil others.
pub struct Issuer {
    key: PKey<Private>,
}

/// Lives as long as the test's process.
pub struct TokenServer {
    /// Where tokens are given.
    pub token_url: String,
    /// Where the keys are shown, whatever the mood.
    pub jwks_url: String,
    shared: Arc<Shared>,
}

/// How the token endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Serve,
    /// As it should, but by a key that no broker knows.
    Stranger,
    /// With this status and an error in words.
    Refuse(u16),
    /// With 200 and what is no JSON.
    Garbage,
    /// As it should, but so much later.
    Slow(Duration),
    /// Never, with the connection left open.
    Silent,
    /// It closes each connection at once.
    Gone,
}

/// What it was asked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For a token, whatever the answer.
    pub requests: u64,
    pub issued: u64,
    /// With an id or a secret that is not right.
    pub refused: u64,
}

struct Shared {
    issuer: Arc<Issuer>,
    state: Mutex<State>,
}

struct State {
    mood: Mood,
    lifetime: Duration,
    secret: String,
    subject: String,
    asked: Asked,
}

/// What the tokens say, and the broker expects.
pub const ISSUER: &str = "https://issuer.test";
pub const AUDIENCE: &str = "kafka";
/// Who may ask.
pub const CLIENT_ID: &str = "mill-client";
pub const SECRET: &str = "flour+/=%";
/// Whom the token names, unless told otherwise.
pub const SUBJECT: &str = "mill";
const KEY_ID: &str = "key-1";
/// Longer than any client waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

// === impl Issuer ===

impl Issuer {
    pub fn make() -> Result<Arc<Self>> {
        Ok(Arc::new(Self { key: PKey::from_rsa(Rsa::generate(2048)?)? }))
    }

    /// A signed token with these claims. Those that a test leaves out are left out.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let text = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        let signature = signer.sign_oneshot_to_vec(text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token for `subject` that lasts from now on so long.
    pub fn claims(subject: &str, lifetime: Duration) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + lifetime.as_secs()})
    }

    fn jwks(&self) -> Result<String> {
        let rsa = self.key.rsa()?;
        let [n, e] = [rsa.n(), rsa.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_vec()));
        Ok(json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e}]}).to_string())
    }
}

// === impl TokenServer ===

impl TokenServer {
    pub fn start(issuer: &Arc<Issuer>) -> Result<Self> {
        Self::start_with(issuer, None)
    }

    /// By HTTPS.
    pub fn start_tls(issuer: &Arc<Issuer>, certificate: &Certificate) -> Result<Self> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate_chain_file(certificate.file())?;
        acceptor.set_private_key_file(certificate.key(), SslFiletype::PEM)?;
        Self::start_with(issuer, Some(acceptor.build()))
    }

    fn start_with(issuer: &Arc<Issuer>, acceptor: Option<SslAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, scheme) = (listener.local_addr()?, if acceptor.is_some() { "https" } else { "http" });
        let [token_url, jwks_url] = ["token", "jwks"].map(|path| format!("{scheme}://{address}/{path}"));
        let (secret, subject) = (SECRET.to_owned(), SUBJECT.to_owned());
        let lifetime = Duration::from_secs(3600);
        let state = State { mood: Mood::Serve, lifetime, secret, subject, asked: Asked::default() };
        let shared = Arc::new(Shared { issuer: Arc::clone(issuer), state: Mutex::new(state) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (serving, acceptor) = (Arc::clone(&serving), acceptor.clone());
                // A client that is gone again, or trusts somebody else, ends its connection, and that is all.
                thread::spawn(move || serving.serve(connection, acceptor.as_ref()));
            }
        });
        Ok(Self { token_url, jwks_url, shared })
    }

    pub fn set(&self, mood: Mood) {
        self.shared.state().mood = mood;
    }

    /// Of the tokens to come, in whole seconds.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.shared.state().lifetime = lifetime;
    }

    /// The one that is taken from now on.
    pub fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shared.state().secret);
    }

    pub fn set_subject(&self, subject: &str) {
        subject.clone_into(&mut self.shared.state().subject);
    }

    pub fn asked(&self) -> Asked {
        self.shared.state().asked
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, connection: TcpStream, acceptor: Option<&SslAcceptor>) -> Result<()> {
        match acceptor {
            Some(acceptor) => self.answer_all(acceptor.accept(connection).ok().context("a handshake")?)?,
            None => self.answer_all(connection)?,
        }
        Ok(())
    }

    /// Request after request.
    fn answer_all(&self, connection: impl Read + Write) -> IoResult<()> {
        let mut connection = BufReader::new(connection);
        while let Some(request) = Request::read(&mut connection)? {
            let (status, body) = match request.path.as_str() {
                "/jwks" => (200, self.issuer.jwks().map_err(Error::other)?),
                "/token" => match self.token(&request)? {
                    Some(answer) => answer,
                    None => return Ok(()),
                },
                path => (404, json!({"error": format!("nothing is at {path}")}).to_string()),
            };
            respond(connection.get_mut(), status, &body)?;
        }
        Ok(())
    }

    /// `None` when the connection is to be closed.
    fn token(&self, request: &Request) -> IoResult<Option<(u16, String)>> {
        let mood = {
            let mut state = self.state();
            state.asked.requests += 1;
            state.mood
        };
        match mood {
            Mood::Serve => {}
            Mood::Stranger => return self.give(request, &*Issuer::make().map_err(Error::other)?).map(Some),
            Mood::Refuse(status) => return Ok(Some((status, error("temporarily_unavailable", "told to refuse")))),
            Mood::Garbage => return Ok(Some((200, "<html>not a token</html>".to_owned()))),
            Mood::Slow(delay) => thread::park_timeout(delay),
            Mood::Silent => thread::park_timeout(FOR_EVER),
            Mood::Gone => return Ok(None),
        }
        self.give(request, &self.issuer).map(Some)
    }

    fn give(&self, request: &Request, issuer: &Issuer) -> IoResult<(u16, String)> {
        let form = parameters(&String::from_utf8_lossy(&request.body));
        let find = |name: &str| form.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let mut state = self.state();
        let in_form = (find("client_id").unwrap_or_default(), find("client_secret").unwrap_or_default());
        let given = match request.authorization.as_deref().map(basic) {
            Some(in_header) => in_header,
            None => vec![(in_form.0.to_owned(), in_form.1.to_owned())],
        };
        if !given.contains(&(CLIENT_ID.to_owned(), state.secret.clone())) {
            state.asked.refused += 1;
            return Ok((401, error("invalid_client", "no such client, or another secret")));
        }
        if find("grant_type") != Some("client_credentials") {
            return Ok((400, error("unsupported_grant_type", "client_credentials is the only one")));
        }
        state.asked.issued += 1;
        let mut claims = Issuer::claims(&state.subject, state.lifetime);
        if let Some(scope) = find("scope") {
            claims["scope"] = scope.into();
        }
        let token = issuer.sign(&claims).map_err(Error::other)?;
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": state.lifetime.as_secs()});
        Ok((200, answer.to_string()))
    }
}

fn error(code: &str, description: &str) -> String {
    json!({"error": code, "error_description": description}).to_string()
}

/// Id and secret as they stand there, and as they are if each was encoded as in a form (RFC 6749, 2.3.1): many a client
/// forgets to.
fn basic(header: &str) -> Vec<(String, String)> {
    let decoded = header.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let pair = text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()));
    pair.into_iter().flat_map(|(id, secret)| [(decode(&id), decode(&secret)), (id, secret)]).collect()
}

fn parameters(form: &str) -> Vec<(String, String)> {
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
