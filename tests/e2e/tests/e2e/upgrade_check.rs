//! The upgrade check: what is recorded is replayed on new code before that takes calls, and nobody
//! notices.

use abide_e2e::api::text;
use abide_e2e::patch::rename;
use abide_e2e::upgrades::{group, groups, order};
use abide_e2e::{Counter, Guest, Server};
use serde_json::{Value, json};

const DRY_RUN: (&str, &str) = ("dry_run", "true");

#[test]
fn what_waits_fits_so_far_and_what_has_ended_fits() {
    let server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    server.call("Shop/order", &order("1.50", None)).expect(200);
    let waiting = server.deliveries(2, None);

    let dry_run = server.upgrade(Guest::ShopV2, &[DRY_RUN]).expect(200).json();
    assert_eq!((&dry_run["is_dry_run"], &dry_run["refusal"]), (&json!(true), &Value::Null));
    assert_eq!(
        (&dry_run["is_new"], &dry_run["services"][0]["takes_over_from"]),
        (&json!(true), &json!(first))
    );
    let report = &dry_run["check"];
    assert_eq!((&report["live_checked"], &report["finished_checked"]), (&json!(2), &json!(1)), "{report:#}");
    assert_eq!(report["is_complete"], true);
    let so_far = group(report, "fits-so-far");
    assert_eq!((&so_far["handler"], &so_far["live"]), (&json!("deliver"), &json!(2)));
    assert!(so_far["examples"].as_array().unwrap().iter().all(|id| waiting.contains(&text(id))));
    let ended = group(report, "fits");
    assert_eq!((&ended["handler"], &ended["finished"]), (&json!("order"), &json!(1)));

    // Nothing has changed.
    assert_eq!(server.offered_by("Shop"), first);
    assert_eq!(server.admin().get("/deployments").json()["deployments"].as_array().map(Vec::len), Some(1));

    // The same once it is deployed, and on demand.
    let deployed = server.upgrade(Guest::ShopV2, &[]).expect(201).json();
    assert_eq!(group(&deployed["check"], "fits-so-far")["live"], 2);
    let id = text(&deployed["id"]);
    let again = server.deployment_verb("check", &id).expect(200).json();
    assert_eq!((&again["deployment_id"], &again["live_checked"]), (&json!(id), &json!(2)), "{again:#}");
    assert_eq!(server.admin().get("/checks").expect(200).json(), json!({ "running": null }));
}

#[test]
fn another_step_is_found_and_refused_with_both_sides() {
    let server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    let ids = server.deliveries(3, None);
    server.finish_delivery(&ids[0]);

    let refused = server.upgrade(Guest::ShopV3, &[]).expect(409).json();
    assert_eq!(refused["code"], "upgrade_diverges");
    assert!(text(&refused["message"]).starts_with("2 live invocations could not go on"), "{refused:#}");
    assert!(text(&refused["hint"]).contains("force=true"));
    let found = &refused["details"]["groups"][0];
    assert_eq!(
        [&found["kind"], &found["service"], &found["handler"], &found["recorded"], &found["asked"]],
        ["diverges", "Shop", "deliver", "run(\"pack\")", "run(\"weigh\")"]
    );
    assert_eq!(
        (&found["op"], &found["live"], &found["finished"]),
        (&json!(0), &json!(2), &json!(1)),
        "{found:#}"
    );
    assert!(text(&found["backtrace"]).contains("shop_v3"), "{found:#}");

    // Nothing takes traffic, and nothing is left of it.
    assert_eq!(server.offered_by("Shop"), first);
    let again = server.deliveries(3, None);
    assert_eq!(server.entry_names(&again[0]), ["pack", "courier"]);
    assert_eq!(server.admin().get("/deployments").json()["deployments"].as_array().map(Vec::len), Some(1));
    let components = std::fs::read_dir(server.data().join("components")).unwrap();
    assert_eq!(components.count(), 1, "the refused component is not kept");
}

#[test]
fn a_trap_is_refused_and_another_answer_is_told() {
    let server = Server::start();
    server.deploy(Guest::ShopV1);
    server.call("Shop/order", &order("1.50", None)).expect(200);
    server.deliveries(1, None);
    let refused = server.upgrade(Guest::ShopV5, &[]).expect(409).json();
    assert_eq!(refused["code"], "upgrade_diverges", "{refused:#}");
    let report = &refused["details"];
    let trapped = group(report, "traps");
    assert_eq!((&trapped["handler"], &trapped["live"]), (&json!("deliver"), &json!(1)));
    assert!(text(&trapped["message"]).contains("no courier for pack"), "{trapped:#}");
    assert!(text(&trapped["backtrace"]).contains("shop_v5"), "{trapped:#}");
    let differs = group(report, "answer-differs");
    assert_eq!(
        (&differs["recorded"], &differs["asked"]),
        (&json!("\"a lamp for 1.50\""), &json!("\"you bought a lamp for 1.50\""))
    );
    let kinds: Vec<_> =
        report["groups"].as_array().unwrap().iter().map(|group| text(&group["kind"])).collect();
    assert_eq!(kinds, ["traps", "answer-differs"]);
}

#[test]
fn what_fails_now_may_fail_in_the_same_place() {
    let server = Server::start();
    server.deploy(Guest::ShopV1);
    let stuck = server.send("Shop/order", &order("1,50", None));
    server.wait_for_status(&stuck, "paused");
    let same_bug = rename(&Guest::ShopV1.bytes(), "Reserves, computes", "Reserves; computes");
    let deployed = server.upgrade_to(&same_bug, &[]).expect(201).json();
    let known = group(&deployed["check"], "traps");
    assert!(text(&known["message"]).starts_with("it fails, as it does now: invalid float"), "{known:#}");
    assert_eq!((&known["op"], &known["live"]), (&json!(1), &json!(1)));
}

#[test]
fn an_interface_that_changed_is_refused_unless_it_may_break() {
    let server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    let waiting = server.deliveries(1, None);
    let later = server.ingress().post("/Shop/deliver/send?delay=1h", &order("1.50", None).to_string());
    let scheduled = text(&later.expect(202).json()["invocationId"]);

    let clash = server.upgrade(Guest::ShopV4, &[]).expect(409).json();
    assert_eq!(clash["code"], "name_clash", "{clash:#}");
    let message = text(&clash["message"]);
    assert!(message.contains("'Reviews' is a virtual object") && message.contains(&first), "{message}");
    assert!(text(&clash["hint"]).contains("breaking=true"));

    let renamed = rename(&Guest::ShopV2.bytes(), "deliver", "delivex");
    let refused = server.upgrade_to(&renamed, &[]).expect(409).json();
    assert_eq!(refused["code"], "breaking_change", "{refused:#}");
    let changed = groups(&refused["details"], "interface-changed");
    let said: Vec<_> = changed.iter().map(|group| text(&group["message"])).collect();
    assert_eq!(said.len(), 2, "{refused:#}");
    assert!(said.contains(&"the handler is gone".to_owned()), "{said:?}");
    assert!(said.iter().any(|said| said.contains("it would fail with 404")), "{said:?}");
    let dry_run = server.upgrade_to(&renamed, &[DRY_RUN]).expect(200).json();
    assert_eq!(dry_run["refusal"], "breaking_change");
    let shop =
        dry_run["services"].as_array().unwrap().iter().find(|service| service["name"] == "Shop").unwrap();
    assert_eq!((&shop["is_new"], &shop["takes_over_from"]), (&json!(false), &json!(first)));
    let (gone, come) =
        (shop["handlers_removed"].as_array().unwrap(), shop["handlers_added"].as_array().unwrap());
    assert_eq!((gone.len(), come.len()), (1, 1), "{shop:#}");
    assert_eq!(server.offered_by("Shop"), first);

    let broken = server.upgrade(Guest::ShopV4, &[("breaking", "true")]).expect(201).json();
    assert_eq!(server.offered_by("Reviews"), text(&broken["id"]));
    let ty = text(&server.admin().get("/services/Reviews").expect(200).json()["ty"]);
    assert_eq!(ty, "Service");
    // What had begun goes on; what had not does not find its handler.
    assert_eq!(server.finish_delivery(&waiting[0]), "a lamp is on its way with Ann");
    server.cancel(&scheduled);
}

#[test]
fn a_check_is_noticed_by_nobody() {
    let (server, counter) = (Server::start(), Counter::start());
    let first = server.deploy(Guest::ShopV1);
    let url = counter.url("/shop");
    let ids = server.deliveries(10, Some(&url));
    let stuck = server.send("Shop/order", &order("1,50", Some(&url)));
    server.wait_for_status(&stuck, "paused");
    let look = || -> Vec<String> {
        let of = |id: &String| {
            let paths = [format!("/invocations/{id}"), format!("/invocations/{id}/journal")];
            paths.map(|path| server.admin().get(&path).expect(200).text()).join("\n")
        };
        ids.iter().chain([&stuck]).map(of).collect()
    };
    let (before, seen) = (look(), counter.log());
    assert_eq!(seen.len(), 11);
    for guest in [Guest::ShopV2, Guest::ShopV3, Guest::ShopV5, Guest::ShopV1] {
        server.upgrade(guest, &[DRY_RUN]).expect(200);
    }
    server.deployment_verb("check", &first).expect(200);
    assert_eq!(counter.log(), seen, "no run block was executed");
    assert_eq!(look(), before, "journals and records are what they were, byte for byte");
    // And they go on as if nothing had been.
    assert_eq!(server.finish_delivery(&ids[0]), "a lamp is on its way with Ann");
    assert_eq!(counter.count(), 12);
}

#[test]
fn a_thousand_live_invocations_are_checked_in_seconds() {
    let server = Server::start();
    server.deploy(Guest::ShopV1);
    server.deliveries(1_000, None);
    let fits = server.upgrade(Guest::ShopV2, &[DRY_RUN]).expect(200).json();
    let report = &fits["check"];
    assert_eq!(
        (&report["live_checked"], &report["is_complete"]),
        (&json!(1_000), &json!(true)),
        "{report:#}"
    );
    assert_eq!(group(report, "fits-so-far")["live"], 1_000);
    let diverges = server.upgrade(Guest::ShopV3, &[DRY_RUN]).expect(200).json();
    assert_eq!(group(&diverges["check"], "diverges")["live"], 1_000);
    println!(
        "1000 live invocations were checked in {} ms, {} ms",
        report["took_ms"], diverges["check"]["took_ms"]
    );
    // Calls are answered beside a check.
    std::thread::scope(|scope| {
        let check = scope.spawn(|| server.upgrade(Guest::ShopV2, &[DRY_RUN]).expect(200));
        let mut calls = 0;
        while !check.is_finished() {
            server.call("Shop/order", &order("1.50", None)).expect(200);
            calls += 1;
        }
        println!("{calls} calls were answered beside a check");
        check.join().expect("no panics");
    });
}
