//! How `#[service]` registers a service, and how the manifest describes it.
//!
//! Everything here is called by generated code only; it is public, but hidden and not stable.

use std::pin::Pin;

pub use crate::bindings::guest::{HandlerManifest, HandlerMode, Payload, ServiceKind, ServiceManifest};
use crate::bindings::types::Header;
pub use crate::client::{Callee, Object, Service, Workflow};
use crate::context::Context;
pub use crate::context::FromContext;
use crate::error::{HandlerError, HandlerResult};
use crate::payload;
pub use crate::payload::{Input, Output};
pub use inventory;

/// A running handler.
pub type Handling = Pin<Box<dyn Future<Output = HandlerResult<Vec<u8>>>>>;

/// One service of the component.
pub struct Registration {
    /// The name callers use.
    pub name: &'static str,
    /// Describes the service.
    pub manifest: fn() -> ServiceManifest,
    /// Starts a handler; none when there is no handler of this name.
    pub dispatch: fn(&str, Context, Vec<u8>) -> Option<Handling>,
}

inventory::collect!(Registration);

/// Finds a service of this component.
pub(crate) fn find(name: &str) -> Option<&'static Registration> {
    registrations().find(|registration| registration.name == name)
}

/// Describes all services of this component, ordered by name.
pub(crate) fn manifests() -> Vec<ServiceManifest> {
    let mut services: Vec<_> = registrations().map(|registration| (registration.manifest)()).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

fn registrations() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Registration>.into_iter()
}

/// The options of a service or handler, as the macro wrote them down.
pub type Options = &'static [(&'static str, &'static str)];

/// Describes a service.
pub fn describe_service(
    name: &str,
    kind: ServiceKind,
    docs: &str,
    options: Options,
    handlers: Vec<HandlerManifest>,
) -> ServiceManifest {
    ServiceManifest {
        name: name.to_owned(),
        kind,
        handlers,
        docs: some_docs(docs),
        options: headers(options),
    }
}

/// Describes a handler.
pub fn describe_handler<I: Input, O: Output>(
    name: &str,
    mode: HandlerMode,
    docs: &str,
    options: Options,
) -> HandlerManifest {
    let (input, output): (Payload, Payload) = (I::describe(), O::describe());
    HandlerManifest {
        name: name.to_owned(),
        mode,
        input,
        output,
        docs: some_docs(docs),
        options: headers(options),
    }
}

/// Reads the input of a handler.
pub fn decode<I: Input>(body: Vec<u8>) -> HandlerResult<I> {
    Ok(payload::read_input(body)?)
}

/// Writes the output of a handler.
pub fn encode<O: Output, E: Into<HandlerError>>(result: Result<O, E>) -> HandlerResult<Vec<u8>> {
    Ok(payload::write_output(&result.map_err(Into::into)?)?)
}

fn some_docs(docs: &str) -> Option<String> {
    (!docs.is_empty()).then(|| docs.to_owned())
}

fn headers(options: Options) -> Vec<Header> {
    options
        .iter()
        .map(|(name, value)| Header { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::entry::handle;
    use crate::fake_host::play;
    use crate::prelude::*;

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

    #[test]
    fn manifest_has_names_docs_options_and_content_types() {
        let mail = super::manifests().remove(0);
        let mut text = format!("{} {:?} {:?} {}\n", mail.name, mail.kind, mail.docs, options(&mail.options));
        for handler in &mail.handlers {
            let (input, output) = (&handler.input.content_type, &handler.output.content_type);
            let types =
                format!("{} -> {}", input.as_deref().unwrap_or("-"), output.as_deref().unwrap_or("-"));
            let line = format!("  {} {types} {:?} {}", handler.name, handler.docs, options(&handler.options));
            text += &(line.trim_end().to_owned() + "\n");
        }
        expect![[r#"
            Mail ServiceKind::Service Some("Sends mail.\n\nPolitely.") retry.initial-interval-ms=1000;retry.max-attempts=unlimited;
              sendLetter application/json -> application/json Some("Sends one letter.")
              cleanUp - -> - None ingress.private=true;retry.factor-milli=3000;retry.max-attempts=5;retry.on-max-attempts=kill;
              raw application/octet-stream -> text/plain None
              fail - -> - None
              who - -> application/json None
        "#]].assert_eq(&text);
    }

    #[test]
    fn schema_of_an_input() {
        let mail = super::manifests().remove(0);
        expect![[r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"lines":{"default":[],"items":{"type":"string"},"type":"array"},"to":{"type":"string"}},"required":["to"],"title":"Letter","type":"object"}"#]].assert_eq(mail.handlers[0].input.schema.as_deref().unwrap());
    }

    fn options(options: &[super::Header]) -> String {
        options.iter().map(|option| format!("{}={};", option.name, option.value)).collect()
    }

    fn check(handler: &str, input: &str, expected: Expect) {
        let invocation = crate::bindings::guest::Invocation {
            id: "inv_1".into(),
            target: crate::bindings::types::Target {
                service: "Mail".into(),
                key: None,
                handler: handler.into(),
            },
            headers: vec![super::Header { name: "x-user".into(), value: "ann".into() }],
            random_seed: 1,
            input: input.as_bytes().to_vec(),
        };
        let (result, _) = play("", async |_| handle(invocation));
        let text = match result {
            Ok(bytes) => format!("ok {}", String::from_utf8_lossy(&bytes)),
            Err(HandlerError::Terminal(error)) => format!("terminal {} {error}", error.code()),
            Err(HandlerError::Retryable(error)) => format!("retryable {error}"),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn handlers_are_called_by_name() {
        check("sendLetter", r#"{"to":"ann"}"#, expect!["ok 3"]);
        check("cleanUp", "", expect!["ok "]);
        check("raw", "abc", expect!["ok abc"]);
        check("who", "", expect![[r#"ok "Mail who ann""#]]);
        check("fail", "", expect!["retryable disk full"]);
    }

    #[test]
    fn bad_requests_are_terminal() {
        check("nope", "", expect!["terminal 404 this component has no handler Mail/nope"]);
        check(
            "sendLetter",
            "{}",
            expect!["terminal 400 Failed to deserialize input: missing field `to` at line 1 column 2"],
        );
        check("sendLetter", "", expect!["terminal 400 Failed to deserialize input: the request has no body"]);
    }
}
