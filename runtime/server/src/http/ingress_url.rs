//! Where the ingress is, in words that a client of the admin port can use.

use crate::http::guard;
use http::{HeaderMap, Uri};
use std::net::SocketAddr;

const LOOPBACK: &str = "127.0.0.1";

/// How the ingress is reached.
#[derive(Clone, Copy, Debug)]
pub struct IngressUrl {
    /// http or https.
    pub scheme: &'static str,
    pub listen: SocketAddr,
}

impl IngressUrl {
    /// Returns the address for whoever sent a request to the admin port. A port that listens on all
    /// addresses has none of its own: it is where the client found this machine.
    #[must_use]
    pub fn seen_by(self, uri: &Uri, headers: &HeaderMap) -> String {
        let Self { scheme, listen } = self;
        if !listen.ip().is_unspecified() {
            return format!("{scheme}://{listen}");
        }
        let host = guard::host(uri, headers).unwrap_or(LOOPBACK);
        format!("{scheme}://{host}:{}", listen.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    #[test]
    fn a_port_on_all_addresses_is_where_the_client_found_the_machine() {
        let all = "0.0.0.0:8080";
        for (listen, host, expected) in [
            ("127.0.0.1:8080", Some("abide.test:9070"), "http://127.0.0.1:8080"),
            ("10.0.0.7:80", None, "http://10.0.0.7:80"),
            (all, Some("abide.test:9070"), "http://abide.test:8080"),
            (all, Some("abide.test"), "http://abide.test:8080"),
            (all, Some("[fe80::1]:9070"), "http://[fe80::1]:8080"),
            ("[::]:8080", Some("192.168.0.2:9070"), "http://192.168.0.2:8080"),
            (all, None, "http://127.0.0.1:8080"),
            (all, Some("a b"), "http://127.0.0.1:8080"),
            (all, Some(""), "http://127.0.0.1:8080"),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(host.map(|host| (header::HOST, HeaderValue::from_static(host))));
            let url = IngressUrl { scheme: "http", listen: listen.parse().unwrap() };
            assert_eq!(url.seen_by(&Uri::from_static("/version"), &headers), expected, "{listen} {host:?}");
        }
    }
}
