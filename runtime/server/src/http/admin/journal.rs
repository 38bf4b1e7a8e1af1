//! The journal of an invocation, for a person to read: entries and outcomes in one order.
//!
//! `{"input":…,"items":[…],"items_total":…,"answer":…}`; `?from=` and `?limit=` page through the items.

use crate::engine::Journal;
use crate::http::admin::invocations::parse_id;
use crate::http::admin::payload::PayloadView;
use crate::http::admin::{blocking, query};
use crate::http::error::AdminError;
use crate::http::limits::JOURNAL_ITEMS_MAX;
use crate::http::{AppState, time};
use abide_core::entry::{Answer, Entry, EntryRow, Failure, Header, Outcome, OutcomeRow};
use abide_core::ids::OpId;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Page {
    from: usize,
    limit: Option<usize>,
}

#[derive(Serialize)]
pub struct JournalView {
    invocation_id: String,
    input: InputView,
    items: Vec<ItemView>,
    items_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<ResultView>,
}

#[derive(Serialize)]
struct InputView {
    headers: Vec<Header>,
    body: PayloadView,
}

#[derive(Serialize)]
struct ItemView {
    index: usize,
    /// The operation: an outcome carries the number of its entry.
    op: OpId,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    at: String,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Serialize)]
#[serde(tag = "item", rename_all = "lowercase")]
enum ContentView {
    Entry(EntryView),
    Outcome(ResultView),
}

#[derive(Default, Serialize)]
struct EntryView {
    /// The entry in a few words.
    summary: String,
    /// Absent when the entry never gets an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_settled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<PayloadView>,
}

#[derive(Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
enum ResultView {
    Empty,
    Value { value: PayloadView },
    Failure { failure: FailureView },
}

#[derive(Serialize)]
struct FailureView {
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

pub async fn describe(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<JournalView>, AdminError> {
    let id = parse_id(&id)?;
    let page: Page = query(&uri)?;
    let view = blocking(move || {
        let journal = state.engine.journal(id)?.ok_or(AdminError::UnknownInvocation(id))?;
        Ok(view(id.to_string(), journal, &page))
    });
    Ok(Json(view.await?))
}

fn view(invocation_id: String, journal: Journal, page: &Page) -> JournalView {
    let settled: BTreeSet<OpId> = journal.outcomes.iter().map(|(op, _)| *op).collect();
    let order = order(&journal);
    let shown = order
        .iter()
        .enumerate()
        .skip(page.from)
        .take(page.limit.unwrap_or(usize::MAX).min(JOURNAL_ITEMS_MAX));
    let item = |(index, item): (usize, &Item)| item_view(index, item, &journal, &settled);
    JournalView {
        invocation_id,
        items: shown.map(item).collect(),
        items_total: order.len(),
        input: InputView {
            headers: journal.input.headers.clone(),
            body: PayloadView::of(&journal.input.body),
        },
        answer: journal.answer.map(|answer| match answer {
            Answer::Value(value) => ResultView::Value { value: PayloadView::of(&value) },
            Answer::Failure(failure) => failure_result(&failure),
        }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// Index, which is the operation.
    Entry(usize),
    /// Index among the outcomes.
    Outcome(usize),
}

/// Returns entries and outcomes in the one order of the journal.
fn order(journal: &Journal) -> Vec<Item> {
    let mut outcomes: Vec<usize> = (0..journal.outcomes.len()).collect();
    outcomes.sort_by_key(|index| journal.outcomes[*index].1.order);
    let mut outcomes = outcomes.into_iter().peekable();
    let mut merged = Vec::with_capacity(journal.entries.len() + journal.outcomes.len());
    for (index, entry) in journal.entries.iter().enumerate() {
        let is_before = |outcome: &usize| journal.outcomes[*outcome].1.order < entry.outcomes_before;
        while let Some(outcome) = outcomes.next_if(is_before) {
            merged.push(Item::Outcome(outcome));
        }
        merged.push(Item::Entry(index));
    }
    merged.extend(outcomes.map(Item::Outcome));
    merged
}

fn item_view(index: usize, item: &Item, journal: &Journal, settled: &BTreeSet<OpId>) -> ItemView {
    match *item {
        Item::Entry(entry) => {
            let op = OpId::try_from(entry).unwrap_or(OpId::MAX);
            let EntryRow { at, entry, .. } = &journal.entries[entry];
            let mut view = entry_view(entry);
            view.is_settled = entry.is_awaitable().then(|| settled.contains(&op));
            let (kind, name, at) = (entry.kind(), name_of(entry), time::rfc3339(*at));
            ItemView { index, op, kind, name, at, content: ContentView::Entry(view) }
        }
        Item::Outcome(outcome) => {
            let (op, OutcomeRow { at, outcome, .. }) = &journal.outcomes[outcome];
            let entry = usize::try_from(*op).ok().and_then(|op| journal.entries.get(op));
            let kind = entry.map_or("unknown", |row| row.entry.kind());
            let name = entry.and_then(|row| name_of(&row.entry));
            let (at, result) = (time::rfc3339(*at), outcome_view(outcome));
            ItemView { index, op: *op, kind, name, at, content: ContentView::Outcome(result) }
        }
    }
}

fn name_of(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Run { name, .. } => Some(name.clone()),
        Entry::Sleep { name, .. } => name.clone(),
        Entry::Call { target, .. } | Entry::Send { target, .. } => Some(target.to_string()),
    }
}

fn entry_view(entry: &Entry) -> EntryView {
    let summary = entry.to_string();
    match entry {
        Entry::Run { .. } => EntryView { summary, ..EntryView::default() },
        Entry::Sleep { duration_ms, .. } => {
            EntryView { summary, duration_ms: Some(*duration_ms), ..EntryView::default() }
        }
        Entry::Call { child, target, input, .. } => EntryView {
            summary,
            target: Some(target.to_string()),
            invocation_id: Some(child.to_string()),
            input: Some(PayloadView::of(input)),
            ..EntryView::default()
        },
        Entry::Send { child, target, input, delay_ms, .. } => EntryView {
            summary,
            delay_ms: *delay_ms,
            target: Some(target.to_string()),
            invocation_id: Some(child.to_string()),
            input: Some(PayloadView::of(input)),
            ..EntryView::default()
        },
    }
}

fn outcome_view(outcome: &Outcome) -> ResultView {
    match outcome {
        Outcome::Empty => ResultView::Empty,
        Outcome::Value(value) => ResultView::Value { value: PayloadView::of(value) },
        Outcome::Failure(failure) => failure_result(failure),
    }
}

fn failure_result(failure: &Failure) -> ResultView {
    let metadata =
        failure.metadata.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    let failure = FailureView { code: failure.code, message: failure.message.clone(), metadata };
    ResultView::Failure { failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::invocation::InputRow;
    use abide_core::time::Timestamp;

    /// Entries by how many outcomes stood before them, outcomes by operation and order.
    fn journal(entries: &[u32], outcomes: &[(OpId, u32)]) -> Journal {
        let entry = |outcomes_before: &u32| EntryRow {
            at: Timestamp(1),
            outcomes_before: *outcomes_before,
            entry: Entry::Run { name: "step".into(), retry: None },
        };
        let outcome = |&(op, order): &(OpId, u32)| {
            (op, OutcomeRow { order, at: Timestamp(2), outcome: Outcome::Value("1".into()) })
        };
        Journal {
            input: InputRow { headers: Vec::new(), body: "{}".into() },
            entries: entries.iter().map(entry).collect(),
            outcomes: outcomes.iter().map(outcome).collect(),
            answer: None,
        }
    }

    fn show(entries: &[u32], outcomes: &[(OpId, u32)]) -> String {
        let view = view("inv".into(), journal(entries, outcomes), &Page::default());
        let item = |item: &ItemView| match item.content {
            ContentView::Entry(_) => format!("+{}", item.op),
            ContentView::Outcome(_) => format!("={}", item.op),
        };
        view.items.iter().map(item).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn entries_and_outcomes_stand_in_the_order_they_came() {
        assert_eq!(show(&[], &[]), "");
        // One after the other.
        assert_eq!(show(&[0, 1, 2, 3], &[(0, 0), (1, 1), (2, 2)]), "+0 =0 +1 =1 +2 =2 +3");
        // Side by side; they end in another order than they began, and are stored by operation.
        assert_eq!(show(&[0, 0, 0], &[(0, 2), (1, 0), (2, 1)]), "+0 +1 +2 =1 =2 =0");
    }

    #[test]
    fn items_in_json() {
        let view = view("inv".into(), journal(&[0], &[(0, 0)]), &Page { from: 0, limit: Some(1) });
        assert_eq!(
            serde_json::to_string(&view).unwrap(),
            r#"{"invocation_id":"inv","input":{"headers":[],"body":{"bytes":2,"json":{}}},"items":[{"index":0,"op":0,"kind":"run","name":"step","at":"1970-01-01T00:00:00.001Z","item":"entry","summary":"run(\"step\")","is_settled":true}],"items_total":2}"#
        );
    }
}
