//! The web page, used as a person would use it: in a headless Chromium, against a real server.

use abide_e2e::browser::drive;
use abide_e2e::{Guest, Server, Setup};
use serde_json::{Value, json};

/// Runs a script and compares what it saw; passes when there is no browser.
#[track_caller]
fn check(script: &str, server: &Server, extra: Value, expected: &Value) {
    let Some(seen) = drive(script, server, extra) else { return };
    assert_eq!(&seen, expected, "{script} saw {seen:#}");
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
fn the_list_is_live_filtered_and_knows_keys() {
    let server = Server::with(Guest::Abilities);
    let expected = json!({ "isSamePage": true, "opened": true, "byText": true, "isInAddress": true });
    check("lists.mjs", &server, json!({ "filters": true }), &expected);
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
fn a_component_is_uploaded_through_the_page() {
    let server = Server::start();
    let expected = json!({ "hasTour": true, "env": true });
    check("upload.mjs", &server, json!({ "component": Guest::Tour.path() }), &expected);
}

/// Elements on the page, however many invocations there are.
const ELEMENTS_MAX: u64 = 2_000;
/// Processor time of the longest task; more is felt as a stall.
const STALL_MS_MAX: f64 = 150.0;

#[test]
fn very_many_invocations_do_not_stall_the_page() {
    let count = if std::env::var_os("ABIDE_E2E_LONG").is_some() { 100_000 } else { 3_000 };
    let server = Server::with(Guest::Bench);
    fill(&server, count);
    let Some(seen) = drive("many.mjs", &server, json!({ "count": count })) else { return };
    assert_eq!((&seen["loaded"], &seen["isPaged"]), (&true.into(), &true.into()), "{seen:#}");
    assert!(seen["elements"].as_u64().is_some_and(|elements| elements < ELEMENTS_MAX), "{seen:#}");
    assert!(seen["longest"].as_f64().is_some_and(|millis| millis < STALL_MS_MAX), "{seen:#}");
}

/// Makes so many invocations, by several clients at once.
fn fill(server: &Server, count: usize) {
    const CLIENTS: usize = 16;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for n in (client..count).step_by(CLIENTS) {
                    server.send(&format!("Counter/key-{}/add", n % 100), &json!(1));
                }
            });
        }
    });
}

#[test]
fn every_screen_is_sound_in_light_dark_and_narrow() {
    let (server, tour) = with_tour();
    let abilities = server.deploy(Guest::Abilities);
    let misbehaving = server.deploy(Guest::Misbehaving);
    let extra = json!({ "tour": tour, "abilities": abilities, "misbehaving": misbehaving });
    check("shots.mjs", &server, extra, &json!({ "wrong": [] }));
}
