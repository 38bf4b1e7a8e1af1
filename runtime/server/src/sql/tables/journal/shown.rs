//! An item of a journal in the words that users of Restate's tables know, and as JSON.

use super::walk::{Content, Item};
use crate::base64::base64;
use crate::sql::source::{Fault, Source};
use abide_core::entry::{Answer, Entry, Failure, Outcome, Request};
use abide_core::ids::InvocationId;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Returns what kind of item it is.
pub fn entry_type(item: &Item, source: &Source) -> Result<String, Fault> {
    Ok(match &item.content {
        Content::Input(_) => "Command: Input".to_owned(),
        Content::Answer(_) => "Command: Output".to_owned(),
        Content::Entry { row, .. } => format!("Command: {}", kind(&row.entry)),
        Content::Outcome { .. } => match (item.op(), item.entry(source)?) {
            (None, _) => "Notification: Cancel".to_owned(),
            (Some(_), Some(entry)) => format!("Notification: {}", kind(entry)),
            (Some(_), None) => "Notification: Unknown".to_owned(),
        },
    })
}

fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Run { .. } => "Run",
        Entry::Sleep { .. } => "Sleep",
        Entry::Call(_) => "Call",
        Entry::Send { .. } => "OneWayCall",
        Entry::Attach { .. } => "AttachInvocation",
        Entry::Cancel { .. } => "CancelInvocation",
        Entry::Kill { .. } => "KillInvocation",
        Entry::GetState { .. } => "GetLazyState",
        Entry::SetState { .. } => "SetState",
        Entry::ClearState { .. } => "ClearState",
        Entry::ClearAllState => "ClearAllState",
        Entry::StateKeys => "GetLazyStateKeys",
        Entry::Awakeable { .. } => "Awakeable",
        Entry::CompleteAwakeable { .. } => "CompleteAwakeable",
        Entry::ReceiveSignal { .. } => "Signal",
        Entry::SendSignal { .. } => "SendSignal",
        Entry::GetPromise { .. } => "GetPromise",
        Entry::PeekPromise { .. } => "PeekPromise",
        Entry::CompletePromise { .. } => "CompletePromise",
    }
}

/// Returns what is asked of another handler.
pub fn request(entry: &Entry) -> Option<&Request> {
    match entry {
        Entry::Call(request) | Entry::Send { request, .. } => Some(request),
        _ => None,
    }
}

/// Returns the other invocation that an entry is about.
pub fn invoked(entry: &Entry) -> Option<InvocationId> {
    match entry {
        Entry::Attach { invocation }
        | Entry::Cancel { invocation }
        | Entry::Kill { invocation }
        | Entry::SendSignal { invocation, .. } => Some(*invocation),
        _ => request(entry).map(|request| request.child),
    }
}

/// Returns the payload of an item.
pub fn payload(content: &Content) -> Option<&Bytes> {
    match content {
        Content::Input(input) => Some(&input.body),
        Content::Answer(Answer::Value(value)) => Some(value),
        Content::Answer(Answer::Failure(_)) => None,
        Content::Outcome { outcome, .. } => value_of(Some(outcome)),
        Content::Entry { row, .. } => match &row.entry {
            Entry::Call(request) | Entry::Send { request, .. } => Some(&request.input),
            Entry::SetState { value, .. } => Some(value),
            other => value_of(completion(other)),
        },
    }
}

fn value_of(outcome: Option<&Outcome>) -> Option<&Bytes> {
    match outcome {
        Some(Outcome::Value(value)) => Some(value),
        Some(Outcome::Empty | Outcome::Failure(_) | Outcome::Names(_)) | None => None,
    }
}

/// Returns what an entry completes something else with.
fn completion(entry: &Entry) -> Option<&Outcome> {
    match entry {
        Entry::CompleteAwakeable { outcome, .. }
        | Entry::SendSignal { outcome, .. }
        | Entry::CompletePromise { outcome, .. } => Some(outcome),
        _ => None,
    }
}

/// Returns an item as JSON, with its payload where that is wished for.
pub fn json(item: &Item, source: &Source, with_payload: bool) -> Result<Value, Fault> {
    let mut shown = Map::new();
    shown.insert("type".into(), entry_type(item, source)?.into());
    if let Some(op) = item.op() {
        shown.insert("op".into(), op.into());
    }
    match &item.content {
        Content::Input(input) => _ = shown.insert("headers".into(), json!(input.headers)),
        Content::Entry { op, row, .. } => {
            shown.insert("summary".into(), row.entry.to_string().into());
            shown.extend(arguments(&row.entry));
            if matches!(row.entry, Entry::Awakeable { .. }) {
                let id = source.awakeable(item.id, *op)?.map(|id| id.to_string());
                shown.insert("awakeable_id".into(), id.into());
            }
            if let Some(Outcome::Failure(failure)) = completion(&row.entry) {
                shown.insert("failure".into(), shown_failure(failure));
            }
        }
        Content::Outcome { outcome: Outcome::Names(names), .. } => {
            _ = shown.insert("names".into(), json!(names))
        }
        Content::Outcome { .. } | Content::Answer(_) => {}
    }
    if let Some(result) = item.result() {
        shown.insert("result".into(), if result.is_some() { "failure" } else { "success" }.into());
        shown.extend(result.map(|failure| ("failure".to_owned(), shown_failure(failure))));
    }
    if let Some(payload) = payload(&item.content) {
        shown.insert("payload_bytes".into(), payload.len().into());
        if with_payload {
            shown.extend(shown_payload(payload));
        }
    }
    Ok(Value::Object(shown))
}

fn arguments(entry: &Entry) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| _ = shown.insert(name.to_owned(), value);
    if let Some(name) = entry.name() {
        put("name", name.into());
    }
    if let Some(id) = invoked(entry) {
        put("invocation_id", id.to_string().into());
    }
    if let Some(request) = request(entry) {
        put("headers", json!(request.headers));
        put("idempotency_key", json!(request.idempotency_key));
    }
    match entry {
        Entry::Sleep { duration_ms, .. } => put("duration_ms", (*duration_ms).into()),
        Entry::Send { delay_ms, .. } => put("delay_ms", json!(delay_ms)),
        Entry::CompleteAwakeable { awakeable, .. } => put("awakeable_id", awakeable.to_string().into()),
        _ => {}
    }
    shown.retain(|_, value| !value.is_null());
    shown
}

fn shown_failure(failure: &Failure) -> Value {
    json!({ "code": failure.code, "message": failure.message, "metadata": failure.metadata })
}

/// JSON as JSON, other text as text, everything else as base64.
fn shown_payload(payload: &Bytes) -> Option<(String, Value)> {
    if payload.is_empty() {
        return None;
    }
    Some(match (serde_json::from_slice(payload), std::str::from_utf8(payload)) {
        (Ok(json), _) => ("json".to_owned(), json),
        (Err(_), Ok(text)) => ("text".to_owned(), text.into()),
        (Err(_), Err(_)) => ("base64".to_owned(), base64(payload).into()),
    })
}
