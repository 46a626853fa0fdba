//! Apache Kafka as Maven Central has it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::{target, workspace};

/// The tutorial's version.
pub const TUTORIAL: &str = "3.7.2";
/// The newest.
pub const NEWEST: &str = "4.4.0";

/// What `kafka/pom.xml` asks for beside the broker: a folder of before that is fetched anew.
const CONTENTS: &str = "tools";

/// Maven writes to the same folders for each version, so one at a time.
static MAVEN: Mutex<()> = Mutex::new(());

/// The class path of a broker of that version; fetched the first time.
pub fn class_path(version: &str) -> Result<String> {
    let _one = MAVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target().join("kafka").join(format!("{version}-with-{CONTENTS}"));
    if !folder.is_dir() {
        fetch(version, &folder)?;
    }
    Ok(format!("{}/*", folder.display()))
}

/// Runs one of Kafka's own tools.
pub fn tool(version: &str, name: &str, arguments: &[&str]) -> Result<()> {
    let package = if version.starts_with('3') { "kafka.admin" } else { "org.apache.kafka.tools" };
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"])
        .args(["-cp", &class_path(version)?, &format!("{package}.{name}")])
        .args(arguments)
        .output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{name} {}: {}", arguments.join(" "), String::from_utf8_lossy(&said));
    }
    Ok(())
}

fn fetch(version: &str, folder: &PathBuf) -> Result<()> {
    // Another process may be at it too: each fills a folder of its own, and the first to finish gives it its name.
    let own = folder.with_extension(format!("{}.part", std::process::id()));
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(workspace().join("integration-tests/kafka/pom.xml"))
        .arg(format!("-Dkafka.version={version}"))
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", own.display()))
        .output()
        .context("`mvn` cannot be started")?;
    if !output.status.success() {
        bail!("mvn could not fetch kafka {version}: {}", String::from_utf8_lossy(&output.stdout));
    }
    if fs::rename(&own, folder).is_err() {
        fs::remove_dir_all(&own)?;
    }
    Ok(())
}

/// Why no broker can be started from the jars; `None` if one can. Looked for once: Maven takes a second of CPU to say that
/// it is there, and each test asks.
pub fn unavailable() -> Option<String> {
    static MISSING: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let programs = ["mvn", "java", "setpriv"].into_iter();
        programs.filter(|program| Command::new(program).arg("--version").output().is_err()).collect()
    });
    (!MISSING.is_empty()).then(|| format!("{} is not installed", MISSING.join(", ")))
}
