//! The check of one invocation: other code is run against its journal, and nothing of that leaves.
//!
//! It is an execution like any other, except for what surrounds it: nobody takes what the guest asks,
//! nobody allows its run blocks, its log is dropped, and it ends where its journal does.

use super::background::Heavy;
use super::components::{Components, Loaded};
use super::execution::{CameTo, Execution};
use super::executor::Catalog;
use super::guest::Link;
use super::output::Output;
use super::sandbox::Scope;
use super::session::{Beyond, Halt, Purpose, Surroundings};
use super::start::Start;
use crate::clock::Clock;
use crate::engine::LoadedJournal;
use crate::metrics::Histogram;
use abide_core::command::End;
use abide_core::effect::AttemptStart;
use abide_core::entry::{Answer, Failure};
use abide_core::ids::OpId;
use abide_core::invocation::{InvocationRow, MismatchReport};
use abide_core::limits::cut;
use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of an answer that a verdict shows.
const ANSWER_BYTES_MAX: usize = 200;

/// An invocation as it is recorded.
pub struct Recorded {
    pub start: AttemptStart,
    pub journal: LoadedJournal,
    /// Of one that has ended.
    pub answer: Option<Answer>,
}

impl Recorded {
    /// Builds what an attempt of this invocation would start from; None when it has not begun.
    #[must_use]
    pub fn new(
        id: abide_core::ids::InvocationId,
        row: &InvocationRow,
        journal: LoadedJournal,
        answer: Option<Answer>,
    ) -> Option<Self> {
        let start = AttemptStart {
            invocation: id,
            attempt: row.attempts,
            birth: row.birth,
            seed: row.seed.unwrap_or(id),
            entries_kept: row.entries_kept,
            deployment: row.deployment.clone()?,
            target: row.target.clone(),
            kind: row.kind,
            mode: row.mode,
            begun_at: row.begun_at?,
            entries_len: OpId::try_from(journal.entries.len()).expect("a journal has a limit"),
            outcomes_len: u32::try_from(journal.outcomes.len()).expect("a journal has a limit"),
            journal_bytes: row.journal_bytes,
            held: Vec::new(),
            input: None,
        };
        Some(Self { start, journal, answer })
    }
}

/// How other code gets along with a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It asks for what is recorded, and comes to its end, or to the recorded one where there is one.
    Fits,
    /// It asks for what is recorded, and would go on.
    FitsSoFar(Beyond),
    /// It comes to another end than the recorded one.
    AnswersOtherwise {
        recorded: String,
        asked: String,
    },
    /// It comes to its end, which is a failure, where no end is recorded.
    EndsInFailure {
        message: String,
    },
    Diverges(MismatchReport),
    /// It traps, or fails in a way that is worth another try.
    Fails {
        /// Entries it had asked for.
        op: OpId,
        /// It had gone through all that is recorded.
        is_after_all: bool,
        message: String,
        backtrace: Option<String>,
    },
}

/// A verdict, and what else was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub verdict: Verdict,
    /// The first entry that the code asks for with other bytes. The recorded ones count.
    pub other_input: Option<(OpId, String)>,
}

/// Runs code against a journal. What it does is noticed by nobody.
///
/// It can be dropped at any time: a guest that computes lets others go on every few milliseconds.
pub async fn check(
    components: &Components,
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    loaded: &Loaded,
    recorded: Recorded,
) -> Checked {
    let Recorded { start, journal, answer } = recorded;
    // No bytes of log: all of it is dropped.
    let output = Output::new(None, 0);
    let scope = Scope::new(start.begun_at);
    let around = Surroundings {
        purpose: Purpose::Check,
        append: Box::new(|_| {}),
        catches_up: Box::new(|| None),
        catalog,
        is_crowded: Box::new(|_| false),
        read_ahead: Box::new(|_, _| None),
        clock,
        scope: scope.clone(),
        output: output.clone(),
        suspend_after_ms: 0,
        run_blocks: Histogram::new(&[]),
        trail: None,
        room: None,
    };
    // Nobody tells the guest anything. The sender is kept, or the guest would be taken for a stopped one.
    let (_tell, told) = mpsc::unbounded_channel();
    let link = |session| Link {
        session,
        told,
        share: Arc::default(),
        start: Start::default(),
        idle: Gauge::default(),
    };
    let memory_bytes = Gauge::default();
    // Checks have threads of their own; nobody looks.
    let heavy = Heavy::default();
    let execution = Execution { components, loaded, start: &start, output, scope, heavy, memory_bytes };
    let CameTo { end, replay, .. } = execution.run(journal, around, link, |came_to| came_to).await;
    let verdict = match end {
        Err(Halt::Recorded(beyond)) => Verdict::FitsSoFar(beyond),
        // Nothing else stops a check.
        Err(_) => Verdict::FitsSoFar(Beyond::Waits),
        Ok(End::Mismatched(report)) => Verdict::Diverges(report),
        Ok(End::Returned(value)) => compare(answer, Answer::Value(value)),
        Ok(End::Failed(failure)) => compare(answer, Answer::Failure(failure.within_limits())),
        Ok(End::Crashed { message, .. }) => {
            let (message, backtrace) = split_backtrace(message);
            Verdict::Fails { op: replay.asked, is_after_all: replay.is_whole, message, backtrace }
        }
        Ok(
            End::Suspended { .. } | End::AwaitsRetry { .. } | End::Lost | End::Stopped | End::PutOff { .. },
        ) => Verdict::FitsSoFar(Beyond::Waits),
    };
    Checked { verdict, other_input: replay.other_input }
}

fn compare(recorded: Option<Answer>, given: Answer) -> Verdict {
    match (recorded, given) {
        (Some(recorded), given) if recorded != given => {
            Verdict::AnswersOtherwise { recorded: show(&recorded), asked: show(&given) }
        }
        (None, given @ Answer::Failure(_)) => Verdict::EndsInFailure { message: show(&given) },
        (None, Answer::Value(_)) | (Some(_), _) => Verdict::Fits,
    }
}

fn show(answer: &Answer) -> String {
    match answer {
        Answer::Value(value) => show_value(value),
        Answer::Failure(Failure { code, message, .. }) => {
            cut(format!("failure [{code}] {message}"), ANSWER_BYTES_MAX)
        }
    }
}

fn show_value(value: &Bytes) -> String {
    match std::str::from_utf8(value) {
        Ok("") => "nothing".to_owned(),
        Ok(text) => cut(text.to_owned(), ANSWER_BYTES_MAX),
        Err(_) => format!("{} bytes", value.len()),
    }
}

/// Splits what [`super::execution::describe`] put together.
fn split_backtrace(message: String) -> (String, Option<String>) {
    match message.split_once("\n  at ") {
        Some((message, frames)) => (message.to_owned(), Some(format!("  at {frames}"))),
        None => (message, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &'static str) -> Answer {
        Answer::Value(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn another_answer_is_shown_beside_the_recorded_one() {
        assert_eq!(compare(None, value("1")), Verdict::Fits);
        assert_eq!(compare(Some(value("1")), value("1")), Verdict::Fits);
        let failure = || Answer::Failure(Failure::new(409, "no"));
        assert_eq!(compare(Some(failure()), failure()), Verdict::Fits);
        assert_eq!(compare(None, failure()), Verdict::EndsInFailure { message: "failure [409] no".into() });
        let Verdict::AnswersOtherwise { recorded, asked } =
            compare(Some(value("")), Answer::Failure(Failure::new(409, "no")))
        else {
            panic!("it is another answer")
        };
        assert_eq!((recorded.as_str(), asked.as_str()), ("nothing", "failure [409] no"));
        assert_eq!(show(&Answer::Value(Bytes::from_static(&[0xff, 0]))), "2 bytes");
        assert!(show(&Answer::Value("x".repeat(1_000).into())).len() <= ANSWER_BYTES_MAX);
    }

    #[test]
    fn a_backtrace_stands_apart() {
        let (message, backtrace) = split_backtrace("the guest panicked: no\n  at a\n  at b".into());
        assert_eq!(
            (message.as_str(), backtrace.as_deref()),
            ("the guest panicked: no", Some("  at a\n  at b"))
        );
        assert_eq!(split_backtrace("no\nframes".into()), ("no\nframes".into(), None));
    }
}
