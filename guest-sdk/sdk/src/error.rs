//! What can go wrong in a handler: a final answer, or something worth another try.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::bindings::types;

/// The message of a wait that a cancellation ended; its code is 409.
const CANCELLED: &str = "cancelled";

/// What a handler, and the closure of a run block, returns.
pub type HandlerResult<T> = Result<T, HandlerError>;

/// A final failure. It is recorded, reported to the caller, and never retried.
///
/// Use it when trying again cannot help: bad input, a card that was declined, an item out of stock.
/// The caller of the handler gets the code as HTTP status, and message and metadata in the body.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// fn check(card: &str) -> Result<(), TerminalError> {
///     if card.is_empty() {
///         return Err(TerminalError::new("Invalid credit card")
///             .with_code(400)
///             .with_metadata("field", "creditCard"));
///     }
///     Ok(())
/// }
/// assert_eq!(check("").unwrap_err().code(), 400);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalError {
    code: u16,
    message: String,
    metadata: BTreeMap<String, String>,
}

impl TerminalError {
    /// Creates a failure with code 500.
    ///
    /// Any `Display` will do, so `.map_err(TerminalError::new)?` turns an ordinary error, which
    /// would be retried, into a final one.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { code: 500, message: message.to_string(), metadata: BTreeMap::new() }
    }

    /// Sets the code, an HTTP status for those who call over HTTP.
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = code;
        self
    }

    /// Adds one entry to the metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Returns the code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the metadata, ordered by name.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Returns whether this is what waiting comes to when an invocation is cancelled: this one, or
    /// the one whose answer was awaited.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// if let Err(error) = ctx.sleep(Duration::from_secs(3600)).await {
    ///     if error.is_cancelled() {
    ///         ctx.run("tidy up", async || Ok(())).await?; // Works: a cancellation comes once.
    ///     }
    ///     return Err(error.into());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.code == 409 && self.message == CANCELLED
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(CANCELLED).with_code(409)
    }

    pub(crate) fn from_failure(failure: types::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            metadata: failure.metadata.into_iter().map(|header| (header.name, header.value)).collect(),
        }
    }

    pub(crate) fn into_failure(self) -> types::Failure {
        types::Failure {
            code: self.code,
            message: self.message,
            metadata: self.metadata.into_iter().map(|(name, value)| types::Header { name, value }).collect(),
        }
    }
}

impl fmt::Display for TerminalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for TerminalError {}

/// A failure that is worth another try: the runtime retries by the policy that applies.
pub struct RetryableError {
    source: Box<dyn StdError + Send + Sync>,
    retry_after: Option<Duration>,
}

impl RetryableError {
    /// Wraps an error, or a text.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), retry_after: None }
    }

    /// Overrides the delay before the next try, for example from a `retry-after` header.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub(crate) fn into_wire(self) -> types::Retryable {
        types::Retryable {
            message: self.to_string(),
            retry_after_ms: self.retry_after.map(crate::retry::millis),
        }
    }
}

impl fmt::Display for RetryableError {
    /// Writes the whole chain of causes, outermost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = self.source.to_string();
        f.write_str(&written)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their cause in their own text; saying it once is enough.
            if !written.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            written = text;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for RetryableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryableError")
            .field("source", &self.source)
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

/// The error of handlers and run blocks.
///
/// The operator `?` makes it from every ordinary error, which is then *retryable*, and from a
/// [`TerminalError`], also one among the causes of another error, which is *terminal*.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// fn parse(text: &str) -> HandlerResult<u32> {
///     if text.is_empty() {
///         return Err(TerminalError::new("nothing to parse").into());
///     }
///     Ok(text.parse()?)
/// }
/// assert!(matches!(parse(""), Err(HandlerError::Terminal(_))));
/// assert!(matches!(parse("x"), Err(HandlerError::Retryable(_))));
/// ```
#[derive(Debug)]
pub enum HandlerError {
    /// The final answer of the handler or run block.
    Terminal(TerminalError),
    /// Worth another try.
    Retryable(RetryableError),
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandlerError::Terminal(error) => error.fmt(f),
            HandlerError::Retryable(error) => error.fmt(f),
        }
    }
}

impl From<RetryableError> for HandlerError {
    fn from(error: RetryableError) -> Self {
        HandlerError::Retryable(error)
    }
}

// `HandlerError` and `RetryableError` must not implement `std::error::Error`: this blanket
// implementation would then cover them as well.
impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let error = error.into();
        match terminal_cause(&*error) {
            Some(terminal) => HandlerError::Terminal(terminal.clone()),
            None => HandlerError::Retryable(RetryableError::new(error)),
        }
    }
}

/// Finds a terminal error in a chain of causes.
fn terminal_cause<'a>(error: &'a (dyn StdError + Send + Sync + 'static)) -> Option<&'a TerminalError> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(terminal) = error.downcast_ref::<TerminalError>() {
            return Some(terminal);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(Box<dyn StdError + Send + Sync>);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the order failed")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn ordinary_error_is_retryable_with_its_causes() {
        let error: HandlerError = Outer("x".parse::<u32>().unwrap_err().into()).into();
        let HandlerError::Retryable(error) = error else { panic!("{error:?}") };
        assert_eq!(error.to_string(), "the order failed: invalid digit found in string");
    }

    #[test]
    fn text_is_retryable() {
        let fails = || -> HandlerResult<()> { Err("down")? };
        assert!(matches!(fails(), Err(HandlerError::Retryable(_))));
    }

    #[test]
    fn terminal_error_stays_terminal_below_another_error() {
        let terminal = TerminalError::new("sold out").with_code(409);
        let HandlerError::Terminal(found) = HandlerError::from(Outer(terminal.clone().into())) else {
            panic!("retryable")
        };
        assert_eq!(found, terminal);
    }

    #[test]
    fn a_cause_that_is_already_in_the_text_is_written_once() {
        let io = std::io::Error::other("connection refused");
        assert_eq!(RetryableError::new(io).to_string(), "connection refused");
    }
}
