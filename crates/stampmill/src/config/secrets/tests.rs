//! What is held for a secret, and that no error tells one.

use super::super::load;
use super::super::properties::Property;
use super::super::tests::{Case, VALID, case, variant};
use super::*;

const S3CRET: &str = "s3cret";

#[test]
fn names_of_secrets_are_known() {
    for name in [
        "sasl.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.jaas.config",
        "sasl.oauthbearer.token.endpoint.url",
        "X-Api-Key",
        "x.auth",
        "Authorization",
        "DbPassword",
        "DB_PW",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["bootstrap.servers", "ssl.ca.location", "author", "key", "passenger", "sasl.oauthbearer.method"] {
        assert!(!is_secret_name(name), "{name}");
    }
    assert!(is_secret_variable("SSL_KEY") && is_secret_variable("DB_PASS") && is_secret_variable("MyToken"));
    assert!(!is_secret_variable("KAFKA") && !is_secret_variable("KEYSPACE"));
}

#[test]
fn what_librdkafka_does_not_show_is_not_shown() {
    let is_secret = |name: &str| Property::find(name).is_some_and(Property::is_secret);
    for name in ["sasl.username", "ssl.key.location", "ssl.ca.pem", "sasl.oauthbearer.config"] {
        assert!(is_secret(name), "{name}");
    }
    assert!(!is_secret("ssl.certificate.location") && !is_secret("bootstrap.servers"));
}

#[test]
fn logins_are_taken_out_of_urls() {
    for (text, shown) in [
        ("https://u:p@h:1/x", "https://(redacted)@h:1/x"),
        ("see https://tok@h, and http://h/a@b", "see https://(redacted)@h, and http://h/a@b"),
        ("https://u:p/w@h/x", "https://(redacted)@h/x"),
        ("SASL_SSL://u:p@a:1,SASL_SSL://v:q@b:2", "SASL_SSL://(redacted)@a:1,SASL_SSL://(redacted)@b:2"),
        ("SASL_SSL://a:1,SASL_SSL://v:q,r@b:2", "SASL_SSL://a:1,SASL_SSL://(redacted)@b:2"),
        ("a://b://u:p@h", "a://b://(redacted)@h"),
        ("<a href=\"x://u:é@h\">@", "<a href=\"x://(redacted)@h\">@"),
        ("{{topic}}:{{partition}}@{{offset}}", "{{topic}}:{{partition}}@{{offset}}"),
        ("PLAINTEXT://localhost:9092/@", "PLAINTEXT://localhost:9092/@"),
        ("://", "://"),
    ] {
        assert_eq!(without_logins(text), shown);
    }
}

#[test]
fn secrets_are_found_in_a_text() {
    let mut secrets = Secrets::default();
    secrets.add("s3cret, s3cret-too,x");
    assert_eq!((secrets.shown("x"), secrets.shown("y")), (REDACTED, "y"));
    assert_eq!(secrets.mask("of s3cret-too (x) and s3cret"), "of (redacted) (x) and (redacted)");
}

#[test]
fn no_error_tells_a_secret() {
    let interpolated =
        |at: &str| variant("read-told", "topic: out", &format!("topic: out, {at}")).with(&[("A", "s3c ret")]);
    for at in [
        "content_type: '${A:=s3c ret}'",
        "timestamp: '${A}'",
        "timestamp: '${NO:-s3c ret}'",
        "partition: '${A:-s3c ret}'",
    ] {
        refused_without(interpolated(at));
    }
    let replaced = |part: &str, with: &str| variant("told", part, with).with(&[("A", S3CRET), ("B", "s3c ret")]);
    for (part, with) in [
        ("localhost:9092", "localhost:9092\n    security.protocol: s3cret"),
        ("localhost:9092", "localhost:9092\n    sasl.pasword: s3cret"),
        ("localhost:9092", "localhost:9092\n    sasl.jaas.config: s3cret"),
        ("localhost:9092", "localhost:9092\n    linger.ms: s3cret"),
        ("group: g", "group: g, connection: '${A}'"),
        ("topic: out", "topic: '${B}'"),
        ("[in]", "['${B}']"),
        ("[in]", "['^(${A}']"),
        ("[in]", "['${A}', '${A}']"),
        ("topics: [in], group: g }\n    sink: { topic: out", "topics: ['${A}'], group: g }\n    sink: { topic: '${A}'"),
        (
            "topic: out }",
            "topic: out }\n  b: { source: { topics: [in], group: '${A}' }, sink: { topic: b } }\n  c: { source: { topics: [in], group: '${A}' }, sink: { topic: b } }",
        ),
        ("topic: out", "topic: out, headers: { x-token: 's3cret {{bad}}' }"),
        ("topic: out", "topic: out, headers: { x: 'https://u:s3cret@h {{bad}}' }"),
        ("topic: out }", "topic: out }\n    transforms: [ { envelope: { file: '${A}' } } ]"),
        ("topic: out }", "topic: out }\n    window: https://u:s3cret@h"),
    ] {
        refused_without(replaced(part, with));
    }
    let mut flag = case("flag", VALID);
    flag.sources.flags = vec![("connections.kafka.sasl.pasword".to_owned(), S3CRET.to_owned())];
    refused_without(flag);
    let name = "STAMPMILL__CONNECTIONS__KAFKA__SASL_PASWORD";
    refused_without(case("variable-told", VALID).with(&[(name, S3CRET)]));
}

fn refused_without(case: Case) {
    let Case { folder: _folder, sources } = case;
    let files = sources.files.clone();
    let text = std::fs::read_to_string(&files[0]).expect("is there");
    let errors = load(sources).err().unwrap_or_else(|| panic!("it was to be refused: {text}")).to_string();
    assert!(!errors.contains(S3CRET) && !errors.contains("s3c ret"), "{errors}\nof\n{text}");
}
