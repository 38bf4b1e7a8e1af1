//! What `ABIDE_FAULTS` asks for, and how far it has come.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Edge, SITES, Site, VARIABLE, disk, power};
use crate::disk::sim::Random;
use crate::options::Options;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// How long the index of a small store may loop over damage.
const STALL_MAX: Duration = Duration::from_secs(15);

/// What happens when the place is reached for the `nth` time.
#[derive(Debug)]
pub struct Rule {
    pub action: Action,
    pub site: Site,
    edge: Edge,
    nth: u64,
    seen: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Kill,
    Tear,
    Fail(io::ErrorKind),
    /// Each time, not only at the nth.
    Slow(Duration),
}

#[derive(Debug, Default)]
struct Plan {
    rules: Vec<Rule>,
    clock: Option<PathBuf>,
    free_bytes_max: Option<u64>,
    power: Option<power::Cut>,
    is_small: bool,
}

/// Returns the plan of this process. A plan that cannot be read is a mistake in a test, which should end there.
fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(text) => parse(&text).unwrap_or_else(|why| panic!("{VARIABLE}={text}: {why}")),
        Err(_) => Plan::default(),
    })
}

fn parse(text: &str) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for rule in text.split(',').filter(|rule| !rule.is_empty()) {
        let (what, rest) = rule.split_once(':').unwrap_or((rule, ""));
        match what {
            "small" => plan.is_small = true,
            "clock" => plan.clock = Some(rest.into()),
            "free" => {
                let bytes = rest.parse().map_err(|_| format!("{rest} is no number of bytes"))?;
                plan.free_bytes_max = Some(bytes);
            }
            "power" => {
                let (seed, operations) = numbered(rest)?;
                let seed = seed.parse().map_err(|_| format!("{seed} is no seed"))?;
                plan.power = Some(power::Cut { seed, operations });
            }
            _ => plan.rules.push(parse_rule(what, rest)?),
        }
    }
    Ok(plan)
}

fn parse_rule(what: &str, rest: &str) -> Result<Rule, String> {
    let (place, number) = numbered(rest)?;
    let (name, edge) = match place.rsplit_once('.') {
        Some((name, "before")) => (name, Edge::Before),
        Some((name, "after")) => (name, Edge::After),
        _ => (place, Edge::Before),
    };
    let site = SITES.iter().find(|(_, known)| *known == name).map(|(site, _)| *site);
    let site = site.ok_or_else(|| format!("there is no failpoint {name}"))?;
    let (action, nth) = match what {
        "kill" => (Action::Kill, number),
        "tear" => (Action::Tear, number),
        // What a disk says that cannot read or write has no name of its own among the kinds.
        "fail" => (Action::Fail(io::Error::from(rustix::io::Errno::IO).kind()), number),
        "full" => (Action::Fail(io::ErrorKind::StorageFull), number),
        "slow" => (Action::Slow(Duration::from_millis(number)), 1),
        _ => return Err(format!("{what} is no fault")),
    };
    match can(site, action) {
        true => Ok(Rule { action, site, edge, nth, seen: AtomicU64::new(0) }),
        false => Err(format!("{what} does nothing at {name}")),
    }
}

/// Says whether something happens there: a rule without effect would let a test pass that tests nothing.
fn can(site: Site, action: Action) -> bool {
    match action {
        Action::Kill => true,
        // The writes of the store, which go through its disk.
        Action::Tear => site.name().ends_with(".write") && site != Site::ComponentWrite,
        Action::Fail(_) | Action::Slow(_) => site.can_fail(),
    }
}

fn numbered(text: &str) -> Result<(&str, u64), String> {
    let (name, number) = text.split_once('#').ok_or_else(|| format!("{text} has no number"))?;
    Ok((name, number.parse().map_err(|_| format!("{number} is no number"))?))
}

impl Rule {
    /// Counts the visit and says whether it is the one.
    fn is_due(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        matches!(self.action, Action::Slow(_)) || seen == self.nth
    }
}

/// Ends the process when the plan says so.
pub fn reach(site: Site, edge: Edge) {
    for rule in &plan().rules {
        if rule.action == Action::Kill && rule.site == site && rule.edge == edge && rule.is_due() {
            let edge = if edge == Edge::Before { "before" } else { "after" };
            die(&format!("killed at {}.{edge}", site.name()));
        }
    }
}

/// Returns what the disk does instead of an operation, if the plan says so.
pub fn instead(site: Site) -> Option<Action> {
    let is_meant = |rule: &&Rule| rule.action != Action::Kill && rule.site == site;
    plan().rules.iter().filter(is_meant).find(|rule| rule.is_due()).map(|rule| rule.action)
}

/// Fails an operation with a file, or delays it, when the plan says so.
pub fn hinder(site: Site) -> io::Result<()> {
    match instead(site) {
        Some(Action::Fail(kind)) => Err(error(kind, site)),
        Some(Action::Slow(pause)) => {
            std::thread::sleep(pause);
            Ok(())
        }
        Some(Action::Kill | Action::Tear) | None => Ok(()),
    }
}

/// Returns the error of an operation. Whatever becomes of it, a note says that it came to that.
pub fn error(kind: io::ErrorKind, site: Site) -> io::Error {
    let _ = writeln!(io::stderr(), "{VARIABLE}: failed {}", site.name());
    io::Error::new(kind, format!("planned for {}", site.name()))
}

pub fn free_bytes_max() -> u64 {
    plan().free_bytes_max.unwrap_or(u64::MAX)
}

/// A source of numbers for what is torn: the same plan gives the same sectors.
pub fn random() -> Random {
    let of_rule = |rule: &Rule| rule.nth.wrapping_mul(31) ^ rule.site as u64;
    Random::new(plan().rules.iter().map(of_rule).fold(0, |all, one| all ^ one))
}

/// Ends the process as `kill -9` does: nothing is flushed, nobody is told.
pub fn die(why: &str) -> ! {
    let _ = writeln!(io::stderr(), "{VARIABLE}: {why}");
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

pub fn clock_offset_ms() -> i64 {
    let Some(file) = &plan().clock else { return 0 };
    std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

pub fn applied(mut options: Options, dir: &Path) -> Options {
    let plan = plan();
    if plan.is_small {
        // A batch has up to 128 rows of small values, and what one command adds.
        options.segment_bytes = MIB;
        options.batch_bytes_max = 500 * KIB;
        options.inline_value_bytes_max = KIB;
        options.snapshot_log_bytes_min = MIB;
        options.reopen_bytes = MIB;
        options.reopen_bytes_max = MIB;
        options.index_stall_max = STALL_MAX;
    }
    if let Some(cut) = &plan.power {
        options = power::applied(options, dir, *cut);
    }
    if !plan.rules.is_empty() || plan.free_bytes_max.is_some() {
        options.disk = disk::wrapped(options.disk);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_happens_where() {
        let plan =
            parse("small,kill:log.sync.after#3,full:spare.write#1,slow:log.sync#100,power:7#50,free:9")
                .unwrap();
        assert!(plan.is_small && plan.rules.len() == 3 && plan.power.is_some());
        assert_eq!(plan.free_bytes_max, Some(9));
        let kill = &plan.rules[0];
        assert_eq!((kill.action, kill.site, kill.edge), (Action::Kill, Site::LogSync, Edge::After));
        assert_eq!([kill.is_due(), kill.is_due(), kill.is_due(), kill.is_due()], [false, false, true, false]);
        let slow = &plan.rules[2];
        assert!(slow.is_due() && slow.is_due());
    }

    #[test]
    fn mistakes_in_a_plan_are_named() {
        for (text, part) in [
            ("kill:log.sink.before#1", "log.sink"),
            ("kill:log.sync.before", "no number"),
            ("burn:log.sync#1", "burn"),
            ("power:x#1", "no seed"),
            ("free:much", "no number"),
            ("fail:commit#1", "does nothing at commit"),
            ("full:index.flush#1", "does nothing at index.flush"),
            ("fail:index.apply#1", "does nothing at index.apply"),
            ("slow:run#5", "does nothing at run"),
            ("tear:log.sync#1", "does nothing at log.sync"),
            ("tear:component.write#1", "does nothing at component.write"),
        ] {
            let why = parse(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn every_read_can_fail_and_be_slow() {
        let reads = SITES.iter().filter(|(site, _)| site.is_read()).map(|(_, name)| *name);
        let reads: Vec<_> = reads.collect();
        assert_eq!(reads, ["log.read", "blob.read", "snapshot.read", "index.read"]);
        for name in reads {
            let plan = parse(&format!("fail:{name}#7,slow:{name}#2")).unwrap();
            let [fail, slow] = &plan.rules[..] else { panic!("{plan:?}") };
            let Action::Fail(kind) = fail.action else { panic!("{fail:?}") };
            assert_eq!(kind, io::Error::from(rustix::io::Errno::IO).kind());
            assert_eq!(slow.action, Action::Slow(Duration::from_millis(2)));
        }
    }
}
