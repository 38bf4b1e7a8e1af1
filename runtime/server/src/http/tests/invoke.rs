//! Calls over the admin port answer as the ingress would, and do not wait for ever.

use super::script::check;

#[tokio::test]
async fn a_call_answers_what_the_ingress_answers() {
    check(
        r#"
        POST :9070/services/Probe/invoke -- {"handler":"echo","json":{"a":1}}
          200 {"invocation_id":"A","status":200,"headers":[{"name":"content-type","value":"application/json"}],"body":{"bytes":7,"json":{"a":1}}}
        POST :9070/services/Probe/invoke -- {"handler":"text","text":"hello"}
          200 {"invocation_id":"B","status":200,"headers":[{"name":"content-type","value":"text/plain"}],"body":{"bytes":5,"text":"HELLO"}}
        POST :9070/services/Probe/invoke -- {"handler":"nothing"}
          200 {"invocation_id":"C","status":200,"body":{"bytes":0}}
        POST :9070/services/Counter/invoke -- {"handler":"echo","key":"a/b ä","json":null}
          200 {"invocation_id":"D","status":200,"headers":[{"name":"content-type","value":"application/json"}],"body":{"bytes":4,"json":null}}
        show D target
          "Counter/a/b ä/echo"
        POST :9070/services/Probe/invoke -- {"handler":"terminal","json":{"code":418,"message":"no tea"}}
          200 {"invocation_id":"E","status":418,"headers":[{"name":"content-type","value":"application/json"},{"name":"x-restate-error-source","value":"invocation"}],"body":{"bytes":53,"json":{"code":418,"message":"no tea","source":"invocation"}}}
        "#,
    )
    .await;
}

#[tokio::test]
async fn one_that_does_not_answer_in_time_goes_on() {
    check(
        r#"
        POST :9070/services/Probe/invoke -- {"handler":"wait","json":{},"wait":"50ms"}
          200 {"invocation_id":"A","is_pending":true}
        until A suspended
        POST /restate/awakeables/sign:A/resolve -- 7
          202
        GET /restate/attach/A
          200 A expires 7
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_send_and_a_repeat_by_key() {
    check(
        r#"
        POST :9070/services/Probe/invoke -- {"handler":"echo","mode":"send","delay":"1h","json":1}
          200 {"invocation_id":"A","status":202,"headers":[{"name":"content-type","value":"application/json"}],"body":{"bytes":126,"json":{"invocationId":"A","executionTime":"TIME","status":"Accepted"}}}
        POST :9070/services/Probe/invoke -- {"handler":"echo","idempotency_key":"k","json":1}
          200 {"invocation_id":"B","status":200,"headers":[{"name":"content-type","value":"application/json"}],"body":{"bytes":1,"json":1}}
        POST /Probe/echo idempotency-key:k -- 2
          200 B expires 1
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_the_ingress_refuses_is_an_answer_and_what_makes_no_sense_is_not() {
    check(
        r#"
        POST :9070/services/Probe/invoke -- {"handler":"private_","json":1}
          200 {"status":400,"headers":[{"name":"content-type","value":"application/json"},{"name":"x-restate-error-source","value":"ingress"}],"body":{"bytes":77,"json":{"code":400,"message":"the invoked service is not public","source":"ingress"}}}
        POST :9070/services/Nope/invoke -- {"handler":"echo"}
          404 {"code":"unknown_service","hint":"GET /services lists them; a new one comes with \"abide deploy\"","message":"The requested service 'Nope' does not exist"}
        POST :9070/services/Counter/invoke -- {"handler":"echo","json":1}
          400 {"code":"bad_field","field":"key","message":"The request field 'key' is invalid. Reason: Counter is called by key, and there is none"}
        POST :9070/services/Probe/invoke -- {"handler":"echo","key":"k","json":1}
          400 {"code":"bad_field","field":"key","message":"The request field 'key' is invalid. Reason: Probe is a plain service, it has no keys"}
        POST :9070/services/Probe/invoke -- {"handler":"echo","wait":"2m"}
          400 {"code":"bad_field","field":"wait","message":"The request field 'wait' is invalid. Reason: it is at most 60 s"}
        POST :9070/services/Probe/invoke content-type:text/plain -- {"handler":"echo","json":1}
          415 {"code":"json_content_type","hint":"with curl: --json BODY","message":"the body is sent with content-type application/json, this one has text/plain"}
        "#,
    )
    .await;
}
