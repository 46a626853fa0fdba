//! `stampmill test` of the built program: the shipped cases, its exit codes, and what it writes.

use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIGURATION: &str = include_str!("../../../config/stampmill.yaml");
const CASES: &str = include_str!("../../../config/tests/bank-audit.yaml");
const TUTORIAL: &str = include_str!("../../../docs/src/tutorial.md");

/// A folder of its own with the shipped configuration, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("stampmill-cases-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("config/tests")).expect("a folder can be made");
        let folder = Self(folder);
        folder.write("config/stampmill.yaml", CONFIGURATION);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file can be written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file can be read")
    }

    /// Exit code, standard output and standard error.
    fn test(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        test(&self.0, arguments)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn test(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampmill"));
    let output = command.arg("test").args(arguments).current_dir(folder).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_shipped_cases_pass_as_the_tutorial_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (code, out, error) = test(&root, &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    assert!(TUTORIAL.contains(&format!("$ stampmill test\n{out}")), "the tutorial shows another output than:\n{out}");
}

#[test]
fn the_cases_of_the_examples_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut examples = 0;
    for entry in std::fs::read_dir(root.join("config/examples/tests")).expect("is there") {
        let name = entry.expect("is readable").file_name().into_string().expect("is UTF-8");
        let (config, cases) = (format!("config/examples/{name}"), format!("config/examples/tests/{name}"));
        let (code, out, error) = test(&root, &["--config", &config, &cases]);
        assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
        assert!(out.ends_with(" passed, 0 failed\n"), "{out}");
        examples += 1;
    }
    assert!(examples >= 4, "only {examples} were found");
}

#[test]
fn a_case_that_fails_is_1_and_an_update_makes_it_pass() {
    let folder = Folder::new("update");
    let wrong = CASES.replace("amount: 1500.00 }\n\n", "amount: 1500.0 }\n\n");
    assert_ne!(wrong, CASES);
    folder.write("config/tests/a.yaml", &wrong);
    let (code, out, error) = folder.test(&["--junit", "junit.xml"]);
    assert_eq!((code, error.as_str()), (Some(1), ""), "{out}");
    assert!(
        out.contains("-     \"amount\": 1500.0") && out.ends_with("4 cases in 1 file: 3 passed, 1 failed\n"),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'), "no colours where there is no terminal: {out}");
    assert!(folder.read("junit.xml").contains("failures=\"1\""));

    let (code, out, error) = folder.test(&["--update"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    assert!(out.ends_with("4 cases in 1 file: 3 passed, 0 failed, 1 updated\n"), "{out}");
    assert!(folder.read("config/tests/a.yaml").starts_with("# What the tutorial's pipeline makes of its records"));
    let (code, out, _) = folder.test(&[]);
    assert_eq!((code, out.ends_with("4 cases in 1 file: 4 passed, 0 failed\n")), (Some(0), true), "{out}");
}

#[test]
fn a_run_without_cases_is_not_green() {
    let folder = Folder::new("none");
    let (code, out, error) = folder.test(&[]);
    assert_eq!((code, out.as_str()), (Some(64), ""));
    assert!(error.starts_with("`config/tests` holds no file that ends in `.yaml` or `.yml`"), "{error}");
    std::fs::remove_dir(folder.0.join("config/tests")).expect("it is empty");
    let (code, _, error) = folder.test(&[]);
    assert_eq!(code, Some(64));
    assert!(error.contains("there is no folder `config/tests` beside the configuration"), "{error}");
    let (code, _, error) = folder.test(&["nowhere.yaml", "config"]);
    assert_eq!(code, Some(64), "{error}");
    assert!(error.contains("`nowhere.yaml` cannot be read"), "{error}");
}

#[test]
fn the_errors_of_all_files_come_at_once_and_nothing_runs() {
    let folder = Folder::new("errors");
    folder.write("config/tests/a.yaml", CASES);
    std::fs::create_dir(folder.0.join("config/tests/more")).expect("a folder can be made");
    folder.write("config/tests/more/b.yml", "cases:\n  - name: a\n    imput: {}\n");
    folder.write("config/tests/c.yaml", &CASES.replace("payload: null }\n", "paylod: null }\n"));
    let (code, out, error) = folder.test(&[]);
    assert_eq!((code, out.as_str()), (Some(64), ""), "{error}");
    for expected in [
        "config/tests/c.yaml:33: `cases.3.input.paylod` is not a key; the nearest is `payload`\n",
        "config/tests/more/b.yml:3: `cases.0.imput` is not a key; the nearest is `input`\n",
        "no case was run\n",
    ] {
        assert!(error.contains(expected), "{expected} is missing in:\n{error}");
    }
    let (code, _, error) = folder.test(&["--set", "pipelines.bank-audit.sink.topik=x"]);
    assert_eq!((code, error.contains("sets no key")), (Some(64), true), "{error}");
}
