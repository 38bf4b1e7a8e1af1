//! Sagas that are cancelled and killed at random while the server is killed at random: what was done
//! and not undone is exactly what its handler says it did.

use abide_e2e::api::{millis, text};
use abide_e2e::rng::Rng;
use abide_e2e::script::{awakeable, call, path, post, say, sleep, step, undo, wait_for};
use abide_e2e::{Counter, Guest, Server, Setup, cli, eventually, within};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const CLIENTS: u64 = 4;
const FINISH: Duration = Duration::from_secs(60);

/// What somebody does to an invocation that it submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    LeftAlone,
    Cancelled,
    Killed,
}

struct Saga {
    name: String,
    id: String,
    fate: Fate,
    waits_forever: bool,
}

/// Writes itself into a book and posts, both to be undone; then waits, perhaps for ever.
fn steps(counter: &Counter, name: &str, pause_ms: u64, waits_forever: bool) -> Vec<Value> {
    let url = counter.url(&format!("/{name}"));
    let book = |verb: &str| {
        let change = step(verb, json!({ "name": name, "value": 1 }));
        call("Thing/book/script", json!([change]))
    };
    let wait = if waits_forever { [awakeable("never"), wait_for(6)] } else { [sleep(pause_ms), say("done")] };
    [
        &[undo(book("clear")), book("set"), sleep(pause_ms / 2), undo(post(&url, "undo")), post(&url, "do")],
        &[say(name)][..],
        &wait,
    ]
    .concat()
}

/// Submits sagas until the server dies, and does to them what is their fate.
fn run_client(server: &Server, counter: &Counter, wave: usize, client: u64, mut rng: Rng) -> Vec<Saga> {
    let mut sagas = Vec::new();
    for n in 0..8 {
        let name = format!("{wave}-{client}-{n}");
        let target = match rng.below(3) {
            0 => "Caller/script".to_owned(),
            1 => format!("Thing/k{}/script", rng.below(3)),
            _ => format!("Flow/{name}/run"),
        };
        let fate = [Fate::LeftAlone, Fate::Cancelled, Fate::Cancelled, Fate::Killed][rng.below(4) as usize];
        let waits_forever = rng.below(3) == 0;
        let input = json!(steps(counter, &name, rng.below(200), waits_forever)).to_string();
        let request =
            server.ingress().request("POST", &format!("/restate/send/{}", path(&target))).json(&input);
        // The server is dead: what it did not acknowledge may be there or not.
        let Ok(reply) = request.try_send() else { break };
        let id = text(&reply.expect(202).json()["invocationId"]);
        std::thread::sleep(rng.pause(millis(80)));
        let verb = match fate {
            Fate::LeftAlone => None,
            Fate::Cancelled => Some("cancel"),
            Fate::Killed => Some("kill"),
        };
        if let Some(verb) = verb {
            let _ = server.admin().request("PATCH", &format!("/invocations/{id}/{verb}")).try_send();
        }
        sagas.push(Saga { name, id, fate, waits_forever });
    }
    sagas
}

/// Ends what would wait for ever, until nothing is open any more. Also those whose submission was
/// accepted without the client hearing of it.
fn finish(server: &Server, sagas: &[Saga]) {
    let mut quiet_looks = 0;
    within(FINISH, "nothing is left open", || {
        let open = open_invocations(server);
        for id in &open {
            if server.invocation(id)["waiting_for"].to_string().contains("\"never\"") {
                server.admin_verb("cancel", id);
            }
        }
        let is_open = |saga: &Saga| server.output(&saga.id).status == 470;
        // One that changes hands during the look is in no list.
        let is_quiet = open.is_empty() && !sagas.iter().any(is_open);
        quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
        (quiet_looks == 3).then_some(())
    });
}

fn open_invocations(server: &Server) -> Vec<String> {
    let of = |status: &str| {
        let listing = server.admin().get(&format!("/invocations?limit=1000&status={status}")).json();
        let found = listing["invocations"].as_array().expect("a listing").clone();
        found.into_iter().map(|each| text(&each["id"])).collect::<Vec<_>>()
    };
    ["scheduled", "pending", "running", "suspended", "backing-off", "paused"]
        .into_iter()
        .flat_map(of)
        .collect()
}

/// Checks one saga against what it left behind.
fn check(server: &Server, counter: &Counter, booked: &[Value], saga: &Saga) {
    let Saga { name, id, fate, waits_forever } = saga;
    let reply = server.output(id);
    let context = format!("{name} {id} {fate:?} {}: {}", reply.status, reply.text());
    let posted = counter.bodies(&format!("/{name}"));
    let is_booked = booked.contains(&json!(name));
    match (reply.status, reply.json()["message"].as_str()) {
        (200, _) => {
            assert!(is_booked && !waits_forever, "{context}");
            assert!(!posted.is_empty() && posted.iter().all(|body| body == "do"), "{context}: {posted:?}");
        }
        (409, Some("cancelled")) => {
            assert!(*fate == Fate::Cancelled || *waits_forever, "{context}");
            assert!(!is_booked, "{context}: it is still in the book");
            let mut once = posted.clone();
            once.dedup();
            let is_undone = [&[][..], &["undo"], &["do", "undo"]]
                .contains(&&once.iter().map(String::as_str).collect::<Vec<_>>()[..]);
            assert!(is_undone, "{context}: {posted:?}");
        }
        (409, Some("killed")) => assert_eq!(*fate, Fate::Killed, "{context}"),
        _ => panic!("{context}"),
    }
}

#[test]
fn what_is_cancelled_is_undone_and_nothing_else() {
    let mut rng = Rng::from_env();
    let rounds = if std::env::var_os("ABIDE_E2E_LONG").is_some() { 30 } else { 1 };
    for round in 0..rounds {
        let suspend_after = ["0", "5", "1000"][rng.below(3) as usize];
        let partitions = ["1", "4", "16"][rng.below(3) as usize];
        println!("round {round}: --suspend-after-ms {suspend_after} --partitions {partitions}");
        let args = ["--suspend-after-ms", suspend_after, "--partitions", partitions];
        run_round(Setup::new().args(&args).start(), &mut rng);
    }
}

fn run_round(mut server: Server, rng: &mut Rng) {
    let counter = Counter::start();
    server.deploy(Guest::Abilities);
    let sagas = Mutex::new(Vec::new());
    for wave in 0..4 {
        let process = server.process();
        let life = millis(150) + rng.pause(millis(900));
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (rng, sagas, server, counter) = (rng.fork(), &sagas, &server, &counter);
                scope.spawn(move || {
                    let submitted = run_client(server, counter, wave, client, rng);
                    sagas.lock().unwrap_or_else(PoisonError::into_inner).extend(submitted);
                });
            }
            std::thread::sleep(life);
            process.kill();
        });
        server.restart();
    }
    let sagas = sagas.into_inner().unwrap_or_else(PoisonError::into_inner);
    finish(&server, &sagas);
    let keys = server.results("Thing/book/look", &[step("keys", json!({}))]);
    let booked = keys[0].as_array().expect("a list of names").clone();
    let ended = |status: u16| sagas.iter().filter(|saga| server.output(&saga.id).status == status).count();
    println!("{} sagas, {} done, {} ended early", sagas.len(), ended(200), ended(409));
    sagas.iter().for_each(|saga| check(&server, &counter, &booked, saga));
    // Nobody is left with a key.
    for key in ["book", "k0", "k1", "k2"] {
        assert_eq!(server.results(&format!("Thing/{key}/script"), &[say("free")]), ["free"]);
    }
    eventually("no key has a queue", || {
        (server.admin().get("/invocations?status=pending").json()["invocations"] == json!([])).then_some(())
    });
    server.stop();
    cli::abide(&["doctor", &server.data().display().to_string()]).expect(0);
}
