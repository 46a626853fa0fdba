//! `stampmill config` of the built program: what it prints, and what no output of it tells.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFIGURATION: &str = "
connections:
  kafka:
    bootstrap.servers: SASL_SSL://user:s3cret@127.0.0.1:1
    security.protocol: sasl_ssl
    sasl.mechanism: PLAIN
    sasl.password: s3cret
    sasl.username: ${CLIENT}
pipelines:
  bank-audit:
    source: { topics: ['${file:key}'], group: '${LOGIN_TOKEN}' }
    sink: { topic: out }
    on_failure: { topic: '${LOGIN_TOKEN}-dead' }
";

struct Folder(PathBuf);

/// The exit code, and standard output and error together.
fn stampmill(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampmill"));
    command.args(arguments).current_dir(&folder.0).env_remove("RUST_LOG");
    command.env("CLIENT", "s3cret").env("LOGIN_TOKEN", "group-s3cret");
    command.env("STAMPMILL__CONNECTIONS__KAFKA__SSL_KEY_PASSWORD", "s3cret");
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
    assert!(!text.contains("s3cret"), "{arguments:?} tells a secret:\n{text}");
    (status.code(), text)
}

#[test]
fn no_output_tells_a_secret() {
    let folder = Folder::new("secrets");
    folder.write("c.yaml", CONFIGURATION);
    folder.write("key", "s3cret\n");
    let flag = ["--config", "c.yaml", "--set", "connections.kafka.ssl.keystore.password=s3cret"];
    let with = |command: &[&'static str]| [command, &flag].concat();

    let (code, text) = stampmill(&folder, &with(&["config", "show"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("ssl.keystore.password: (redacted) # --set connections.kafka.ssl.keystore.password\n"),
        "{text}"
    );
    let (code, text) = stampmill(&folder, &with(&["check"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("source       (redacted) (group (redacted), first time from earliest)"), "{text}");
    let (code, text) = stampmill(&folder, &with(&["check", "--online"]));
    assert_eq!(code, Some(1), "nobody listens there: {text}");

    for arguments in [
        &["config", "show", "--config", "c.yaml", "--set", "connections.kafka.sasl.pasword=s3cret"][..],
        &["config", "show", "--config", "c.yaml", "--set", "connections.kafka.security.protocol=s3cret"],
        &["check", "--set", "sasl.password:s3cret"],
        &["check", "--sett", "a=s3cret"],
        &["check", "--sett=s3cret"],
        &["check", "connections.kafka.sasl.password=s3cret"],
    ] {
        let (code, text) = stampmill(&folder, arguments);
        assert_eq!(code, Some(64), "{arguments:?}: {text}");
    }
}

#[test]
fn an_invalid_configuration_is_refused_as_check_does() {
    let folder = Folder::new("invalid");
    folder.write("c.yaml", &CONFIGURATION.replace("group:", "grup:").replace("topic: out", "topic: '${file:key}/'"));
    folder.write("key", "s3cret\n");
    let shown = stampmill(&folder, &["config", "show", "--config", "c.yaml"]);
    assert_eq!(shown, stampmill(&folder, &["check", "--config", "c.yaml"]));
    let (code, text) = shown;
    assert_eq!(code, Some(64));
    assert!(text.contains("the nearest is `group`") && text.contains("`${file:key}/` stands for"), "{text}");
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let folder = Folder::new("schema");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/stampmill.schema.json");
    let (code, text) = stampmill(&folder, &["config", "schema"]);
    assert_eq!((code, text), (Some(0), std::fs::read_to_string(file).expect("it is there")));
}

// === impl Folder ===

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stampmill-config-show-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file can be written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
