//! `abide invocations signal`.

use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, Kind};
use crate::ingress::read_input;
use crate::output::print;
use clap::Args;
use reqwest::Method;

#[derive(Args)]
pub struct Signal {
    /// The id of the invocation.
    pub id: String,
    /// The name of the signal.
    pub name: String,
    /// The value: JSON, @FILE, or - for standard input. Without it, null.
    pub value: Option<String>,
    /// Send a failure instead; the value is the reason, a text.
    #[arg(long)]
    pub reject: bool,
}

pub async fn run(signal: Signal, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["invocations", &signal.id, "signals", &signal.name]);
    if signal.reject {
        url.set_query(Some("reject"));
    }
    let body = body(signal.value.as_deref(), signal.reject)?;
    client.ask(Method::POST, url, Some(body)).await?;
    if global.json {
        print(serde_json::json!({ "signalled": signal.id, "name": signal.name }));
    } else {
        print(format!("signalled {} [{}]", signal.id, signal.name));
    }
    Ok(())
}

fn body(value: Option<&str>, is_rejection: bool) -> Result<String, CliError> {
    let bytes = value.map(read_input).transpose()?;
    let text = bytes.map(String::from_utf8).transpose();
    let text = text.map_err(|_| CliError::new(Kind::Usage, "the value is not text"))?;
    Ok(match (text, is_rejection) {
        (reason, true) => serde_json::Value::from(reason.unwrap_or_default()).to_string(),
        (Some(value), false) => value,
        (None, false) => "null".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent() {
        let sent = |value, is_rejection| body(value, is_rejection).unwrap();
        assert_eq!(sent(None, false), "null");
        assert_eq!(sent(Some(r#"{"a":1}"#), false), r#"{"a":1}"#);
        assert_eq!(sent(Some("too \"late\""), true), r#""too \"late\"""#);
        assert_eq!(sent(None, true), r#""""#);
    }
}
