//! Our functions say what those of SQLite say whose place they take.

use super::super::functions::offer_all;
use super::fuzz::Random;
use abide_core::time::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

fn ask(connection: &Connection, query: &str) -> Result<Value, String> {
    connection.query_row(query, [], |row| row.get(0)).map_err(|error| error.to_string())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn ours_and_theirs_agree() {
    let (theirs, ours) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
    offer_all(&ours, Timestamp(0)).unwrap();
    let mut random = Random(11);
    for round in 0..3_000 {
        let text = quoted(&random.text("abAä%_*?[]-^\\ ", 12));
        let pattern = quoted(&random.text("abAä%%__**??[]-^\\ ", 8));
        let other = quoted(&random.text("abä ", 3));
        for query in [
            format!("SELECT {text} LIKE {pattern}"),
            format!("SELECT {text} LIKE {pattern} ESCAPE '\\'"),
            format!("SELECT {text} GLOB {pattern}"),
            format!("SELECT instr({text}, {other})"),
            format!("SELECT instr(CAST({text} AS BLOB), CAST({other} AS BLOB))"),
            format!("SELECT replace({text}, {other}, {pattern})"),
            format!("SELECT trim({text}) || '|' || ltrim({text}) || '|' || rtrim({text})"),
            format!(
                "SELECT trim({text}, {other}) || '|' || ltrim({text}, {other}) || '|' || rtrim({text}, {other})"
            ),
        ] {
            assert_eq!(ask(&ours, &query), ask(&theirs, &query), "round {round}: {query}");
        }
    }
    for query in [
        "SELECT NULL LIKE 'x'",
        "SELECT 'x' LIKE NULL",
        "SELECT 'x' LIKE 'x' ESCAPE NULL",
        "SELECT 12 LIKE '1%'",
        "SELECT instr(12, 2)",
        "SELECT instr(NULL, 'x')",
        "SELECT replace('x', NULL, 'y')",
        "SELECT replace('x', '', 'y')",
        "SELECT replace(11, 1, 2)",
        "SELECT trim(NULL)",
        "SELECT trim('x', NULL)",
        "SELECT trim('  x  ', '')",
        "SELECT instr('x', '')",
        "SELECT 1.5 LIKE '1.5'",
    ] {
        assert_eq!(ask(&ours, query), ask(&theirs, query), "{query}");
    }
}

#[test]
fn lengths_of_time() {
    let connection = Connection::open_in_memory().unwrap();
    offer_all(&connection, Timestamp(1_795_364_284_150)).unwrap();
    for (query, expected) in [
        ("SELECT now()", "2026-11-22T16:18:04.150Z"),
        ("SELECT ago('0s')", "2026-11-22T16:18:04.150Z"),
        ("SELECT ago('1h 30m')", "2026-11-22T14:48:04.150Z"),
        ("SELECT ago('2d')", "2026-11-20T16:18:04.150Z"),
        ("SELECT ago('500 ms')", "2026-11-22T16:18:03.650Z"),
    ] {
        assert_eq!(ask(&connection, query), Ok(Value::Text(expected.into())), "{query}");
    }
    for query in ["SELECT ago('soon')", "SELECT ago('-1h')", "SELECT ago('99999999999999999999d')"] {
        assert!(ask(&connection, query).unwrap_err().contains("ago takes a length of time"), "{query}");
    }
    assert_eq!(ask(&connection, "SELECT ago(NULL)"), Ok(Value::Null));
}
