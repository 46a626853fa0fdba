//! `stampmill healthcheck`: asks a running program over HTTP how it is.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use actix_web::http::Uri;

use crate::cli::Healthcheck;
use crate::commands::exit;
use crate::config::{ConfigErrors, load};

#[derive(Debug, thiserror::Error)]
enum HealthcheckError {
    #[error("{0}")]
    Configuration(#[from] ConfigErrors),
    #[error("`probes.listen` is `off`: name with `--url` what to ask")]
    Off,
    #[error("`probes.listen` has port 0, which is any: name with `--url` what to ask")]
    AnyPort,
    #[error("`{0}` is no URL to ask; write it as in `http://127.0.0.1:9601/readyz`")]
    Url(String),
    #[error("nobody answers at {address}: {source}")]
    Connection { address: String, source: std::io::Error },
    #[error("what answers at {address} is no HTTP")]
    NoHttp { address: String },
    #[error("not well: {status}: {body}")]
    NotWell { status: String, body: String },
}

/// Whom to ask, and what.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    /// With the port.
    host: String,
    path: String,
}

const TIMEOUT: Duration = Duration::from_secs(3);
/// An answer is much shorter; what is beyond is not read.
const LONGEST: u64 = 64 << 10;

pub(crate) fn run(arguments: Healthcheck) -> ExitCode {
    match question(arguments).and_then(|question| ask(&question)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            exit::FAILURE.into()
        }
    }
}

fn question(arguments: Healthcheck) -> Result<Question, HealthcheckError> {
    if let Some(url) = arguments.url {
        return parse(&url).ok_or(HealthcheckError::Url(url));
    }
    let settings = load(arguments.configuration.sources())?;
    let address = settings.listeners.probes.ok_or(HealthcheckError::Off)?;
    let path = if arguments.live { "/livez" } else { "/readyz" };
    match address.port() {
        0 => Err(HealthcheckError::AnyPort),
        _ => Ok(Question { host: reachable(address).to_string(), path: path.to_owned() }),
    }
}

/// Who listens on all addresses is reached on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn parse(url: &str) -> Option<Question> {
    let uri: Uri = url.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(80));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Some(Question { host: format!("{host}:{port}"), path: path.to_owned() })
}

/// A request of one connection, whose answer ends with it.
fn ask(question: &Question) -> Result<(), HealthcheckError> {
    let address = &question.host;
    let answer =
        exchange(question).map_err(|source| HealthcheckError::Connection { address: address.clone(), source })?;
    let no_http = || HealthcheckError::NoHttp { address: address.clone() };
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(no_http)?;
    let status = head.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or_else(no_http)?;
    match status.starts_with('2') {
        true => Ok(()),
        false => Err(HealthcheckError::NotWell { status: status.to_owned(), body: body.to_owned() }),
    }
}

fn exchange(Question { host, path }: &Question) -> std::io::Result<String> {
    let deadline = Instant::now() + TIMEOUT;
    let mut stream = connect(host)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    while (answer.len() as u64) < LONGEST {
        // In all, and not for each part of a slow one.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The first of the host's addresses at which somebody is.
fn connect(host: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::ErrorKind::NotFound.into();
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one request so.
    fn answers(answer: &'static str) -> Question {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("has an address").to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut request = [0; 1024];
            let read = stream.read(&mut request).expect("a request");
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"));
            stream.write_all(answer.as_bytes()).expect("is taken");
        });
        Question { host, path: "/readyz".to_owned() }
    }

    #[test]
    fn only_an_answer_of_200_is_well() {
        assert!(ask(&answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).is_ok());
        let error = |answer| ask(&answers(answer)).expect_err("is not well").to_string();
        assert_eq!(
            error("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"ready\":false}"),
            "not well: 503 Service Unavailable: {\"ready\":false}"
        );
        assert!(error("SSH-2.0-OpenSSH\r\n").ends_with(" is no HTTP"));
        assert!(error("").ends_with(" is no HTTP"));
    }

    #[test]
    fn nobody_is_not_well() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("has an address").to_string();
        drop(listener);
        let error = ask(&Question { host: host.clone(), path: "/".to_owned() }).expect_err("nobody is there");
        assert!(error.to_string().starts_with(&format!("nobody answers at {host}: ")), "{error}");
    }

    #[test]
    fn urls_say_whom_to_ask() {
        let question = |host: &str, path: &str| Some(Question { host: host.to_owned(), path: path.to_owned() });
        assert_eq!(parse("http://mill:9601/readyz?x"), question("mill:9601", "/readyz?x"));
        assert_eq!(parse("http://[::1]:9601"), question("[::1]:9601", "/"));
        assert_eq!(parse("http://mill/livez"), question("mill:80", "/livez"));
        for wrong in ["https://mill:9601/readyz", "mill:9601/readyz", "/readyz", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(reachable("0.0.0.0:1".parse().expect("an address")).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::]:1".parse().expect("an address")).to_string(), "[::1]:1");
        assert_eq!(reachable("10.0.0.1:1".parse().expect("an address")).to_string(), "10.0.0.1:1");
    }
}
