//! Permissions of a broker with an authorizer, set by Kafka's own tool: the tests' client has no call for that.

use std::process::Command;

use anyhow::{Result, bail};

use crate::jars;

/// What brokers behind proxies must be told to have permissions. Whoever comes by a proxy says who it is; the brokers
/// themselves, who need each other before there are any permissions, and the tests' client, may do everything.
pub const PROPERTIES: &str = r#"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:SASL_PLAINTEXT
listener.name.proxied.sasl.enabled.mechanisms=PLAIN
listener.name.proxied.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_mill="grain";"#;

/// The program's part of it, as properties of its connection.
pub const CONNECTION: &str =
    "security.protocol: SASL_PLAINTEXT\nsasl.mechanism: PLAIN\nsasl.username: mill\nsasl.password: grain";

const PROGRAM: &str = "User:mill";

/// The program may not write to the topic from now on; whatever else it may do, it still may.
pub fn deny_writes(version: &str, bootstrap: &str, topic: &str) -> Result<()> {
    change(version, bootstrap, topic, &["--add", "--allow-principal", PROGRAM, "--operation", "All"])?;
    change(version, bootstrap, topic, &["--add", "--deny-principal", PROGRAM, "--operation", "Write"])
}

/// Takes that back.
pub fn allow_writes(version: &str, bootstrap: &str, topic: &str) -> Result<()> {
    change(version, bootstrap, topic, &["--remove", "--force", "--deny-principal", PROGRAM, "--operation", "Write"])
}

/// The program may not join the group from now on.
pub fn deny_group(version: &str, bootstrap: &str, group: &str) -> Result<()> {
    let what = ["--add", "--deny-principal", PROGRAM, "--operation", "Read"];
    change_of(version, bootstrap, ["--group", group], &what)
}

fn change(version: &str, bootstrap: &str, topic: &str, what: &[&str]) -> Result<()> {
    change_of(version, bootstrap, ["--topic", topic], what)
}

fn change_of(version: &str, bootstrap: &str, of: [&str; 2], what: &[&str]) -> Result<()> {
    let tool = if version.starts_with('3') { "kafka.admin.AclCommand" } else { "org.apache.kafka.tools.AclCommand" };
    let output = Command::new("java")
        .args(["-cp", &jars::class_path(version)?, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", tool])
        .args(["--bootstrap-server", bootstrap])
        .args(of)
        .args(what)
        .output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{tool} {}: {}", what.join(" "), String::from_utf8_lossy(&said));
    }
    Ok(())
}
