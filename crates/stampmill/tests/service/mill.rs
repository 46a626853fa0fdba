//! The built program on the embedded broker, each in a process of its own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::http::{self, Answer};

pub(crate) const TOKEN: &str = "Authorization: Bearer s3cret-token";
pub(crate) const JSON: &str = "Content-Type: application/json";

pub(crate) struct Mill {
    pub(crate) folder: PathBuf,
    pub(crate) probes: String,
    pub(crate) admin: String,
    bootstrap: String,
    broker: Child,
    program: Child,
}

const PATIENCE: Duration = Duration::from_secs(60);

/// What comes of `look`, as soon as something does.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

pub(crate) fn stampmill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampmill"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn start(mut command: Command, log: PathBuf) -> Child {
    let file = File::create(log).expect("a log file");
    command.stdout(file.try_clone().expect("a second handle")).stderr(file);
    command.spawn().expect("the program runs")
}

// === impl Mill ===

impl Mill {
    /// A pipeline `p` of 2 partitions, with further keys of it, and a token.
    pub(crate) fn start(name: &str, more: &str) -> Self {
        Self::with(name, more, "listen: '127.0.0.1:0', token: s3cret-token")
    }

    /// With these keys of `admin`.
    pub(crate) fn with(name: &str, more: &str, admin: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("stampmill-service-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let mut command = stampmill();
        command.arg("dev-broker");
        command.args(["--topic", "bank-transactions:2", "--topic", "out:2", "--topic", "p.dead-letter:2"]);
        let broker = start(command, folder.join("broker.log"));
        let bootstrap = eventually("the broker's address", || {
            let log = fs::read_to_string(folder.join("broker.log")).ok()?;
            Some(log.split("development is at ").nth(1)?.split(',').next()?.to_owned())
        });
        fs::write(folder.join("envelope.hbs"), "{\"first\": {{payload}}}").expect("a file");
        let text = format!(
            "connections: {{ kafka: {{ bootstrap.servers: '{bootstrap}' }} }}
pipelines:
  p:
    source: {{ topics: [bank-transactions], group: g, properties: {{ fetch.wait.max.ms: 10 }} }}
    transforms: [ log: 'got {{{{payload}}}}', envelope: {{ file: envelope.hbs }} ]
    sink: {{ topic: out, partition: source }}
    commit_interval_ms: 50
{more}
probes: {{ listen: '127.0.0.1:0' }}
admin: {{ {admin} }}
"
        );
        fs::write(folder.join("c.yaml"), text).expect("a file");
        let mut command = stampmill();
        command.args(["run", "--config", "c.yaml"]).current_dir(&folder);
        let program = start(command, folder.join("run.log"));
        let mut mill = Self { folder, probes: String::new(), admin: String::new(), bootstrap, broker, program };
        mill.probes = mill.address("probes and metrics are at http://");
        mill.admin = mill.address("the page and the API are at http://");
        eventually("readiness", || (mill.probe("/readyz").status == 200).then_some(()));
        mill
    }

    fn address(&self, before: &str) -> String {
        eventually(before, || Some(self.log().split(before).nth(1)?.lines().next()?.to_owned()))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("run.log")).unwrap_or_default()
    }

    pub(crate) fn probe(&self, path: &str) -> Answer {
        http::request(&self.probes, "GET", path, &[], "")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http::request(&self.admin, "GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        http::request(&self.admin, "POST", path, &[TOKEN, JSON], body)
    }

    /// To partition 0.
    pub(crate) fn send(&self, payloads: &[&str]) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().expect("a producer");
        for payload in payloads {
            let record = BaseRecord::<(), str>::to("bank-transactions").partition(0).payload(payload);
            producer.send(record).map_err(|(error, _)| error).expect("is taken");
        }
        eventually("a delivery", || {
            producer.poll(Duration::from_millis(10));
            (producer.in_flight_count() == 0).then_some(())
        });
    }

    /// A count of the pipeline's.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.get("/api/pipelines/p").json()["counts"][name].as_u64().unwrap_or_else(|| panic!("no count `{name}`"))
    }

    pub(crate) fn await_count(&self, name: &str, least: u64) {
        eventually(&format!("{least} {name}"), || (self.count(name) >= least).then_some(()));
    }

    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).expect("is there");
        assert!(text.contains(from), "no `{from}` in {text}");
        fs::write(&path, text.replace(from, to)).expect("can be written");
    }

    pub(crate) fn hang_up(&self) {
        let sent = Command::new("kill").arg("-HUP").arg(self.program.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "a signal can be sent");
    }

    /// A command of the program, in the folder of its configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let Output { status, stderr, .. } =
            stampmill().args(arguments).current_dir(&self.folder).output().expect("the program runs");
        (status.code(), String::from_utf8(stderr).expect("text"))
    }
}

impl Drop for Mill {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        for child in [&mut self.program, &mut self.broker] {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
