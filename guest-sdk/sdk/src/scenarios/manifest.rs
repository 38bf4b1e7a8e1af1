//! What the macros make of services, virtual objects and workflows: manifests, and handlers by name.

use expect_test::{Expect, expect};

use crate::bindings::guest::Invocation;
use crate::bindings::types::{Header, Target};
use crate::entry::handle;
use crate::fake_host::play;
use crate::prelude::*;
use crate::registry::{self, ServiceManifest};

struct Mailer;

#[data]
struct Letter {
    to: String,
    #[serde(default)]
    lines: Vec<String>,
}

/// Sends mail.
///
/// Politely.
#[service(name = "Mail", rename_all = "camelCase", retry(initial = "1s", max_attempts = "unlimited"))]
impl Mailer {
    /// Sends one letter.
    async fn send_letter(_ctx: &Context, letter: Letter) -> HandlerResult<usize> {
        Ok(letter.to.len() + letter.lines.len())
    }

    #[handler(private, retry(factor = 3, max_attempts = 5, on_max_attempts = "kill"))]
    async fn clean_up(_ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    #[handler(name = "raw")]
    async fn raw_bytes(_ctx: &Context, bytes: Bytes) -> Result<Text, TerminalError> {
        String::from_utf8(bytes.0).map(Text).map_err(TerminalError::new)
    }

    async fn fail(_ctx: &Context) -> HandlerResult<()> {
        Err(std::io::Error::other("disk full"))?
    }

    async fn who(ctx: &Context) -> HandlerResult<String> {
        Ok(format!(
            "{} {} {}",
            ctx.service_name(),
            ctx.handler_name(),
            ctx.header("X-USER").unwrap_or("nobody")
        ))
    }
}

struct Cart;

/// What somebody wants to buy.
#[object(idempotency_retention = "2h", journal_retention = "0s")]
impl Cart {
    /// Puts something in.
    #[handler(idempotency_retention = "1d")]
    async fn add(ctx: &ObjectContext, letter: Letter) -> HandlerResult<usize> {
        let count = ctx.get("count").await?.unwrap_or(0) + letter.lines.len();
        ctx.set("count", &count);
        Ok(count)
    }

    async fn owner(ctx: &SharedObjectContext) -> HandlerResult<String> {
        Ok(ctx.key().to_owned())
    }
}

struct Loan;

#[workflow(name = "loan", workflow_retention = "30d")]
impl Loan {
    #[handler(journal_retention = "7d")]
    async fn run(ctx: &WorkflowContext, cents: u64) -> HandlerResult<bool> {
        Ok(cents < 100 || ctx.promise("approved").await?)
    }

    #[handler(private)]
    async fn decide(ctx: &SharedWorkflowContext, approved: bool) -> HandlerResult<()> {
        Ok(ctx.promise("approved").resolve(&approved).await?)
    }
}

struct Seasonal;

#[service]
impl Seasonal {
    async fn always(_ctx: &Context) -> HandlerResult<u8> {
        Ok(1)
    }

    #[cfg(test)]
    async fn season(_ctx: &Context) -> HandlerResult<String> {
        Ok("summer".to_owned())
    }

    #[cfg(not(test))]
    async fn season(_ctx: &Context, _of: NoSuchType) -> HandlerResult<String> {
        Ok("winter".to_owned())
    }

    #[cfg(not(test))]
    async fn never(_ctx: &Context) -> HandlerResult<NoSuchType> {
        unreachable!("it is not compiled")
    }
}

fn manifest(name: &str) -> ServiceManifest {
    registry::manifests().into_iter().find(|service| service.name == name).unwrap()
}

fn check_manifest(name: &str, expected: Expect) {
    let service = manifest(name);
    let mut text = format!("{} {:?} {:?}{}\n", name, service.kind, service.docs, options(&service.options));
    for handler in &service.handlers {
        let [input, output] = [&handler.input, &handler.output]
            .map(|payload| payload.content_type.as_deref().unwrap_or("-").to_owned());
        let (name, mode, docs) = (&handler.name, handler.mode, &handler.docs);
        text += &format!("  {name} {mode:?} {input} -> {output} {docs:?}{}\n", options(&handler.options));
    }
    expected.assert_eq(&text);
}

fn options(options: &[Header]) -> String {
    options.iter().map(|option| format!(" {}={}", option.name, option.value)).collect()
}

#[test]
fn handlers_that_are_not_compiled_are_not_offered() {
    let handlers = manifest("Seasonal").handlers;
    let names: Vec<_> = handlers.iter().map(|handler| handler.name.as_str()).collect();
    assert_eq!(names, ["always", "season"]);
    let methods = |client: &SeasonalClient| (client.always(), client.season());
    let _compiles: fn(&SeasonalClient) -> (crate::Call<u8>, crate::Call<String>) = methods;
}

#[test]
fn manifest_of_a_service() {
    check_manifest(
        "Mail",
        expect![[r#"
        Mail ServiceKind::Service Some("Sends mail.\n\nPolitely.") retry.initial-interval-ms=1000 retry.max-attempts=unlimited
          sendLetter HandlerMode::Shared application/json -> application/json Some("Sends one letter.")
          cleanUp HandlerMode::Shared - -> - None ingress.private=true retry.factor-milli=3000 retry.max-attempts=5 retry.on-max-attempts=kill
          raw HandlerMode::Shared application/octet-stream -> text/plain None
          fail HandlerMode::Shared - -> - None
          who HandlerMode::Shared - -> application/json None
    "#]],
    );
}

#[test]
fn manifest_of_an_object() {
    check_manifest(
        "Cart",
        expect![[r#"
        Cart ServiceKind::Object Some("What somebody wants to buy.") retention.idempotency-ms=7200000 retention.journal-ms=0
          add HandlerMode::Exclusive application/json -> application/json Some("Puts something in.") retention.idempotency-ms=86400000
          owner HandlerMode::Shared - -> application/json None
    "#]],
    );
}

#[test]
fn manifest_of_a_workflow() {
    check_manifest(
        "loan",
        expect![[r#"
        loan ServiceKind::Workflow None retention.workflow-ms=2592000000
          run HandlerMode::Exclusive application/json -> application/json None retention.journal-ms=604800000
          decide HandlerMode::Shared application/json -> - None ingress.private=true
    "#]],
    );
}

#[test]
fn schema_of_an_input() {
    let schema = |name| manifest(name).handlers.remove(0).input.schema.unwrap();
    expect![[r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"lines":{"default":[],"items":{"type":"string"},"type":"array"},"to":{"type":"string"}},"required":["to"],"title":"Letter","type":"object"}"#]].assert_eq(&schema("Mail"));
    assert_eq!(schema("Cart"), schema("Mail"));
}

/// Calls a handler by its path.
fn call(path: &str, input: &str, events: &str) -> String {
    let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let (service, key, handler) = match parts.as_slice() {
        [service, handler] => (service.clone(), None, handler.clone()),
        [service, key, handler] => (service.clone(), Some(key.clone()), handler.clone()),
        _ => panic!("no path: {path}"),
    };
    let invocation = Invocation {
        id: "inv_1".into(),
        target: Target { service, key, handler },
        headers: vec![Header { name: "x-user".into(), value: "ann".into() }],
        random_seed: 1,
        input: input.as_bytes().to_vec(),
    };
    let (result, transcript) = play(events, async |_| handle(invocation));
    transcript
        + &match result {
            Ok(bytes) => format!("ok {}", String::from_utf8_lossy(&bytes)),
            Err(HandlerError::Terminal(error)) => format!("terminal {} {error}", error.code()),
            Err(HandlerError::Retryable(error)) => format!("retryable {error}"),
        }
}

#[test]
fn handlers_are_called_by_name() {
    assert_eq!(call("Mail/sendLetter", r#"{"to":"ann"}"#, ""), "ok 3");
    assert_eq!(call("Mail/cleanUp", "", ""), "ok ");
    assert_eq!(call("Mail/raw", "abc", ""), "ok abc");
    assert_eq!(call("Mail/who", "", ""), "ok \"Mail who ann\"");
    assert_eq!(call("Mail/fail", "", ""), "retryable disk full");
}

#[test]
fn handlers_of_objects_and_workflows_know_their_key() {
    assert_eq!(call("Cart/ann/owner", "", ""), "ok \"ann\"");
    expect![[r#"
        0: get count
        <- value 0 2
        set count 3
        ok 3"#]]
    .assert_eq(&call("Cart/ann/add", r#"{"to":"ann","lines":["pen"]}"#, "value 0 2"));
    expect![[r#"
        0: promise approved
        <- value 0 true
        ok true"#]]
    .assert_eq(&call("loan/ann/run", "100", "value 0 true"));
    expect![[r#"
        0: complete approved true
        <- empty 0
        ok "#]]
    .assert_eq(&call("loan/ann/decide", "true", "empty 0"));
}

#[test]
fn bad_requests_are_terminal() {
    let nope = "terminal 404 this component has no handler";
    assert_eq!(call("Mail/nope", "", ""), format!("{nope} Mail/nope"));
    assert_eq!(call("loan/ann/nope", "", ""), format!("{nope} loan/nope"));
    let bad = "terminal 400 Failed to deserialize input:";
    assert_eq!(call("Mail/sendLetter", "{}", ""), format!("{bad} missing field `to` at line 1 column 2"));
    assert_eq!(call("Cart/ann/add", "", ""), format!("{bad} the request has no body"));
}
