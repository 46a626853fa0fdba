//! Tokens that expire, and passwords and certificates that become others while the program runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use integration_tests::chaos::stream::Stream;
use integration_tests::eventually::eventually;
use integration_tests::in_flight::await_uncommitted;
use integration_tests::program::{self, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::secured::{Door, PASSWORD, Secured, USER};
use integration_tests::tls::Certificate;
use integration_tests::tokens::{CLIENT_ID, Mood, SECRET, SUBJECT, TokenServer};
use integration_tests::verdict::{await_verdict_of, record};

use crate::kafka::Kafka;

/// Of tokens: as short as makes several of them in a test, and longer than the busiest machine needs for one.
const SHORT: Duration = Duration::from_secs(10);

/// A scenario that comes in by that door, with further properties of the connection.
fn behind(name: &str, secured: &Secured, door: Door, connection: String) -> Scenario {
    let client = secured.client();
    let mut scenario = setup(name, &client).with_topics(3);
    scenario.bootstrap = secured.address(door).to_string();
    scenario.pipeline.connection = connection;
    scenario
}

fn oidc(secured: &Secured, tokens: &TokenServer, secret: &str) -> String {
    let trust = secured.authority.file();
    let (trust, url) = (trust.display(), &tokens.token_url);
    format!(
        "security.protocol: SASL_SSL
ssl.ca.location: {trust}
sasl.mechanism: OAUTHBEARER
sasl.oauthbearer.method: oidc
sasl.oauthbearer.client.id: {CLIENT_ID}
sasl.oauthbearer.client.secret: \"{secret}\"
sasl.oauthbearer.token.endpoint.url: {url}
https.ca.location: {trust}
"
    )
}

fn token_server(secured: &Secured) -> TokenServer {
    let server = secured.authority.server().expect("a certificate");
    let tokens = TokenServer::start_tls(&secured.issuer, &server).expect("a server of tokens");
    tokens.set_lifetime(SHORT);
    tokens
}

/// How often a line with that text is in the log.
fn count(program: &Program, text: &str) -> usize {
    program.log().lines().filter(|line| line.contains(text)).count()
}

fn await_more(program: &Program, text: &str, than: usize) {
    eventually(&format!("more than {than} lines `{text}`"), || (count(program, text) > than).then_some(()));
}

/// Many tokens come and go, and with each of them every connection proves anew who it is.
pub(crate) fn tokens_are_renewed_under_load(kafka: &Kafka) {
    let secured = kafka.secured();
    let tokens = token_server(&secured);
    let mut scenario = behind("renewed", &secured, Door::Reauth, oidc(&secured, &tokens, SECRET));
    scenario.pipeline.more = "delivery: exactly_once\ntransaction_interval_ms: 200".into();
    let program = scenario.start("program").await_ready();
    let mut stream = Stream::start(&scenario.client, &scenario.input, 3, 0, record);
    eventually("five tokens", || (tokens.asked().issued >= 5).then_some(()));
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).assert_exact();
    let log = program.log();
    assert!(!log.contains(SECRET) && !log.contains("eyJ"), "neither the secret nor a token is in the log");
    assert_eq!((count(&program, "is not ready"), count(&program, "begins anew")), (0, 0), "{log}");
    assert!(log.contains(&format!("a token for `{SUBJECT}`")), "{log}");
    assert_eq!(program.terminate(), 0);
}

/// At the start, and again when tokens were given before.
pub(crate) fn an_endpoint_that_is_away(kafka: &Kafka) {
    let secured = kafka.secured();
    let tokens = token_server(&secured);
    tokens.set(Mood::Gone);
    let scenario = behind("endpoint", &secured, Door::Reauth, oidc(&secured, &tokens, SECRET)).lingering();

    let mut check = program::command(scenario.build);
    check.arg("check").arg("--online").arg("--config").arg(scenario.config());
    let output = program::output(check);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let no_token = format!("no token from `{}`: ", tokens.token_url);
    assert!(output.status.code() == Some(1) && text.contains(&no_token), "{text}");

    let mut program = scenario.start("program");
    program.await_line(&format!("is not ready: {no_token}"));
    assert!(program.is_running(), "it waits");
    tokens.set(Mood::Serve);
    let program = program.await_ready();

    let mut stream = Stream::start(&scenario.client, &scenario.input, 3, 0, record);
    let in_flight = await_uncommitted(&scenario, 2_000);
    tokens.set(Mood::Refuse(503));
    let words = [&*format!("is not ready: {no_token}"), "status 503", "the last one has expired"];
    eventually("the reason why it is not ready", || {
        program.log().lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    });
    tokens.set(Mood::Serve);
    await_more(&program, "is ready", 1);
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).with_fault(in_flight).assert_survived();
    assert_eq!(program.terminate(), 0);
}

/// Its issuer has other keys than the brokers know, and then theirs again: the token at hand would be good for an hour.
pub(crate) fn a_token_that_brokers_refuse_is_replaced(kafka: &Kafka) {
    let secured = kafka.secured();
    let tokens = token_server(&secured);
    tokens.set_lifetime(Duration::from_secs(3600));
    tokens.set(Mood::Stranger);
    let scenario = behind("refused", &secured, Door::Sasl, oidc(&secured, &tokens, SECRET)).lingering();
    let mut program = scenario.start("program");
    let line = program.await_line("is not ready: ");
    assert!(line.contains("the brokers do not take the token"), "{line}");
    tokens.set(Mood::Serve);
    let program = program.await_ready();
    assert!(program.log().contains("brokers refuse its token, so another is asked for"), "{}", program.log());
    assert!(tokens.asked().issued < 20, "{:?}", tokens.asked());
    assert_eq!(program.terminate(), 0);
}

/// Good ones first; when the next is due, a stranger signs one for an hour, with which every connection has to prove anew
/// who it is.
pub(crate) fn a_refused_token_is_replaced_under_load(kafka: &Kafka) {
    let secured = kafka.secured();
    let tokens = token_server(&secured);
    let scenario = behind("refused-later", &secured, Door::Reauth, oidc(&secured, &tokens, SECRET)).lingering();
    let program = scenario.start("program").await_ready();
    let mut stream = Stream::start(&scenario.client, &scenario.input, 3, 0, record);
    let in_flight = await_uncommitted(&scenario, 2_000);
    tokens.set(Mood::Stranger);
    tokens.set_lifetime(Duration::from_secs(3600));
    await_more(&program, "is not ready", 0);
    let log = program.log();
    let reason = log.lines().rfind(|line| line.contains("is not ready")).unwrap_or_default();
    assert!(reason.contains("the brokers do not take the token"), "{reason}");
    let ready = count(&program, "is ready");
    tokens.set(Mood::Serve);
    await_more(&program, "is ready", ready);
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).with_fault(in_flight).assert_survived();
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn a_wrong_secret_is_mended_in_its_file(kafka: &Kafka) {
    let secured = kafka.secured();
    let tokens = token_server(&secured);
    let scenario = behind("secret", &secured, Door::Sasl, oidc(&secured, &tokens, "${file:secret}"));
    scenario.write("secret", "wr0ng-s3cret\n");
    let mut program = scenario.start("program");
    let line = program.await_line("is not ready: no token from");
    assert!(line.contains("401: `invalid_client`") && line.contains("sasl.oauthbearer.client.secret"), "{line}");
    scenario.write("secret", &format!("{SECRET}\n"));
    let program = program.await_ready();
    let log = program.log();
    assert!(!log.contains("wr0ng") && !log.contains(SECRET), "{log}");
    assert_eq!(program.terminate(), 0);
}

/// In the broker and in the file; the broker then forgets all connections, so that each logs in with it.
pub(crate) fn a_password_is_rotated_under_load(kafka: &Kafka) {
    const ROTATED: &str = "another-grain";
    let mut secured = kafka.own_secured();
    let connection = secured.sasl("SCRAM-SHA-512", USER, "\"${file:password}\"");
    let scenario = behind("password", &secured, Door::Reauth, connection).lingering();
    scenario.write("password", PASSWORD);
    let program = scenario.start("program").await_ready();
    let mut stream = Stream::start(&scenario.client, &scenario.input, 3, 0, record);
    let in_flight = await_uncommitted(&scenario, 2_000);
    secured.set_scram("SCRAM-SHA-512", USER, ROTATED).expect("the broker takes it");
    scenario.write("password", ROTATED);
    await_more(&program, "its user or password has changed", 0);
    secured.broker.kill();
    secured.broker.run().expect("the broker starts again");
    secured.broker.await_ready(1).expect("the broker answers");
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).with_fault(in_flight).assert_survived();
    let log = program.log();
    assert!(!log.contains(ROTATED) && !log.contains(PASSWORD), "{log}");
    assert_eq!(count(&program, "begins anew"), 0, "{log}");
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn a_certificate_is_rotated_under_load(kafka: &Kafka) {
    rotate_certificate(kafka, "certificate", "", "");
}

pub(crate) fn a_certificate_is_rotated_exactly_once(kafka: &Kafka) {
    rotate_certificate(kafka, "exact", "delivery: exactly_once\ntransaction_interval_ms: 200", "");
}

pub(crate) fn a_certificate_of_a_static_member_is_rotated(kafka: &Kafka) {
    rotate_certificate(kafka, "static", "", "properties: { group.instance.id: a }");
}

/// First to one that is of no use, which changes nothing, and then to one that is.
fn rotate_certificate(kafka: &Kafka, name: &str, more: &str, source: &str) {
    let secured = kafka.secured();
    let connection = format!(
        "security.protocol: SSL\nssl.ca.location: {}\nssl.certificate.location: certificate.pem\nssl.key.location: key.pem\n",
        secured.authority.file().display()
    );
    let mut scenario = behind(name, &secured, Door::Mutual, connection);
    (scenario.pipeline.more, scenario.pipeline.source) = (more.into(), source.into());
    put(&secured.mill, &scenario.folder);
    let program = scenario.start("program").await_ready();
    let mut stream = Stream::start(&scenario.client, &scenario.input, 3, 0, record);
    await_uncommitted(&scenario, 1_000);

    scenario.write("certificate.pem", "no certificate");
    await_more(&program, "what runs goes on with the old ones", 0);
    let delivered = committed(&scenario);
    eventually("records to be committed meanwhile", || (committed(&scenario) > delivered + 500).then_some(()));
    assert_eq!((count(&program, "begins anew"), count(&program, "is not ready")), (0, 0), "{}", program.log());

    put(&secured.authority.client(USER).expect("a certificate"), &scenario.folder);
    await_more(&program, "begins anew with new clients", 0);
    await_more(&program, "is ready", 1);
    let delivered = committed(&scenario);
    eventually("records to be committed with the new one", || (committed(&scenario) > delivered).then_some(()));
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).assert_exact();
    tell_cost(name, &program.log());
    assert_eq!(count(&program, "has failed"), 0, "{}", program.log());
    assert_eq!(program.terminate(), 0);
}

fn put(certificate: &Certificate, folder: &Path) {
    fs::copy(certificate.file(), folder.join("certificate.pem")).expect("a copy");
    fs::copy(certificate.key(), folder.join("key.pem")).expect("a copy");
}

fn committed(scenario: &Scenario) -> i64 {
    scenario.client.committed(&scenario.group, &scenario.input).values().flatten().sum()
}

/// The lines between which it stood, for who wants to know what it costs.
fn tell_cost(name: &str, log: &str) {
    let from = ["other certificates or keys", "begins anew with new clients", "is ready", "partitions: "];
    let lines = log.lines().skip_while(|line| !line.contains(from[0]));
    lines.filter(|line| from.iter().any(|text| line.contains(text))).for_each(|line| println!("{name}: {line}"));
}
