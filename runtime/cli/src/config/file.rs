//! The configuration file: TOML, with a section for each part of the server.

use crate::config::field::Value;
use crate::config::nearest;
use crate::config::setting::Setting;
use crate::config::settings::{SECTIONS, SETTINGS};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A value of the file, and the line it is on.
pub struct Found {
    pub setting: &'static Setting,
    pub value: Value,
    pub line: usize,
}

/// Reads a file that was found at `path`. Everything that is wrong with it is said at once.
///
/// # Errors
/// One complaint per mistake, each with its line.
pub fn read(path: &Path, text: &str) -> Result<Vec<Found>, Vec<String>> {
    let reader = Reader { path, text };
    let table = DeTable::parse(text).map_err(|error| vec![reader.syntax(&error)])?;
    let mut found = Vec::new();
    let mut complaints = Vec::new();
    for (name, section) in table.get_ref() {
        for item in reader.section(name, section) {
            match item {
                Ok(item) => found.push(item),
                Err(complaint) => complaints.push(complaint),
            }
        }
    }
    if complaints.is_empty() { Ok(found) } else { Err(complaints) }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn section(
        &self,
        name: &Spanned<DeString<'_>>,
        section: &Spanned<DeValue<'_>>,
    ) -> Vec<Result<Found, String>> {
        let names = SECTIONS.iter().map(|(name, _)| *name);
        let Some((known, _)) = SECTIONS.iter().find(|(known, _)| *known == name.get_ref().as_ref()) else {
            return vec![Err(self.unknown("section", name.get_ref(), name.span(), names))];
        };
        let DeValue::Table(table) = section.get_ref() else {
            let message = format!("{known} is a section: write [{known}], and the settings below it");
            return vec![Err(self.complain(name.span(), &message))];
        };
        table.iter().map(|(name, value)| self.setting(known, name, value)).collect()
    }

    fn setting(
        &self,
        section: &str,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Found, String> {
        let key = format!("{section}.{}", name.get_ref());
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(self.unknown("key", &key, name.span(), SETTINGS.iter().map(|setting| setting.key)));
        };
        let line = self.line(name.span());
        match setting.kind.read(value.get_ref()).filter(|value| setting.takes(value)) {
            Some(value) => Ok(Found { setting, value, line }),
            None => {
                let given = self.text.get(value.span()).filter(|_| !setting.is_secret);
                let given = given.map(|given| format!(", found {given}")).unwrap_or_default();
                let message = format!("{key}: expected {}{given}", setting.kind.expects());
                Err(self.complain(name.span(), &message))
            }
        }
    }

    fn unknown(
        &self,
        what: &str,
        name: &str,
        span: Range<usize>,
        known: impl Iterator<Item = &'static str>,
    ) -> String {
        let near = nearest(name, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        self.complain(span, &format!("unknown {what} {name}{near}"))
    }

    fn syntax(&self, error: &toml::de::Error) -> String {
        self.complain(error.span().unwrap_or_default(), error.message())
    }

    fn complain(&self, span: Range<usize>, message: &str) -> String {
        format!("{}:{}: {message}", self.path.display(), self.line(span))
    }

    fn line(&self, span: Range<usize>) -> usize {
        self.text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<(&'static str, Value, usize)>, Vec<String>> {
        let found = read(Path::new("abide.toml"), text)?;
        Ok(found.into_iter().map(|found| (found.setting.key, found.value, found.line)).collect())
    }

    #[test]
    fn values_come_with_their_lines() {
        let text = "# A comment.\n[guests]\nmemory_max = \"64 MiB\"\n\nattempts_max = 10\n[log]\nformat = \"json\"\n";
        let mut found = read_text(text).unwrap();
        found.sort_by_key(|(_, _, line)| *line);
        assert_eq!(
            found,
            [
                ("guests.memory_max", Value::Number(64 << 20), 3),
                ("guests.attempts_max", Value::Number(10), 5),
                ("log.format", Value::Text("json".into()), 7),
            ]
        );
        assert_eq!(read_text("").unwrap(), []);
        assert_eq!(read_text("log.format = \"text\"").unwrap().len(), 1);
    }

    #[test]
    fn mistakes_name_line_key_and_what_is_expected() {
        let cases = [
            (
                "[guests]\nmemory_mx = 1",
                "abide.toml:2: unknown key guests.memory_mx; did you mean guests.memory_max?",
            ),
            ("\n[gests]\n", "abide.toml:2: unknown section gests; did you mean guests?"),
            ("[xyzxyz]\n", "abide.toml:1: unknown section xyzxyz"),
            ("log = 1", "abide.toml:1: log is a section: write [log], and the settings below it"),
            (
                "[guests]\nmemory_max = \"lots\"",
                "abide.toml:2: guests.memory_max: expected a size from \"2 MiB\" to \"4 GiB\", found \"lots\"",
            ),
            (
                "[ingress]\nlisten = \"here\"",
                "abide.toml:2: ingress.listen: expected an address and a port, for example \"127.0.0.1:8080\", found \"here\"",
            ),
            ("[admin]\ntoken = 5", "abide.toml:2: admin.token: expected a text (TOKEN)"),
            (
                "[log]\nformat = \"xml\"",
                "abide.toml:2: log.format: expected \"text\" or \"json\", found \"xml\"",
            ),
        ];
        for (text, complaint) in cases {
            assert_eq!(read_text(text).unwrap_err(), [complaint], "{text}");
        }
        let syntax = read_text("[log]\nformat = ").unwrap_err();
        assert!(syntax[0].starts_with("abide.toml:2: "), "{syntax:?}");
        let twice = read_text("[log]\nformat = \"text\"\nformat = \"json\"").unwrap_err();
        assert!(twice[0].starts_with("abide.toml:3: ") && twice[0].contains("duplicate"), "{twice:?}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        assert_eq!(read_text("[log]\na = 1\nb = 2\n[c]").unwrap_err().len(), 3);
    }
}
