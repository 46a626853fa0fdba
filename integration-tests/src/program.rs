//! The built program: started, watched, stopped and killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::eventually::eventually;
use crate::launcher::{launch, mortal};
use crate::{target, workspace};

/// A running program. It is killed when dropped.
pub struct Program {
    child: Child,
    log: PathBuf,
}

/// Which build of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As it ships.
    Plain,
    /// With faults to inject.
    Failpoints,
}

/// The executable, built once for each run of the tests; `STAMPMILL_TEST_PROGRAM` names a plain one instead.
pub fn executable(build: Build) -> &'static Path {
    static PLAIN: OnceLock<PathBuf> = OnceLock::new();
    static FAILPOINTS: OnceLock<PathBuf> = OnceLock::new();
    let made = |build| make(build).unwrap_or_else(|error| panic!("the program cannot be built: {error:#}"));
    match build {
        Build::Plain => {
            PLAIN.get_or_init(|| std::env::var_os("STAMPMILL_TEST_PROGRAM").map_or_else(|| made(build), PathBuf::from))
        }
        Build::Failpoints => FAILPOINTS.get_or_init(|| made(build)),
    }
}

/// Both builds share a target folder, where the later one replaces the earlier: so each is copied away.
fn make(build: Build) -> Result<PathBuf> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // With the features of the whole workspace, as `cargo test` has built it: nothing is built twice then.
    command.current_dir(workspace()).args(["build", "--release", "--workspace", "--bin", "stampmill"]);
    command.args(["--message-format", "json"]);
    let name = match build {
        Build::Plain => "stampmill",
        Build::Failpoints => {
            command.args(["--features", "stampmill/failpoints"]);
            "stampmill-failpoints"
        }
    };
    let output = command.stderr(Stdio::inherit()).output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("cargo build failed");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut executables = artifacts.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()));
    let built = executables.next_back();
    let copy = target().join("under-test").join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(copy.parent().context("a folder")?)?;
    fs::copy(built.context("cargo named no executable")?, &copy)?;
    Ok(copy)
}

/// Removes the copies that this run has made.
pub fn remove_copies() {
    for name in ["stampmill", "stampmill-failpoints"] {
        // Not there unless a test needed it.
        let _ = fs::remove_file(target().join("under-test").join(format!("{name}-{}", std::process::id())));
    }
}

/// A command of the program without anything of the environment that would change it. It listens nowhere: many run at a time.
pub fn command(build: Build) -> Command {
    let mut command = mortal(executable(build));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_str().is_some_and(|name| {
            name.starts_with("STAMPMILL") || ["RUST_LOG", "RUST_BACKTRACE", "FAILPOINTS"].contains(&name)
        });
        if ours || name.to_str().is_none() {
            command.env_remove(name);
        }
    }
    for listener in ["PROBES", "ADMIN"] {
        command.env(format!("STAMPMILL__{listener}__LISTEN"), "off");
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn output(mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    launch(command).and_then(Child::wait_with_output).expect("the program runs")
}

// === impl Program ===

impl Program {
    /// Starts the command with its output going to `log`.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::options().append(true).create(true).open(&log).expect("a log file");
        command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        let child = launch(command).expect("the program starts");
        Self { child, log }
    }

    pub fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for a line that contains `text`, and returns it.
    pub fn await_line(&mut self, text: &str) -> String {
        let log = self.log.clone();
        let found = eventually(&format!("the line `{text}` in {}", log.display()), || {
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return Some(Ok(line.to_owned()));
            }
            self.child.try_wait().ok().flatten().map(Err)
        });
        found.unwrap_or_else(|status| panic!("the program ended with {status} before `{text}`:\n{}", self.log()))
    }

    pub fn await_ready(mut self) -> Self {
        self.await_line("is ready");
        self
    }

    /// The most memory that it has held so far, by Linux's own count (proc(5), `VmHWM`).
    pub fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.split_whitespace().next().and_then(|peak| peak.parse::<u64>().ok()).expect("a number of KiB") * 1024
    }

    /// As whom it runs: the number of its effective user (proc(5), `Uid`).
    pub fn user(&self) -> u32 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("its users");
        users.split_whitespace().nth(1).and_then(|user| user.parse().ok()).expect("a number")
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent");
    }

    /// SIGSTOP: it stands still until [`Program::resume`].
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// SIGTERM, and its exit code.
    pub fn terminate(self) -> i32 {
        self.signal("TERM");
        self.exit_code()
    }

    /// Waits for the end and returns the exit code.
    pub fn exit_code(mut self) -> i32 {
        let status = eventually("the program to end", || self.child.try_wait().ok().flatten());
        status.code().unwrap_or_else(|| panic!("the program ended by a signal:\n{}", self.log()))
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL is sent");
        self.child.wait().expect("the program is gone");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already where the test has seen to it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- the last lines of {} ---", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
