use super::error::Found as FoundByte;
use super::{JsonError, compact};

fn compacted(source: &str) -> Result<String, JsonError> {
    let mut out = Vec::new();
    compact(source.as_bytes(), &mut out).map(|()| String::from_utf8(out).expect("UTF-8 in, UTF-8 out"))
}

#[test]
fn only_white_space_between_tokens_goes() {
    let source = " { \"a b\" : [ 1234567890123456789.123456789 , 1500.00,1e400 ] ,\t\"a b\":\"\\u00e9 \\n\" , \"z\":{ }, \"y\":[ ] }\r\n";
    let expected = r#"{"a b":[1234567890123456789.123456789,1500.00,1e400],"a b":"\u00e9 \n","z":{},"y":[]}"#;
    assert_eq!(compacted(source).as_deref(), Ok(expected));
}

#[test]
fn an_error_says_what_and_where() {
    let cases = [
        ("", "no bytes at all, where a JSON document is expected"),
        ("{\"a\":}", "expected a value at byte 5, and found `}`"),
        ("{\"a\" 1}", "expected `:` at byte 5, and found `1`"),
        ("[1,]", "expected a value at byte 3, and found `]`"),
        ("[1 2]", "expected `,` or `]` at byte 3, and found `2`"),
        ("{\"a\":1", "expected `,` or `}` at byte 6, and found the end"),
        ("{a:1}", "expected a key in quotes at byte 1, and found `a`"),
        ("01", "expected the end of the document at byte 1, and found `1`"),
        ("\"a\nb\"", "expected no control character in a string at byte 2, and found the byte 0x0a"),
        ("é", "expected a value at byte 0, and found `é`"),
    ];
    for (source, expected) in cases {
        assert_eq!(compacted(source).map_err(|error| error.to_string()), Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn no_control_character_stands_in_a_string() {
    for byte in 0..0x20 {
        let document = ["[\"".as_bytes(), &[byte], b"\"]"].concat();
        let expected = "no control character in a string";
        let found = FoundByte::Byte(byte);
        assert_eq!(compact(&document, &mut Vec::new()), Err(JsonError::Unexpected { expected, found, at: 2 }));
    }
    assert!(compacted("\"\u{7f}\u{80}\"").is_ok());
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(compacted(&nested(128)).is_ok());
    assert_eq!(compacted(&nested(129)), Err(JsonError::TooDeep { max: 128, at: 128 }));
    assert_eq!(compacted(&"[".repeat(1 << 20)), Err(JsonError::TooDeep { max: 128, at: 128 }));
    assert!(compacted(&("{\"a\":".repeat(128) + "1" + &"}".repeat(128))).is_ok());
}

#[test]
fn what_was_there_before_an_error_stays() {
    let mut out = b"kept".to_vec();
    assert!(compact(b"[ 1, oops ]", &mut out).is_err());
    assert_eq!(out, b"kept");
}
