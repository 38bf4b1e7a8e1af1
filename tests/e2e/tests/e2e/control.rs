//! A person lets invocations stand still and go on, on other code too, and has what is over done once more.

use abide_e2e::api::{millis, text};
use abide_e2e::script::{awakeable, fail, get, post, say, set, step, wait_for};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually};
use serde_json::json;

fn server() -> Server {
    Server::with(Guest::Abilities)
}

/// Returns the id of the awakeable that an invocation waits for.
#[track_caller]
fn awaited(server: &Server, id: &str) -> String {
    let shows = |it: &serde_json::Value| it["waiting_for"][0]["kind"] == "awakeable";
    let waits = server.invocation_when(id, "waits for an awakeable", shows);
    text(&waits["waiting_for"][0]["id"])
}

#[track_caller]
fn resolve(server: &Server, awakeable: &str, value: &str) {
    server.ingress().post(&format!("/restate/awakeables/{awakeable}/resolve"), value).expect(202);
}

#[test]
fn a_paused_run_block_is_stopped_and_done_again() {
    let (server, counter) = (server(), Counter::start());
    counter.react(|_| Reaction::AnswerAfter(millis(30_000), "late".into()));
    let id = server.begin("Act/script", &[post(&counter.url("/hang"), "x")]);
    eventually("the block is executed", || (!counter.bodies("/hang").is_empty()).then_some(()));
    server.admin_verb("pause", &id).expect(202);
    let paused = server.wait_for_status(&id, "paused");
    assert_eq!(paused["pause_reason"]["kind"], "by-person", "{paused:#}");
    server.admin_verb("pause", &id).expect(200);
    counter.react(|hit| Reaction::Answer(hit.body.clone()));
    server.admin_verb("resume", &id).expect(200);
    assert_eq!(server.attach(&id).expect(200).json(), json!(["x"]));
    assert_eq!(counter.bodies("/hang").len(), 2, "once before the pause, once after it");
    server.admin_verb("pause", &id).expect(409);
}

#[test]
fn what_comes_while_it_stands_still_is_kept_over_a_kill() {
    let mut server = server();
    let id = server.begin("Act/script", &[awakeable("a"), wait_for(0), say("after")]);
    let awakeable = awaited(&server, &id);
    server.admin_verb("pause", &id).expect(202);
    server.restart();
    assert_eq!(server.invocation(&id)["status"], "paused");
    resolve(&server, &awakeable, "7");
    server.restart();
    assert_eq!(server.invocation(&id)["status"], "paused", "somebody has to look first");
    server.admin_verb("resume", &id).expect(200);
    assert_eq!(server.attach(&id).expect(200).json()[1], 7);
}

#[test]
fn one_that_backs_off_does_not_try_again_while_it_stands_still() {
    let (mut server, counter) = (server(), Counter::start());
    counter.react(|_| Reaction::Fail(503));
    let id = server.begin("Act/patient", &[post(&counter.url("/fail"), "x")]);
    server.wait_for_status(&id, "backing-off");
    server.admin_verb("pause", &id).expect(202);
    server.restart();
    assert_eq!(server.invocation(&id)["status"], "paused");
    let tries = counter.bodies("/fail").len();
    counter.react(|hit| Reaction::Answer(hit.body.clone()));
    server.admin_verb("resume", &id).expect(200);
    assert_eq!(server.attach(&id).expect(200).json(), json!(["x"]));
    assert_eq!(counter.bodies("/fail").len(), tries + 1);
}

#[test]
fn a_paused_object_lets_nobody_in_and_can_be_killed() {
    let server = server();
    let holder = server.begin("Thing/k/script", &[awakeable("a"), wait_for(0)]);
    awaited(&server, &holder);
    let next = server.begin("Thing/k/script", &[say("next")]);
    server.admin_verb("pause", &holder).expect(202);
    assert_eq!(server.invocation(&next)["status"], "pending");
    server.admin_verb("pause", &next).expect(409);
    server.admin_verb("kill", &holder).expect(200);
    assert_eq!(server.attach(&next).expect(200).json(), json!(["next"]));
}

/// Restarts an invocation and returns the id of the new one.
#[track_caller]
fn restart(server: &Server, id: &str, query: &str) -> String {
    let reply = server.admin_verb(&format!("restart-as-new{query}"), id).expect(200);
    text(&reply.json()["new_invocation_id"])
}

#[test]
fn a_restart_does_all_again_or_only_what_comes_after_a_step() {
    let (mut server, counter) = (server(), Counter::start());
    let steps = [
        post(&counter.url("/one"), "1"),
        post(&counter.url("/two"), "2"),
        post(&counter.url("/three"), "3"),
        fail(500, "no"),
    ];
    let id = server.begin("Act/script", &steps);
    server.attach(&id).expect(500);
    let counts = || ["/one", "/two", "/three"].map(|path| counter.bodies(path).len());
    assert_eq!(counts(), [1, 1, 1]);
    let all = restart(&server, &id, "");
    server.attach(&all).expect(500);
    assert_eq!(counts(), [2, 2, 2]);
    let rest = restart(&server, &id, "?from=1");
    server.restart();
    server.attach(&rest).expect(500);
    let [one, two, three] = counts();
    assert_eq!([one, two], [2, 2], "what was done up to the step is not done again");
    // The server may have been killed when the third step was done and not recorded yet.
    assert!((3..=4).contains(&three), "{three}");
    let view = server.invocation(&rest);
    assert_eq!((&view["restarted_from"], &view["invoked_by"]), (&json!(id), &json!("restart_as_new")));
    assert_eq!(server.entry_names(&rest).len(), 3);
    assert_eq!(restart_error(&server, &id, "?from=9"), "bad_restart");
}

#[track_caller]
fn restart_error(server: &Server, id: &str, query: &str) -> String {
    let reply = server.admin_verb(&format!("restart-as-new{query}"), id);
    assert!(reply.status >= 400, "{}", reply.text());
    text(&reply.json()["code"])
}

#[test]
fn what_an_object_holds_is_read_anew_after_a_restart_in_the_middle() {
    let server = server();
    let counter = Counter::start();
    let steps = [set("n", 1), post(&counter.url("/x"), "x"), get("n")];
    let id = server.begin("Thing/k/script", &steps);
    assert_eq!(server.attach(&id).expect(200).json()[2], 1);
    server.results("Thing/k/script", &[set("n", 2)]);
    let again = restart(&server, &id, "?from=1");
    assert_eq!(server.attach(&again).expect(200).json()[2], 2, "somebody else has set it meanwhile");
    assert_eq!(counter.bodies("/x").len(), 1);
}

#[test]
fn a_purged_journal_leaves_the_answer() {
    let server = server();
    let input = json!([say("kept")]).to_string();
    let post = || {
        let request = server.ingress().request("POST", "/restate/call/Act/script");
        request.header("idempotency-key", "k").json(&input).send().expect(200)
    };
    let id = post().header("x-restate-id").expect("the answer has the id").to_owned();
    server.admin_verb("purge-journal", &id).expect(200);
    assert_eq!(server.journal(&id)["is_purged"], true);
    assert_eq!(post().json(), json!(["kept"]), "the same answer, without a journal");
    assert_eq!(restart_error(&server, &id, ""), "journal_purged");
}

/// Returns the same component as other bytes, so that it is another deployment.
fn another(guest: Guest) -> Vec<u8> {
    const CUSTOM_SECTION: [u8; 7] = [0, 5, 4, b'n', b'o', b't', b'e'];
    [&guest.bytes()[..], &CUSTOM_SECTION].concat()
}

#[test]
fn a_stuck_invocation_goes_on_on_repaired_code() {
    let server = Setup::new().that_compiles().start();
    let counter = Counter::start();
    let broken = server.deploy(Guest::Abilities);
    let crash = step("crash", json!({ "message": "boom", "unless": "REPAIRED" }));
    let id = server.begin("Act/brittle", &[post(&counter.url("/one"), "1"), crash, say("done")]);
    server.wait_for_status(&id, "paused");
    let reply = server.upload(&another(Guest::Abilities), &[("allow_host", "*"), ("env", "REPAIRED=1")]);
    let repaired = text(&reply.json()["id"]);
    assert_ne!(broken, repaired);
    server.admin_verb("resume", &id).expect(200);
    server.wait_for_status(&id, "paused");
    assert_eq!(server.invocation(&id)["deployment_id"], broken.as_str(), "it stays on its code");
    server.admin_verb("resume?deployment=latest", &id).expect(200);
    assert_eq!(server.attach(&id).expect(200).json()[2], "done");
    assert_eq!(server.invocation(&id)["deployment_id"], repaired.as_str());
    assert_eq!(counter.bodies("/one").len(), 1, "what was done is not done again");
}
