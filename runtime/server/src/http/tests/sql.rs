//! `POST /query`: what comes back, and what is refused.

use super::script::check;

#[tokio::test]
async fn rows_are_objects_with_all_columns() {
    check(
        r#"
        POST /Probe/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST :9070/query -- {"query":"select id, target, status, holds_key, completed_at, 1.5 as x, x'ff00' as y, id from sys_invocation"}
          200 {"columns":["id","target","status","holds_key","completed_at","x","y","id:1"],"rows":[{"id":"A","target":"Probe/wait","status":"suspended","holds_key":false,"completed_at":null,"x":1.5,"y":"/wA=","id:1":"A"}],"is_truncated":false,"rows_read":1,"elapsed_ms":N}
        POST :9070/query -- {"query":"select services, size_bytes from sys_deployment"}
          200 {"columns":["services","size_bytes"],"rows":[{"services":["Probe","Counter","SignupWorkflow","Hidden"],"size_bytes":1}],"is_truncated":false,"rows_read":0,"elapsed_ms":N}
        "#,
    )
    .await;
}

#[tokio::test]
async fn a_journal_is_one_list() {
    check(
        r#"
        POST /Probe/wait/send -- {"a":1}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST /restate/awakeables/sign:A/resolve -- "yes"
          202
        until A completed
        POST :9070/query -- {"query":"select \"index\" i, entry_type t, op, name n, completed c, result r, raw_utf8 p, raw_length l, awakeable_id w from sys_journal where id = 'A'"}
          200 {"columns":["i","t","op","n","c","r","p","l","w"],"rows":[{"i":0,"t":"Command: Input","op":null,"n":null,"c":null,"r":null,"p":"{\"a\":1}","l":7,"w":null},{"i":1,"t":"Command: Awakeable","op":0,"n":"approval","c":true,"r":null,"p":null,"l":null,"w":"sign:A"},{"i":2,"t":"Notification: Awakeable","op":0,"n":"approval","c":null,"r":"success","p":"\"yes\"","l":5,"w":"sign:A"},{"i":3,"t":"Command: Output","op":null,"n":null,"c":null,"r":"success","p":"\"yes\"","l":5,"w":null}],"is_truncated":false,"rows_read":7,"elapsed_ms":N}
        POST :9070/query -- {"query":"select entry_lite_json j from sys_journal where id = 'A' and op = 0"}
          200 {"columns":["j"],"rows":[{"j":"{\"awakeable_id\":\"sign:A\",\"name\":\"approval\",\"op\":0,\"summary\":\"awakeable(\\\"approval\\\")\",\"type\":\"Command: Awakeable\"}"},{"j":"{\"op\":0,\"payload_bytes\":5,\"result\":\"success\",\"type\":\"Notification: Awakeable\"}"}],"is_truncated":false,"rows_read":6,"elapsed_ms":N}
        "#,
    )
    .await;
}

#[tokio::test]
async fn objects_have_a_holder_a_queue_and_awakeables() {
    check(
        r#"
        POST /Counter/k/wait/send -- {}
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST /Counter/k/echo/send -- 1
          202 B {"invocationId":"B","status":"Accepted"}
        until B pending
        POST :9070/query -- {"query":"select s.invocation_id h, i.id w, i.sequence_number n from sys_keyed_service_status s join sys_inbox i using (service_name, service_key) where service_key = 'k'"}
          200 {"columns":["h","w","n"],"rows":[{"h":"A","w":"B","n":0}],"is_truncated":false,"rows_read":2,"elapsed_ms":N}
        POST :9070/query -- {"query":"select id, name, target, op from sys_awakeable"}
          200 {"columns":["id","name","target","op"],"rows":[{"id":"sign:A","name":"approval","target":"Counter/k/wait","op":0}],"is_truncated":false,"rows_read":3,"elapsed_ms":N}
        PATCH :9070/invocations/A/cancel
          202
        until A completed
        POST :9070/query -- {"query":"select count(*) n from sys_awakeable"}
          200 {"columns":["n"],"rows":[{"n":0}],"is_truncated":false,"rows_read":0,"elapsed_ms":N}
        POST :9070/query -- {"query":"select completion_result r, completion_failure f from sys_invocation where id = 'A'"}
          200 {"columns":["r","f"],"rows":[{"r":"failure","f":"[409] cancelled"}],"is_truncated":false,"rows_read":2,"elapsed_ms":N}
        "#,
    )
    .await;
}

#[tokio::test]
async fn promises_calls_and_timers() {
    check(
        r#"
        POST /SignupWorkflow/w/run/send -- "p"
          202 A {"invocationId":"A","status":"Accepted"}
        until A suspended
        POST :9070/query -- {"query":"select service_name s, service_key k, completed c, waiting w from sys_promise"}
          200 {"columns":["s","k","c","w"],"rows":[{"s":"SignupWorkflow","k":"w","c":false,"w":1}],"is_truncated":false,"rows_read":1,"elapsed_ms":N}
        POST /Probe/call/send -- "Probe/sleep>1"
          202 B {"invocationId":"B","status":"Accepted"}
        until B suspended
        POST :9070/query -- {"query":"select invoked_target t, completed c from sys_journal where id = 'B' and entry_type = 'Command: Call'"}
          200 {"columns":["t","c"],"rows":[{"t":"Probe/sleep","c":false}],"is_truncated":false,"rows_read":2,"elapsed_ms":N}
        POST :9070/query -- {"query":"select i.invoked_by b, i.invoked_by_target t, t.kind k from sys_invocation i join sys_timer t on t.invocation_id = i.id"}
          200 {"columns":["b","t","k"],"rows":[{"b":"service","t":"Probe/call","k":"sleep"}],"is_truncated":false,"rows_read":3,"elapsed_ms":N}
        "#,
    )
    .await;
}

#[tokio::test]
async fn mistakes_are_pointed_at() {
    check(
        r#"
        POST :9070/query -- {"query":"select 1,\n idd from sys_invocation"}
          400 {"code":"bad_sql","hint":"did you mean id? SELECT * FROM sys_columns lists the columns; a text is in 'single quotes'","message":"no such column: idd","position":{"column":2,"line":2}}
        POST :9070/query -- {"query":"select * from sys_invocations"}
          400 {"code":"bad_sql","hint":"did you mean sys_invocation? SELECT * FROM sys_tables lists the tables","message":"no such table: sys_invocations","position":{"column":15,"line":1}}
        POST :9070/query -- {"query":"select id from sys_invocation where status = completed"}
          400 {"code":"bad_sql","hint":"a text needs single quotes: 'completed'","message":"no such column: completed","position":{"column":46,"line":1}}
        POST :9070/query -- {"query":"show tables"}
          400 {"code":"bad_sql","hint":"SELECT * FROM sys_tables lists the tables","message":"near \"show\": syntax error","position":{"column":1,"line":1}}
        POST :9070/query -- {"query":"selec 1"}
          400 {"code":"bad_sql","message":"near \"selec\": syntax error","position":{"column":1,"line":1}}
        POST :9070/query -- {"query":" -- nothing"}
          400 {"code":"bad_sql","hint":"SELECT * FROM sys_tables lists what can be asked","message":"there is no statement"}
        POST :9070/query -- {"query":"select 1; select 2"}
          400 {"code":"bad_sql","hint":"send one at a time","message":"there is more than one statement"}
        POST :9070/query -- {"query":"delete from state"}
          403 {"code":"sql_read_only","hint":"what can be changed has a path of its own on this port; GET /openapi lists them","message":"queries only read; a change of state is not answered"}
        POST :9070/query -- {"query":"create table t(a)"}
          403 {"code":"sql_read_only","hint":"what can be changed has a path of its own on this port; GET /openapi lists them","message":"queries only read; a statement that inserts or creates is not answered"}
        POST :9070/query -- {"query":"select load_extension('x')"}
          400 {"code":"bad_sql","message":"the function load_extension is not answered here"}
        POST :9070/query -- {"quer":"select 1"}
          400 {"code":"bad_body","message":"the body is not what this path takes: unknown field `quer`, expected `query` at line 1 column 7"}
        GET :9070/query
          405 {"code":"method_not_allowed","message":"this path does not know the method GET"}
        "#,
    )
    .await;
}
