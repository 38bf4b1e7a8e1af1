//! `abide sql`: asks the server's tables.

use crate::cli::Global;
use crate::client::{self, Client, Refusal};
use crate::error::{CliError, Kind};
use crate::output::{Paint, one_line, print, say, table};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

/// A query may take longer than other questions; the server has a limit of its own.
const SQL_TIMEOUT: Duration = Duration::from_secs(60);
/// What the prompt knows besides SQL.
const COMMANDS: &[(&str, &str, &str)] = &[
    (".tables", "SELECT name, description FROM sys_tables ORDER BY name", "lists the tables"),
    (".columns TABLE", "", "lists the columns of a table"),
    (".help", "", "says this"),
    (".quit", "", "leaves, as Ctrl-D does"),
];

/// The tables are those of Restate where it has them, and some more: `abide sql .tables` lists them.
#[derive(Args)]
pub struct Sql {
    /// The query; without one it is read from standard input, on a terminal line by line. Also .tables,
    /// and .columns TABLE.
    pub query: Vec<String>,
    /// Read the query from a file.
    #[arg(long, short, value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,
    /// Print comma-separated values instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Deserialize)]
struct Answer {
    columns: Vec<String>,
    rows: Vec<Map<String, Value>>,
    is_truncated: bool,
    rows_read: u64,
    elapsed_ms: u64,
}

/// What the server says of a query that it cannot answer.
#[derive(Deserialize)]
struct Refused {
    #[serde(flatten)]
    refusal: Refusal,
    position: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    line: usize,
    column: usize,
}

pub async fn run(sql: Sql, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let style = match (global.json, sql.csv) {
        (true, _) => Style::Json,
        (false, true) => Style::Csv,
        (false, false) => Style::Table,
    };
    match read_query(&sql)? {
        Some(query) => ask(&client, &expand(&query)?, style).await,
        None => prompt(&client, style).await,
    }
}

/// Returns the query; None when a person is to type some.
fn read_query(sql: &Sql) -> Result<Option<String>, CliError> {
    if !sql.query.is_empty() {
        return Ok(Some(sql.query.join(" ")));
    }
    if let Some(file) = &sql.file {
        let text = std::fs::read_to_string(file);
        let failed = |error| CliError::failed(format!("cannot read {}: {error}", file.display()));
        return text.map(Some).map_err(failed);
    }
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::failed(format!("cannot read the query from standard input: {error}")))?;
    Ok(Some(text))
}

/// Puts the query in the place of a command.
fn expand(text: &str) -> Result<String, CliError> {
    let text = text.trim();
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(".tables"), None, None) => Ok(COMMANDS[0].1.to_owned()),
        (Some(".columns"), Some(table), None) => Ok(format!(
            "SELECT name, type, description FROM sys_columns WHERE table_name = '{}'",
            table.trim_end_matches(';').replace('\'', "''")
        )),
        (Some(command), _, _) if command.starts_with('.') => {
            let known: Vec<&str> = COMMANDS.iter().map(|(name, _, _)| *name).collect();
            Err(CliError::new(Kind::Usage, format!("'{text}' is no command"))
                .hint(format!("there are {}; everything else is SQL", known.join(", "))))
        }
        _ => Ok(text.to_owned()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Table,
    Json,
    Csv,
}

async fn ask(client: &Client, query: &str, style: Style) -> Result<(), CliError> {
    let request = client
        .request(Method::POST, client.url(&["query"]))
        .timeout(SQL_TIMEOUT)
        .header("content-type", "application/json")
        .body(json!({ "query": query }).to_string());
    let response = client.send(request).await?;
    if response.status().is_client_error() {
        let status = response.status();
        let body = response.text().await.unwrap_or_default();
        return Err(refused(query, status.as_u16(), &body));
    }
    let body = client.accept(response).await?;
    if style == Style::Json {
        print(body);
        return Ok(());
    }
    show(&client::read(&body)?, style);
    Ok(())
}

/// Points at the mistake in the query.
fn refused(query: &str, status: u16, body: &str) -> CliError {
    let Ok(Refused { refusal, position }) = serde_json::from_str(body) else {
        return CliError::failed(format!("the server answered {status}, and not as an abide server does"))
            .hint("check ABIDE_ADMIN_URL");
    };
    let place = position.map(|position| pointed(query, &position)).unwrap_or_default();
    CliError { hint: refusal.hint(), ..CliError::failed(format!("{}{place}", refusal.message)) }
}

/// Shows a line of the query with a mark below the place.
fn pointed(query: &str, position: &Position) -> String {
    let line = query.lines().nth(position.line.saturating_sub(1)).unwrap_or_default();
    let before = line.chars().take(position.column.saturating_sub(1));
    // A tab is as wide as the tab above it.
    let space: String = before.map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
    let place = format!("line {}, column {}", position.line, position.column);
    format!("\n  {line}\n  {space}^ {place}")
}

fn show(answer: &Answer, style: Style) {
    let columns: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
    let values = |row: &Map<String, Value>, of: fn(&Value) -> String| -> Vec<String> {
        columns.iter().map(|column| of(row.get(*column).unwrap_or(&Value::Null))).collect()
    };
    if style == Style::Csv {
        print(csv_line(columns.iter().map(|column| (*column).to_owned()).collect()));
        for row in &answer.rows {
            print(csv_line(values(row, plain)));
        }
    } else {
        let mut table = table(&columns);
        for row in &answer.rows {
            table.add_row(values(row, |value| one_line(&plain(value))));
        }
        print(table);
        let rows = if answer.rows.len() == 1 { "row" } else { "rows" };
        let Answer { rows_read, elapsed_ms, .. } = answer;
        say(Paint::stderr()
            .dim(&format!("{} {rows} in {elapsed_ms} ms, {rows_read} read", answer.rows.len())));
    }
    if answer.is_truncated {
        say(Paint::stderr()
            .yellow("there are more rows than an answer holds; narrow the query, or add LIMIT and OFFSET"));
    }
}

/// Returns a value without quotes, and nothing for NULL.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn csv_line(values: Vec<String>) -> String {
    let quoted = values.into_iter().map(|value| {
        if value.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

/// Reads queries from a person, each up to its semicolon, until the end of the input.
async fn prompt(client: &Client, style: Style) -> Result<(), CliError> {
    say(
        "SQL over what the server has stored, read-only; a query ends with a semicolon, .help lists the rest",
    );
    let mut query = String::new();
    loop {
        let mark = if query.is_empty() { "abide> " } else { "   ... " };
        let _ = write!(std::io::stderr(), "{mark}");
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.map_err(|error| CliError::failed(format!("cannot read: {error}")))? == 0 {
            say("");
            return Ok(());
        }
        match line.trim() {
            ".quit" | ".exit" => return Ok(()),
            ".help" => {
                COMMANDS.iter().for_each(|(name, _, about)| say(format!("  {name:<16} {about}")));
                continue;
            }
            "" => continue,
            _ => {}
        }
        query.push_str(&line);
        let is_command = query.trim_start().starts_with('.');
        if !is_command && !query.trim_end().ends_with(';') {
            continue;
        }
        let asked = match expand(&query) {
            Ok(expanded) => ask(client, &expanded, style).await,
            Err(error) => Err(error),
        };
        if let Err(error) = asked {
            error.print();
        }
        query.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_pointed_at() {
        let body =
            r#"{"code":"bad_sql","message":"no such column: x","hint":"h","position":{"line":2,"column":3}}"#;
        let error = refused("select 1,\n\tx from state", 400, body);
        assert_eq!(error.message, "no such column: x\n  \tx from state\n  \t ^ line 2, column 3");
        assert_eq!(error.hint.as_deref(), Some("h"));
        let writes = r#"{"code":"sql_read_only","message":"m","hint":"GET /openapi lists them"}"#;
        assert!(refused("delete", 403, writes).hint.unwrap().contains("abide --help"));
        assert!(refused("x", 400, "<html>").message.contains("not as an abide server"));
    }

    #[test]
    fn commands_become_queries() {
        assert!(expand(" .tables ").unwrap().contains("sys_tables"));
        assert!(expand(".columns state;").unwrap().ends_with("table_name = 'state'"));
        assert!(expand(".columns it's").unwrap().ends_with("'it''s'"));
        assert_eq!(expand("select 1").unwrap(), "select 1");
        assert_eq!(expand(".schema").unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn values_with_commas_are_quoted() {
        let values = ["a", "b,c", "d\"e", "f\ng", ""].map(str::to_owned);
        assert_eq!(csv_line(values.to_vec()), "a,\"b,c\",\"d\"\"e\",\"f\ng\",");
    }
}
