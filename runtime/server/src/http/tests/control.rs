//! Restarts, purged journals, and what is done to many at once.

use super::script::check;

#[tokio::test]
async fn what_is_over_is_done_once_more() {
    check(
        r#"
        POST /Probe/echo -- 5
          200 A 5
        PATCH :9070/invocations/A/restart-as-new
          200 {"new_invocation_id":"B"}
        until B completed
        GET /restate/attach/B
          200 B expires 5
        show B restarted_from invoked_by target
          "A" "restart_as_new" "Probe/echo"
        PATCH :9070/invocations/A/restart-as-new?from=0
          400 {"code":"bad_restart","hint":"GET /invocations/{id}/journal shows its operations; without \"from\" it is done from the beginning","message":"The invocation 'A' cannot be restarted from there: its journal does not have this operation."}
        PATCH :9070/invocations/A/restart-as-new?deployment=dp_1000000000000000000000Z
          404 {"code":"unknown_deployment","hint":"GET /deployments lists them","message":"The requested deployment 'dp_1000000000000000000000Z' does not exist"}
        PATCH :9070/invocations/A/purge-journal
          200
        PATCH :9070/invocations/A/purge-journal
          200
        PATCH :9070/invocations/A/restart-as-new
          410 {"code":"journal_purged","hint":"call the handler again; GET /services/{name} says how long its journal_retention is","message":"The journal of the invocation 'A' has been purged, and its input with it."}
        GET /restate/output/A
          200 A expires 5
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_done_once_more() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        PATCH :9070/invocations/A/restart-as-new
          409 {"code":"not_completed","hint":"cancel it or kill it first","message":"The invocation 'A' is not yet completed."}
        PATCH :9070/invocations/A/purge-journal
          409 {"code":"not_completed","hint":"cancel it or kill it first","message":"The invocation 'A' is not yet completed."}
        PATCH :9070/invocations/A/kill
          200
        PATCH :9070/invocations/A/restart-as-new?from=0
          400 {"code":"bad_restart","hint":"GET /invocations/{id}/journal shows its operations; without \"from\" it is done from the beginning","message":"The invocation 'A' cannot be restarted from there: operation 0 has no result, and in a new invocation nobody would give it one."}
        POST /SignupWorkflow/w/run/send -- {}
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        PATCH :9070/invocations/B/kill
          200
        PATCH :9070/invocations/B/restart-as-new
          422 {"code":"workflow_run","hint":"purge it, then submit the workflow again","message":"The invocation 'B' is the run of a workflow, which happens once per key."}
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_step_that_is_done_is_not_done_again() {
    check(
        r#"
        POST /Probe/signal/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        POST :9070/invocations/A/signals/go -- 7
          202
        until A completed
        GET /restate/attach/A
          200 A expires 7
        PATCH :9070/invocations/A/restart-as-new?from=0&deployment=keep
          200 {"new_invocation_id":"B"}
        until B completed
        GET /restate/attach/B
          200 B expires 7
        PATCH :9070/invocations/A/restart-as-new
          200 {"new_invocation_id":"C"}
        until C suspended
        "#,
    )
    .await;
}

#[tokio::test]
async fn many_are_done_in_parts() {
    check(
        r#"
        POST /Probe/wait/send -- 1
          202 A {"invocationId":"A","status":"Accepted"}
        POST /Probe/wait/send -- 2
          202 B {"invocationId":"B","status":"Accepted"}
        POST /Counter/k/wait/send -- 3
          202 C {"invocationId":"C","status":"Accepted"}
        until A suspended
        until B suspended
        until C suspended
        POST :9070/invocations/bulk/pause -- {"filter":{"service":"Probe"},"dry_run":true}
          200 {"matched":2,"dry_run":true,"succeeded":[],"failed":[],"is_truncated":false}
        POST :9070/invocations/bulk/pause -- {"filter":{"service":"Probe"}}
          200 {"matched":2,"dry_run":false,"succeeded":[{"invocation_id":"B"},{"invocation_id":"A"}],"failed":[],"is_truncated":false}
        until A paused
        POST :9070/invocations/bulk/purge -- {"invocation_ids":["A","C"]}
          200 {"matched":2,"dry_run":false,"succeeded":[],"failed":[{"invocation_id":"A","code":"not_completed","message":"The invocation 'A' is not yet completed."},{"invocation_id":"C","code":"not_completed","message":"The invocation 'C' is not yet completed."}],"is_truncated":false}
        POST :9070/invocations/bulk/resume -- {"filter":{"status":"paused","service":"Probe,Counter"},"deployment":"latest"}
          200 {"matched":2,"dry_run":false,"succeeded":[{"invocation_id":"B"},{"invocation_id":"A"}],"failed":[],"is_truncated":false}
        POST :9070/invocations/bulk/kill -- {"filter":{}}
          200 {"matched":3,"dry_run":false,"succeeded":[{"invocation_id":"C"},{"invocation_id":"B"},{"invocation_id":"A"}],"failed":[],"is_truncated":false}
        POST :9070/invocations/bulk/kill -- {"filter":{}}
          200 {"matched":0,"dry_run":false,"succeeded":[],"failed":[],"is_truncated":false}
        POST :9070/invocations/bulk/purge -- {"filter":{"service":"Probe"},"dry_run":true}
          200 {"matched":2,"dry_run":true,"succeeded":[],"failed":[],"is_truncated":false}
        POST :9070/invocations/bulk/restart-as-new -- {"invocation_ids":["A"]}
          200 {"matched":1,"dry_run":false,"succeeded":[{"invocation_id":"A","new_invocation_id":"D"}],"failed":[],"is_truncated":false}
        "#,
    )
    .await;
}

#[tokio::test]
async fn bulk_requests_that_make_no_sense() {
    check(
        r#"
        POST :9070/invocations/bulk/kill -- {}
          400 {"code":"bad_body","message":"the body is not what this path takes: it names either \"invocation_ids\" or a \"filter\""}
        POST :9070/invocations/bulk/kill -- {"filter":{},"colour":"red"}
          400 {"code":"bad_body","message":"the body is not what this path takes: unknown field `colour`, expected one of `invocation_ids`, `filter`, `dry_run`, `deployment`, `limit` at line 1 column 21"}
        POST :9070/invocations/bulk/kill -- {"filter":{},"limit":1001}
          400 {"code":"bad_field","field":"limit","message":"The request field 'limit' is invalid. Reason: it is a number from 1 to 1000"}
        POST :9070/invocations/bulk/kill -- {"filter":{},"deployment":"latest"}
          400 {"code":"bad_field","field":"deployment","message":"The request field 'deployment' is invalid. Reason: a kill does not choose the code"}
        POST :9070/invocations/bulk/explode -- {"filter":{}}
          404 {"code":"unknown_path","message":"no such path on the admin port: /invocations/bulk/explode"}
        "#,
    )
    .await;
}
