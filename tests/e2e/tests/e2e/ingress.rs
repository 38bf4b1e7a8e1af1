//! The ingress answers as existing clients know it: captured samples, sent to the probe.

use abide_e2e::http::Request;
use abide_e2e::{Client, Guest, Reply, Server, Setup};

type Headers = &'static [(&'static str, &'static str)];

const NONE: Headers = &[];
const JSON: Headers = &[("content-type", "application/json")];
const TEXT: Headers = &[("content-type", "text/plain")];
const FORM: Headers = &[("content-type", "application/x-www-form-urlencoded")];
const BYTES: Headers = &[("content-type", "application/octet-stream")];

/// Who answers, and what.
enum Answer {
    /// The handler: content type and body.
    Value(&'static str, &'static str),
    /// The handler, nothing.
    Empty,
    /// The handler failed with this message.
    Failure(&'static str),
    /// The ingress refuses with this message.
    Refusal(&'static str),
    /// Neither: content type and body.
    Plain(&'static str, &'static str),
}
use Answer::{Empty, Failure, Plain, Refusal, Value};

/// Method, path, headers, body; status and answer.
type Case = (&'static str, &'static str, Headers, Option<&'static str>, u16, Answer);

const PLAIN_SHAPE: &str =
    "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler";
const UNKNOWN_SERVICE: &str =
    "service 'Nope' not found, make sure to register the service before calling it.";
const UNKNOWN_HANDLER: &str = "the service 'Probe' exists, but the handler 'nope' was not found, check that the handler exists in the latest registered service version.";
const NOT_PUBLIC: &str = "the invoked service is not public";
const NO_METHOD: &str = "method not allowed";
const NAME: Option<&str> = Some(r#"{"name":"Ann"}"#);
const OBJECT: Option<&str> = Some("{}");

const PATHS: &[Case] = &[
    (
        "GET",
        "/restate/health",
        NONE,
        None,
        200,
        Plain("application/json", r#"{"services":["Hidden","Probe"]}"#),
    ),
    ("POST", "/restate/health", NONE, None, 405, Refusal(NO_METHOD)),
    ("GET", "/", NONE, None, 400, Refusal("bad path: /")),
    ("GET", "/Probe", NONE, None, 400, Refusal("bad path: /Probe")),
    ("GET", "/openapi", NONE, None, 400, Refusal("bad path: /openapi")),
    ("GET", "/openapi/x", NONE, None, 404, Refusal("not found")),
    ("GET", "/restate/foo", NONE, None, 404, Refusal("not found")),
    ("GET", "/restate/foo/bar", NONE, None, 404, Refusal("not found")),
    ("GET", "/a/b/c/d/e/f/g/h", NONE, None, 400, Refusal("bad path: /a/b/c/d/e/f/g/h")),
    ("POST", "/Nope/hello", JSON, OBJECT, 404, Refusal(UNKNOWN_SERVICE)),
    ("POST", "/restate/call/Nope/hello", JSON, OBJECT, 404, Refusal(UNKNOWN_SERVICE)),
    ("POST", "/Probe/nope", JSON, OBJECT, 404, Refusal(UNKNOWN_HANDLER)),
    ("POST", "/restate/call/Probe/nope", JSON, OBJECT, 404, Refusal(UNKNOWN_HANDLER)),
    ("POST", "/Probe/nope/send", JSON, Some("1"), 404, Refusal(UNKNOWN_HANDLER)),
    ("POST", "/Probe/hello/xx", JSON, OBJECT, 400, Refusal(PLAIN_SHAPE)),
    ("POST", "/Probe/private_", JSON, OBJECT, 400, Refusal(NOT_PUBLIC)),
    ("POST", "/Hidden/hi", JSON, OBJECT, 400, Refusal(NOT_PUBLIC)),
    ("POST", "/Hidden/hi/send", JSON, Some("1"), 400, Refusal(NOT_PUBLIC)),
    ("PUT", "/Probe/hello", JSON, NAME, 405, Refusal(NO_METHOD)),
    ("DELETE", "/Probe/hello", NONE, None, 405, Refusal(NO_METHOD)),
    ("PATCH", "/Probe/hello", NONE, None, 405, Refusal(NO_METHOD)),
];

const CALLS: &[Case] = &[
    ("POST", "/Probe/hello", JSON, NAME, 200, Value("application/json", "\"Hello Ann\"")),
    ("POST", "/restate/call/Probe/hello", JSON, NAME, 200, Value("application/json", "\"Hello Ann\"")),
    ("POST", "/Probe/hello/", JSON, NAME, 200, Value("application/json", "\"Hello Ann\"")),
    ("GET", "/Probe/hello", JSON, NAME, 200, Value("application/json", "\"Hello Ann\"")),
    (
        "POST",
        "/Probe/hello",
        &[("content-type", "application/json; charset=utf-8")],
        NAME,
        200,
        Value("application/json", "\"Hello Ann\""),
    ),
    ("POST", "/Probe/nothing", NONE, None, 200, Empty),
    ("GET", "/Probe/nothing", NONE, None, 200, Empty),
    ("POST", "/Probe/text", TEXT, Some("abc"), 200, Value("text/plain", "ABC")),
    ("POST", "/Probe/binary", BYTES, Some("abc"), 200, Value("application/octet-stream", "abc")),
    ("POST", "/Probe/echo", JSON, Some("null"), 200, Value("application/json", "null")),
    ("GET", "/Probe/echo", NONE, None, 200, Value("application/json", "null")),
    ("POST", "/Probe/echo", NONE, None, 200, Value("application/json", "null")),
    (
        "POST",
        "/Probe/echo",
        JSON,
        Some(r#"{"b":[1,2.5,"ä"],"a":null}"#),
        200,
        Value("application/json", r#"{"a":null,"b":[1,2.5,"ä"]}"#),
    ),
];

const BAD_INPUTS: &[Case] = &[
    (
        "POST",
        "/Probe/hello",
        TEXT,
        Some("x"),
        400,
        Refusal("input validation error: Content-type 'text/plain' does not match 'application/json'"),
    ),
    (
        "POST",
        "/Probe/hello",
        FORM,
        NAME,
        400,
        Refusal(
            "input validation error: Content-type 'application/x-www-form-urlencoded' does not match 'application/json'",
        ),
    ),
    (
        "POST",
        "/Probe/hello/send",
        FORM,
        Some("x"),
        400,
        Refusal(
            "input validation error: Content-type 'application/x-www-form-urlencoded' does not match 'application/json'",
        ),
    ),
    ("POST", "/Probe/hello", NONE, NAME, 400, Refusal("input validation error: Empty content-type")),
    ("POST", "/Probe/hello", JSON, None, 400, Refusal("input validation error: Empty body not allowed")),
    (
        "POST",
        "/Probe/nothing",
        JSON,
        OBJECT,
        400,
        Refusal(
            "input validation error: Expected body and content-type to be empty, but wasn't with content-type 'Some(\"application/json\")'",
        ),
    ),
    (
        "POST",
        "/Probe/hello?delay=10s",
        JSON,
        NAME,
        400,
        Refusal("cannot use the delay query parameter with calls. The delay is supported only with sends"),
    ),
    (
        "POST",
        "/restate/call/Probe/hello?delay=10s",
        JSON,
        NAME,
        400,
        Refusal("cannot use the delay query parameter with calls. The delay is supported only with sends"),
    ),
    (
        "POST",
        "/restate/call/Probe/hello",
        &[("content-type", "application/json"), ("x-restate-limit-key", "a/b")],
        NAME,
        400,
        Refusal("limit-key requires a scope to be set"),
    ),
    (
        "POST",
        "/Probe/echo/send?delay=100",
        JSON,
        Some("1"),
        400,
        Refusal(
            "bad delay query parameter, must be a ISO8601 duration: failed to parse input in the \"friendly\" duration format: expected to find unit designator suffix (e.g., `years` or `secs`) after parsing integer",
        ),
    ),
    (
        "POST",
        "/Probe/echo/send?delay=-5s",
        JSON,
        Some("1"),
        400,
        Refusal(
            "bad delay query parameter, must be a ISO8601 duration: negative signed durations cannot be converted to an unsigned duration",
        ),
    ),
    (
        "POST",
        "/Probe/echo/send?delay=P1M",
        JSON,
        Some("1"),
        400,
        Refusal("bad delay query parameter, must be a ISO8601 duration: please use units of days or smaller"),
    ),
    (
        "POST",
        "/Probe/echo/send?delay=",
        JSON,
        Some("1"),
        400,
        Refusal(
            "bad delay query parameter, must be a ISO8601 duration: an empty string is not a valid duration in either the ISO 8601 format or Jiff's \"friendly\" format",
        ),
    ),
    ("GET", "/restate/output/foo", NONE, None, 400, Refusal("bad invocation id 'foo': bad format")),
    ("GET", "/restate/attach/foo", NONE, None, 400, Refusal("bad invocation id 'foo': bad format")),
];

/// What is not there yet says so, and does not pretend.
const NOT_YET: &[Case] = &[(
    "POST",
    "/restate/scope/t/call/Probe/hello",
    JSON,
    NAME,
    501,
    Refusal("scopes are not supported yet by this version of abide"),
)];

const FAILURES: &[Case] = &[
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m"}"#), 500, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":400}"#), 400, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":418}"#), 418, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":503}"#), 503, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":599}"#), 599, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":600}"#), 600, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":200}"#), 200, Failure("m")),
    ("POST", "/Probe/terminal", JSON, Some(r#"{"message":"m","code":302}"#), 302, Failure("m")),
    ("POST", "/Probe/runMax3", JSON, OBJECT, 500, Failure("flaky step")),
    ("POST", "/Probe/killAfter2", JSON, OBJECT, 500, Failure("fails then killed")),
];

fn request(client: Client, case: &Case) -> Request {
    let (method, path, headers, body, _, _) = case;
    let mut request = client.request(method, path);
    for (name, value) in *headers {
        request = request.header(name, value);
    }
    match body {
        Some(body) => request.untyped_body(*body),
        None => request,
    }
}

fn error_body(code: u16, message: &str, source: &str) -> String {
    let message = serde_json::json!(message);
    format!(r#"{{"code":{code},"message":{message},"source":"{source}"}}"#)
}

fn check(server: &Server, case: &Case) {
    let (method, path, headers, body, status, answer) = case;
    let reply = request(server.ingress(), case).send();
    let context = format!("{method} {path} {headers:?} {body:?}: {}", reply.text());
    assert_eq!(reply.status, *status, "{context}");
    let (content_type, expected, source, has_id) = match answer {
        Value(content_type, body) => (Some(*content_type), (*body).to_owned(), None, true),
        Empty => (None, String::new(), None, true),
        Plain(content_type, body) => (Some(*content_type), (*body).to_owned(), None, false),
        Failure(message) => {
            let body = error_body(*status, message, "invocation");
            (Some("application/json"), body, Some("invocation"), true)
        }
        Refusal(message) => {
            (Some("application/json"), error_body(*status, message, "ingress"), Some("ingress"), false)
        }
    };
    assert_eq!(reply.text(), expected, "{context}");
    assert_eq!(reply.header("content-type"), content_type, "{context}");
    assert_eq!(reply.header("x-restate-error-source"), source, "{context}");
    assert_eq!(reply.header("x-restate-id").is_some(), has_id, "{context}");
}

#[test]
fn captured_samples_are_answered_as_captured() {
    let server = Server::with(Guest::Probe);
    for table in [PATHS, CALLS, BAD_INPUTS, NOT_YET, FAILURES] {
        table.iter().for_each(|case| check(&server, case));
    }
}

#[test]
fn codes_that_are_no_status_become_500_and_keep_their_number_in_the_body() {
    let server = Server::with(Guest::Probe);
    for code in [99, 1000, 204, 304] {
        let input = serde_json::json!({ "message": "m", "code": code });
        let reply = server.call("Probe/terminal", &input).expect(500);
        assert_eq!(reply.text(), error_body(code, "m", "invocation"));
    }
}

#[test]
fn a_failures_metadata_reaches_the_caller() {
    let server = Server::with(Guest::Probe);
    let input = r#"{"message":"m","code":409,"metadata":{"reason":"dup"}}"#;
    let reply = server.ingress().post("/Probe/terminal", input).expect(409);
    assert_eq!(
        reply.text(),
        r#"{"code":409,"message":"m","metadata":{"reason":"dup"},"source":"invocation"}"#
    );
}

#[test]
fn malformed_json_is_the_callers_mistake_and_is_not_retried() {
    let server = Server::with(Guest::Probe);
    for input in ["{oops", r#"{"nome":"x"}"#, "[]"] {
        let reply = server.ingress().post("/Probe/hello", input).expect(400);
        let message = reply.json()["message"].as_str().expect("a text").to_owned();
        assert!(message.starts_with("Failed to deserialize input: "), "{message}");
        assert_eq!(reply.json()["source"], "invocation");
    }
    // Restate's SDK retries this one for ever.
    let reply = server.ingress().request("POST", "/Probe/hello").send().expect(400);
    assert_eq!(reply.json()["source"], "invocation", "{}", reply.text());
}

#[test]
fn the_handler_sees_the_headers_of_the_request() {
    let server = Server::with(Guest::Probe);
    let reply = server
        .ingress()
        .request("POST", "/restate/call/Probe/headers?foo=bar")
        .header("x-my", "1")
        .header("Authorization", "Bearer z")
        .header("x-restate-ingress-path", "/forged")
        .json("{}")
        .send()
        .expect(200);
    let seen = reply.json();
    assert_eq!(Some(seen["id"].as_str().expect("an id")), reply.header("x-restate-id"));
    assert_eq!((&seen["service"], &seen["handler"]), (&"Probe".into(), &"headers".into()));
    let headers = seen["headers"].as_object().expect("an object");
    assert_eq!(headers["x-restate-ingress-path"], "/restate/call/Probe/headers?foo=bar");
    assert_eq!((&headers["x-my"], &headers["authorization"]), (&"1".into(), &"Bearer z".into()));
    assert_eq!(
        (&headers["content-type"], &headers["content-length"]),
        (&"application/json".into(), &"2".into())
    );
    assert!(!headers.contains_key("host") && !headers.contains_key("connection"), "{headers:?}");
}

#[test]
fn a_header_that_is_not_ascii_is_refused() {
    let server = Server::with(Guest::Probe);
    let request = server.ingress().request("POST", "/Probe/hello").header("x-bad", b"\xff\xfe");
    let reply = request.json(r#"{"name":"x"}"#).send().expect(400);
    assert!(reply.text().contains("bad header x-bad"), "{}", reply.text());
}

#[test]
fn head_is_refused_and_options_is_answered_for_browsers() {
    let server = Setup::new().args(&["--ingress-cors-origins", "http://x.test"]).start();
    server.deploy(Guest::Probe);
    let head = server.ingress().request("HEAD", "/Probe/nothing").send();
    assert_eq!((head.status, head.body.len()), (405, 0));
    let preflight = server
        .ingress()
        .request("OPTIONS", "/Probe/hello")
        .header("origin", "http://x.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "idempotency-key,content-type")
        .send()
        .expect(200);
    let expected = [
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "idempotency-key,content-type"),
        ("access-control-allow-origin", "http://x.test"),
    ];
    for (name, value) in expected {
        assert_eq!(preflight.header(name), Some(value));
    }
}

#[test]
fn a_body_over_32_mib_is_refused_and_one_of_32_mib_is_not() {
    let server = Server::with(Guest::Probe);
    let send = |bytes: usize| -> Reply {
        let request = server.ingress().request("POST", "/Probe/binary");
        request.body("application/octet-stream", vec![b'x'; bytes]).send()
    };
    let refused = send((32 << 20) + 1).expect(413);
    assert_eq!(refused.text(), "length limit exceeded");
    assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(refused.header("x-restate-error-source"), None);
    let taken = send(32 << 20).expect(200);
    assert_eq!(taken.body.len(), 32 << 20);
}
