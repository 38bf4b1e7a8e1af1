//! The filter of invocations as a client writes it: in the query of a list, or as a JSON object.
//!
//! Every value is a text. Where several are possible they are separated by commas, and any of them fits;
//! a comma within one is written `\,` and a backslash `\\`. Everything given has to hold.

use crate::engine::{Completion, InvocationFilter, InvokedBy, StatusFilter};
use crate::http::admin::invocation_view::completion_word;
use crate::http::admin::query;
use crate::http::error::AdminError;
use crate::time;
use crate::words::status_word;
use abide_core::time::Timestamp;
use http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

/// Values of one field.
const VALUES_MAX: usize = 1_000;
/// Bytes of the text that is looked for.
const TEXT_BYTES_MAX: usize = 1_000;

/// The fields of a filter, none of them read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(as = InvocationFilter)]
pub struct FilterFields {
    /// Of scheduled, pending, running, suspended, backing-off, paused, completed.
    pub status: Option<String>,
    pub service: Option<String>,
    pub handler: Option<String>,
    /// Of the object or workflow.
    pub key: Option<String>,
    /// The deployment it runs on.
    pub deployment: Option<String>,
    pub id: Option<String>,
    pub idempotency_key: Option<String>,
    /// Of ingress, invocation, restart_as_new.
    pub invoked_by: Option<String>,
    pub invoked_by_id: Option<String>,
    /// Of success, failure, cancelled, killed.
    pub result: Option<String>,
    /// RFC 3339; the time itself is included.
    pub created_after: Option<String>,
    /// RFC 3339; the time itself is not included.
    pub created_before: Option<String>,
    pub modified_after: Option<String>,
    pub modified_before: Option<String>,
    /// Looked for, in upper or lower case, in the last failure, the reason of a pause, and the failure it
    /// ended with.
    pub text: Option<String>,
    /// true: it is paused, backs off, or waits in a circle of invocations that wait for each other.
    pub is_stuck: Option<String>,
}

/// Reads a query: the fields a handler has of its own, and those of the filter.
///
/// # Errors
/// Names a field that is unknown or given twice.
pub fn parted<T: DeserializeOwned>(uri: &Uri, own: &[&str]) -> Result<(T, FilterFields), AdminError> {
    parted_pairs(query(uri)?, own)
}

/// The same, of names and values.
///
/// # Errors
/// As of [`parted`].
pub fn parted_pairs<T: DeserializeOwned>(
    pairs: Vec<(String, String)>,
    own: &[&str],
) -> Result<(T, FilterFields), AdminError> {
    let (own, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| own.contains(&name.as_str()));
    Ok((fields(own)?, fields(rest)?))
}

fn fields<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, AdminError> {
    let mut fields = serde_json::Map::new();
    for (name, value) in pairs {
        if fields.contains_key(&name) {
            return Err(bad("query", format!("duplicate field `{name}`")));
        }
        fields.insert(name, value.into());
    }
    serde_json::from_value(fields.into()).map_err(|error| bad("query", error.to_string()))
}

impl FilterFields {
    /// Reads the filter.
    ///
    /// # Errors
    /// Names a field that cannot be read.
    pub fn read(self) -> Result<InvocationFilter, AdminError> {
        Ok(InvocationFilter {
            ids: parsed("id", self.id)?,
            statuses: words("status", self.status, &StatusFilter::ALL, status_word)?,
            services: values("service", self.service)?,
            handlers: values("handler", self.handler)?,
            keys: values("key", self.key)?,
            deployments: parsed("deployment", self.deployment)?,
            idempotency_keys: values("idempotency_key", self.idempotency_key)?,
            invoked_by: words("invoked_by", self.invoked_by, &INVOKED_BY, invoked_by_word)?,
            invoked_by_ids: parsed("invoked_by_id", self.invoked_by_id)?,
            completions: words("result", self.result, &Completion::ALL, completion_word)?,
            created: point("created_after", self.created_after, Timestamp(0))?
                ..point("created_before", self.created_before, Timestamp(u64::MAX))?,
            modified: point("modified_after", self.modified_after, Timestamp(0))?
                ..point("modified_before", self.modified_before, Timestamp(u64::MAX))?,
            text: text(self.text)?,
            is_stuck: self.is_stuck.map(|word| boolean("is_stuck", &word)).transpose()?,
        })
    }
}

const INVOKED_BY: [InvokedBy; 3] = [InvokedBy::Ingress, InvokedBy::Invocation, InvokedBy::Restart];

fn invoked_by_word(invoked_by: InvokedBy) -> &'static str {
    match invoked_by {
        InvokedBy::Ingress => "ingress",
        InvokedBy::Invocation => "invocation",
        InvokedBy::Restart => "restart_as_new",
    }
}

fn bad(field: &'static str, why: impl Into<String>) -> AdminError {
    AdminError::BadField { field, why: why.into() }
}

/// Splits a list at its commas.
fn values(field: &'static str, list: Option<String>) -> Result<Vec<String>, AdminError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut values = vec![String::new()];
    let mut chars = list.chars().peekable();
    while let Some(char) = chars.next() {
        let last = values.last_mut().expect("it begins with one");
        match char {
            '\\' => last.push(chars.next_if(|next| matches!(next, ',' | '\\')).unwrap_or('\\')),
            ',' => values.push(String::new()),
            _ => last.push(char),
        }
    }
    if values.len() > VALUES_MAX {
        return Err(bad(field, format!("it has {} values, the limit is {VALUES_MAX}", values.len())));
    }
    Ok(values)
}

fn parsed<T: FromStr>(field: &'static str, list: Option<String>) -> Result<Vec<T>, AdminError>
where
    T::Err: Display,
{
    let parse = |value: &String| value.parse().map_err(|why| bad(field, format!("'{value}': {why}")));
    values(field, list)?.iter().map(parse).collect()
}

fn words<T: Copy>(
    field: &'static str,
    list: Option<String>,
    known: &[T],
    word_of: fn(T) -> &'static str,
) -> Result<Vec<T>, AdminError> {
    let read = |word: &String| {
        known.iter().copied().find(|known| word_of(*known) == word).ok_or_else(|| {
            let words: Vec<_> = known.iter().map(|known| word_of(*known)).collect();
            bad(field, format!("'{word}' is none of {}", words.join(", ")))
        })
    };
    values(field, list)?.iter().map(read).collect()
}

fn point(field: &'static str, text: Option<String>, otherwise: Timestamp) -> Result<Timestamp, AdminError> {
    let Some(text) = text else { return Ok(otherwise) };
    time::parse_rfc3339(&text)
        .ok_or_else(|| bad(field, format!("'{text}' is no point in time, expected 2026-11-22T15:58:08Z")))
}

fn text(text: Option<String>) -> Result<Option<String>, AdminError> {
    match text {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            Err(bad("text", format!("it has {} bytes, the limit is {TEXT_BYTES_MAX}", text.len())))
        }
        Some(text) if text.is_empty() => Ok(None),
        text => Ok(text.map(|text| text.to_lowercase())),
    }
}

/// Reads `true` or `false`.
///
/// # Errors
/// It is neither.
pub fn boolean(field: &'static str, word: &str) -> Result<bool, AdminError> {
    word.parse().map_err(|_| bad(field, format!("'{word}' is neither true nor false")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::InvocationId;

    #[derive(Deserialize)]
    struct NoFields {}

    fn read(query: &str) -> Result<InvocationFilter, String> {
        let uri = format!("/x?{query}").parse().unwrap();
        let read = parted(&uri, &[]).and_then(|(_, fields): (NoFields, _)| fields.read());
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_filter_is_read_from_a_query_and_from_json_alike() {
        let id = InvocationId { unique: 1, partition_key: 1 };
        let query = format!(
            "service=S,T&status=backing-off,paused&key=a%5C,b&invoked_by_id={id}&text=BOOM&is_stuck=true\
             &created_after=2026-11-22T16:18:04.150Z&result=killed"
        );
        let json = serde_json::json!({
            "service": "S,T", "status": "backing-off,paused", "key": "a\\,b", "invoked_by_id": id.to_string(),
            "text": "BOOM", "is_stuck": "true", "created_after": "2026-11-22T17:18:04.150+01:00",
            "result": "killed",
        });
        let filter = read(&query).unwrap();
        let fields: FilterFields = serde_json::from_value(json).unwrap();
        assert_eq!(fields.read().unwrap(), filter);
        assert_eq!(filter.services, ["S", "T"]);
        assert_eq!(filter.statuses, [StatusFilter::BackingOff, StatusFilter::Paused]);
        assert_eq!(filter.keys, ["a,b"]);
        assert_eq!(filter.invoked_by_ids, [id]);
        assert_eq!(filter.created, Timestamp(1_795_364_284_150)..Timestamp(u64::MAX));
        assert_eq!((filter.text.as_deref(), filter.is_stuck), (Some("boom"), Some(true)));
        assert_eq!(read("").unwrap(), InvocationFilter::default());
    }

    #[test]
    fn lists_are_split_at_commas_that_stand_alone() {
        let split = |list: &str| values("key", Some(list.into())).unwrap();
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(""), [""]);
        assert_eq!(split(r"a\,b,c\\,\d\"), ["a,b", r"c\", r"\d\"]);
        assert!(values("key", Some(",".repeat(VALUES_MAX))).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let cases = [
            (
                "status=odd",
                "'odd' is none of scheduled, pending, running, suspended, backing-off, paused, completed",
            ),
            ("status=running,odd", "'odd' is none of"),
            ("result=odd", "'odd' is none of success, failure, cancelled, killed"),
            ("invoked_by=me", "'me' is none of ingress, invocation, restart_as_new"),
            ("deployment=x", "bad format"),
            ("id=x", "bad format"),
            ("created_after=yesterday", "'yesterday' is no point in time"),
            ("is_stuck=maybe", "'maybe' is neither true nor false"),
            ("colour=red", "unknown field `colour`"),
            ("status=running&status=paused", "duplicate field `status`"),
        ];
        for (query, expected) in cases {
            let error = read(query).unwrap_err();
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
