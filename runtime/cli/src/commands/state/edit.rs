//! `abide state edit`: the state as a file in the user's editor.
//!
//! The file is one JSON object, a field per value. Values that are not JSON look like `{"$text":"…"}` or
//! `{"$bytes":[…]}`. What is not changed keeps its bytes.

use super::{How, Object, Values};
use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, Kind};
use crate::output::say;
use bytes::Bytes;
use clap::Args;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Edit {
    #[command(flatten)]
    pub object: Object,
    #[command(flatten)]
    pub how: How,
}

pub async fn run(edit: Edit, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let (values, version) = super::read(&client, &edit.object).await?;
    let before: Map<String, Value> =
        values.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
    let path = file_for(&before)?;
    open_editor(&path).await?;
    let edited = std::fs::read_to_string(&path)
        .map_err(|error| CliError::failed(format!("cannot read {}: {error}", path.display())))?;
    let kept = || format!("what you wrote is in {}", path.display());
    let after: Map<String, Value> = serde_json::from_str(&edited).map_err(|error| {
        CliError::new(Kind::Usage, format!("it is not a JSON object any more: {error}")).hint(kept())
    })?;
    if after == before {
        let _ = std::fs::remove_file(&path);
        say("nothing changed");
        return Ok(());
    }
    let values = merged(&values, &before, after).map_err(|error| CliError { hint: Some(kept()), ..error })?;
    super::write(&client, &edit.object, (values, version), &edit.how, global).await.map_err(|error| {
        let hint = error.hint.map_or_else(kept, |hint| format!("{hint}; {}", kept()));
        CliError { hint: Some(hint), ..error }
    })?;
    let _ = std::fs::remove_file(&path);
    Ok(())
}

/// Returns a value as the file shows it.
fn shown(value: &Bytes) -> Value {
    match (serde_json::from_slice(value), std::str::from_utf8(value)) {
        (Ok(json), _) => json,
        (Err(_), Ok(text)) => json!({ "$text": text }),
        (Err(_), Err(_)) => json!({ "$bytes": value.to_vec() }),
    }
}

/// Returns the bytes of a value that was changed.
fn written(name: &str, value: &Value) -> Result<Bytes, CliError> {
    let bad = |what: &str| CliError::new(Kind::Usage, format!("the value '{name}' is no {what}"));
    match value.as_object().and_then(|fields| if fields.len() == 1 { fields.iter().next() } else { None }) {
        Some((field, Value::String(text))) if field == "$text" => Ok(text.clone().into()),
        Some((field, _)) if field == "$text" => Err(bad("text")),
        Some((field, bytes)) if field == "$bytes" => serde_json::from_value::<Vec<u8>>(bytes.clone())
            .map(Bytes::from)
            .map_err(|_| bad("list of bytes")),
        Some(_) | None => Ok(value.to_string().into()),
    }
}

fn merged(
    values: &Values,
    before: &Map<String, Value>,
    after: Map<String, Value>,
) -> Result<Values, CliError> {
    let value = |(name, value): (String, Value)| {
        let bytes = match values.get(&name).filter(|_| before.get(&name) == Some(&value)) {
            Some(unchanged) => unchanged.clone(),
            None => written(&name, &value)?,
        };
        Ok((name, bytes))
    };
    after.into_iter().map(value).collect()
}

fn file_for(values: &Map<String, Value>) -> Result<PathBuf, CliError> {
    let stamp = jiff::Timestamp::now().as_nanosecond();
    let path = std::env::temp_dir().join(format!("abide-state-{}-{stamp}.json", std::process::id()));
    let text = serde_json::to_string_pretty(values).expect("a JSON object can be written") + "\n";
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // A state may hold what is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))?;
    Ok(path)
}

/// The editor is a line of the shell, as git and others take it: it may have arguments.
async fn open_editor(path: &Path) -> Result<(), CliError> {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    let editor = named.unwrap_or_else(|| "vi".to_owned());
    let mut command = tokio::process::Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path);
    let status = command
        .status()
        .await
        .map_err(|error| CliError::failed(format!("cannot start the editor '{editor}': {error}")))?;
    if status.success() {
        return Ok(());
    }
    let _ = std::fs::remove_file(path);
    Err(CliError::failed(format!("the editor '{editor}' failed ({status}), nothing is changed"))
        .hint("set EDITOR to the one you like"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let values: Values = [
            ("a".to_owned(), Bytes::from("{ \"x\" :1 }")),
            ("b".to_owned(), Bytes::from("plain")),
            ("c".to_owned(), Bytes::from(vec![0xff])),
            ("gone".to_owned(), Bytes::from("1")),
        ]
        .into();
        let before: Map<String, Value> =
            values.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
        let mut after = before.clone();
        after.remove("gone");
        after.insert("b".into(), json!({ "$text": "other" }));
        after.insert("new".into(), json!([1]));
        let merged = merged(&values, &before, after).unwrap();
        let expected: Values = [
            ("a".to_owned(), Bytes::from("{ \"x\" :1 }")),
            ("b".to_owned(), Bytes::from("other")),
            ("c".to_owned(), Bytes::from(vec![0xff])),
            ("new".to_owned(), Bytes::from("[1]")),
        ]
        .into();
        assert_eq!(merged, expected);
    }

    #[test]
    fn values_that_are_not_json() {
        assert_eq!(written("n", &json!({ "$bytes": [1, 255] })).unwrap(), &[1, 255][..]);
        assert_eq!(written("n", &json!({ "$text": "x", "y": 1 })).unwrap(), r#"{"$text":"x","y":1}"#);
        assert!(written("n", &json!({ "$bytes": [256] })).is_err());
        assert!(written("n", &json!({ "$text": 1 })).is_err());
    }
}
