//! Against an endpoint of the test's own.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use rdkafka::error::RDKafkaErrorCode as Code;

use super::*;
use crate::kafka::denial;
use crate::settings::Properties;

/// Answers with what it is told to, one by one, and with the last of it again and again.
struct Endpoint {
    address: SocketAddr,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

const PATIENCE: Duration = Duration::from_secs(20);
const CA: &str = include_str!("tests/ca.pem");

impl Endpoint {
    fn start(answers: &[(u16, &str)]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a port"), answers)
    }

    fn on(listener: TcpListener, answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let (answers, requests) = (Arc::new(Mutex::new(answers)), Arc::default());
        let endpoint = Self {
            address: listener.local_addr().expect("an address"),
            answers: Arc::clone(&answers),
            requests: Arc::clone(&requests),
        };
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                serve(connection, &answers, &requests);
            }
        });
        endpoint
    }

    fn oidc(&self) -> Oidc {
        let text = |text: &str| Secret(vec![Piece::Text(text.to_owned())]);
        Oidc {
            endpoint: format!("http://{}/token", self.address),
            client_id: text("mill"),
            client_secret: text("s3cret"),
            scope: Some("a b".to_owned()),
            extensions: Vec::new(),
            trust: Trust::System,
        }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(mut connection: TcpStream, answers: &Mutex<VecDeque<(u16, String)>>, requests: &Mutex<Vec<String>>) {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if is_whole {
            requests.lock().expect("no panic").push(text);
            break;
        }
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    }
    let mut answers = answers.lock().expect("no panic");
    let (status, body) =
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }.expect("an answer");
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = connection.write_all(answer.as_bytes());
}

fn of(oidc: Oidc) -> Arc<Credentials> {
    Credentials::new(CredentialSettings { connection: "kafka".into(), oidc: Some(oidc), ..Default::default() })
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of its own for each test.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("stampmill-credentials-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

const LONG: &str = r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":3600}"#;
const SHORT: &str = r#"{"access_token":"t0ken","expires_in":1}"#;

#[test]
fn a_token_is_asked_for_as_the_rfc_has_it() {
    let endpoint = Endpoint::start(&[(200, LONG)]);
    let credentials = of(endpoint.oidc());
    assert_eq!(credentials.await_first(PATIENCE), Ok(()));
    let [request] = &endpoint.requests()[..] else { panic!("{:?}", endpoint.requests()) };
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    // `mill:s3cret`
    assert!(request.to_lowercase().contains("authorization: basic bwlsbdpzm2nyzxq=\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=a%20b"), "{request}");
}

#[test]
fn tokens_are_fetched_ahead() {
    let endpoint = Endpoint::start(&[(200, SHORT)]);
    let credentials = of(endpoint.oidc());
    assert_eq!(credentials.await_first(PATIENCE), Ok(()));
    eventually("several are fetched", || endpoint.requests().len() >= 4);
    assert!(credentials.lock().no_token.is_none());
}

#[test]
fn a_token_that_brokers_refuse_is_replaced_before_it_is_due() {
    let endpoint = Endpoint::start(&[(200, LONG)]);
    let credentials = of(endpoint.oidc());
    assert_eq!(credentials.await_first(PATIENCE), Ok(()));
    let first = Instant::now();
    credentials.refuse_token();
    eventually("another comes", || endpoint.requests().len() == 2 && !credentials.is_token_refused());
    // However fast brokers refuse, the endpoint is not overrun.
    assert!(first.elapsed() > Duration::from_secs(3), "{:?}", first.elapsed());
}

#[test]
fn a_token_is_replaced_for_no_other_reason_than_that_it_is_refused() {
    let credentials = of(Endpoint::start(&[(200, LONG)]).oidc());
    let properties = Properties::new(BTreeMap::new(), Some(Arc::clone(&credentials)));
    properties.note_refusal(Code::Authentication, "SASL OAUTHBEARER handshake failed: Unsupported SASL mechanism");
    properties.note_refusal(Code::Authentication, "SASL OAUTHBEARER handshake failed: Local: Timed out in queue");
    properties.note_refusal(Code::SSL, "SSL handshake failed");
    properties.note_refusal(Code::TopicAuthorizationFailed, "Topic authorization failed");
    assert!(!credentials.is_token_refused());
    properties.note_refusal(Code::Authentication, r#"SASL authentication error: {"status":"invalid_token"}"#);
    assert!(credentials.is_token_refused());
}

/// What a listener without logins says, too, and then it does keep everybody out.
#[test]
fn a_login_at_the_end_of_a_token_is_not_taken_and_that_is_no_refusal() {
    let denied = |credentials: &Arc<Credentials>| {
        let properties = Properties::new(BTreeMap::new(), Some(Arc::clone(credentials)));
        let reason = "SASL OAUTHBEARER mechanism handshake failed: Broker: Request not valid in current SASL state";
        denial::explain(Code::Authentication, reason, &properties)
    };
    let long = of(Endpoint::start(&[(200, LONG)]).oidc());
    assert_eq!(long.await_first(PATIENCE), Ok(()));
    assert!(denied(&long).is_some_and(|text| text.contains("takes no login")));
    let short = of(Endpoint::start(&[(200, SHORT), (503, "")]).oidc());
    assert_eq!(short.await_first(PATIENCE), Ok(()));
    eventually("it nears its end", || denied(&short).is_none());
}

#[test]
fn an_endpoint_that_is_away_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let oidc = Oidc { endpoint: format!("http://{address}/token"), ..Endpoint::start(&[(200, LONG)]).oidc() };
    let credentials = of(oidc);
    let Err(Unready::Refused(reason)) = credentials.await_first(PATIENCE) else { panic!("nobody answers") };
    assert!(reason.starts_with(&format!("no token from `http://{address}/token`: ")), "{reason}");
    let _endpoint = Endpoint::on(TcpListener::bind(address).expect("the port is free"), &[(200, LONG)]);
    eventually("a token comes", || credentials.has_token().is_ok());
}

#[test]
fn a_token_that_expires_while_none_comes_is_no_token() {
    let endpoint = Endpoint::start(&[(200, SHORT), (503, "")]);
    let credentials = of(endpoint.oidc());
    assert_eq!(credentials.await_first(PATIENCE), Ok(()));
    eventually("it expires", || credentials.has_token().is_err());
    let reason = credentials.has_token().expect_err("it has expired");
    assert!(reason.contains("status 503") && reason.ends_with("the last one has expired"), "{reason}");
    *endpoint.answers.lock().expect("no panic") = VecDeque::from([(200, LONG.to_owned())]);
    eventually("the next one comes", || credentials.has_token().is_ok());
}

#[test]
fn another_secret_is_tried_as_soon_as_it_is_in_its_file() {
    let file = folder("secret").join("secret");
    std::fs::write(&file, "wr0ng\n").expect("a file can be written");
    let refused = r#"{"error":"invalid_client","error_description":"unknown client"}"#;
    let endpoint = Endpoint::start(&[(401, refused)]);
    let credentials = of(Oidc { client_secret: Secret(vec![Piece::File(file.clone())]), ..endpoint.oidc() });
    let Err(Unready::Refused(reason)) = credentials.await_first(PATIENCE) else { panic!("the secret is wrong") };
    assert!(reason.contains("401: `invalid_client` (unknown client); look at"), "{reason}");
    assert!(!reason.contains("wr0ng"), "{reason}");
    *endpoint.answers.lock().expect("no panic") = VecDeque::from([(200, LONG.to_owned())]);
    std::fs::write(&file, "right").expect("a file can be written");
    eventually("a token comes", || credentials.has_token().is_ok());
    // `mill:right`
    let last = endpoint.requests().pop().expect("a request");
    assert!(last.to_lowercase().contains("basic bwlsbdpyawdoda=="), "{last}");
}

#[test]
fn no_redirect_takes_the_secret_elsewhere() {
    let elsewhere = Endpoint::start(&[(200, LONG)]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 4096]);
            let to = elsewhere.address;
            let answer =
                format!("HTTP/1.1 307 X\r\nlocation: http://{to}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
            assert!(elsewhere.requests().is_empty());
        }
    });
    let credentials = of(Oidc { endpoint: format!("http://{address}/"), ..Endpoint::start(&[(200, LONG)]).oidc() });
    let Err(Unready::Refused(reason)) = credentials.await_first(PATIENCE) else { panic!("it is no endpoint") };
    assert!(reason.contains("status 307; it answers from elsewhere"), "{reason}");
}

#[test]
fn a_password_is_read_again() {
    let file = folder("password").join("password");
    std::fs::write(&file, "one\n").expect("a file can be written");
    let text = |text: &str| Secret(vec![Piece::Text(text.to_owned())]);
    let login = Some((text("mill"), Secret(vec![Piece::File(file.clone())])));
    let credentials = Credentials::new(CredentialSettings { connection: "kafka".into(), login, ..Default::default() });
    credentials.keep();
    assert_eq!(credentials.in_force()["sasl.password"], "one");
    std::fs::write(&file, "two\n").expect("a file can be written");
    eventually("it is read", || credentials.in_force()["sasl.password"] == "two");
    std::fs::remove_file(&file).expect("it is there");
    assert!(credentials.look_now().is_empty(), "while it is away the old one stays");
    assert_eq!(credentials.in_force()["sasl.password"], "two");
}

#[test]
fn only_certificates_that_a_client_takes_take_the_place_of_others() {
    let file = folder("certificates").join("ca.pem");
    std::fs::write(&file, CA).expect("a file can be written");
    let name = "ssl.ca.location".to_owned();
    let material = MaterialSettings {
        texts: BTreeMap::new(),
        files: BTreeMap::from([(name.clone(), file.clone())]),
        tls: BTreeMap::from([(name, file.display().to_string())]),
    };
    let credentials =
        Credentials::new(CredentialSettings { connection: "kafka".into(), material, ..Default::default() });
    credentials.look();
    assert!(credentials.look_now().is_empty() && credentials.certificates() == 0);

    std::fs::write(&file, "no certificate").expect("a file can be written");
    assert!(credentials.look_now().is_empty() && credentials.certificates() == 0, "what runs goes on");
    let refused = credentials.await_first(Duration::ZERO);
    assert!(matches!(&refused, Err(Unready::Refused(reason)) if reason.contains("ssl.ca.location")), "{refused:?}");

    std::fs::write(&file, CA).expect("a file can be written");
    assert!(credentials.look_now().is_empty(), "it is what is in force");
    assert_eq!(credentials.await_first(Duration::ZERO), Ok(()));

    std::fs::write(&file, format!("{CA}\n{CA}")).expect("a file can be written");
    assert_eq!((credentials.look_now(), credentials.certificates()), (vec!["certificates or keys"], 1));
}
