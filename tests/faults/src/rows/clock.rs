//! A clock that is set forward and back while the server runs, and between its lives.

use super::Extent;
use crate::life::{End, Lives};
use std::time::Duration;

const STEP_MAX_MS: u64 = 900_000;
const LIFE: Duration = Duration::from_millis(700);

/// Timers end when the clock says so, also if it was set meanwhile; what is asked for while it is behind does not wait
/// until it is right again.
pub fn jumps(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut highest = 0;
    for round in 0..extent.of(2, 40) {
        if lives.begin("") == End::Died {
            wrong.push(format!("the server does not start with a clock that is {} ms ahead", lives.clock()));
            continue;
        }
        // The first is back: nothing then explains a timer that ends early, the long ones included.
        for is_back in [true, lives.rng.coin(), lives.rng.coin()] {
            lives.go_on(LIFE);
            let step = i64::try_from(lives.rng.below(STEP_MAX_MS)).expect("steps are short");
            lives.set_clock(lives.clock() + if is_back { -step } else { step });
            highest = highest.max(lives.clock());
        }
        wrong.extend(still_works(lives, round).err());
        lives.go_on(LIFE);
        lives.kill();
    }
    // What was to end at a time that never came again ends now.
    lives.set_clock(highest);
    wrong
}

/// A timer of half a second does not wait for a clock that was set back.
fn still_works(lives: &Lives<'_>, round: u64) -> Result<(), String> {
    let request = lives.server().ingress().request("POST", "/restate/call/Probe/sleep");
    let began = std::time::Instant::now();
    let reply = request.json(r#"{"ms":500}"#).timeout(Duration::from_secs(20)).try_send();
    match reply {
        Ok(reply) if reply.status == 200 => Ok(()),
        other => Err(format!("round {round}: half a second took {:?}: {other:?}", began.elapsed())),
    }
}
