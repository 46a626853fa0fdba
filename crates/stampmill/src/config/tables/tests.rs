use super::super::tests::{Case, case};
use super::super::{Settings, load};
use super::*;

const TWO: &str = "
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
tables:
  accounts: { file: accounts.csv, key: id }
  rates: { topic: fx-rates, connection: kafka }
pipelines:
  one:
    source: { topics: [in], group: a }
    transforms:
      - lookup: { table: accounts, key: payload.id, into: account }
      - switch: [ { when: payload.fx, transforms: [ lookup: { table: rates, key: payload.id, into: fx, missing: null } ] } ]
      - envelope: '{\"name\": {{vars.account.name}}, \"fx\": {{vars.fx}}}'
    sink: { topic: out }
  other:
    source: { topics: [in], group: b }
    sink: { topic: out }
";

const ACCOUNTS: &str = "id,name\nA,Ann\n";

fn two(name: &str, from: &str, to: &str) -> Case {
    assert!(TWO.contains(from), "{from}");
    let case = case(name, &TWO.replace(from, to));
    case.folder.write("accounts.csv", ACCOUNTS);
    case
}

fn loaded(case: &Case) -> Settings {
    load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(case: &Case) -> Vec<String> {
    let folder = format!("{}/", case.folder.0.display());
    let errors = load(case.sources.clone()).expect_err("it is refused");
    errors.each().map(|error| error.replace(&folder, "")).collect()
}

fn row(settings: &Settings, table: &str, key: &str) -> Option<String> {
    let mut tables = settings.pipelines[0].transforms.tables();
    let table = tables.find(|found| found.name() == table).unwrap_or_else(|| panic!("no table {table}"));
    table.row(key.as_bytes()).map(|row| String::from_utf8(row).expect("UTF-8"))
}

/// The one error of the file with that replaced.
fn refused(name: &str, from: &str, to: &str, expected: &str) {
    let found = errors(&two(name, from, to));
    assert!(found.len() == 1 && found[0].contains(expected), "expected `{expected}` in {found:?}");
}

#[test]
fn a_file_has_its_rows_at_once_and_a_topic_has_none_yet() {
    let case = two("tables", "accounts.csv", "accounts.csv");
    let settings = loaded(&case);
    assert_eq!(row(&settings, "accounts", "A").as_deref(), Some(r#"{"id":"A","name":"Ann"}"#));
    assert_eq!(row(&settings, "rates", "A"), None);
    let [rates] = &settings.pipelines[1].tables[..] else { panic!("every pipeline knows what is kept from topics") };
    assert!(rates.topic == "fx-rates" && rates.name() == "rates" && !rates.is_ready());
    assert_eq!(rates.properties["bootstrap.servers"], "localhost:9092");
}

#[test]
fn a_json_file_has_its_own_forms() {
    let object = two("object", "accounts.csv, key: id", "accounts.json");
    object.folder.write("accounts.json", "{\"A\": {\"n\": 1.50}}");
    assert_eq!(row(&loaded(&object), "accounts", "A").as_deref(), Some(r#"{"n":1.50}"#));
    let array = two("array", "accounts.csv", "accounts.json");
    array.folder.write("accounts.json", "[{\"id\": 7, \"n\": 1E2}]");
    assert_eq!(row(&loaded(&array), "accounts", "7").as_deref(), Some(r#"{"id":7,"n":1E2}"#));
}

#[test]
fn what_is_wrong_with_a_table_is_told_with_its_place() {
    let at = "c.yaml:4: `tables.accounts";
    for (name, from, to, expected) in [
        (
            "neither",
            "file: accounts.csv, key: id",
            "max_bytes: 1KiB",
            "`: expected either `file` or `topic`, got neither",
        ),
        ("key", ", key: id", "", ".key` is missing: the column that rows are looked up by"),
        ("column", "key: id", "key: di", ".file`: line 1 of `accounts.csv`: there is no column `di`"),
        ("gone", "accounts.csv", "b.csv", ".file`: table file `b.csv` cannot be read: "),
        ("format", "accounts.csv", "accounts.tsv", ".file`: expected a name that ends in `.csv` or `.json`"),
        ("together", "key: id", "key: id, connection: kafka", ".connection`: it does not go with `file`"),
        ("unknown", "key: id", "key: id, keys: id", ".keys` is not a key; the nearest is `key`"),
        (
            "large",
            "key: id",
            "key: id, max_bytes: 100",
            ".file`: line 2 of `accounts.csv`: the table is larger than 100 bytes",
        ),
        (
            "larger",
            "key: id",
            "key: id, max_bytes: 10",
            ".file`: table file `accounts.csv` cannot be read: it has 14 bytes",
        ),
    ] {
        let found = errors(&two(name, from, to));
        assert!(found.len() == 1 && found[0].starts_with(at) && found[0].contains(expected), "{name}: {found:?}");
    }
    let case = two("row", "accounts.csv", "accounts.csv");
    case.folder.write("accounts.csv", "id,name\nA,Ann\nA,Bob\n");
    let twice = "c.yaml:4: `tables.accounts.file`: line 3 of `accounts.csv`: the key `A` is there already, on line 2";
    assert_eq!(errors(&case), [twice]);
    refused(
        "both",
        "topic: fx-rates",
        "topic: x, file: x",
        "c.yaml:5: `tables.rates`: expected either `file` or `topic`, got both",
    );
    refused(
        "connection",
        "connection: kafka }\np",
        "connection: kafak }\np",
        "expected a name under `connections`; the nearest is `kafka`",
    );
    refused(
        "topic-key",
        "topic: fx-rates",
        "topic: x, key: y",
        "c.yaml:5: `tables.rates.key`: it does not go with `topic`",
    );
    let name = errors(&two("name", "rates: {", "Rates: {"));
    assert!(name[0].starts_with("c.yaml:5: `tables.Rates`: `Rates` is not a name"), "{name:?}");
}

#[test]
fn what_is_wrong_with_a_step_is_told_with_its_place() {
    let at = "`pipelines.one.transforms.0.lookup";
    let step = "{ table: accounts, key: payload.id, into: account }";
    for (name, to, expected) in [
        (
            "near",
            "{ table: acounts, key: payload.id, into: account }",
            ".table`: expected a name under `tables`; the nearest is `accounts`, got `acounts`",
        ),
        ("no-key", "{ table: accounts, into: account }", ".key` is missing: what the row stands under"),
        ("not-cel", "{ table: accounts, key: 'payload.', into: account }", ".key`: "),
        ("variable", "{ table: accounts, key: payload.id, into: an-account }", ".into`: expected a name of letters"),
        (
            "missing",
            "{ table: accounts, key: payload.id, into: account, missing: drop }",
            ".missing`: expected `fail` or null",
        ),
        ("short", "accounts", "`: expected a table"),
    ] {
        let found = errors(&two(name, step, to));
        assert!(found.iter().any(|error| error.contains(at) && error.contains(expected)), "{name}: {found:?}");
    }
    refused("unset", "into: account", "into: acount", "vars.account");
    let without = TWO.split_once("tables:").zip(TWO.split_once("pipelines:"));
    let without =
        without.map(|((before, _), (_, after))| format!("{before}pipelines:{after}")).expect("both are there");
    let found = errors(&case("none", &without));
    assert!(found.len() == 2 && found.iter().all(|error| error.contains("none is known here")), "{found:?}");
}

#[test]
fn other_rows_are_other_steps_for_whoever_reads_them() {
    let case = two("reload", "accounts.csv", "accounts.csv");
    let before = loaded(&case);
    let again = loaded(&case);
    let table = |settings: &Settings| Arc::clone(settings.pipelines[0].transforms.tables().next().expect("a table"));
    assert!(Arc::ptr_eq(&table(&before), &table(&again)), "what is the same is not read again");
    case.folder.write("accounts.csv", "id,name\nA,Bob\n");
    let after = loaded(&case);
    assert_eq!(row(&before, "accounts", "A").as_deref(), Some(r#"{"id":"A","name":"Ann"}"#));
    assert_eq!(row(&after, "accounts", "A").as_deref(), Some(r#"{"id":"A","name":"Bob"}"#));
    let difference = before.effective.difference(&after.effective);
    assert_eq!(difference.pipelines.into_iter().collect::<Vec<_>>(), ["one"]);
    assert!(difference.fixed.is_empty());
    // What a topic's table has read stays with it.
    let rates = |settings: &Settings| Arc::clone(&settings.pipelines[0].tables[0].table);
    assert!(Arc::ptr_eq(&rates(&before), &rates(&after)));
    case.folder.write("c.yaml", &TWO.replace("topic: fx-rates", "topic: fx"));
    let fixed = || after.effective.difference(&loaded(&case).effective).fixed.into_iter().collect::<Vec<_>>();
    assert_eq!(fixed(), ["tables.rates.topic"]);
    // What runs has planned its memory for these tables.
    case.folder.write("c.yaml", &TWO.replace("key: id }", "key: id, max_bytes: 20MiB }"));
    assert_eq!(fixed(), ["tables.accounts.max_bytes"]);
    case.folder.write("c.yaml", &TWO.replace("tables:", "tables:\n  more: { file: accounts.csv, key: id }"));
    assert_eq!(fixed(), ["tables.more.max_bytes"]);
    case.folder.write("c.yaml", &TWO.replace("file: accounts.csv, key: id", "file: accounts.csv, key: name"));
    assert_eq!(fixed(), [""; 0]);
    case.folder.write("c.yaml", TWO);
    assert!(Arc::ptr_eq(&rates(&before), &rates(&loaded(&case))), "nothing of it is lost meanwhile");
}
