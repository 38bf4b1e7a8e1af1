//! What watches the server: the numbers are those that are documented, lines of guests can be read.

use super::world::World;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::STALL_MS;
use crate::logs::{Level, Line, Source};
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use axum::Router;
use axum::body::Body;
use http::{Request, header};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tower::ServiceExt;

const DOCUMENTED: &str = include_str!("../../../../METRICS.md");

/// A metric as its exposition shows it.
#[derive(Default)]
struct Shown {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// Reads an exposition: the heads, and which labels the samples have.
fn read(text: &str) -> BTreeMap<String, Shown> {
    let mut all: BTreeMap<String, Shown> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            let (name, help) = head.split_once(' ').unwrap();
            current = name.to_owned();
            all.entry(current.clone()).or_default().help = help.to_owned();
        } else if let Some(head) = line.strip_prefix("# TYPE ") {
            all.get_mut(&current).unwrap().kind = head.split_once(' ').unwrap().1.to_owned();
        } else if let Some((_, labels)) = line.split_once('{') {
            let labels = labels.rsplit_once('}').unwrap().0.split("\",");
            let names = labels.map(|label| label.split_once('=').unwrap().0.to_owned());
            all.get_mut(&current).unwrap().labels.extend(names.filter(|name| name != "le"));
        }
    }
    all
}

fn table(metrics: &BTreeMap<String, Shown>) -> String {
    let row = |(name, Shown { kind, help, labels }): (&String, &Shown)| {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        format!("| `{name}` | {kind} | {labels} | {help} |\n")
    };
    metrics.iter().map(row).collect()
}

async fn ask(router: &Router, method: &str, path: &str, accept: &str) -> (u16, String, String) {
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, content_type, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let world = World::start(&Config::default());
    ask(&world.admin, "GET", "/health", "*/*").await;
    let (status, _, text) = ask(&world.admin, "GET", "/metrics", "*/*").await;
    assert_eq!(status, 200);
    let table = table(&read(&text));
    let documented: String =
        DOCUMENTED.lines().filter(|line| line.starts_with("| `")).map(|line| format!("{line}\n")).collect();
    assert!(documented == table, "the table of runtime/METRICS.md has to be:\n{table}");
}

#[tokio::test]
async fn the_format_is_the_one_that_is_asked_for() {
    let world = World::start(&Config::default());
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    let (_, content_type, text) = ask(&world.admin, "GET", "/metrics", prometheus).await;
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let (_, content_type, text) = ask(&world.admin, "GET", "/metrics", "text/plain").await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!text.contains("# EOF"));
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let world = World::start(&Config::default());
    for path in ["/invocations/x", "/invocations/y", "/nowhere", "/invocations"] {
        ask(&world.admin, "GET", path, "*/*").await;
    }
    for path in ["/Probe/nothing", "/Nobody/home", "/restate/health"] {
        ask(&world.ingress, "GET", path, "*/*").await;
    }
    let (_, _, text) = ask(&world.admin, "GET", "/metrics", "*/*").await;
    for line in [
        r#"abide_http_requests_total{port="admin",route="/invocations/{id}",status="400"} 2"#,
        r#"abide_http_requests_total{port="admin",route="/invocations",status="200"} 1"#,
        r#"abide_http_requests_total{port="admin",route="(unmatched)",status="404"} 1"#,
        r#"abide_http_requests_total{port="ingress",route="call",status="200"} 1"#,
        r#"abide_http_requests_total{port="ingress",route="(unmatched)",status="404"} 1"#,
        r#"abide_http_requests_total{port="ingress",route="health",status="200"} 1"#,
        r#"abide_http_request_duration_seconds_count{port="ingress",route="call"} 1"#,
        r#"abide_invocations_accepted_total{service="Probe",handler="nothing"} 1"#,
        r#"abide_invocations_completed_total{service="Probe",handler="nothing",outcome="success"} 1"#,
        r#"abide_invocations_completed_total{service="Probe",handler="nothing",outcome="killed"} 0"#,
        r#"abide_invocations_accepted_total{service="Counter",handler="get"} 0"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\nis not in\n{text}");
    }
}

#[tokio::test]
async fn a_driver_that_stands_still_makes_the_server_unhealthy() {
    let world = World::start(&Config::default());
    assert_eq!(ask(&world.admin, "GET", "/health", "*/*").await.0, 200);
    let partition = world.state.metrics.engine.partitions.of(PartitionId(1));
    partition.turn_begins(Timestamp(SystemClock.now().0 - 2 * STALL_MS), 7);
    let (status, _, text) = ask(&world.admin, "GET", "/health", "*/*").await;
    assert_eq!(status, 503);
    assert!(text.contains("partition 1 has been at one turn for 20 s"), "{text}");
    partition.turn_ends(None);
    assert_eq!(ask(&world.admin, "GET", "/health", "*/*").await.0, 200);
}

#[tokio::test]
async fn lines_of_an_invocation_are_paged_by_their_numbers() {
    let world = World::start(&Config::default());
    let (_, _, text) = ask(&world.ingress, "POST", "/restate/send/Probe/nothing", "*/*").await;
    let sent: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = sent["invocationId"].as_str().unwrap();
    let target = Arc::new(Target { service: "Probe".into(), key: None, handler: "nothing".into() });
    for number in 0..5 {
        let (level, source, message) = (Level::Warn, Source::Stderr, format!("line {number}"));
        let line = Line { at: Timestamp(0), attempt: 1, level, source, message };
        world.state.logs.record(id.parse().unwrap(), &target, line);
    }
    let page = format!("/invocations/{id}/logs?from=3&limit=1");
    let (status, _, text) = ask(&world.admin, "GET", &page, "*/*").await;
    let expected = concat!(
        r#"{"lines":[{"index":3,"at":"1970-01-01T00:00:00.000Z","attempt":1,"level":"WARN","source":"stderr","#,
        r#""message":"line 3"}],"total":5,"dropped":0}"#
    );
    assert_eq!((status, text.as_str()), (200, expected));
    let (_, _, text) = ask(&world.admin, "GET", "/logs?limit=1&service=Probe", "*/*").await;
    let tail: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&tail["lines"][0]["message"], &tail["lines"][0]["invocation_id"]),
        (&"line 4".into(), &id.into())
    );
    let (status, _, _) = ask(&world.admin, "GET", &format!("/invocations/{}/logs", nobody()), "*/*").await;
    assert_eq!(status, 404);
}

fn nobody() -> InvocationId {
    InvocationId { unique: 1 << 100, partition_key: 1 }
}
