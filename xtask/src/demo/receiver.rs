//! A receiver of webhooks with the manners of real ones: it is down for a while, or for good, until somebody mends it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// How often `/flaky` fails before it accepts.
const FLAKY_FAILURES: u32 = 2;

/// Listens on loopback until the demo ends. `/flaky` fails twice and then accepts; `/broken` fails until it is mended.
pub struct Receiver {
    address: SocketAddr,
    mended: Arc<AtomicBool>,
}

impl Receiver {
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port for the receiver")?;
        let receiver = Self { address: listener.local_addr()?, mended: Arc::default() };
        let mended = Arc::clone(&receiver.mended);
        let seen = Arc::new(Mutex::new(HashMap::new()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mended, seen) = (Arc::clone(&mended), Arc::clone(&seen));
                // A sender that breaks off is the daemon ending; there is nobody to tell.
                thread::spawn(move || drop(serve(stream, &mended, &seen)));
            }
        });
        Ok(receiver)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on `/broken` accepts.
    pub fn mend(&self) {
        self.mended.store(true, Ordering::Relaxed);
    }
}

fn serve(stream: TcpStream, mended: &AtomicBool, seen: &Mutex<HashMap<String, u32>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(path) = request(&mut reader)? {
        let times = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let times = seen.entry(path.clone()).or_default();
            *times += 1;
            *times
        };
        let accepts = match path.as_str() {
            "/flaky" => times > FLAKY_FAILURES,
            _ => mended.load(Ordering::Relaxed),
        };
        let (status, body) =
            if accepts { ("200 OK", "thank you") } else { ("503 Service Unavailable", "try later") };
        write!(writer, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}

/// Reads one request; its path, or nothing at the end of the connection.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split_ascii_whitespace().nth(1).map(str::to_owned) else { return Ok(None) };
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(Some(path))
}
