//! The curl lines of the documentation: what they send, to whatever port a test server has.

use crate::http::{Client, Request};

impl Client {
    /// Returns the request that a curl command makes. Its host is this port, whatever the command says.
    ///
    /// Knows what the documentation uses: `-X`, `-H`, `--json`.
    #[must_use]
    #[track_caller]
    pub fn curl(&self, command: &str) -> Request {
        let mut words = words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let (mut method, mut path, mut headers, mut json) = (None, None, Vec::new(), None);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} has a value: {command}"));
            match word.as_str() {
                "-X" => method = Some(value()),
                "-H" => headers.push(value()),
                "--json" => json = Some(value()),
                url => path = Some(path_of(url).to_owned()),
            }
        }
        let path = path.unwrap_or_else(|| panic!("no URL: {command}"));
        let method = method.unwrap_or_else(|| if json.is_some() { "POST" } else { "GET" }.to_owned());
        let mut request = self.request(&method, &path);
        for header in &headers {
            let (name, value) = header.split_once(": ").expect("a header is 'name: value'");
            request = request.header(name, value);
        }
        match json {
            Some(json) => request.header("accept", "application/json").json(&json),
            None => request,
        }
    }
}

/// Splits a command as a shell does: at spaces and line ends, but not within quotes; a `#` begins a
/// comment.
#[must_use]
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {
                let quoted = characters.by_ref().take_while(|next| *next != character);
                word.get_or_insert_default().extend(quoted);
            }
            '\\' => match characters.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '#' if word.is_none() => {
                characters.by_ref().find(|next| *next == '\n');
            }
            character if character.is_whitespace() => words.extend(word.take()),
            character => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn path_of(url: &str) -> &str {
    let url = url.trim_start_matches("http://");
    url.find('/').map_or("/", |start| &url[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        let command = "curl -X POST localhost:8080/S/h \\\n-H 'A: b c' --json '{\"d\": \"#e\"}'  # a comment";
        let expected =
            ["curl", "-X", "POST", "localhost:8080/S/h", "-H", "A: b c", "--json", r##"{"d": "#e"}"##];
        assert_eq!(words(command), expected);
        assert_eq!(words("''"), [""]);
    }

    #[test]
    fn paths_are_what_follows_the_host() {
        assert_eq!(path_of("http://localhost:8080/S/k/h"), "/S/k/h");
        assert_eq!(path_of("localhost:8080"), "/");
    }
}
