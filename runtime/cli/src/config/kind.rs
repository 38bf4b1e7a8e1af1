//! What a setting is: how it is written, and which values it may have.

use crate::config::field::Value;
use crate::config::{tokens, units};
use toml::de::DeValue;

/// How a setting is written. Ranges include both ends; sizes are in bytes, lengths of time in milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An address with a port.
    Address,
    Count {
        min: u64,
        max: u64,
    },
    Size {
        min: u64,
        max: u64,
    },
    Time {
        min: u64,
        max: u64,
    },
    Switch,
    Choice(&'static [&'static str]),
    /// Any text but none; `hint` is how the help names it.
    Text {
        hint: &'static str,
    },
    /// Tokens without what opens the door: tables in the file, `NAME:SCOPE:SHA256` elsewhere.
    Tokens,
    /// Texts; in variables and flags with commas between them.
    List {
        hint: &'static str,
    },
}

impl Kind {
    /// Says what is expected, for errors and for the example file.
    pub fn expects(self) -> String {
        match self {
            Kind::Address => "an address and a port, for example \"127.0.0.1:8080\"".to_owned(),
            Kind::Count { min, max } => format!("a number from {min} to {max}"),
            Kind::Size { min, max } => {
                let (min, max) = (units::show_size(min), units::show_size(max));
                format!("a size from \"{min}\" to \"{max}\"")
            }
            Kind::Time { min, max } => {
                let (min, max) = (units::show_time(min), units::show_time(max));
                format!("a length of time from \"{min}\" to \"{max}\"")
            }
            Kind::Switch => "true or false".to_owned(),
            Kind::Choice(choices) => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
                quoted.join(" or ")
            }
            Kind::Text { hint } => format!("a text ({hint})"),
            Kind::Tokens => {
                "tokens: [[admin.tokens]] with name, scope and sha256 (elsewhere NAME:SCOPE:SHA256)"
                    .to_owned()
            }
            Kind::List { hint } => format!("a list of texts ({hint})"),
        }
    }

    /// Names the value in the help of a flag.
    pub fn value_name(self) -> &'static str {
        match self {
            Kind::Address => "ADDR:PORT",
            Kind::Count { .. } => "N",
            Kind::Size { .. } => "SIZE",
            Kind::Time { .. } => "TIME",
            Kind::Switch => "BOOL",
            Kind::Choice(_) => "CHOICE",
            Kind::Tokens => "TOKENS",
            Kind::Text { hint } | Kind::List { hint } => hint,
        }
    }

    /// Reads a value from a flag or a variable; None when it is not what is expected.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Kind::Address => Some(Value::Text(text.trim().to_owned())),
            Kind::Count { min, max } => within(text.trim().parse().ok()?, min, max),
            Kind::Size { min, max } => within(units::parse_size(text)?, min, max),
            Kind::Time { min, max } => within(units::parse_time(text)?, min, max),
            Kind::Switch => Some(Value::Switch(text.trim().parse().ok()?)),
            Kind::Choice(choices) => {
                choices.contains(&text.trim()).then(|| Value::Text(text.trim().to_owned()))
            }
            Kind::Text { .. } => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
            Kind::List { .. } | Kind::Tokens => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::List(items.map(str::to_owned).collect()))
            }
        }
    }

    /// Reads a value from the file, where numbers, switches and lists have types of their own.
    pub fn read(self, value: &DeValue<'_>) -> Option<Value> {
        match (self, value) {
            (Kind::Switch, DeValue::Boolean(switch)) => Some(Value::Switch(*switch)),
            (Kind::Count { .. } | Kind::Size { .. }, DeValue::Integer(number)) if number.radix() == 10 => {
                self.parse(number.as_str())
            }
            (Kind::List { .. }, DeValue::Array(items)) => {
                let items = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
                Some(Value::List(items.collect::<Option<_>>()?))
            }
            (Kind::Tokens, DeValue::Array(items)) => {
                let items = items.iter().map(|item| tokens::read(item.get_ref()));
                Some(Value::List(items.collect::<Option<_>>()?))
            }
            (
                Kind::Address | Kind::Size { .. } | Kind::Time { .. } | Kind::Choice(_) | Kind::Text { .. },
                DeValue::String(text),
            ) => self.parse(text),
            (_, _) => None,
        }
    }

    /// Returns the value as a person writes it.
    pub fn show(self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Unset) => String::new(),
            (Kind::Size { .. }, Value::Number(bytes)) => units::show_size(*bytes),
            (Kind::Time { .. }, Value::Number(millis)) => units::show_time(*millis),
            (_, Value::Number(number)) => number.to_string(),
            (_, Value::Switch(switch)) => switch.to_string(),
            (_, Value::Text(text)) => text.clone(),
            (Kind::Tokens, Value::List(items)) => {
                items.iter().map(|item| tokens::show(item)).collect::<Vec<_>>().join(", ")
            }
            (_, Value::List(items)) => items.join(", "),
        }
    }

    /// Returns the value as the file has it.
    pub fn toml(self, value: &Value) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        match (self, value) {
            (Kind::Size { .. } | Kind::Time { .. }, Value::Number(_)) => quoted(&self.show(value)),
            (_, Value::Unset | Value::Number(_) | Value::Switch(_)) => self.show(value),
            (_, Value::Text(text)) => quoted(text),
            (_, Value::List(items)) => {
                let item = |item: &String| match self {
                    Kind::Tokens => tokens::toml(item),
                    _ => quoted(item),
                };
                let items: Vec<String> = items.iter().map(item).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// Returns the value as programs read it: sizes and lengths of time as in the file.
    pub fn json(self, value: &Value) -> serde_json::Value {
        match (self, value) {
            (_, Value::Unset) => serde_json::Value::Null,
            (Kind::Size { .. } | Kind::Time { .. }, Value::Number(_)) => self.show(value).into(),
            (_, Value::Number(number)) => (*number).into(),
            (_, Value::Switch(switch)) => (*switch).into(),
            (_, Value::Text(text)) => text.as_str().into(),
            (Kind::Tokens, Value::List(items)) => items.iter().map(|item| tokens::show(item)).collect(),
            (_, Value::List(items)) => items.clone().into(),
        }
    }
}

fn within(number: u64, min: u64, max: u64) -> Option<Value> {
    (min..=max).contains(&number).then_some(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(Kind, &str, &str); 8] = [
        (Kind::Address, "127.0.0.1:1", "\"127.0.0.1:1\""),
        (Kind::Count { min: 1, max: 9 }, "7", "7"),
        (Kind::Size { min: 1, max: 1 << 30 }, "64 MiB", "\"64 MiB\""),
        (Kind::Time { min: 0, max: 90_000 }, "1m 30s", "\"1m 30s\""),
        (Kind::Switch, "true", "true"),
        (Kind::Choice(&["text", "json"]), "json", "\"json\""),
        (Kind::Text { hint: "FILE" }, "a b", "\"a b\""),
        (Kind::List { hint: "NAME" }, "a, b", "[\"a\", \"b\"]"),
    ];

    fn read(kind: Kind, text: &str) -> Option<Value> {
        kind.read(DeValue::parse(text).unwrap().get_ref())
    }

    #[test]
    fn a_value_is_the_same_in_flags_and_in_the_file() {
        for (kind, flag, file) in KINDS {
            let value = kind.parse(flag).unwrap_or_else(|| panic!("{flag}"));
            assert_eq!(read(kind, file), Some(value.clone()), "{file}");
            assert_eq!((kind.show(&value), kind.toml(&value)), (flag.to_owned(), file.to_owned()));
        }
    }

    #[test]
    fn values_of_other_types_are_refused() {
        let texts =
            ["\"127.0.0.1:1\"", "7", "0x7", "1.5", "true", "[\"a\"]", "[1]", "{ a = 1 }", "2026-01-01"];
        let taken: Vec<(&str, Vec<&str>)> = KINDS
            .iter()
            .map(|(kind, flag, _)| {
                (*flag, texts.iter().copied().filter(|it| read(*kind, it).is_some()).collect())
            })
            .collect();
        let text = ["\"127.0.0.1:1\""];
        assert_eq!(taken[0].1, text);
        assert_eq!(taken[1].1, ["7"]);
        assert_eq!(taken[2].1, ["7"]);
        assert!(taken[3].1.is_empty());
        assert_eq!(taken[4].1, ["true"]);
        assert!(taken[5].1.is_empty());
        assert_eq!(taken[6].1, text);
        assert_eq!(taken[7].1, ["[\"a\"]"]);
    }

    #[test]
    fn ranges_hold() {
        let count = Kind::Count { min: 2, max: 4 };
        let taken: Vec<u64> = (0..9).filter(|number| count.parse(&number.to_string()).is_some()).collect();
        assert_eq!(taken, [2, 3, 4]);
        let size = Kind::Size { min: units::KIB, max: units::MIB };
        assert_eq!(size.parse("1023"), None);
        assert_eq!(size.parse("2 MiB"), None);
        assert_eq!(size.expects(), "a size from \"1 KiB\" to \"1 MiB\"");
        assert_eq!(Kind::Time { min: 1_000, max: 60_000 }.parse("2m"), None);
        assert_eq!(Kind::Text { hint: "T" }.parse(""), None);
    }
}
