//! The README and the book: every link leads somewhere, and every command and configuration on a page is run.
//! CONTRIBUTING.md says how a block is marked.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use integration_tests::book::{Block, Page, is_among, is_shown, pages};
use integration_tests::broker::Broker;
use integration_tests::eventually::eventually;
use integration_tests::launcher::mortal;
use integration_tests::program::{self, Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::{jars, workspace};

use crate::kafka::Kafka;

/// What is done with a block.
enum Kind<'a> {
    Config,
    Fragment(&'a str),
    Cases,
    Run,
    Background,
    Console,
    /// What the block before has printed, all of it.
    Output,
    /// What is among the lines of a command in the background: that of this name.
    Log(&'a str),
    From(&'a str),
    File(&'a str),
    Figure,
    /// Run by the test in that file, which names the page.
    Held(&'a str),
    Untested(&'a str),
    /// An example of a template, which the tests of `stampmill-core` look at.
    Template,
}

/// The commands of a page, in a folder with the repository's `config/` and with Kafka's tools.
struct Session {
    scenario: Scenario,
    /// What a page writes, and what is there instead.
    places: Vec<(&'static str, String)>,
    /// By the name of the program.
    background: HashMap<String, Program>,
    last: String,
    _broker: Broker,
}

const TOOLS: [(&str, &str); 7] = [
    ("kafka-topics.sh", "TopicCommand"),
    ("kafka-configs.sh", "ConfigCommand"),
    ("kafka-acls.sh", "AclCommand"),
    ("kafka-get-offsets.sh", "GetOffsetShell"),
    ("kafka-console-producer.sh", "ConsoleProducer"),
    ("kafka-console-consumer.sh", "consumer.ConsoleConsumer"),
    ("kafka-consumer-groups.sh", "consumer.group.ConsumerGroupCommand"),
];

pub(crate) fn every_link_leads_somewhere(_: &Kafka) {
    let pages = pages();
    let mut wrong = Vec::new();
    for page in &pages {
        let folder = page.path.parent().expect("a folder");
        for (target, anchor) in page.links() {
            let path = if target.is_empty() { page.path.clone() } else { folder.join(target) };
            let there = path.canonicalize().ok();
            let leads = there.as_ref().is_some_and(|there| {
                let other = pages.iter().find(|page| page.path.canonicalize().is_ok_and(|path| path == *there));
                anchor.is_none_or(|anchor| {
                    other.is_none_or(|page| page.anchors().iter().any(|heading| heading == anchor))
                })
            });
            if !leads {
                wrong.push(format!("{}: {target}#{}", page.name(), anchor.unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "these lead nowhere: {wrong:#?}");

    let summary = pages.iter().find(|page| page.path.ends_with("SUMMARY.md")).expect("a table of contents");
    let listed: BTreeSet<String> = summary.links().map(|(target, _)| target.to_owned()).collect();
    let there = pages.iter().filter(|page| page.path.parent() == summary.path.parent() && page.path != summary.path);
    let there: BTreeSet<String> = there.map(|page| page.name().replace("docs/src/", "")).collect();
    assert_eq!(listed, there, "the pages of SUMMARY.md, and those that are there");
}

pub(crate) fn every_block_is_marked(_: &Kafka) {
    let pages = pages();
    let blocks: Vec<(&Block, Option<Kind<'_>>)> =
        pages.iter().flat_map(|page| page.blocks.iter().map(|block| (block, kind(page, block)))).collect();
    let unmarked: Vec<&String> =
        blocks.iter().filter(|(_, kind)| kind.is_none()).map(|(block, _)| &block.place).collect();
    assert!(unmarked.is_empty(), "these say not how they are held, as CONTRIBUTING.md has it: {unmarked:#?}");
    for (block, kind) in &blocks {
        match kind {
            Some(Kind::From(path)) => {
                let file = fs::read_to_string(workspace().join(path)).unwrap_or_default();
                assert!(block.is_from(&file), "{} is not from {path}:\n{}", block.place, block.text);
            }
            Some(Kind::Held(path)) => {
                let test = fs::read_to_string(workspace().join(path)).unwrap_or_default();
                let page = block.place.split(':').next().unwrap_or_default();
                assert!(test.contains(page), "{}: {path} names no {page}", block.place);
            }
            Some(Kind::Untested(why)) => println!("untested for want of {why}: {}", block.place),
            _ => {}
        }
    }
    let untested = blocks.iter().filter(|(_, kind)| matches!(kind, Some(Kind::Untested(_)))).count();
    println!("{} blocks on {} pages, {untested} of them untested", blocks.len(), pages.len());
}

/// Each page by itself, on a broker of its own; those of `STAMPMILL_TEST_PAGES` alone where that is set.
pub(crate) fn every_page_runs(kafka: &Kafka) {
    let only = std::env::var("STAMPMILL_TEST_PAGES").unwrap_or_default();
    let mut failed = Vec::new();
    for page in pages().iter().filter(|page| only.is_empty() || only.split(',').any(|name| page.path.ends_with(name))) {
        // A page that fails is told, and the others run all the same.
        match catch_unwind(AssertUnwindSafe(|| run_page(kafka, page))) {
            Ok(()) => println!("{} holds", page.name()),
            Err(_panic) => failed.push(page.name()),
        }
    }
    assert!(failed.is_empty(), "of these pages something does not hold, see above: {failed:?}");
}

fn run_page(kafka: &Kafka, page: &Page) {
    let held = page.blocks.iter().map(|block| (block, kind(page, block).expect("every block is marked")));
    let held: Vec<(&Block, Kind<'_>)> = held
        .filter(|(_, kind)| {
            !matches!(kind, Kind::From(_) | Kind::Figure | Kind::Held(_) | Kind::Untested(_) | Kind::Template)
        })
        .collect();
    if !held.is_empty() {
        let mut session = Session::open(kafka, page);
        held.iter().for_each(|(block, kind)| session.take(block, kind));
        session.stop("stampmill");
    }
}

fn kind<'a>(page: &Page, block: &'a Block) -> Option<Kind<'a>> {
    let mark = |name| block.mark(name);
    let is_example = matches!(block.language.as_str(), "handlebars" | "json" | "output" | "refused" | "cel");
    let has_examples = ["templates.md", "expressions.md"].iter().any(|name| page.path.ends_with(name));
    Some(match block.language.as_str() {
        _ if is_example && has_examples && block.marks.is_empty() => Kind::Template,
        _ if mark("untested").is_some_and(|why| !why.is_empty()) => Kind::Untested(mark("untested")?),
        _ if mark("held").is_some() => Kind::Held(mark("held")?),
        _ if mark("from").is_some() => Kind::From(mark("from")?),
        _ if mark("file").is_some() => Kind::File(mark("file")?),
        "yaml" if mark("config").is_some() => Kind::Config,
        "yaml" if mark("fragment").is_some() => Kind::Fragment(mark("fragment")?),
        "yaml" if mark("cases").is_some() => Kind::Cases,
        "sh" if mark("run").is_some() => Kind::Run,
        "sh" if mark("background").is_some() => Kind::Background,
        "console" => Kind::Console,
        _ if mark("output").is_some() => Kind::Output,
        _ if mark("log").is_some() => Kind::Log(mark("log")?),
        "text" if mark("figure").is_some() => Kind::Figure,
        _ => return None,
    })
}

// === impl Session ===

impl Session {
    fn open(kafka: &Kafka, page: &Page) -> Self {
        let name = page.path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let (scenario, broker) = (setup(&format!("book-{name}"), &kafka.client), kafka.own_broker());
        let ports = [free_port(), free_port()];
        let secrets = scenario.folder.join("secrets").display().to_string();
        let places = vec![
            ("localhost:9092", broker.bootstrap.clone()),
            (":9600", format!(":{}", ports[0])),
            (":9601", format!(":{}", ports[1])),
            ("/run/secrets", secrets),
        ];
        let session = Self { scenario, places, background: HashMap::new(), last: String::new(), _broker: broker };
        for file in ["config/stampmill.yaml", "config/tests/bank-audit.yaml"] {
            session.write(file, &fs::read_to_string(workspace().join(file)).expect("the repository's file"));
        }
        let real = program::executable(Build::Plain).display();
        session.tool("stampmill", &format!("{real} \"$@\""));
        session.tool(
            "cargo",
            &format!("bash -c '[ \"$0 $1 $2\" = \"run --release --\" ] && exec {real} \"${{@:3}}\"' \"$@\""),
        );
        let class_path = jars::class_path(kafka.own_version()).expect("the jars");
        let java = "java -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error";
        for (name, class) in TOOLS {
            session.tool(name, &format!("{java} -cp '{class_path}' org.apache.kafka.tools.{class} \"$@\""));
        }
        session
    }

    /// A program that ends with who has called it.
    fn tool(&self, name: &str, command: &str) {
        let path = self.write(&format!("bin/{name}"), &format!("#!/bin/sh\nexec setpriv --pdeathsig KILL {command}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it can be executed");
    }

    /// Writes a file of the page's folder, with what is here in place of what a page names.
    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.scenario.folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        fs::write(&path, self.here(text)).expect("the file is written");
        path
    }

    fn here(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (name, place)| text.replace(name, place))
    }

    fn take(&mut self, block: &Block, kind: &Kind<'_>) {
        match kind {
            Kind::Config => {
                self.write("config/stampmill.yaml", &block.text);
                self.check(block, "stampmill check");
            }
            Kind::Fragment(below) => {
                let levels = below.split('.').filter(|level| !level.is_empty()).enumerate();
                let head: String = levels.map(|(depth, level)| format!("{:1$}{level}:\n", "", 2 * depth)).collect();
                let by = 2 * head.lines().count();
                let lines: String = block.text.lines().map(|line| format!("{:by$}{line}\n", "")).collect();
                self.write("fragment.yaml", &format!("{head}{lines}"));
                self.check(block, "stampmill check --config config/stampmill.yaml --config fragment.yaml");
            }
            Kind::Cases => {
                self.write("cases.yaml", &block.text);
                self.check(block, "stampmill test cases.yaml");
            }
            Kind::File(name) => drop(self.write(name, &block.text)),
            Kind::Run => self.run(block, &block.text, block.exit()),
            Kind::Background => self.background(block),
            Kind::Console => {
                let commands = block.commands();
                let last = commands.len() - 1;
                for (number, (command, output)) in commands.iter().enumerate() {
                    self.run(block, command, if number == last { block.exit() } else { 0 });
                    self.compare(block, output);
                }
            }
            Kind::Output => self.compare(block, &block.text),
            Kind::Log(name) => {
                let name = if name.is_empty() { "stampmill" } else { name };
                let program = self.background.get(name).unwrap_or_else(|| panic!("{}: no {name} runs", block.place));
                let shown = self.here(&block.text);
                eventually(&format!("{} in:\n{}", block.place, program.log()), || {
                    is_among(&shown, &program.log()).then_some(())
                });
            }
            Kind::From(_) | Kind::Figure | Kind::Held(_) | Kind::Untested(_) | Kind::Template => {}
        }
    }

    /// What a configuration reads from outside is there.
    fn check(&mut self, block: &Block, command: &str) {
        for name in block.text.split("/run/secrets/").skip(1).filter_map(|rest| rest.split(['}', '\n', ' ']).next()) {
            self.write(&format!("secrets/{name}"), "a-secret-of-32-bytes-at-the-least\n");
        }
        let variables = block.text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        let set: String = variables.filter(|name| !name.contains(':')).map(|name| format!("{name}=set ")).collect();
        self.run(block, &format!("{set}{command}"), block.exit());
    }

    fn command(&self, script: &str) -> std::process::Command {
        let mut command = mortal("bash");
        let own = program::command(Build::Plain);
        for (name, _) in own.get_envs().filter(|(_, value)| value.is_none()) {
            command.env_remove(name);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.scenario.folder.join("bin").display()));
        for (listener, place) in [("ADMIN", 1), ("PROBES", 2)] {
            command.env(format!("STAMPMILL__{listener}__LISTEN"), format!("127.0.0.1{}", self.places[place].1));
        }
        command.args(["-euo", "pipefail", "-c", &self.here(script)]).current_dir(&self.scenario.folder);
        command.stdin(std::process::Stdio::null());
        command
    }

    fn run(&mut self, block: &Block, script: &str, code: i32) {
        let log = self.scenario.folder.join("last.log");
        // It is appended to.
        let _ = fs::remove_file(&log);
        let found = Program::start(self.command(script), log.clone()).exit_code();
        self.last = String::from_utf8_lossy(&fs::read(log).expect("the output")).into_owned();
        assert_eq!(found, code, "{}:\n{script}{}", block.place, self.last);
    }

    fn compare(&self, block: &Block, shown: &str) {
        let shown = self.here(shown);
        assert!(is_shown(&shown, &self.last), "{} shows\n{shown}and this was printed:\n{}", block.place, self.last);
    }

    /// One that is there already ends first.
    fn background(&mut self, block: &Block) {
        let name = block.text.split_whitespace().next().expect("a command").to_owned();
        self.stop(&name);
        let log = self.scenario.folder.join(format!("{name}-{}.log", block.place.replace(['/', ':'], "-")));
        let program = Program::start(self.command(&format!("exec {}", block.text)), log);
        self.background.insert(name, program);
    }

    fn stop(&mut self, name: &str) {
        match self.background.remove(name) {
            Some(program) if name == "stampmill" => assert_eq!(program.terminate(), 0, "it drains and stops"),
            other => drop(other),
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}
