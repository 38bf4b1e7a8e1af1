//! The ingress answers as captured: objects, idempotency keys, workflows and awakeables.

use super::script::check;

#[tokio::test]
async fn objects_are_called_by_their_keys() {
    check(
        r#"
        POST /Counter/k9/echo -- 5
          200 A 5
        POST /restate/call/Counter/k9/echo -- 6
          200 B 6
        POST /Counter/k9/echo/send -- 7
          202 C {"invocationId":"C","status":"Accepted"}
        GET /restate/attach/C
          200 C expires 7
        GET /Counter/a%2Fb%20c/get
          200 D 0
        GET /Counter//get
          200 E 0
        GET /Counter/%F0%9F%A6%80/get
          200 F 0
        show F key service_ty handler_ty
          "🦀" "VirtualObject" "Shared"
        GET /Counter/%FF%FE/get
          400 ingress {"code":400,"message":"bad path, cannot decode key: FromUtf8Error { bytes: [255, 254], error: Utf8Error { valid_up_to: 0, error_len: Some(1) } }","source":"ingress"}
        POST /Counter/echo -- 1
          400 ingress {"code":400,"message":"bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler","source":"ingress"}
        POST /restate/call/Counter/echo -- 1
          400 ingress {"code":400,"message":"bad path, expected /restate/call/:service/:handler, /restate/send/:service/:handler, /restate/scope/:scope/call/:service/:handler, /restate/attach/:invocation_id, /restate/output/:invocation_id, or /restate/lookup","source":"ingress"}
        POST /Counter/k/nope -- 1
          404 ingress {"code":404,"message":"the service 'Counter' exists, but the handler 'nope' was not found, check that the handler exists in the latest registered service version.","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn what_is_private_is_refused() {
    check(
        r#"
        POST /Hidden/echo -- {}
          400 ingress {"code":400,"message":"the invoked service is not public","source":"ingress"}
        POST /Hidden/echo/send -- 1
          400 ingress {"code":400,"message":"the invoked service is not public","source":"ingress"}
        POST /Probe/private_ -- {}
          400 ingress {"code":400,"message":"the invoked service is not public","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_invocation() {
    check(
        r#"
        POST /Probe/echo idempotency-key:abc -- "first"
          200 A "first"
        POST /Probe/echo idempotency-key:abc -- "second"
          200 A expires "first"
        POST /restate/call/Probe/echo idempotency-key:abc -- "third"
          200 A expires "first"
        POST /Probe/echo/send idempotency-key:abc -- "4"
          202 A {"invocationId":"A","status":"PreviouslyAccepted"}
        POST /Probe/text idempotency-key:abc content-type:text/plain -- other
          200 B text/plain OTHER
        POST /Probe/text idempotency-key:abc content-type:text/plain -- third
          200 B expires text/plain OTHER
        POST /Probe/echo idempotency-key: -- 1
          200 C 1
        POST /Probe/echo idempotency-key: -- 2
          200 C expires 1
        POST /Probe/terminal idempotency-key:terr -- {"code":418,"message":"teapot"}
          418 D invocation {"code":418,"message":"teapot","source":"invocation"}
        POST /Probe/terminal idempotency-key:terr -- {"code":400,"message":"other"}
          418 D expires invocation {"code":418,"message":"teapot","source":"invocation"}
        POST /Counter/idem/echo idempotency-key:o1 -- 5
          200 E 5
        POST /Counter/idem/echo idempotency-key:o1 -- 6
          200 E expires 5
        POST /Probe/nothing/send idempotency-key:s1
          202 F {"invocationId":"F","status":"Accepted"}
        POST /Probe/nothing/send idempotency-key:s1
          202 F {"invocationId":"F","status":"PreviouslyAccepted"}
        GET /restate/attach/F
          200 F expires
        show A idempotency_key
          "abc"
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_second_call_with_the_key_waits_for_the_first() {
    check(
        r#"
        POST /Probe/wait/send idempotency-key:k -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        & POST /Probe/wait idempotency-key:k -- {}
        & POST /Probe/wait idempotency-key:k -- 1
        & GET /restate/invocation/Probe/wait/k/attach
        POST /restate/awakeables/sign:A/resolve -- {"ok":true}
          202
        wait
          200 A {"ok":true}
        wait
          200 A {"ok":true}
        wait
          200 A {"ok":true}
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_delayed_send_with_a_key_keeps_its_time() {
    check(
        r#"
        POST /Probe/echo/send?delay=1h idempotency-key:k -- 1
          202 A {"invocationId":"A","executionTime":"TIME","status":"Accepted"}
        POST /Probe/echo/send idempotency-key:k -- 1
          202 A {"invocationId":"A","executionTime":"TIME","status":"PreviouslyAccepted"}
        GET /restate/output/A
          470 ingress {"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn answers_are_found_by_idempotency_key() {
    check(
        r#"
        POST /Probe/echo idempotency-key:abc -- "first"
          200 A "first"
        POST /Counter/idem/echo idempotency-key:o1 -- 5
          200 B 5
        GET /restate/invocation/Probe/echo/abc/attach
          200 A expires "first"
        GET /restate/invocation/Probe/echo/abc/output
          200 A expires "first"
        GET /restate/invocation/Counter/idem/echo/o1/output
          200 B expires 5
        GET /restate/invocation/Probe/echo/zzz/output
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        GET /restate/invocation/Probe/echo/zzz/attach
          404 C invocation {"code":404,"message":"not found","source":"invocation"}
        GET /restate/invocation/Nope/echo/zzz/output
          404 ingress {"code":404,"message":"service 'Nope' not found, make sure to register the service before calling it.","source":"ingress"}
        GET /restate/invocation/Probe/echo/abc/foo
          404 ingress {"code":404,"message":"not found","source":"ingress"}
        POST /restate/invocation/Probe/echo/abc/output
          405 ingress {"code":405,"message":"method not allowed","source":"ingress"}
        POST /restate/lookup -- {"target":"idempotentInvocation","service":"Probe","handler":"echo","idempotencyKey":"abc"}
          200 {"invocationId":"A"}
        POST /restate/lookup -- {"target":"idempotentInvocation","service":"Never","handler":"was","idempotencyKey":"x"}
          200 {"invocationId":"D"}
        POST /restate/lookup -- {"target":"foo"}
          400 ingress {"code":400,"message":"cannot read body: invalid lookup body: unknown variant `foo`, expected one of `workflow`, `idempotentInvocation`, `invocation` at line 1 column 15","source":"ingress"}
        GET /restate/lookup
          405 ingress {"code":405,"message":"method not allowed","source":"ingress"}
        POST /restate/output -- {"target":"idempotentInvocation","service":"Probe","handler":"echo","idempotencyKey":"abc"}
          200 A expires "first"
        POST /restate/attach -- {"target":"idempotentInvocation","service":"Counter","key":"idem","handler":"echo","idempotencyKey":"o1"}
          200 B expires 5
        POST /restate/output -- {"target":"invocation","invocationId":"A"}
          200 A expires "first"
        POST /restate/output -- {"target":"idempotentInvocation","service":"Probe","handler":"echo","idempotencyKey":"zzz"}
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        POST /restate/attach -- x
          400 ingress {"code":400,"message":"cannot read body: invalid request body: expected value at line 1 column 1","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_workflow_runs_once_per_key() {
    check(
        r#"
        POST /restate/send/SignupWorkflow/w1/run -- "a@b.c"
          202 A {"invocationId":"A","status":"Accepted"}
        POST /restate/send/SignupWorkflow/w1/run -- "a@b.c"
          202 A {"invocationId":"A","status":"PreviouslyAccepted"}
        POST /SignupWorkflow/w1/run -- "a@b.c"
          409 A invocation {"code":409,"message":"the workflow method was already invoked","source":"invocation"}
        POST /SignupWorkflow/w1/run idempotency-key:x -- "a@b.c"
          400 ingress {"code":400,"message":"cannot use the idempotency key with workflow handlers. The handler invocation will already be idempotent by the workflow key itself.","source":"ingress"}
        GET /SignupWorkflow/w1/get
          200 B 0
        GET /restate/workflow/SignupWorkflow/w1/output
          470 ingress {"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}
        POST /restate/output -- {"target":"workflow","workflowName":"SignupWorkflow","workflowKey":"w1"}
          470 ingress {"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}
        until A suspended
        & GET /restate/workflow/SignupWorkflow/w1/attach
        POST /SignupWorkflow/w1/click idempotency-key:x -- "s3cret"
          200 C
        wait
          200 A "s3cret"
        GET /restate/workflow/SignupWorkflow/w1/output
          200 A expires "s3cret"
        GET /restate/output/A
          200 A expires "s3cret"
        POST /SignupWorkflow/w1/run -- "other@b.c"
          409 A invocation {"code":409,"message":"the workflow method was already invoked","source":"invocation"}
        POST /SignupWorkflow/w1/run/send -- "other@b.c"
          202 A {"invocationId":"A","status":"PreviouslyAccepted"}
        POST /restate/lookup -- {"target":"workflow","workflowName":"SignupWorkflow","workflowKey":"w1"}
          200 {"invocationId":"A"}
        show A service_ty handler_ty completion_retention
          "Workflow" "Workflow" "1d"
        "#,
    )
    .await;
}

#[tokio::test]
async fn workflows_that_never_ran() {
    check(
        r#"
        GET /restate/workflow/SignupWorkflow/nope/output
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        GET /restate/workflow/SignupWorkflow/nope/attach
          404 A invocation {"code":404,"message":"not found","source":"invocation"}
        GET /restate/workflow/Probe/nope/output
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        GET /SignupWorkflow/w2/get
          200 B 0
        "#,
    )
    .await;
}

#[tokio::test]
async fn awakeables_are_resolved_and_rejected() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST /restate/awakeables/sign:A/resolve -- {"ok":true}
          202
        GET /restate/attach/A
          200 A expires {"ok":true}
        POST /restate/awakeables/sign:A/resolve -- 2
          202
        POST /restate/awakeables/sign:A/reject -- late
          202
        GET /restate/output/A
          200 A expires {"ok":true}
        POST /Probe/wait/send -- {}
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        POST /restate/a/sign:B/reject content-type:text/plain -- Very bad
          202
        GET /restate/attach/B
          500 B expires invocation {"code":500,"message":"Very bad","source":"invocation"}
        POST /Probe/wait/send -- {}
          202 C {"invocationId":"C","status":"Accepted"}
        until C suspended
        POST /restate/awakeables/sign:C/resolve
          202
        GET /restate/attach/C
          200 C expires
        POST /Probe/wait/send -- {}
          202 D {"invocationId":"D","status":"Accepted"}
        until D suspended
        POST /restate/awakeables/sign:D/resolve content-type:text/plain -- not json
          202
        GET /restate/attach/D
          200 D expires not json
        "#,
    )
    .await;
}

#[tokio::test]
async fn awakeables_that_are_none() {
    check(
        r#"
        POST /restate/awakeables/foo/resolve -- 1
          400 ingress {"code":400,"message":"bad awakeable id 'foo': bad format","source":"ingress"}
        POST /restate/awakeables/sign_xx/resolve -- 1
          400 ingress {"code":400,"message":"bad awakeable id 'sign_xx': unrecognized codec version","source":"ingress"}
        GET /restate/awakeables/sign_10000000000000000000000000000000000000000/resolve
          400 ingress {"code":400,"message":"bad awakeable id 'sign_10000000000000000000000000000000000000000': bad format","source":"ingress"}
        GET /restate/awakeables/sign_1000000000000000000000000000000000000000/resolve
          405 ingress {"code":405,"message":"method not allowed","source":"ingress"}
        POST /restate/awakeables/sign_1000000000000000000000000000000000000000/resolve -- 1
          202
        POST /restate/awakeables/sign_1000000000000000000000000000000000000000/foo
          404 ingress {"code":404,"message":"not found","source":"ingress"}
        POST /restate/awakeables/sign_1000000000000000000000000000000000000000
          400 ingress {"code":400,"message":"bad path, expected either /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn answers_are_kept_without_an_idempotency_key_too() {
    check(
        r#"
        POST /restate/send/Probe/wait -- 1
          202 A {"invocationId":"A","status":"Accepted"}
        GET /restate/output/A
          470 ingress {"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}
        GET /restate/invocation/A/output
          470 ingress {"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}
        until A suspended
        & GET /restate/attach/A
        POST /restate/a/sign:A/resolve -- "slept"
          202
        wait
          200 A "slept"
        GET /restate/invocation/A/attach
          200 A expires "slept"
        GET /restate/output/A
          200 A expires "slept"
        POST /restate/output/A
          405 ingress {"code":405,"message":"method not allowed","source":"ingress"}
        GET /restate/output/inv_1000000000070000000000000000000005
          404 ingress {"code":404,"message":"invocation not found","source":"ingress"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn limits_and_scopes_are_named() {
    let long = "k".repeat(1025);
    check(&format!(
        r#"
        GET /Counter/{long}/get
          400 ingress {{"code":400,"message":"bad path: the key has 1025 bytes, the limit is 1024 (KEY_BYTES_MAX); use a shorter one, for example a digest of it","source":"ingress"}}
        POST /Probe/echo idempotency-key:{long} -- 1
          400 ingress {{"code":400,"message":"the idempotency key has 1025 bytes, the limit is 1024 (KEY_BYTES_MAX); use a shorter one, for example a digest of it","source":"ingress"}}
        POST /restate/scope/t/call/Probe/echo -- 1
          501 ingress {{"code":501,"message":"scopes are not supported yet by this version of abide","source":"ingress"}}
        POST /restate/call/Probe/echo x-restate-limit-key:a/b -- 1
          400 ingress {{"code":400,"message":"limit-key requires a scope to be set","source":"ingress"}}
        "#
    ))
    .await;
}
