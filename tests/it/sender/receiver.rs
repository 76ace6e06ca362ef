//! A receiver of webhooks on a bare socket: it says what it is told to say, however wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with a connection.
#[derive(Clone)]
pub struct Script {
    /// Reads the request's head first.
    pub listens: bool,
    pub says: Vec<u8>,
    pub then: Then,
}

/// How it goes on.
#[derive(Clone)]
pub enum Then {
    /// Sends FIN.
    Close,
    /// Sends RST.
    Reset,
    /// Says nothing more and waits.
    Hang,
    /// Says this again and again, with a pause in between or as fast as it goes.
    Repeat(Vec<u8>, Duration),
    /// Takes the next request on the same connection, and says the same.
    KeepAlive,
}

/// A listening receiver; it stops when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    written: AtomicU64,
    released: Semaphore,
}

impl Receiver {
    /// Speaks plain TCP.
    pub async fn plain(script: Script) -> Self {
        Self::serve(script, None).await
    }

    /// Speaks TLS.
    pub async fn tls(script: Script, acceptor: TlsAcceptor) -> Self {
        Self::serve(script, Some(acceptor)).await
    }

    async fn serve(script: Script, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen {
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            released: Semaphore::new(0),
        });
        let serving = tokio::spawn(accept(listener, script, acceptor, Arc::clone(&seen)));
        Self { address, seen, serving }
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// How many bytes it could say before the other side let go.
    pub fn written(&self) -> u64 {
        self.seen.written.load(Ordering::SeqCst)
    }

    /// Resolves once a connection has ended: nothing of the other side hangs on to it.
    pub async fn released(&self) {
        self.seen.released.acquire().await.unwrap().forget();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, script: Script, acceptor: Option<TlsAcceptor>, seen: Arc<Seen>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        seen.connections.fetch_add(1, Ordering::SeqCst);
        let (script, acceptor, seen) = (script.clone(), acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            match acceptor {
                None => converse(stream, &script, &seen, reset).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, &script, &seen, |stream| reset(stream.into_inner().0)).await;
                    }
                }
            }
            seen.released.add_permits(1);
        });
    }
}

/// Without lingering, closing sends RST.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: &Script,
    seen: &Seen,
    reset: impl FnOnce(S),
) {
    loop {
        if script.listens {
            if !read_request(&mut stream).await {
                return;
            }
            seen.requests.fetch_add(1, Ordering::SeqCst);
        }
        if !say(&mut stream, &script.says, seen).await {
            return;
        }
        match &script.then {
            Then::KeepAlive => {}
            Then::Close => {
                let _gone = stream.shutdown().await;
                return;
            }
            Then::Reset => return reset(stream),
            Then::Hang => return until_closed(&mut stream).await,
            Then::Repeat(piece, pause) => return repeat(&mut stream, piece, *pause, seen).await,
        }
    }
}

async fn repeat<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    piece: &[u8],
    pause: Duration,
    seen: &Seen,
) {
    while say(stream, piece, seen).await {
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pause).await;
        }
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, text: &[u8], seen: &Seen) -> bool {
    seen.written.fetch_add(text.len() as u64, Ordering::SeqCst);
    stream.write_all(text).await.is_ok() && stream.flush().await.is_ok()
}

async fn until_closed<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// The head and the body that `Content-Length` announces; false when the other side has gone.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await.is_ok_and(|read| read == 0) || request.is_empty() {
            return false;
        }
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return true;
            }
        }
    }
}
