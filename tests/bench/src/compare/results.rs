//! Everything that was measured, one value per turn.

use super::Stage;
use super::contender::Field;
use super::equal::Equal;
use super::footprint::Footprint;
use super::group::Group;
use super::machine::Machine;
use super::plan::Plan;
use super::resume::Resumed;
use super::turn::Turn;
use super::waiting::Waiting;
use crate::disk::Disk;
use crate::load::Measured;
use crate::spread::Spread;
use crate::workload::Workload;
use anyhow::Context;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
pub struct Results {
    pub machine: Machine,
    pub contenders: Vec<Entrant>,
    /// Why there is only one.
    pub missing: Option<String>,
    pub plan: Plan,
    pub seconds: f64,
    /// Before each round, or each workload of it, and at the end.
    pub disk: Vec<Disk>,
    pub turns: Vec<Turn>,
    pub resumed: Vec<Resumed>,
    pub equal: Vec<Equal>,
    pub waiting: Vec<Waiting>,
    pub footprints: Vec<Footprint>,
    pub groups: Vec<Group>,
}

#[derive(Serialize)]
pub struct Entrant {
    pub name: &'static str,
    pub version: String,
}

/// Values of the first one and of the second one, and how they compare.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    pub first: Option<Spread>,
    pub second: Option<Spread>,
    /// Of the two values of each round.
    pub ratio: Option<Spread>,
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

impl Results {
    pub fn new(stage: &Stage<'_>, field: &Field) -> Self {
        let entrant = |one: &super::Contender| Entrant { name: one.name(), version: one.version() };
        Self {
            machine: Machine::look(&stage.data),
            contenders: field.contenders.iter().map(entrant).collect(),
            missing: field.missing.clone(),
            plan: stage.plan.clone(),
            seconds: 0.0,
            disk: Vec::new(),
            turns: Vec::new(),
            resumed: Vec::new(),
            equal: Vec::new(),
            waiting: Vec::new(),
            footprints: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Compares what `values` returns of each of them, in the order of the rounds. The ratio says how many
    /// times better the first one is.
    pub fn compare(&self, better: Better, values: impl Fn(&str) -> Vec<f64>) -> Compared {
        let of = |at: usize| self.contenders.get(at).map(|one| values(one.name)).unwrap_or_default();
        let (first, second) = (of(0), of(1));
        let ratios = first.iter().zip(&second).filter_map(|(first, second)| {
            let (above, below) = match better {
                Better::More => (first, second),
                Better::Less => (second, first),
            };
            (*below > 0.0).then(|| above / below)
        });
        let ratio = Spread::of(ratios);
        Compared { first: Spread::of(first), second: Spread::of(second), ratio }
    }

    /// Returns all measurements of one workload with so many callers.
    pub fn cells(&self, contender: &str, workload: &str, concurrency: usize) -> Vec<&Measured> {
        let turns = self.turns.iter().filter(|turn| turn.contender == contender);
        let fits = |cell: &&Measured| cell.workload == workload && cell.concurrency == concurrency;
        turns.flat_map(|turn| turn.cells.iter().filter(fits)).collect()
    }

    /// Returns how many calls per second the slowest of them does, with ten callers or the next number; of those that
    /// send messages, the ones whose messages have been taken.
    pub fn slowest(&self, workload: Workload) -> Option<f64> {
        let callers = *self.plan.concurrency.iter().min_by_key(|callers| callers.abs_diff(10))?;
        let speeds = self.contenders.iter().filter_map(|one| {
            let cells = self.cells(one.name, workload.name(), callers);
            Spread::of(cells.into_iter().map(Measured::done_per_second)).map(|spread| spread.median)
        });
        speeds.min_by(f64::total_cmp)
    }

    /// Writes all values as JSON, and the tables as they were printed.
    pub fn write(&self, folder: &Path, tables: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, text) in [("compare.json", &*serde_json::to_string_pretty(self)?), ("compare.md", tables)]
        {
            let file = folder.join(name);
            std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
            eprintln!("written: {}", file.display());
        }
        Ok(())
    }
}
