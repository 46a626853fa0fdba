//! What is refused before anything is connected to.

use std::fs;
use std::path::Path;

use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::tls::{self, Authority, Certificate};
use integration_tests::workspace;

use crate::kafka::Kafka;

/// Files that are not there, do not belong together or do not open; and logins that nobody would ask for.
pub(crate) fn mistakes_are_refused(kafka: &Kafka) {
    let authority = Authority::make("mistakes").expect("an authority");
    let (mill, other) = (client(&authority), client(&authority));
    let scenario = setup("mistakes", &kafka.client);
    let tls = |more: &str| format!("security.protocol: ssl\nssl.ca.location: {}\n{more}", authority.file().display());
    let of = |name: &str, path: &Path| format!("{name}: {}\n", path.display());
    let gone = Path::new("/nowhere/file.pem");
    let garbage = scenario.write("garbage.pem", "not a certificate");
    let pair = |key: &Path| tls(&(of("ssl.certificate.location", &mill.file()) + &of("ssl.key.location", key)));
    let store = |password: &str| {
        tls(&(of("ssl.keystore.location", &mill.store()) + &format!("ssl.keystore.password: {password}\n")))
    };
    let login = "sasl.mechanism: PLAIN\nsasl.username: mill\nsasl.password: s3cret\n";

    let good = pair(&mill.key());
    let locked = pair(&mill.locked_key()) + &format!("ssl.key.password: {}\n", tls::PASSWORD);
    for (name, connection) in [("pem", &good), ("locked", &locked), ("store", &store(tls::PASSWORD))] {
        let (code, text) = check(&scenario, connection);
        assert_eq!(code, Some(0), "{name}: {text}");
    }
    for (name, connection, words) in [
        (
            "no authority",
            "security.protocol: ssl\n".to_owned() + &of("ssl.ca.location", gone),
            &["ssl.ca.location", "cannot be read: No such file"][..],
        ),
        (
            "authority that is none",
            "security.protocol: ssl\n".to_owned() + &of("ssl.ca.location", &garbage),
            &["ssl.ca.location"],
        ),
        (
            "no certificate",
            tls(&of("ssl.certificate.location", gone)),
            &["ssl.certificate.location", "cannot be read: No such file"],
        ),
        ("no key", pair(gone), &["ssl.key.location", "cannot be read: No such file"]),
        (
            "no store",
            tls(&of("ssl.keystore.location", gone)),
            &["ssl.keystore.location", "cannot be read: No such file"],
        ),
        ("another's key", pair(&other.key()), &["does not belong to the certificate"]),
        ("a key's wrong password", pair(&mill.locked_key()) + "ssl.key.password: wrong-one\n", &["ssl.key.password"]),
        ("a store's wrong password", store("wrong-one"), &["ssl.keystore.password"]),
        (
            "a login without SASL",
            login.to_owned(),
            &["sasl.mechanism", "`security.protocol: plaintext` logs nobody in", "sasl_ssl"],
        ),
        ("a login over TLS alone", tls(login), &["`security.protocol: ssl` logs nobody in", "sasl_ssl"]),
        (
            "TLS without its protocol",
            of("ssl.ca.location", &authority.file()),
            &["`security.protocol: plaintext` encrypts nothing"],
        ),
        (
            "nobody's login",
            "security.protocol: sasl_plaintext\nsasl.mechanism: SCRAM-SHA-512\n".to_owned(),
            &["sasl.username"],
        ),
        (
            "a mechanism that is none",
            format!("security.protocol: sasl_plaintext\n{}", login.replace("PLAIN", "PLANE")),
            &["sasl.mechanism"],
        ),
    ] {
        let (code, text) = check(&scenario, &connection);
        assert!(code == Some(64) && words.iter().all(|word| text.contains(word)), "{name}: {code:?}: {text}");
        assert!(text.contains("stampmill.yaml:"), "{name}: where it is, is told: {text}");
        assert!(!text.contains("s3cret") && !text.contains("wrong-one"), "{name}: a secret is told: {text}");
    }
}

/// Each connection of the documentation, and the example, with files as they tell of.
pub(crate) fn the_documented_ones_are_taken(kafka: &Kafka) {
    const FOLDER: &str = "/run/secrets/kafka/";
    let authority = Authority::make("documented").expect("an authority");
    let (mill, scenario) = (client(&authority), setup("documented", &kafka.client));
    for (from, name) in [
        (authority.file(), "ca.pem"),
        (mill.file(), "certificate.pem"),
        (mill.key(), "key.pem"),
        (mill.store(), "keystore.p12"),
    ] {
        fs::copy(from, scenario.folder.join(name)).expect("a file is copied");
    }
    for name in ["key-password", "keystore-password", "password"] {
        scenario.write(name, &format!("{}\n", tls::PASSWORD));
    }
    let text = fs::read_to_string(workspace().join("docs/src/security.md")).expect("the documentation");
    let blocks = text.split("```yaml").skip(1).filter_map(|block| block.split_once('\n')?.1.split("```").next());
    let blocks: Vec<&str> = blocks.collect();
    assert!(blocks.len() >= 5, "{} configurations", blocks.len());
    let pipelines = "pipelines: { p: { source: { topics: [in], group: g }, sink: { topic: out } } }\n";
    let example = fs::read_to_string(workspace().join("config/examples/secured.yaml")).expect("the example");
    let documented = blocks.iter().map(|block| format!("{block}{pipelines}"));
    for configuration in documented.chain([example]) {
        let here = configuration.replace(FOLDER, &format!("{}/", scenario.folder.display()));
        let mut command = program::command(Build::Plain);
        command.arg("check").arg("--config").arg(scenario.write("documented.yaml", &here));
        command.env("KAFKA_PASSWORD", tls::PASSWORD);
        let output = program::output(command);
        let text = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(0), "{}\n{configuration}", String::from_utf8_lossy(&text));
    }
}

fn client(authority: &Authority) -> Certificate {
    authority.client("mill").expect("a certificate")
}

fn check(scenario: &Scenario, connection: &str) -> (Option<i32>, String) {
    let text = fs::read_to_string(scenario.config()).expect("the configuration");
    let connection = connection.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let place = "    topic.metadata.refresh.interval.ms: 1000\n";
    let path = scenario.write("stampmill.yaml", &text.replace(place, &format!("{place}{connection}")));
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(path);
    let output = program::output(command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}
