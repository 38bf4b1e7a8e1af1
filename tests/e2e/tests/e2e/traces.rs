//! Traces: every span stands where it belongs, over calls, sends, restarts and outbound HTTP.

use abide_e2e::otlp::{Collector, Span};
use abide_e2e::script::{call, fail, path, post, say, send, sleep};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn traced(collector: &Collector, env: &[(&str, &str)]) -> Server {
    let setup = Setup::new().env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url());
    let server = env.iter().fold(setup, |setup, (name, value)| setup.env(name, value)).start();
    server.deploy(Guest::Abilities);
    server
}

/// Begins as part of a trace, and returns the id of the invocation.
fn begin(server: &Server, target: &str, steps: &[Value], flags: &str) -> String {
    let request = server.ingress().request("POST", &format!("/restate/send/{}", path(target)));
    let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"));
    let reply = request.header("tracestate", "who=me").json(&json!(steps).to_string()).send().expect(202);
    abide_e2e::api::text(&reply.json()["invocationId"])
}

/// Returns trace and parent of the only context that came to a path.
fn context_at(counter: &Counter, path: &str) -> (String, String, String) {
    let hits: Vec<_> = counter.hits().into_iter().filter(|hit| hit.path == path).collect();
    assert_eq!(hits.len(), 1, "{path}");
    let contexts: Vec<_> = hits[0].headers.iter().filter(|(name, _)| name == "traceparent").collect();
    assert_eq!(contexts.len(), 1, "{:?}", hits[0].headers);
    let fields: Vec<&str> = contexts[0].1.split('-').collect();
    (fields[1].to_owned(), fields[2].to_owned(), fields[3].to_owned())
}

fn is_child(child: &Span, parent: &Span) {
    assert_eq!(
        (&child.trace, &child.parent),
        (&parent.trace, &parent.id),
        "{} under {}",
        child.name,
        parent.name
    );
}

#[test]
fn a_chain_is_one_trace_and_every_span_has_its_parent() {
    let (collector, counter) = (Collector::start(), Counter::start());
    let server = traced(&collector, &[]);
    let inner = [post(&counter.url("/inner"), "b"), say("done")];
    let steps = [
        post(&counter.url("/outer"), "a"),
        call("Thing/k/script", json!(inner)),
        send("Act/script", json!([say("sent")])),
    ];
    let id = begin(&server, "Caller/script", &steps, "01");
    server.attach(&id).expect(200);
    assert_eq!(server.invocation(&id)["trace_id"], TRACE);

    let root = collector.span_of(&id, "Caller/script");
    assert_eq!((root.trace.as_str(), root.parent.as_str(), root.kind), (TRACE, PARENT, "server"));
    assert_eq!((root.attribute("rpc.service"), root.attribute("rpc.method")), ("Caller", "script"));
    assert_eq!((root.attribute("abide.outcome"), &root.error), ("success", &None));
    assert_eq!(root.resource.get("service.name").map(String::as_str), Some("abide"));
    is_child(&collector.span_of(&id, "attempt"), &root);

    let run = collector.span("the run block", |span| span.parent == root.id && span.name.starts_with("run "));
    assert_eq!(context_at(&counter, "/outer"), (TRACE.into(), run.id.clone(), "01".into()));

    let calls = collector.span_of(&id, "call Thing/script");
    is_child(&calls, &root);
    assert_eq!(calls.kind, "client");
    let callee = collector.span_of(calls.attribute("abide.callee.id"), "Thing/script");
    is_child(&callee, &calls);
    assert_eq!((callee.kind, callee.attribute("abide.object.key")), ("server", "k"));
    let inner_run =
        collector.span("its run block", |span| span.parent == callee.id && span.name.starts_with("run "));
    assert_eq!(context_at(&counter, "/inner"), (TRACE.into(), inner_run.id, "01".into()));

    let sends = collector.span_of(&id, "send Act/script");
    is_child(&sends, &root);
    assert_eq!(sends.kind, "producer");
    let sent = collector.span_of(sends.attribute("abide.callee.id"), "Act/script");
    is_child(&sent, &sends);
    assert_eq!(sent.kind, "consumer");
}

#[test]
fn the_trace_goes_on_after_a_kill() {
    let (collector, counter) = (Collector::start(), Counter::start());
    let mut server = traced(&collector, &[]);
    let inner = [post(&counter.url("/inner"), "b")];
    let steps = [sleep(2_000), post(&counter.url("/hang"), "a"), call("Act/script", json!(inner))];
    counter.react(|hit| match hit.path.as_str() {
        "/hang" if hit.index == 0 => Reaction::AnswerAfter(Duration::from_secs(30), String::new()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = begin(&server, "Caller/script", &steps, "01");
    server.wait_for_status(&id, "suspended");
    server.restart();
    eventually("the run block", || (counter.count() == 1).then_some(()));
    // Spans leave a moment after they end, and a kill takes those that have not left.
    let nap = collector.span_of(&id, "sleep");
    server.restart();
    server.attach(&id).expect(200);

    let root = collector.span_of(&id, "Caller/script");
    assert_eq!((root.trace.as_str(), root.parent.as_str()), (TRACE, PARENT));
    is_child(&nap, &root);
    assert!(nap.took >= Duration::from_millis(1_900), "over two attempts and a kill: {:?}", nap.took);
    assert!(root.took >= nap.took);
    let lost = collector.span("the lost attempt", |span| span.attribute("abide.attempt.end") == "lost");
    is_child(&lost, &root);
    assert!(lost.error.is_some());
    let ends = collector.span("the last attempt", |span| {
        span.parent == root.id && span.attribute("abide.attempt.end") == "returned"
    });
    assert_eq!(ends.attribute("abide.attempt"), server.invocation(&id)["attempts"].to_string());
    let calls = collector.span_of(&id, "call Act/script");
    is_child(&collector.span_of(calls.attribute("abide.callee.id"), "Act/script"), &calls);
    let names: Vec<_> =
        collector.spans().into_iter().filter(|span| span.parent == root.id && span.name == "sleep").collect();
    assert_eq!(names.len(), 1, "an operation is told once");
}

#[test]
fn failures_are_errors_and_a_trace_may_begin_here() {
    let (collector, counter) = (Collector::start(), Counter::start());
    let server = traced(&collector, &[]);
    counter.react(|hit| if hit.index < 2 { Reaction::Fail(503) } else { Reaction::Answer("x".into()) });
    let id = server.begin("Act/script", &[post(&counter.url("/a"), "a"), fail(418, "no tea")]);
    server.attach(&id).expect(418);
    let root = collector.span_of(&id, "Act/script");
    assert_eq!((root.parent.as_str(), root.error.as_deref()), ("", Some("no tea")));
    assert_eq!((root.attribute("error.type"), root.attribute("abide.outcome")), ("418", "failure"));
    assert_eq!(server.invocation(&id)["trace_id"], root.trace.as_str());
    let attempts: Vec<_> = collector.spans().into_iter().filter(|span| span.name == "attempt").collect();
    let failed: usize = attempts.iter().map(|span| span.events.len()).sum();
    assert_eq!(failed, 2, "each failed try is an event: {attempts:?}");
    let killed = server.begin("Act/script", &[sleep(3_600_000)]);
    server.invocation_when(&killed, "a sleep", |it| it["journal_entries"] == 1);
    server.kill_invocation(&killed);
    let span = collector.span_of(&killed, "Act/script");
    assert_eq!((span.attribute("abide.outcome"), span.error.as_deref()), ("killed", Some("killed")));
    assert_ne!(span.trace, root.trace);
}

#[test]
fn what_is_not_sampled_is_not_told_but_passed_on() {
    let (collector, counter) = (Collector::start(), Counter::start());
    let server = traced(&collector, &[]);
    let steps = [call("Act/script", json!([post(&counter.url("/inner"), "b")]))];
    let quiet = begin(&server, "Caller/script", &steps, "00");
    server.attach(&quiet).expect(200);
    let (trace, _, flags) = context_at(&counter, "/inner");
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "00"));
    let loud = server.begin("Act/script", &[say("x")]);
    collector.span_of(&loud, "Act/script");
    assert!(collector.spans().iter().all(|span| span.trace != TRACE));

    let never = traced(&collector, &[("OTEL_TRACES_SAMPLER", "always_off")]);
    let id = begin(&never, "Act/script", &[post(&counter.url("/never"), "c")], "01");
    never.attach(&id).expect(200);
    assert_eq!(context_at(&counter, "/never").2, "00");
    assert!(never.stop().success(), "spans that wait leave when the server stops");
    assert!(collector.spans().iter().all(|span| span.attribute("abide.invocation.id") != id));
}

#[test]
fn without_a_collector_contexts_are_passed_on_as_they_came() {
    let counter = Counter::start();
    let server = Server::with(Guest::Abilities);
    let steps =
        [post(&counter.url("/outer"), "a"), call("Act/script", json!([post(&counter.url("/inner"), "b")]))];
    let id = begin(&server, "Caller/script", &steps, "01");
    server.attach(&id).expect(200);
    for path in ["/outer", "/inner"] {
        assert_eq!(context_at(&counter, path), (TRACE.into(), PARENT.into(), "01".into()), "{path}");
    }
    assert_eq!(server.invocation(&id)["trace_id"], TRACE);
    let plain = server.begin("Act/script", &[post(&counter.url("/plain"), "c")]);
    server.attach(&plain).expect(200);
    let hits = counter.hits();
    let hit = hits.iter().find(|hit| hit.path == "/plain").expect("it was counted");
    assert!(hit.headers.iter().all(|(name, _)| name != "traceparent"));
    assert_eq!(server.invocation(&plain)["trace_id"], Value::Null);
}
