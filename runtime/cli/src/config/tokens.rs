//! Tokens as the file has them: a table each, with a name, a scope and a digest.

use toml::de::DeValue;

/// Reads a table, and returns the token as one line; None when something is missing or unknown.
pub fn read(value: &DeValue<'_>) -> Option<String> {
    let table = match value {
        DeValue::Table(table) => table,
        DeValue::String(line) => return Some(line.to_string()),
        _ => return None,
    };
    let is_known = |name: &str| ["name", "scope", "sha256", "services"].contains(&name);
    if !table.keys().all(|name| is_known(name.get_ref())) {
        return None;
    }
    let text = |name: &str| table.get(name).map(|value| value.get_ref().as_str());
    let (name, sha256) = (text("name")??, text("sha256")??);
    let scope = text("scope").unwrap_or(Some("admin"))?;
    let services = match table.get("services").map(|value| value.get_ref()) {
        None => String::new(),
        Some(DeValue::Array(items)) => {
            let names = items.iter().map(|item| item.get_ref().as_str());
            format!(":{}", names.collect::<Option<Vec<_>>>()?.join("+"))
        }
        Some(_) => return None,
    };
    Some(format!("{name}:{scope}:{sha256}{services}"))
}

/// Returns name and scope of a line; the digest helps nobody.
pub fn show(line: &str) -> String {
    let mut parts = line.split(':');
    let (name, scope) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match parts.nth(1) {
        Some(services) => format!("{name} ({scope} of {})", services.replace('+', " and ")),
        None => format!("{name} ({scope})"),
    }
}

/// Returns a line as a table within a line.
pub fn toml(line: &str) -> String {
    let mut parts = line.split(':').map(|part| toml::Value::from(part).to_string());
    let mut next = || parts.next().unwrap_or_default();
    let (name, scope, sha256) = (next(), next(), next());
    let services = match line.split(':').nth(3) {
        None => String::new(),
        Some(names) => format!(", services = {}", toml::Value::from(names.split('+').collect::<Vec<_>>())),
    };
    format!("{{ name = {name}, scope = {scope}, sha256 = {sha256}{services} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Option<String> {
        read(DeValue::parse(text).unwrap().get_ref())
    }

    #[test]
    fn a_table_is_a_line() {
        for (table, line, shown) in [
            ("{ name = \"ops\", scope = \"admin\", sha256 = \"ab\" }", "ops:admin:ab", "ops (admin)"),
            (
                "{ name = \"s\", scope = \"call\", sha256 = \"ab\", services = [\"A\", \"B\"] }",
                "s:call:ab:A+B",
                "s (call of A and B)",
            ),
        ] {
            assert_eq!(read_text(table).as_deref(), Some(line));
            assert_eq!((toml(line), show(line)), (table.to_owned(), shown.to_owned()));
        }
        assert_eq!(read_text("{ name = \"ops\", sha256 = \"ab\" }").as_deref(), Some("ops:admin:ab"));
    }

    #[test]
    fn what_is_no_token() {
        for text in ["1", "{ name = \"a\" }", "{ sha256 = \"a\" }", "{ name = \"a\", sha256 = 1 }"] {
            assert_eq!(read_text(text), None, "{text}");
        }
        assert_eq!(read_text("{ name = \"a\", sha256 = \"b\", services = \"c\" }"), None);
        assert_eq!(read_text("{ name = \"a\", sha256 = \"b\", scop = \"admin\" }"), None);
    }
}
