//! The broker as a container, for machines with an engine and without Java.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Whether an engine answers.
pub fn answers() -> bool {
    Command::new("docker").arg("info").output().is_ok_and(|output| output.status.success())
}

pub fn docker(arguments: &[&str]) -> Result<()> {
    let output = Command::new("docker").args(arguments).output().context("`docker` cannot be started")?;
    if !output.status.success() {
        bail!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Makes a container that is not started yet. It shares the machine's network, so that the nodes of a cluster find each
/// other and the tests them, by the same addresses; they listen on loopback only.
pub fn create(name: &str, version: &str, properties: &str) -> Result<()> {
    let image = format!("apache/kafka:{version}");
    let variables: Vec<String> = properties.lines().filter_map(variable).collect();
    let mut arguments = vec!["create", "--name", name, "--network", "host"];
    variables.iter().for_each(|variable| arguments.extend(["--env", variable]));
    arguments.push(&image);
    docker(&arguments)
}

/// A line of the broker's properties as the image takes it; `log.dirs` is the image's own.
fn variable(line: &str) -> Option<String> {
    let (name, value) = line.split_once('=').filter(|(name, _)| *name != "log.dirs")?;
    Some(format!("KAFKA_{}={value}", name.replace('.', "_").to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_becomes_a_variable() {
        assert_eq!(variable("node.id=1").as_deref(), Some("KAFKA_NODE_ID=1"));
        assert_eq!(variable("listeners=A://127.0.0.1:1").as_deref(), Some("KAFKA_LISTENERS=A://127.0.0.1:1"));
        assert_eq!(variable("log.dirs=/x"), None);
        assert_eq!(variable(""), None);
    }
}
