//! The web page, used as a person would use it: in a headless Chromium, against a real server.

use abide_e2e::browser::drive;
use abide_e2e::script::{send, with};
use abide_e2e::{Guest, Server, Setup};
use serde_json::{Value, json};

/// Runs a script and compares what it saw; passes when there is no browser.
#[track_caller]
fn check(script: &str, server: &Server, extra: Value, expected: &Value) {
    let Some(seen) = drive(script, server, extra) else { return };
    assert_eq!(&seen, expected, "{script} saw {seen:#}");
}

/// Puts objects together.
fn all(parts: &[Value]) -> Value {
    let fields = parts.iter().flat_map(|part| part.as_object().expect("an object").clone());
    Value::Object(fields.collect())
}

/// Starts a server with the tour that tells its own ingress.
fn with_tour() -> (Server, String) {
    let server = Server::start();
    let ingress = format!("INGRESS={}", server.ingress().addr);
    let tour = server.deploy_with(Guest::Tour, &[("env", &ingress)]);
    (server, tour)
}

#[test]
fn the_tour_is_driven_through_the_page() {
    let (server, _) = with_tour();
    let payment = json!({ "isShown": true, "isOfIngress": true });
    let expected = json!({ "isNamed": true, "isRetried": true, "payment": payment });
    check("tour.mjs", &server, json!({}), &expected);
}

#[test]
fn what_would_like_to_be_markup_stays_text() {
    let server = Server::start();
    let deployment = server.deploy(Guest::Abilities);
    let expected = json!({ "bad": [], "refused": true });
    check("hostile.mjs", &server, json!({ "deployment": deployment }), &expected);
}

#[test]
fn a_token_is_asked_for_and_stays_in_its_tab() {
    let server = Setup::new().args(&["--admin-token", "s3cret"]).start();
    let kept = json!({ "session": ["s3cret"], "local": [], "cookies": "" });
    let expected = json!({ "kept": kept, "left": 0 });
    check("login.mjs", &server, json!({ "token": "s3cret" }), &expected);
}

#[test]
fn lists_are_live_and_filtered_and_many_are_acted_on_at_once() {
    let server = Server::with(Guest::Abilities);
    let found = json!({ "isSamePage": true, "opened": true, "byText": true, "isInAddress": true });
    let done = json!({ "untouched": 3, "cancelled": 5, "left": 0, "resumed": 3 });
    check("lists.mjs", &server, json!({}), &all(&[found, done]));
}

#[test]
fn a_state_is_edited_unless_somebody_else_was_faster() {
    let server = Server::with(Guest::Abilities);
    let saved = json!({ "city": { "name": "Lyon" }, "since": 2026 });
    let kept = json!({ "city": { "name": "Lyon" }, "since": 1999 });
    let expected = json!({ "isRefused": true, "saved": saved, "kept": kept });
    check("state.mjs", &server, json!({}), &expected);
}

#[test]
fn new_code_is_dropped_checked_moved_to_gone_back_from_and_removed() {
    let server = Server::start();
    let versions =
        json!({ "v1": Guest::ShopV1.path(), "v2": Guest::ShopV2.path(), "v3": Guest::ShopV3.path() });
    let uploaded = json!({ "isNew": true, "env": { "SHOP": "open" } });
    let diverges = json!({ "diverges": { "hasBothSides": true, "mustInsist": true, "deployments": 1 } });
    let moved = json!({ "takesOver": true, "isMoved": true, "isBack": true, "left": [true] });
    check("deploy.mjs", &server, versions, &all(&[uploaded, diverges, moved]));
}

#[test]
fn what_a_person_does_by_hand() {
    let server = Server::with(Guest::Abilities);
    server.deploy(Guest::Probe);
    let restarts = json!({ "isNamed": true, "fromBeginning": true, "fromStep": true });
    let logs = json!({ "sources": ["info", "stderr", "stdout", "warn"], "counted": "8" });
    let sql = json!({ "hasQuestions": true, "refused": [], "csv": ["id,target", true] });
    let keys = json!({
        "gone": "ibsdqto", "isSkipFirst": true, "isSkipped": true, "isLogs": true, "isInMenu": true,
        "isMenuClosed": true, "isInDialog": true, "isGivenBack": true,
    });
    let themes = json!({
        "bySystem": true, "byHand": true, "isKept": true, "isBack": true, "isAtBottom": true,
    });
    let expected = json!({
        "steady": {}, "restarts": restarts, "pauses": { "isGone": true }, "pagers": {}, "logs": logs,
        "sql": sql, "keys": keys, "themes": themes,
    });
    check("acts.mjs", &server, json!({}), &expected);
}

/// Elements on the page, however many invocations there are.
const ELEMENTS_MAX: u64 = 2_000;
/// Processor time of the longest task, in milliseconds; more is felt as a stall.
const STALL_MS_MAX: u64 = 150;
/// Memory of the page for 100,000 rows.
const HEAP_MIB_MAX: u64 = 150;

#[test]
fn very_many_invocations_do_not_stall_the_page() {
    let count = if std::env::var_os("ABIDE_E2E_LONG").is_some() { 100_000 } else { 3_000 };
    let server = Server::with(Guest::Abilities);
    fill(&server, count);
    let extra = json!({ "count": count, "patienceMs": 60_000 + 10 * count });
    let Some(seen) = drive("many.mjs", &server, extra) else { return };
    println!("{count} invocations: {seen}");
    assert_eq!((&seen["loaded"], &seen["isPaged"]), (&true.into(), &true.into()), "{seen:#}");
    let at_most = |name: &str, most: u64| {
        assert!(seen[name].as_u64().is_some_and(|found| found <= most), "{name} is above {most}: {seen:#}");
    };
    at_most("elements", ELEMENTS_MAX);
    at_most("longestScrolling", STALL_MS_MAX);
    at_most("longestLive", STALL_MS_MAX);
    at_most("heapMiB", HEAP_MIB_MAX);
}

/// Makes so many invocations fast: a few send the others, which begin tomorrow.
fn fill(server: &Server, count: usize) {
    const AT_ONCE: usize = 1_000;
    const DAY_MS: u64 = 24 * 3_600_000;
    for from in (0..count).step_by(AT_ONCE) {
        let later = |n: usize| {
            with(send(&format!("Thing/key-{}/script", n % 500), json!([])), "delayMs", json!(DAY_MS))
        };
        let steps: Vec<_> = (from..count.min(from + AT_ONCE)).map(later).collect();
        server.call("Caller/script", &json!(steps)).expect(200);
    }
}

#[test]
fn every_screen_is_sound_in_light_dark_and_narrow() {
    let (server, tour) = with_tour();
    let abilities = server.deploy(Guest::Abilities);
    let misbehaving = server.deploy(Guest::Misbehaving);
    let extra = json!({ "tour": tour, "abilities": abilities, "misbehaving": misbehaving });
    check("shots.mjs", &server, extra, &json!({ "wrong": [] }));
}
