//! What is told of deployments, and when one may go.

use super::script::check;
use super::world::World;
use crate::config::Config;
use crate::deploy::SettingsChange;
use crate::upgrade::NotCarriedOver;
use abide_core::ids::DeploymentId;
use abide_core::manifest::{Manifest, ServiceManifest, Settings};
use axum::body::Body;
use http::Request;
use std::sync::Arc;
use tower::ServiceExt;

#[tokio::test]
async fn a_deployment_goes_when_nothing_needs_it_or_by_force() {
    check(
        r#"
        GET :9070/checks
          200 {"running":null}
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        GET :9070/deployments
          200 {"deployments":[{"id":"dp_10000000000000000000001","created_at":"1970-01-01T00:00:00.000Z","size_bytes":1,"sdk_version":"test/1","status":"active","invocations_live":1,"services":[{"name":"Probe","revision":1},{"name":"Counter","revision":1},{"name":"SignupWorkflow","revision":1},{"name":"Hidden","revision":1}]}]}
        DELETE :9070/deployments/dp_10000000000000000000001
          409 {"code":"deployment_in_use","hint":"deploy or promote another, and let what runs end or move it; force=true removes it all the same","message":"dp_10000000000000000000001 is in use: it offers Probe, Counter, SignupWorkflow, Hidden, and 1 live invocation runs on it"}
        DELETE :9070/deployments/dp_10000000000000000000001?force=true
          200
        GET :9070/deployments
          200 {"deployments":[]}
        DELETE :9070/deployments/dp_10000000000000000000001
          404 {"code":"unknown_deployment","hint":"GET /deployments lists them","message":"The requested deployment 'dp_10000000000000000000001' does not exist"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_is_not_loaded_cannot_take_over() {
    check(
        r#"
        POST :9070/deployments/dp_10000000000000000000001/check
          409 {"code":"deployment_not_loaded","hint":"deploy it again","message":"the component of 'dp_10000000000000000000001' is missing or damaged"}
        POST :9070/deployments/dp_10000000000000000000001/promote
          409 {"code":"deployment_not_loaded","hint":"deploy it again","message":"the component of 'dp_10000000000000000000001' is missing or damaged"}
        POST :9070/deployments/dp_10000000000000000000001/migrate
          409 {"code":"deployment_not_loaded","hint":"deploy it again","message":"the component of 'dp_10000000000000000000001' is missing or damaged"}
        POST :9070/deployments/dp_1000000000000000000000Z/check
          404 {"code":"unknown_deployment","hint":"GET /deployments lists them","message":"The requested deployment 'dp_1000000000000000000000Z' does not exist"}
        POST :9070/deployments/nonsense/check
          400 {"code":"bad_field","field":"deployment_id","hint":"'nonsense' is no id: one begins with dp_; GET /deployments lists them","message":"The request field 'deployment_id' is invalid. Reason: bad format"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_was_accepted_for_a_handler_that_goes_speaks_against_an_upgrade() {
    let world = World::start(&Config::default());
    let send = Request::post("/Probe/echo/send?delay=1h").header("content-type", "application/json");
    let sent = world.ingress.clone().oneshot(send.body(Body::from("1")).unwrap()).await.unwrap();
    assert_eq!(sent.status(), 202);
    let without = |handler: &str| {
        let mut service = (*world.state.deployments.service("Probe").unwrap().manifest).clone();
        service.handlers.retain(|offered| offered.name != handler);
        Arc::new(Manifest { sdk: "test/1".into(), services: vec![service] })
    };
    for (handler, breaking) in [("echo", 1), ("wait", 0), ("none", 0)] {
        let (id, manifest) = (DeploymentId::from_digest(2), without(handler));
        let report = world.state.upgrades.stranded(&id, &manifest).await.unwrap();
        assert_eq!(report.objections.breaking, breaking, "{handler}");
    }
}

#[tokio::test]
async fn settings_that_are_not_carried_over_are_named() {
    let world = World::start(&Config::default());
    let deployments = &world.state.deployments;
    let env =
        [("NETFLIX".to_owned(), Some("up".to_owned())), ("SHARED".to_owned(), Some("1".to_owned()))].into();
    let change = SettingsChange { env, allowed_hosts: Some(vec!["a.test".into(), "b.test".into()]) };
    deployments.update(&DeploymentId::from_digest(1), change).await.unwrap();
    let service = |name: &str| {
        let manifest = (*deployments.service("Probe").unwrap().manifest).clone();
        Manifest { sdk: "test/1".into(), services: vec![ServiceManifest { name: name.into(), ..manifest }] }
    };
    let missing = |name: &str, hosts: &[&str]| {
        let allowed_hosts = hosts.iter().map(ToString::to_string).collect();
        let given = Settings { env: [("SHARED".to_owned(), "2".to_owned())].into(), allowed_hosts };
        let NotCarriedOver { variables, allowed_hosts } =
            NotCarriedOver::of(&service(name), &given, deployments);
        (Vec::from_iter(variables), Vec::from_iter(allowed_hosts))
    };
    let netflix = vec!["NETFLIX".to_owned()];
    assert_eq!(missing("Probe", &["A.test"]), (netflix.clone(), vec!["b.test".to_owned()]));
    assert_eq!(missing("Probe", &["*"]), (netflix, vec![]));
    assert_eq!(missing("Another", &[]), (vec![], vec![]), "it takes over from nobody");
}
