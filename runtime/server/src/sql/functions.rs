//! Functions of our own. Some take the place of SQLite's: theirs can take hours for two long texts,
//! and no clock is looked at within one call.

use super::limits::{PATTERN_BYTES_MAX, SQL_LENGTH_MAX};
use crate::time;
use abide_core::time::Timestamp;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, ffi};
use std::borrow::Cow;
use std::collections::HashSet;

/// Gives a connection its functions. `now` is the same all over the query.
pub fn offer_all(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let offer = |name: &str, arguments, function: fn(&Context<'_>) -> rusqlite::Result<Value>| {
        connection.create_scalar_function(name, arguments, flags, move |context: &mut Context<'_>| {
            function(context)
        })
    };
    offer("like", 2, like)?;
    offer("like", 3, like)?;
    offer("glob", 2, glob)?;
    offer("instr", 2, instr)?;
    offer("replace", 3, replace)?;
    for arguments in [1, 2] {
        offer("trim", arguments, |it| trim(it, true, true))?;
        offer("ltrim", arguments, |it| trim(it, true, false))?;
        offer("rtrim", arguments, |it| trim(it, false, true))?;
    }
    connection.create_scalar_function("now", 0, flags, move |_| Ok(time::rfc3339(now)))?;
    connection.create_scalar_function("ago", 1, flags, move |it| ago(it, now))
}

/// Returns an argument as text, as SQLite would convert it; None for NULL.
fn text<'a>(context: &'a Context<'_>, index: usize) -> Option<Cow<'a, str>> {
    match context.get_raw(index) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(format!("{number:?}").into()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text)),
    }
}

fn failed(message: &str) -> Error {
    Error::UserFunctionError(message.into())
}

/// `ago('1h 30m')`: the point in time that long before now.
fn ago(context: &Context<'_>, now: Timestamp) -> rusqlite::Result<Option<String>> {
    let Some(span) = text(context, 0) else { return Ok(None) };
    let bad = || failed("ago takes a length of time such as '90s', '15m', '1h 30m' or '7d'");
    // Days are no fixed length for a calendar, for us they are.
    let millis = match span.trim().strip_suffix('d').map(|days| days.trim().parse::<u64>()) {
        Some(Ok(days)) => days.checked_mul(86_400_000).ok_or_else(bad)?,
        Some(Err(_)) | None => {
            let span: jiff::SignedDuration = span.trim().parse().map_err(|_| bad())?;
            u64::try_from(span.as_millis()).map_err(|_| bad())?
        }
    };
    Ok(Some(time::rfc3339(Timestamp(now.0.saturating_sub(millis)))))
}

/// A part of a pattern.
#[derive(Debug)]
enum Part {
    /// Any number of characters.
    Many,
    /// One character.
    Any,
    One(char),
    /// One that is, or is not, in some ranges.
    Set {
        is_inverted: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Part {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Many | Self::Any => true,
            Self::One(one) => *one == char,
            Self::Set { is_inverted, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&char)) != *is_inverted
            }
        }
    }
}

/// Says whether the whole text fits the pattern. Goes back to the last `Many` alone, so that it takes
/// at most the length of the one times the length of the other.
fn fits(pattern: &[Part], text: &str, fold: fn(char) -> char) -> bool {
    let mut chars = text.chars();
    let mut place = 0;
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = chars.clone();
        match (pattern.get(place), chars.next()) {
            (Some(Part::Many), _) => {
                place += 1;
                chars = before.clone();
                retry = Some((place, before));
            }
            (None, None) => return true,
            (Some(part), Some(char)) if part.takes(fold(char)) => place += 1,
            (_, None) => return false,
            (_, Some(_)) => {
                let Some((after_many, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (place, chars) = (*after_many, from.clone());
            }
        }
    }
}

fn check_pattern(pattern: &str) -> rusqlite::Result<()> {
    if pattern.len() <= PATTERN_BYTES_MAX {
        return Ok(());
    }
    Err(failed(&format!("a pattern has at most {PATTERN_BYTES_MAX} bytes (PATTERN_BYTES_MAX)")))
}

/// `text LIKE pattern ESCAPE escape` is `like(pattern, text, escape)`; only ASCII has no case.
fn like(context: &Context<'_>) -> rusqlite::Result<Value> {
    let escape = match context.len() {
        3 => match text(context, 2) {
            None => return Ok(Value::Null),
            Some(escape) => Some(one_char(&escape)?),
        },
        _ => None,
    };
    let (Some(pattern), Some(text)) = (text(context, 0), text(context, 1)) else { return Ok(Value::Null) };
    check_pattern(&pattern)?;
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        parts.push(match char {
            _ if Some(char) == escape => match chars.next() {
                Some(escaped) => Part::One(escaped.to_ascii_lowercase()),
                // Nothing is like an escape without what it escapes.
                None => return Ok(Value::Integer(0)),
            },
            '%' => Part::Many,
            '_' => Part::Any,
            char => Part::One(char.to_ascii_lowercase()),
        });
    }
    Ok(Value::Integer(fits(&parts, &text, |char| char.to_ascii_lowercase()).into()))
}

fn one_char(escape: &str) -> rusqlite::Result<char> {
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Ok(char),
        _ => Err(failed("ESCAPE expression must be a single character")),
    }
}

/// `text GLOB pattern` is `glob(pattern, text)`.
fn glob(context: &Context<'_>) -> rusqlite::Result<Value> {
    let (Some(pattern), Some(text)) = (text(context, 0), text(context, 1)) else { return Ok(Value::Null) };
    check_pattern(&pattern)?;
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        parts.push(match char {
            '*' => Part::Many,
            '?' => Part::Any,
            '[' => match read_set(&mut chars) {
                Some(set) => set,
                // A set that does not end fits nothing.
                None => return Ok(Value::Integer(0)),
            },
            char => Part::One(char),
        });
    }
    Ok(Value::Integer(fits(&parts, &text, |char| char).into()))
}

/// Reads `^a-z]` and the like, after the bracket.
fn read_set(chars: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut next = chars.next()?;
    let is_inverted = next == '^';
    if is_inverted {
        next = chars.next()?;
    }
    let mut ranges = Vec::new();
    let mut is_first = true;
    while next != ']' || is_first {
        is_first = false;
        let mut rest = chars.clone();
        match (rest.next(), rest.next()) {
            (Some('-'), Some(end)) if end != ']' => {
                ranges.push((next, end));
                *chars = rest;
            }
            _ => ranges.push((next, next)),
        }
        next = chars.next()?;
    }
    Some(Part::Set { is_inverted, ranges })
}

/// Returns the place of a text in another, from 1, and 0 where it is not; of bytes in bytes likewise.
fn instr(context: &Context<'_>) -> rusqlite::Result<Value> {
    if let (ValueRef::Blob(bytes), ValueRef::Blob(wanted)) = (context.get_raw(0), context.get_raw(1)) {
        // One character per byte.
        let chars = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        return Ok(place(&chars(bytes), &chars(wanted)));
    }
    match (text(context, 0), text(context, 1)) {
        (Some(text), Some(wanted)) => Ok(place(&text, &wanted)),
        _ => Ok(Value::Null),
    }
}

fn place(text: &str, wanted: &str) -> Value {
    let found = text.find(wanted).map_or(0, |byte| text[..byte].chars().count() + 1);
    Value::Integer(i64::try_from(found).unwrap_or(i64::MAX))
}

fn replace(context: &Context<'_>) -> rusqlite::Result<Value> {
    let (Some(text), Some(from), Some(to)) = (text(context, 0), text(context, 1), text(context, 2)) else {
        return Ok(Value::Null);
    };
    if from.is_empty() {
        return Ok(Value::Text(text.into_owned()));
    }
    let count = text.matches(&*from).count();
    let grown = count.saturating_mul(to.len()).saturating_add(text.len() - count * from.len());
    if i32::try_from(grown).is_ok_and(|grown| grown <= SQL_LENGTH_MAX) {
        return Ok(Value::Text(text.replace(&*from, &to)));
    }
    Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None))
}

fn trim(context: &Context<'_>, at_start: bool, at_end: bool) -> rusqlite::Result<Value> {
    let Some(whole) = text(context, 0) else { return Ok(Value::Null) };
    let chars = match context.len() {
        2 => text(context, 1),
        _ => Some(" ".into()),
    };
    let Some(chars) = chars else { return Ok(Value::Null) };
    let chars: HashSet<char> = chars.chars().collect();
    let mut trimmed = &*whole;
    if at_start {
        trimmed = trimmed.trim_start_matches(|char| chars.contains(&char));
    }
    if at_end {
        trimmed = trimmed.trim_end_matches(|char| chars.contains(&char));
    }
    Ok(Value::Text(trimmed.to_owned()))
}
