//! Replay asks the same things in the same order, whatever happens in whichever order.

use crate::fake_host::{play, play_by_chance};
use crate::prelude::*;

const SEEDS: u64 = 500;

fn call(ctx: &Context, n: u32) -> crate::Call<u32> {
    ctx.call(Target::service("Work", "do"), &n)
}

/// Waits in every way there is, all at once and nested, and goes on after each wait.
async fn everything(ctx: &Context) -> String {
    let second = Duration::from_secs(1);
    let blocks = join_all((0..4_u32).map(|n| ctx.run(format!("block-{n}"), async move || Ok(n))));
    let ordered = stream::iter(0..5).map(|n| call(ctx, n)).buffered(2).collect::<Vec<_>>();
    let unordered = stream::iter(5..10).map(|n| call(ctx, n)).buffer_unordered(3).collect::<Vec<_>>();
    let raced = async {
        let first = race(ctx.signal::<u32>("go"), ctx.sleep(second)).await;
        let next = ctx.run(format!("after {first:?}"), async || Ok(1)).await;
        (first, next)
    };
    let chained = (0..4).map(|n| async move {
        let answer = ctx.awakeable::<u32>().await?;
        try_join!(call(ctx, answer), ctx.run(format!("chained-{n}"), async move || Ok(answer)))
    });
    let chained = chained.collect::<FuturesUnordered<_>>().collect::<Vec<_>>();
    let limited = ctx.timeout(second, try_join_all((10..13).map(|n| call(ctx, n))));
    let selected = async {
        let (first, index, rest) = select_all((13..16).map(|n| call(ctx, n))).await;
        (first, index, join_all(rest).await)
    };
    let all = join!(blocks, ordered, unordered, raced, chained, limited, selected);
    let last = ctx.run("last", async || Ok(1)).await;
    format!("{all:?} {last:?}")
}

/// Leaves out what only the first execution does.
fn asked(transcript: &str) -> Vec<&str> {
    let only_once = ["<- execute", "enter", "exit", "finish"];
    transcript.lines().filter(|line| !only_once.iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn every_journal_replays() {
    let mut cancellations = 0;
    for seed in 0..SEEDS {
        let (output, transcript, journal) = play_by_chance(seed, everything);
        let (replayed_output, replayed) = play(&journal, everything);
        assert_eq!(asked(&transcript), asked(&replayed), "seed {seed}");
        assert_eq!(output, replayed_output, "seed {seed}");
        cancellations += u32::from(journal.contains("cancelled"));
    }
    assert!(cancellations > 0);
}
