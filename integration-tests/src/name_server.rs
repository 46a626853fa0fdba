//! A name server that knows one name, for programs with a resolver of their own.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// It answers as long as the process lives.
pub struct NameServer {
    /// It listens at port 53 there, as a resolver expects.
    pub address: Ipv4Addr,
    asked: Arc<AtomicUsize>,
}

const HEADER: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];

// === impl NameServer ===

impl NameServer {
    /// For `name` it has the address 127.0.0.1, and none of IPv6; others do not exist.
    pub fn start(name: &str) -> Result<Self> {
        // One of its own for each process, since others may test here, too.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 53, high, low.max(1));
        let socket = UdpSocket::bind((address, 53)).context("a name server needs port 53")?;
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, known) = (Arc::clone(&asked), encoded(name));
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if let Some(answer) = answer(&query[..length], &known) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    // Who has gone needs no answer.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { address, asked })
    }

    /// How many questions it has answered.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Labels, each behind its length (RFC 1035, 3.1).
fn encoded(name: &str) -> Vec<u8> {
    let labels =
        name.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap_or(0)], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// To a query with one question (RFC 1035, 4.1).
fn answer(query: &[u8], known: &[u8]) -> Option<Vec<u8>> {
    let question = query.get(HEADER..)?;
    let end = question.iter().position(|byte| *byte == 0)? + 1;
    let (name, kind) = (question.get(..end)?, question.get(end..end + 2)?);
    let exists = name.eq_ignore_ascii_case(known);
    let answers = u8::from(exists && kind == TYPE_A);
    // A response, recursion as desired and available; or that there is no such name.
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, if exists { 0x80 } else { 0x83 }, 0, 1, 0, answers, 0, 0, 0, 0]);
    answer.extend(question.get(..end + 4)?);
    if answers == 1 {
        // The name as it stands at offset 12, class IN, a minute to live, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}
