//! Reading a request's body: bounded in size and in patience.

use crate::engine::{Overload, Room};
use crate::http::limits::{
    BODY_DISCARDED_BYTES_MAX, BODY_PACE_BYTES, BODY_STALL_TIMEOUT, SHED_BODY_BYTES_MAX, SHED_BODY_TIMEOUT,
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::Version;
use http_body::Body as _;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::Instant;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    TooLarge {
        bytes_max: usize,
    },
    /// The connection ended before the body did, or the body was not well-formed.
    Broken,
    /// It came too slowly, or not at all.
    Stalled,
    /// Too many others are read at the same time.
    NoRoom(Overload),
}

/// How large and how slow a body may be.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    pub bytes_max: usize,
    /// For each `BODY_PACE_BYTES`.
    pub timeout: Duration,
}

/// Reads a whole body. One that arrives in one piece is not copied.
///
/// # Errors
/// The body is too large, too slow or incomplete.
pub async fn read(version: Version, body: Body, bytes_max: usize) -> Result<Bytes, BadBody> {
    read_all(version, body, BodyLimits { bytes_max, timeout: BODY_STALL_TIMEOUT }, &mut |_| Ok(())).await
}

/// Reads a whole body into a room that it shares with others.
///
/// # Errors
/// As of [`read`], or there is no room.
pub async fn read_into(
    room: &mut Room,
    version: Version,
    body: Body,
    limits: BodyLimits,
) -> Result<Bytes, BadBody> {
    read_all(version, body, limits, &mut |bytes| room.grow(bytes)).await
}

/// Reads and forgets the body of a request that is refused, within limits. A client that still sends would often
/// not see the answer.
pub async fn shed(body: Body) {
    if body.size_hint().lower() > SHED_BODY_BYTES_MAX as u64 {
        return;
    }
    let _ = tokio::time::timeout(SHED_BODY_TIMEOUT, discard(body, SHED_BODY_BYTES_MAX)).await;
}

async fn read_all(
    version: Version,
    mut body: Body,
    limits: BodyLimits,
    grow: &mut (dyn FnMut(usize) -> Result<(), Overload> + Send),
) -> Result<Bytes, BadBody> {
    let result = read_some(&mut body, limits, grow).await;
    if let Err(BadBody::NoRoom(_)) = result {
        shed(body).await;
        return result;
    }
    if version == Version::HTTP_2 && matches!(result, Err(BadBody::TooLarge { .. })) {
        // A stream that is reset while the client still sends hides the answer from many clients.
        tokio::spawn(discard(body, BODY_DISCARDED_BYTES_MAX));
    }
    result
}

async fn discard(mut body: Body, bytes_max: usize) {
    let (mut discarded, mut pace) = (0, Pace::new(BODY_STALL_TIMEOUT));
    while let Ok(Some(data)) = next_data(&mut body, &mut pace).await {
        discarded += data.len();
        if discarded > bytes_max {
            return;
        }
    }
}

async fn read_some(
    body: &mut Body,
    BodyLimits { bytes_max, timeout }: BodyLimits,
    grow: &mut (dyn FnMut(usize) -> Result<(), Overload> + Send),
) -> Result<Bytes, BadBody> {
    let mut pace = Pace::new(timeout);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(BadBody::TooLarge { bytes_max });
    }
    let (mut whole, mut held) = (BytesMut::new(), 0);
    let mut first = Bytes::new();
    while let Some(data) = next_data(body, &mut pace).await? {
        if first.len() + whole.len() + data.len() > bytes_max {
            return Err(BadBody::TooLarge { bytes_max });
        }
        // Room for all that was announced, once a first part of it is there: those who get it get to their end.
        let wanted = (whole.len() + first.len() + data.len()).max(announced);
        if wanted > held {
            grow(wanted - held).map_err(BadBody::NoRoom)?;
            held = wanted;
        }
        if whole.is_empty() && first.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(announced.max(first.len() + data.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// How fast a body has to come: one that drips must not hold its room for ever.
struct Pace {
    timeout: Duration,
    until: Instant,
    bytes: usize,
}

impl Pace {
    fn new(timeout: Duration) -> Self {
        Self { timeout, until: Instant::now() + timeout, bytes: 0 }
    }

    fn came(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= BODY_PACE_BYTES {
            *self = Self::new(self.timeout);
        }
    }
}

/// Returns the next piece, or None at the end.
async fn next_data(body: &mut Body, pace: &mut Pace) -> Result<Option<Bytes>, BadBody> {
    loop {
        let frame = tokio::time::timeout_at(pace.until, body.frame());
        let Some(frame) = frame.await.map_err(|_| BadBody::Stalled)? else { return Ok(None) };
        let frame = frame.map_err(|_| BadBody::Broken)?;
        // Trailers are no part of the body.
        match frame.into_data() {
            Ok(data) if !data.is_empty() => {
                pace.came(data.len());
                return Ok(Some(data));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    struct Pieces(VecDeque<Bytes>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    async fn read_pieces(pieces: &[&'static [u8]], bytes_max: usize) -> Result<Bytes, BadBody> {
        let pieces = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
        read(Version::HTTP_11, Body::new(Pieces(pieces)), bytes_max).await
    }

    #[tokio::test]
    async fn pieces_become_one_body() {
        assert_eq!(read_pieces(&[], 10).await, Ok(Bytes::new()));
        assert_eq!(
            read_pieces(&[b"", b"abc", b"", b"de", b"f"], 10).await,
            Ok(Bytes::from_static(b"abcdef"))
        );
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 1000]);
        let body = read(Version::HTTP_11, Body::from(piece.clone()), 1000).await.unwrap();
        assert_eq!(body.as_ptr(), piece.as_ptr());
    }

    #[tokio::test]
    async fn the_limit_holds_with_and_without_an_announced_length() {
        let too_large = Err(BadBody::TooLarge { bytes_max: 4 });
        assert_eq!(read_pieces(&[b"abc", b"de"], 4).await, too_large);
        assert_eq!(read(Version::HTTP_11, Body::from("abcde"), 4).await, too_large);
        assert_eq!(read(Version::HTTP_11, Body::from("abcd"), 4).await, Ok(Bytes::from_static(b"abcd")));
    }
}
