//! The journal of an invocation, for a person to read: entries and outcomes in one order.
//!
//! `{"input":…,"items":[…],"items_total":…,"answer":…}`; `?from=` and `?limit=` page through the items.
//! Once the journal has been kept long enough, only the answer is left: `"is_purged":true`.

use crate::engine::{Journal, Output};
use crate::http::AppState;
use crate::http::admin::entry_view::{EntryView, ResultView};
use crate::http::admin::invocations::parse_id;
use crate::http::admin::payload::PayloadView;
use crate::http::admin::shapes::HeaderShape;
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::JOURNAL_ITEMS_MAX;
use crate::time;
use abide_core::entry::{EntryRow, Header, OutcomeRow};
use abide_core::ids::{AwakeableId, CANCEL_OP, InvocationId, OpId};
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The first item, from 0.
    #[param(required = false)]
    from: usize,
    /// The length of the page.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct JournalView {
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<InputView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_purged: bool,
    items: Vec<ItemView>,
    items_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<ResultView>,
}

#[derive(Serialize, ToSchema)]
struct InputView {
    #[schema(value_type = Vec<HeaderShape>)]
    headers: Vec<Header>,
    body: PayloadView,
}

#[derive(Serialize, ToSchema)]
struct ItemView {
    index: usize,
    /// The operation: an outcome carries the number of its entry. A cancellation has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<OpId>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    at: String,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "item", rename_all = "lowercase")]
enum ContentView {
    Entry(Box<EntryView>),
    Outcome(ResultView),
}

/// Returns the journal: entries and outcomes in one order.
///
/// Once it has been kept long enough, only the answer is left.
#[utoipa::path(
    get,
    path = "/invocations/{id}/journal",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation"), Page),
    responses((status = 200, body = JournalView)),
)]
pub async fn describe(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<JournalView>, AdminError> {
    let id = parse_id(&id)?;
    let Page { from, limit } = query(&uri)?;
    let limit = page_limit(limit, JOURNAL_ITEMS_MAX, JOURNAL_ITEMS_MAX)?;
    let view = blocking(move || match state.engine.journal(id)? {
        Some(journal) => Ok(view(id, journal, from, limit)),
        None => purged(&state, id),
    });
    Ok(Json(view.await?))
}

/// Views what is left when the journal is gone, if anything is.
fn purged(state: &AppState, id: InvocationId) -> Result<JournalView, AdminError> {
    match state.engine.output(id)? {
        Output::Unknown => Err(AdminError::UnknownInvocation(id)),
        Output::NotReady => Err(AdminError::Internal(format!("the input of {id} is missing"))),
        Output::Ready(retrieved) => Ok(JournalView {
            invocation_id: id.to_string(),
            input: None,
            is_purged: true,
            items: Vec::new(),
            items_total: 0,
            answer: Some(ResultView::of_answer(&retrieved.answer)),
        }),
    }
}

fn view(id: InvocationId, journal: Journal, from: usize, limit: usize) -> JournalView {
    let settled: BTreeSet<OpId> = journal.outcomes.iter().map(|(op, _)| *op).collect();
    let order = order(&journal);
    let shown = order.iter().enumerate().skip(from).take(limit);
    let item = |(index, item): (usize, &Item)| item_view(id, index, item, &journal, &settled);
    JournalView {
        invocation_id: id.to_string(),
        is_purged: false,
        items: shown.map(item).collect(),
        items_total: order.len(),
        answer: journal.answer.as_ref().map(ResultView::of_answer),
        input: Some(InputView {
            headers: journal.input.headers.clone(),
            body: PayloadView::of(&journal.input.body),
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

fn item_view(
    id: InvocationId,
    index: usize,
    item: &Item,
    journal: &Journal,
    settled: &BTreeSet<OpId>,
) -> ItemView {
    match *item {
        Item::Entry(entry) => {
            let op = OpId::try_from(entry).unwrap_or(OpId::MAX);
            let EntryRow { at, entry, .. } = &journal.entries[entry];
            let own = AwakeableId { invocation: id, op, birth: journal.birth };
            let mut view = EntryView::of(own, entry);
            view.is_settled = entry.is_awaitable().then(|| settled.contains(&op));
            let (kind, name, at) = (entry.kind(), entry.name(), time::rfc3339(*at));
            ItemView { index, op: Some(op), kind, name, at, content: ContentView::Entry(Box::new(view)) }
        }
        Item::Outcome(outcome) => {
            let (op, OutcomeRow { at, outcome, .. }) = &journal.outcomes[outcome];
            let (at, content) = (time::rfc3339(*at), ContentView::Outcome(ResultView::of(outcome)));
            if *op == CANCEL_OP {
                return ItemView { index, op: None, kind: "cancellation", name: None, at, content };
            }
            let entry = usize::try_from(*op).ok().and_then(|op| journal.entries.get(op));
            let kind = entry.map_or("unknown", |row| row.entry.kind());
            let name = entry.and_then(|row| row.entry.name());
            ItemView { index, op: Some(*op), kind, name, at, content }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::{Entry, Failure, Outcome};
    use abide_core::invocation::InputRow;
    use abide_core::time::Timestamp;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

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
            birth: 0,
        }
    }

    fn show(entries: &[u32], outcomes: &[(OpId, u32)]) -> String {
        let view = view(ID, journal(entries, outcomes), 0, JOURNAL_ITEMS_MAX);
        let item = |item: &ItemView| match (&item.content, item.op) {
            (ContentView::Entry(_), op) => format!("+{}", op.unwrap()),
            (ContentView::Outcome(_), Some(op)) => format!("={op}"),
            (ContentView::Outcome(_), None) => item.kind.to_owned(),
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
        // A cancellation has its place among them.
        assert_eq!(show(&[0, 0, 2], &[(0, 0), (2, 2), (CANCEL_OP, 1)]), "+0 +1 =0 cancellation +2 =2");
    }

    #[test]
    fn items_in_json() {
        let view = view(ID, journal(&[0], &[(0, 0)]), 0, 1);
        assert_eq!(
            serde_json::to_string(&view).unwrap().replace(&ID.to_string(), "inv"),
            r#"{"invocation_id":"inv","input":{"headers":[],"body":{"bytes":2,"json":{}}},"items":[{"index":0,"op":0,"kind":"run","name":"step","at":"1970-01-01T00:00:00.001Z","item":"entry","summary":"run(\"step\")","is_settled":true}],"items_total":2}"#
        );
    }

    #[test]
    fn a_cancellation_in_json() {
        let mut journal = journal(&[], &[(CANCEL_OP, 0)]);
        journal.outcomes[0].1.outcome = Outcome::Failure(Failure::cancelled());
        let view = view(ID, journal, 0, 10);
        assert_eq!(
            serde_json::to_string(&view.items).unwrap(),
            r#"[{"index":0,"kind":"cancellation","at":"1970-01-01T00:00:00.002Z","item":"outcome","result":"failure","failure":{"code":409,"message":"cancelled"}}]"#
        );
    }
}
