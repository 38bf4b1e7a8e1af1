//! What the project wants to reach, beside what was measured. The reader judges.

use super::super::results::{Better, Results};
use super::{resumed, rows};
use crate::load::Measured;
use crate::report;
use crate::spread::Spread;
use crate::workload::Workload;

pub fn table(results: &Results) -> comfy_table::Table {
    let mut table = report::table(&["goal", "wanted", "measured"]);
    table.column_iter_mut().for_each(|column| column.set_cell_alignment(comfy_table::CellAlignment::Left));
    let speed = worst(results, Better::More, Measured::done_per_second);
    let p99 = worst(results, Better::Less, |cell| f64::from(cell.latency.p99_us));
    let memory = worst(results, Better::Less, |cell| cell.rss_peak_bytes as f64);
    let resumed = resumed(results).ratio.map(|ratio| format!("{:.1} times", ratio.median));
    let lines = [
        ("throughput, the workload where it is least", "10 times", speed),
        ("p99 with as many callers, where it is least", "lower", p99),
        ("p99 at equal load, where it is least", "lower", equal_load(results)),
        ("memory under load, where it is least", "10 times less", memory),
        ("sleepers resumed", "10 times faster", resumed),
        ("an empty handler, one caller, p50", "1.5 syncs and 0.3 ms", empty_handler(results)),
        ("commits that share a sync, most callers", "more than one", commits_per_sync(results)),
    ];
    for (goal, wanted, measured) in lines {
        if let Some(measured) = measured {
            table.add_row([goal.to_owned(), wanted.to_owned(), measured]);
        }
    }
    table
}

/// Returns the lowest ratio of all workloads, and where that was.
fn worst(results: &Results, better: Better, value: fn(&Measured) -> f64) -> Option<String> {
    let ratio = |(workload, callers): (Workload, usize)| {
        let values = |one: &str| -> Vec<f64> {
            results.cells(one, workload.name(), callers).into_iter().map(value).collect()
        };
        let ratio = results.compare(better, values).ratio?;
        Some((ratio.median, format!("{}, {callers} callers", workload.name())))
    };
    let least = rows(results).into_iter().filter_map(ratio).min_by(|a, b| a.0.total_cmp(&b.0));
    least.map(|(ratio, place)| format!("{ratio:.1} times ({place})"))
}

fn equal_load(results: &Results) -> Option<String> {
    let ratio = |workload: &Workload| {
        let values = |one: &str| -> Vec<f64> {
            let fits = results.equal.iter().filter(|equal| equal.workload == workload.name());
            let of_one = fits.filter(|equal| equal.contender == one);
            of_one.map(|equal| f64::from(equal.latency.p99_us)).collect()
        };
        let ratio = results.compare(Better::Less, values).ratio?;
        Some((ratio.median, workload.name()))
    };
    let least = results.plan.equal_loads.iter().filter_map(ratio).min_by(|a, b| a.0.total_cmp(&b.0));
    least.map(|(ratio, place)| format!("{ratio:.1} times ({place})"))
}

fn empty_handler(results: &Results) -> Option<String> {
    let first = results.contenders.first()?;
    let calls = results.cells(first.name, Workload::Greet.name(), 1);
    let call = Spread::of(calls.iter().map(|cell| f64::from(cell.latency.p50_us) / 1e3))?.median;
    let sync = Spread::of(results.disk.iter().map(|disk| f64::from(disk.latency.p50_us) / 1e3))?.median;
    let limit = 1.5 * sync + 0.3;
    Some(format!("{call:.2} ms; a sync {sync:.2} ms, so the limit is {limit:.2} ms"))
}

fn commits_per_sync(results: &Results) -> Option<String> {
    let first = results.contenders.first()?;
    let most = results.groups.iter().filter(|group| group.contender == first.name);
    let most = most.max_by_key(|group| group.concurrency)?;
    Some(format!("{:.1} ({}, {} callers)", most.commits_per_sync, most.workload, most.concurrency))
}
