//! What a person may do to an invocation, and how the port answers: as captured.

use super::script::check;

#[tokio::test]
async fn a_cancelled_invocation_ends_with_409() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        & GET /restate/attach/A
        PATCH :9070/invocations/A/cancel
          202
        wait
          409 A invocation {"code":409,"message":"cancelled","source":"invocation"}
        show A status completion_result completion_failure
          "completed" "failure" "[409] cancelled"
        PATCH :9070/invocations/A/cancel
          409 {"code":"completed","message":"The invocation 'A' was already completed."}
        PATCH :9070/invocations/A/kill
          409 {"code":"completed","message":"The invocation 'A' was already completed."}
        GET :9070/invocations/A/journal
          200 {"invocation_id":"A","input":{"headers":[{"name":"x-restate-ingress-path","value":"/Probe/wait/send"},{"name":"content-type","value":"application/json"}],"body":{"bytes":2,"json":{}}},"items":[{"index":0,"op":0,"kind":"awakeable","name":"approval","at":"TIME","item":"entry","summary":"awakeable(\"approval\")","is_settled":false,"awakeable_id":"sign:A"},{"index":1,"kind":"cancellation","at":"TIME","item":"outcome","result":"failure","failure":{"code":409,"message":"cancelled"}}],"items_total":2,"answer":{"result":"failure","failure":{"code":409,"message":"cancelled"}}}
        PATCH :9070/invocations/A/purge
          200
        PATCH :9070/invocations/A/purge
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        GET :9070/invocations/A/journal
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        GET /restate/output/A
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_has_not_begun_ends_at_once() {
    check(
        r#"
        POST /Probe/echo/send?delay=1h -- 1
          202 A {"invocationId":"A","executionTime":"TIME","status":"Accepted"}
        PATCH :9070/invocations/A/resume
          425 {"code":"not_started","hint":"GET /invocations/{id} says what it waits for","message":"The invocation 'A' has not started yet, so there is nothing to resume."}
        PATCH :9070/invocations/A/cancel
          200
        show A status completion_failure
          "completed" "[409] cancelled"
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_killed_invocation_gives_back_its_key() {
    check(
        r#"
        POST /Counter/k/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        PATCH :9070/invocations/A/purge
          409 {"code":"not_completed","hint":"cancel it or kill it first","message":"The invocation 'A' is not yet completed."}
        & GET /restate/attach/A
        & POST /Counter/k/echo -- 1
        PATCH :9070/invocations/A/kill
          200
        wait
          409 A invocation {"code":409,"message":"killed","source":"invocation"}
        wait
          200 B 1
        "#,
    )
    .await;
}

#[tokio::test]
async fn resuming_what_only_waits_is_no_mistake() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        PATCH :9070/invocations/A/resume
          200
        PATCH :9070/invocations/A/resume?deployment=latest
          200
        PATCH :9070/invocations/A/resume?deployment=newest
          400 {"code":"bad_field","field":"deployment","message":"The request field 'deployment' is invalid. Reason: bad format: it is keep, latest or the id of a deployment"}
        PATCH :9070/invocations/A/resume?deployment=dp_1000000000000000000000Z
          404 {"code":"unknown_deployment","hint":"GET /deployments lists them","message":"The requested deployment 'dp_1000000000000000000000Z' does not exist"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_paused_invocation_stands_still_until_it_is_resumed() {
    check(
        r#"
        POST /Probe/signal/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        PATCH :9070/invocations/A/pause
          202
        until A paused
        PATCH :9070/invocations/A/pause
          200
        POST :9070/invocations/A/signals/go -- 1
          202
        until A paused
        & GET /restate/attach/A
        PATCH :9070/invocations/A/resume
          200
        wait
          200 A 1
        PATCH :9070/invocations/A/pause
          409 {"code":"completed","message":"The invocation 'A' was already completed."}
        POST /Probe/echo/send?delay=1d -- 1
          202 B {"invocationId":"B","executionTime":"TIME","status":"Accepted"}
        PATCH :9070/invocations/B/pause
          409 {"code":"not_started","hint":"cancel it, or let it begin first; GET /invocations/{id} says what it waits for","message":"The invocation 'B' has not started yet, so there is nothing to pause."}
        "#,
    )
    .await;
}

#[tokio::test]
async fn invocations_that_are_none() {
    check(
        r#"
        PATCH :9070/invocations/foo/cancel
          400 {"code":"bad_field","field":"invocation_id","hint":"'foo' is no id: one begins with inv_; GET /invocations lists them","message":"The request field 'invocation_id' is invalid. Reason: bad format"}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/cancel
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/kill
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        PATCH :9070/invocations/inv_1000000000070000000000000000000005/resume
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        POST :9070/invocations/inv_1000000000070000000000000000000005/signals/go -- 1
          404 {"code":"unknown_invocation","hint":"GET /invocations lists them","message":"The requested invocation 'A' does not exist"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn signals_reach_their_handler() {
    check(
        r#"
        POST /Probe/signal/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        POST :9070/invocations/A/signals/other -- 1
          202
        until A suspended
        POST :9070/invocations/A/signals/go content-type:text/plain -- 1
          415 {"code":"signal_content_type","hint":"with curl: --json VALUE, for example --json null","message":"the value of a signal is sent with content-type application/json, this one has text/plain"}
        POST :9070/invocations/A/signals/go -- {oops
          400 {"code":"bad_body","message":"the body is not what this path takes: key must be a string at line 1 column 2"}
        & GET /restate/attach/A
        POST :9070/invocations/A/signals/go -- {"a":1}
          202
        wait
          200 A {"a":1}
        POST :9070/invocations/A/signals/go -- 2
          409 {"code":"completed","message":"The invocation 'A' was already completed."}
        POST /Probe/signal/send -- {}
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        POST :9070/invocations/B/signals/go?reject -- "too late"
          202
        GET /restate/attach/B
          500 B expires invocation {"code":500,"message":"too late","source":"invocation"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn an_invocation_keeps_only_so_many_signals() {
    let one = "        POST :9070/invocations/A/signals/other -- 1\n          202\n";
    check(&format!(
        r#"
        POST /Probe/signal/send -- {{}}
          202 A {{"invocationId":"A","status":"Accepted"}}
{}        POST :9070/invocations/A/signals/other -- 1
          429 {{"code":"signals_full","hint":"see whether its handler still waits for signals of this name","message":"The invocation 'A' keeps 1000 signals that it has not received yet, which is the limit (SIGNALS_KEPT)."}}
        "#,
        one.repeat(1_000)
    ))
    .await;
}

#[tokio::test]
async fn an_answer_outlives_its_journal() {
    check(
        r#"
        POST /Probe/brief idempotency-key:k -- 1
          200 A 1
        show A completion_retention journal_retention
          "1d" "1ms"
        until A purged
        GET :9070/invocations/A/journal
          200 {"invocation_id":"A","is_purged":true,"items":[],"items_total":0,"answer":{"result":"value","value":{"bytes":1,"json":1}}}
        POST /Probe/brief idempotency-key:k -- 2
          200 A expires 1
        "#,
    )
    .await;
}
