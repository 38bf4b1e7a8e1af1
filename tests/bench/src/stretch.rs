//! Very many calls, looked at one stretch after the other: does what comes last go as what came first?

use crate::calls::{self, Calls};
use crate::folder::Sizes;
use crate::latency::Quantiles;
use crate::process;
use crate::report::mega;
use crate::sample::{Most, Sampler};
use crate::server::Server;
use serde::Serialize;
use std::time::Instant;

/// Stretches of a run when nothing else is asked for.
const STRETCHES: u64 = 20;

/// Some of the calls, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Stretch {
    /// Including those before.
    pub invocations: u64,
    pub seconds: f64,
    pub invocations_per_second: f64,
    pub latency: Quantiles,
    /// What the server computes for one invocation: least disturbed by others on the machine.
    pub server_cpu_us_per_invocation: f64,
    pub most: Most,
    pub load1: f64,
}

/// Several stretches together.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Part {
    pub seconds: f64,
    pub invocations_per_second: f64,
    pub p99_us: u32,
    pub server_cpu_us_per_invocation: f64,
    pub most: Most,
}

/// So many calls from so many callers, in stretches of `every`.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub count: u64,
    pub every: Option<u64>,
    pub connections: usize,
}

/// Makes the calls, and prints a line after each stretch.
pub async fn run(
    server: &Server,
    sampler: &Sampler,
    calls: impl Calls,
    plan: Plan,
) -> anyhow::Result<Vec<Stretch>> {
    let every = plan.every.unwrap_or(plan.count.div_ceil(STRETCHES)).max(1);
    let (mut stretches, mut invocations): (Vec<Stretch>, u64) = (Vec::new(), 0);
    for first in (0..plan.count).step_by(usize::try_from(every)?) {
        let which = first..(first + every).min(plan.count);
        let (load1, cpu_before) = (process::load1(), server.process().usage().cpu_seconds);
        sampler.take();
        let started = Instant::now();
        let latencies = calls::make(server.ingress, calls, which.clone(), plan.connections).await?;
        let seconds = started.elapsed().as_secs_f64();
        let cpu_seconds = server.process().usage().cpu_seconds - cpu_before;
        let made: u64 = which.map(|nth| calls.invocations(nth)).sum();
        invocations += made;
        let stretch = Stretch {
            invocations,
            seconds,
            invocations_per_second: made as f64 / seconds,
            latency: latencies.quantiles(),
            server_cpu_us_per_invocation: cpu_seconds * 1e6 / made.max(1) as f64,
            most: sampler.take(),
            load1,
        };
        tell(&stretch);
        stretches.push(stretch);
    }
    Ok(stretches)
}

fn tell(stretch: &Stretch) {
    let Sizes { log_bytes, index_bytes, blobs_bytes, snapshots_bytes, .. } = stretch.most.folder;
    eprintln!(
        "{:>9}: {:6.0}/s, p99 {:6.1} ms, {:4.0} us of CPU each; log {}, index {}, blobs {}, snapshots {}; memory {}",
        stretch.invocations,
        stretch.invocations_per_second,
        f64::from(stretch.latency.p99_us) / 1e3,
        stretch.server_cpu_us_per_invocation,
        mega(log_bytes),
        mega(index_bytes),
        mega(blobs_bytes),
        mega(snapshots_bytes),
        mega(stretch.most.rss_bytes),
    );
}

impl Part {
    /// Returns the first and the last quarter of the stretches.
    pub fn quarters(stretches: &[Stretch]) -> (Self, Self) {
        let quarter = quarter(stretches);
        (Self::of(&stretches[..quarter]), Self::of(&stretches[stretches.len() - quarter..]))
    }

    /// Returns the first and the last stretches that together took so long, but no more than a quarter.
    pub fn ends(stretches: &[Stretch], seconds: f64) -> (Self, Self) {
        let first = within(stretches.iter(), seconds).min(quarter(stretches));
        let last = within(stretches.iter().rev(), seconds).min(quarter(stretches));
        (Self::of(&stretches[..first]), Self::of(&stretches[stretches.len() - last..]))
    }

    fn of(stretches: &[Stretch]) -> Self {
        let mean = |value: fn(&Stretch) -> f64| {
            stretches.iter().map(value).sum::<f64>() / stretches.len().max(1) as f64
        };
        Self {
            seconds: stretches.iter().map(|stretch| stretch.seconds).sum(),
            invocations_per_second: mean(|stretch| stretch.invocations_per_second),
            p99_us: mean(|stretch| f64::from(stretch.latency.p99_us)) as u32,
            server_cpu_us_per_invocation: mean(|stretch| stretch.server_cpu_us_per_invocation),
            most: stretches.iter().map(|stretch| stretch.most).reduce(Most::and).unwrap_or_default(),
        }
    }

    fn cells(&self) -> Vec<(&'static str, f64)> {
        let (folder, mega) = (&self.most.folder, |bytes: u64| bytes as f64 / 1e6);
        vec![
            ("seconds", self.seconds),
            ("invocations/s", self.invocations_per_second),
            ("p99 ms", f64::from(self.p99_us) / 1e3),
            ("CPU us/invocation", self.server_cpu_us_per_invocation),
            ("folder, most MB", mega(self.most.total_bytes)),
            ("log, most MB", mega(folder.log_bytes)),
            ("index, most MB", mega(folder.index_bytes)),
            ("blobs, most MB", mega(folder.blobs_bytes)),
            ("snapshots, most MB", mega(folder.snapshots_bytes)),
            ("server memory, most MB", mega(self.most.rss_bytes)),
        ]
    }

    /// Returns the rows of a verdict: a name, the one, the other, and how they compare.
    pub fn verdict(first: &Self, last: &Self) -> Vec<[String; 4]> {
        let both = first.cells().into_iter().zip(last.cells());
        both.map(|((name, first), (_, last))| {
            let ratio = if first > 0.0 { format!("{:.2}", last / first) } else { String::new() };
            [name.to_owned(), format!("{first:.1}"), format!("{last:.1}"), ratio]
        })
        .collect()
    }
}

fn quarter(stretches: &[Stretch]) -> usize {
    (stretches.len() / 4).max(1).min(stretches.len())
}

/// Returns how many of these stretches it takes to fill the time.
fn within<'a>(stretches: impl Iterator<Item = &'a Stretch>, seconds: f64) -> usize {
    let mut left = seconds;
    let full = stretches.take_while(|stretch| {
        let is_open = left > 0.0;
        left -= stretch.seconds;
        is_open
    });
    full.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(seconds: &[f64]) -> Vec<Stretch> {
        let stretch = |(nth, seconds): (usize, &f64)| Stretch {
            invocations: nth as u64,
            seconds: *seconds,
            invocations_per_second: nth as f64,
            latency: Quantiles::default(),
            server_cpu_us_per_invocation: 0.0,
            most: Most::default(),
            load1: 0.0,
        };
        seconds.iter().enumerate().map(stretch).collect()
    }

    #[test]
    fn ends_fill_their_time_and_leave_half_between_them() {
        let (first, last) = Part::ends(&stretches(&[10.0; 20]), 30.0);
        assert_eq!((first.seconds, first.invocations_per_second), (30.0, 1.0));
        assert_eq!((last.seconds, last.invocations_per_second), (30.0, 18.0));
        let (first, last) = Part::ends(&stretches(&[10.0; 20]), 600.0);
        assert_eq!((first.seconds, last.seconds), (50.0, 50.0));
    }

    #[test]
    fn of_one_and_of_none() {
        let (first, last) = Part::quarters(&stretches(&[7.0]));
        assert_eq!((first.seconds, last.seconds), (7.0, 7.0));
        let (first, last) = Part::ends(&stretches(&[]), 60.0);
        assert_eq!((first.seconds, last.seconds), (0.0, 0.0));
    }
}
