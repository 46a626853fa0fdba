//! What the program says and how it ends, without a broker.

use std::path::Path;
use std::process::Command;

use integration_tests::launcher::mortal;
use integration_tests::program::{self, Build};
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

fn check(kafka: &Kafka, config: &str) -> (Option<i32>, String) {
    let scenario = setup("check", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(scenario.write("bad.yaml", config));
    let output = program::output(command);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn all_errors_at_once(kafka: &Kafka) {
    let (code, text) = check(
        kafka,
        "connections:
  kafka: { bootstrap.servers: 'localhost:9092', enable.auto.commit: true }
pipelines:
  bank-audit:
    source: { topics: [in], grop: g, group: g }
    transforms: [ envelope: '{\"data\": {{paylod}}}' ]
    sink: { topic: out }
    actors: { transforms: many }
",
    );
    assert_eq!(code, Some(64), "{text}");
    for expected in [
        "bad.yaml:2: `connections.kafka.enable.auto.commit` belongs to the engine",
        "bad.yaml:5: `pipelines.bank-audit.source.grop` is not a key; the nearest is `group`",
        "bad.yaml:6: `pipelines.bank-audit.transforms.0.envelope",
        "there is no variable `paylod`: did you mean `payload`?",
        "bad.yaml:8: `pipelines.bank-audit.actors.transforms`: expected a whole number",
        "4 errors",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

pub(crate) fn a_loop_is_refused(kafka: &Kafka) {
    let (code, text) = check(
        kafka,
        "connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines:
  round: { source: { topics: ['^round.*'], group: g }, sink: { topic: round-out } }
",
    );
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("round-out"), "{text}");
}

pub(crate) fn a_password_stays_as_written(kafka: &Kafka) {
    let scenario = setup("password", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(scenario.config());
    command.env("STAMPMILL__CONNECTIONS__KAFKA__SASL_PASSWORD", "0123");
    command.env("STAMPMILL__CONNECTIONS__KAFKA__NO_SUCH_PROPERTY", "secret-value");
    let output = program::output(command);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("NO_SUCH_PROPERTY"), "{text}");
    assert!(!text.contains("0123") && !text.contains("secret-value"), "a secret is never shown: {text}");
}

pub(crate) fn fail_fast(kafka: &Kafka) {
    let scenario = setup("fast", &kafka.client);
    let mut command = scenario.command();
    command.arg("--fail-fast");
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the brokers cannot be reached"), "{text}");
}

/// On the embedded broker: all sent, all read back, each as it must be.
pub(crate) fn the_demo_proves_itself(kafka: &Kafka) {
    let scenario = setup("demo", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.args(["demo", "--records", "300000"]).current_dir(&scenario.folder);
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in ["lost", "corrupted", "out of order"] {
        assert!(text.contains(expected), "{text}");
    }
}

/// Runs a script with the program's folder in front of the `PATH`, and returns what it prints.
fn script(shell: &str, folder: &Path, text: &str) -> String {
    let mut command = mortal(shell);
    command.args(["-c", text]).current_dir(folder).env("STAMPMILL", program::executable(Build::Plain));
    let output = program::output(command);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && errors.is_empty(), "{shell}: {text}: {said}{errors}");
    said.into_owned()
}

/// bash offers them; the other shells that are here can read them.
pub(crate) fn completions_are_offered(kafka: &Kafka) {
    let scenario = setup("completions", &kafka.client);
    let folder = scenario.folder.clone();
    let offered = |words: &str, last: &str| {
        let words = format!("COMP_WORDS=(stampmill {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))");
        let ask =
            format!("source completions.bash; {words}; _stampmill stampmill '{last}' x; echo \"${{COMPREPLY[@]}}\"");
        script("bash", &folder, &ask)
    };
    script("bash", &folder, "$STAMPMILL completions bash > completions.bash && bash -n completions.bash");
    assert_eq!(offered("dead-letters re", "re").trim(), "replay");
    assert_eq!(offered("run --fa", "--fa").trim(), "--fail-fast");
    assert!(offered("''", "").contains("healthcheck"));
    for (shell, check) in [("zsh", "zsh -n"), ("fish", "fish -n")] {
        if Command::new(shell).arg("--version").output().is_ok() {
            script("bash", &folder, &format!("$STAMPMILL completions {shell} > of.{shell} && {check} of.{shell}"));
        }
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(script("bash", &folder, &format!("$STAMPMILL completions {shell}")).contains("healthcheck"), "{shell}");
    }
}

/// groff, by which `man` makes a page, has nothing to say against any.
pub(crate) fn manual_pages_render(kafka: &Kafka) {
    let scenario = setup("man", &kafka.client);
    let folder = scenario.folder.clone();
    script(
        "bash",
        &folder,
        "$STAMPMILL man > stampmill.1 && $STAMPMILL man --to pages && cmp stampmill.1 pages/stampmill.1",
    );
    let pages = script("bash", &folder, "ls pages");
    assert!(pages.lines().any(|page| page == "stampmill-dead-letters-replay.1"), "{pages}");
    for page in pages.lines() {
        // What groff warns of goes to standard error, which must be empty.
        let shown = script("bash", &folder, &format!("groff -man -ww -Tutf8 -P-c pages/{page} | col -bx"));
        assert!(shown.contains("NAME\n") && shown.contains("SYNOPSIS\n"), "{page}: {shown}");
    }
    let main = script("bash", &folder, "groff -man -ww -Tutf8 -P-c stampmill.1 | col -bx");
    for section in ["SUBCOMMANDS", "FILES", "ENVIRONMENT", "SIGNALS", "EXIT STATUS"] {
        assert!(main.contains(&format!("{section}\n")), "{section}: {main}");
    }
}
