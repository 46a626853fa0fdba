use super::*;

const ROOM: usize = 1 << 20;

fn table(rows: Result<Rows, TableError>) -> impl Fn(&str) -> Option<String> {
    let table = Table::new("t", rows.unwrap_or_else(|error| panic!("line {}: {error}", error.line)));
    move |key| table.row(key.as_bytes()).map(|row| String::from_utf8(row).expect("UTF-8"))
}

fn csv_error(text: &str) -> (usize, String) {
    let error = from_csv(text.as_bytes(), "id", ROOM).expect_err(text);
    (error.line, error.to_string())
}

fn json_error(text: &str, key: Option<&str>) -> (usize, String) {
    let error = from_json(text.as_bytes(), key, ROOM).expect_err(text);
    (error.line, error.to_string())
}

#[test]
fn every_value_of_a_csv_file_is_a_text() {
    let text = "\u{feff}id,name,limit\r\nA1,\"Ann \"\"A\"\", Zoë\",010.50\r\n\"B\n2\",\"x\ty\",\r\n";
    let row = table(from_csv(text.as_bytes(), "id", ROOM));
    assert_eq!(row("A1").as_deref(), Some(r#"{"id":"A1","name":"Ann \"A\", Zoë","limit":"010.50"}"#));
    assert_eq!(row("B\n2").as_deref(), Some("{\"id\":\"B\\n2\",\"name\":\"x\\ty\",\"limit\":\"\"}"));
    assert_eq!(row("id"), None, "the header is no row");
}

#[test]
fn what_is_wrong_in_a_csv_file_has_its_line() {
    let twice = "the key `A` is there already, on line 2".to_owned();
    assert_eq!(csv_error("id,name\nA,1\n\"B\nC\",2\nA,3\n"), (5, twice));
    let fields = |found| format!("the header has 2 fields, and this row has {found}");
    assert_eq!(csv_error("id,name\nA,1\nB\n"), (3, fields(1)));
    assert_eq!(csv_error("id,name\nA,1,2\n"), (2, fields(3)));
    assert_eq!(csv_error("a,b\n1,2\n").1, "there is no column `id`: the header has `a`, `b`");
    assert_eq!(csv_error("id,id\n1,2\n").1, "the column `id` is there twice");
    assert_eq!(csv_error("").0, 1);
    let open = "a quote is not closed; within quotes it is written twice".to_owned();
    assert_eq!(csv_error("id,name\nA,1\nB,\"2\nC,3\n"), (3, open.clone()));
    assert_eq!(csv_error("id,name\nA,1\nB,\"2,\nC\nD,4\n"), (3, open.clone()), "whatever else is wrong with it");
    assert_eq!(csv_error("id,name\nA,1\nB,2\" pipe\nC,3\n"), (3, open.clone()));
    assert_eq!(csv_error("id,\"name\nA,1\n"), (1, open));
    let error = from_csv(b"id,name\nA,1\nB,\xff\n", "id", ROOM).expect_err("not UTF-8");
    assert_eq!((error.line, error.fault), (3, TableFault::NotUtf8));
}

#[test]
fn rows_of_json_keep_their_digits() {
    let object = "{ \"A\\u0031\" : { \"n\": 1.50, \"n\" : 1E400 },\n\"2\": [ 12345678901234567890 ] , \"\":null}";
    let row = table(from_json(object.as_bytes(), None, ROOM));
    assert_eq!(row("A1").as_deref(), Some(r#"{"n":1.50,"n":1E400}"#));
    assert_eq!(row("2").as_deref(), Some("[12345678901234567890]"));
    assert_eq!(row("").as_deref(), Some("null"));
    let array = "\n [ {\"id\": \"A\\n\", \"n\": 0.10}, {\"n\":2, \"id\": 7.0} ]";
    let row = table(from_json(array.as_bytes(), Some("id"), ROOM));
    assert_eq!(row("A\n").as_deref(), Some(r#"{"id":"A\n","n":0.10}"#));
    assert_eq!(row("7.0").as_deref(), Some(r#"{"n":2,"id":7.0}"#));
}

#[test]
fn what_is_wrong_in_a_json_file_has_its_line() {
    let twice = "the key `A` is there already, on line 2".to_owned();
    assert_eq!(json_error("{\n\"A\": 1,\n\"B\": [\n2],\n\"\\u0041\": 3}", None), (5, twice.clone()));
    assert_eq!(json_error("[\n{\"id\":\"A\"},\n{\n\"id\":\"A\"}]", Some("id")), (3, twice));
    assert_eq!(json_error("{\n\"A\": 1,\n\"B\": x}", None).0, 3);
    assert_eq!(json_error("", None).0, 1);
    assert!(json_error("[]", None).1.starts_with("expected an object"));
    assert!(json_error("{}", Some("id")).1.starts_with("expected an array"));
    for row in ["1", "[\"id\"]", "{\"name\":\"A\"}", "{\"id\":null}", "{\"id\":{}}"] {
        let (line, fault) = json_error(&format!("[\n{row}]"), Some("id"));
        assert_eq!(line, 2, "{row}");
        assert!(fault.starts_with("expected a row that is an object"), "{row}: {fault}");
    }
}

#[test]
fn a_table_takes_no_more_than_it_may() {
    let small = from_csv(b"id\nA\nB\n", "id", 150).expect_err("two rows take more");
    assert_eq!((small.line, small.fault), (3, TableFault::TooLarge(TooLarge(150))));
    let mut rows = Rows::new(240);
    for _ in 0..3 {
        assert_eq!(rows.insert(b"A", b"1"), Ok(()), "in its own place there is room");
    }
    assert_eq!(rows.insert(b"B", b"22"), Ok(()));
    let full = rows.size();
    assert_eq!(full.rows, 2);
    assert_eq!(rows.insert(b"C", b"3"), Err(TooLarge(240)));
    assert_eq!(rows.size(), full);
    assert_eq!(rows.insert(b"B", &[b'1'; 200]), Err(TooLarge(240)));
    assert_eq!(rows.get(b"B"), None, "an old row would be taken for the new one");
    rows.remove(b"A");
    assert_eq!(rows.size(), Size::default());
}

#[test]
fn a_document_is_a_row_or_is_refused() {
    let mut out = b"before".to_vec();
    assert_eq!(row(b" { \"a\" : 1.0 } ", &mut out), Ok(()));
    assert_eq!(out, b"{\"a\":1.0}");
    // Whatever follows it would come into the variables beside it.
    for forged in [&b"1,\"admin\":true"[..], b"{}}", b"", b"{", b"\xff", b"1 2"] {
        assert!(row(forged, &mut out).is_err(), "{forged:?}");
    }
}

#[test]
fn rows_are_replaced_and_changed_at_once() {
    let table = Table::new("t", Rows::new(ROOM));
    assert_eq!(table.size(), Size::default());
    table.change(|rows| rows.insert(b"A", b"1")).expect("room");
    assert_eq!(table.row(b"A").as_deref(), Some(&b"1"[..]));
    let mut other = Rows::new(ROOM);
    other.insert(b"B", b"2").expect("room");
    table.replace(other);
    assert_eq!((table.row(b"A"), table.row(b"B").as_deref()), (None, Some(&b"2"[..])));
    table.change(|rows| rows.remove(b"B"));
    assert_eq!(table.row(b"B"), None);
    assert_eq!(format!("{table:?}"), r#"Table { name: "t", .. }"#, "rows are not for a log");
}
