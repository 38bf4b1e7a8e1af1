//! Talking to a server: its admin port and its ingress.

use crate::cli::Global;
use crate::error::{CliError, Kind};
use crate::hints;
use crate::output::print;
use abide_server::tls;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a question to the admin port may take; uploads have no limit.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// The variable that says where the server is.
    variable: &'static str,
}

/// What the admin port says when it refuses.
#[derive(Deserialize)]
pub struct Refusal {
    pub message: String,
    #[serde(default)]
    code: String,
    hint: Option<String>,
    /// What of the request it is about.
    field: Option<String>,
    /// Only the ingress says who refuses.
    source: Option<String>,
}

impl Refusal {
    /// Returns what to do about it, in the words of the command where it has some.
    pub fn hint(&self) -> Option<String> {
        let own = hints::of_refusal(&self.code, self.field.as_deref());
        own.map(str::to_owned).or_else(|| self.hint.clone())
    }
}

impl Client {
    /// Builds a client of the admin port.
    pub fn admin(global: &Global) -> Result<Self, CliError> {
        let headers = token_headers(global.admin_token.as_deref(), "admin")?;
        Self::new(&global.admin_url, headers, "ABIDE_ADMIN_URL", &Trust::of(global)?)
    }

    /// Builds a client of the admin port of the server that this very process is. Nobody else can have its
    /// address, so it does not matter for which names its certificate is.
    pub fn own_admin(global: &Global) -> Result<Self, CliError> {
        let headers = token_headers(global.admin_token.as_deref(), "admin")?;
        Self::new(&global.admin_url, headers, "ABIDE_ADMIN_URL", &Trust::Anybody)
    }

    /// Builds a client of the ingress.
    pub fn ingress(global: &Global) -> Result<Self, CliError> {
        let headers = token_headers(global.ingress_token.as_deref(), "ingress")?;
        Self::new(&global.ingress_url, headers, "ABIDE_INGRESS_URL", &Trust::of(global)?)
    }

    fn new(url: &str, headers: HeaderMap, variable: &'static str, trust: &Trust) -> Result<Self, CliError> {
        tls::install_provider();
        let base = parse_url(url)?;
        let mut http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).default_headers(headers);
        // The server's own answer is the answer, also when a handler chose a redirect as its status.
        http = http.redirect(reqwest::redirect::Policy::none());
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        http = match trust {
            Trust::System => http,
            Trust::Also(certificates) => http.tls_certs_merge(certificates.clone()),
            Trust::Anybody => http.tls_danger_accept_invalid_certs(true),
        };
        let http = http.build().map_err(|error| CliError::failed(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { http, base, variable })
    }

    /// Returns the URL with these segments; each is encoded, and may be any text but `.` and `..`.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        let segments: Vec<String> = segments.iter().map(|segment| encode(segment)).collect();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), segments.join("/")));
        url
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request; any answer is an answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// Asks the admin port, and returns the body of its answer.
    pub async fn ask(&self, method: Method, url: Url, body: Option<String>) -> Result<String, CliError> {
        let mut request = self.request(method, url).timeout(ADMIN_TIMEOUT);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        self.accept(self.send(request).await?).await
    }

    /// Asks the admin port something that changes nothing.
    pub async fn get(&self, url: Url) -> Result<String, CliError> {
        self.ask(Method::GET, url, None).await
    }

    /// Returns the body of an answer, or the refusal it is.
    pub async fn accept(&self, response: Response) -> Result<String, CliError> {
        let status = response.status();
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(body);
        }
        let kind = if status.as_u16() == 404 { Kind::NotFound } else { Kind::Failed };
        let Ok(refusal) = serde_json::from_str::<Refusal>(&body) else {
            let message = format!("{} answered {status}, and not as an abide server does", self.base);
            return Err(CliError::new(Kind::Failed, message).hint(format!("check {}", self.variable)));
        };
        if refusal.source.is_some() {
            let message = format!("{} is an ingress, not an admin port: {}", self.base, refusal.message);
            let hint = "--admin-url and ABIDE_ADMIN_URL say where the admin port is";
            return Err(CliError::new(Kind::Usage, message).hint(hint));
        }
        let hint = refusal.hint();
        Err(CliError { kind, message: refusal.message, hint, refusal: Some(body.into()) })
    }

    /// Says that the server cannot be reached, or not any more.
    pub fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let cause = root_cause(error);
        if error.is_builder() {
            return CliError::new(Kind::Usage, format!("cannot ask {}: {cause}", self.base));
        }
        let known = hints::of_connection(self.base.scheme(), &cause);
        if !error.is_connect() {
            let message = format!("the connection to the server at {} broke off: {cause}", self.base);
            let lost = "what it has accepted goes on once it is up again, see \"abide invocations list\"";
            return CliError::new(Kind::Unreachable, message).hint(known.unwrap_or(lost));
        }
        let message = format!("cannot reach the server at {}: {cause}", self.base);
        if let Some(hint) = known {
            return CliError::new(Kind::Unreachable, message).hint(hint);
        }
        let hint = format!("start it with \"abide up\"; if it runs elsewhere, set {}", self.variable);
        CliError::new(Kind::Unreachable, message).hint(hint)
    }
}

/// Whose certificates are good enough.
enum Trust {
    System,
    /// Those of the system, and these.
    Also(Vec<Certificate>),
    Anybody,
}

impl Trust {
    fn of(global: &Global) -> Result<Self, CliError> {
        let Some(path) = &global.ca_cert else { return Ok(Self::System) };
        let bad = |why: &dyn std::fmt::Display| {
            let message = format!("the certificates in {} cannot be used: {why}", path.display());
            CliError::new(Kind::Usage, message).hint("--ca-cert and ABIDE_CA_CERT name a PEM file")
        };
        let bytes = std::fs::read(path).map_err(|error| bad(&error))?;
        match Certificate::from_pem_bundle(&bytes) {
            Ok(certificates) if certificates.is_empty() => Err(bad(&"there are none")),
            Ok(certificates) => Ok(Self::Also(certificates)),
            Err(error) => Err(bad(&error)),
        }
    }
}

/// Each port has a token of its own: that of the admin port opens everything, and is no business of an ingress.
fn token_headers(token: Option<&str>, port: &str) -> Result<HeaderMap, CliError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value =
            value.map_err(|_| CliError::new(Kind::Usage, format!("the {port} token is not plain text")))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Reads an answer that is to be shown. A program gets it as it is; then there is nothing more to show.
///
/// # Errors
/// The answer is not what was expected.
pub fn shown<T: DeserializeOwned>(body: &str, global: &Global) -> Result<Option<T>, CliError> {
    if global.json {
        print(body);
        return Ok(None);
    }
    read(body).map(Some)
}

/// Reads an answer of the admin port.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, CliError> {
    serde_json::from_str(body).map_err(|error| {
        CliError::failed(format!("the answer of the server is not understood: {error}"))
            .hint("are this command and the server of the same version? see \"abide --version\"")
    })
}

fn parse_url(text: &str) -> Result<Url, CliError> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let bad = |why: &dyn std::fmt::Display| {
        CliError::new(Kind::Usage, format!("'{text}' is no address of a server: {why}"))
    };
    let url: Url = full.parse().map_err(|error| bad(&error))?;
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        (_, false) => Err(bad(&"it names no host")),
        (scheme, true) => {
            Err(bad(&format!("it starts with {scheme}://, only http:// and https:// are possible")))
        }
    }
}

/// Encodes every byte that is not plain: the URL type would leave out some of the others.
fn encode(segment: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = segment.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers() {
        for (text, expected) in [
            ("http://127.0.0.1:9070", "http://127.0.0.1:9070/"),
            ("localhost:9070", "http://localhost:9070/"),
            ("http://x.test/abide/", "http://x.test/abide/"),
            ("https://x.test", "https://x.test/"),
        ] {
            assert_eq!(parse_url(text).unwrap().as_str(), expected);
        }
        for text in ["ftp://x.test", "", "http://", "a b"] {
            assert_eq!(parse_url(text).unwrap_err().kind, Kind::Usage, "{text}");
        }
        for (text, expected) in
            [("localhost:1", true), ("127.1.2.3:1", true), ("[::1]:1", true), ("10.0.0.1", false)]
        {
            assert_eq!(is_loopback(&parse_url(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_command() {
        let hint = |body: &str| serde_json::from_str::<Refusal>(body).unwrap().hint();
        let of_http = r#"{"code":"unknown_deployment","message":"m","hint":"GET /deployments lists them"}"#;
        assert_eq!(hint(of_http).unwrap(), "\"abide deployments list\" lists them");
        let of_both = r#"{"code":"token_exists","message":"m","hint":"choose another name"}"#;
        assert_eq!(hint(of_both).unwrap(), "choose another name");
        let id = r#"{"code":"bad_field","field":"invocation_id","message":"m","hint":"GET /invocations"}"#;
        assert!(hint(id).unwrap().contains("inv_"));
        assert_eq!(hint(r#"{"code":"bad_field","field":"limit","message":"m"}"#), None);
    }

    #[test]
    fn tokens_are_sent_and_not_shown() {
        assert!(token_headers(None, "ingress").unwrap().is_empty());
        let headers = token_headers(Some("abt_1"), "ingress").unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer abt_1");
        assert!(headers[AUTHORIZATION].is_sensitive());
        let error = token_headers(Some("a\nb"), "ingress").unwrap_err();
        assert_eq!(error.message, "the ingress token is not plain text");
    }

    #[test]
    fn segments_are_encoded() {
        let client = Client::new("http://h/base", HeaderMap::new(), "X", &Trust::System).unwrap();
        for (segment, encoded) in [
            ("a/b c", "a%2Fb%20c"),
            ("", ""),
            ("%2F", "%252F"),
            ("a\tb\nc", "a%09b%0Ac"),
            ("ä?#\\", "%C3%A4%3F%23%5C"),
            ("...", "..."),
        ] {
            let url = client.url(&["services", segment, "x"]);
            assert_eq!(url.as_str(), format!("http://h/base/services/{encoded}/x"));
        }
        let client = Client::new("http://h", HeaderMap::new(), "X", &Trust::System).unwrap();
        assert_eq!(client.url(&["services"]).as_str(), "http://h/services");
    }
}
