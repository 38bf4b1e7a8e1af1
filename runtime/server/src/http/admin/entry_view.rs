//! An entry of a journal as users see it: what was asked, with its arguments, and what came of it.

use crate::http::admin::payload::PayloadView;
use crate::http::admin::shapes::HeaderShape;
use crate::http::limits::NAMES_SHOWN_MAX;
use abide_core::entry::{Answer, Entry, Failure, Header, Outcome, Request};
use abide_core::ids::AwakeableId;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the kind of entry does not have is left out.
#[derive(Default, Serialize, ToSchema)]
pub struct EntryView {
    /// The entry in a few words.
    summary: String,
    /// Absent when the entry never gets an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_settled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Who is called, waited for, ended, or sent a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<PayloadView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<HeaderShape>)]
    headers: Vec<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// Its own, or that of the one it completes.
    #[serde(skip_serializing_if = "Option::is_none")]
    awakeable_id: Option<String>,
    /// What is put into the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<PayloadView>,
    /// What an awakeable, a signal or a promise is completed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<ResultView>,
}

/// What an operation came to.
#[derive(Serialize, ToSchema)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum ResultView {
    Empty,
    Value { value: PayloadView },
    Failure { failure: FailureView },
    Names { names: Vec<String>, names_total: usize },
}

#[derive(Serialize, ToSchema)]
pub struct FailureView {
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl EntryView {
    /// Views an entry; `own` is the id it has if it is an awakeable.
    pub fn of(own: AwakeableId, entry: &Entry) -> Self {
        let view = Self { summary: entry.to_string(), ..Self::default() };
        match entry {
            Entry::Sleep { duration_ms, .. } => Self { duration_ms: Some(*duration_ms), ..view },
            Entry::Call(request) => view.with_request(request),
            Entry::Send { request, delay_ms } => Self { delay_ms: *delay_ms, ..view.with_request(request) },
            Entry::Attach { invocation } | Entry::Cancel { invocation } | Entry::Kill { invocation } => {
                Self { invocation_id: Some(invocation.to_string()), ..view }
            }
            Entry::SetState { value, .. } => Self { value: Some(PayloadView::of(value)), ..view },
            Entry::Awakeable { .. } => Self { awakeable_id: Some(own.to_string()), ..view },
            Entry::CompleteAwakeable { awakeable, outcome } => Self {
                awakeable_id: Some(awakeable.to_string()),
                completion: Some(ResultView::of(outcome)),
                ..view
            },
            Entry::SendSignal { invocation, outcome, .. } => Self {
                invocation_id: Some(invocation.to_string()),
                completion: Some(ResultView::of(outcome)),
                ..view
            },
            Entry::CompletePromise { outcome, .. } => {
                Self { completion: Some(ResultView::of(outcome)), ..view }
            }
            // Their name says it all.
            Entry::Run { .. }
            | Entry::GetState { .. }
            | Entry::ClearState { .. }
            | Entry::ClearAllState
            | Entry::StateKeys
            | Entry::ReceiveSignal { .. }
            | Entry::GetPromise { .. }
            | Entry::PeekPromise { .. } => view,
        }
    }

    fn with_request(self, request: &Request) -> Self {
        Self {
            target: Some(request.target.to_string()),
            invocation_id: Some(request.child.to_string()),
            input: Some(PayloadView::of(&request.input)),
            headers: request.headers.clone(),
            idempotency_key: request.idempotency_key.clone(),
            ..self
        }
    }
}

impl ResultView {
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Empty => Self::Empty,
            Outcome::Value(value) => Self::Value { value: PayloadView::of(value) },
            Outcome::Failure(failure) => Self::Failure { failure: FailureView::of(failure) },
            Outcome::Names(names) => Self::Names {
                names: names.iter().take(NAMES_SHOWN_MAX).cloned().collect(),
                names_total: names.len(),
            },
        }
    }

    pub fn of_answer(answer: &Answer) -> Self {
        match answer {
            Answer::Value(value) => Self::Value { value: PayloadView::of(value) },
            Answer::Failure(failure) => Self::Failure { failure: FailureView::of(failure) },
        }
    }
}

impl FailureView {
    fn of(failure: &Failure) -> Self {
        let metadata = failure.metadata.iter().map(|header| (header.name.clone(), header.value.clone()));
        Self { code: failure.code, message: failure.message.clone(), metadata: metadata.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::InvocationId;
    use abide_core::target::Target;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };
    const OWN: AwakeableId = AwakeableId { invocation: ID, op: 7, birth: 0 };

    fn show(entry: Entry) -> String {
        let mut json = serde_json::to_value(EntryView::of(OWN, &entry)).unwrap();
        json.as_object_mut().unwrap().remove("summary").expect("every entry has a summary");
        let text = format!("{} {} {json}", entry.kind(), entry.name().unwrap_or_default());
        text.replace(&OWN.to_string(), "SIGN").replace(&ID.to_string(), "INV")
    }

    #[test]
    fn entries_with_their_arguments() {
        let header = Header { name: "a".into(), value: "b".into() };
        let request = Request {
            child: ID,
            target: Target { service: "S".into(), key: Some("k".into()), handler: "h".into() },
            input: "1".into(),
            headers: vec![header],
            idempotency_key: Some("i".into()),
        };
        let value = Outcome::Value("2".into());
        let failure = Outcome::Failure(Failure::new(500, "no"));
        let awakeable = OWN;
        let name = || "n".to_owned();
        let requested = r#""headers":[{"name":"a","value":"b"}],"idempotency_key":"i","input":{"bytes":1,"json":1},"invocation_id":"INV","target":"S/k/h"}"#;
        let cases = [
            (Entry::Run { name: name(), retry: None }, "run n {}".to_owned()),
            (Entry::Sleep { duration_ms: 5, name: None }, r#"sleep  {"duration_ms":5}"#.into()),
            (Entry::Call(request.clone()), format!("call S/k/h {{{requested}")),
            (Entry::Send { request, delay_ms: Some(9) }, format!(r#"send S/k/h {{"delay_ms":9,{requested}"#)),
            (Entry::Attach { invocation: ID }, r#"attach  {"invocation_id":"INV"}"#.into()),
            (Entry::GetState { name: name() }, "get-state n {}".into()),
            (
                Entry::SetState { name: name(), value: "3".into() },
                r#"set-state n {"value":{"bytes":1,"json":3}}"#.into(),
            ),
            (Entry::ClearAllState, "clear-all-state  {}".into()),
            (Entry::Awakeable { name: Some(name()) }, r#"awakeable n {"awakeable_id":"SIGN"}"#.into()),
            (
                Entry::CompleteAwakeable { awakeable, outcome: Outcome::Empty },
                r#"complete-awakeable  {"awakeable_id":"SIGN","completion":{"result":"empty"}}"#.into(),
            ),
            (Entry::ReceiveSignal { name: name() }, "receive-signal n {}".into()),
            (
                Entry::SendSignal { invocation: ID, name: name(), outcome: value },
                r#"send-signal n {"completion":{"result":"value","value":{"bytes":1,"json":2}},"invocation_id":"INV"}"#
                    .into(),
            ),
            (
                Entry::CompletePromise { name: name(), outcome: failure },
                r#"complete-promise n {"completion":{"failure":{"code":500,"message":"no"},"result":"failure"}}"#
                    .into(),
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(show(entry), expected);
        }
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..NAMES_SHOWN_MAX + 5).map(|n| n.to_string()).collect();
        let shown = serde_json::to_value(ResultView::of(&Outcome::Names(names))).unwrap();
        assert_eq!(shown["names"].as_array().unwrap().len(), NAMES_SHOWN_MAX);
        assert_eq!(shown["names_total"], NAMES_SHOWN_MAX + 5);
    }
}
