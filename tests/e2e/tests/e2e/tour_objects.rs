//! The tour: virtual objects.

use abide_e2e::{Guest, Server};

const ADD: [&str; 4] = [
    r#"curl localhost:8080/UserSubscriptions/user-123/add --json '"Hulu"'"#,
    r#"curl localhost:8080/UserSubscriptions/user-123/add --json '"Prime"'"#,
    r#"curl localhost:8080/UserSubscriptions/user-123/add --json '"Disney"'"#,
    r#"curl localhost:8080/UserSubscriptions/user-456/add --json '"Netflix"'"#,
];
const GET: &str = "curl localhost:8080/UserSubscriptions/user-123/getSubscriptions";

fn add_all(server: &Server) {
    for line in ADD {
        let reply = server.ingress().curl(line).send().expect(200);
        assert_eq!((reply.text().as_str(), reply.header("content-type")), ("", None));
        let id = reply.header("x-restate-id").expect("an id");
        assert_eq!(
            server.entry_names(id),
            ["subscriptions", "subscriptions", "lastUpdated"],
            "get, set, set"
        );
    }
}

fn subscriptions_of(server: &Server, user: &str) -> String {
    let reply = server.ingress().curl(&GET.replace("user-123", user)).send().expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.text()
}

#[test]
fn virtual_objects_keep_what_each_user_has() {
    let mut server = Server::with(Guest::Tour);
    assert_eq!(subscriptions_of(&server, "user-123"), "[]");
    add_all(&server);
    assert_eq!(subscriptions_of(&server, "user-123"), r#"["Hulu","Prime","Disney"]"#);
    assert_eq!(subscriptions_of(&server, "user-456"), r#"["Netflix"]"#);

    // What was acknowledged is there after a kill, and adding it again changes nothing.
    server.restart();
    assert_eq!(subscriptions_of(&server, "user-123"), r#"["Hulu","Prime","Disney"]"#);
    add_all(&server);
    assert_eq!(subscriptions_of(&server, "user-123"), r#"["Hulu","Prime","Disney"]"#);
    assert_eq!(subscriptions_of(&server, "user-789"), "[]");
}

#[test]
fn virtual_objects_do_not_lose_what_is_added_at_once() {
    let mut server = Server::with(Guest::Tour);
    let client = server.ingress();
    let names: Vec<_> = (10..40).map(|n| format!("platform-{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let line = ADD[0].replace("Hulu", name);
            scope.spawn(move || client.curl(&line).send().expect(200));
        }
    });
    server.restart();
    let mut added: Vec<String> = serde_json::from_str(&subscriptions_of(&server, "user-123")).expect("JSON");
    added.sort();
    assert_eq!(added, names);
}
