//! Where a page of a list ends, as a text that the client hands back.

use super::walk::Position;
use abide_core::time::Timestamp;
use abide_store::Order;
use std::fmt;
use std::str::FromStr;

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    #[default]
    Created,
    Modified,
}

/// The last invocation a page looked at: the next page begins behind it. Fits only lists of its sort and
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub sort: Sort,
    pub order: Order,
    pub position: Position,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = match self.sort {
            Sort::Created => 'c',
            Sort::Modified => 'm',
        };
        let order = match self.order {
            Order::Ascending => 'a',
            Order::Descending => 'd',
        };
        let (Timestamp(millis), id) = self.position;
        write!(f, "{sort}{order}.{millis}.{id}")
    }
}

/// The text is not one of [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(BadCursor);
        let (kind, millis, id) = (part()?, part()?, part()?);
        let (sort, order) = match kind {
            "ca" => (Sort::Created, Order::Ascending),
            "cd" => (Sort::Created, Order::Descending),
            "ma" => (Sort::Modified, Order::Ascending),
            "md" => (Sort::Modified, Order::Descending),
            _ => return Err(BadCursor),
        };
        let at = Timestamp(millis.parse().map_err(|_| BadCursor)?);
        Ok(Self { sort, order, position: (at, id.parse().map_err(|_| BadCursor)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::InvocationId;

    #[test]
    fn a_cursor_survives_its_text() {
        for sort in [Sort::Created, Sort::Modified] {
            for order in [Order::Ascending, Order::Descending] {
                let position = (Timestamp(17), InvocationId { unique: 1, partition_key: 2 });
                let cursor = Cursor { sort, order, position };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", "cd", "cd.1", "cd.x.y", "zz.1.inv_1", "cd.1.inv_1", "..", "cd.-1.x"] {
            assert_eq!(text.parse::<Cursor>(), Err(BadCursor), "{text}");
        }
    }
}
