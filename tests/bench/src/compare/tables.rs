//! The results as Markdown, for people.

mod goals;

use super::results::{Better, Compared, Results};
use crate::load::Measured;
use crate::report::{mega, millis, table};
use crate::spread::Spread;
use crate::workload::Workload;
use std::fmt::Write as _;

pub fn markdown(results: &Results) -> String {
    let mut text = head(results);
    let parts = [
        ("Throughput and latency, closed loop", throughput(results)),
        ("What it costs", costs(results)),
        ("The same load for both", equal_load(results)),
        ("Starts, memory and disk", single_values(results)),
        ("Commits of Abide that share a sync", groups(results)),
        ("Goals and what was measured", goals::table(results)),
    ];
    for (title, table) in parts {
        if !table.is_empty() {
            // A String takes everything that is written to it.
            let _ = write!(text, "\n### {title}\n\n{table}\n");
        }
    }
    text
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!("## Measured {}\n\n", machine.started);
    let names: Vec<_> =
        results.contenders.iter().map(|one| format!("{}: {}", one.name, one.version)).collect();
    let loads = Spread::of(results.turns.iter().flat_map(|turn| &turn.cells).map(|cell| cell.load1));
    let facts = [
        format!("{} ({} processors, {})", machine.processor, machine.processors, mega(machine.memory_bytes)),
        format!("Linux {}, {}", machine.kernel, machine.disk),
        format!("one append and fdatasync of this disk: {}", disk(results)),
        names.join("; "),
        format!(
            "{} rounds in turn, {:.1} s per measurement, {}; {:.0} minutes in all",
            results.plan.rounds,
            results.plan.per_measurement.as_secs_f64(),
            if results.plan.is_apart { "an empty folder per workload" } else { "an empty folder per round" },
            results.seconds / 60.0
        ),
        format!("load average of the machine: {}", loads.map_or("?".to_owned(), |load| shown(load, 1))),
    ];
    for fact in facts {
        let _ = writeln!(text, "* {fact}");
    }
    if let Some(missing) = &results.missing {
        let _ = writeln!(text, "* Restate was not measured: {missing}");
    }
    text.push_str(
        "\nA value is the median of the rounds (lowest–highest). A ratio is the median of the ratios of the \
         rounds, and says how many times better the first one is.\n",
    );
    text
}

fn disk(results: &Results) -> String {
    let medians = results.disk.iter().map(|disk| f64::from(disk.latency.p50_us) / 1e3);
    Spread::of(medians).map_or("?".to_owned(), |spread| format!("{} ms (p50)", shown(spread, 2)))
}

fn throughput(results: &Results) -> comfy_table::Table {
    let mut table = table(&columns(
        results,
        &["workload", "callers"],
        &["calls/s", "p50 ms", "p99 ms"],
        &["times the calls/s", "times lower p99"],
    ));
    for (workload, callers) in rows(results) {
        let of = |better, value: fn(&Measured) -> f64| {
            results.compare(better, |one| {
                results.cells(one, workload.name(), callers).into_iter().map(value).collect()
            })
        };
        let calls = of(Better::More, Measured::done_per_second);
        let p50 = of(Better::Less, |cell| f64::from(cell.latency.p50_us) / 1e3);
        let p99 = of(Better::Less, |cell| f64::from(cell.latency.p99_us) / 1e3);
        let mut cells = vec![workload.name().to_owned(), callers.to_string()];
        cells.extend(both(results, &[(calls, 0), (p50, 2), (p99, 2)]));
        cells.extend(ratios(results, &[calls, p99]));
        table.add_row(cells);
    }
    table
}

fn costs(results: &Results) -> comfy_table::Table {
    let mut table = table(&columns(
        results,
        &["workload", "callers"],
        &["CPU us/call", "peak MB", "written/call", "client CPUs", "CPUs of others", "errors"],
        &["times less CPU", "times less memory"],
    ));
    for (workload, callers) in rows(results) {
        let of = |value: fn(&Measured) -> f64| {
            results.compare(Better::Less, |one| {
                results.cells(one, workload.name(), callers).into_iter().map(value).collect()
            })
        };
        let cpu = of(|cell| cell.server_cpu_us_per_call);
        let memory = of(|cell| cell.rss_peak_bytes as f64 / 1e6);
        let written = of(|cell| cell.written_bytes_per_call);
        let client = of(|cell| cell.client_cpus);
        let others = of(|cell| (cell.machine_cpus - cell.server_cpus - cell.client_cpus).max(0.0));
        let errors = of(|cell| cell.errors as f64);
        let mut cells = vec![workload.name().to_owned(), callers.to_string()];
        let shown = [(cpu, 0), (memory, 0), (written, 0), (client, 2), (others, 2), (errors, 0)];
        cells.extend(both(results, &shown));
        cells.extend(ratios(results, &[cpu, memory]));
        table.add_row(cells);
    }
    table
}

fn equal_load(results: &Results) -> comfy_table::Table {
    let mut table = table(&columns(
        results,
        &["workload", "calls/s"],
        &["p50 ms", "p99 ms", "p99.9 ms", "server CPUs", "errors"],
        &["times lower p99"],
    ));
    for workload in &results.plan.equal_loads {
        let of = |value: fn(&super::equal::Equal) -> f64| {
            results.compare(Better::Less, |one| {
                let fits = |equal: &&super::equal::Equal| {
                    equal.contender == one && equal.workload == workload.name()
                };
                results.equal.iter().filter(fits).map(value).collect()
            })
        };
        let Some(load) = of(|equal| equal.wanted_per_second).first else { continue };
        let p99 = of(|equal| f64::from(equal.latency.p99_us) / 1e3);
        let mut cells = vec![workload.name().to_owned(), shown(load, 0)];
        cells.extend(both(
            results,
            &[
                (of(|equal| f64::from(equal.latency.p50_us) / 1e3), 2),
                (p99, 2),
                (of(|equal| f64::from(equal.latency.p999_us) / 1e3), 2),
                (of(|equal| equal.server_cpus), 2),
                (of(|equal| equal.errors as f64), 0),
            ],
        ));
        cells.extend(ratios(results, &[p99]));
        table.add_row(cells);
    }
    table
}

fn single_values(results: &Results) -> comfy_table::Table {
    let mut table = table(&columns(results, &[""], &[""], &["times less"]));
    for (name, compared, digits) in singles(results) {
        if compared.first.is_some() {
            let mut cells = vec![name];
            cells.extend(both(results, &[(compared, digits)]));
            cells.extend(ratios(results, &[compared]));
            table.add_row(cells);
        }
    }
    table
}

/// Returns what there is once per turn, with the number of digits that are told.
fn singles(results: &Results) -> Vec<(String, Compared, usize)> {
    let of_turn = |value: fn(&super::turn::Turn) -> f64| {
        results.compare(Better::Less, |one| {
            results.turns.iter().filter(|turn| turn.contender == one).map(value).collect()
        })
    };
    let mut rows = vec![
        (
            "start on an empty folder until it is healthy, s".to_owned(),
            of_turn(|t| t.start.healthy_seconds),
            3,
        ),
        ("until a new handler has answered, s".to_owned(), of_turn(|t| t.start.first_call_seconds), 3),
        (
            "killed, started again, until a call is answered, s".to_owned(),
            of_turn(|t| t.restart.first_call_seconds),
            3,
        ),
        ("memory at rest, MB".to_owned(), of_turn(|t| t.idle_rss_bytes as f64 / 1e6), 1),
    ];
    let sleepers = results.plan.sleepers;
    rows.push((
        format!("{sleepers} sleepers: killed, all due, until all have ended, s"),
        resumed(results),
        2,
    ));
    let waiting = |value: fn(&super::waiting::Waiting) -> f64| {
        results.compare(Better::Less, |one| {
            results.waiting.iter().filter(|waiting| waiting.contender == one).map(value).collect()
        })
    };
    let (count, waited) = (results.plan.waiting, results.plan.waited.as_secs());
    rows.push((
        format!("memory per invocation, {count} wait since {waited} s, KB"),
        waiting(|waiting| waiting.bytes_per_invocation() / 1e3),
        2,
    ));
    rows.push(("memory with all of them, MB".to_owned(), waiting(|w| w.rss_waiting_bytes as f64 / 1e6), 1));
    for (workload, calls) in &results.plan.footprints {
        let of = |value: fn(&super::footprint::Footprint) -> f64| {
            results.compare(Better::Less, |one| {
                let fits = |found: &&super::footprint::Footprint| {
                    found.contender == one && found.workload == workload.name()
                };
                results.footprints.iter().filter(fits).map(value).collect()
            })
        };
        let name = workload.name();
        let kept = of(super::footprint::Footprint::kept_per_call);
        let written = of(super::footprint::Footprint::written_per_call);
        rows.push((format!("bytes on the disk per {name}, after {calls}"), kept, 0));
        rows.push((format!("bytes written to the disk per {name}"), written, 0));
    }
    rows
}

fn resumed(results: &Results) -> Compared {
    results.compare(Better::Less, |one| {
        let of_one = results.resumed.iter().filter(|resumed| resumed.contender == one);
        of_one.map(|resumed| resumed.all_ended_seconds).collect()
    })
}

fn groups(results: &Results) -> comfy_table::Table {
    let mut table = table(&[
        "",
        "workload",
        "callers",
        "calls/s",
        "p50 ms",
        "p99 ms",
        "syncs/call",
        "commits/sync",
        "log bytes/call",
        "CPU us/call",
        "client CPUs",
        "load",
    ]);
    for group in &results.groups {
        table.add_row([
            group.contender.to_owned(),
            group.workload.to_owned(),
            group.concurrency.to_string(),
            format!("{:.0}", group.calls_per_second),
            millis(group.latency.p50_us),
            millis(group.latency.p99_us),
            format!("{:.2}", group.syncs_per_call),
            format!("{:.1}", group.commits_per_sync),
            format!("{:.0}", group.log_bytes_per_call),
            format!("{:.0}", group.server_cpu_us_per_call),
            format!("{:.2}", group.client_cpus),
            format!("{:.1}", group.load1),
        ]);
    }
    table
}

fn rows(results: &Results) -> Vec<(Workload, usize)> {
    let callers = |workload: &Workload| {
        let workload = *workload;
        results.plan.concurrency.iter().map(move |callers| (workload, *callers))
    };
    results.plan.workloads.iter().flat_map(callers).collect()
}

/// Returns the names of columns: some first, each value of each contender, and ratios if there are two.
fn columns(results: &Results, first: &[&str], values: &[&str], ratios: &[&str]) -> Vec<String> {
    let mut columns: Vec<String> = first.iter().map(|name| (*name).to_owned()).collect();
    for value in values {
        let of = |one: &super::results::Entrant| format!("{} {value}", one.name).trim().to_owned();
        columns.extend(results.contenders.iter().map(of));
    }
    if results.contenders.len() > 1 {
        columns.extend(ratios.iter().map(|name| (*name).to_owned()));
    }
    columns
}

fn both(results: &Results, values: &[(Compared, usize)]) -> Vec<String> {
    let mut cells = Vec::new();
    for (compared, digits) in values {
        let of = [compared.first, compared.second];
        let of = of.iter().take(results.contenders.len());
        cells.extend(of.map(|spread| spread.map_or(String::new(), |spread| shown(spread, *digits))));
    }
    cells
}

fn ratios(results: &Results, values: &[Compared]) -> Vec<String> {
    let shown = |compared: &Compared| compared.ratio.map_or(String::new(), |ratio| shown(ratio, 2));
    if results.contenders.len() > 1 { values.iter().map(shown).collect() } else { Vec::new() }
}

/// The middle one, and in brackets the ends where they differ from it.
fn shown(spread: Spread, digits: usize) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(|value| format!("{value:.digits$}"));
    if min == max { median } else { format!("{median} ({min}–{max})") }
}
