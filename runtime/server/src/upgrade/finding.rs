//! From the verdict about one invocation to what the report says of it.

use super::choose::Scope;
use super::report::{Finding, Kind};
use crate::wasm::{Beyond, Checked, Verdict};
use abide_core::entry::Answer;
use abide_core::invocation::{InvocationRow, MismatchReport, PauseReason, Phase};
use abide_core::limits::cut;

/// Bytes of what a guest said that a report shows.
const MESSAGE_BYTES_MAX: usize = 400;

/// What is said of an invocation, and whether the deployment is refused for it.
pub struct Judged {
    pub finding: Finding,
    pub is_objection: bool,
}

/// Judges what a replay came to.
#[must_use]
pub fn judge(scope: &Scope, row: &InvocationRow, answer: Option<&Answer>, checked: Checked) -> Judged {
    let Checked { verdict, other_input } = checked;
    if matches!(row.phase, Phase::Completed { .. }) {
        return Judged { finding: of_finished(answer, verdict), is_objection: false };
    }
    let (mut finding, speaks_against) = of_live(row, verdict);
    if let Some((op, entry)) = other_input.filter(|_| finding.message.is_none()) {
        finding.op.get_or_insert(op);
        finding.message =
            Some(format!("{} is asked with other bytes; the recorded ones count", kind_of(&entry)));
    }
    if speaks_against
        && !scope.concerns(row)
        && let Some(deployment) = row.deployment.as_ref().filter(|its| **its != scope.deployment)
    {
        let note = format!("stays on {deployment} since an earlier upgrade");
        finding.message = Some(match finding.message {
            Some(message) => format!("{message} ({note})"),
            None => note,
        });
    }
    Judged { finding, is_objection: speaks_against && scope.concerns(row) }
}

fn of_live(row: &InvocationRow, verdict: Verdict) -> (Finding, bool) {
    match verdict {
        Verdict::Fits | Verdict::AnswersOtherwise { .. } => (Finding::new(Kind::Fits), false),
        Verdict::FitsSoFar(_) => (Finding::new(Kind::FitsSoFar), false),
        // The code it has waits here. Others may be about to end like this with theirs.
        Verdict::EndsInFailure { message } if matches!(row.phase, Phase::Suspended { .. }) => {
            let message = format!("it waits, and would end with a {message}");
            (Finding::saying(Kind::Traps, brief(&message)), true)
        }
        Verdict::EndsInFailure { .. } => (Finding::new(Kind::Fits), false),
        Verdict::Diverges(report) => (diverging(report), true),
        Verdict::Fails { op, is_after_all, message, backtrace } => {
            // What fails where it has come to now does not fail because of other code.
            let is_known = is_after_all && is_failing(row);
            let message = if is_known { format!("it fails, as it does now: {message}") } else { message };
            let finding =
                Finding { op: Some(op), backtrace, ..Finding::saying(Kind::Traps, brief(&message)) };
            (finding, !is_known)
        }
    }
}

fn of_finished(answer: Option<&Answer>, verdict: Verdict) -> Finding {
    match verdict {
        Verdict::Fits | Verdict::EndsInFailure { .. } => Finding::new(Kind::Fits),
        Verdict::FitsSoFar(Beyond::Asks { op, entry }) if !has_failed(answer) => Finding {
            op: Some(op),
            asked: Some(entry),
            ..Finding::saying(Kind::FitsSoFar, "asks for more, where it had come to its end")
        },
        Verdict::FitsSoFar(_) => Finding::new(Kind::FitsSoFar),
        Verdict::AnswersOtherwise { recorded, asked } => Finding {
            recorded: Some(recorded),
            asked: Some(asked),
            ..Finding::saying(Kind::AnswerDiffers, "it comes to another answer")
        },
        Verdict::Diverges(report) => diverging(report),
        // It failed then, and would now.
        Verdict::Fails { is_after_all: true, .. } if has_failed(answer) => Finding::new(Kind::Fits),
        Verdict::Fails { op, message, backtrace, .. } => {
            Finding { op: Some(op), backtrace, ..Finding::saying(Kind::Traps, brief(&message)) }
        }
    }
}

fn diverging(report: MismatchReport) -> Finding {
    const NOTHING: &str = "the code ends, or waits, without asking for it";
    Finding {
        op: Some(report.op),
        message: report.asked.is_none().then(|| NOTHING.to_owned()),
        recorded: report.recorded,
        asked: report.asked,
        backtrace: report.backtrace,
        kind: Kind::Diverges,
    }
}

fn is_failing(row: &InvocationRow) -> bool {
    match &row.phase {
        Phase::BackingOff { .. } | Phase::Paused { reason: PauseReason::AttemptsExhausted } => true,
        Phase::Running { .. } => row.failures > 0,
        Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Suspended { .. }
        | Phase::Paused { .. }
        | Phase::Completed { .. } => false,
    }
}

fn has_failed(answer: Option<&Answer>) -> bool {
    matches!(answer, Some(Answer::Failure(_)))
}

/// Puts what a guest said on one line, without the advice that comes with each panic.
fn brief(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
    cut(lines.collect::<Vec<_>>().join(" "), MESSAGE_BYTES_MAX)
}

fn kind_of(entry: &str) -> &str {
    entry.split('(').next().unwrap_or(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::invocation::{Origin, WaitSet};
    use abide_core::target::Target;
    use abide_core::time::Timestamp;

    #[test]
    fn who_waits_and_would_fail_instead_speaks_against_the_code() {
        let target = Target { service: "S".into(), key: None, handler: "h".into() };
        let mut row = InvocationRow::new(target, Origin::Ingress, Timestamp(0));
        for (phase, kind) in [
            (Phase::Suspended { waiting_on: WaitSet::Any }, Kind::Traps),
            (Phase::Running { attempt: 1 }, Kind::Fits),
            (Phase::Paused { reason: PauseReason::ByPerson }, Kind::Fits),
        ] {
            row.phase = phase;
            let (finding, speaks_against) =
                of_live(&row, Verdict::EndsInFailure { message: "failure [409] no".into() });
            assert_eq!((finding.kind, speaks_against), (kind, kind == Kind::Traps), "{:?}", row.phase);
        }
    }

    #[test]
    fn a_panic_is_told_on_one_line() {
        let said =
            "the guest panicked: thread 'main' panicked at src/lib.rs:7:9:\nno such plan\nnote: run with it";
        assert_eq!(brief(said), "the guest panicked: thread 'main' panicked at src/lib.rs:7:9: no such plan");
        assert!(brief(&"x ".repeat(1_000)).len() <= MESSAGE_BYTES_MAX);
    }
}
