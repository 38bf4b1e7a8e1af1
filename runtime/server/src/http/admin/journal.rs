//! The journal of an invocation, for a person to read: entries and outcomes in one order.
//!
//! `{"input":…,"items":[…],"items_total":…,"answer":…}`; `?from=` and `?limit=` page through the items;
//! a page ends earlier after `JOURNAL_PAGE_BYTES_MAX`. No more of a journal is in memory than is shown.
//! Once the journal has been kept long enough, only the answer is left: `"is_purged":true`.

use crate::engine::{EngineError, EngineHandle, JournalItem, Outline, Output};
use crate::http::AppState;
use crate::http::admin::entry_view::{EntryView, ResultView};
use crate::http::admin::invocations::parse_id;
use crate::http::admin::payload::PayloadView;
use crate::http::admin::shapes::HeaderShape;
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::{JOURNAL_ITEMS_MAX, JOURNAL_PAGE_BYTES_MAX};
use crate::time;
use abide_core::entry::{EntryRow, Header, OutcomeRow};
use abide_core::ids::{AwakeableId, CANCEL_OP, InvocationId, OpId};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, ToSchema};

/// So often a journal is looked at: it may be purged meanwhile, and its invocation be submitted again.
const READS_MAX: usize = 2;

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
    /// Fewer than asked for where they are large: what follows is from where these end.
    #[schema(value_type = Vec<ItemView>)]
    items: Vec<Box<RawValue>>,
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
) -> Result<Response, AdminError> {
    let id = parse_id(&id)?;
    let Page { from, limit } = query(&uri)?;
    let limit = page_limit(limit, JOURNAL_ITEMS_MAX, JOURNAL_ITEMS_MAX)?;
    let look = state.engine.look_at_journal().await?;
    let answer = blocking(move || {
        let view = read(&state, id, from, limit, || state.engine.outline(id))?;
        // Held by the reading, not by whoever asked, who may go away meanwhile.
        Ok(look.within(serde_json::to_vec(&view).map_err(unwritten)?))
    });
    Ok(([(CONTENT_TYPE, "application/json")], answer.await?).into_response())
}

fn unwritten(error: serde_json::Error) -> AdminError {
    AdminError::Internal(error.to_string())
}

fn read(
    state: &AppState,
    id: InvocationId,
    from: usize,
    limit: usize,
    mut outline: impl FnMut() -> Result<Option<Outline>, EngineError>,
) -> Result<JournalView, AdminError> {
    for _ in 0..READS_MAX {
        if let Some(outline) = outline()?
            && let Some(view) = view(&state.engine, id, outline, from, limit)?
        {
            return Ok(view);
        }
        if let Some(view) = purged(state, id)? {
            return Ok(view);
        }
    }
    Err(AdminError::Internal(format!("the input of {id}, or a part of its journal, is missing")))
}

/// Views what is left when the journal is gone. None: it is one that has another journal by now.
fn purged(state: &AppState, id: InvocationId) -> Result<Option<JournalView>, AdminError> {
    match state.engine.output(id)? {
        Output::Unknown => Err(AdminError::UnknownInvocation(id)),
        Output::NotReady => Ok(None),
        Output::Ready(retrieved) => Ok(Some(JournalView {
            invocation_id: id.to_string(),
            input: None,
            is_purged: true,
            items: Vec::new(),
            items_total: 0,
            answer: Some(ResultView::of_answer(&retrieved.answer)),
        })),
    }
}

/// Views a page, which has one item at least, if there is one. None: the journal goes just now.
fn view(
    engine: &EngineHandle,
    id: InvocationId,
    outline: Outline,
    from: usize,
    limit: usize,
) -> Result<Option<JournalView>, AdminError> {
    let Outline { input, order, answer, birth } = outline;
    let (mut items, mut bytes) = (Vec::new(), 0);
    for (index, item) in order.items.iter().enumerate().skip(from).take(limit) {
        if bytes >= JOURNAL_PAGE_BYTES_MAX {
            break;
        }
        let view = match *item {
            JournalItem::Entry(op) => {
                let own = AwakeableId { invocation: id, op, birth };
                let is_settled = order.settled.contains(&op);
                engine.entry(id, op)?.map(|row| entry_view(index, own, &row, is_settled))
            }
            JournalItem::Outcome(op) => {
                let entry = if op == CANCEL_OP { None } else { engine.entry(id, op)? };
                engine.outcome(id, op)?.map(|row| outcome_view(index, op, &row, entry.as_ref()))
            }
        };
        let Some(view) = view else { return Ok(None) };
        let view = to_raw_value(&view).map_err(unwritten)?;
        bytes += view.get().len();
        items.push(view);
    }
    Ok(Some(JournalView {
        invocation_id: id.to_string(),
        is_purged: false,
        items,
        items_total: order.items.len(),
        answer: answer.as_ref().map(ResultView::of_answer),
        input: Some(InputView { headers: input.headers, body: PayloadView::of(&input.body) }),
    }))
}

fn entry_view(index: usize, own: AwakeableId, row: &EntryRow, is_settled: bool) -> ItemView {
    let EntryRow { at, entry, .. } = row;
    let mut view = EntryView::of(own, entry);
    view.is_settled = entry.is_awaitable().then_some(is_settled);
    let (kind, name, at) = (entry.kind(), entry.name(), time::rfc3339(*at));
    ItemView { index, op: Some(own.op), kind, name, at, content: ContentView::Entry(Box::new(view)) }
}

fn outcome_view(index: usize, op: OpId, row: &OutcomeRow, entry: Option<&EntryRow>) -> ItemView {
    let (at, content) = (time::rfc3339(row.at), ContentView::Outcome(ResultView::of(&row.outcome)));
    if op == CANCEL_OP {
        return ItemView { index, op: None, kind: "cancellation", name: None, at, content };
    }
    let kind = entry.map_or("unknown", |row| row.entry.kind());
    let name = entry.and_then(|row| row.entry.name());
    ItemView { index, op: Some(op), kind, name, at, content }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::http::tests::world::{PARTITIONS, World};
    use abide_core::entry::{Entry, Failure, Outcome, Request};
    use abide_core::invocation::{InputRow, InvocationRow, Origin, PauseReason, Phase};
    use abide_core::rows::{Row, RowKey};
    use abide_core::target::Target;
    use abide_core::time::Timestamp;
    use abide_store::{Batch, MemoryStore, Op, Store, codec, keys};
    use axum::body::{Body, to_bytes};
    use http::Request as HttpRequest;
    use serde_json::Value;
    use tower::ServiceExt;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    fn run() -> EntryRow {
        let entry = Entry::Run { name: "step".into(), retry: None };
        EntryRow { at: Timestamp(1), outcomes_before: 0, entry }
    }

    /// A message with a large header, all of which is shown.
    fn large(bytes: usize) -> EntryRow {
        let request = Request {
            child: ID,
            target: Target { service: "S".into(), key: None, handler: "h".into() },
            input: "1".into(),
            headers: vec![Header { name: "large".into(), value: "x".repeat(bytes) }],
            idempotency_key: None,
        };
        let entry = Entry::Send { request, delay_ms: None };
        EntryRow { at: Timestamp(1), outcomes_before: 0, entry }
    }

    /// A server that has one journal, with these entries, and what came of the first one.
    fn world(entries: Vec<EntryRow>) -> World {
        let put = |key: RowKey, row: Row| Op::Put {
            key: keys::encode(ID.partition(PARTITIONS), &key),
            value: codec::encode_row(&row),
        };
        let outcome = OutcomeRow { order: 0, at: Timestamp(2), outcome: Outcome::Value("1".into()) };
        let input = InputRow { headers: Vec::new(), body: "{}".into() };
        let target = Target { service: "S".into(), key: None, handler: "h".into() };
        let mut live = InvocationRow::new(target, Origin::Ingress, Timestamp(0));
        live.phase = Phase::Paused { reason: PauseReason::ByPerson };
        let mut ops = vec![
            put(RowKey::Input(ID), Row::Input(input)),
            put(RowKey::Outcome(ID, 0), Row::Outcome(outcome)),
            put(RowKey::Invocation(ID), Row::Invocation(Box::new(live))),
        ];
        ops.extend((0..).zip(entries).map(|(op, row)| put(RowKey::Entry(ID, op), Row::Entry(row))));
        let store = MemoryStore::new();
        let fence = store.acquire(ID.partition(PARTITIONS).0).unwrap();
        store.commit(Batch { fence, ops }).unwrap();
        World::on(store, &Config::default())
    }

    /// Returns the answer to a request for this part of the journal, and its text.
    async fn ask(world: &World, page: &str) -> String {
        let request = HttpRequest::get(format!("/invocations/{ID}/journal{page}")).body(Body::empty());
        let response = world.admin.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap().replace(&ID.to_string(), "inv")
    }

    #[tokio::test]
    async fn items_in_json() {
        let world = world(vec![run()]);
        assert_eq!(
            ask(&world, "?limit=1").await,
            r#"{"invocation_id":"inv","input":{"headers":[],"body":{"bytes":2,"json":{}}},"items":[{"index":0,"op":0,"kind":"run","name":"step","at":"1970-01-01T00:00:00.001Z","item":"entry","summary":"run(\"step\")","is_settled":true}],"items_total":2}"#
        );
        let rest: Value = serde_json::from_str(&ask(&world, "?from=1").await).unwrap();
        let outcome = r#"[{"at":"1970-01-01T00:00:00.002Z","index":1,"item":"outcome","kind":"run","name":"step","op":0,"result":"value","value":{"bytes":1,"json":1}}]"#;
        assert_eq!(rest["items"].to_string(), outcome);
    }

    #[test]
    fn a_cancellation_in_json() {
        let outcome = Outcome::Failure(Failure::cancelled());
        let row = OutcomeRow { order: 0, at: Timestamp(2), outcome };
        assert_eq!(
            serde_json::to_string(&outcome_view(0, CANCEL_OP, &row, None)).unwrap(),
            r#"{"index":0,"kind":"cancellation","at":"1970-01-01T00:00:00.002Z","item":"outcome","result":"failure","failure":{"code":409,"message":"cancelled"}}"#
        );
    }

    #[tokio::test]
    async fn a_page_ends_after_so_many_bytes_and_the_next_one_goes_on_there() {
        let world = world((0..5).map(|_| large(JOURNAL_PAGE_BYTES_MAX / 2)).collect());
        let mut lengths = Vec::new();
        loop {
            let from = lengths.iter().sum::<usize>();
            let page: Value = serde_json::from_str(&ask(&world, &format!("?from={from}")).await).unwrap();
            assert_eq!(page["items_total"], 6);
            let items = page["items"].as_array().unwrap();
            if items.is_empty() {
                break;
            }
            assert_eq!(items[0]["index"], from);
            lengths.push(items.len());
        }
        assert_eq!(lengths, [2, 2, 2]);
    }

    /// The order of the journal as it was, or none, is what the first look comes to.
    #[tokio::test]
    async fn one_that_is_purged_and_submitted_again_meanwhile_is_looked_at_once_more() {
        let world = world(vec![run()]);
        let engine = &world.state.engine;
        let before = || {
            let mut outline = engine.outline(ID).unwrap().unwrap();
            outline.order.items = vec![JournalItem::Entry(7)];
            outline
        };
        let read = |mut looks: Vec<Option<Outline>>| {
            let next = || looks.pop().map_or_else(|| engine.outline(ID), Ok);
            read(&world.state, ID, 0, 10, next)
        };
        for first in [Some(before()), None] {
            let view = read(vec![first]).unwrap();
            assert_eq!((view.items_total, view.items.len()), (2, 2));
        }
        let fault = read(vec![None, Some(before())]).err();
        assert!(matches!(fault, Some(AdminError::Internal(_))), "{fault:?}");
    }

    #[tokio::test]
    async fn who_does_not_take_a_large_page_keeps_its_place() {
        let world = world(vec![large(1 << 20)]);
        let looks = || world.state.engine.journal_looks_left();
        let all = looks();
        let get = HttpRequest::get(format!("/invocations/{ID}/journal")).body(Body::empty()).unwrap();
        let response = world.admin.clone().oneshot(get).await.unwrap();
        assert_eq!(looks(), all - 1);
        drop(response);
        assert_eq!(looks(), all);
        let get = HttpRequest::get(format!("/invocations/{ID}/journal?from=1")).body(Body::empty()).unwrap();
        let _small = world.admin.clone().oneshot(get).await.unwrap();
        assert_eq!(looks(), all);
    }
}
