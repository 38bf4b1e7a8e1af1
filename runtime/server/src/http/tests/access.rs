//! Who may come in, and whom browsers let in: both ports.

use super::script::check_with;
use super::world::World;
use crate::access::grant::Scope;
use crate::config::{AdminConfig, Config, IngressConfig};
use crate::deploy::SettingsChange;
use abide_core::ids::{AwakeableId, DeploymentId, InvocationId};
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use serde_json::json;
use std::task::Poll;
use std::time::Duration;
use tower::ServiceExt;

fn guarded(ingress: IngressConfig) -> Config {
    let admin = AdminConfig { token: Some("s3cret".to_owned()), ..AdminConfig::default() };
    Config { admin, ingress, ..Config::default() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const NEEDED: &str = r#"401 {"code":"unauthorized","hint":"send the header \"authorization: Bearer TOKEN\" with a token of this server; the abide command takes it from ABIDE_ADMIN_TOKEN","message":"the admin port needs a token"}"#;
const WRONG: &str = r#"401 {"code":"wrong_token","hint":"the abide command takes the token from ABIDE_ADMIN_TOKEN","message":"the token is not known: it may be revoked, or misspelt"}"#;

fn forbidden(name: &str, scope: &str, need: &str) -> String {
    format!(
        r#"403 {{"code":"forbidden","hint":"use another token; \"abide tokens list\" shows them","message":"the token '{name}' has the scope {scope}, this needs {need}"}}"#
    )
}

#[tokio::test]
async fn every_path_but_page_and_health_needs_a_token() {
    let script = format!(
        r#"
        GET :9070/health
          200
        GET :9070/version
          {NEEDED}
        GET :9070/config
          {NEEDED}
        GET :9070/nothing
          {NEEDED}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/kill
          {NEEDED}
        GET :9070/services bearer:wrong
          {WRONG}
        GET :9070/config bearer:s3cret
          200 {{"values":[]}}
        GET :9070/config authorization:s3cret
          {NEEDED}
        "#
    );
    check_with(&guarded(IngressConfig::default()), &script).await;
}

#[tokio::test]
async fn a_backup_is_for_admins_and_from_a_disk() {
    let script = format!(
        r#"
        POST :9070/backup
          {NEEDED}
        POST :9070/backup bearer:wrong
          {WRONG}
        GET :9070/backup bearer:s3cret
          405 {{"code":"method_not_allowed","message":"this path does not know the method GET"}}
        POST :9070/backup bearer:s3cret
          409 {{"code":"nothing_to_back_up","hint":"start a server with a data folder","message":"this server keeps everything in memory, there is nothing to back up"}}
        "#
    );
    check_with(&guarded(IngressConfig::default()), &script).await;
}

#[tokio::test]
async fn tokens_are_made_used_and_revoked() {
    let script = format!(
        r#"
        POST :9070/tokens bearer:s3cret -- {{"name":"ci","scope":"deploy"}}
          201 {{"name":"ci","scope":"deploy","services":[],"token":"token:A"}}
        POST :9070/tokens bearer:s3cret -- {{"name":"grafana","scope":"read"}}
          201 {{"name":"grafana","scope":"read","services":[],"token":"token:B"}}
        POST :9070/tokens bearer:s3cret -- {{"name":"shop","scope":"call","services":["Probe"]}}
          201 {{"name":"shop","scope":"call","services":["Probe"],"token":"token:C"}}
        GET :9070/tokens bearer:s3cret
          200 {{"tokens":[{{"name":"admin.token","scope":"admin","services":[],"kept_in":"config","created_at":null}},{{"name":"ci","scope":"deploy","services":[],"kept_in":"store","created_at":"TIME"}},{{"name":"grafana","scope":"read","services":[],"kept_in":"store","created_at":"TIME"}},{{"name":"shop","scope":"call","services":["Probe"],"kept_in":"store","created_at":"TIME"}}]}}
        GET :9070/config bearer:token:A
          200 {{"values":[]}}
        GET :9070/config bearer:token:B
          200 {{"values":[]}}
        GET :9070/config bearer:token:C
          {}
        POST :9070/deployments bearer:token:B
          {}
        POST :9070/deployments bearer:token:A content-type:text/plain -- x
          415 {{"code":"upload_content_type","hint":"with curl: -H 'content-type: application/wasm' --data-binary @FILE","message":"an upload has content-type application/wasm or application/octet-stream, this one has text/plain"}}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/kill bearer:token:A
          {}
        GET :9070/tokens bearer:token:B
          {}
        DELETE :9070/tokens/ci bearer:token:A
          {}
        DELETE :9070/tokens/ci bearer:s3cret
          200
        GET :9070/config bearer:token:A
          {WRONG}
        DELETE :9070/tokens/ci bearer:s3cret
          404 {{"code":"unknown_token","hint":"GET /tokens lists them","message":"there is no token 'ci'"}}
        DELETE :9070/tokens/admin.token bearer:s3cret
          409 {{"code":"token_configured","hint":"remove it from the configuration, and send SIGHUP to the server","message":"the token 'admin.token' comes from the configuration"}}
        POST :9070/tokens bearer:s3cret -- {{"name":"shop"}}
          409 {{"code":"token_exists","hint":"revoke it first, or choose another name","message":"there is a token 'shop' already"}}
        POST :9070/tokens bearer:s3cret -- {{"name":"a b"}}
          400 {{"code":"bad_token","message":"a name has 1 to 64 letters, digits or -_.@"}}
        POST :9070/tokens bearer:s3cret -- {{"name":"x","scope":"root"}}
          400 {{"code":"bad_body","message":"the body is not what this path takes: unknown variant `root`, expected one of `admin`, `deploy`, `read`, `call` at line 1 column 26"}}
        "#,
        forbidden("shop", "call", "read, deploy or admin"),
        forbidden("grafana", "read", "deploy or admin"),
        forbidden("ci", "deploy", "admin"),
        forbidden("grafana", "read", "admin"),
        forbidden("ci", "deploy", "admin"),
    );
    check_with(&guarded(IngressConfig::default()), &script).await;
}

#[tokio::test]
async fn who_may_only_read_sees_the_names_of_variables() {
    let world = World::start(&guarded(IngressConfig::default()));
    let (id, env) = (DeploymentId::from_digest(1), [("PASSWORD".to_owned(), Some("hush".to_owned()))].into());
    world.state.deployments.update(&id, SettingsChange { env, allowed_hosts: None }).await.unwrap();
    for (scope, value) in
        [(Scope::Read, json!(null)), (Scope::Deploy, json!("hush")), (Scope::Admin, json!("hush"))]
    {
        let token = world.state.access.create(scope.name(), scope, Vec::new()).await.unwrap();
        let path = format!("/deployments/{id}");
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let response = ask(&world.admin, request).await;
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(shown["settings"]["env"], json!({ "PASSWORD": value }), "{}", scope.name());
    }
}

#[tokio::test]
async fn a_chosen_token_cannot_be_guessed_by_trying() {
    let mut script = String::from("        POST :9070/tokens bearer:s3cret -- {\"name\":\"ops\"}\n");
    script += "          201 {\"name\":\"ops\",\"scope\":\"admin\",\"services\":[],\"token\":\"token:A\"}\n";
    for number in 0..crate::access::FAILURES_MAX {
        script += &format!("        GET :9070/config bearer:guess{number}\n          {WRONG}\n");
    }
    // Also the right one is not looked at any more. One that cannot be guessed is.
    script += r#"
        GET :9070/config bearer:s3cret
          429 {"code":"too_many_logins","hint":"wait a minute; a token made by \"abide tokens create\" is let in at once","message":"too many wrong tokens came from your address"}
        GET :9070/config bearer:token:A
          200 {"values":[]}
        "#;
    check_with(&guarded(IngressConfig::default()), &script).await;
}

#[tokio::test]
async fn calls_need_a_token_where_the_settings_say_so() {
    let rules =
        IngressConfig { require_token: true, no_token_for: names(&["Counter"]), ..IngressConfig::default() };
    let script = r#"
        POST :9070/tokens bearer:s3cret -- {"name":"shop","scope":"call","services":["Probe"]}
          201 {"name":"shop","scope":"call","services":["Probe"],"token":"token:A"}
        POST :9070/tokens bearer:s3cret -- {"name":"other","scope":"call","services":["Other"]}
          201 {"name":"other","scope":"call","services":["Other"],"token":"token:B"}
        POST :9070/tokens bearer:s3cret -- {"name":"grafana","scope":"read"}
          201 {"name":"grafana","scope":"read","services":[],"token":"token:C"}
        GET /restate/health
          200 {"services":["Counter","Hidden","Probe","SignupWorkflow"]}
        POST /Probe/echo -- 1
          401 ingress {"code":401,"message":"a token is needed: send the header \"authorization: Bearer TOKEN\"","source":"ingress"}
        POST /Probe/echo bearer:guess -- 1
          401 ingress {"code":401,"message":"the token is not known: it may be revoked, or misspelt","source":"ingress"}
        POST /Probe/echo bearer:token:B -- 1
          403 ingress {"code":403,"message":"the token does not allow to call the service 'Probe'","source":"ingress"}
        POST /Probe/echo bearer:token:C -- 1
          403 ingress {"code":403,"message":"the token does not allow to call the service 'Probe'","source":"ingress"}
        POST /Probe/echo bearer:token:A -- 1
          200 A 1
        POST /Probe/echo bearer:s3cret -- 2
          200 B 2
        POST /Counter/k/echo -- 3
          200 C 3
        POST /Counter/k/echo bearer:guess -- 4
          200 D 4
        GET /restate/output/A
          401 ingress {"code":401,"message":"a token is needed: send the header \"authorization: Bearer TOKEN\"","source":"ingress"}
        GET /restate/output/A bearer:token:B
          403 ingress {"code":403,"message":"the token does not allow to call the service 'Probe'","source":"ingress"}
        GET /restate/output/A bearer:token:A
          200 A expires 1
        POST /Probe/wait/send bearer:token:A -- {}
          202 E {"invocationId":"E","status":"Accepted"}
        POST /restate/awakeables/sign:E/resolve -- 5
          401 ingress {"code":401,"message":"a token is needed: send the header \"authorization: Bearer TOKEN\"","source":"ingress"}
        POST /restate/awakeables/sign:E/resolve bearer:token:A -- 5
          202
        GET /restate/attach/E bearer:token:A
          200 E expires 5
        "#;
    check_with(&guarded(rules), script).await;
}

/// The headers of a request may come before there is the invocation, and its body later.
#[tokio::test]
async fn what_is_not_known_is_for_tokens_of_all_services() {
    let rules =
        IngressConfig { require_token: true, no_token_for: names(&["Counter"]), ..IngressConfig::default() };
    let world = World::start(&guarded(rules));
    let of_all = call_token(&world, "all", &[]).await;
    let of_one = call_token(&world, "one", &["Probe"]).await;
    let id = InvocationId { unique: 1, partition_key: 2 };
    let awakeable = AwakeableId { invocation: id, op: 0, birth: 0 };
    let resolve = Request::post(format!("/restate/awakeables/{awakeable}/resolve"));
    assert_eq!(status(&world, resolve, &of_one).await, 403);
    let resolve = Request::post(format!("/restate/awakeables/{awakeable}/resolve"));
    assert_eq!(status(&world, resolve, &of_all).await, 202);
    let output = |path: &str| Request::get(format!("/restate/{path}/output"));
    let of_id = format!("invocation/{id}");
    assert_eq!(status(&world, output(&of_id), &of_one).await, 403);
    assert_eq!(status(&world, output(&of_id), &of_all).await, 404);
    // Who names the service says what it is.
    assert_eq!(status(&world, output("invocation/Probe/echo/k"), &of_one).await, 404);
    assert_eq!(status(&world, output("workflow/SignupWorkflow/k"), &of_one).await, 403);
    assert_eq!(status(&world, output("invocation/Counter/k/echo/k"), "guess").await, 404);
}

async fn call_token(world: &World, name: &str, services: &[&str]) -> String {
    world.state.access.create(name, Scope::Call, names(services)).await.unwrap()
}

async fn status(world: &World, request: http::request::Builder, token: &str) -> u16 {
    let request = request.header("authorization", format!("Bearer {token}"));
    ask(&world.ingress, request).await.status().as_u16()
}

#[tokio::test]
async fn single_services_may_need_a_token() {
    let rules = IngressConfig { require_token_for: names(&["Counter"]), ..IngressConfig::default() };
    let script = r#"
        POST /Counter/k/echo -- 1
          401 ingress {"code":401,"message":"a token is needed: send the header \"authorization: Bearer TOKEN\"","source":"ingress"}
        POST /Counter/k/echo bearer:s3cret -- 1
          200 A 1
        POST /Probe/echo authorization:mine -- 2
          200 B 2
        "#;
    check_with(&guarded(rules), script).await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_drive_a_server_on_loopback() {
    let script = r#"
        POST :9070/deployments host:localhost:9070 origin:http://evil.test content-type:text/plain -- x
          403 {"code":"foreign_origin","hint":"only the web page of this server itself may","message":"a page of the origin 'http://evil.test' may change nothing here"}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/kill host:localhost:9070 sec-fetch-site:cross-site
          403 {"code":"foreign_origin","hint":"only the web page of this server itself may","message":"a page of the origin '' may change nothing here"}
        GET :9070/config host:evil.test:9070
          403 {"code":"foreign_host","hint":"call it by localhost or its address, or add the name to the setting admin.allowed_hosts","message":"the host 'evil.test' is not a name of this server"}
        GET :9070/health host:evil.test:9070
          403 {"code":"foreign_host","hint":"call it by localhost or its address, or add the name to the setting admin.allowed_hosts","message":"the host 'evil.test' is not a name of this server"}
        POST :9070/tokens host:localhost:9070 origin:http://localhost:9070 -- {"name":"page"}
          201 {"name":"page","scope":"admin","services":[],"token":"token:A"}
        POST /Probe/text host:localhost:8080 origin:http://evil.test content-type:text/plain -- x
          403 ingress {"code":403,"message":"pages of the origin 'http://evil.test' may not call this server; if they should, add it to the setting ingress.cors_origins","source":"ingress"}
        GET /Probe/nothing host:localhost:8080 sec-fetch-site:cross-site
          403 ingress {"code":403,"message":"pages of the origin '' may not call this server; if they should, add it to the setting ingress.cors_origins","source":"ingress"}
        POST /Probe/echo host:evil.test:8080 origin:http://evil.test:8080 -- 1
          403 ingress {"code":403,"message":"the host 'evil.test' is not a name of this server; if it should be one, add it to the setting ingress.allowed_hosts","source":"ingress"}
        POST /Probe/echo host:localhost:8080 origin:http://localhost:9070 -- 1
          403 ingress {"code":403,"message":"pages of the origin 'http://localhost:9070' may not call this server; if they should, add it to the setting ingress.cors_origins","source":"ingress"}
        POST /Probe/echo host:127.0.0.1:8080 -- 2
          200 A 2
        "#;
    check_with(&Config::default(), script).await;
}

async fn ask(router: &Router, request: http::request::Builder) -> Response<Body> {
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn preflight(path: &str, origin: &str) -> http::request::Builder {
    Request::options(path)
        .header("host", "localhost:8080")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,idempotency-key")
}

fn allowed(response: &Response<Body>) -> Option<&str> {
    response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn browsers_let_in_only_the_origins_that_are_named() {
    let ingress = IngressConfig { cors_origins: names(&["https://shop.test"]), ..IngressConfig::default() };
    let world = World::start(&Config { ingress, ..Config::default() });
    for (origin, is_allowed) in [
        ("https://shop.test", true),
        ("http://localhost:9070", false),
        ("http://shop.test", false),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let response = ask(&world.ingress, preflight("/Probe/echo", origin)).await;
        assert_eq!(allowed(&response), is_allowed.then_some(origin), "{origin}");
        let call = Request::post("/Probe/nothing").header("host", "localhost:8080").header("origin", origin);
        let response = ask(&world.ingress, call).await;
        assert_eq!(response.status().is_success(), is_allowed, "{origin}");
        assert_eq!(allowed(&response), is_allowed.then_some(origin), "{origin}");
        // The admin port answers no page of others, whatever the ingress does.
        let response = ask(&world.admin, preflight("/config", origin)).await;
        assert_eq!(allowed(&response), None, "{origin}");
    }
    let closed = World::start(&Config::default());
    assert_eq!(allowed(&ask(&closed.ingress, preflight("/Probe/echo", "https://shop.test")).await), None);
    let ingress = IngressConfig { cors_origins: names(&["*"]), ..IngressConfig::default() };
    let open = World::start(&Config { ingress, ..Config::default() });
    let response = ask(&open.ingress, preflight("/Probe/echo", "https://any.test")).await;
    assert_eq!(allowed(&response), Some("https://any.test"));
}

#[tokio::test]
async fn the_admin_port_is_shown_in_no_frame() {
    let world = World::start(&Config::default());
    let response = ask(&world.admin, Request::get("/health")).await;
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn changes_leave_a_trail() {
    let world = World::start(&guarded(IngressConfig::default()));
    let bearer = |builder: http::request::Builder| builder.header("authorization", "Bearer s3cret");
    ask(&world.admin, bearer(Request::get("/services"))).await;
    ask(&world.admin, Request::post("/deployments")).await;
    ask(&world.admin, bearer(Request::post("/deployments?env=A=hush&force=true"))).await;
    let create =
        bearer(Request::post("/tokens")).body(Body::from(r#"{"name":"ci","scope":"read"}"#)).unwrap();
    world.admin.clone().oneshot(create).await.unwrap();
    ask(&world.admin, bearer(Request::delete("/tokens/ci"))).await;
    let lines: Vec<String> = world
        .trail()
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            let status = line["status"].to_string();
            [text("who"), text("method"), text("path"), text("query"), status, text("detail")].join(" ")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "admin.token POST /deployments env=***&force=true 415 -",
            "admin.token POST /tokens - 201 ci (read)",
            "admin.token DELETE /tokens/ci - 200 -",
        ]
    );
}

#[tokio::test]
async fn who_may_change_nothing_cannot_fill_the_trail() {
    let world = World::start(&guarded(IngressConfig::default()));
    let token = world.state.access.create("sly", Scope::Read, Vec::new()).await.unwrap();
    for _ in 0..30 {
        let path = format!("/services/{}?{}", "x".repeat(20_000), "y".repeat(20_000));
        let request = Request::patch(path).header("authorization", format!("Bearer {token}"));
        assert_eq!(ask(&world.admin, request).await.status(), 403);
    }
    let (lines, bytes) = (world.trail().len(), serde_json::to_vec(&world.trail()).unwrap().len());
    assert!((1..30).contains(&lines) && bytes < 64 << 10, "{lines} lines of {bytes} bytes");
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_its_line_in_the_trail() {
    let world = World::start(&Config::default());
    let create = Request::post("/tokens").body(Body::from(r#"{"name":"sly","scope":"read"}"#)).unwrap();
    // Looked at once and dropped: as far as the server is concerned, the connection is gone.
    let mut ask = Box::pin(world.admin.clone().oneshot(create));
    assert!(std::future::poll_fn(|context| Poll::Ready(ask.as_mut().poll(context).is_pending())).await);
    drop(ask);
    while world.trail().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.trail()[0]["detail"], "sly (read)");
}

/// Without exceptions to the rule nothing is looked for before there is a token, and then as with them.
#[tokio::test]
async fn a_token_of_one_service_sees_what_became_of_its_calls() {
    let world = World::start(&guarded(IngressConfig { require_token: true, ..IngressConfig::default() }));
    let of_one = call_token(&world, "one", &["Probe"]).await;
    let of_other = call_token(&world, "other", &["Counter"]).await;
    let call = Request::post("/Probe/echo").header("authorization", format!("Bearer {of_one}"));
    let called = ask(&world.ingress, call).await;
    assert_eq!(called.status(), 200);
    let output = format!("/restate/output/{}", called.headers()["x-restate-id"].to_str().unwrap());
    assert_eq!(status(&world, Request::get(&output), &of_one).await, 200);
    assert_eq!(status(&world, Request::get(&output), &of_other).await, 403);
    assert_eq!(status(&world, Request::get(&output), "guess").await, 401);
}

/// Whoever has just been sent may be on its way, and is waited for; not for the sake of somebody who may see nothing.
#[tokio::test]
async fn who_has_no_token_is_not_let_wait() {
    let world = World::start(&guarded(IngressConfig { require_token: true, ..IngressConfig::default() }));
    let id = InvocationId::new(world.state.engine.now(), 7, 1);
    let asked = ask(&world.ingress, Request::get(format!("/restate/output/{id}")));
    let response = tokio::time::timeout(Duration::from_millis(900), asked).await.expect("it does not wait");
    assert_eq!(response.status(), 401);
}
