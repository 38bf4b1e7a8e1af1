//! The report of an upgrade check, as a table.

use crate::model::Moved;
use crate::output::{Paint, one_line, print, say, table};
use comfy_table::{Cell, Color};
use serde::Deserialize;

/// Characters of a cell that others chose the text of.
const CELL_CHARS_MAX: usize = 160;

#[derive(Deserialize)]
pub struct Report {
    pub live_checked: u64,
    pub finished_checked: u64,
    pub is_complete: bool,
    pub took_ms: u64,
    pub groups: Vec<Group>,
}

#[derive(Deserialize)]
pub struct Group {
    pub kind: String,
    pub service: String,
    pub handler: String,
    pub op: Option<u32>,
    pub recorded: Option<String>,
    pub asked: Option<String>,
    pub message: Option<String>,
    pub backtrace: Option<String>,
    pub live: u64,
    pub finished: u64,
    #[serde(default)]
    pub examples: Vec<String>,
}

impl Group {
    /// Returns what is different, in words.
    fn what(&self) -> String {
        let nothing = || "nothing more".to_owned();
        let mut parts = Vec::new();
        match (&self.recorded, &self.asked) {
            (None, None) => {}
            (recorded, asked) => {
                let recorded = recorded.clone().unwrap_or_else(nothing);
                let asked = asked.clone().unwrap_or_else(nothing);
                parts.push(format!("recorded {recorded}, asked {asked}"));
            }
        }
        parts.extend(self.message.clone());
        let text = one_line(&parts.join("; "));
        match text.char_indices().nth(CELL_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn place(&self) -> String {
        if self.service.is_empty() { String::new() } else { format!("{}/{}", self.service, self.handler) }
    }
}

/// Prints the whole report.
pub fn show(report: &Report) {
    let Report { live_checked, finished_checked, took_ms, .. } = report;
    let incomplete = if report.is_complete { "" } else { ", not all of them" };
    print(format!(
        "checked {live_checked} live and {finished_checked} finished invocations in {took_ms} ms{incomplete}"
    ));
    if report.groups.is_empty() {
        return;
    }
    let mut table = table(&["VERDICT", "HANDLER", "STEP", "LIVE", "FINISHED", "WHAT", "EXAMPLE"]);
    for group in &report.groups {
        table.add_row([
            kind_cell(&group.kind),
            Cell::new(group.place()),
            Cell::new(group.op.map(|op| op.to_string()).unwrap_or_default()),
            Cell::new(group.live),
            Cell::new(group.finished),
            Cell::new(group.what()),
            Cell::new(group.examples.first().cloned().unwrap_or_default()),
        ]);
    }
    print(table);
    let Some(worst) = report.groups.iter().find(|group| group.backtrace.is_some()) else { return };
    let paint = Paint::stdout();
    print(paint.dim(&format!("where {} {} at step {}:", worst.place(), worst.kind, worst.op.unwrap_or(0))));
    for line in worst.backtrace.iter().flat_map(|backtrace| backtrace.lines()) {
        print(paint.dim(&one_line(line)));
    }
}

/// Prints what came of moving invocations, and what to do about those that stay.
pub fn show_moved(moved: &Moved, deployment: &str) {
    let (line, hint) = moved_words(moved, deployment);
    print(line);
    if let Some(hint) = hint {
        say(format!("hint: {hint}"));
    }
}

fn moved_words(moved: &Moved, deployment: &str) -> (String, Option<String>) {
    let Moved { migrated, left, busy } = *moved;
    let mut line = format!("moved {}", counted(migrated, "live invocation"));
    if left > 0 {
        line.push_str(&format!(", {left} stay{} where {}", if left == 1 { "s" } else { "" }, they(left)));
    }
    if busy == 0 {
        return (line, None);
    }
    let were = if busy == 1 { "was" } else { "were" };
    line.push_str(&format!(
        "; {busy} of them fit{}, but {were} in the middle of a run block or going on",
        if busy == 1 { "s" } else { "" }
    ));
    (line, Some(format!("\"abide deployments migrate {deployment}\" moves what is left, any time later")))
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn they(count: u64) -> &'static str {
    if count == 1 { "it is" } else { "they are" }
}

fn kind_cell(kind: &str) -> Cell {
    let cell = Cell::new(kind);
    match kind {
        "diverges" | "traps" | "interface-changed" => cell.fg(Color::Red),
        "answer-differs" | "not-checked" => cell.fg(Color::Yellow),
        "fits" => cell.fg(Color::Green),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(json: &str) -> Group {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn both_sides_are_told() {
        let rest = r#""kind":"diverges","service":"S","handler":"h","live":1,"finished":0"#;
        let both = group(&format!(r#"{{{rest},"op":2,"recorded":"run(\"a\")","asked":"run(\"b\")"}}"#));
        assert_eq!(both.what(), r#"recorded run("a"), asked run("b")"#);
        assert_eq!(both.place(), "S/h");
        let ends = group(&format!(r#"{{{rest},"recorded":"run(\"a\")","message":"it\nends"}}"#));
        assert_eq!(ends.what(), r#"recorded run("a"), asked nothing more; it\nends"#);
        let long = group(&format!(r#"{{{rest},"message":"{}"}}"#, "ä".repeat(500)));
        assert_eq!(long.what().chars().count(), CELL_CHARS_MAX + 1);
    }

    #[test]
    fn who_stays_is_told_with_what_to_do() {
        let words = |migrated, left, busy| moved_words(&Moved { migrated, left, busy }, "dp_1");
        assert_eq!(words(3, 0, 0), ("moved 3 live invocations".to_owned(), None));
        let (line, hint) = words(1, 2, 0);
        assert_eq!((line.as_str(), hint), ("moved 1 live invocation, 2 stay where they are", None));
        let (line, hint) = words(2, 3, 1);
        assert_eq!(
            line,
            "moved 2 live invocations, 3 stay where they are; 1 of them fits, but was in the middle of a run block or going on"
        );
        assert_eq!(hint.unwrap(), "\"abide deployments migrate dp_1\" moves what is left, any time later");
    }
}
