//! A receiver that answers as it is told and remembers what it got.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map_or("", |(_, value)| value.as_str())
    }
}

/// What it answers to the request of that number, counted from 0; nothing is to hang.
type Answers = dyn Fn(usize) -> Option<String> + Send + Sync;

pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    count: watch::Receiver<usize>,
    serving: tokio::task::JoinHandle<()>,
}

/// An answer without a body, with further header lines.
pub fn answer(status: u16, headers: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n{headers}\r\n"))
}

impl Receiver {
    pub async fn new(answers: impl Fn(usize) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, count) = watch::channel(0);
        let got = Arc::default();
        let shared = Arc::new(Shared { got: Arc::clone(&got), told, answers: Box::new(answers) });
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Arc::clone(&shared).converse(stream));
            }
        });
        Self { address, got, count, serving }
    }

    /// One that always accepts.
    pub async fn friendly() -> Self {
        Self::new(|_| answer(200, "")).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Resolves once so many requests have arrived; returns all.
    pub async fn arrived(&self, number: usize) -> Vec<Got> {
        let mut count = self.count.clone();
        let arrived = count.wait_for(|count| *count >= number);
        tokio::time::timeout(std::time::Duration::from_secs(30), arrived)
            .await
            .unwrap_or_else(|_| panic!("{} of {number} requests arrived", self.got().len()))
            .unwrap();
        self.got()
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Shared {
    got: Arc<Mutex<Vec<Got>>>,
    told: watch::Sender<usize>,
    answers: Box<Answers>,
}

impl Shared {
    async fn converse(self: Arc<Self>, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(request) = read(&mut stream, &mut buffer).await {
            let number = {
                let mut got = self.got.lock().unwrap();
                got.push(request);
                got.len() - 1
            };
            self.told.send_modify(|count| *count += 1);
            let Some(answer) = (self.answers)(number) else {
                std::future::pending::<()>().await;
                return;
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Got> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let headers: Vec<_> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = Bytes::copy_from_slice(&buffer[end + 4..end + 4 + length]);
                buffer.drain(..end + 4 + length);
                return Some(Got { headers, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
