//! What a run found, as a table of faults and kinds of work.

use crate::work::Verdict;
use std::fmt::Write;
use std::time::Duration;

/// One fault, and how every kind of work came through it.
#[derive(Clone, Debug)]
pub struct Row {
    pub fault: &'static str,
    pub seed: u64,
    pub lives: usize,
    pub kills: usize,
    pub took: Duration,
    /// What is wrong beside the work: a failpoint that was never reached, damage without a name.
    pub wrong: Vec<String>,
    pub cells: Vec<(&'static str, Verdict)>,
}

impl Row {
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.cells.iter().all(|(_, verdict)| verdict.wrong.is_empty())
    }
}

/// Returns the table: how much of each kind of work was acknowledged, and whether all of it is right.
#[must_use]
pub fn show(rows: &[Row]) -> String {
    let mut text = format!("{:<28}{:>7}{:>7}{:>8}", "fault", "lives", "kills", "seconds");
    let kinds = rows.first().map(|row| row.cells.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
    for kind in kinds.unwrap_or_default() {
        let _ = write!(text, "{kind:>14}");
    }
    for row in rows {
        let seconds = row.took.as_secs_f32();
        let _ = write!(text, "\n{:<28}{:>7}{:>7}{seconds:>8.1}", row.fault, row.lives, row.kills);
        for (_, verdict) in &row.cells {
            let word = if verdict.wrong.is_empty() { "ok" } else { "WRONG" };
            let _ = write!(text, "{:>14}", format!("{} {word}", verdict.acknowledged));
        }
        let _ = write!(text, "  {}", if row.is_good() { "good" } else { "BAD" });
    }
    text.push('\n');
    rows.iter().filter(|row| !row.is_good()).for_each(|row| explain(row, &mut text));
    text
}

/// How many of the things that are wrong are shown per kind of work.
const SHOWN_MAX: usize = 8;

fn explain(row: &Row, text: &mut String) {
    let _ = writeln!(text, "\n{} (ABIDE_E2E_SEED={}):", row.fault, row.seed);
    let rows = row.wrong.iter().map(|what| ("run", what));
    let cells = row
        .cells
        .iter()
        .flat_map(|(kind, verdict)| verdict.wrong.iter().take(SHOWN_MAX).map(|what| (*kind, what)));
    for (of, what) in rows.chain(cells) {
        let _ = writeln!(text, "  {of}: {what}");
    }
}
