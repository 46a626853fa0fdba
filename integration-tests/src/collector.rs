//! A collector of spans: takes OTLP in JSON over HTTP, and keeps what came.

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::served::{Request, respond};

/// Lives as long as the test's process.
pub struct Collector {
    pub endpoint: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

// === impl Collector ===

impl Collector {
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}/v1/traces", listener.local_addr()?);
        let spans = Arc::new(Mutex::default());
        let kept = Arc::clone(&spans);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                // A client that is gone again ends its connection, and that is all.
                std::thread::spawn(move || serve(connection, &kept));
            }
        });
        Ok(Self { endpoint, spans })
    }

    /// All that came so far.
    pub fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Request after request.
fn serve(connection: TcpStream, kept: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(connection.try_clone()?), connection);
    while let Some(request) = Request::read(&mut reader)? {
        let request: Value = serde_json::from_slice(&request.body)?;
        let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default();
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        respond(&mut writer, 200, "{}")?;
    }
    Ok(())
}
