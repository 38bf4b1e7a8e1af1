//! The journal of an invocation as a tree, for a person.

use crate::model::{Answer, Content, Invocation, Item, Journal, Payload};
use crate::output::{Paint, one_line};
use crate::when;
use jiff::Timestamp;

/// Characters of a payload on its line.
const PAYLOAD_CHARS_MAX: usize = 60;

/// Draws the tree.
pub fn draw(invocation: &Invocation, journal: &Journal, now: Timestamp, paint: Paint) -> String {
    let from = match &invocation.invoked_by_id {
        Some(caller) => format!("[{caller}]"),
        None => "[Ingress]".to_owned(),
    };
    let mut lines = vec![
        from,
        format!(" └──(this)─> {}", paint.bold(&one_line(&invocation.target))),
        "     ▸".to_owned(),
    ];
    let input = journal.input.as_ref().map(|input| payload(&input.body)).unwrap_or_default();
    lines.push(line(0, &invocation.created_at, &format!("input{input}"), paint));
    if journal.is_purged {
        lines.push("     ├──── … kept long enough, only the answer is left".to_owned());
    }
    for (index, item) in (1..).zip(&journal.items) {
        lines.push(line(index, &item.at, &describe(item, invocation, now, paint), paint));
    }
    if journal.items.len() < journal.items_total {
        let rest = journal.items_total - journal.items.len();
        lines.push(format!("     ├──── … {rest} more, see --json and the admin port's ?from="));
    }
    let end = journal.answer.as_ref().map(|answer| result(answer, paint)).unwrap_or_default();
    lines.push(format!("     └────>> {}{end}", invocation.status));
    lines.join("\n")
}

fn line(index: usize, at: &str, text: &str, paint: Paint) -> String {
    format!("     ├──── #{index} {} {text}", paint.dim(&format!("[{}]", when::clock(at))))
}

fn describe(item: &Item, invocation: &Invocation, now: Timestamp, paint: Paint) -> String {
    let name = item.name.as_ref().map(|name| format!(" [{}]", one_line(name))).unwrap_or_default();
    let title = format!("{}{name}", item.kind);
    match &item.content {
        Content::Outcome(answer) => format!("  └ {title}{}", result(answer, paint)),
        Content::Entry {
            duration_ms,
            delay_ms,
            invocation_id,
            awakeable_id,
            value,
            completion,
            is_settled,
        } => {
            let mut text = title;
            if let Some(millis) = duration_ms {
                text += &format!(" {}", when::duration(*millis));
            }
            if let Some(millis) = delay_ms {
                text += &format!(" after {}", when::duration(*millis));
            }
            for id in [invocation_id, awakeable_id].into_iter().flatten() {
                text += &format!(" {id}");
            }
            text += &value.as_ref().map(payload).unwrap_or_default();
            text += &completion.as_ref().map(|completion| result(completion, paint)).unwrap_or_default();
            if *is_settled == Some(false) {
                text += &waiting(item.op, invocation, now, paint);
            }
            text
        }
    }
}

/// Says why an entry has no outcome yet, as far as that is known.
fn waiting(op: Option<u32>, invocation: &Invocation, now: Timestamp, paint: Paint) -> String {
    match invocation.retrying_runs.iter().find(|run| Some(run.op) == op) {
        Some(run) => {
            let next = when::distance_of(&run.next_retry_at, now);
            let times = if run.failures == 1 { "once".to_owned() } else { format!("{} times", run.failures) };
            paint.yellow(&format!("  failed {times}, next try {next}"))
        }
        None => paint.dim("  …"),
    }
}

fn result(answer: &Answer, paint: Paint) -> String {
    match answer {
        Answer::Empty => String::new(),
        Answer::Value { value } => payload(value),
        Answer::Names { names, names_total } if names.len() < *names_total => {
            format!(" = {} … ({names_total} names)", one_line(&names.join(", ")))
        }
        Answer::Names { names, .. } => format!(" = {}", one_line(&names.join(", "))),
        Answer::Failure { failure } => {
            let first = one_line(failure.message.lines().next().unwrap_or_default());
            format!(" {}", paint.red(&format!("failed: [{}] {first}", failure.code)))
        }
    }
}

fn payload(payload: &Payload) -> String {
    let text = match (&payload.json, &payload.text) {
        _ if payload.bytes == 0 => return String::new(),
        (Some(json), _) => one_line(&json.to_string()),
        (None, Some(text)) => one_line(text),
        (None, None) => return format!(" = {} bytes", payload.bytes),
    };
    if !payload.is_cut && text.chars().count() <= PAYLOAD_CHARS_MAX {
        return format!(" = {text}");
    }
    let head: String = text.chars().take(PAYLOAD_CHARS_MAX).collect();
    format!(" = {head}… ({} bytes)", payload.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const INVOCATION: &str = r#"{
        "id": "inv_1", "target": "SubscriptionService/add", "status": "backing-off",
        "created_at": "2026-11-22T15:58:08.172Z", "modified_at": "2026-11-22T15:58:08.181Z",
        "attempts": 4, "retry_count": 4, "next_retry_at": "2026-11-22T15:58:16.024Z", "last_failures": [],
        "retrying_runs": [{"op": 3, "failures": 4, "next_retry_at": "2026-11-22T15:58:16.024Z"}]
    }"#;

    const JOURNAL: &str = r#"{
        "input": {"headers": [], "body": {"bytes": 19, "json": {"userId": "user-123"}}},
        "items_total": 16,
        "items": [
            {"op": 0, "kind": "run", "name": "pay", "at": "2026-11-22T15:58:08.177Z", "item": "entry", "is_settled": true},
            {"op": 0, "kind": "run", "name": "pay", "at": "2026-11-22T15:58:08.178Z", "item": "outcome",
             "result": "value", "value": {"bytes": 2, "base64": "/wA="}},
            {"op": 1, "kind": "sleep", "at": "2026-11-22T15:58:08.180Z", "item": "entry", "duration_ms": 1500, "is_settled": false},
            {"op": 2, "kind": "send", "name": "Email/send", "at": "2026-11-22T15:58:08.180Z", "item": "entry",
             "delay_ms": 60000, "invocation_id": "inv_2"},
            {"op": 3, "kind": "run", "name": "add-Netflix", "at": "2026-11-22T15:58:08.181Z", "item": "entry", "is_settled": false},
            {"op": 4, "kind": "call", "name": "Pay/process", "at": "2026-11-22T15:58:08.181Z", "item": "entry",
             "invocation_id": "inv_3", "is_settled": true},
            {"op": 4, "kind": "call", "name": "Pay/process", "at": "2026-11-22T15:58:08.190Z", "item": "outcome",
             "result": "failure", "failure": {"code": 409, "message": "no\nmore"}},
            {"op": 5, "kind": "set-state", "name": "cart", "at": "2026-11-22T15:58:08.191Z", "item": "entry",
             "value": {"bytes": 2, "json": []}},
            {"op": 6, "kind": "awakeable", "name": "approval", "at": "2026-11-22T15:58:08.191Z", "item": "entry",
             "awakeable_id": "sign_1", "is_settled": false},
            {"op": 7, "kind": "send-signal", "name": "go", "at": "2026-11-22T15:58:08.191Z", "item": "entry",
             "invocation_id": "inv_4", "completion": {"result": "value", "value": {"bytes": 1, "json": 1}}},
            {"op": 8, "kind": "state-keys", "at": "2026-11-22T15:58:08.191Z", "item": "entry", "is_settled": true},
            {"op": 8, "kind": "state-keys", "at": "2026-11-22T15:58:08.191Z", "item": "outcome",
             "result": "names", "names": ["a", "b"], "names_total": 2},
            {"kind": "cancellation", "at": "2026-11-22T15:58:08.192Z", "item": "outcome",
             "result": "failure", "failure": {"code": 409, "message": "cancelled"}}
        ]
    }"#;

    #[test]
    fn a_journal_of_everything() {
        let (invocation, journal) =
            (serde_json::from_str(INVOCATION).unwrap(), serde_json::from_str(JOURNAL).unwrap());
        let now = "2026-11-22T15:58:14.243Z".parse().unwrap();
        expect![[r#"
            [Ingress]
             └──(this)─> SubscriptionService/add
                 ▸
                 ├──── #0 [2026-11-22 15:58:08.172] input = {"userId":"user-123"}
                 ├──── #1 [2026-11-22 15:58:08.177] run [pay]
                 ├──── #2 [2026-11-22 15:58:08.178]   └ run [pay] = 2 bytes
                 ├──── #3 [2026-11-22 15:58:08.180] sleep 1s 500ms  …
                 ├──── #4 [2026-11-22 15:58:08.180] send [Email/send] after 1m inv_2
                 ├──── #5 [2026-11-22 15:58:08.181] run [add-Netflix]  failed 4 times, next try in 1.7 s
                 ├──── #6 [2026-11-22 15:58:08.181] call [Pay/process] inv_3
                 ├──── #7 [2026-11-22 15:58:08.190]   └ call [Pay/process] failed: [409] no
                 ├──── #8 [2026-11-22 15:58:08.191] set-state [cart] = []
                 ├──── #9 [2026-11-22 15:58:08.191] awakeable [approval] sign_1  …
                 ├──── #10 [2026-11-22 15:58:08.191] send-signal [go] inv_4 = 1
                 ├──── #11 [2026-11-22 15:58:08.191] state-keys
                 ├──── #12 [2026-11-22 15:58:08.191]   └ state-keys = a, b
                 ├──── #13 [2026-11-22 15:58:08.192]   └ cancellation failed: [409] cancelled
                 ├──── … 3 more, see --json and the admin port's ?from=
                 └────>> backing-off"#]]
        .assert_eq(&draw(&invocation, &journal, now, Paint::off()));
    }

    #[test]
    fn text_stays_on_its_line() {
        let text = Some("{\"a\"\n\u{1b}[0mä".to_owned());
        let shown = payload(&Payload { bytes: 1, json: None, text, is_cut: false });
        assert_eq!(shown, " = {\"a\"\\n\\u{1b}[0mä");
    }

    #[test]
    fn a_null_is_a_value() {
        let of = |json: &str| payload(&serde_json::from_str(json).unwrap());
        assert_eq!(of(r#"{"bytes":4,"json":null}"#), " = null");
        assert_eq!(of(r#"{"bytes":4,"base64":"/wAA/w=="}"#), " = 4 bytes");
    }

    #[test]
    fn long_payloads_are_cut() {
        let json = serde_json::json!("x".repeat(200));
        let shown = payload(&Payload { bytes: 202, json: Some(json), text: None, is_cut: false });
        assert!(shown.ends_with("x… (202 bytes)") && shown.chars().count() < 90, "{shown}");
    }

    #[test]
    fn of_a_purged_journal_only_the_answer_is_left() {
        let journal = r#"{"is_purged": true, "items_total": 0, "items": [],
            "answer": {"result": "value", "value": {"bytes": 1, "json": 7}}}"#;
        let (invocation, journal) =
            (serde_json::from_str(INVOCATION).unwrap(), serde_json::from_str(journal).unwrap());
        let now = "2026-11-22T15:58:14.243Z".parse().unwrap();
        expect![[r#"
            [Ingress]
             └──(this)─> SubscriptionService/add
                 ▸
                 ├──── #0 [2026-11-22 15:58:08.172] input
                 ├──── … kept long enough, only the answer is left
                 └────>> backing-off = 7"#]]
        .assert_eq(&draw(&invocation, &journal, now, Paint::off()));
    }
}
