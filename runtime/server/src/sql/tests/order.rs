//! Invocations by time: ranges and orders are those that sorting everything would give.

use super::seeded::{Seeds, ended, record};
use super::{ask, patient, show};
use crate::http::tests::world::World;
use crate::time::rfc3339;
use abide_core::ids::InvocationId;
use abide_core::invocation::Phase;
use abide_core::time::Timestamp;

const DAY_MS: u64 = 86_400_000;

/// Invocations over months, many at once, and with ids that do not tell their time; a third is live.
fn world() -> (World, Vec<u64>) {
    let mut times: Vec<u64> = (0..60).map(|n| n * n * n * 1_000_000 % (200 * DAY_MS)).collect();
    times.extend((0..2_500).map(|n| 30 * DAY_MS + n % 7));
    times.extend([0, 1, 200 * DAY_MS, 200 * DAY_MS + 1]);
    let mut seeds = Seeds::default();
    for (n, at) in (0u64..).zip(&times) {
        let id = match n % 5 {
            0 => InvocationId::computed(u128::from(n) << 8, n),
            _ => InvocationId::new(Timestamp(*at), n.into(), n),
        };
        // They wait for a time that never comes, so that the engine leaves them alone.
        let phase = if n % 3 == 0 { Phase::Scheduled { at: Timestamp(u64::MAX) } } else { ended(*at) };
        seeds.invocation(id, record("wait", *at, phase));
    }
    times.sort_unstable();
    (seeds.start(), times)
}

#[tokio::test]
async fn newest_first_and_ranges() {
    let (world, times) = world();
    let sql = &patient(&world);
    let newest: Vec<String> = times.iter().rev().map(|at| rfc3339(Timestamp(*at))).collect();
    for limit in [1, 10, 500, 2_600] {
        let query = format!("SELECT created_at FROM sys_invocation ORDER BY created_at DESC LIMIT {limit}");
        let read = sql.query(query.clone()).await.unwrap().rows_read;
        assert!(read < 500 + 6 * limit as u64, "{read} rows are read for {limit}");
        let found = ask(sql, &query).await.unwrap();
        let found: Vec<&str> = found.iter().map(|row| row[0].as_str().unwrap()).collect();
        assert_eq!(found, newest.iter().take(limit).collect::<Vec<_>>(), "{limit}");
    }
    let at = |at| rfc3339(Timestamp(at));
    let (from, to) = (at(30 * DAY_MS), at(30 * DAY_MS + 6));
    let later = times.iter().filter(|it| **it > 30 * DAY_MS + 6).count();
    for (condition, expected) in [
        (String::new(), times.len()),
        (format!("WHERE created_at = '{from}'"), times.iter().filter(|it| **it == 30 * DAY_MS).count()),
        (format!("WHERE created_at >= '{from}'"), times.iter().filter(|it| **it >= 30 * DAY_MS).count()),
        (format!("WHERE created_at > '{from}'"), times.iter().filter(|it| **it > 30 * DAY_MS).count()),
        (format!("WHERE created_at < '{to}'"), times.iter().filter(|it| **it < 30 * DAY_MS + 6).count()),
        (format!("WHERE created_at <= '{to}'"), times.iter().filter(|it| **it <= 30 * DAY_MS + 6).count()),
        (format!("WHERE created_at BETWEEN '{from}' AND '{to}'"), 2_500),
        ("WHERE created_at >= '1970-01-31 00:00' AND created_at < '1970-01-31T00:00:01Z'".to_owned(), 2_500),
        ("WHERE created_at > '1970-01-31 00:00:00.006'".to_owned(), later),
        ("WHERE '1970-01-31 01:00:00.006+01:00' < created_at".to_owned(), later),
        ("WHERE created_at > datetime('1970-01-31', '-1 hour') AND created_at < '1970-02'".to_owned(), 2_500),
        ("WHERE created_at > 1796062518120".to_owned(), 0),
        ("WHERE created_at < unixepoch('2026-11-30')".to_owned(), times.len()),
        ("WHERE created_at IN ('1970-07-20 00:00:00.001', 'x')".to_owned(), 1),
        ("WHERE created_at LIKE '1970-01-31%'".to_owned(), 2_500),
        ("WHERE created_at >= '1970-01-31' AND created_at < '1970-02'".to_owned(), 2_500),
        ("WHERE created_at > ago('1h')".to_owned(), 0),
        ("WHERE created_at > now()".to_owned(), 0),
        // A number is compared as its text.
        ("WHERE created_at > 1".to_owned(), times.len()),
        ("WHERE created_at > 5".to_owned(), 0),
        ("WHERE status = 'completed' OR status = 'scheduled'".to_owned(), times.len()),
        ("WHERE status = 'nonsense'".to_owned(), 0),
    ] {
        let query = format!("SELECT count(*), count(DISTINCT id) FROM sys_invocation {condition}");
        assert_eq!(show(sql, &query).await, format!("{expected} {expected}"), "{condition}");
    }
}

#[tokio::test]
async fn the_order_of_time_needs_no_sorting() {
    let (world, _) = world();
    let sql = patient(&world);
    let plan = |query: &'static str| show(&sql, query);
    let newest =
        plan("EXPLAIN QUERY PLAN SELECT id FROM sys_invocation ORDER BY created_at DESC LIMIT 9").await;
    assert!(!newest.contains("B-TREE"), "{newest}");
    let oldest = plan("EXPLAIN QUERY PLAN SELECT id FROM sys_invocation ORDER BY created_at LIMIT 9").await;
    assert!(oldest.contains("USE TEMP B-TREE FOR ORDER BY"), "{oldest}");
    let completed = "SELECT count(*) FROM (SELECT id FROM sys_invocation WHERE status = 'completed' ORDER BY created_at DESC LIMIT 5000)";
    let scheduled = completed.replace("completed", "scheduled");
    let count = |text: String| text.parse::<usize>().unwrap();
    let sum =
        count(show(&patient(&world), completed).await) + count(show(&patient(&world), &scheduled).await);
    assert_eq!(sum, 2_564);
}
