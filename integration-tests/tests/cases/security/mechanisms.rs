//! Each way of proving who one is, and nothing lost on it.

use std::fs;
use std::path::Path;

use integration_tests::chaos::stream::Stream;
use integration_tests::eventually::eventually;
use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::secured::{Door, PASSWORD, Secured, USER};
use integration_tests::tls;
use integration_tests::verdict::{await_verdict_of, record};

use super::{Probed, by_door};
use crate::kafka::Kafka;

/// A way in: a name, a door, and the properties of the connection.
type Way = (&'static str, Door, String);

/// Certificates as files, within the configuration and as PKCS#12; a key with a password; and each kind of login. A pipeline
/// for each in one program, under load.
pub(crate) fn each_is_let_in_and_loses_nothing(kafka: &Kafka) {
    let secured = kafka.secured();
    let folder = setup("ways", &secured.client());
    let ways = ways(&secured, &folder.folder);
    let scenarios: Vec<Scenario> = ways.iter().map(|way| scenario(&secured, way)).collect();
    let mut streams: Vec<Stream> =
        scenarios.iter().map(|scenario| Stream::start(&scenario.client, &scenario.input, 2, 0, record)).collect();

    // All of them in one configuration: what differs is the connection.
    let mut command = program::command(Build::Plain);
    command.arg("run");
    for (scenario, (name, ..)) in scenarios.iter().zip(&ways) {
        let text = fs::read_to_string(scenario.config()).expect("the configuration");
        let text = text.replace("  under-test:", &format!("  {name}:")).replace("  kafka:", &format!("  {name}:"));
        // Where there are several connections a pipeline says which.
        let text = text.replace("    source:\n", &format!("    source:\n      connection: {name}\n"));
        let text = text.replace("    sink:\n", &format!("    sink:\n      connection: {name}\n"));
        command.arg("--config").arg(scenario.write(&format!("{name}.yaml"), &text));
    }
    let mut probed = Probed::start_with(command, &folder.folder);
    probed.await_ready();
    for (scenario, stream) in scenarios.iter().zip(&streams) {
        eventually("some of each to be delivered", || {
            let delivered = scenario.client.known_ends(&scenario.output);
            (delivered.len() == 2 && delivered.values().all(|end| *end > 200)).then_some(())
        });
        assert!(!stream.acknowledged().is_empty());
    }
    for (scenario, stream) in scenarios.iter().zip(&mut streams) {
        let sent = stream.finish();
        await_verdict_of(scenario, &sent, 0).assert_exact();
    }
    let log = probed.program.log();
    assert!(!log.contains(PASSWORD) && !log.contains("PRIVATE KEY"), "a secret is in the log");
    assert_eq!(probed.program.terminate(), 0);
}

fn scenario(secured: &Secured, (name, door, connection): &Way) -> Scenario {
    by_door(setup(name, &secured.client()).with_topics(2), secured, *door, connection)
}

fn ways(secured: &Secured, folder: &Path) -> Vec<Way> {
    let mill = &secured.mill;
    let copy = |from: &Path, name: &str| {
        let to = folder.join(name);
        fs::copy(from, &to).expect("a file is copied");
        to.display().to_string()
    };
    let trust = format!("security.protocol: SSL\nssl.ca.location: {}\n", secured.authority.file().display());
    let inline = format!(
        "security.protocol: SSL\nssl.ca.pem: \"${{file:{}}}\"\nssl.certificate.pem: \"${{file:{}}}\"\nssl.key.pem: \"${{file:{}}}\"\n",
        copy(&secured.authority.file(), "ca"),
        copy(&mill.file(), "certificate"),
        copy(&mill.key(), "key")
    );
    let store = format!(
        "{trust}ssl.keystore.location: {}\nssl.keystore.password: \"{}\"\n",
        mill.store().display(),
        tls::PASSWORD
    );
    let locked = format!(
        "{trust}ssl.certificate.location: {}\nssl.key.location: {}\nssl.key.password: {}\n",
        mill.file().display(),
        mill.locked_key().display(),
        tls::PASSWORD
    );
    let password = copy(&write(folder, "password-of-the-user", PASSWORD), "password");
    let by_file = secured.sasl("PLAIN", USER, &format!("${{file:{password}}}"));
    vec![
        ("pem-files", Door::Mutual, secured.mutual()),
        ("pem-inline", Door::Mutual, inline),
        ("pkcs12", Door::Mutual, store),
        ("locked-key", Door::Mutual, locked),
        ("plain", Door::Sasl, by_file),
        ("scram-256", Door::Sasl, secured.sasl("SCRAM-SHA-256", USER, PASSWORD)),
        // Asked again who it is every few seconds, while it works.
        ("scram-512", Door::Reauth, secured.sasl("SCRAM-SHA-512", USER, PASSWORD)),
    ]
}

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file is written");
    path
}
