//! A server that counts side effects from the outside, and reacts to them as a test wants.

use crate::http::{read_body, read_headers, read_line};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Hit {
    pub path: String,
    pub body: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub at: Instant,
    /// How many came before it.
    pub index: usize,
}

/// What to do about a request.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// 200 with this text.
    Answer(String),
    /// The same, later.
    AnswerAfter(Duration, String),
    Fail(u16),
    /// Close the connection without an answer.
    HangUp,
}

type React = Box<dyn Fn(&Hit) -> Reaction + Send + Sync>;

struct Shared {
    hits: Mutex<Vec<Hit>>,
    react: Mutex<Arc<React>>,
    is_closed: AtomicBool,
}

/// A running counter. It answers every request with the body that came, unless told otherwise.
pub struct Counter {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Counter {
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = listener.local_addr().expect("it is bound");
        let echo: React = Box::new(|hit| Reaction::Answer(hit.body.clone()));
        let shared = Arc::new(Shared {
            hits: Mutex::default(),
            react: Mutex::new(Arc::new(echo)),
            is_closed: AtomicBool::new(false),
        });
        let serving = shared.clone();
        std::thread::spawn(move || serve(&listener, &serving));
        Self { addr, shared }
    }

    /// Returns the address of a path here.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    #[must_use]
    pub fn authority(&self) -> String {
        self.addr.to_string()
    }

    /// Decides what happens to requests that come from now on. The request is counted before.
    pub fn react(&self, react: impl Fn(&Hit) -> Reaction + Send + Sync + 'static) {
        *lock(&self.shared.react) = Arc::new(Box::new(react));
    }

    #[must_use]
    pub fn hits(&self) -> Vec<Hit> {
        lock(&self.shared.hits).clone()
    }

    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared.hits).len()
    }

    /// Returns the bodies of what came to a path, in order.
    #[must_use]
    pub fn bodies(&self, path: &str) -> Vec<String> {
        let hits = self.hits();
        hits.into_iter().filter(|hit| hit.path == path).map(|hit| hit.body).collect()
    }

    /// Returns path and body of everything that came, in order.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.hits().iter().map(|hit| format!("{} {}", hit.path, hit.body)).collect()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        // The accepting thread looks up.
        let _ = TcpStream::connect(self.addr);
        if std::thread::panicking() {
            eprintln!("---- what the counter saw ----\n{}", self.log().join("\n"));
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let (Ok(stream), shared) = (stream, shared.clone()) else { continue };
        std::thread::spawn(move || while answer_one(&stream, &shared).is_some() {});
    }
}

/// Takes one request off a connection; None when the connection is done.
fn answer_one(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let request_line = read_line(&mut reader).ok()?;
    let path = request_line.split(' ').nth(1)?.to_owned();
    let headers = read_headers(&mut reader).ok()?;
    let has_body = headers.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding");
    let body = if has_body { read_body(&mut reader, &headers).ok()? } else { Vec::new() };
    let hit = {
        let mut hits = lock(&shared.hits);
        let body = String::from_utf8_lossy(&body).into_owned();
        let hit = Hit { path, body, headers, at: Instant::now(), index: hits.len() };
        hits.push(hit.clone());
        hit
    };
    let react = lock(&shared.react).clone();
    let (status, text) = match react(&hit) {
        Reaction::Answer(text) => (200, text),
        Reaction::AnswerAfter(pause, text) => {
            std::thread::sleep(pause);
            (200, text)
        }
        Reaction::Fail(status) => (status, format!("the counter was told to answer {status}")),
        Reaction::HangUp => return None,
    };
    let head = format!(
        "HTTP/1.1 {status} Counted\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    stream.write_all((head + &text).as_bytes()).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
