//! Splits a URL into the parts that WASI asks for.

use super::Error;

/// The parts of an absolute URL, and the URL itself.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
pub(super) struct Url<'a> {
    pub(super) text: &'a str,
    pub(super) is_https: bool,
    pub(super) authority: &'a str,
    pub(super) path_and_query: String,
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Error> {
        let bad = || Error::Url(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(bad()),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(bad());
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { text, is_https, authority, path_and_query: format!("{slash}{path}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(bool, &str, String)> {
        Url::parse(text).ok().map(|url| (url.is_https, url.authority, url.path_and_query))
    }

    #[test]
    fn urls_are_split() {
        assert_eq!(parts("http://localhost:1/a?b=c#d"), Some((false, "localhost:1", "/a?b=c".into())));
        assert_eq!(parts("HTTPS://x.org"), Some((true, "x.org", "/".into())));
        assert_eq!(parts("http://x?q"), Some((false, "x", "/?q".into())));
    }

    #[test]
    fn what_is_not_an_absolute_http_url_is_refused() {
        for text in ["/path", "ftp://x", "http://", "http:///x", "http://user@host/"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
