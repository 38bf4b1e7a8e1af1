//! Invocations that go through objects, calls, awakeables and cancellations, with known effects, so
//! that the server can be killed at each of them.

use crate::counter::Counter;
use crate::guests::Guest;
use crate::kill::{Order, Scenario};
use crate::script::{awakeable, call, get, post, send, set, sleep, step, undo, wait_for};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

/// A scenario of the guest `abilities` whose effects come one by one.
fn one_by_one(handler: &'static str, steps: Value, effects: &[&str], answer: Value) -> Scenario {
    Scenario {
        guest: Guest::Abilities,
        service: "Caller",
        handler,
        input: steps,
        effects: effects.iter().map(ToString::to_string).collect(),
        name_of: |hit| hit.body.clone(),
        order: Order::OneByOne,
        status: 200,
        answer,
    }
}

/// A caller, an object and a service, each with an effect before and after its call. The answer shows
/// the state that the object wrote. `name` is that of the object, and the path of the effects.
#[must_use]
pub fn chain(counter: &Counter, name: &str) -> Scenario {
    let (url, object) = (counter.url(&format!("/{name}")), format!("Thing/{name}/script"));
    let third = json!([post(&url, "third"), sleep(1)]);
    let second = json!([
        get("n"),
        set("n", 1),
        post(&url, "second-before"),
        call("Act/script", third),
        post(&url, "second-after"),
    ]);
    let first = json!([
        post(&url, "first-before"),
        call(&object, second),
        call(&object, json!([get("n"), step("clear", json!({ "name": "n" }))])),
        post(&url, "first-after"),
    ]);
    let effects = ["first-before", "second-before", "third", "second-after", "first-after"];
    let second = json!([null, null, "second-before", ["third", null], "second-after"]);
    one_by_one("script", first, &effects, json!(["first-before", second, [1, null], "first-after"]))
}

/// A handler waits for an awakeable; an object learns its id by a signal, and resolves it. `name` is that
/// of the object, and the path of the effects.
#[must_use]
pub fn news(counter: &Counter, name: &str) -> Scenario {
    let (url, object) = (counter.url(&format!("/{name}")), format!("Thing/{name}/script"));
    let resolver = json!([
        step("signal", json!({ "name": "id" })),
        post(&url, "resolving"),
        step("resolve", json!({ "id": "$0", "value": "news" })),
    ]);
    let steps = json!([
        awakeable("news"),
        post(&url, "before"),
        send(&object, resolver),
        step("send-signal", json!({ "id": "$2", "name": "id", "value": "$0" })),
        wait_for(0),
        post(&url, "after"),
        step("say", json!({ "value": "$4" })),
    ]);
    one_by_one("last", steps, &["before", "resolving", "after"], json!("news"))
}

/// A handler that is cancelled between what it did and a wait, and undoes it.
#[must_use]
pub fn cancelled_saga(counter: &Counter) -> Scenario {
    let url = counter.url("/saga");
    let steps = json!([
        undo(post(&url, "undo-1")),
        post(&url, "do-1"),
        undo(post(&url, "undo-2")),
        post(&url, "do-2"),
        step("cancel", json!({ "id": "$self" })),
        undo(call("Thing/saga/script", json!([post(&url, "undo-3")]))),
        sleep(HOUR_MS),
    ]);
    let effects = ["do-1", "do-2", "undo-3", "undo-2", "undo-1"];
    let answer = json!({ "code": 409, "message": "cancelled", "source": "invocation" });
    Scenario { status: 409, ..one_by_one("script", steps, &effects, answer) }
}

/// Every way to wait for several things at once. Good for one invocation: it uses a register of its own.
#[must_use]
pub fn combined(counter: &Counter, register: &str) -> Scenario {
    let numbered = |name: &str, count: usize| (0..count).map(|n| format!("{name}-{n}")).collect::<Vec<_>>();
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (all, buffered) = (numbered("all", 4), numbered("buffered", 5));
    let first = named(&["timeout", "select", "join", "try-join", "race"]);
    let last = named(&["unordered", "nested-left", "nested-right"]);
    Scenario {
        guest: Guest::Abilities,
        service: "Combined",
        handler: "all",
        input: json!({ "url": counter.url("/combined"), "ms": 20, "key": register }),
        effects: [&first[..], &all, &buffered, &last].concat(),
        name_of: |hit| hit.body.clone(),
        order: Order::AtOnce,
        status: 200,
        answer: json!({
            "timeout": [true, 1],
            "select": true,
            "join": ["join", 11, "try-join", 111],
            "race": ["race", 1],
            "joinAll": all,
            "unordered": [1, 3, 5],
            "buffered": [buffered, [1_111, 2_111, 3_111, 4_111]],
            "nested": [["nested-left", true], ["nested-right", true]],
        }),
    }
}
