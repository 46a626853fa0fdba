//! Where the program listens for HTTP, and who may tell it something there.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use config::ValueKind;

use super::error::ConfigError;
use super::reading::{Text, describe};
use super::secrets::REDACTED;
use super::section::Section;
use super::topics;

/// The two listeners; `None` for one that is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listeners {
    pub(crate) probes: Option<SocketAddr>,
    pub(crate) admin: Option<Admin>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
    /// There is one where the address is not a loopback one.
    pub(crate) token: Option<Token>,
    /// Names by which it is called beside its own address, in lower case and without ports.
    pub(crate) allowed_hosts: Vec<String>,
}

/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

const ADDRESS: &str = "an address and a port such as `127.0.0.1:9600` or `[::1]:9600`, or `off`";

/// Both are read whatever is wrong with one of them, so that all faults are noted.
pub(super) fn listeners(root: &Section<'_>) -> Option<Listeners> {
    let probes = address(&root.table("probes", "probes"));
    let section = root.table("admin", "admin");
    let (listen, token, allowed_hosts) = (address(&section), token(&section), hosts(&section));
    let (probes, listen, token, allowed_hosts) = (probes?, listen?, token?, allowed_hosts?);
    let admin = listen.map(|listen| Admin { listen, token, allowed_hosts });
    check(&section, probes, admin.as_ref());
    Some(Listeners { probes, admin })
}

fn check(section: &Section<'_>, probes: Option<SocketAddr>, admin: Option<&Admin>) {
    let Some(admin) = admin else { return };
    if probes.is_some_and(|probes| overlap(probes, admin.listen)) {
        let fault = "is where `probes.listen` is, too; give one of them another port".to_owned();
        section.reading.note(ConfigError::Together { at: section.at("listen"), fault });
    }
    if !admin.listen.ip().is_loopback() && admin.token.is_none() {
        let doc = "others than this machine can reach `admin.listen`: name a token for them to send, such as \
                   `${file:/run/secrets/admin-token}`, or listen on 127.0.0.1";
        section.reading.note(ConfigError::Missing { at: section.at("token"), doc });
    }
}

/// An unspecified address is every address; port 0 is any that is free.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = |ip: IpAddr| ip.is_unspecified();
    one.port() == other.port() && one.port() != 0 && (one.ip() == other.ip() || is_any(one.ip()) || is_any(other.ip()))
}

/// The inner `None` is `off`.
fn address(section: &Section<'_>) -> Option<Option<SocketAddr>> {
    let text = section.text("listen")?;
    match text.text.as_str() {
        "off" => Some(None),
        address => match address.parse() {
            Ok(address) => Some(Some(address)),
            Err(_) => refuse(section, text, ADDRESS),
        },
    }
}

/// It travels in a header, which takes no spaces and no other letters.
fn token(section: &Section<'_>) -> Option<Option<Token>> {
    if !section.is_there("token") {
        return Some(None);
    }
    let text = section.text("token")?;
    section.reading.secrets.borrow_mut().add(&text.text);
    // What `config show` prints in its place is known to everybody.
    if !text.text.bytes().all(|byte| byte.is_ascii_graphic()) || text.text == REDACTED {
        let expected = "a text of visible ASCII letters without spaces";
        section.reading.mismatch(text.at, expected, "another, which is not shown");
        return None;
    }
    Some(Some(Token(text.text)))
}

fn hosts(section: &Section<'_>) -> Option<Vec<String>> {
    const NAME: &str = "allowed_hosts";
    let Some(value) = section.value(NAME) else { return Some(Vec::new()) };
    if !matches!(value.kind, ValueKind::Array(_) | ValueKind::String(_)) {
        section.reading.mismatch(section.at(NAME), "a list of names", describe(&value.kind));
        return None;
    }
    let texts = topics::texts(section.reading, value, &section.path(NAME)).into_iter();
    let hosts: Vec<Option<String>> = texts.map(|text| host(section, text)).collect();
    hosts.into_iter().collect()
}

fn host(section: &Section<'_>, text: Text) -> Option<String> {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = !text.text.is_empty() && text.text.bytes().all(of_name);
    if is_name || text.text.parse::<IpAddr>().is_ok() {
        return Some(text.text.to_ascii_lowercase());
    }
    refuse(section, text, "the name of a host, or its address, without a port")
}

fn refuse<T>(section: &Section<'_>, text: Text, expected: &str) -> Option<T> {
    let found = text.shown();
    section.reading.mismatch(text.at, expected, found);
    None
}

// === impl Token ===

impl Token {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    #[cfg(test)]
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::super::show;
    use super::super::tests::{VALID, case};
    use super::*;

    fn listeners(more: &str) -> Listeners {
        case("listeners", &format!("{VALID}{more}\n")).settings().listeners
    }

    fn refused(more: &str, wanted: &[&str]) -> String {
        case("listeners-refused", &format!("{VALID}{more}\n")).refused(wanted)
    }

    #[test]
    fn without_a_word_probes_are_for_all_and_the_rest_for_this_machine() {
        let Listeners { probes, admin } = listeners("");
        let admin = admin.expect("is on");
        assert_eq!(probes, "0.0.0.0:9601".parse().ok());
        assert_eq!(
            (admin.listen.to_string().as_str(), admin.token, admin.allowed_hosts.len()),
            ("127.0.0.1:9600", None, 0)
        );
        assert_eq!(listeners("probes: { listen: off }\nadmin: { listen: off }"), Listeners::default());
    }

    #[test]
    fn a_token_lets_others_in() {
        let text = "admin: { listen: '0.0.0.0:9600', token: t0ken, allowed_hosts: [Mill.example.org, '::1', a_b] }";
        let admin = listeners(text).admin.expect("is on");
        assert_eq!(admin.token, Some(Token::new("t0ken")));
        assert_eq!(admin.allowed_hosts, ["mill.example.org", "::1", "a_b"]);
        assert_eq!(format!("{:?}", admin.token), "Some((redacted))");
        assert_eq!(listeners("admin: { allowed_hosts: 'a, b' }").admin.expect("is on").allowed_hosts, ["a", "b"]);
        refused("admin: { listen: '[::]:9600' }", &["c.yaml:9: `admin.token` is missing: others than this machine"]);
    }

    #[test]
    fn one_address_is_for_one_of_them() {
        let twice = "`admin.listen`: is where `probes.listen` is, too";
        refused("probes: { listen: '127.0.0.1:9600' }", &[twice]);
        refused("probes: { listen: '0.0.0.0:9600' }", &[twice]);
        let free = listeners("probes: { listen: '127.0.0.1:0' }\nadmin: { listen: '127.0.0.1:0' }");
        assert_eq!(free.probes, free.admin.map(|admin| admin.listen));
        listeners("probes: { listen: '127.0.0.2:9600' }");
    }

    #[test]
    fn what_cannot_be_listened_on_is_refused() {
        for address in ["9600", "localhost:9600", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:9600", "on"] {
            let wanted = format!("`admin.listen`: expected {ADDRESS}, got `{address}`");
            refused(&format!("admin: {{ listen: '{address}' }}"), &[&wanted]);
        }
        for host in ["a:1", "http://a", "a/b", "a b"] {
            refused(
                &format!("admin: {{ allowed_hosts: ['{host}'] }}"),
                &["`admin.allowed_hosts`: expected the name of a host"],
            );
        }
        refused("admin: { allowed_hosts: { a: b } }", &["expected a list of names, got a table"]);
    }

    #[test]
    fn a_token_is_not_shown() {
        let text = refused("admin: { token: 's3cret s3cret' }", &["`admin.token`: expected a text of visible ASCII"]);
        assert!(!text.contains("s3cret"), "{text}");
        refused("admin: { token: (redacted) }", &["`admin.token`: expected a text"]);
        let case = case("token-shown", &format!("{VALID}admin: {{ token: s3cret }}\n"));
        let text = show(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(text.contains("\n  # token: (redacted) # ") && !text.contains("s3cret"), "{text}");
        let settings = case.settings();
        assert!(!format!("{:?}", settings.listeners).contains("s3cret"));
        assert_eq!(settings.secrets.mask("it is s3cret"), "it is (redacted)");
    }
}
