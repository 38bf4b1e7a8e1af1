//! The rows of an answer, written as JSON while they come.

use super::limits::SqlLimits;
use super::tables::{BOOLEAN, JSON};
use super::watch::Watch;
use crate::base64::base64;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// What a query came to.
#[derive(Debug)]
pub struct Answer {
    pub columns: Vec<String>,
    /// A list of objects with a member for each column.
    pub rows: Box<RawValue>,
    /// There are more rows than an answer holds.
    pub is_truncated: bool,
    /// Stored rows that were read for it.
    pub rows_read: u64,
    pub elapsed_ms: u64,
}

/// How the values of a column are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Boolean,
    Json,
}

/// Runs a statement and writes its rows.
pub fn collect(statement: &mut Statement<'_>, limits: &SqlLimits, watch: &Watch) -> rusqlite::Result<Answer> {
    let style = |declared: Option<&str>| match declared {
        Some(BOOLEAN) => Style::Boolean,
        Some(JSON) => Style::Json,
        Some(_) | None => Style::Plain,
    };
    let styles: Vec<Style> = statement.columns().map(|column| style(column.decl_type())).collect();
    let columns = unique(statement.column_names().map(str::to_owned).collect());
    let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    let mut text = String::from("[");
    let (mut count, mut is_truncated) = (0, false);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let before = text.len();
        text.push_str(if count == 0 { "" } else { "," });
        let fits = write_row(row, &names, &styles, limits.answer_bytes_max, &mut text)?;
        count += 1;
        if count > limits.rows_max || !fits {
            text.truncate(before);
            is_truncated = true;
            break;
        }
    }
    text.push(']');
    let rows =
        RawValue::from_string(text).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
    let elapsed_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Answer { columns, rows, is_truncated, rows_read: watch.rows_read(), elapsed_ms })
}

/// Writes a row; ends early, and says so, when the text becomes longer than `bytes_max`: a row of many large
/// columns is many times that long.
fn write_row(
    row: &Row<'_>,
    names: &[String],
    styles: &[Style],
    bytes_max: usize,
    text: &mut String,
) -> rusqlite::Result<bool> {
    text.push('{');
    for (index, (name, style)) in names.iter().zip(styles).enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        text.push_str(name);
        text.push(':');
        write(row.get_ref(index)?, *style, text);
        if text.len() > bytes_max {
            return Ok(false);
        }
    }
    text.push('}');
    Ok(text.len() <= bytes_max)
}

/// Gives columns of the same name another one, as SQLite does within a query: `id`, `id:1`.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut free = |name: String| {
        let mut candidate = name.clone();
        let mut number = 0;
        while !taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}:{number}");
        }
        candidate
    };
    names.into_iter().map(&mut free).collect()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(value: ValueRef<'_>, style: Style, to: &mut String) {
    match value {
        ValueRef::Null => to.push_str("null"),
        ValueRef::Integer(number) if style == Style::Boolean => {
            to.push_str(if number == 0 { "false" } else { "true" })
        }
        ValueRef::Integer(number) => to.push_str(&number.to_string()),
        ValueRef::Real(number) => match serde_json::Number::from_f64(number) {
            Some(number) => to.push_str(&number.to_string()),
            // JSON has no infinity.
            None => to.push_str(&quoted(&number.to_string())),
        },
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let is_json = style == Style::Json && serde_json::from_str::<&RawValue>(&text).is_ok();
            to.push_str(&if is_json { text.into_owned() } else { quoted(&text) });
        }
        ValueRef::Blob(bytes) => to.push_str(&quoted(&base64(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_wide_row_ends_where_the_answer_is_full() {
        let connection = Connection::open_in_memory().unwrap();
        let columns = ["hex(zeroblob(500))"; 20].join(", ");
        let mut statement = connection.prepare(&format!("SELECT {columns}")).unwrap();
        let (names, styles) = (vec!["\"a\"".to_owned(); 20], [Style::Plain; 20]);
        let mut rows = statement.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        for (bytes_max, fits, bytes) in [(100, false, 1_007), (2_500, false, 3_021), (1 << 20, true, 20_141)]
        {
            let mut text = String::new();
            assert_eq!(write_row(row, &names, &styles, bytes_max, &mut text).unwrap(), fits, "{bytes_max}");
            assert_eq!(text.len(), bytes, "{bytes_max}");
        }
    }
}
