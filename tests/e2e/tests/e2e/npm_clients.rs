//! The npm package `@restatedev/restate-sdk-clients`, as it is, works against the ingress.

use abide_e2e::{Guest, Server, npm};
use serde_json::{Value, json};

/// Runs a script on a server of its own and compares what it found; passes when npm is not there.
#[track_caller]
fn check(script: &str, expected: &Value) {
    let server = Server::with(Guest::Abilities);
    server.deploy(Guest::Probe);
    let Some(found) = npm::run(script, &server) else { return };
    assert_eq!(&found, expected, "{script} found {found:#}");
}

fn refusal(status: u16, source: &str, message: &str) -> Value {
    json!({ "status": status, "body": { "code": status, "message": message, "source": source } })
}

fn sent(status: &str, is_attachable: bool, has_time: bool) -> Value {
    json!({ "status": status, "attachable": is_attachable, "hasId": true, "hasTime": has_time })
}

const BAD_NUMBER: &str =
    "Failed to deserialize input: invalid type: string \"much\", expected i64 at line 1 column 6";
const NO_HANDLER: &str = "the service 'Probe' exists, but the handler 'nope' was not found, check that the \
                          handler exists in the latest registered service version.";
const NO_SERVICE: &str = "service 'Nope' not found, make sure to register the service before calling it.";
const NO_KEY: &str = "cannot use the idempotency key with workflow handlers. The handler invocation will \
                      already be idempotent by the workflow key itself.";

#[test]
fn calls() {
    let mut terminal = refusal(418, "invocation", "no tea");
    terminal["body"]["metadata"] = json!({ "pot": "short" });
    let expected = json!({
        "payloads": {
            "json": "Hello Ann", "byName": "Hello Bob", "null": null, "nothing": null, "empty": null,
            "binary": [0, 255, 10], "text": "GRÜEZI",
        },
        "objects": { "sum": 7, "read": 7, "other": 0, "oddSum": 1, "oddKey": "a/b ä%2F?" },
        "headers": ["ann", "call", "/Probe/headers"],
        "idempotency": {
            "isSame": true, "isOther": true, "givenUp": "TimeoutError", "rested": "slept",
            "requests": 2, "retried": 1, "counted": 1,
        },
        "refusals": {
            "terminal": terminal,
            "unknownService": refusal(404, "ingress", NO_SERVICE),
            "unknownHandler": refusal(404, "ingress", NO_HANDLER),
            "private": refusal(400, "ingress", "the invoked service is not public"),
            "badInput": refusal(400, "invocation", BAD_NUMBER),
        },
    });
    check("calls.mjs", &expected);
}

#[test]
fn sends() {
    let expected = json!({
        "withoutKey": { "sent": sent("Accepted", false, false), "arrived": true, "isRefused": true },
        "withKey": {
            "sent": sent("Accepted", true, false), "result": "Hello Ann",
            "again": sent("PreviouslyAccepted", true, false), "isSame": true, "stored": "Hello Ann",
        },
        "delayed": {
            "later": sent("Accepted", true, true), "again": sent("PreviouslyAccepted", true, true),
            "isSame": true, "early": 3,
            "sent": sent("Accepted", true, true), "result": 7, "isInTime": true,
        },
        "failures": {
            "attached": refusal(418, "invocation", "no tea"),
            "stored": refusal(418, "invocation", "no tea"),
            "unknown": refusal(404, "invocation", "not found"),
            "unknownHandler": refusal(404, "ingress", NO_HANDLER),
        },
    });
    check("sends.mjs", &expected);
}

#[test]
fn workflows() {
    let known = "the workflow method was already invoked";
    let answer = "500 for ann/1 ä";
    let expected = json!({
        "approved": {
            "submitted": sent("Accepted", true, false), "early": false, "status": "waiting",
            "again": sent("PreviouslyAccepted", true, false), "isSame": true,
            "called": refusal(409, "invocation", known),
            "decided": null, "attached": answer, "attachedLate": answer,
            "output": { "ready": true, "result": answer }, "byId": answer, "statusLate": "approved",
            "againLate": sent("PreviouslyAccepted", true, false),
        },
        "refused": {
            "attached": refusal(403, "invocation", "no loan"),
            "output": refusal(403, "invocation", "no loan"),
            "clickedAgain": null,
        },
        "called": "20 for eve",
        "misuses": {
            "attach": refusal(404, "invocation", "not found"),
            "output": refusal(404, "ingress", "invocation not found"),
            "idempotencyKey": refusal(400, "ingress", NO_KEY),
        },
    });
    check("workflows.mjs", &expected);
}

#[test]
fn awakeables() {
    let paid = json!({ "ok": { "paid": true } });
    let expected = json!({
        "resolved": { "looksLikeOne": true, "value": paid, "still": paid },
        "resolvedWithNothing": { "ok": null },
        "rejected": {
            "code": 500, "message": "the card is expired – sorry", "metadata": {}, "isCancelled": false,
        },
        "noId": refusal(400, "ingress", "bad awakeable id 'sign_xx': unrecognized codec version"),
    });
    check("awakeables.mjs", &expected);
}
