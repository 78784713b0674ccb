//! A service that answers by a script, byte by byte, so that every way to fail can be played.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What one connection gets for its request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Status, headers, body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// The line breaks after the request was read.
    Hang,
    /// Nothing comes, for ever.
    Silence,
    /// A byte now and then, for ever.
    Drip,
    /// Chunks as they are given, whatever they announce.
    Chunks(&'static str),
    /// The body ends before its announced length.
    Cut(u16, String),
}

pub(crate) fn say(status: u16, body: &str) -> Answer {
    Answer::Say(status, vec![("content-type", "application/json".into())], body.to_owned())
}

pub(crate) fn with(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    Answer::Say(status, headers.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), body.to_owned())
}

/// The running service: what it was asked, in order.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers in the order of the script; `{base}` in headers is its own address. After the script it says 599.
    pub(crate) async fn start(script: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, base) = (asked.clone(), url.clone());
        tokio::spawn(async move {
            let mut script = script.into_iter();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = script.next().unwrap_or_else(|| say(599, ""));
                let (seen, base) = (seen.clone(), base.clone());
                tokio::spawn(async move { exchange(stream, answer, &base, &seen).await });
            }
        });
        Server { url, asked }
    }

    /// Whole requests, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
    /// `GET /path?query`, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |r: &String| r.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        self.asked().iter().map(line).collect()
    }
}

pub(crate) async fn exchange(
    mut stream: impl AsyncReadExt + AsyncWrite + Unpin,
    answer: Answer,
    base: &str,
    seen: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return;
            }
            continue;
        };
        let length =
            head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n == 0 || body.len() >= length.unwrap_or(0usize) {
            break;
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    let text = match answer {
        Answer::Hang => return,
        Answer::Silence => return std::future::pending().await,
        Answer::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-type: application/json\r\n\r\n").await;
            while stream.write_all(b" ").await.is_ok() && stream.flush().await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            return;
        }
        Answer::Chunks(chunks) => format!("HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"),
        Answer::Cut(status, body) => {
            format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len() + 100
            )
        }
        Answer::Say(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(k, v)| format!("{k}: {}\r\n", v.replace("{base}", base))).collect();
            format!(
                "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
