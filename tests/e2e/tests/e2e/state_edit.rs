//! A person changes the state of objects: over HTTP and with the command, safely.

use abide_e2e::api::text;
use abide_e2e::script::{awakeable, get, say, set, step, wait_for};
use abide_e2e::{Guest, Server};
use serde_json::{Value, json};

fn read(server: &Server, key: &str) -> Value {
    server.admin().get(&format!("/services/Thing/state?key={key}")).expect(200).json()
}

fn edit(server: &Server, body: &Value) -> (u16, Value) {
    let reply = server.admin().post("/services/Thing/state", &body.to_string());
    (reply.status, reply.json())
}

#[test]
fn what_a_person_writes_is_durable_and_what_handlers_read_next() {
    let mut server = Server::with(Guest::Abilities);
    server.results("Thing/a/script", &[set("colour", "red"), set("size", 1)]);
    let seen = read(&server, "a");
    assert_eq!(seen["values_total"], 2);
    let new = json!({ "object_key": "a", "version": seen["version"], "new_values": { "colour": "blue" } });
    let (status, edited) = edit(&server, &new);
    assert_eq!(status, 200, "{edited}");
    server.restart();
    assert_eq!(read(&server, "a")["version"], edited["version"]);
    let keys = step("keys", json!({}));
    assert_eq!(server.results("Thing/a/look", &[get("colour"), keys]), [json!("blue"), json!(["colour"])]);
    // Somebody was faster: nothing is done.
    let (status, refused) = edit(&server, &new);
    assert_eq!((status, &refused["code"]), (409, &json!("state_changed")));
    assert_eq!(server.results("Thing/a/look", &[get("colour")]), ["blue"]);
}

#[test]
fn a_handler_in_the_middle_of_something_is_not_disturbed() {
    let server = Server::with(Guest::Abilities);
    let steps = [get("n"), awakeable("gate"), wait_for(1), set("n", 1)];
    let id = server.begin("Thing/k/script", &steps);
    let gate = server.pending_awakeable(&id);
    let (status, refused) = edit(&server, &json!({ "object_key": "k", "new_values": { "n": 7 } }));
    assert_eq!((status, &refused["code"]), (409, &json!("key_held")));
    let forced = json!({ "object_key": "k", "new_values": { "n": 7, "m": 8 }, "force": true });
    assert_eq!(edit(&server, &forced).0, 200);
    assert_eq!(server.results("Thing/k/look", &[get("n")]), [json!(7)]);
    server.resolve(&gate, &json!("go"));
    server.attach(&id).expect(200);
    // Its own write came later.
    assert_eq!(server.results("Thing/k/look", &[get("n"), get("m")]), [json!(1), json!(8)]);
}

#[test]
fn one_of_many_editors_wins() {
    let server = Server::with(Guest::Abilities);
    server.results("Thing/a/script", &[set("n", 0)]);
    let version = read(&server, "a")["version"].clone();
    let won: Vec<_> = std::thread::scope(|scope| {
        let editor = |n: usize| {
            let (server, version) = (&server, version.clone());
            let body = json!({ "object_key": "a", "version": version, "new_values": { "n": n } });
            scope.spawn(move || (n, edit(server, &body).0))
        };
        let editors: Vec<_> = (1..9).map(editor).collect();
        editors.into_iter().map(|editor| editor.join().expect("it ends")).collect()
    });
    let winners: Vec<_> = won.iter().filter(|(_, status)| *status == 200).collect();
    assert_eq!(winners.len(), 1, "{won:?}");
    assert_eq!(server.results("Thing/a/look", &[get("n")]), [json!(winners[0].0)]);
}

#[test]
fn objects_are_listed_by_their_keys() {
    let server = Server::with(Guest::Abilities);
    for key in ["b", "a", "ab", "c/d"] {
        server.results(&format!("Thing/{key}/script"), &[set("n", key)]);
    }
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.admin().get(&format!("/services/Thing/objects?limit=2{after}")).expect(200).json();
        keys.extend(page["objects"].as_array().expect("objects").iter().map(|it| text(&it["key"])));
        match page["next_after"].as_str() {
            Some(next) => after = format!("&after={}", abide_e2e::api::escape(next)),
            None => break,
        }
    }
    assert_eq!(keys, ["a", "ab", "b", "c/d"]);
}

#[test]
fn the_command_reads_and_changes_a_state() {
    let server = Server::with(Guest::Abilities);
    server.results("Thing/a/script", &[set("colour", "red"), set("size", 1)]);
    let table = server.abide(&["state", "get", "Thing", "a"]).expect(0).stdout;
    assert!(table.contains("colour") && table.contains("\"red\""), "{table}");
    assert_eq!(server.abide(&["state", "get", "Thing", "a", "size"]).expect(0).stdout, "1");
    server.abide(&["state", "get", "Thing", "a", "weight"]).expect(3);
    server.abide(&["state", "set", "Thing", "a", "size", "{\"w\":2}"]).expect(0);
    let refused = server.abide(&["state", "set", "Thing", "a", "size", "plain"]).expect(2);
    assert!(refused.stderr.contains("not JSON"), "{}", refused.stderr);
    server.abide(&["state", "set", "Thing", "a", "note", "plain", "--raw"]).expect(0);
    server.abide(&["state", "set", "Thing", "a", "colour", "--remove"]).expect(0);
    let seen = server.abide(&["state", "get", "Thing", "a", "--json"]).expect(0).json();
    let names: Vec<_> =
        seen["values"].as_array().expect("values").iter().map(|it| text(&it["name"])).collect();
    assert_eq!(names, ["note", "size"]);
    let objects = server.abide(&["objects", "list", "Thing"]).expect(0).stdout;
    assert!(objects.contains('a') && objects.contains("VALUES"), "{objects}");
    server.abide(&["state", "clear", "Thing", "a"]).expect(0);
    let objects = server.abide(&["objects", "list", "Thing", "--json"]).expect(0).json();
    assert_eq!(objects["objects"], json!([]));
}

#[test]
fn the_command_opens_an_editor() {
    let server = Server::with(Guest::Abilities);
    server.results("Thing/a/script", &[set("size", 1), set("colour", "red")]);
    let edited =
        server.abide_with(&["state", "edit", "Thing", "a"], &[("EDITOR", "sed -i s/red/blue/")]).expect(0);
    assert!(edited.stdout.contains("2 values"), "{}", edited.stdout);
    assert_eq!(server.results("Thing/a/look", &[get("colour"), get("size")]), [json!("blue"), json!(1)]);
    let same = server.abide_with(&["state", "edit", "Thing", "a"], &[("EDITOR", "true")]).expect(0);
    assert!(same.stderr.contains("nothing changed"), "{}", same.stderr);
    server.abide_with(&["state", "edit", "Thing", "a"], &[("EDITOR", "false")]).expect(1);
    let broken = server.abide_with(&["state", "edit", "Thing", "a"], &[("EDITOR", "sed -i s/}//")]).expect(2);
    assert!(broken.stderr.contains("what you wrote is in"), "{}", broken.stderr);
    assert_eq!(server.results("Thing/a/look", &[get("colour")]), ["blue"]);
}

#[test]
fn a_service_describes_itself_and_its_options_survive_a_restart() {
    let mut server = Server::with(Guest::Abilities);
    let document = server.abide(&["services", "openapi", "Thing"]).expect(0).json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        document["paths"]["/restate/call/Thing/{key}/script"]["post"]["summary"].is_string(),
        "{document}"
    );
    server.abide(&["services", "patch", "Act", "--public", "false", "--journal-retention", "2d"]).expect(0);
    server.restart();
    let service = server.admin().get("/services/Act").expect(200).json();
    assert_eq!((&service["public"], &service["journal_retention"]), (&json!(false), &json!("2d")));
    assert_eq!(server.act("Act/script", &[say("x")]).status, 400);
    let paths = server.admin().get("/services/Act/openapi").expect(200).json()["paths"].clone();
    assert_eq!(paths, json!({}));
    server.abide(&["services", "patch", "Act"]).expect(2);
}
