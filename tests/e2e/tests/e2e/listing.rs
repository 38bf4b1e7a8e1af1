//! Lists of very many invocations: pages without holes while others come and end, sums, children.

use abide_e2e::api::text;
use abide_e2e::script::{say, send, with};
use abide_e2e::{Guest, Server, within};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SENDERS: usize = 21;
const SENT_BY_EACH: usize = 1_000;
/// They come long after the test.
const DELAY_MS: u64 = 36_000_000;
const PATIENCE: Duration = Duration::from_secs(300);

fn get(server: &Server, path: &str) -> Value {
    server.admin().get(path).expect(200).json()
}

/// Lets handlers send very many invocations that are scheduled for later, and returns their ids.
fn schedule_many(server: &Server) -> BTreeSet<String> {
    let later = with(send("Act/script", json!([])), "delayMs", json!(DELAY_MS));
    let steps = vec![later; SENT_BY_EACH];
    let senders: Vec<_> = (0..SENDERS).map(|_| server.begin("Act/script", &steps)).collect();
    senders.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    let all_arrived = || {
        let summary = get(server, "/invocations/summary?status=scheduled");
        (summary["total"] == SENDERS * SENT_BY_EACH).then_some(())
    };
    within(PATIENCE, "all that was sent has arrived", all_arrived);
    senders.iter().flat_map(|id| children(server, id)).collect()
}

fn children(server: &Server, id: &str) -> Vec<String> {
    let (mut ids, mut from) = (Vec::new(), 0);
    loop {
        let page = get(server, &format!("/invocations/{id}/children?from={from}&limit=400"));
        assert_eq!(page["total"], SENT_BY_EACH);
        for child in page["children"].as_array().expect("children") {
            assert_eq!(
                (&child["kind"], &child["invocation"]["status"]),
                (&json!("send"), &json!("scheduled"))
            );
            ids.push(text(&child["invocation_id"]));
        }
        match page["next_from"].as_u64() {
            Some(next) => from = next,
            None => return ids,
        }
    }
}

/// Returns all pages of a list, one behind the other.
fn all_pages(server: &Server, query: &str) -> Vec<Value> {
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = get(server, &format!("/invocations?limit=700&{query}{before}"));
        seen.extend(page["invocations"].as_array().expect("a list").iter().cloned());
        match page["next_before"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return seen,
        }
    }
}

#[test]
fn twenty_thousand_are_paged_without_holes_while_others_come_and_end() {
    let server = Server::with(Guest::Abilities);
    let expected = schedule_many(&server);
    assert_eq!(expected.len(), SENDERS * SENT_BY_EACH);
    let (is_over, came) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..2 {
            let (server, is_over, came) = (&server, &is_over, &came);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    // Some with computed ids, which end at once, some that stay.
                    let key = format!("{number}-{}", came.fetch_add(1, Ordering::Relaxed));
                    let request = server.ingress().request("POST", "/restate/call/Act/script");
                    request
                        .header("idempotency-key", &key)
                        .json(&json!([say("x")]).to_string())
                        .send()
                        .expect(200);
                    server.begin("Act/script", &[say("y")]);
                }
            });
        }
        for query in ["order=desc", "order=asc", "status=scheduled", "sort=modified_at&status=scheduled"] {
            let seen = all_pages(&server, query);
            let ids: Vec<_> = seen.iter().map(|it| text(&it["id"])).collect();
            let unique: BTreeSet<_> = ids.iter().cloned().collect();
            assert_eq!(unique.len(), ids.len(), "{query}: some are there twice");
            assert!(expected.is_subset(&unique), "{query}: some are missing");
            let at = if query.contains("modified") { "modified_at" } else { "created_at" };
            let times: Vec<_> = seen.iter().map(|it| text(&it[at])).collect();
            let is_in_order = match query {
                "order=asc" => times.is_sorted(),
                _ => times.is_sorted_by(|newer, older| newer >= older),
            };
            assert!(is_in_order, "{query}: not in order");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(came.into_inner() > 20, "others came meanwhile");
    // What few fit is found, however many pages the search takes.
    let senders = all_pages(&server, "service=Act&text=nothing-says-so");
    assert_eq!(senders, Vec::<Value>::new());
}

#[test]
fn many_live_ones_are_counted_with_those_that_have_ended() {
    let server = Server::with(Guest::Abilities);
    let done: Vec<_> = (0..5).map(|_| server.begin("Act/script", &[say("x")])).collect();
    done.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    let failed = server.begin("Act/script", &[abide_e2e::script::fail(418, "no tea")]);
    server.attach(&failed);
    let look = || {
        let summary = get(&server, "/invocations/summary?window=1d");
        (summary["completed"] == json!({ "success": 5, "failure": 1, "cancelled": 0, "killed": 0 }))
            .then_some(summary)
    };
    let summary = within(PATIENCE, "all are counted", look);
    assert_eq!((&summary["total"], &summary["failed_in_window"]), (&json!(6), &json!(1)));
    assert_eq!(summary["services"][0]["name"], "Act");
    let found = get(&server, "/invocations?text=NO%20TEA");
    assert_eq!(found["invocations"][0]["id"], json!(failed));
    assert_eq!(
        get(&server, "/invocations?result=failure&service=Act")["invocations"][0]["id"],
        json!(failed)
    );
}
