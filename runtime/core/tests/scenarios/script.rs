//! Runs a script against the core and tells what happened, line by line.
//!
//! | line                          | meaning                                                      |
//! |-------------------------------|--------------------------------------------------------------|
//! | `partitions 3`                | first line: so many instead of two                           |
//! | `submit a obj/k/add [at 500] [key i] [awaited] [depth 99]` | the outside submits; somebody awaits the answer and hears nothing else, or so many calls do |
//! | `append a: run pay; done 0 ok`| the guest asked for entries (`asks.rs` lists them), finished (`done`, `bad`) or failed (`retry`) run blocks |
//! | `return a 42`, `fail a 404 no`, `crash a boom [after 50]`, `lost a`, `stopped a`, `put-off a`, `mismatch a` | an attempt ends |
//! | `suspend a 0,1 seen 2`, `awaits-retry a 0 seen 2 [until 7]` | an attempt waits for these operations, or for `any` |
//! | `pause a`, `resume a [on 2]`, `repin a 2`, `cancel a`, `kill a`, `purge a` | a person wants it; 2 is a deployment |
//! | `edit obj/k [seen] [unseen] [forced] [run F]: a=1` | a person replaces a state, as seen now or not |
//! | `restart b of a [keep 2] [on 2]`, `purge-journal a` | a completed one is done once more; its journal goes |
//! | `look a`                      | somebody looks whether it is there                           |
//! | `resolve a.1 ok [born 2]`, `signal a go [409]` | somebody completes an awakeable, perhaps by the id of an earlier life, or sends a signal |
//! | `advance 100`                 | time passes; timers that are due fire, the earliest first; `1d` is a day |
//! | `clock 50`                    | the clock jumps; nothing fires                               |
//! | `fire a sleep 0`              | the shell says that this armed timer is due, early or again   |
//! | `receive 0>1 #1`              | partition 1 gets message 1 of partition 0                    |
//! | `ack 1>0 #1`                  | partition 0 hears that partition 1 has applied up to 1        |
//! | `exchange`                    | partitions send and acknowledge until nothing is under way    |
//! | `deploy obj as service`, `deploy obj shared`, `undeploy obj` | other code, or none, for a service |
//! | `upload 2: svc; obj shared`   | the deployment 2 offers these; the services stay on deployment 1 |
//! | `show a`, `show obj/k@1`, `show rows`, `show phases` | prints the journal of an invocation, an object, what is stored of all, and who is where |
//! | `(submit a svc/h)`            | done, but not told                                           |
//!
//! A name is an invocation; `b@1` is one of partition 1, and one in capitals has a computed id, as a
//! workflow or an idempotency key gives it. `a#1` speaks for attempt 1 instead of the current one,
//! `append a from 0: ...` for another place in the journal, `append a run W: ...` for a guest of the
//! workflow whose run is `W`. A value in brackets is a failure with that
//! code, `32MiB` is a value that is so large. Effects that wait for the disk are printed with a `!`.
//!
//! After each line `rules.rs` looks at all that is stored.

use crate::world::World;
use crate::{parse, print, rules, show};
use expect_test::Expect;
use std::fmt::Write;

/// Runs the script and compares its story.
pub fn check(script: &str, story: Expect) {
    story.assert_eq(&tell(script));
}

/// Runs the script on one, two and three partitions, which exchange their messages after each line,
/// and compares what becomes of the invocations: it must not depend on who owns them.
pub fn check_anywhere(script: &str, story: Expect) {
    let outlines = [1, 2, 3].map(|partitions| outline(script, partitions));
    assert_eq!(outlines[0], outlines[1], "on one partition and on two");
    assert_eq!(outlines[0], outlines[2], "on one partition and on three");
    story.assert_eq(&outlines[0]);
}

fn lines(script: &str) -> impl Iterator<Item = &str> {
    script.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn tell(script: &str) -> String {
    let mut world = World::new(2);
    let mut story = String::new();
    for line in lines(script) {
        if let Some(quiet) = line.strip_prefix('(').and_then(|line| line.strip_suffix(')')) {
            parse::run(&mut world, quiet);
            rules::check(&world);
            continue;
        }
        writeln!(story, "> {line}").unwrap();
        let before = world.phases();
        for effect in parse::run(&mut world, line) {
            let mark = print::mark(&effect);
            writeln!(story, "{mark}{}", print::effect(&world, &effect)).unwrap();
        }
        story.push_str(&changes(&world, &before));
        story.push_str(&show::run(&world, line));
        rules::check(&world);
    }
    story
}

fn outline(script: &str, partitions: usize) -> String {
    let mut world = World::new(partitions);
    let mut story = String::new();
    for line in lines(script) {
        writeln!(story, "> {line}").unwrap();
        let before = world.phases();
        parse::run(&mut world, line);
        parse::run(&mut world, "exchange");
        story.push_str(&changes(&world, &before));
        story.push_str(&show::run(&world, line));
        rules::check(&world);
    }
    story
}

/// Tells which invocations are in another phase than before, or gone.
fn changes(world: &World, before: &crate::world::Phases) -> String {
    let now = world.phases();
    let mut text = String::new();
    for (id, phase) in &now {
        if before.get(id) != Some(phase) {
            writeln!(text, "  = {}: {phase}", world.name(*id)).unwrap();
        }
    }
    for id in before.keys().filter(|id| !now.contains_key(id)) {
        writeln!(text, "  = {}: gone", world.name(*id)).unwrap();
    }
    text
}
