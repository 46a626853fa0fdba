//! A broker that means harm.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::eventually::eventually;
use integration_tests::scenario::setup;

use super::Probed;
use crate::kafka::Kafka;

const SECRET: &str = "a-password-that-nobody-must-see";
/// More than the program needs to start, and much less than what is promised to it.
const MOST_MEMORY: u64 = 200 << 20;

/// What it answers whatever it is asked.
type Answer = fn(&[u8], &mut TcpStream) -> std::io::Result<()>;

struct Hostile {
    address: String,
    asked: Arc<AtomicU64>,
}

impl Hostile {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || {
                    let mut request = [0; 4096];
                    while let Ok(length @ 1..) = connection.read(&mut request) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        if answer(&request[..length], &mut connection).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }
}

/// The correlation id of a request stands behind its length, its kind and its version.
fn framed(request: &[u8], length: i32, body: &[u8]) -> Vec<u8> {
    let correlation = request.get(8..12).unwrap_or(&[0; 4]);
    [&length.to_be_bytes(), correlation, body].concat()
}

fn garbage(request: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    // Bytes that follow from what was asked: as good as any, and the same each time.
    let bytes: Vec<u8> = (0..4096_usize).map(|at| request[at % request.len()].wrapping_mul(31) ^ at as u8).collect();
    to.write_all(&bytes)
}

/// A frame of 2 GiB is announced, and as much of it sent as is taken.
fn a_length_beyond_measure(request: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    to.write_all(&framed(request, i32::MAX, &[0; 1024]))?;
    (0..64).try_for_each(|_| to.write_all(&[0; 1 << 20]))
}

/// A frame that fits, in which arrays are announced that it cannot hold.
fn arrays_beyond_measure(request: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    let body = [&[0, 0][..], &i32::MAX.to_be_bytes(), &[0xff; 64]].concat();
    to.write_all(&framed(request, body.len() as i32 + 4, &body))
}

fn a_negative_length(request: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    to.write_all(&framed(request, -1, &[]))
}

/// One byte now and then, for ever.
fn hardly_anything(_: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    loop {
        to.write_all(&[0])?;
        thread::park_timeout(Duration::from_millis(500));
    }
}

fn a_web_server(_: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    to.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
}

/// Answers of every kind that are none. The program neither ends, nor grows, nor floods its log; and it tells nobody a
/// password who has not shown to be a broker.
pub(crate) fn a_broker_that_answers_nonsense(kafka: &Kafka) {
    let answers: [(&str, Answer); 6] = [
        ("garbage", garbage),
        ("length", a_length_beyond_measure),
        ("arrays", arrays_beyond_measure),
        ("negative", a_negative_length),
        ("slow", hardly_anything),
        ("web", a_web_server),
    ];
    let mut all: Vec<_> = answers
        .into_iter()
        .map(|(name, answer)| {
            let hostile = Hostile::start(answer);
            let mut scenario = setup(name, &kafka.client);
            scenario.bootstrap.clone_from(&hostile.address);
            scenario.pipeline.connection =
                format!("security.protocol: SASL_PLAINTEXT\nsasl.mechanism: PLAIN\nsasl.username: mill\nsasl.password: {SECRET}\nreconnect.backoff.max.ms: 200\n");
            let probed = Probed::start(&scenario);
            (name, hostile, scenario, probed)
        })
        .collect();
    let started = Instant::now();
    eventually("each to have asked for some time", || {
        let has_asked = |(name, hostile, ..): &(&str, Hostile, _, _)| {
            // Of a slow one no second question is asked.
            hostile.asked.load(Ordering::Relaxed) >= if *name == "slow" { 1 } else { 10 }
        };
        (all.iter().all(has_asked) && started.elapsed() > Duration::from_secs(10)).then_some(())
    });
    for (name, _, _, probed) in &mut all {
        assert!(probed.program.is_running(), "{name}: it has ended:\n{}", probed.program.log());
        let peak = probed.program.peak_bytes();
        assert!(peak < MOST_MEMORY, "{name}: {peak} bytes");
        assert_eq!(probed.probes.get("/readyz").expect("an answer").status, 503, "{name}");
        assert!(!probed.program.log().contains(SECRET), "{name}");
        probed.assert_calm();
    }
    for (name, _, _scenario, probed) in all {
        assert_eq!(probed.program.terminate(), 0, "{name}");
    }
}
