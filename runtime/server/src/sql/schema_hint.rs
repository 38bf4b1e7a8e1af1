//! What somebody may have meant who asked for a table or a column that is not there.

use super::tables::describe_all;

/// Names further away than this are no mistyped ones.
const DISTANCE_MAX: usize = 3;

/// Returns a hint for a message of SQLite, if it is about a name.
pub fn of(message: &str) -> Option<String> {
    let rest = |start: &str| message.strip_prefix(start);
    if let Some(name) = rest("no such table: ") {
        let tables = describe_all().into_iter().map(|table| table.name);
        return Some(hint(nearest(name, tables), "SELECT * FROM sys_tables lists the tables"));
    }
    if let Some(name) = rest("no such column: ") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let columns = describe_all().into_iter().flat_map(|table| table.columns).map(|(name, _, _)| name);
        let list = "SELECT * FROM sys_columns lists the columns; a text is in 'single quotes'";
        return Some(hint(nearest(name, columns), list));
    }
    None
}

fn hint(nearest: Option<&str>, list: &str) -> String {
    nearest.map_or_else(|| list.to_owned(), |name| format!("did you mean {name}? {list}"))
}

fn nearest(wanted: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let wanted = wanted.to_lowercase();
    let with_distance = names.map(|name| (distance(&wanted, name), name));
    let (distance, name) = with_distance.min()?;
    (distance <= DISTANCE_MAX && distance < name.len()).then_some(name)
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
            ("no such table: sys_invocations", "did you mean sys_invocation?"),
            ("no such table: customers", "SELECT * FROM sys_tables"),
            ("no such column: i.last_failur", "did you mean last_failure?"),
            ("no such column: x", "SELECT * FROM sys_columns"),
        ];
        for (message, expected) in cases {
            let hint = of(message).unwrap();
            assert!(hint.starts_with(expected), "{hint}");
        }
        assert_eq!(of("near \"selec\": syntax error"), None);
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }
}
