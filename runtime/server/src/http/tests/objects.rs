//! Objects and workflows: state and its edit, keys, promises, and options of services.

use super::script::check;

#[tokio::test]
async fn a_state_is_read_and_replaced() {
    check(
        r#"
        GET :9070/services/Counter/state?key=k
          200 {"service":"Counter","key":"k","version":"VERSION","values":[],"values_total":0}
        POST :9070/services/Counter/state -- {"object_key":"k","version":"VERSION","new_values":{"n":1,"m":{"a": 2}}}
          200 {"service":"Counter","key":"k","version":"VERSION"}
        GET :9070/services/Counter/state?key=k
          200 {"service":"Counter","key":"k","version":"VERSION","values":[{"name":"m","size_bytes":8,"value":{"bytes":8,"json":{"a": 2}}},{"name":"n","size_bytes":1,"value":{"bytes":1,"json":1}}],"values_total":2}
        POST :9070/services/Counter/state -- {"object_key":"k","version":"VERSION","new_state":{"n":[50]}}
          200 {"service":"Counter","key":"k","version":"VERSION"}
        GET :9070/services/Counter/state?key=k&name=n&full=true
          200 {"service":"Counter","key":"k","version":"VERSION","values":[{"name":"n","size_bytes":1,"value":{"bytes":1,"json":2}}],"values_total":1}
        POST :9070/services/Counter/state -- {"object_key":"k","version":"0123456789abcdef","new_values":{}}
          409 {"code":"state_changed","hint":"look at it again, and change what is there now","message":"The state of Counter/k is not as it was when it was looked at."}
        POST :9070/services/Counter/state -- {"object_key":"k","new_values":{}}
          200 {"service":"Counter","key":"k","version":"VERSION"}
        GET :9070/services/Counter/objects
          200 {"objects":[],"next_after":null}
        "#,
    )
    .await;
}

#[tokio::test]
async fn an_edit_that_makes_no_sense_says_why() {
    check(
        r#"
        POST :9070/services/Counter/state content-type:text/plain -- {"object_key":"k","new_values":{}}
          415 {"code":"json_content_type","hint":"with curl: --json BODY","message":"the body is sent with content-type application/json, this one has text/plain"}
        POST :9070/services/Probe/state -- {"object_key":"k","new_values":{}}
          400 {"code":"not_keyed","hint":"GET /services lists them with their kinds","message":"'Probe' is a plain service, which has no keys and no state"}
        POST :9070/services/Nobody/state -- {"object_key":"k","new_values":{}}
          404 {"code":"unknown_service","hint":"GET /services lists them; a new one comes with \"abide deploy\"","message":"The requested service 'Nobody' does not exist"}
        POST :9070/services/Counter/state -- {"object_key":"k"}
          400 {"code":"bad_field","field":"new_values","message":"The request field 'new_values' is invalid. Reason: it is missing; {} clears the state"}
        POST :9070/services/Counter/state -- {"object_key":"k","version":"odd","new_values":{}}
          400 {"code":"bad_field","field":"version","message":"The request field 'version' is invalid. Reason: it is no version of a state"}
        POST :9070/services/SignupWorkflow/state -- {"object_key":"w","new_values":{"n":1}}
          404 {"code":"unknown_workflow","hint":"GET /services/{name}/objects lists those with a state","message":"There is no run of the workflow SignupWorkflow/w, and without one it has no state."}
        GET :9070/services/Counter/state
          400 {"code":"bad_field","field":"query","message":"The request field 'query' is invalid. Reason: Failed to deserialize query string: missing field `key`"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn who_has_the_key_and_who_waits_is_told() {
    check(
        r#"
        POST /Counter/k/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST /Counter/k/echo/send -- 1
          202 B {"invocationId":"B","status":"Accepted"}
        POST /Counter/k/echo/send -- 2
          202 C {"invocationId":"C","status":"Accepted"}
        until C pending
        GET :9070/services/Counter/inbox?key=k
          200 {"holder":{"invocation_id":"A","target":"Counter/k/wait","status":"suspended","since":"TIME"},"waiting":[{"position":0,"invocation_id":"B","target":"Counter/k/echo","status":"pending","since":"TIME"},{"position":1,"invocation_id":"C","target":"Counter/k/echo","status":"pending","since":"TIME"}],"total":2}
        GET :9070/services/Counter/inbox?key=k&from=1&limit=1
          200 {"holder":{"invocation_id":"A","target":"Counter/k/wait","status":"suspended","since":"TIME"},"waiting":[{"position":1,"invocation_id":"C","target":"Counter/k/echo","status":"pending","since":"TIME"}],"total":2}
        GET :9070/services/Counter/inbox?key=j
          200 {"holder":null,"waiting":[],"total":0}
        POST :9070/services/Counter/state -- {"object_key":"k","new_values":{"n":1}}
          409 {"code":"key_held","hint":"wait for its end, or cancel it; \"force\":true edits all the same, though it does not see that and may overwrite it","message":"A handler that may write the state of Counter/k has not ended."}
        POST :9070/services/Counter/state -- {"object_key":"k","new_values":{"n":1},"force":true}
          200 {"service":"Counter","key":"k","version":"VERSION"}
        POST :9070/services/Counter/state -- {"object_key":"kk","new_values":{"n":1}}
          200 {"service":"Counter","key":"kk","version":"VERSION"}
        POST :9070/services/Counter/state -- {"object_key":"a","new_values":{"n":1,"m":22}}
          200 {"service":"Counter","key":"a","version":"VERSION"}
        GET :9070/services/Counter/objects?limit=2
          200 {"objects":[{"key":"a","state_values":2,"state_bytes":3,"holder":null,"waiting":0},{"key":"k","state_values":1,"state_bytes":1,"holder":{"invocation_id":"A","target":"Counter/k/wait","status":"suspended","since":"TIME"},"waiting":2}],"next_after":"k"}
        GET :9070/services/Counter/objects?limit=2&after=k
          200 {"objects":[{"key":"kk","state_values":1,"state_bytes":1,"holder":null,"waiting":0}],"next_after":null}
        GET :9070/services/Counter/objects?prefix=kk
          200 {"objects":[{"key":"kk","state_values":1,"state_bytes":1,"holder":null,"waiting":0}],"next_after":null}
        GET :9070/services/Probe/objects
          400 {"code":"not_keyed","hint":"GET /services lists them with their kinds","message":"'Probe' is a plain service, which has no keys and no state"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn promises_and_the_state_of_a_workflow() {
    check(
        r#"
        POST /SignupWorkflow/w/run/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        GET :9070/services/SignupWorkflow/promises?key=w
          200 {"promises":[{"name":"link","is_completed":false,"waiting":1}],"next_after":null}
        POST :9070/services/SignupWorkflow/state -- {"object_key":"w","new_values":{"n":1}}
          409 {"code":"key_held","hint":"wait for its end, or cancel it; \"force\":true edits all the same, though it does not see that and may overwrite it","message":"A handler that may write the state of SignupWorkflow/w has not ended."}
        POST /SignupWorkflow/w/click -- "yes"
          200 B
        until A completed
        GET :9070/services/SignupWorkflow/promises?key=w
          200 {"promises":[{"name":"link","is_completed":true,"completion":{"result":"value","value":{"bytes":5,"json":"yes"}},"waiting":0}],"next_after":null}
        POST :9070/services/SignupWorkflow/state -- {"object_key":"w","new_values":{"n":1}}
          200 {"service":"SignupWorkflow","key":"w","version":"VERSION"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn options_of_a_service_can_be_changed() {
    check(
        r#"
        PATCH :9070/services/Hidden -- {"public":true,"journal_retention":"2d"}
          200 {"name":"Hidden","ty":"Service","handlers":[{"name":"echo","public":true,"input_description":"application/json","output_description":"application/json","idempotency_retention":"1d","journal_retention":"2d","retry_policy":{"initial_interval":"500ms","exponentiation_factor":2.0,"max_attempts":70,"max_interval":"1m","on_max_attempts":"Pause"}}],"deployment_id":"dp_10000000000000000000001","revision":1,"public":true,"idempotency_retention":"1d","journal_retention":"2d"}
        POST /Hidden/echo -- 1
          200 A 1
        show A journal_retention
          "2d"
        PATCH :9070/services/Hidden -- {"public":false}
          200 {"name":"Hidden","ty":"Service","handlers":[{"name":"echo","public":false,"input_description":"application/json","output_description":"application/json","idempotency_retention":"1d","journal_retention":"2d","retry_policy":{"initial_interval":"500ms","exponentiation_factor":2.0,"max_attempts":70,"max_interval":"1m","on_max_attempts":"Pause"}}],"deployment_id":"dp_10000000000000000000001","revision":1,"public":false,"idempotency_retention":"1d","journal_retention":"2d"}
        PATCH :9070/services/Hidden -- {"journal_retention":"soon"}
          400 {"code":"bad_field","field":"journal_retention","message":"The request field 'journal_retention' is invalid. Reason: 'soon' is no length of time, expected 10m, 1h or 7d"}
        PATCH :9070/services/Hidden -- {"workflow_completion_retention":"2m","public":true}
          400 {"code":"bad_field","field":"workflow_completion_retention","message":"The request field 'workflow_completion_retention' is invalid. Reason: 'Hidden' is a plain service, only workflows have it"}
        PATCH :9070/services/Nobody -- {"workflow_completion_retention":"2m"}
          404 {"code":"unknown_service","hint":"GET /services lists them; a new one comes with \"abide deploy\"","message":"The requested service 'Nobody' does not exist"}
        PATCH :9070/services/Nobody -- {}
          404 {"code":"unknown_service","hint":"GET /services lists them; a new one comes with \"abide deploy\"","message":"The requested service 'Nobody' does not exist"}
        GET :9070/services/Nobody/openapi
          404 {"code":"unknown_service","hint":"GET /services lists them; a new one comes with \"abide deploy\"","message":"The requested service 'Nobody' does not exist"}
        "#,
    )
    .await;
}
