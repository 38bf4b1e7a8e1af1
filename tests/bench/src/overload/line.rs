//! A kept connection that is written to and read from by hand: at this rate a general client would be the limit.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER_BYTES: usize = 1 << 10;
/// Far more than an answer to a message has.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What is of interest of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub has_retry_after: bool,
    /// The server closes the connection.
    pub is_last: bool,
}

impl Line {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(ANSWER_BYTES) })
    }

    /// Writes a request as it is, and reads the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server has closed the connection");
            }
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
            if self.buffer.len() > ANSWER_BYTES_MAX {
                bail!("an answer has more than {ANSWER_BYTES_MAX} bytes");
            }
        }
    }
}

/// Returns the answer when all of it is there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(head_bytes) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_bytes]).context("the head of an answer")?;
    let mut lines = head.lines();
    let first = lines.next().unwrap_or("");
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.with_context(|| format!("an answer begins with: {first}"))?;
    let mut answer = Answer { status, has_retry_after: false, is_last: false };
    let mut body_bytes: Option<usize> = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            body_bytes = value.parse().ok();
        } else if name.eq_ignore_ascii_case("retry-after") {
            answer.has_retry_after = true;
        } else if name.eq_ignore_ascii_case("connection") {
            answer.is_last = value.eq_ignore_ascii_case("close");
        }
    }
    let body_bytes = body_bytes.with_context(|| format!("an answer without its length: {head}"))?;
    Ok((bytes.len() >= head_bytes + 4 + body_bytes).then_some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_when_all_of_it_is_there() {
        let text: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-type: a\r\nContent-Length: 2\r\n\r\n{}";
        for end in 0..text.len() {
            assert_eq!(whole(&text[..end]).ok(), Some(None), "{end}");
        }
        let accepted = Answer { status: 202, has_retry_after: false, is_last: false };
        assert_eq!(whole(text).ok(), Some(Some(accepted)));
        let text = b"HTTP/1.1 429 No\r\nretry-after: 3\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let refused = Answer { status: 429, has_retry_after: true, is_last: true };
        assert_eq!(whole(text).ok(), Some(Some(refused)));
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "it does not say where it ends");
        assert!(whole(b"what?\r\n\r\n").is_err());
    }
}
