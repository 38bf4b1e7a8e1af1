//! `abide state`: what objects and workflows remember.

mod clear;
mod edit;
mod get;
mod set;

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::present;
use crate::output::print;
use bytes::Bytes;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Subcommand)]
pub enum Command {
    /// Show the state of an object or workflow, or one value of it.
    Get(get::Get),
    /// Set one value, given as JSON, or remove it.
    Set(set::Set),
    /// Change the state in your editor (EDITOR).
    Edit(edit::Edit),
    /// Remove all values.
    Clear(clear::Clear),
}

/// Whose state it is.
#[derive(Args)]
pub struct Object {
    /// The name of the service.
    pub service: String,
    /// The key of the object or workflow.
    pub key: String,
}

/// How a state is changed.
#[derive(Args)]
pub struct How {
    /// Also while a handler has the key; it does not see the change, and may overwrite it.
    #[arg(long)]
    pub force: bool,
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::Get(get) => get::run(get, global).await,
        Command::Set(set) => set::run(set, global).await,
        Command::Edit(edit) => edit::run(edit, global).await,
        Command::Clear(clear) => clear::run(clear, global).await,
    }
}

#[derive(Deserialize)]
struct State {
    version: Option<String>,
    values: Vec<StateValue>,
}

#[derive(Deserialize)]
struct StateValue {
    name: String,
    value: Payload,
}

/// A value as it is stored: JSON keeps its spaces.
#[derive(Deserialize)]
struct Payload {
    #[serde(default, deserialize_with = "present")]
    json: Option<Box<RawValue>>,
    text: Option<String>,
    base64: Option<String>,
}

impl Payload {
    fn bytes(&self) -> Result<Bytes, CliError> {
        if let Some(json) = &self.json {
            return Ok(Bytes::from(json.get().to_owned()));
        }
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(Bytes::from(text.clone())),
            (None, Some(base64)) => from_base64(base64)
                .map(Bytes::from)
                .ok_or_else(|| CliError::failed("the server sent a value that is no base64")),
            (None, None) => Ok(Bytes::new()),
        }
    }
}

/// Values by name.
type Values = BTreeMap<String, Bytes>;

/// Returns a state as a whole, and its version.
async fn read(client: &Client, object: &Object) -> Result<(Values, Option<String>), CliError> {
    let mut url = client.url(&["services", &object.service, "state"]);
    url.query_pairs_mut().append_pair("key", &object.key).append_pair("full", "true");
    let state: State = client::read(&client.get(url).await?)?;
    let value = |value: &StateValue| Ok((value.name.clone(), value.value.bytes()?));
    Ok((state.values.iter().map(value).collect::<Result<_, CliError>>()?, state.version))
}

/// Replaces a state that has this version, and tells so.
async fn write(
    client: &Client,
    object: &Object,
    (values, version): (Values, Option<String>),
    how: &How,
    global: &Global,
) -> Result<(), CliError> {
    let values: BTreeMap<_, _> = values.iter().map(|(name, value)| (name, value.as_ref())).collect();
    let body = serde_json::json!({
        "object_key": object.key,
        "version": version,
        "force": how.force,
        "new_state": values,
    });
    let url = client.url(&["services", &object.service, "state"]);
    let answer = client.ask(Method::POST, url, Some(body.to_string())).await?;
    if global.json {
        print(answer);
    } else {
        let values = if values.len() == 1 { "value" } else { "values" };
        print(format!(
            "{}/{} has {} {values} now",
            object.service,
            object.key,
            body["new_state"].as_object().map_or(0, serde_json::Map::len)
        ));
    }
    Ok(())
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Option<Vec<u8>> = text.trim_end_matches('=').bytes().map(digit).collect();
    let mut bytes = Vec::new();
    for chunk in digits?.chunks(4) {
        let bits =
            chunk.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len().max(1)]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_stored() {
        let bytes = |json: &str| serde_json::from_str::<Payload>(json).unwrap().bytes().unwrap();
        assert_eq!(bytes(r#"{"bytes":9,"json":{"a":  1.0}}"#), r#"{"a":  1.0}"#);
        assert_eq!(bytes(r#"{"bytes":4,"json":null}"#), "null");
        assert_eq!(bytes(r#"{"bytes":2,"text":"hi"}"#), "hi");
        assert_eq!(bytes(r#"{"bytes":2,"base64":"/wA="}"#), &[0xff, 0][..]);
        assert_eq!(bytes(r#"{"bytes":0}"#), "");
        assert!(serde_json::from_str::<Payload>(r#"{"base64":"?"}"#).unwrap().bytes().is_err());
    }

    #[test]
    fn base64_of_every_length() {
        for (encoded, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("w79+", "\u{ff}~"),
        ] {
            assert_eq!(from_base64(encoded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(from_base64("a b"), None);
    }
}
