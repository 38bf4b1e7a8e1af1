//! Lists of invocations: filters, order, pages, sums, and whom they have called.

use super::script::check;

#[tokio::test]
async fn filters_narrow_the_list() {
    check(
        r#"
        POST /Probe/echo/send -- 1
          202 A {"invocationId":"A","status":"Accepted"}
        until A completed
        POST /Probe/terminal/send -- {"message":"No Money"}
          202 B {"invocationId":"B","status":"Accepted"}
        until B completed
        POST /Counter/k/wait/send -- {}
          202 C {"invocationId":"C","status":"Accepted"}
        until C suspended
        POST /Probe/echo/send idempotency-key:once -- 1
          202 D {"invocationId":"D","status":"Accepted"}
        until D completed
        ids :9070/invocations
          D C B A
        ids :9070/invocations?order=asc
          A B C D
        ids :9070/invocations?service=Probe
          D B A
        ids :9070/invocations?service=Probe,Counter&handler=echo,wait
          D C A
        ids :9070/invocations?key=k
          C
        ids :9070/invocations?service=Counter&key=j,k
          C
        ids :9070/invocations?status=suspended,running
          C
        ids :9070/invocations?result=failure
          B
        ids :9070/invocations?result=success
          D A
        ids :9070/invocations?text=no%20money
          B
        ids :9070/invocations?idempotency_key=once
          D
        ids :9070/invocations?idempotency_key=twice
          -
        ids :9070/invocations?is_stuck=true
          -
        ids :9070/invocations?invoked_by=ingress&status=completed&order=asc
          A B D
        ids :9070/invocations?created_after=2020-01-01T00:00:00Z&modified_before=2021-01-01T00:00:00Z
          -
        ids :9070/invocations?id=A
          A
        ids :9070/invocations?sort=modified_at&service=Probe
          D B A
        ids :9070/invocations?sort=modified_at&order=asc&service=Probe
          A B D
        GET :9070/invocations?status=odd
          400 {"code":"bad_field","field":"status","message":"The request field 'status' is invalid. Reason: 'odd' is none of scheduled, pending, running, suspended, backing-off, paused, completed"}
        GET :9070/invocations?before=x
          400 {"code":"bad_field","field":"before","message":"The request field 'before' is invalid. Reason: bad format; it is the next_before of a page"}
        GET :9070/invocations?service=None&limit=1
          200 {"invocations":[],"next_before":null,"is_truncated":false}
        "#,
    )
    .await;
}

#[tokio::test]
async fn cancelled_and_killed_ones_are_told_apart() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        PATCH :9070/invocations/A/cancel
          202
        until A completed
        POST /Probe/wait/send -- {}
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        PATCH :9070/invocations/B/kill
          200
        ids :9070/invocations?result=cancelled
          A
        ids :9070/invocations?result=killed
          B
        ids :9070/invocations?result=cancelled,killed
          B A
        ids :9070/invocations?result=failure
          -
        "#,
    )
    .await;
}

#[tokio::test]
async fn invocations_are_counted() {
    check(
        r#"
        POST /Probe/echo/send -- 1
          202 A {"invocationId":"A","status":"Accepted"}
        until A completed
        POST /Probe/terminal/send -- {"message":"no"}
          202 B {"invocationId":"B","status":"Accepted"}
        until B completed
        POST /Counter/k/wait/send -- {}
          202 C {"invocationId":"C","status":"Accepted"}
        until C suspended
        GET :9070/invocations/summary?service=Probe&window=1d
          200 {"total":2,"by_status":{"backing-off":0,"completed":2,"paused":0,"pending":0,"running":0,"scheduled":0,"suspended":0},"completed":{"cancelled":0,"failure":1,"killed":0,"success":1},"services":[{"name":"Probe","total":2,"by_status":{"backing-off":0,"completed":2,"paused":0,"pending":0,"running":0,"scheduled":0,"suspended":0},"completed":{"cancelled":0,"failure":1,"killed":0,"success":1}}],"created_in_window":2,"failed_in_window":1,"as_of":"TIME","is_truncated":false}
        GET :9070/invocations/summary?status=suspended
          200 {"total":1,"by_status":{"backing-off":0,"completed":0,"paused":0,"pending":0,"running":0,"scheduled":0,"suspended":1},"completed":{"cancelled":0,"failure":0,"killed":0,"success":0},"services":[{"name":"Counter","total":1,"by_status":{"backing-off":0,"completed":0,"paused":0,"pending":0,"running":0,"scheduled":0,"suspended":1},"completed":{"cancelled":0,"failure":0,"killed":0,"success":0}}],"created_in_window":1,"failed_in_window":0,"as_of":"TIME","is_truncated":false}
        GET :9070/invocations/summary?window=soon
          400 {"code":"bad_field","field":"window","message":"The request field 'window' is invalid. Reason: 'soon' is no length of time, expected 15m, 1h or 1d"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn calls_and_awakeables_are_listed() {
    check(
        r#"
        POST /Probe/call/send -- "Counter/k/wait>x"
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        ids :9070/invocations?invoked_by=invocation
          B
        ids :9070/invocations?invoked_by_id=A
          B
        until B suspended
        ops :9070/invocations/A/children
          0 call B Counter/k/wait suspended
        GET :9070/invocations/B/children
          200 {"children":[],"total":0,"next_from":null}
        GET :9070/invocations/A/children?from=1
          200 {"children":[],"total":1,"next_from":null}
        GET :9070/awakeables
          200 {"awakeables":[{"id":"sign:B","name":"approval","invocation_id":"B","target":"Counter/k/wait","since":"TIME"}],"next_before":null}
        POST /restate/awakeables/sign:B/resolve -- 1
          202
        until A completed
        GET :9070/awakeables
          200 {"awakeables":[],"next_before":null}
        GET :9070/awakeables?limit=0
          400 {"code":"bad_field","field":"limit","message":"The request field 'limit' is invalid. Reason: it is a number from 1 to 1000"}
        "#,
    )
    .await;
}

#[tokio::test]
async fn the_length_of_a_page_has_limits() {
    let mut script = String::new();
    for (path, max) in [
        ("invocations?limit=", 1_000),
        ("awakeables?limit=", 1_000),
        ("services/Counter/objects?limit=", 1_000),
        ("services/Counter/inbox?key=k&limit=", 1_000),
        ("logs?limit=", 10_000),
        ("invocations/ID/children?limit=", 1_000),
        ("invocations/ID/journal?limit=", 10_000),
        ("invocations/ID/logs?limit=", 10_000),
    ] {
        let path = path.replace("ID", "inv_1000000000070000000000000000000005");
        for limit in [0, max + 1] {
            let why = format!("The request field 'limit' is invalid. Reason: it is a number from 1 to {max}");
            let body = format!(r#"{{"code":"bad_field","field":"limit","message":"{why}"}}"#);
            let refused = format!("400 {body}");
            script += &format!("        GET :9070/{path}{limit}\n          {refused}\n");
        }
    }
    check(&script).await;
}
