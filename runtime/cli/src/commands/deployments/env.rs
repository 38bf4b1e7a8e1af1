//! `abide deployments env`.

use crate::cli::Global;
use crate::commands::deploy::parse_env;
use crate::commands::deployments;
use crate::error::CliError;
use clap::Args;
use std::collections::BTreeMap;

#[derive(Args)]
pub struct Env {
    /// The id of the deployment.
    pub id: String,
    /// NAME=VALUE sets a variable, NAME- removes it. Attempts that begin from now on see the change.
    #[arg(required = true, value_name = "NAME=VALUE|NAME-", value_parser = parse_change)]
    pub changes: Vec<(String, Option<String>)>,
}

fn parse_change(text: &str) -> Result<(String, Option<String>), String> {
    if let Ok((name, value)) = parse_env(text) {
        return Ok((name, Some(value)));
    }
    match text.strip_suffix('-') {
        Some(name) if !name.is_empty() => Ok((name.to_owned(), None)),
        Some(_) | None => Err("it has to look like NAME=VALUE, or NAME- to remove one".to_owned()),
    }
}

pub async fn run(env: Env, global: &Global) -> Result<(), CliError> {
    let changes: BTreeMap<_, _> = env.changes.into_iter().collect();
    deployments::change(&env.id, &serde_json::json!({ "env": changes }), global).await
}

#[cfg(test)]
mod tests {
    use super::parse_change;

    #[test]
    fn changes_as_users_type_them() {
        let some = |name: &str, value: &str| Ok((name.to_owned(), Some(value.to_owned())));
        assert_eq!(parse_change("A=1"), some("A", "1"));
        assert_eq!(parse_change("A=x-"), some("A", "x-"));
        assert_eq!(parse_change("A="), some("A", ""));
        assert_eq!(parse_change("A-"), Ok(("A".to_owned(), None)));
        assert!(parse_change("A").is_err() && parse_change("-").is_err() && parse_change("=1").is_err());
    }
}
