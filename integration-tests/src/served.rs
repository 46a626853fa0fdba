//! The server's side of HTTP/1.1, for what the program or a broker asks of others.

use std::io::{BufRead, Error, Result, Write};

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub path: String,
    pub authorization: Option<String>,
    pub body: Vec<u8>,
}

// === impl Request ===

impl Request {
    /// `None` when the client is gone.
    pub fn read(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let path = line.split(' ').nth(1).ok_or_else(|| Error::other(format!("no request: {line}")))?.to_owned();
        let (mut request, mut length) = (Self { path, ..Self::default() }, 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().map_err(Error::other)?,
                "authorization" => request.authorization = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        Ok(Some(request))
    }
}

/// An answer in JSON; or in what is said to be.
pub fn respond(writer: &mut impl Write, status: u16, body: &str) -> Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    writer.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    writer.flush()
}
