//! A broker that lets nobody in unasked: TLS with certificates of clients, and SASL by every mechanism, beside the open
//! listener of the tests' own client.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::acls;
use crate::broker::Broker;
use crate::client::Client;
use crate::jars::tool;
use crate::layout::{Listener, Plan};
use crate::proxy::Proxy;
use crate::tls::{Authority, Certificate, Host, Wanted};
use crate::tokens::{AUDIENCE, ISSUER, Issuer, TokenServer};

pub struct Secured {
    pub broker: Broker,
    /// Whom the broker trusts, and who has issued its certificate.
    pub authority: Authority,
    /// Whom it does not trust.
    pub stranger: Authority,
    /// Of the program.
    pub mill: Certificate,
    /// Signs what the broker takes for a token.
    pub issuer: Arc<Issuer>,
    /// Where the broker finds the key, and the program a token. A test that spoils its tokens starts one of its own.
    pub tokens: TokenServer,
}

/// Where the program may come in. Each is on a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// TLS, and the client shows a certificate, too.
    Mutual,
    /// SASL over TLS, by any mechanism.
    Sasl,
    /// The same, where a connection has to say who it is again every [`REAUTHENTICATED`], and when its token is over.
    Reauth,
}

/// What is behind the proxy: TLS and a client's certificate, as by [`Door::Mutual`], with something wrong or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Good,
    /// The broker's certificate is of yesterday.
    Expired,
    /// The broker's certificate is of another authority.
    Stranger,
    /// The broker's certificate is for another host.
    Elsewhere,
    /// The broker trusts no certificate of our authority.
    Untrusting,
}

/// A user that may do everything, and the password for PLAIN and both SCRAMs.
pub const USER: &str = "mill";
pub const PASSWORD: &str = "grain-and-flour";
pub const REAUTHENTICATED: Duration = Duration::from_secs(8);
const TROUBLES: [(&str, Behind); 4] = [
    ("EXPIRED", Behind::Expired),
    ("STRANGER", Behind::Stranger),
    ("ELSEWHERE", Behind::Elsewhere),
    ("UNTRUSTING", Behind::Untrusting),
];
const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer";

// === impl Secured ===

impl Secured {
    pub fn start(version: &str) -> Result<Self> {
        let (authority, stranger) = (Authority::make("ours")?, Authority::make("stranger")?);
        let issuer = Issuer::make()?;
        let tokens = TokenServer::start(&issuer)?;
        let properties = properties(&authority, &stranger, &tokens)?;
        let java = [format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={}", tokens.jwks_url)];
        let scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|mechanism| scram(mechanism, "name", USER, PASSWORD));
        let format: Vec<String> = scram.into_iter().flat_map(|user| ["--add-scram".to_owned(), user]).collect();
        let doors = ["MUTUAL", "SASL", "REAUTH"].map(|name| Listener { name, behind_proxy: false });
        let troubles = TROUBLES.map(|(name, _)| Listener { name, behind_proxy: true });
        let plan = Plan {
            proxied: true,
            listeners: &[&doors[..], &troubles].concat(),
            more: &properties,
            java: &java,
            format: &format,
            ..Plan::of(version)
        };
        let broker = Broker::start_cluster(&plan)?.pop().context("one broker")?;
        let mill = authority.client(USER)?;
        Ok(Self { broker, authority, stranger, mill, issuer, tokens })
    }

    /// That of the tests, which may do everything.
    pub fn client(&self) -> Client {
        self.broker.client()
    }

    pub fn address(&self, door: Door) -> SocketAddr {
        self.broker.listener(door.name())
    }

    pub fn proxy(&self) -> &Proxy {
        self.broker.proxy.as_ref().expect("the plan asks for one")
    }

    /// What the proxy leads to from now on. Connections that are open are closed.
    pub fn put_behind_proxy(&self, what: Behind) {
        let name = TROUBLES.iter().find(|(_, trouble)| *trouble == what).map(|(name, _)| *name);
        self.proxy().lead(name.map_or(self.broker.behind_proxy(), |name| self.broker.listener(name)));
    }

    /// The properties of a connection that shows the program's certificate.
    pub fn mutual(&self) -> String {
        mutual(&self.authority, &self.mill)
    }

    /// The properties of a connection by SASL over TLS.
    pub fn sasl(&self, mechanism: &str, user: &str, password: &str) -> String {
        let trust = self.authority.file();
        format!(
            "security.protocol: SASL_SSL\nssl.ca.location: {}\nsasl.mechanism: {mechanism}\nsasl.username: {user}\nsasl.password: {password}\n",
            trust.display()
        )
    }

    /// A user's password for a SCRAM from now on; the user is made if there is none.
    pub fn set_scram(&self, mechanism: &str, user: &str, password: &str) -> Result<()> {
        let text = scram(mechanism, "", user, password);
        self.configure(user, &["--add-config", &text])
    }

    /// Takes the user's password away.
    pub fn delete_scram(&self, mechanism: &str, user: &str) -> Result<()> {
        self.configure(user, &["--delete-config", mechanism])
    }

    fn configure(&self, user: &str, what: &[&str]) -> Result<()> {
        let all = ["--bootstrap-server", &self.broker.bootstrap, "--alter", "--entity-type", "users", "--entity-name"];
        tool(self.broker.version(), "ConfigCommand", &[&all, &[user][..], what].concat())
    }

    /// The password for PLAIN. A broker reads it when it starts: so it is killed and started again.
    pub fn set_plain(&mut self, from: &str, to: &str) -> Result<()> {
        self.broker.kill();
        let (from, to) = (plain(from), plain(to));
        self.broker.change_properties(|text| text.replace(&from, &to))?;
        self.broker.run()?;
        self.broker.await_ready(1)
    }

    /// The user may do that with the resource from now on; `resource` is such as `["--topic", "in"]`.
    pub fn allow(&self, user: &str, resource: [&str; 2], operations: &[&str]) -> Result<()> {
        acls::allow(self.broker.version(), &self.broker.bootstrap, user, resource, operations)
    }

    /// As [`Secured::allow`], of all whose names begin so.
    pub fn allow_prefixed(&self, user: &str, prefix: [&str; 2], operations: &[&str]) -> Result<()> {
        acls::allow_prefixed(self.broker.version(), &self.broker.bootstrap, user, prefix, operations)
    }

    pub fn revoke(&self, user: &str, resource: [&str; 2], operations: &[&str]) -> Result<()> {
        acls::revoke(self.broker.version(), &self.broker.bootstrap, user, resource, operations)
    }
}

// === impl Door ===

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Mutual => "MUTUAL",
            Self::Sasl => "SASL",
            Self::Reauth => "REAUTH",
        }
    }
}

/// The properties of a connection that trusts the authority and shows the certificate.
pub fn mutual(trusted: &Authority, shown: &Certificate) -> String {
    format!(
        "security.protocol: SSL\nssl.ca.location: {}\nssl.certificate.location: {}\nssl.key.location: {}\n",
        trusted.file().display(),
        shown.file().display(),
        shown.key().display()
    )
}

fn scram(mechanism: &str, key: &str, user: &str, password: &str) -> String {
    let user = if key.is_empty() { String::new() } else { format!("{key}={user},") };
    format!("{mechanism}=[{user}iterations=4096,password={password}]")
}

fn plain(password: &str) -> String {
    format!("PlainLoginModule required user_{USER}=\"{password}\";")
}

/// Kafka takes the DN of a certificate for the name of its user, unless told otherwise.
fn properties(authority: &Authority, stranger: &Authority, tokens: &TokenServer) -> Result<String> {
    let server = authority.server()?;
    let host = Host::Address("127.0.0.1");
    let expired = authority.issue(&Wanted { name: "server", host, from: -3, to: -1 })?;
    let elsewhere =
        authority.issue(&Wanted { name: "server", host: Host::Name("elsewhere.test"), from: -1, to: 30 })?;
    let (ours, theirs) = (authority.file(), stranger.file());
    let shown: [(&str, &Certificate, &Path); 8] = [
        ("MUTUAL", &server, &ours),
        ("SASL", &server, &ours),
        ("REAUTH", &server, &ours),
        ("PROXIED", &server, &ours),
        ("EXPIRED", &expired, &ours),
        ("STRANGER", &stranger.server()?, &ours),
        ("ELSEWHERE", &elsewhere, &ours),
        ("UNTRUSTING", &server, &theirs),
    ];
    let mut text = format!(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{USER}
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
sasl.oauthbearer.jwks.endpoint.url={}
sasl.oauthbearer.expected.audience={AUDIENCE}
sasl.oauthbearer.expected.issuer={ISSUER}
sasl.oauthbearer.clock.skew.seconds=0
",
        tokens.jwks_url
    );
    let mut protocols = "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned();
    for (name, certificate, trust) in shown {
        let prefix = format!("listener.name.{}.", name.to_lowercase());
        text.push_str(&certificate.properties(&prefix, trust));
        let by_sasl = name == "SASL" || name == "REAUTH";
        let (protocol, asked) = if by_sasl { ("SASL_SSL", "none") } else { ("SSL", "required") };
        protocols.push_str(&format!(",{name}:{protocol}"));
        text.push_str(&format!("{prefix}ssl.client.auth={asked}\n"));
        if by_sasl {
            text.push_str(&format!(
                "{prefix}sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
{prefix}plain.sasl.jaas.config=org.apache.kafka.common.security.plain.{}
{prefix}scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
{prefix}scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
{prefix}oauthbearer.sasl.jaas.config={OAUTH}.OAuthBearerLoginModule required;
{prefix}oauthbearer.sasl.server.callback.handler.class={OAUTH}.OAuthBearerValidatorCallbackHandler
",
                plain(PASSWORD)
            ));
        }
    }
    text.push_str(&format!("listener.name.reauth.connections.max.reauth.ms={}\n", REAUTHENTICATED.as_millis()));
    Ok(text + &protocols)
}
