//! What an invocation waits for is shown with all that is needed to help it.

use super::script::check;

#[tokio::test]
async fn each_thing_to_wait_for_says_what_it_is() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        show A waiting_for deadlock
          [{"id":"sign:A","kind":"awakeable","name":"approval","op":0,"since":"TIME"}] -
        POST /Probe/signal/send -- {}
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        show B waiting_for
          [{"kind":"signal","name":"go","op":0,"since":"TIME"}]
        POST /Probe/sleep/send -- {}
          202 C {"invocationId":"C","status":"Accepted"}
        until C suspended
        show C waiting_for
          [{"kind":"sleep","op":0,"since":"TIME","until":"TIME"}]
        POST /SignupWorkflow/w/run/send -- {}
          202 D {"invocationId":"D","status":"Accepted"}
        until D suspended
        show D waiting_for
          [{"kind":"promise","name":"link","op":0,"since":"TIME"}]
        POST /Probe/call/send -- "Counter/a/wait"
          202 E {"invocationId":"E","status":"Accepted"}
        until E suspended
        show E invoked_by service_ty handler_ty waiting_for
          "ingress" "Service" - [{"invocation_id":"F","kind":"call","op":0,"since":"TIME","status":"suspended","target":"Counter/a/wait"}]
        show F invoked_by invoked_by_id service_ty handler_ty
          "invocation" "E" "VirtualObject" "Exclusive"
        "#,
    )
    .await;
}

#[tokio::test]
async fn whoever_waits_for_a_key_sees_who_holds_it() {
    check(
        r#"
        POST /Counter/k/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST /Counter/k/echo/send -- 1
          202 B {"invocationId":"B","status":"Accepted"}
        POST /Counter/k/echo/send -- 2
          202 C {"invocationId":"C","status":"Accepted"}
        show B status service_ty handler_ty waiting_for
          "pending" "VirtualObject" "Exclusive" [{"ahead":0,"holder":{"invocation_id":"A","status":"suspended","target":"Counter/k/wait"},"kind":"key","object":"Counter/k","since":"TIME"}]
        show C status waiting_for
          "pending" [{"ahead":1,"holder":{"invocation_id":"A","status":"suspended","target":"Counter/k/wait"},"kind":"key","object":"Counter/k","since":"TIME"}]
        PATCH :9070/invocations/B/resume
          425 {"code":"not_started","hint":"GET /invocations/{id} says what it waits for","message":"The invocation 'B' has not started yet, so there is nothing to resume."}
        PATCH :9070/invocations/B/cancel
          200
        POST /restate/a/sign:A/resolve
          202
        GET /restate/attach/C
          200 C expires 2
        show B status completion_failure waiting_for
          "completed" "[409] cancelled" -
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_handler_that_calls_its_own_key_is_in_a_deadlock() {
    check(
        r#"
        POST /Counter/k/call/send -- "Counter/k/echo"
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        show A status deadlock waiting_for
          "suspended" ["A","B"] [{"invocation_id":"B","kind":"call","op":0,"since":"TIME","status":"pending","target":"Counter/k/echo"}]
        show B status deadlock
          "pending" ["B","A"]
        POST /Counter/k/echo/send -- 1
          202 C {"invocationId":"C","status":"Accepted"}
        show C status deadlock
          "pending" -
        PATCH :9070/invocations/A/kill
          200
        GET /restate/attach/C
          200 C expires 1
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_deadlock_over_several_objects_is_seen_from_each() {
    check(
        r#"
        POST /Counter/a/call/send -- "Counter/b/call>Probe/call>Counter/a/echo"
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        show A waiting_for
          [{"invocation_id":"B","kind":"call","op":0,"since":"TIME","status":"suspended","target":"Counter/b/call"}]
        until B suspended
        show B waiting_for
          [{"invocation_id":"C","kind":"call","op":0,"since":"TIME","status":"suspended","target":"Probe/call"}]
        until C suspended
        show C waiting_for
          [{"invocation_id":"D","kind":"call","op":0,"since":"TIME","status":"pending","target":"Counter/a/echo"}]
        show A deadlock
          ["A","B","C","D"]
        show C deadlock
          ["C","D","A","B"]
        show D deadlock waiting_for
          ["D","A","B","C"] [{"ahead":0,"holder":{"invocation_id":"A","status":"suspended","target":"Counter/a/call"},"kind":"key","object":"Counter/a","since":"TIME"}]
        PATCH :9070/invocations/B/cancel
          202
        GET /restate/attach/A
          409 A expires invocation {"code":409,"message":"cancelled","source":"invocation"}
        "#,
    )
    .await;
}
