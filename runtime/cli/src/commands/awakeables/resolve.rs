//! `abide awakeables resolve`.

use super::complete;
use crate::cli::Global;
use crate::error::{CliError, Kind};
use crate::ingress::read_input;
use clap::Args;
use serde::de::IgnoredAny;

#[derive(Args)]
pub struct Resolve {
    /// The id of the awakeable, as its handler gave it away; "abide invocations describe" shows it, too.
    pub id: String,
    /// The value: JSON, @FILE, or - for standard input. Without it, nothing is sent.
    pub value: Option<String>,
    /// The value is not JSON: send it as it is.
    #[arg(long)]
    pub raw: bool,
}

pub async fn run(resolve: Resolve, global: &Global) -> Result<(), CliError> {
    let value = resolve.value.as_deref().map(read_input).transpose()?.unwrap_or_default();
    if !resolve.raw {
        check_json(&value)?;
    }
    let content_type = if resolve.raw { "application/octet-stream" } else { "application/json" };
    complete(&resolve.id, "resolve", content_type, value, global).await
}

/// A value that the handler cannot read would fail it.
fn check_json(value: &[u8]) -> Result<(), CliError> {
    if value.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(value).map(|_| ()).map_err(|error| {
        let error = CliError::new(Kind::Usage, format!("the value is not JSON: {error}"));
        error.hint("a text needs quotes, as in '\"text\"'; --raw sends anything as it is")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_needs_its_quotes() {
        for value in ["", "null", "\"yes\"", "{\"a\":1}"] {
            assert!(check_json(value.as_bytes()).is_ok(), "{value}");
        }
        assert_eq!(check_json(b"yes").unwrap_err().kind, Kind::Usage);
    }
}
