//! What somebody may have meant who asked for a table or a column that is not there.

use super::tables::describe_all;

/// Names further away than this are no mistyped ones.
const DISTANCE_MAX: usize = 3;
/// Names that are nearer are what was meant, whatever else begins in the same way.
const MISTYPED_MAX: usize = 2;

/// Returns a hint for a message of SQLite about a query, if it is about a name.
pub fn of(message: &str, query: &str) -> Option<String> {
    let rest = |start: &str| message.strip_prefix(start);
    if let Some(name) = rest("no such table: ") {
        let tables: Vec<_> = describe_all().into_iter().map(|table| table.name).collect();
        return Some(hint(nearest(name, &tables, DISTANCE_MAX), "SELECT * FROM sys_tables lists the tables"));
    }
    if let Some(name) = rest("no such column: ") {
        return Some(of_column(name, query));
    }
    of_word(rest("near \"")?.strip_suffix("\": syntax error")?)
}

fn of_column(name: &str, query: &str) -> String {
    // Of a name in double quotes SQLite says more.
    let quoted = name.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(name, _)| name);
    let name = quoted.unwrap_or_else(|| name.rsplit('.').next().unwrap_or(name));
    let columns = columns_in_question(query);
    let mistyped = nearest(name, &columns, MISTYPED_MAX);
    if let Some(text) = compared(name, query) {
        let or = mistyped.map(|column| format!(", or did you mean {column}?")).unwrap_or_default();
        return format!("a text needs single quotes: '{text}'{or}");
    }
    let near = || longer(name, &columns).or_else(|| nearest(name, &columns, DISTANCE_MAX));
    let list = "SELECT * FROM sys_columns lists the columns; a text is in 'single quotes'";
    hint(mistyped.or_else(near), list)
}

/// Returns the columns of the tables that a query names, and of all when it names none.
fn columns_in_question(query: &str) -> Vec<&'static str> {
    let query = query.to_ascii_lowercase();
    let words: Vec<&str> = query.split(|char: char| !is_of_word(char)).collect();
    let tables = describe_all();
    let is_any_named = tables.iter().any(|table| words.contains(&table.name));
    let tables = tables.into_iter().filter(|table| !is_any_named || words.contains(&table.name));
    tables.flat_map(|table| table.columns).map(|(name, _, _)| name).collect()
}

fn is_of_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Returns what a query compares something with, if it begins with this name: a text that lacks its quotes, most likely.
fn compared<'a>(name: &str, query: &'a str) -> Option<&'a str> {
    let is_end = |char: char| !is_of_word(char) && char != '-';
    query.match_indices(name).find_map(|(at, _)| {
        let (before, after) = (query[..at].trim_end().trim_end_matches('"').trim_end(), &query[at..]);
        let is_compared = before.ends_with(['=', '<', '>']) || before.to_ascii_lowercase().ends_with(" like");
        let text = &after[..after.find(is_end).unwrap_or(after.len())];
        let is_whole = text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        (is_compared && is_whole).then_some(text)
    })
}

/// Finds a column whose name has this one in it: `target_service_name` for `service`.
fn longer(name: &str, columns: &[&'static str]) -> Option<&'static str> {
    let part = format!("_{}_", name.to_lowercase());
    let has_it = columns.iter().copied().filter(|column| format!("_{column}_").contains(&part));
    // What something is called is meant more often than its kind.
    has_it.min_by_key(|column| (!column.ends_with("_name"), column.len()))
}

fn of_word(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "show" => return Some("SELECT * FROM sys_tables lists the tables".to_owned()),
        "describe" | "desc" => {
            return Some(
                "SELECT * FROM sys_columns WHERE table_name = 'sys_invocation' lists columns".to_owned(),
            );
        }
        _ => {}
    }
    let is_column = describe_all().iter().flat_map(|table| &table.columns).any(|(name, _, _)| *name == lower);
    is_column.then(|| format!("{word} is a word of SQL; the column is \"{lower}\", with its quotes"))
}

fn hint(nearest: Option<&str>, list: &str) -> String {
    nearest.map_or_else(|| list.to_owned(), |name| format!("did you mean {name}? {list}"))
}

fn nearest(wanted: &str, names: &[&'static str], distance_max: usize) -> Option<&'static str> {
    let wanted = wanted.to_lowercase();
    let with_distance = names.iter().map(|name| (distance(&wanted, name), *name));
    let (distance, name) = with_distance.min()?;
    (distance <= distance_max && distance < name.len()).then_some(name)
}

/// Returns how many characters have to be changed, left out or put in.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from) in from.bytes().take(64).enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (place, to) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_names_are_recognised() {
        let cases = [
            ("no such table: sys_invocations", "", "did you mean sys_invocation?"),
            ("no such table: customers", "", "SELECT * FROM sys_tables"),
            ("no such column: i.last_failur", "", "did you mean last_failure?"),
            ("no such column: x", "", "SELECT * FROM sys_columns"),
            // The column services is that of another table.
            (
                "no such column: service",
                "select service from sys_invocation",
                "did you mean target_service_name?",
            ),
            (
                "no such column: target_service",
                "select target_service from SYS_INVOCATION",
                "did you mean target_service_name?",
            ),
            ("near \"index\": syntax error", "", "index is a word of SQL; the column is \"index\""),
            ("near \"show\": syntax error", "", "SELECT * FROM sys_tables"),
            ("near \"describe\": syntax error", "", "SELECT * FROM sys_columns"),
        ];
        for (message, query, expected) in cases {
            let hint = of(message, query).unwrap();
            assert!(hint.starts_with(expected), "{hint}");
        }
        assert_eq!(of("near \"selec\": syntax error", "selec 1"), None);
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }

    #[test]
    fn a_text_without_its_quotes_is_recognised() {
        let cases = [
            ("completed", "status = completed", "a text needs single quotes: 'completed'"),
            ("backing", "status<>backing-off limit 1", "a text needs single quotes: 'backing-off'"),
            (
                "complete",
                "status = completed and complete",
                "SELECT * FROM sys_columns lists the columns; a text is in 'single quotes'",
            ),
            ("failure", "x LIKE failure", "a text needs single quotes: 'failure', or did you mean failures?"),
            (
                "\"paused\" - should this be a string literal in single-quotes?",
                "status = \"paused\"",
                "a text needs single quotes: 'paused'",
            ),
        ];
        for (name, condition, expected) in cases {
            let query = format!("select id from sys_invocation where {condition}");
            assert_eq!(of(&format!("no such column: {name}"), &query).as_deref(), Some(expected));
        }
    }
}
