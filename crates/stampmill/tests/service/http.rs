//! One request over one connection, written as it is, so that it may be as wrong as a test wants it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

/// Sends the bytes and reads until the other side is done.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut stream = connect(address);
    // Whoever refuses a request may not read it to its end.
    let _ = stream.write_all(request);
    answer(&mut stream)
}

pub(crate) fn answer(stream: &mut TcpStream) -> Answer {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(read) = stream.read(&mut part) {
        match read {
            0 => break,
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// A request with these header lines besides `Host`.
pub(crate) fn request(address: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let host = if headers.iter().any(|header| header.starts_with("Host:")) {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    exchange(address, format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}").as_bytes())
}

// === impl Answer ===

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}
