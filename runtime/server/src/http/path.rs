//! What an ingress path asks for. Pure: the kinds of the services come in as a function.
//!
//! Keys are percent-decoded; service names, handler names and idempotency keys are taken as they
//! stand. An empty key is a key.

use crate::http::keys::{self, KeyTooLong};
use abide_core::ids::{AwakeableId, InvocationId, ParseIdError};
use abide_core::manifest::ServiceKind;
use abide_core::target::{ObjectKey, Target};

/// Whether the caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Call,
    Send,
}

/// How somebody asks for the answer of an invocation that was submitted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// Wait for it.
    Attach,
    /// Now or not at all.
    Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwakeableVerb {
    Resolve,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngressPath {
    Health,
    Invoke {
        target: Target,
        mode: Mode,
    },
    /// The invocation is named in the path.
    Retrieve {
        id: InvocationId,
        how: Retrieval,
    },
    /// The invocation is described in the body.
    RetrieveDescribed {
        how: Retrieval,
    },
    RetrieveByIdempotencyKey {
        target: Target,
        idempotency_key: String,
        how: Retrieval,
    },
    RetrieveWorkflow {
        workflow: ObjectKey,
        how: Retrieval,
    },
    Lookup,
    Awakeable {
        id: AwakeableId,
        verb: AwakeableVerb,
    },
    Scoped,
}

impl IngressPath {
    /// Returns the name of what is asked, for numbers: never a part of the path.
    #[must_use]
    pub fn route(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Invoke { mode: Mode::Call, .. } => "call",
            Self::Invoke { mode: Mode::Send, .. } => "send",
            Self::Retrieve { how, .. }
            | Self::RetrieveDescribed { how }
            | Self::RetrieveByIdempotencyKey { how, .. }
            | Self::RetrieveWorkflow { how, .. } => match how {
                Retrieval::Attach => "attach",
                Retrieval::Output => "output",
            },
            Self::Lookup => "lookup",
            Self::Awakeable { .. } => "awakeable",
            Self::Scoped => "scoped",
        }
    }
}

/// Why a path means nothing here. The texts are those existing ingress clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("not found")]
    NotFound,
    #[error("service '{0}' not found, make sure to register the service before calling it.")]
    UnknownService(String),
    #[error("bad path: {0}")]
    Malformed(String),
    #[error("bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler")]
    PlainShape,
    #[error(
        "bad path, expected /restate/call/:service/:handler, /restate/send/:service/:handler, \
         /restate/scope/:scope/call/:service/:handler, /restate/attach/:invocation_id, \
         /restate/output/:invocation_id, or /restate/lookup"
    )]
    PrefixedShape,
    #[error(
        "bad path, expected either /restate/invocation/:invocation_id/output or \
         /restate/invocation/:invocation_id/attach or \
         /restate/invocation/:invocation_target/:idempotency_key/output or \
         /restate/invocation/:invocation_target/:idempotency_key/attach"
    )]
    InvocationShape,
    #[error(
        "bad path, expected either /restate/workflow/:workflow_name/:workflow_key/output or \
         /restate/workflow/:workflow_name/:workflow_key/attach"
    )]
    WorkflowShape,
    #[error("bad path, expected either /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject")]
    AwakeableShape,
    #[error("bad path, cannot decode key: {0}")]
    KeyEncoding(String),
    #[error("bad path: {0}")]
    KeyTooLong(#[from] KeyTooLong),
    #[error("bad invocation id '{text}': {why}")]
    InvocationId { text: String, why: ParseIdError },
    #[error("bad awakeable id '{text}': {why}")]
    AwakeableId { text: String, why: ParseIdError },
}

const SEGMENTS_MIN: usize = 2;
const SEGMENTS_MAX: usize = 7;

/// Reads a path. `kind_of` knows the registered services: the kind decides whether a key is part
/// of the path.
///
/// # Errors
/// The path has no meaning here.
pub fn parse(path: &str, kind_of: impl Fn(&str) -> Option<ServiceKind>) -> Result<IngressPath, BadPath> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let segments: Vec<&str> = inner.split('/').collect();
    if !(SEGMENTS_MIN..=SEGMENTS_MAX).contains(&segments.len()) {
        return Err(BadPath::Malformed(path.to_owned()));
    }
    match segments[0] {
        "openapi" => Err(BadPath::NotFound),
        "restate" => prefixed(&segments[1..], kind_of),
        _ => plain(&segments, kind_of),
    }
}

fn plain(segments: &[&str], kind_of: impl Fn(&str) -> Option<ServiceKind>) -> Result<IngressPath, BadPath> {
    let (target, rest) = target(segments, kind_of, BadPath::PlainShape)?;
    let mode = match rest {
        [] => Mode::Call,
        ["send"] => Mode::Send,
        _ => return Err(BadPath::PlainShape),
    };
    Ok(IngressPath::Invoke { target, mode })
}

fn prefixed(
    segments: &[&str],
    kind_of: impl Fn(&str) -> Option<ServiceKind>,
) -> Result<IngressPath, BadPath> {
    let rest = &segments[1..];
    match segments[0] {
        "health" if rest.is_empty() => Ok(IngressPath::Health),
        "lookup" if rest.is_empty() => Ok(IngressPath::Lookup),
        "call" => invoke(rest, Mode::Call, kind_of),
        "send" => invoke(rest, Mode::Send, kind_of),
        "scope" => scoped(rest),
        "attach" => retrieve(rest, Retrieval::Attach),
        "output" => retrieve(rest, Retrieval::Output),
        "invocation" => invocation(rest, kind_of),
        "workflow" => workflow(rest),
        "awakeables" | "a" => awakeable(rest),
        _ => Err(BadPath::NotFound),
    }
}

fn invoke(
    segments: &[&str],
    mode: Mode,
    kind_of: impl Fn(&str) -> Option<ServiceKind>,
) -> Result<IngressPath, BadPath> {
    match target(segments, kind_of, BadPath::PrefixedShape)? {
        (target, []) => Ok(IngressPath::Invoke { target, mode }),
        _ => Err(BadPath::PrefixedShape),
    }
}

fn scoped(segments: &[&str]) -> Result<IngressPath, BadPath> {
    match segments {
        [_, "call" | "send", _, _, ..] => Ok(IngressPath::Scoped),
        _ => Err(BadPath::PrefixedShape),
    }
}

fn retrieve(segments: &[&str], how: Retrieval) -> Result<IngressPath, BadPath> {
    match segments {
        [] => Ok(IngressPath::RetrieveDescribed { how }),
        [id] => Ok(IngressPath::Retrieve { id: invocation_id(id)?, how }),
        _ => Err(BadPath::PrefixedShape),
    }
}

fn invocation(
    segments: &[&str],
    kind_of: impl Fn(&str) -> Option<ServiceKind>,
) -> Result<IngressPath, BadPath> {
    let Some((last, named)) = segments.split_last() else { return Err(BadPath::InvocationShape) };
    if named.is_empty() {
        return Err(BadPath::InvocationShape);
    }
    let how = retrieval(last)?;
    if let [id] = named {
        return Ok(IngressPath::Retrieve { id: invocation_id(id)?, how });
    }
    match target(named, kind_of, BadPath::InvocationShape)? {
        (target, [idempotency_key]) => {
            keys::check_idempotency_key(idempotency_key)?;
            let idempotency_key = (*idempotency_key).to_owned();
            Ok(IngressPath::RetrieveByIdempotencyKey { target, idempotency_key, how })
        }
        _ => Err(BadPath::InvocationShape),
    }
}

fn workflow(segments: &[&str]) -> Result<IngressPath, BadPath> {
    let [service, key, last] = segments else { return Err(BadPath::WorkflowShape) };
    let how = retrieval(last)?;
    let workflow = ObjectKey { service: (*service).to_owned(), key: decode(key)? };
    Ok(IngressPath::RetrieveWorkflow { workflow, how })
}

fn awakeable(segments: &[&str]) -> Result<IngressPath, BadPath> {
    let [id, verb] = segments else { return Err(BadPath::AwakeableShape) };
    let verb = match *verb {
        "resolve" => AwakeableVerb::Resolve,
        "reject" => AwakeableVerb::Reject,
        _ => return Err(BadPath::NotFound),
    };
    let parsed = id.parse().map_err(|why| BadPath::AwakeableId { text: (*id).to_owned(), why });
    Ok(IngressPath::Awakeable { id: parsed?, verb })
}

fn retrieval(segment: &str) -> Result<Retrieval, BadPath> {
    match segment {
        "attach" => Ok(Retrieval::Attach),
        "output" => Ok(Retrieval::Output),
        _ => Err(BadPath::NotFound),
    }
}

/// Takes the target off the front of the segments, and returns what follows it.
fn target<'a, 'b>(
    segments: &'a [&'b str],
    kind_of: impl Fn(&str) -> Option<ServiceKind>,
    shape: BadPath,
) -> Result<(Target, &'a [&'b str]), BadPath> {
    let Some((service, rest)) = segments.split_first() else { return Err(shape) };
    let kind = kind_of(service).ok_or_else(|| BadPath::UnknownService((*service).to_owned()))?;
    let (key, handler, rest) = match (kind, rest) {
        (ServiceKind::Service, [handler, rest @ ..]) => (None, handler, rest),
        (ServiceKind::Object | ServiceKind::Workflow, [key, handler, rest @ ..]) => {
            (Some(decode(key)?), handler, rest)
        }
        (ServiceKind::Service | ServiceKind::Object | ServiceKind::Workflow, _) => return Err(shape),
    };
    Ok((Target { service: (*service).to_owned(), key, handler: (*handler).to_owned() }, rest))
}

fn invocation_id(text: &str) -> Result<InvocationId, BadPath> {
    text.parse().map_err(|why| BadPath::InvocationId { text: text.to_owned(), why })
}

/// Reads a key: undoes percent-encoding; a percent sign without two digits stands for itself.
fn decode(segment: &str) -> Result<String, BadPath> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (plain, tail) = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => (*byte, &rest[1..]),
            },
            _ => (*byte, tail),
        };
        decoded.push(plain);
        rest = tail;
    }
    let key = String::from_utf8(decoded).map_err(|error| BadPath::KeyEncoding(format!("{error:?}")))?;
    keys::check_key(&key)?;
    Ok(key)
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "inv_17ZRHnPtTKZX17oCdbJM6y9LQSvVEwgviP";

    fn kind_of(service: &str) -> Option<ServiceKind> {
        match service {
            "Probe" => Some(ServiceKind::Service),
            "Counter" => Some(ServiceKind::Object),
            "SignupWorkflow" => Some(ServiceKind::Workflow),
            _ => None,
        }
    }

    fn show(path: &str) -> String {
        match parse(path, kind_of) {
            Ok(IngressPath::Invoke { target, mode }) => format!("{mode:?} {target:?}"),
            Ok(other) => format!("{other:?}"),
            Err(bad) => format!("! {bad}"),
        }
    }

    fn target(service: &str, key: Option<&str>, handler: &str) -> String {
        let key = key.map(str::to_owned);
        format!("{:?}", Target { service: service.into(), key, handler: handler.into() })
    }

    #[test]
    fn calls_and_sends_of_every_shape() {
        let cases = [
            ("/Probe/hello", "Call", target("Probe", None, "hello")),
            ("/Probe/hello/", "Call", target("Probe", None, "hello")),
            ("/Probe/echo/send", "Send", target("Probe", None, "echo")),
            ("/Probe/send", "Call", target("Probe", None, "send")),
            ("/restate/call/Probe/hello", "Call", target("Probe", None, "hello")),
            ("/restate/send/Probe/echo", "Send", target("Probe", None, "echo")),
            ("/Counter/k9/add", "Call", target("Counter", Some("k9"), "add")),
            ("/Counter/k9/add/send", "Send", target("Counter", Some("k9"), "add")),
            ("/Counter/a%2Fb%20c/get", "Call", target("Counter", Some("a/b c"), "get")),
            ("/Counter/100%/get", "Call", target("Counter", Some("100%"), "get")),
            ("/Counter//get", "Call", target("Counter", Some(""), "get")),
            ("/Counter//get/send", "Send", target("Counter", Some(""), "get")),
            ("/Counter/%F0%9F%A6%80/get", "Call", target("Counter", Some("🦀"), "get")),
            ("/Counter/send/get", "Call", target("Counter", Some("send"), "get")),
            ("/restate/call/Counter/a/get", "Call", target("Counter", Some("a"), "get")),
            ("/restate/send/SignupWorkflow/w1/run", "Send", target("SignupWorkflow", Some("w1"), "run")),
            // Names are not decoded.
            ("/Probe/hel%6Co", "Call", target("Probe", None, "hel%6Co")),
        ];
        for (path, mode, target) in cases {
            assert_eq!(show(path), format!("{mode} {target}"), "{path}");
        }
    }

    #[test]
    fn paths_that_name_something_else() {
        let id: InvocationId = ID.parse().unwrap();
        let how = Retrieval::Output;
        let by_key = |target, key: &str| IngressPath::RetrieveByIdempotencyKey {
            target,
            idempotency_key: key.into(),
            how: Retrieval::Attach,
        };
        let probe = Target { service: "Probe".into(), key: None, handler: "echo".into() };
        let counter = Target { service: "Counter".into(), key: Some("idem".into()), handler: "add".into() };
        let workflow = ObjectKey { service: "SignupWorkflow".into(), key: "w 1".into() };
        let workflow = IngressPath::RetrieveWorkflow { workflow, how };
        let click =
            Target { service: "SignupWorkflow".into(), key: Some("w1".into()), handler: "click".into() };
        let awakeable = AwakeableId { invocation: id, op: 7, birth: 0 };
        let completed = IngressPath::Awakeable { id: awakeable, verb: AwakeableVerb::Reject };
        let cases = [
            ("/restate/health".to_owned(), IngressPath::Health),
            ("/restate/lookup".to_owned(), IngressPath::Lookup),
            (format!("/restate/output/{ID}"), IngressPath::Retrieve { id, how }),
            (format!("/restate/invocation/{ID}/output"), IngressPath::Retrieve { id, how }),
            ("/restate/output".to_owned(), IngressPath::RetrieveDescribed { how }),
            ("/restate/invocation/Probe/echo/abc/attach".to_owned(), by_key(probe, "abc")),
            ("/restate/invocation/Counter/idem/add/o1/attach".to_owned(), by_key(counter.clone(), "o1")),
            ("/restate/invocation/Counter/idem/add//attach".to_owned(), by_key(counter, "")),
            ("/restate/invocation/SignupWorkflow/w1/click/x/attach".to_owned(), by_key(click, "x")),
            ("/restate/workflow/SignupWorkflow/w%201/output".to_owned(), workflow),
            (format!("/restate/awakeables/{awakeable}/reject"), completed.clone()),
            (format!("/restate/a/{awakeable}/reject/"), completed),
            ("/restate/scope/tenant1/call/Probe/hello".to_owned(), IngressPath::Scoped),
        ];
        for (path, expected) in cases {
            assert_eq!(parse(&path, kind_of), Ok(expected), "{path}");
        }
    }

    #[test]
    fn keys_that_are_too_long_are_refused() {
        let long = "k".repeat(1025);
        let limit = "! bad path: the key has 1025 bytes, the limit is 1024 (KEY_BYTES_MAX)";
        for path in [
            format!("/Counter/{long}/get"),
            format!("/restate/send/SignupWorkflow/{long}/run"),
            format!("/restate/workflow/SignupWorkflow/{long}/output"),
        ] {
            assert!(show(&path).starts_with(limit), "{path}");
        }
        let shown = show(&format!("/restate/invocation/Probe/echo/{long}/output"));
        assert!(shown.starts_with("! bad path: the idempotency key has 1025 bytes"), "{shown}");
        // Decoded, it is short enough.
        let encoded = "%6B".repeat(1024);
        assert_eq!(show(&format!("/Counter/{encoded}/get")), {
            format!("Call {}", target("Counter", Some(&"k".repeat(1024)), "get"))
        });
    }

    #[test]
    fn paths_without_a_meaning() {
        let plain = "bad path, expected either /:service-name/:handler";
        let prefixed = "bad path, expected /restate/call/:service/:handler";
        let invocation = "bad path, expected either /restate/invocation/:invocation_id/output";
        let workflow = "bad path, expected either /restate/workflow/:workflow_name";
        let awakeable = "bad path, expected either /restate/awakeables/:id/resolve";
        let cases = [
            ("/", "bad path: /"),
            ("", "bad path: "),
            ("/Probe", "bad path: /Probe"),
            ("/Probe/", "bad path: /Probe/"),
            ("/openapi", "bad path: /openapi"),
            ("/openapi/x", "not found"),
            ("/restate/foo", "not found"),
            ("/restate/foo/bar", "not found"),
            ("/restate/health/x", "not found"),
            ("/a/b/c/d/e/f/g/h", "bad path: /a/b/c/d/e/f/g/h"),
            ("/Nope/hello", "service 'Nope' not found, make sure to register the service before calling it."),
            ("/restate/call/Nope/hello", "service 'Nope' not found"),
            ("/Probe/hello/xx", plain),
            ("/Probe/hello/send/x", plain),
            ("/Counter/add", plain),
            ("/Counter/k/add/x", plain),
            ("/restate/call/Counter/add", prefixed),
            ("/restate/call/Probe/hello/send", prefixed),
            ("/restate/call/Probe", prefixed),
            ("/restate/call", prefixed),
            ("/restate/attach/a/b", prefixed),
            ("/restate/scope/x", prefixed),
            ("/Counter/%FF%FE/get", "bad path, cannot decode key: FromUtf8Error { bytes: [255, 254]"),
            ("/restate/output/inv_xxx", "bad invocation id 'inv_xxx': "),
            ("/restate/invocation/foo/attach", "bad invocation id 'foo': bad format"),
            ("/restate/invocation/Probe", invocation),
            ("/restate/invocation/Probe/echo/abc/foo", "not found"),
            ("/restate/invocation/Probe/echo/output", invocation),
            ("/restate/invocation/Nope/echo/zzz/output", "service 'Nope' not found"),
            ("/restate/workflow/SignupWorkflow/w1", workflow),
            ("/restate/awakeables/foo/resolve", "bad awakeable id 'foo': bad format"),
            ("/restate/awakeables/sign_xx/resolve", "bad awakeable id 'sign_xx': unrecognized codec version"),
            ("/restate/awakeables/sign_1vAc/resolve", "bad awakeable id 'sign_1vAc': bad format"),
            ("/restate/awakeables/prom_1vAc/resolve", "bad awakeable id 'prom_1vAc': bad format"),
            ("/restate/awakeables/sign_1vAc/foo", "not found"),
            ("/restate/awakeables/sign_1vAc", awakeable),
        ];
        for (path, expected) in cases {
            let shown = show(path);
            assert!(shown.starts_with(&format!("! {expected}")), "{path}: {shown}");
        }
    }
}
