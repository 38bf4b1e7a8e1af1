//! Random queries: whatever is sent, there is an answer or an error that is the sender's.

use super::seeded::{Seeds, ended, record};
use super::{ask, limited, patient, show};
use crate::sql::guard;
use crate::sql::tables::describe_all;
use crate::sql::{SqlError, SqlLimits};
use abide_core::entry::Outcome;
use abide_core::ids::InvocationId;
use abide_core::time::Timestamp;
use std::time::Duration;

/// A small source of numbers that are the same for the same seed.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Returns up to `most` of these characters.
    pub fn text(&mut self, of: &str, most: usize) -> String {
        let chars: Vec<char> = of.chars().collect();
        (0..self.below(most + 1)).map(|_| chars[self.below(chars.len())]).collect()
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "UNION ALL",
    "EXCEPT",
    "WITH",
    "RECURSIVE",
    "AS",
    "(",
    ")",
    ",",
    "*",
    "=",
    "<",
    ">=",
    "<>",
    "IN",
    "IS",
    "NOT",
    "NULL",
    "AND",
    "OR",
    "LIKE",
    "GLOB",
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "DESC",
    "OVER",
    "PARTITION BY",
    "DISTINCT",
    "HAVING",
    "id",
    "status",
    "created_at",
    "\"index\"",
    "service_name",
    "service_key",
    "key",
    "x",
    "1",
    "-1",
    "1e999",
    "'x'",
    "''",
    "x'ff'",
    "'2026-01-01'",
    ";",
    "--",
    "/*",
    "\"",
    "'",
    "\0",
    "ä",
    "EXPLAIN",
    "VALUES",
    "INSERT INTO",
    "DELETE",
    "PRAGMA",
    "ATTACH",
    "CAST",
    "COLLATE NOCASE",
    "EXISTS",
    "count(*)",
    "?",
    ":a",
    "||",
    "->>",
    "~",
];

/// A query with a shape, so that many of them run.
fn shaped(random: &mut Random) -> String {
    let tables = describe_all();
    let table = |random: &mut Random| &tables[random.below(tables.len())];
    let (first, second) = (table(random), table(random));
    let column = |random: &mut Random| format!("a.{:?}", first.columns[random.below(first.columns.len())].0);
    let values =
        ["'x'", "'completed'", "'2026'", "1", "-9e99", "NULL", "now()", "ago('1h')", "x'00'", "''", "'0'"];
    let ops = ["=", "<", ">", "<=", ">=", "<>", "IS", "IS NOT", "LIKE", "GLOB"];
    let selected = match random.below(4) {
        0 => "*".to_owned(),
        1 => format!("count(*), max({})", column(random)),
        2 => format!("{0}, {1}({0})", column(random), random.one(guard::functions())),
        _ => format!("a.*, {}", column(random)),
    };
    let mut query = format!("SELECT {selected} FROM {} a", first.name);
    if random.below(4) == 0 {
        let right = second.columns[random.below(second.columns.len())].0;
        query += &format!(" LEFT JOIN {} b ON {} = b.{right:?}", second.name, column(random));
    }
    for joint in ["WHERE", "AND", "OR"] {
        if random.below(3) == 0 {
            break;
        }
        query += &format!(" {joint} {} {} {}", column(random), random.one(&ops), random.one(&values));
    }
    if random.below(2) == 0 {
        query += &format!(" ORDER BY {} {}", column(random), random.one(&["ASC", "DESC"]));
    }
    query
}

#[tokio::test]
async fn random_queries_never_break_anything() {
    let mut seeds = Seeds::default();
    for n in 0..30u64 {
        let id = InvocationId::new(Timestamp(1_000 * n), n.into(), n);
        seeds.invocation(id, record("wait", 1_000 * n, ended(n)));
        seeds.journal(id, &[Outcome::Empty, Outcome::Names(vec!["a".into()])]);
        seeds.state("Cart", &n.to_string(), "v", &[0xff, u8::try_from(n).unwrap()]);
    }
    let world = seeds.start();
    let sql = limited(&world, SqlLimits { time_max: Duration::from_millis(200), ..SqlLimits::default() });
    let mut answered = 0;
    for seed in 0..1_500 {
        let mut random = Random(seed);
        let query = match seed % 3 {
            0 => (0..random.below(25) + 1).map(|_| random.one(WORDS)).collect::<Vec<_>>().join(" "),
            1 => {
                // A good query with a few characters that are not.
                let mut query: Vec<char> = shaped(&mut random).chars().collect();
                for _ in 0..random.below(4) {
                    let place = random.below(query.len());
                    query[place] = random.text("'\"();,.*-\0ä ", 1).chars().next().unwrap_or('x');
                }
                query.into_iter().collect()
            }
            _ => shaped(&mut random),
        };
        match ask(&sql, &query).await {
            Ok(_) => answered += 1,
            Err(error @ SqlError::Broken(_)) => panic!("seed {seed}: {query}: {error}"),
            Err(_) => {}
        }
    }
    // What has a shape is mostly a query.
    assert!(answered > 300, "{answered}");
    assert_eq!(show(&patient(&world), "SELECT count(*) FROM sys_invocation").await, "30");
}
