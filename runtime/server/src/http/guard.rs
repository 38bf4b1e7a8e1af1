//! Keeps web pages of others out: what a browser sends on their behalf is refused.
//!
//! A server on loopback asks for no token, and every page that its user looks at can send requests to it.
//! Two things give such a page away. The `Origin` (or, without one, `Sec-Fetch-Site`) names another site.
//! And where a page's own host name was made to point to this machine (DNS rebinding), so that browser
//! and origin agree, the `Host` is not a name of this machine.

use http::{HeaderMap, Uri, header};
use std::net::IpAddr;

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;
/// Stands for all hosts, or all origins.
pub const ANY: &str = "*";

/// Which names a port answers to.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// None: all.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// A port on loopback answers to the names of loopback and to those that are added. Elsewhere the names
    /// cannot be known: when none are given, all are right, and a token is what protects it.
    #[must_use]
    pub fn new(listen: IpAddr, names: &[String]) -> Self {
        let is_any = names.iter().any(|name| name == ANY) || (!listen.is_loopback() && names.is_empty());
        Self { names: (!is_any).then(|| names.iter().map(|name| name.to_ascii_lowercase()).collect()) }
    }

    #[must_use]
    pub fn any() -> Self {
        Self { names: None }
    }

    /// Returns the host that is no name of this port. A request that names none comes from no browser.
    #[must_use]
    pub fn foreign<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let names = self.names.as_ref()?;
        let (host, _) = split(authority(uri, headers)?);
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_known = is_loopback(host) || names.iter().any(|name| name.eq_ignore_ascii_case(host));
        (!is_known).then_some(host)
    }
}

/// Where a request comes from, as the browser says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site<'a> {
    /// From no page, or from one of this very port.
    Own,
    /// From a page of this origin; the text is empty when the browser keeps it to itself.
    Foreign(&'a str),
}

/// Says which page sent a request.
#[must_use]
pub fn site<'a>(uri: &Uri, headers: &'a HeaderMap) -> Site<'a> {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let own = authority(uri, headers).map(split);
        return match (parse_origin(origin), own) {
            (Some((host, port)), Some((own_host, own_port)))
                if host.eq_ignore_ascii_case(own_host) && is_port(own_port, port) =>
            {
                Site::Own
            }
            (Some(_) | None, Some(_) | None) => Site::Foreign(origin),
        };
    }
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        Some(b"cross-site" | b"same-site") => Site::Foreign(""),
        Some(_) | None => Site::Own,
    }
}

/// Says whether a port is the one that was addressed. Without one it was that of the scheme, and which
/// scheme it was is not known behind a proxy.
fn is_port(addressed: Option<u16>, port: u16) -> bool {
    addressed.map_or(port == HTTP_PORT || port == HTTPS_PORT, |addressed| addressed == port)
}

/// Returns the host as the client addressed it, if it can be one.
#[must_use]
pub fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let (host, _) = split(authority(uri, headers)?);
    host.parse::<http::uri::Authority>().ok().map(|_| host)
}

/// Says whether a host stands for this machine and nothing else, so that no other site can have it.
fn is_loopback(host: &str) -> bool {
    let is_local = |name: &str| name.eq_ignore_ascii_case("localhost");
    let address = host.trim_start_matches('[').trim_end_matches(']');
    is_local(host)
        || host.rsplit_once('.').is_some_and(|(_, last)| is_local(last))
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns host and port as the client addressed them.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(http::uri::Authority::as_str).or_else(named)
}

/// Splits `host:port`; an IPv6 address keeps its brackets.
fn split(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        Some(_) | None => (authority, None),
    }
}

/// Returns host and port of an origin.
fn parse_origin(origin: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = origin.split_once("://")?;
    let port = match scheme {
        "http" => HTTP_PORT,
        "https" => HTTPS_PORT,
        _ => return None,
    };
    let (host, given) = split(rest);
    Some((host, given.unwrap_or(port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn on_loopback_only_names_of_loopback_are_right() {
        let hosts = Hosts::new("127.0.0.1".parse().unwrap(), &["abide.test".to_owned()]);
        let uri = Uri::from_static("/health");
        let cases = [
            ("localhost", true),
            ("localhost:9070", true),
            ("LOCALHOST:9070", true),
            ("localhost.:9070", true),
            ("app.localhost:9070", true),
            ("127.0.0.1:9070", true),
            ("127.9.9.9", true),
            ("[::1]:9070", true),
            ("[::1]", true),
            ("Abide.Test:9070", true),
            ("evil.test", false),
            ("evil.test:9070", false),
            ("127.0.0.1.evil.test:9070", false),
            ("notlocalhost:9070", false),
            ("localhost.evil.test", false),
            ("10.0.0.1:9070", false),
            ("user@evil.test", false),
            ("localhost@evil.test", false),
            ("", false),
        ];
        for (host, is_right) in cases {
            assert_eq!(hosts.foreign(&uri, &headers(&[("host", host)])).is_none(), is_right, "{host}");
        }
        assert_eq!(hosts.foreign(&uri, &HeaderMap::new()), None);
        // HTTP/2 has it in the URI.
        assert_eq!(
            hosts.foreign(&Uri::from_static("http://evil.test/x"), &HeaderMap::new()),
            Some("evil.test")
        );
    }

    #[test]
    fn elsewhere_the_names_are_those_that_are_given() {
        let open: IpAddr = "0.0.0.0".parse().unwrap();
        let evil = headers(&[("host", "evil.test")]);
        let uri = Uri::from_static("/");
        assert_eq!(Hosts::new(open, &[]).foreign(&uri, &evil), None);
        assert_eq!(Hosts::new(open, &["a.test".into()]).foreign(&uri, &evil), Some("evil.test"));
        assert_eq!(Hosts::new("::1".parse().unwrap(), &[ANY.into()]).foreign(&uri, &evil), None);
    }

    #[test]
    fn pages_of_others_give_themselves_away() {
        let uri = Uri::from_static("/x");
        let host = ("host", "localhost:8080");
        let cases = [
            (vec![host], Site::Own),
            (vec![host, ("origin", "http://localhost:8080")], Site::Own),
            (vec![host, ("origin", "https://localhost:8080")], Site::Own),
            (vec![host, ("sec-fetch-site", "same-origin")], Site::Own),
            (vec![host, ("sec-fetch-site", "none")], Site::Own),
            (vec![host, ("origin", "http://localhost:9070")], Site::Foreign("http://localhost:9070")),
            (vec![host, ("origin", "http://evil.test")], Site::Foreign("http://evil.test")),
            (vec![host, ("origin", "null")], Site::Foreign("null")),
            (vec![host, ("origin", "file://")], Site::Foreign("file://")),
            (vec![("origin", "http://localhost:8080")], Site::Foreign("http://localhost:8080")),
            (vec![host, ("sec-fetch-site", "cross-site")], Site::Foreign("")),
            (vec![host, ("sec-fetch-site", "same-site")], Site::Foreign("")),
            // The origin is what counts: a browser lets no page forge it.
            (
                vec![host, ("origin", "http://evil.test"), ("sec-fetch-site", "none")],
                Site::Foreign("http://evil.test"),
            ),
            (vec![("host", "abide.test"), ("origin", "https://abide.test")], Site::Own),
            (
                vec![("host", "abide.test"), ("origin", "http://abide.test:81")],
                Site::Foreign("http://abide.test:81"),
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(site(&uri, &headers(&given)), expected, "{given:?}");
        }
    }
}
