//! Who may come in: tokens on the admin port and the ingress, and browsers.

use abide_e2e::{Client, Guest, Reply, Server, Setup, cli, within};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("abide-e2e-").tempdir().expect("a folder can be made")
}

/// Asks with a token.
fn ask(client: Client, method: &str, path: &str, token: &str) -> Reply {
    client.request(method, path).header("authorization", format!("Bearer {token}")).send()
}

/// Makes a token in a configuration file and returns it.
fn create_in(file: &Path, args: &[&str]) -> String {
    let file = file.display().to_string();
    let args = [&["tokens", "create"], args, &["--into", &file]].concat();
    cli::abide(&args).expect(0).stdout.trim_end().to_owned()
}

fn audit(server: &Server) -> Vec<Value> {
    let text = std::fs::read_to_string(server.data().join("audit.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn a_port_that_is_open_to_others_does_not_start_without_a_token() {
    let (status, log) = Setup::new().args(&["--admin", "0.0.0.0:0"]).try_start().err().expect("it refuses");
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("abide tokens create ops --into abide.toml"), "{log}");
}

#[test]
fn tokens_of_the_file_open_what_their_scope_says_until_they_are_removed() {
    let folder = folder();
    let file = folder.path().join("abide.toml");
    let admin = create_in(&file, &["ops"]);
    let reader = create_in(&file, &["grafana", "--scope", "read"]);
    assert!(admin.starts_with("abt_") && reader.starts_with("abt_") && admin != reader);
    let text = std::fs::read_to_string(&file).expect("it was made");
    assert!(!text.contains(&admin) && text.contains("sha256"), "{text}");

    let server =
        Setup::new().args(&["--admin", "0.0.0.0:0", "--config", &file.display().to_string()]).start();
    let port = server.admin();
    port.get("/services").expect(401);
    port.get("/health").expect(200);
    ask(port, "GET", "/services", "abt_wrong").expect(401);
    ask(port, "GET", "/services", &reader).expect(200);
    let refused = ask(port, "POST", "/deployments", &reader).expect(403).json();
    assert_eq!(refused["code"], "forbidden");
    server.abide(&["services", "list"]).expect(1);
    server.abide_with(&["services", "list"], &[("ABIDE_ADMIN_TOKEN", &admin)]).expect(0);

    // Revoked without a new start: the section is removed, and the server told.
    let without = text.split("\n[[admin.tokens]]\nname = \"grafana\"").next().expect("a first part");
    let other = format!("{without}\n[guests]\ncpu_max = \"3s\"\n");
    std::fs::write(&file, other).expect("the file can be written");
    kill_process(server.process().id(), Signal::HUP).expect("it is our child");
    within(PATIENCE, "the token is useless", || {
        (ask(port, "GET", "/services", &reader).status == 401).then_some(())
    });
    ask(port, "GET", "/services", &admin).expect(200);
    // The token of the process itself is in no file, and stays.
    let listed = ask(port, "GET", "/tokens", &admin).expect(200).json();
    let names: Vec<&Value> =
        listed["tokens"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["ops", "abide-up"]);
    let ignored = "these have changed, and need a new start";
    let line = server.log().lines().find(|line| line.contains(ignored)).map(str::to_owned);
    assert!(line.as_deref().is_some_and(|line| line.contains("guests.cpu_max")), "{line:?}");
}

#[test]
fn tokens_are_made_and_revoked_while_the_server_runs() {
    let mut server =
        Setup::new().args(&["--admin-require-token"]).env("ABIDE_ADMIN_TOKEN", "the first one").start();
    let first = [("ABIDE_ADMIN_TOKEN", "the first one")];
    let created =
        server.abide_with(&["tokens", "create", "ci", "--scope", "deploy", "--json"], &first).expect(0);
    let token = created.json()["token"].as_str().expect("a token").to_owned();
    let listed = server.abide_with(&["tokens", "list"], &first).expect(0).stdout;
    assert!(listed.contains("ci") && listed.contains("deploy") && !listed.contains(&token), "{listed}");

    let upload = |server: &Server| {
        let request = server.admin().request("POST", "/deployments?env=SECRET=hush&allow_host=*");
        let request = request.header("authorization", format!("Bearer {token}"));
        request.body("application/wasm", Guest::Probe.bytes()).send()
    };
    upload(&server).expect(201);
    ask(server.admin(), "PATCH", "/invocations/inv_1000000000070000000000000000000005/kill", &token)
        .expect(403);

    // It is as durable as everything else, and so is its end.
    server.restart();
    upload(&server).expect(200);
    server.abide_with(&["tokens", "revoke", "ci"], &first).expect(0);
    upload(&server).expect(401);
    server.restart();
    upload(&server).expect(401);
    server.abide_with(&["tokens", "revoke", "ci"], &first).expect(3);

    let lines: Vec<Value> = audit(&server)
        .iter()
        .map(|line| json!([line["who"], line["method"], line["path"], line["query"], line["status"]]))
        .collect();
    let upload = |status: u16| json!(["ci", "POST", "/deployments", "env=***&allow_host=*", status]);
    assert_eq!(
        lines,
        [
            json!(["admin.token", "POST", "/tokens", null, 201]),
            upload(201),
            json!(["ci", "PATCH", "/invocations/inv_1000000000070000000000000000000005/kill", null, 403]),
            upload(200),
            json!(["admin.token", "DELETE", "/tokens/ci", null, 200]),
            json!(["admin.token", "DELETE", "/tokens/ci", null, 404]),
        ]
    );
    let detail = audit(&server)[1]["detail"].clone();
    assert!(detail.as_str().is_some_and(|id| id.starts_with("dp_")), "what came of the upload: {detail}");
    assert!(
        audit(&server)
            .iter()
            .all(|line| line["from"].as_str().is_some_and(|it| it.starts_with("127.0.0.1:")))
    );
    assert!(!server.log().contains("hush") && server.log().contains("abide::audit"), "{}", server.log());
}

#[test]
fn services_ask_for_a_token_where_the_settings_say_so() {
    let folder = folder();
    let file = folder.path().join("abide.toml");
    std::fs::write(&file, "[ingress]\nrequire_token = true\nno_token_for = [\"Hidden\"]\n")
        .expect("it can be written");
    let admin = create_in(&file, &["ops"]);
    let caller = create_in(&file, &["shop", "--scope", "call", "--service", "Probe"]);
    // The server deploys by itself although it knows only digests.
    let guest = Guest::Probe.path().display().to_string();
    let server = Setup::new().args(&["--config", &file.display().to_string(), "--deploy", &guest]).start();
    within(PATIENCE, "the guest is deployed", || {
        let services = ask(server.admin(), "GET", "/services/Probe", &admin);
        (services.status == 200).then_some(())
    });
    let call = |token: Option<&str>| {
        let mut request = server.ingress().request("POST", "/Probe/headers").json("{}");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send()
    };
    call(None).expect(401);
    call(Some("abt_wrong")).expect(401);
    let headers = call(Some(&caller)).expect(200).text();
    assert!(
        !headers.contains(&caller) && !headers.contains("authorization"),
        "not for the handler: {headers}"
    );
    ask(server.admin(), "GET", "/services", &caller).expect(403);
    server.ingress().get("/restate/health").expect(200);
    let refused = server.abide(&["call", "Probe/headers", "{}"]).expect(1);
    assert!(refused.stderr.contains("ABIDE_INGRESS_TOKEN"), "{}", refused.stderr);
    server.abide_with(&["call", "Probe/headers", "{}"], &[("ABIDE_INGRESS_TOKEN", &caller)]).expect(0);
}

#[test]
fn a_page_of_another_site_cannot_reach_a_server_on_loopback() {
    let server = Server::start();
    let asked = |client: Client, head: &str| {
        let mut stream = client.connect();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).expect("the port is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).expect("a status")
    };
    let (admin, ingress) = (server.admin(), server.ingress());
    let port = admin.addr.port();
    // The name of the page was made to point here.
    assert_eq!(asked(admin, &format!("GET /config HTTP/1.1\r\nhost: evil.test:{port}\r\n")), 403);
    assert_eq!(asked(ingress, "POST /S/h HTTP/1.1\r\nhost: evil.test\r\n"), 403);
    assert_eq!(asked(admin, &format!("GET /config HTTP/1.1\r\nhost: localhost:{port}\r\n")), 200);
    // The page sends what needs no permission of ours.
    let foreign = format!(
        "POST /tokens HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://evil.test\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n"
    );
    assert_eq!(asked(admin, &foreign), 403);
    let own = foreign.replace("http://evil.test", &format!("http://localhost:{port}"));
    assert_eq!(asked(admin, &own), 400, "the page of this server comes as far as its empty body");
    assert!(audit(&server).iter().all(|line| line["status"] == 400), "who is kept out leaves no line");
}
