//! What an OpenAPI 3.1 document has to be, as far as its structure goes. For tests.

use serde_json::Value;
use std::collections::BTreeSet;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Checks a whole document.
pub fn check(document: &Value) {
    let version = text(document, "openapi");
    assert!(version.starts_with("3.1."), "the version is {version}");
    assert!(!text(&document["info"], "title").is_empty() && !text(&document["info"], "version").is_empty());
    check_references(document, document);
    let mut ids = BTreeSet::new();
    let paths = document["paths"].as_object().expect("a document has paths");
    for (path, item) in paths {
        assert!(path.starts_with('/'), "{path}");
        for (method, operation) in item.as_object().expect("a path has operations") {
            if METHODS.contains(&method.as_str()) {
                let place = format!("{method} {path}");
                check_operation(document, path, operation, &place);
                let id = text(operation, "operationId");
                assert!(ids.insert(id.to_owned()), "{place}: {id} is the id of two operations");
            } else {
                assert!(
                    ["parameters", "summary", "description", "servers"].contains(&method.as_str()),
                    "{path} has {method}"
                );
            }
        }
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is missing in {value}"))
}

fn check_operation(document: &Value, path: &str, operation: &Value, place: &str) {
    assert!(!text(operation, "summary").is_empty(), "{place} has no summary");
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let mut names = BTreeSet::new();
    for parameter in &parameters {
        let (name, at) = (text(parameter, "name"), text(parameter, "in"));
        assert!(["path", "query", "header", "cookie"].contains(&at), "{place}: {name} is in {at}");
        assert!(names.insert((at.to_owned(), name.to_owned())), "{place}: {name} is there twice");
        assert!(parameter.get("schema").is_some() || parameter.get("content").is_some(), "{place}: {name}");
        assert!(at != "path" || parameter["required"] == true, "{place}: {name} is not required");
    }
    let in_path: BTreeSet<_> =
        path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
    let described: BTreeSet<_> =
        names.iter().filter(|(at, _)| at == "path").map(|(_, name)| name.as_str()).collect();
    assert_eq!(in_path, described, "{place}: the parameters of the path");
    let answers = operation["responses"].as_object().expect("an operation has responses");
    assert!(!answers.is_empty(), "{place} has no responses");
    for (status, answer) in answers {
        let is_status = status == "default" || status.len() == 3 && status.as_bytes()[0].is_ascii_digit();
        assert!(is_status, "{place} answers {status}");
        let answer = resolve(document, answer);
        assert!(answer["description"].is_string(), "{place}: {status} has no description");
    }
    if let Some(body) = operation.get("requestBody") {
        let content = resolve(document, body)["content"].as_object().map(|content| content.len());
        assert!(content.is_some_and(|kinds| kinds > 0), "{place}: a body without content");
    }
}

/// Returns what a reference stands for, or the value itself.
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => {
            let pointer =
                reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
    }
}

fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            // A schema may describe a property of this name.
            if fields.get("$ref").is_some_and(Value::is_string) {
                resolve(document, value);
            }
            fields.values().for_each(|value| check_references(document, value));
        }
        Value::Array(items) => items.iter().for_each(|value| check_references(document, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
