//! Permissions of a broker with an authorizer, set by Kafka's own tool: the tests' client has no call for that.

use anyhow::Result;

use crate::jars::tool;

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

/// The user may do that with the resource from now on; `resource` is such as `["--topic", "in"]`.
pub fn allow(version: &str, bootstrap: &str, user: &str, resource: [&str; 2], operations: &[&str]) -> Result<()> {
    change_of(version, bootstrap, resource, &of_user("--add", &format!("User:{user}"), operations))
}

/// The same with all resources whose names begin so.
pub fn allow_prefixed(
    version: &str,
    bootstrap: &str,
    user: &str,
    prefix: [&str; 2],
    operations: &[&str],
) -> Result<()> {
    let user = format!("User:{user}");
    let mut what = of_user("--add", &user, operations);
    what.extend(["--resource-pattern-type", "prefixed"]);
    change_of(version, bootstrap, prefix, &what)
}

/// Takes back what [`allow`] gave.
pub fn revoke(version: &str, bootstrap: &str, user: &str, resource: [&str; 2], operations: &[&str]) -> Result<()> {
    change_of(version, bootstrap, resource, &of_user("--remove", &format!("User:{user}"), operations))
}

fn of_user<'a>(how: &'a str, user: &'a str, operations: &[&'a str]) -> Vec<&'a str> {
    let operations = operations.iter().flat_map(|operation| ["--operation", *operation]);
    [how, "--force", "--allow-principal", user].into_iter().chain(operations).collect()
}

fn change_of(version: &str, bootstrap: &str, of: [&str; 2], what: &[&str]) -> Result<()> {
    tool(version, "AclCommand", &[&["--bootstrap-server", bootstrap], &of, what].concat())
}
