//! What of a connection changes while it is used: tokens of OIDC, and secrets and certificates in files.
//!
//! The properties of OIDC have librdkafka's names and meaning (its CONFIGURATION.md), and never reach it: it would need
//! libcurl for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::Value;
use stampmill_engine::credentials::{CredentialSettings, MaterialSettings, Oidc, Secret, Trust};

use super::connection::Set;
use super::error::{ConfigError, Place};
use super::layers;
use super::properties::PROPERTIES;
use super::reading::{Reading, join};

const USER: &str = "sasl.username";
const PASSWORD: &str = "sasl.password";
const MECHANISM: &str = "sasl.mechanisms";
const METHOD: &str = "sasl.oauthbearer.method";
const ID: &str = "sasl.oauthbearer.client.id";
const SECRET: &str = "sasl.oauthbearer.client.secret";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const SCOPE: &str = "sasl.oauthbearer.scope";
const EXTENSIONS: &str = "sasl.oauthbearer.extensions";
const GRANT: &str = "sasl.oauthbearer.grant.type";
const CA_LOCATION: &str = "https.ca.location";
const CA_PEM: &str = "https.ca.pem";
const UNSECURED: &str = "enable.sasl.oauthbearer.unsecure.jwt";

/// Those that are not librdkafka's to see.
const OIDC: [&str; 9] = [METHOD, ID, SECRET, ENDPOINT, SCOPE, EXTENSIONS, GRANT, CA_LOCATION, CA_PEM];
/// Certificates and keys, and what opens them.
const TEXTS: [&str; 5] =
    ["ssl.key.pem", "ssl.certificate.pem", "ssl.ca.pem", "ssl.key.password", "ssl.keystore.password"];
const FILES: [&str; 5] =
    ["ssl.key.location", "ssl.certificate.location", "ssl.ca.location", "ssl.crl.location", "ssl.keystore.location"];

/// Whether the property of that first name is for our own token source.
pub(super) fn is_oidc(property: &str) -> bool {
    OIDC.contains(&property)
}

/// Whether it is an address, though its name tells of a token: errors that hide it would help nobody.
pub(super) fn is_address(property: &str) -> bool {
    property == ENDPOINT
}

/// Whether a running program takes over what the files in that property's value come to hold.
pub(super) fn is_followed(property: &str) -> bool {
    [USER, PASSWORD].contains(&property) || OIDC.contains(&property) || TEXTS.contains(&property)
}

/// Why a property of OIDC cannot be had, by its first name.
pub(super) fn unsupported(property: &str) -> Option<&'static str> {
    if property.starts_with("sasl.oauthbearer.assertion.") {
        return Some("is not supported: tokens are asked for with `sasl.oauthbearer.client.secret`; leave it out");
    }
    let is_metadata = property == "sasl.oauthbearer.metadata.authentication.type";
    is_metadata
        .then_some("is not supported: write `sasl.oauthbearer.method: oidc` and the token endpoint; leave it out")
}

/// What is wrong with a value of such a property, for librdkafka as built here knows none of them.
pub(super) fn fault(property: &str, value: &str) -> Option<&'static str> {
    let is_wrong = match property {
        METHOD => !matches!(value, "oidc" | "default"),
        GRANT => value != "client_credentials",
        ENDPOINT => !(value.starts_with("https://") || value.starts_with("http://")) || value.contains('@'),
        EXTENSIONS => extensions(value).is_none(),
        ID | SECRET => value.is_empty(),
        _ => false,
    };
    let expected = match property {
        METHOD => "`oidc` or `default`",
        GRANT => "`client_credentials`, which is the one that is supported",
        ENDPOINT => "an address that begins with `https://` or `http://`, without a login",
        EXTENSIONS => "`name=value,name=value`, where names are letters, and none is `auth` (KIP-342)",
        _ => "a text that is not empty",
    };
    is_wrong.then_some(expected)
}

/// As SASL/OAUTHBEARER has them (RFC 7628, 3.1).
fn extensions(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let is_name = !name.is_empty() && name != "auth" && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_value = value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        (is_name && is_value).then(|| (name.to_owned(), value.to_owned()))
    };
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(pair).collect()
}

/// Notes what is missing for OIDC in a connection, and what goes not with it. Of what is written there and not among
/// `sets` it has been noted already what is wrong.
pub(super) fn check(reading: &Reading<'_>, connection: &Value, at: &Place, sets: &[Set]) {
    let at = |property: &str| Place { key: join(&at.key, property), ..at.clone() };
    let is_written = |property: &str| {
        let mut names = PROPERTIES.iter().filter(|found| found.first_name() == property);
        names.any(|found| layers::get(Some(connection), found.name).is_some())
    };
    let get = |property: &str| find(sets, property).map(|set| set.value.as_str());
    let together = |property: &str, fault: String| reading.note(ConfigError::Together { at: at(property), fault });
    let is_bearer = get(MECHANISM).is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("OAUTHBEARER"));
    if get(METHOD) != Some("oidc") {
        let is_unsecured = get(UNSECURED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let is_refused = is_written(METHOD) && get(METHOD).is_none();
        if is_bearer && !is_unsecured && !is_refused {
            let fault = "`OAUTHBEARER` needs tokens: write `sasl.oauthbearer.method: oidc`, with the client's id and secret and the token endpoint";
            together("sasl.mechanism", fault.to_owned());
        }
        return;
    }
    if !is_bearer {
        together(METHOD, "`oidc` goes with `sasl.mechanism: OAUTHBEARER`".to_owned());
    }
    let protocol = get("security.protocol").unwrap_or("plaintext").to_lowercase();
    if !protocol.starts_with("sasl_") {
        let fault =
            format!("`oidc` goes with `security.protocol: SASL_SSL` (or `SASL_PLAINTEXT`), and it is `{protocol}`");
        together(METHOD, fault);
    }
    if get(UNSECURED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        together(UNSECURED, "tokens without a signature, and `oidc`, exclude each other; keep one of them".to_owned());
    }
    if get(CA_LOCATION).is_some() && get(CA_PEM).is_some() {
        together(CA_PEM, format!("it and `{CA_LOCATION}` exclude each other; keep one of them"));
    }
    for (property, doc) in [
        (ID, "as whom the token endpoint knows this program"),
        (SECRET, "what proves that to the token endpoint, best from a file: `${file:/run/secrets/x}`"),
        (ENDPOINT, "where tokens come from, as `https://host/path`"),
    ] {
        if !is_written(property) {
            reading.note(ConfigError::Missing { at: at(property), doc });
        }
    }
}

/// Of a client with these properties.
pub(super) fn settings<'a>(connection: &str, sets: impl Iterator<Item = &'a Set>) -> CredentialSettings {
    let sets: Vec<&Set> = sets.collect();
    let secret = |property: &str| find(sets.iter().copied(), property).map(|set| set.secret.clone());
    let login = secret(USER).zip(secret(PASSWORD));
    CredentialSettings {
        connection: connection.to_owned(),
        login: login.filter(|(user, password)| user.is_from_files() || password.is_from_files()),
        oidc: oidc(&sets),
        material: material(&sets),
    }
}

fn oidc(sets: &[&Set]) -> Option<Oidc> {
    let get = |property: &str| find(sets.iter().copied(), property);
    let text = |property: &str| get(property).map(|set| set.value.clone());
    let is_bearer = text(MECHANISM).is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("OAUTHBEARER"));
    if !is_bearer || text(METHOD).as_deref() != Some("oidc") {
        return None;
    }
    let trust = match (text(CA_LOCATION), get(CA_PEM)) {
        (Some(location), _) if location != "probe" => Trust::Location(PathBuf::from(location)),
        (None, Some(pem)) => Trust::Pem(pem.secret.clone()),
        _ => Trust::System,
    };
    Some(Oidc {
        endpoint: text(ENDPOINT)?,
        client_id: get(ID)?.secret.clone(),
        client_secret: get(SECRET)?.secret.clone(),
        scope: text(SCOPE).filter(|scope| !scope.is_empty()),
        extensions: text(EXTENSIONS).and_then(|text| extensions(&text)).unwrap_or_default(),
        trust,
    })
}

fn material(sets: &[&Set]) -> MaterialSettings {
    let named = |names: &'static [&'static str]| {
        names.iter().filter_map(|name| Some((*name, find(sets.iter().copied(), name)?)))
    };
    let texts: BTreeMap<String, Secret> = named(&TEXTS)
        .filter(|(_, set)| set.secret.is_from_files())
        .map(|(name, set)| (name.to_owned(), set.secret.clone()))
        .collect();
    // A folder of certificates is librdkafka's to look into as it connects.
    let files: BTreeMap<String, PathBuf> = named(&FILES)
        .map(|(name, set)| (name.to_owned(), PathBuf::from(&set.value)))
        .filter(|(_, path)| path.is_file())
        .collect();
    let concerns_tls = |set: &&&Set| {
        let name = set.property.first_name();
        name.starts_with("ssl.") || name == "enable.ssl.certificate.verification"
    };
    let tls = sets.iter().filter(concerns_tls).map(|set| (set.property.name.to_owned(), set.value.clone())).collect();
    MaterialSettings { texts, files, tls }
}

fn find<'a>(sets: impl IntoIterator<Item = &'a Set>, property: &str) -> Option<&'a Set> {
    sets.into_iter().find(|set| set.property.first_name() == property)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use stampmill_engine::credentials::Piece;
    use stampmill_engine::settings::PipelineSettings;

    use super::super::load;
    use super::super::tests::{Case, case};
    use super::*;

    const MILL: &str = "
connections:
  kafka:
    bootstrap.servers: a:1
    security.protocol: SASL_SSL
    sasl.mechanism: OAUTHBEARER
    sasl.oauthbearer.method: oidc
    sasl.oauthbearer.client.id: mill
    sasl.oauthbearer.client.secret: '${file:secret}'
    sasl.oauthbearer.token.endpoint.url: https://id.example/token
    sasl.oauthbearer.scope: kafka
    sasl.oauthbearer.extensions: logicalCluster=lkc-1,identityPoolId=pool-2
    https.ca.location: /etc/ca.pem
    ssl.ca.location: probe
pipelines:
  p: { source: { topics: [in], group: g }, sink: { topic: out } }
";

    fn mill(name: &str, from: &str, to: &str) -> Case {
        assert!(MILL.contains(from), "{from}");
        let case = case(name, &MILL.replace(from, to));
        case.folder.write("secret", "s3cret\n");
        case
    }

    fn pipeline(case: &Case) -> PipelineSettings {
        load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}")).pipelines.remove(0)
    }

    #[test]
    fn what_is_for_the_token_source_does_not_reach_librdkafka() {
        let case = mill("oidc", "kafka", "kafka");
        let folder = case.folder.0.clone();
        let PipelineSettings { source, producer, .. } = pipeline(&case);
        let names: Vec<&str> = producer.keys().map(String::as_str).collect();
        let left = ["bootstrap.servers", "linger.ms", "sasl.mechanism", "security.protocol", "ssl.ca.location"];
        assert_eq!(names, left);
        let (source, sink) = (source.properties.credentials, producer.credentials);
        let credentials = source.as_ref().expect("tokens change");
        assert!(sink.is_some_and(|sink| Arc::ptr_eq(&sink, credentials)), "one token source for a connection");
        let expected = Oidc {
            endpoint: "https://id.example/token".into(),
            client_id: Secret(vec![Piece::Text("mill".into())]),
            client_secret: Secret(vec![
                Piece::Text(String::new()),
                Piece::File(folder.join("secret")),
                Piece::Text(String::new()),
            ]),
            scope: Some("kafka".into()),
            extensions: [("logicalCluster", "lkc-1"), ("identityPoolId", "pool-2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            trust: Trust::Location(Path::new("/etc/ca.pem").to_owned()),
        };
        assert_eq!(credentials.settings().oidc.as_ref(), Some(&expected));
    }

    #[test]
    fn what_is_missing_or_contradicts_is_refused() {
        for (from, to, wanted) in [
            ("    sasl.oauthbearer.client.id: mill\n", "", "`connections.kafka.sasl.oauthbearer.client.id` is missing"),
            ("method: oidc", "method: default", "`OAUTHBEARER` needs tokens"),
            ("method: oidc", "method: saml", "expected `oidc` or `default`"),
            ("OAUTHBEARER", "PLAIN", "`oidc` goes with `sasl.mechanism: OAUTHBEARER`"),
            ("SASL_SSL", "SSL", "`oidc` goes with `security.protocol: SASL_SSL`"),
            ("https://id", "id", "expected an address"),
            ("https://id", "https://u:p@id", "expected an address"),
            ("=lkc-1", "", "expected `name=value,name=value`"),
            ("logicalCluster", "auth", "expected `name=value,name=value`"),
            ("ssl.ca.location: probe", "https.ca.pem: x", "exclude each other"),
            ("ssl.ca.location: probe", "sasl.oauthbearer.grant.type: implicit", "expected `client_credentials`"),
            ("ssl.ca.location: probe", "sasl.oauthbearer.assertion.file: x", "is not supported"),
            ("group: g", "group: g, properties: { sasl.oauthbearer.scope: x }", "of a connection as a whole"),
        ] {
            mill("refused", from, to).refused(&[wanted]);
        }
    }

    #[test]
    fn only_what_is_from_files_is_followed() {
        let login = |user: &str, password: &str| {
            let text = format!(
                "{{ bootstrap.servers: 'a:1', sasl.mechanism: PLAIN, sasl.username: '{user}', sasl.password: '{password}' }}"
            );
            let start = MILL.find("\n    bootstrap").expect("there");
            let end = MILL.find("\npipelines").expect("there");
            let case = case("login", &format!("{} {text}{}", &MILL[..start], &MILL[end..]));
            case.folder.write("secret", "s3cret");
            (pipeline(&case).source.properties.credentials, case)
        };
        assert!(login("u", "p").0.is_none(), "nothing of it changes");
        let (followed, _case) = login("u", "${file:secret}");
        let followed = followed.expect("a file may change");
        let (user, password) = followed.settings().login.as_ref().expect("a login");
        assert_eq!((user.read().ok().as_deref(), password.read().ok().as_deref()), (Some("u"), Some("s3cret")));
        assert!(!format!("{:?}", followed.settings()).contains("s3cret"));
    }
}
