//! Few attempts at once, many things at once, and values at their limits.

use abide_e2e::api::{failures, text};
use abide_e2e::news::of_kind;
use abide_e2e::script::{attempt, awakeable, call, say, send, set, sleep, start, step, wait_for, with};
use abide_e2e::{Guest, Server, Setup, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Abilities);
    server
}

/// Handlers that call each other, `depth` deep.
fn nested(depth: usize) -> Value {
    let inner = json!([say("innermost")]);
    (0..depth).fold(inner, |inner, n| json!([call(&format!("Thing/{n}/script"), inner)]))
}

#[test]
fn callers_that_wait_make_room_for_those_they_call() {
    for args in [&["--attempts-max", "1"][..], &["--attempts-max", "2", "--suspend-after-ms", "60000"]] {
        let server = server(args);
        let begin = Instant::now();
        let mut answer = server.call("Caller/script", &nested(6)).expect(200).json();
        for _ in 0..6 {
            answer = answer[0].clone();
        }
        assert_eq!(answer, json!(["innermost"]));
        assert!(begin.elapsed() < Duration::from_secs(20), "{args:?}: {:?}", begin.elapsed());
    }
}

#[test]
fn hundreds_of_things_are_awaited_at_once_by_one_that_is_suspended() {
    let mut server = server(&["--suspend-after-ms", "0"]);
    let count = 200;
    let starts = (0..count).map(|n| start("Act/script", json!([sleep(n as u64 % 7), say(n)])));
    let awakeables = (0..count).map(|n| awakeable(&n.to_string()));
    let steps: Vec<_> = starts.chain(awakeables).chain((0..2 * count).map(wait_for)).collect();
    let id = server.begin("Caller/script", &steps);
    let waiting = server.invocation_when(&id, "the awakeables only", |it| {
        it["status"] == "suspended"
            && of_kind(it, "call").is_empty()
            && of_kind(it, "awakeable").len() == count
    });
    server.restart();
    // The last first.
    for each in of_kind(&waiting, "awakeable").iter().rev() {
        server.resolve(&text(&each["id"]), &each["name"]);
    }
    let results = server.attach(&id).expect(200).json();
    for n in 0..count {
        assert_eq!(results[2 * count + n], json!([null, n]));
        assert_eq!(results[3 * count + n], n.to_string());
    }
}

#[test]
fn what_is_too_large_fails_by_name() {
    // The usual memory of a guest has no room for the largest value, as text and as JSON.
    let server = server(&["--guest-memory-mib", "256"]);
    let (bytes_max, quotes) = (32_u64 << 20, 2);
    let largest = bytes_max - quotes;
    let id = server.send("Drawer/d/fillLarge", &json!(largest + 1));
    let failing = server.invocation_when(&id, "a failure", |it| it["last_failures"][0].is_object());
    let (bytes, said) = (bytes_max + 1, failures(&failing));
    let expected =
        format!("a value of the state has {bytes} bytes, the limit is {bytes_max} (guest value_bytes_max)");
    assert!(said.starts_with(&expected), "{said}");
    server.kill_invocation(&id);
    assert_eq!(server.call("Drawer/d/fillLarge", &json!(largest)).expect(200).json(), 0);
    assert_eq!(server.call("Drawer/d/fillLarge", &json!(1)).expect(200).json(), largest);
}

#[test]
fn signals_that_nobody_receives_are_limited() {
    let server = server(&[]);
    let id =
        server.begin("Act/script", &[awakeable("gate"), wait_for(0), step("signal", json!({ "name": "s" }))]);
    let gate = server.pending_awakeable(&id);
    let sends: Vec<_> =
        (0..1_000).map(|n| step("send-signal", json!({ "id": id, "name": "s", "value": n }))).collect();
    server.results("Act/script", &sends);
    let full = eventually("all have arrived", || {
        let reply = server.signal(&id, "s", &json!("too many"));
        (reply.status != 202).then_some(reply)
    });
    assert!(full.text().contains("SIGNALS_KEPT"), "{} {}", full.status, full.text());
    assert!(failures(&server.invocation(&id)).contains("SIGNALS_KEPT"));
    server.resolve(&gate, &Value::Null);
    assert_eq!(server.attach(&id).expect(200).json()[2], 0);
}

#[test]
fn delays_beyond_all_bounds_are_just_far_away() {
    let mut server = server(&[]);
    let far = with(send("Act/script", json!([say(1)])), "delayMs", json!(u64::MAX));
    let sent = server.results("Act/script", &[far]);
    let id = text(&sent[0]);
    assert_eq!(server.wait_for_status(&id, "scheduled")["invoked_by"], "invocation");
    server.restart();
    server.cancel(&id);
    server.attach(&id).expect(409);
}

#[test]
fn attaching_to_nothing_or_to_oneself_is_told() {
    let server = server(&[]);
    let attach = |id: &str| step("attach", json!({ "id": id }));
    let done = server.begin("Act/script", &[say("done")]);
    server.attach(&done).expect(200);
    let unknown = done.replacen(&done[20..26], "000000", 1);
    let results =
        server.results("Act/script", &[attach(&done), attempt(attach(&unknown)), attempt(attach("foo"))]);
    assert_eq!(results[0], json!(["done"]));
    assert_eq!((&results[1]["code"], &results[2]["code"]), (&json!(404), &json!(400)), "{results:?}");
    let own = server.begin("Act/script", &[attach("$self"), set("x", 1)]);
    let stuck = server.invocation_when(&own, "a deadlock", |it| !it["deadlock"].is_null());
    assert_eq!(stuck["deadlock"], json!([own]), "{stuck:#}");
    server.cancel(&own);
    server.attach(&own).expect(409);
}
