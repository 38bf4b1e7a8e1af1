//! What a soak calls: a bit of everything, in a fixed order.

use crate::calls::Calls;
use crate::client::{self, JSON};
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
/// Large enough to become a file of its own in the store.
const LARGE_BYTES: usize = 40 << 10;
const KEYS: u64 = 1000;
/// Objects with a large value each: few, so that the first quarter of a soak has made all of them. No
/// multiple of four, so that each is set and cleared in turn.
const LARGE_KEYS: u64 = 99;

/// All calls of a soak.
#[derive(Clone, Copy)]
pub struct Mix;

impl Calls for Mix {
    fn request(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        Kind::of(nth).request(nth)
    }

    fn is_answer(self, nth: u64, answer: &[u8]) -> bool {
        Kind::of(nth).is_answer(nth, answer)
    }

    fn invocations(self, nth: u64) -> u64 {
        Kind::of(nth).invocations()
    }
}

/// One kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// 40 KiB in, in the journal, and out.
    Large,
    /// 40 KiB of state, replaced or cleared.
    Replace,
    /// Two calls of services, one in the other.
    Nest,
    /// Two run blocks.
    Steps,
    /// State of an object.
    Add,
    /// With an idempotency key.
    Idempotent,
    /// One-way.
    Send,
    /// Nothing is kept, not even for seconds.
    Forget,
    Keep,
}

impl Kind {
    /// Returns what the nth call of a soak is.
    fn of(nth: u64) -> Self {
        match nth % 100 {
            0 => Self::Large,
            1 => Self::Replace,
            2..5 => Self::Nest,
            5..15 => Self::Steps,
            15..30 => Self::Add,
            30..50 => Self::Idempotent,
            50..55 => Self::Send,
            55..65 => Self::Forget,
            _ => Self::Keep,
        }
    }

    /// Returns how many invocations one call makes.
    fn invocations(self) -> u64 {
        match self {
            Self::Nest => 3,
            Self::Large | Self::Replace | Self::Steps | Self::Add | Self::Idempotent => 1,
            Self::Send | Self::Forget | Self::Keep => 1,
        }
    }

    fn request(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        let json = |path: &str| client::post(path, JSON, nth.to_string().into());
        match self {
            Self::Large => {
                let text = format!("{nth:LARGE_BYTES$}");
                client::post("/Soak/large", TEXT, text.into())
            }
            Self::Replace => {
                let (hundred, key) = (nth / 100, nth / 100 % LARGE_KEYS);
                client::post(&format!("/Shelf/k{key}/replace"), JSON, hundred.to_string().into())
            }
            Self::Nest => client::post("/Soak/nest", JSON, Bytes::from_static(b"2")),
            Self::Steps => json("/Soak/steps"),
            Self::Add => json(&format!("/Shelf/k{}/add", nth % KEYS)),
            Self::Idempotent => {
                let mut request = json("/Soak/keep")?;
                request.headers_mut().insert("idempotency-key", HeaderValue::from(nth));
                Ok(request)
            }
            Self::Send => json("/Soak/keep/send"),
            Self::Forget => json("/Soak/forget"),
            Self::Keep => json("/Soak/keep"),
        }
    }

    fn is_answer(self, nth: u64, answer: &[u8]) -> bool {
        match self {
            Self::Large => answer.len() == LARGE_BYTES && !answer.starts_with(b" "),
            Self::Nest => answer == b"2",
            Self::Add | Self::Send => !answer.is_empty(),
            Self::Replace => answer == (nth / 100).to_string().as_bytes(),
            Self::Steps | Self::Idempotent | Self::Forget | Self::Keep => {
                answer == nth.to_string().as_bytes()
            }
        }
    }
}
