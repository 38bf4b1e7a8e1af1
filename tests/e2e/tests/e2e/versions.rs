//! Versions: new code takes new calls, what runs stays on its code, and what is stuck finishes on the
//! repaired one.

use abide_e2e::api::text;
use abide_e2e::counter::Reaction;
use abide_e2e::rng::Rng;
use abide_e2e::upgrades::{group, groups, order};
use abide_e2e::{Counter, Guest, Server, Setup, eventually};
use serde_json::{Value, json};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

fn deployment_of(server: &Server, id: &str) -> String {
    text(&server.invocation(id)["deployment_id"])
}

#[test]
fn a_stuck_invocation_finishes_on_the_repaired_code() {
    let (server, counter) = (Server::start(), Counter::start());
    let url = counter.url("/shop");
    server.deploy(Guest::ShopV1);
    let stuck = server.send("Shop/order", &order("9,90", Some(&url)));
    let paused = server.wait_for_status(&stuck, "paused");
    assert_eq!(paused["pause_reason"]["kind"], "attempts-exhausted");

    // Resumed as it is, it is stuck again.
    server.admin_verb("resume", &stuck).expect(200);
    server.invocation_when(&stuck, "stuck again", |it| {
        it["status"] == "paused" && it["attempts"].as_u64() > paused["attempts"].as_u64()
    });
    let repaired = text(&server.upgrade(Guest::ShopV2, &[]).expect(201).json()["id"]);
    assert_eq!(server.invocation(&stuck)["status"], "paused", "nothing moves by itself");
    server.abide(&["invocations", "resume", &stuck, "--on", "latest"]).expect(0);
    assert_eq!(text(&server.attach(&stuck).expect(200).json()), "a lamp for 9.90");
    assert_eq!(deployment_of(&server, &stuck), repaired);
    assert_eq!(counter.bodies("/shop"), ["reserve", "charge"], "what was done is not done again");
}

#[test]
fn a_deployment_that_migrates_takes_along_what_fits() {
    let (server, counter) = (Server::start(), Counter::start());
    let url = counter.url("/shop");
    let first = server.deploy(Guest::ShopV1);
    let stuck = server.send("Shop/order", &order("9,90", Some(&url)));
    server.wait_for_status(&stuck, "paused");
    let waiting = server.deliveries(5, Some(&url));

    let deployed = server.upgrade(Guest::ShopV2, &[("migrate", "true")]).expect(201).json();
    assert_eq!((&deployed["migrated"], &deployed["left"]), (&json!(6), &json!(0)), "{deployed:#}");
    assert_eq!(text(&server.attach(&stuck).expect(200).json()), "a lamp for 9.90");
    let id = text(&deployed["id"]);
    for delivery in &waiting {
        assert_eq!(deployment_of(&server, delivery), id);
        assert_eq!(server.finish_delivery(delivery), "a lamp is on its way with Ann");
    }
    let count = |what: &str| counter.bodies("/shop").iter().filter(|body| *body == what).count();
    assert_eq!((count("reserve"), count("charge"), count("pack"), count("ship")), (1, 1, 5, 5));
    server.deployment_when(&first, "superseded");
}

#[test]
fn who_is_in_the_middle_of_a_run_block_stays_and_is_told() {
    let (server, counter) = (Server::start(), Counter::start());
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    counter.react(move |hit| {
        // Until the test says so, or is over.
        let _ = wait.lock().map(|wait| wait.recv());
        Reaction::Answer(hit.body.clone())
    });
    server.deploy(Guest::ShopV1);
    let busy = server.send("Shop/order", &order("1.50", Some(&counter.url("/shop"))));
    eventually("the run block runs", || (counter.count() == 1).then_some(()));
    let second = text(&server.upgrade(Guest::ShopV2, &[]).expect(201).json()["id"]);
    let moved = server.abide(&["deployments", "migrate", &second]).expect(0);
    let words =
        "moved 0 live invocations, 1 stays where it is; 1 of them fits, but was in the middle of a run block";
    assert!(moved.stdout.contains(words), "{}", moved.stdout);
    assert!(moved.stderr.contains(&format!("abide deployments migrate {second}")), "{}", moved.stderr);
    drop(go);
    assert_eq!(text(&server.attach(&busy).expect(200).json()), "a lamp for 1.50");
    assert_eq!(counter.bodies("/shop"), ["reserve", "charge"], "each once");
}

#[test]
fn only_what_fits_is_moved_and_the_rest_stays() {
    let server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    let packed = server.deliveries(3, None);
    let stuck = server.send("Shop/order", &order("9,90", None));
    server.wait_for_status(&stuck, "paused");
    server.upgrade(Guest::ShopV3, &[("migrate", "true")]).expect(409);
    assert_eq!(server.invocation(&stuck)["status"], "paused");
    let options = [("migrate", "true"), ("force", "true")];
    let deployed = server.upgrade(Guest::ShopV3, &options).expect(201).json();
    assert_eq!((&deployed["migrated"], &deployed["left"]), (&json!(1), &json!(3)), "{deployed:#}");
    assert_eq!(text(&server.attach(&stuck).expect(200).json()), "a lamp for 9.90");
    packed.iter().for_each(|delivery| assert_eq!(deployment_of(&server, delivery), first));

    // Moving to the code they fit, and back.
    let id = text(&deployed["id"]);
    let again = server.deployment_verb("migrate", &id).expect(200).json();
    assert_eq!((&again["migrated"], &again["left"]), (&json!(0), &json!(3)), "{again:#}");
    assert_eq!(group(&again["check"], "diverges")["live"], 3);
    let second = text(&server.upgrade(Guest::ShopV2, &[]).expect(201).json()["id"]);
    let moved = server.deployment_verb("migrate", &second).expect(200).json();
    assert_eq!((&moved["migrated"], &moved["left"]), (&json!(3), &json!(0)), "{moved:#}");
    assert_eq!(server.finish_delivery(&packed[0]), "a lamp is on its way with Ann");
}

#[test]
fn forced_code_takes_new_calls_and_what_runs_stays_over_restarts() {
    let (mut server, counter) = (Server::start(), Counter::start());
    let url = counter.url("/shop");
    let first = server.deploy(Guest::ShopV1);
    let old = server.deliveries(2, Some(&url));
    server.upgrade(Guest::ShopV3, &[]).expect(409);
    let forced = server.upgrade(Guest::ShopV3, &[("force", "true")]).expect(201).json();
    assert_eq!(group(&forced["check"], "diverges")["live"], 2);
    let second = text(&forced["id"]);
    assert_eq!(server.deployment(&first)["status"], "draining");
    assert_eq!(server.deployment(&first)["invocations_live"], 2);
    assert_eq!(server.deployment(&second)["status"], "active");

    server.restart();
    assert_eq!(server.deployment(&first)["status"], "draining");
    let new = server.send("Shop/deliver", &order("1.50", Some(&url)));
    assert_eq!(server.finish_delivery(&old[0]), "a lamp is on its way with Ann");
    assert_eq!(server.finish_delivery(&new), "a lamp is on its way with Ann");
    assert_eq!((deployment_of(&server, &old[0]), deployment_of(&server, &new)), (first.clone(), second));
    assert_eq!(server.entry_names(&old[0]), ["pack", "courier", "ship"]);
    assert_eq!(server.entry_names(&new), ["weigh", "pack", "courier", "ship"]);

    // It is needed until the last one has ended, and may go then.
    let refused =
        server.admin().request("DELETE", &format!("/deployments/{first}")).send().expect(409).json();
    assert_eq!(refused["code"], "deployment_in_use");
    assert!(text(&refused["message"]).contains("1 live invocation runs on it"), "{refused:#}");
    server.finish_delivery(&old[1]);
    assert_eq!(server.deployment_when(&first, "superseded")["invocations_live"], 0);
    server.admin().request("DELETE", &format!("/deployments/{first}")).send().expect(200);
    server.admin().request("DELETE", &format!("/deployments/{first}")).send().expect(404);
    server.admin().get(&format!("/deployments/{first}")).expect(404);
    let components = std::fs::read_dir(server.data().join("components")).unwrap();
    assert_eq!(components.count(), 1, "its component is gone");
    server.restart();
    server.call("Shop/order", &order("1.50", None)).expect(200);
    assert_eq!(server.admin().get("/deployments").json()["deployments"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_an_earlier_upgrade_left_behind_does_not_refuse_the_next() {
    let server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    server.deliveries(1, None);
    server.upgrade(Guest::ShopV3, &[("force", "true")]).expect(201);
    let renamed =
        abide_e2e::patch::rename(&Guest::ShopV3.bytes(), "Reserves, computes", "Reserves; computes");
    let next = server.upgrade_to(&renamed, &[]).expect(201).json();
    let left = group(&next["check"], "diverges");
    assert_eq!(text(&left["message"]), format!("stays on {first} since an earlier upgrade"));
}

#[test]
fn an_older_deployment_takes_calls_again() {
    let mut server = Server::start();
    let first = server.deploy(Guest::ShopV1);
    let second = text(&server.upgrade(Guest::ShopV2, &[]).expect(201).json()["id"]);
    let running = server.deliveries(1, None);
    assert_eq!(deployment_of(&server, &running[0]), second);

    let promoted = server.deployment_verb("promote", &first).expect(200).json();
    assert_eq!(promoted["id"], json!(first), "{promoted:#}");
    assert_eq!(group(&promoted["check"], "fits-so-far")["live"], 1);
    let revision = server.admin().get("/services/Shop").expect(200).json()["revision"].clone();
    assert_eq!((server.offered_by("Shop"), &revision), (first.clone(), &json!(3)));
    assert_eq!(server.deployment(&first)["status"], "active");
    assert_eq!(server.deployment(&second)["status"], "draining");
    server.restart();
    assert_eq!(server.offered_by("Shop"), first);
    assert_eq!(server.finish_delivery(&running[0]), "a lamp is on its way with Ann");
    let new = server.send("Shop/order", &order("1.50", None));
    server.attach(&new).expect(200);
    assert_eq!(deployment_of(&server, &new), first);

    // The same bytes again are the newest again, as if they were new.
    let again = server.upgrade(Guest::ShopV2, &[]).expect(200).json();
    assert_eq!((&again["id"], server.offered_by("Shop")), (&json!(second), second.clone()));

    // What runs on newer code may not fit the older one.
    server.upgrade(Guest::ShopV3, &[]).expect(201);
    server.deliveries(1, None);
    let refused = server.deployment_verb("promote", &second).expect(409).json();
    assert_eq!(refused["code"], "upgrade_diverges", "{refused:#}");
    assert_eq!(groups(&refused["details"], "diverges").len(), 1);
    let forced = server.admin().request("POST", &format!("/deployments/{second}/promote?force=true")).send();
    forced.expect(200);
    assert_eq!(server.offered_by("Shop"), second);
}

#[test]
fn a_deployment_in_use_is_removed_by_force_only() {
    let server = Server::start();
    let id = server.deploy(Guest::ShopV1);
    let delivery = server.deliveries(1, None).remove(0);
    let path = format!("/deployments/{id}");
    let refused = server.admin().request("DELETE", &path).send().expect(409).json();
    let message = text(&refused["message"]);
    assert!(message.contains("it offers Reviews, Shop, and 1 live invocation runs on it"), "{message}");
    server.admin().request("DELETE", &format!("{path}?force=true")).send().expect(200);
    server.admin().get("/services/Shop").expect(404);
    server.call("Shop/order", &order("1.50", None)).expect(404);
    // It waits on; once it has to run, it says what is missing, and another deployment can take it.
    server.resolve(&server.pending_awakeable(&delivery), &json!("Ann"));
    let failing = server.invocation_when(&delivery, "a failure", |it| it["last_failures"][0].is_object());
    assert!(abide_e2e::api::failures(&failing).contains("not loaded"), "{failing:#}");
    server.upgrade(Guest::ShopV2, &[("migrate", "true")]).expect(201);
    assert_eq!(text(&server.attach(&delivery).expect(200).json()), "a lamp is on its way with Ann");
}

#[test]
fn a_kill_during_an_upgrade_leaves_the_old_or_the_new() {
    let mut server = Setup::new().start();
    let mut rng = Rng::from_env();
    server.deploy(Guest::ShopV1);
    let ids = server.deliveries(10, None);
    for round in 0..4 {
        let (guest, process) = ([Guest::ShopV2, Guest::ShopV1][round % 2], server.process());
        let pause = rng.pause(Duration::from_millis(400));
        let path = "/deployments?migrate=true&allow_host=*";
        let upload = server.admin().request("POST", path).body("application/wasm", guest.bytes());
        let uploading = std::thread::spawn(move || upload.try_send());
        std::thread::sleep(pause);
        process.kill();
        let answered = uploading.join().expect("no panics").is_ok();
        server.restart();
        // Both services are of one deployment, and it is the new one if that was acknowledged.
        let offered = server.offered_by("Shop");
        assert_eq!(server.offered_by("Reviews"), offered);
        if answered {
            let again = server.upgrade(guest, &[]).expect(200).json();
            assert_eq!(again["id"], json!(offered));
        }
        server.call("Shop/order", &order("1.50", None)).expect(200);
    }
    for id in &ids {
        assert_eq!(server.finish_delivery(id), "a lamp is on its way with Ann");
    }
}

#[test]
fn the_command_shows_the_report_and_says_what_to_do() {
    let server = Server::start();
    let v1 = Guest::ShopV1.path().display().to_string();
    let dry_run = server.abide(&["deploy", &v1, "--dry-run"]).expect(0).stdout;
    assert!(dry_run.contains("new") && dry_run.contains("deliver"), "{dry_run}");
    let first = server.deploy(Guest::ShopV1);
    server.deliveries(2, None);
    let [v2, v3] = [Guest::ShopV2, Guest::ShopV3].map(|guest| guest.path().display().to_string());

    let refused = server.abide(&["deploy", &v3]).expect(1);
    for words in ["diverges", "Shop/deliver", "recorded run(\"pack\"), asked run(\"weigh\")", "2 live"] {
        assert!(refused.stdout.contains(words), "it does not say {words}: {}", refused.stdout);
    }
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let json = server.abide(&["deploy", &v3, "--json"]).expect(1).json();
    assert_eq!((&json["code"], &json["details"]["live_checked"]), (&json!("upgrade_diverges"), &json!(2)));
    let dry_run = server.abide(&["deploy", &v3, "--dry-run"]).expect(1);
    assert!(dry_run.stderr.contains("upgrade_diverges"), "{}", dry_run.stderr);
    let dry_run = server.abide(&["deploy", &v2, "--dry-run"]).expect(0);
    for words in ["nothing was changed", "Shop", "Reviews", &format!("taken over from {first}"), "the same"] {
        assert!(dry_run.stdout.contains(words), "it does not say {words}: {}", dry_run.stdout);
    }
    assert!(dry_run.stderr.contains("--allow-host '*'"), "{}", dry_run.stderr);
    assert_eq!(server.offered_by("Shop"), first);

    let deployed: Value = server.abide(&["deploy", &v2, "--migrate", "--json"]).expect(0).json();
    assert_eq!((&deployed["migrated"], &deployed["left"]), (&json!(2), &json!(0)), "{deployed:#}");
    let left = json!({ "variables": [], "allowed_hosts": ["*"] });
    assert_eq!(deployed["settings_not_carried_over"], left, "{deployed:#}");
    let second = text(&deployed["id"]);
    let listed = server.abide(&["deployments", "list"]).expect(0).stdout;
    assert!(listed.contains("active") && listed.contains("superseded"), "{listed}");
    let described = server.abide(&["deployments", "describe", &second]).expect(0).stdout;
    assert!(described.contains("active, 2 live invocations run on it"), "{described}");
    let checked = server.abide(&["deployments", "check", &first]).expect(0).stdout;
    assert!(checked.contains("fits-so-far"), "{checked}");
    let back = server.abide(&["deployments", "promote", &first]).expect(0).stdout;
    assert!(back.contains(&first), "{back}");
    let moved = server.abide(&["deployments", "migrate", &first]).expect(0).stdout;
    assert!(moved.contains("moved 2 live invocations\n"), "{moved}");
    let in_use = server.abide(&["deployments", "remove", &first]).expect(1);
    assert!(in_use.stderr.contains("is in use"), "{}", in_use.stderr);
    let removed = server.abide(&["deployments", "remove", &second]).expect(0).stdout;
    assert!(removed.contains(&format!("removed {second}")), "{removed}");
}
