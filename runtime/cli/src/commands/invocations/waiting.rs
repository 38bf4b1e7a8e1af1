//! What an invocation waits for, in words.

use crate::model::{Invocation, Other, Waiting};
use crate::output::one_line;
use crate::when;
use jiff::Timestamp;

/// Returns everything, a line each.
pub fn lines(invocation: &Invocation, now: Timestamp) -> String {
    let line = |waiting: &Waiting| {
        let since = when::distance_of(&waiting.since, now);
        match since.as_str() {
            "now" => words(waiting, now),
            since => format!("{}, since {since}", words(waiting, now)),
        }
    };
    let mut lines: Vec<String> = invocation.waiting_for.iter().map(line).collect();
    let more = more(invocation, invocation.waiting_for.len());
    if more > 0 {
        lines.push(format!("… {more} more"));
    }
    lines.join("\n")
}

/// Returns the first thing, for a table; nothing when it is not known.
pub fn first(invocation: &Invocation, now: Timestamp) -> String {
    let Some(first) = invocation.waiting_for.first() else { return String::new() };
    match more(invocation, 1) {
        0 => words(first, now),
        more => format!("{} (+{more})", words(first, now)),
    }
}

/// Returns what tells a circle, and what to do about it.
pub fn deadlock(members: &[String]) -> Option<String> {
    let first = members.first()?;
    let circle = members.iter().chain([first]).cloned().collect::<Vec<_>>().join("\n→ ");
    Some(format!("{circle}\nthey wait for each other: end one of them, abide invocations kill ID"))
}

fn more(invocation: &Invocation, shown: usize) -> usize {
    invocation.waiting_for_total.unwrap_or(invocation.waiting_for.len()).saturating_sub(shown)
}

fn words(waiting: &Waiting, now: Timestamp) -> String {
    let mut text = waiting.kind.clone();
    if let Some(name) = &waiting.name {
        text += &format!(" [{}]", one_line(name));
    }
    if let Some(id) = &waiting.id {
        text += &format!(" {id}");
    }
    if let Some(until) = &waiting.until {
        text += &format!(" until {}", when::relative(until, now));
    }
    if let Some(object) = &waiting.object {
        text = format!("the key of {}", one_line(object));
    }
    if let Some(holder) = &waiting.holder {
        text += &format!(", held by {}", other(holder));
    }
    if let Some(id) = &waiting.invocation_id {
        let callee = Other {
            invocation_id: id.clone(),
            target: waiting.target.clone(),
            status: waiting.status.clone(),
        };
        text += &format!(" {}", other(&callee));
    }
    match waiting.ahead {
        None | Some(0) => text,
        Some(ahead) => format!("{text}, {ahead} ahead"),
    }
}

fn other(other: &Other) -> String {
    let known: Vec<&str> = [&other.target, &other.status].into_iter().flatten().map(String::as_str).collect();
    match known.as_slice() {
        [] => other.invocation_id.clone(),
        known => format!("{} ({})", other.invocation_id, one_line(&known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn invocation(waiting_for: &str) -> Invocation {
        let text = format!(
            r#"{{"id": "inv_1", "target": "S/h", "status": "suspended", "created_at": "2026-11-22T15:58:08.172Z",
            "modified_at": "2026-11-22T15:58:08.181Z", "attempts": 1, "retry_count": 0, "last_failures": [],
            {waiting_for}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-22T16:00:00Z".parse().unwrap()
    }

    #[test]
    fn everything_one_can_wait_for() {
        let invocation = invocation(
            r#""waiting_for_total": 12, "waiting_for": [
                {"op": 0, "since": "2026-11-22T15:59:30Z", "kind": "awakeable", "id": "sign_1a", "name": "approval"},
                {"op": 1, "since": "2026-11-22T15:59:30Z", "kind": "signal", "name": "line"},
                {"op": 2, "since": "2026-11-22T16:00:00Z", "kind": "sleep", "until": "2026-11-22T16:00:05Z"},
                {"op": 3, "since": "2026-11-22T16:00:00Z", "kind": "call", "invocation_id": "inv_2", "target": "Pay/p", "status": "suspended"},
                {"op": 4, "since": "2026-11-22T16:00:00Z", "kind": "attach", "invocation_id": "inv_3"},
                {"since": "2026-11-22T15:59:00Z", "kind": "key", "object": "Counter/a", "ahead": 2,
                 "holder": {"invocation_id": "inv_4", "target": "Counter/a/add", "status": "running"}}
            ]"#,
        );
        expect![[r#"
            awakeable [approval] sign_1a, since 30 s ago
            signal [line], since 30 s ago
            sleep until 2026-11-22 16:00:05 (in 5.0 s)
            call inv_2 (Pay/p, suspended)
            attach inv_3
            the key of Counter/a, held by inv_4 (Counter/a/add, running), 2 ahead, since 60 s ago
            … 6 more"#]]
        .assert_eq(&lines(&invocation, now()));
        assert_eq!(first(&invocation, now()), "awakeable [approval] sign_1a (+11)");
    }

    #[test]
    fn nothing_to_wait_for_is_nothing_to_say() {
        let invocation = invocation(r#""waiting_for": []"#);
        assert_eq!((lines(&invocation, now()), first(&invocation, now())), (String::new(), String::new()));
        assert_eq!(deadlock(&[]), None);
    }

    #[test]
    fn a_circle_ends_where_it_began() {
        let shown = deadlock(&["inv_1".into(), "inv_2".into()]).unwrap();
        assert!(shown.starts_with("inv_1\n→ inv_2\n→ inv_1\n"), "{shown}");
    }
}
