//! Which part of a table is read: the conditions of a query that the store can use.
//!
//! SQLite asks for a plan, remembers it as a number, and gives the values of the conditions when the
//! table is opened. It checks every condition again, so a part that is too large costs time, nothing else.

use super::tables::Column;
use super::times::{self, compare};
use crate::time;
use abide_core::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::vtab::{IndexConstraintOp, IndexInfo};

/// A way to read less than the whole table: by values of some columns.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    pub equal: &'static [&'static str],
    /// About how many rows there are then.
    pub rows: i64,
}

/// How a table can be read, the best way first.
#[derive(Clone, Copy, Debug)]
pub struct Accesses {
    pub by: &'static [Access],
    /// The column with the time by which the table can be narrowed, and read newest first.
    pub time: Option<&'static str>,
}

/// About how many rows there are in a whole table, and in a part of the time.
const ROWS_OF_ALL: i64 = 1_000_000;
const ROWS_OF_A_TIME: i64 = 50_000;
/// A point in time is below this: ids have 48 bits for it.
pub const TIME_END: Timestamp = Timestamp((1 << 48) - 1);

/// What of a table is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Columns and the values they have to have.
    equal: Vec<(&'static str, String)>,
    pub from: Timestamp,
    /// Without this one.
    pub to: Timestamp,
    pub is_newest_first: bool,
    /// No row can fit.
    pub is_nothing: bool,
}

impl Wanted {
    fn all(is_newest_first: bool) -> Self {
        Self { equal: Vec::new(), from: Timestamp(0), to: TIME_END, is_newest_first, is_nothing: false }
    }

    /// Returns the value a column has to have, if there is a condition that says so.
    pub fn equal(&self, column: &str) -> Option<&str> {
        self.equal.iter().find(|(name, _)| *name == column).map(|(_, value)| value.as_str())
    }

    /// Returns the same wish to a table that has another name for a column.
    pub fn renamed(&self, from: &'static str, to: &'static str) -> Self {
        let rename =
            |(name, value): &(&'static str, String)| (if *name == from { to } else { *name }, value.clone());
        Self { equal: self.equal.iter().map(rename).collect(), ..self.clone() }
    }

    /// Says whether a part of the time is wanted, or an order of it.
    pub fn is_about_time(&self) -> bool {
        self.is_newest_first || self.from > Timestamp(0) || self.to < TIME_END
    }

    fn narrow(&mut self, column: &'static str, op: Op, value: ValueRef<'_>) {
        let text = match value {
            ValueRef::Null => {
                // Nothing is equal to NULL, greater or less.
                self.is_nothing = true;
                return;
            }
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            // A number can be equal to more than one text, as 7 to `007`, and nothing here says whether it is. A
            // blob is equal to none, but greater than all. The whole is read then.
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => return,
        };
        match op {
            Op::Equal => self.equal.push((column, text)),
            Op::TimeEqual => {
                self.from = self.from.max(first_time(|shown| compare(shown, &text).is_ge()));
                self.to = self.to.min(first_time(|shown| compare(shown, &text).is_gt()));
            }
            Op::TimeFrom => self.from = self.from.max(first_time(|shown| compare(shown, &text).is_ge())),
            Op::TimeTo => self.to = self.to.min(first_time(|shown| compare(shown, &text).is_gt())),
        }
    }
}

/// Returns the first time whose text fulfils this, which all later ones have to do, too.
fn first_time(is_reached: impl Fn(&str) -> bool) -> Timestamp {
    let (mut low, mut high) = (0, TIME_END.0);
    while low < high {
        let middle = low.midpoint(high);
        if is_reached(&time::rfc3339(Timestamp(middle))) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Timestamp(low)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    TimeEqual,
    TimeFrom,
    TimeTo,
}

/// The number that SQLite keeps: a few bits for each condition, in the order of their values, and one
/// for the order of the rows.
const BITS: u32 = 6;
const CONDITIONS_MAX: usize = 5;
const NEWEST_FIRST: i32 = 1 << 30;

/// What is read for which condition.
struct Usable {
    condition: usize,
    column: i32,
    op: Op,
}

/// Chooses the conditions that narrow the table, and tells SQLite what that costs.
pub fn choose<R>(accesses: &Accesses, columns: &[Column<R>], info: &mut IndexInfo) {
    let mut usable = usable(accesses, columns, info);
    let name = |column: i32| usize::try_from(column).ok().and_then(|index| columns.get(index));
    let has = |wanted: &str| {
        let is_it =
            |found: &Usable| found.op == Op::Equal && name(found.column).is_some_and(|it| it.name == wanted);
        usable.iter().any(is_it)
    };
    let access = accesses.by.iter().find(|access| access.equal.iter().all(|column| has(column)));
    let is_in_time = usable.iter().any(|found| found.op != Op::Equal);
    let rows = match access {
        Some(access) => access.rows,
        None if is_in_time => ROWS_OF_A_TIME,
        None => ROWS_OF_ALL,
    };
    let is_newest_first =
        access.is_none_or(|access| access.rows > ROWS_OF_A_TIME) && by_time(accesses, columns, info);
    usable.truncate(CONDITIONS_MAX);
    let mut number = if is_newest_first { NEWEST_FIRST } else { 0 };
    for (place, found) in (0..).zip(&usable) {
        let mut usage = info.constraint_usage(found.condition);
        usage.set_argv_index(place + 1);
        let shift = BITS * u32::try_from(place).expect("a few conditions");
        number |= encode(accesses, columns, found) << shift;
    }
    info.set_idx_num(number);
    info.set_order_by_consumed(is_newest_first);
    info.set_estimated_rows(rows);
    #[expect(clippy::cast_precision_loss, reason = "a cost is about that much")]
    info.set_estimated_cost(rows as f64);
}

/// Finds the conditions that the store can use. Of several on one column the first is used.
fn usable<R>(accesses: &Accesses, columns: &[Column<R>], info: &IndexInfo) -> Vec<Usable> {
    let mut found: Vec<Usable> = Vec::new();
    for (condition, constraint) in info.constraints().enumerate() {
        let column = constraint.column();
        let name =
            usize::try_from(column).ok().and_then(|index| columns.get(index)).map(|column| column.name);
        let (Some(name), true) = (name, constraint.is_usable()) else { continue };
        let is_time = accesses.time == Some(name);
        let is_key = key_columns(accesses).any(|key| key == name);
        let op = match constraint.operator() {
            IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ if is_time => Op::TimeEqual,
            IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ if is_key => Op::Equal,
            IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GT | IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GE
                if is_time =>
            {
                Op::TimeFrom
            }
            IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LT | IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LE
                if is_time =>
            {
                Op::TimeTo
            }
            _ => continue,
        };
        let is_known = found.iter().any(|other| other.column == column && other.op == op);
        // Another way to compare would find what the store does not.
        let ours = if is_time { times::COLLATION } else { "BINARY" };
        let is_ours = info.collation(condition).is_ok_and(|collation| collation == ours);
        if is_ours && !is_known {
            found.push(Usable { condition, column, op });
        }
    }
    found
}

fn by_time<R>(accesses: &Accesses, columns: &[Column<R>], info: &IndexInfo) -> bool {
    let Some(time) = accesses.time else { return false };
    let mut order = info.order_bys();
    let (Some(first), None) = (order.next(), order.next()) else { return false };
    let column = usize::try_from(first.column()).ok().and_then(|index| columns.get(index));
    first.is_order_by_desc() && column.is_some_and(|column| column.name == time)
}

/// Returns the columns by which the table can be narrowed, each once, in an order that never changes
/// while a query runs.
fn key_columns(accesses: &Accesses) -> impl Iterator<Item = &'static str> {
    let by = accesses.by;
    let all = move || by.iter().flat_map(|access| access.equal.iter().copied());
    all()
        .enumerate()
        .filter(move |(index, name)| !all().take(*index).any(|other| other == *name))
        .map(|(_, name)| name)
}

fn encode<R>(accesses: &Accesses, columns: &[Column<R>], found: &Usable) -> i32 {
    let name = usize::try_from(found.column).ok().and_then(|index| columns.get(index)).map(|it| it.name);
    let key = || {
        key_columns(accesses).position(|key| Some(key) == name).expect("it is one of these: checked above")
    };
    // 0 stands for no condition.
    match found.op {
        Op::TimeEqual => 1,
        Op::TimeFrom => 2,
        Op::TimeTo => 3,
        Op::Equal => i32::try_from(4 + key()).expect("a few columns"),
    }
}

/// Reads the plan back, with the values of its conditions.
pub fn read<'a>(accesses: &Accesses, number: i32, values: impl Iterator<Item = ValueRef<'a>>) -> Wanted {
    let mut wanted = Wanted::all(number & NEWEST_FIRST != 0);
    let mut rest = number & !NEWEST_FIRST;
    for value in values {
        let code = rest & ((1 << BITS) - 1);
        rest >>= BITS;
        let time = accesses.time.unwrap_or_default();
        match code {
            1 => wanted.narrow(time, Op::TimeEqual, value),
            2 => wanted.narrow(time, Op::TimeFrom, value),
            3 => wanted.narrow(time, Op::TimeTo, value),
            _ => {
                let key = usize::try_from(code - 4).ok().and_then(|index| key_columns(accesses).nth(index));
                if let Some(key) = key {
                    wanted.narrow(key, Op::Equal, value);
                }
            }
        }
    }
    wanted.is_nothing |= wanted.from >= wanted.to;
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    const ACCESSES: Accesses = Accesses {
        by: &[
            Access { equal: &["a", "b"], rows: 1 },
            Access { equal: &["a"], rows: 10 },
            Access { equal: &["c"], rows: 100 },
        ],
        time: Some("t"),
    };

    fn text(text: &str) -> ValueRef<'_> {
        ValueRef::Text(text.as_bytes())
    }

    #[test]
    fn a_plan_is_read_back() {
        assert_eq!(key_columns(&ACCESSES).collect::<Vec<_>>(), ["a", "b", "c"]);
        // c = 'x' and t >= '1970' and a = '5', newest first
        let number = NEWEST_FIRST | 6 | 2 << BITS | 4 << (2 * BITS);
        let wanted = read(&ACCESSES, number, [text("x"), text("1970"), text("5")].into_iter());
        assert_eq!((wanted.equal("c"), wanted.equal("a"), wanted.equal("b")), (Some("x"), Some("5"), None));
        assert_eq!((wanted.from, wanted.to, wanted.is_newest_first), (Timestamp(0), TIME_END, true));
        assert!(read(&ACCESSES, 4, [ValueRef::Null].into_iter()).is_nothing);
        for other in [ValueRef::Integer(1), ValueRef::Real(1.0), ValueRef::Blob(b"1")] {
            assert_eq!(read(&ACCESSES, 4, [other].into_iter()), Wanted::all(false), "{other:?}");
        }
    }

    #[test]
    fn the_first_time_that_fits_is_found() {
        let first = |fits: fn(Ordering) -> bool, text: &str| first_time(|shown| fits(compare(shown, text))).0;
        let at = |text: &str| (first(Ordering::is_ge, text), first(Ordering::is_gt, text));
        let day = 86_400_000;
        assert_eq!(at("1970-01-02T00:00:00.005Z"), (day + 5, day + 6));
        assert_eq!(at("1970-01-02"), (day, day + 1));
        assert_eq!(at("1970-01-02T"), (day, day));
        assert_eq!(at("1970-01-02 12:00"), (day + day / 2, day + day / 2 + 1));
        assert_eq!(at("1970-01-02T00:00:00.0055Z"), (day + 6, day + 6));
        assert_eq!(at(""), (0, 0));
        assert_eq!(at("x"), (TIME_END.0, TIME_END.0));
    }

    #[test]
    fn a_time_that_cannot_be_is_nothing() {
        let number = 2 | 3 << BITS;
        let wanted = read(&ACCESSES, number, [text("1980"), text("1970")].into_iter());
        assert!(wanted.is_nothing);
    }
}
