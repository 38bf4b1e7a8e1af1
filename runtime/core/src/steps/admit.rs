//! An invocation on an object begins, or waits until those before it have given back the key.

use crate::command::Command;
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::{InputRow, InvocationRow, Phase};
use crate::manifest::{HandlerMode, ServiceKind};
use crate::object::KeyQueueRow;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::target::ObjectKey;

pub fn apply(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    object: ObjectKey,
    input: Option<InputRow>,
    effects: &mut Vec<Effect>,
) {
    let Some(row) = rows.invocation(id) else { return };
    if !matches!(row.phase, Phase::Scheduled { .. }) {
        return;
    }
    let service = object.service.clone();
    if !needs_key(rows, &object, row) {
        effects.push(Effect::Then(Command::Begin { invocation: id, service, input }));
        return;
    }
    let queue = rows.key_queue(&object).cloned();
    let row = rows.invocation_mut(id).expect("the invocation is there: read above");
    let key = RowKey::KeyQueue(object.clone());
    match queue {
        None => {
            row.holds_key = true;
            rows.put(key, Row::KeyQueue(KeyQueueRow { holder: id, head: 0, tail: 0, gone: 0 }));
            effects.push(Effect::Then(Command::Begin { invocation: id, service, input }));
        }
        Some(queue) => {
            let position = queue.tail;
            row.phase = Phase::Queued { position };
            row.modified_at = place.now;
            rows.put(key, Row::KeyQueue(KeyQueueRow { tail: position + 1, ..queue }));
            rows.put(RowKey::KeyWaiter(object, position), Row::KeyWaiter(id));
        }
    }
}

/// Exclusive handlers of objects run one at a time per key. The run of a workflow does so by its id.
fn needs_key(rows: &Rows, object: &ObjectKey, row: &InvocationRow) -> bool {
    if row.deployment.is_some() {
        return row.kind == ServiceKind::Object && row.mode == HandlerMode::Exclusive;
    }
    let Some(service) = rows.service(&object.service) else { return false };
    let mode = service.manifest.handler(&row.target.handler).map(|handler| handler.mode);
    service.manifest.kind == ServiceKind::Object && mode == Some(HandlerMode::Exclusive)
}
