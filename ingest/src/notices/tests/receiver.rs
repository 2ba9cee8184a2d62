//! A web server that receives notices, or fails to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Answers(u16),
    /// To another address.
    Redirects,
    /// It reads and says nothing.
    Hangs,
    /// It closes the connection.
    Breaks,
}

pub struct Received {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub struct Receiver {
    pub url: String,
    pub mood: Arc<Mutex<Mood>>,
    /// What came while it answered with 2xx.
    pub taken: Arc<Mutex<Vec<Received>>>,
    pub asked: Arc<Mutex<usize>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notices", listener.local_addr().unwrap());
        let mood = Arc::new(Mutex::new(Mood::Answers(204)));
        let (taken, asked) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::<Mutex<usize>>::default());
        let shared = (mood.clone(), taken.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mood, taken, asked) = shared.clone();
                std::thread::spawn(move || {
                    *asked.lock() += 1;
                    let mood = *mood.lock();
                    let _ = answer(stream.unwrap(), mood, &taken);
                });
            }
        });
        Receiver { url, mood, taken, asked }
    }

    pub fn be(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }
}

fn answer(mut stream: TcpStream, mood: Mood, taken: &Mutex<Vec<Received>>) -> std::io::Result<()> {
    if mood == Mood::Breaks {
        return Ok(());
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut headers) = (String::new(), Vec::new());
    reader.read_line(&mut line)?;
    assert!(line.starts_with("POST /notices "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    match mood {
        Mood::Answers(status) => {
            if status < 300 {
                taken.lock().push(Received { headers, body });
            }
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
        }
        Mood::Redirects => {
            write!(stream, "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
        }
        // Until the other side has had enough.
        _ => reader.read_to_end(&mut Vec::new()).map(drop),
    }
}
