//! The state of an object or workflow: read, and replaced as a whole.
//!
//! `GET /services/{s}/state?key=K` tells a `version`: a digest of all names and values. An edit that names
//! it is done only if the state is still the same. `&full=true` shows values as a whole, `&name=N` only one.
//!
//! `POST /services/{s}/state` takes `{"object_key":K,"version":V,"force":bool}` and the new state, either as
//! `"new_state":{name:[bytes…]}`, as Restate does, or as `"new_values":{name:any JSON}`.

use crate::engine::{Edit, STATE_READ_BYTES_MAX};
use crate::http::admin::objects::find_object;
use crate::http::admin::payload::PayloadView;
use crate::http::admin::{blocking, body_within, from_json, query};
use crate::http::error::AdminError;
use crate::http::limits::{STATE_BODY_BYTES_MAX, STATE_VALUES_SHOWN_MAX};
use crate::http::{AppState, content};
use abide_core::effect::Notice;
use abide_core::limits::NAME_BYTES_MAX;
use abide_core::object::StateVersion;
use axum::Json;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use http::{HeaderMap, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    key: String,
    /// Only this value.
    name: Option<String>,
    /// Values as a whole, not only their beginning.
    #[serde(default)]
    full: bool,
}

#[derive(Serialize, ToSchema)]
pub struct StateView {
    service: String,
    key: String,
    /// Absent when there is more than is read at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    values: Vec<ValueView>,
    values_total: usize,
}

#[derive(Serialize, ToSchema)]
struct ValueView {
    name: String,
    size_bytes: usize,
    value: PayloadView,
}

/// Shows the state of an object or workflow.
#[utoipa::path(
    get,
    path = "/services/{name}/state",
    tag = "objects",
    params(("name" = String, Path, description = "The service"), StateQuery),
    responses((status = 200, body = StateView)),
)]
pub async fn read(
    State(state): State<AppState>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Json<StateView>, AdminError> {
    let StateQuery { key, name, full } = query(&uri)?;
    let (object, _) = find_object(&state, service, key)?;
    let view = blocking(move || {
        let read = state.engine.state(&object)?;
        let shown_max = if full { usize::MAX } else { STATE_VALUES_SHOWN_MAX };
        let values = read.values.iter().filter(|(known, _)| name.as_ref().is_none_or(|name| name == known));
        let value = |(name, value): &(String, Bytes)| ValueView {
            name: name.clone(),
            size_bytes: value.len(),
            value: if full { PayloadView::whole(value) } else { PayloadView::of(value) },
        };
        Ok(StateView {
            values: values.take(shown_max).map(value).collect(),
            values_total: read.values.len(),
            version: read.version.map(|version| version.to_string()),
            service: object.service,
            key: object.key,
        })
    });
    Ok(Json(view.await?))
}

/// A new state. One of `new_state` and `new_values` is there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StateEdit)]
pub struct EditBody {
    object_key: String,
    /// As a look at the state told it; the edit is refused when it has changed since.
    version: Option<String>,
    /// Also while a handler has the key.
    #[serde(default)]
    force: bool,
    /// Values as bytes.
    new_state: Option<BTreeMap<String, Vec<u8>>>,
    /// Values as JSON.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    new_values: Option<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Serialize, ToSchema)]
pub struct EditedView {
    service: String,
    key: String,
    /// Of the new state.
    version: String,
}

/// Replaces the state of an object or workflow.
///
/// With a `version` only if it is still the one that was looked at (409 `state_changed`), and not while a
/// handler that may write it runs (409 `key_held`), unless `force` is given. The answer comes when it is durable.
#[utoipa::path(
    post,
    path = "/services/{name}/state",
    tag = "objects",
    params(("name" = String, Path, description = "The service")),
    request_body(content = EditBody, example = json!({"object_key": "user-1", "version": "8d6b4c1f0e2a9375", "new_values": {"count": 3}})),
    responses((status = 200, body = EditedView)),
)]
pub async fn edit(
    State(state): State<AppState>,
    Path(service): Path<String>,
    request: Request,
) -> Result<Json<EditedView>, AdminError> {
    check_content_type(request.headers())?;
    let mut room = state.engine.room_beside();
    let wanted: EditBody = from_json(&body_within(&mut room, request, STATE_BODY_BYTES_MAX).await?)?;
    let (object, kind) = find_object(&state, service, wanted.object_key.clone())?;
    let expected = read_version(wanted.version.as_deref())?;
    let is_forced = wanted.force;
    let values = read_values(wanted)?;
    if expected.is_some() {
        let (engine, object) = (state.engine.clone(), object.clone());
        check_comparable(move || engine.state(&object).map(|read| read.version.is_some())).await?;
    }
    let version = StateVersion::of(values.iter().map(|(name, value)| (name.as_str(), value)));
    let edit = Edit { object: object.clone(), kind, expected, is_forced, values };
    match state.engine.edit_state(edit, room).await? {
        Notice::Changed => Err(AdminError::StateChanged(object)),
        Notice::Held => Err(AdminError::KeyHeld(object)),
        Notice::Absent => Err(AdminError::UnknownWorkflow(object)),
        Notice::Full => Err(AdminError::StateTooLarge),
        Notice::Done | Notice::Known | Notice::Completed | Notice::Unfit | Notice::Refused(_) => {
            Ok(Json(EditedView { service: object.service, key: object.key, version: version.to_string() }))
        }
    }
}

/// A state that was not read as a whole has no version that could be compared, and comparing it would hold
/// up others.
async fn check_comparable(
    is_comparable: impl FnOnce() -> Result<bool, crate::engine::EngineError> + Send + 'static,
) -> Result<(), AdminError> {
    match blocking(move || Ok(is_comparable()?)).await? {
        true => Ok(()),
        false => {
            let why = format!(
                "the state has more than {STATE_READ_BYTES_MAX} bytes, so it cannot be compared; leave it out"
            );
            Err(AdminError::BadField { field: "version", why })
        }
    }
}

fn read_version(text: Option<&str>) -> Result<Option<StateVersion>, AdminError> {
    let bad = |_| AdminError::BadField { field: "version", why: "it is no version of a state".into() };
    text.map(|text| text.parse().map_err(bad)).transpose()
}

fn read_values(wanted: EditBody) -> Result<BTreeMap<String, Bytes>, AdminError> {
    let bad = |field, why: &str| AdminError::BadField { field, why: why.to_owned() };
    let values: BTreeMap<String, Bytes> = match (wanted.new_state, wanted.new_values) {
        (Some(values), None) => values.into_iter().map(|(name, value)| (name, value.into())).collect(),
        (None, Some(values)) => {
            let bytes = |value: Box<RawValue>| Bytes::from(value.get().to_owned());
            values.into_iter().map(|(name, value)| (name, bytes(value))).collect()
        }
        (None, None) => return Err(bad("new_values", "it is missing; {} clears the state")),
        (Some(_), Some(_)) => {
            return Err(bad("new_state", "only one of new_state and new_values can be given"));
        }
    };
    match values.keys().find(|name| name.len() > NAME_BYTES_MAX) {
        Some(_) => Err(bad("new_values", "the name of a value is longer than 1024 bytes (NAME_BYTES_MAX)")),
        None => Ok(values),
    }
}

/// A web page of another site cannot send this type without asking first, and it is not allowed to ask.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), AdminError> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match given {
        Some(given) if content::is_json(&given) => Ok(()),
        given => Err(AdminError::JsonContentType(given.unwrap_or("none".into()).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(body: &str) -> String {
        let wanted = serde_json::from_str(body).map_err(|error| AdminError::BadBody(error.to_string()));
        match wanted.and_then(read_values) {
            Ok(values) => format!("{values:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_new_state_is_bytes_or_json() {
        assert_eq!(values(r#"{"object_key":"k","new_state":{"a":[49,50]}}"#), r#"{"a": b"12"}"#);
        assert_eq!(values(r#"{"object_key":"k","new_values":{"a":{"b": 1}}}"#), r#"{"a": b"{\"b\": 1}"}"#);
        assert_eq!(values(r#"{"object_key":"k","new_values":{}}"#), "{}");
        assert!(values(r#"{"object_key":"k"}"#).contains("it is missing"));
        assert!(values(r#"{"object_key":"k","new_state":{},"new_values":{}}"#).contains("only one of"));
        assert!(values(r#"{"object_key":"k","new_state":{"a":[256]}}"#).contains("invalid value"));
        assert!(values(r#"{"object_key":"k","colour":1}"#).contains("unknown field"));
        let long = format!(r#"{{"object_key":"k","new_values":{{"{}":1}}}}"#, "n".repeat(NAME_BYTES_MAX + 1));
        assert!(values(&long).contains("NAME_BYTES_MAX"));
    }

    #[test]
    fn a_version_is_a_number() {
        assert!(read_version(Some("x")).is_err());
        assert!(read_version(Some("00000000000000ff")).unwrap().is_some());
        assert_eq!(read_version(None).unwrap(), None);
    }
}
