//! A group as its broker sees it, by Kafka's own tool: the tests' client cannot describe groups of the newer protocol.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::jars;

/// Which client has which partitions of a topic, by the `client.id` of its members.
pub fn owners(version: &str, bootstrap: &str, group: &str, topic: &str) -> Result<BTreeMap<i32, String>> {
    let tool = if version.starts_with('3') {
        "kafka.admin.ConsumerGroupCommand"
    } else {
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    };
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", &jars::class_path(version)?])
        .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", tool])
        .args(["--bootstrap-server", bootstrap, "--describe", "--group", group])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{tool}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    parse(&said, topic).with_context(|| format!("{tool} said:\n{said}"))
}

/// A table of which the first line names the columns. A partition that nobody has says `-`, and is left out.
fn parse(table: &str, topic: &str) -> Result<BTreeMap<i32, String>> {
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = lines.find(|line| line.first() == Some(&"GROUP")).context("no line begins with `GROUP`")?;
    let column = |name| head.iter().position(|column| *column == name).with_context(|| format!("no column `{name}`"));
    let (of_topic, of_partition, of_client) = (column("TOPIC")?, column("PARTITION")?, column("CLIENT-ID")?);
    let of_this = lines.filter(|line| line.get(of_topic) == Some(&topic));
    let owned = of_this.filter(|line| line.get(of_client).is_some_and(|client| *client != "-"));
    owned.map(|line| Ok((line[of_partition].parse()?, line[of_client].to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_without_an_owner_are_left_out() {
        let table = "
GROUP  TOPIC  PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST        CLIENT-ID
group  in     0          -               12              -    a-1234       /127.0.0.1  a
group  in     1          3               3               0    -            -           -
group  other  0          3               3               0    b-1234       /127.0.0.1  b
";
        assert_eq!(parse(table, "in").expect("a table"), BTreeMap::from([(0, "a".to_owned())]));
        assert!(parse("Error: the coordinator is loading", "in").is_err());
    }
}
