//! Waiting for other invocations, and ending them.

use expect_test::expect;

use crate::fake_host::{check, play};
use crate::prelude::*;

#[test]
fn answer_of_an_invocation_is_awaited() {
    check(
        "value 0 5
         failure 1 404 no such invocation",
        async |ctx| {
            let handle = ctx.invocation("inv_7");
            (handle.attach::<u32>().await, handle.attach::<u32>().await.map_err(|error| error.code()))
        },
        expect![[r#"
            0: attach inv_7
            <- value 0 5
            1: attach inv_7
            <- failure 1 404 no such invocation
            => (Ok(5), Err(404))
        "#]],
    );
}

#[test]
fn who_waits_again_and_again_is_one_listener_and_asks_anew_after_an_answer() {
    check(
        "empty 1
         empty 2
         failure 0 404 no such invocation
         empty 3
         value 4 5",
        async |ctx| {
            let handle = ctx.invocation("inv_7");
            let wait = || ctx.timeout(Duration::from_secs(60), handle.attach::<u32>());
            let looks = (wait().await?, wait().await?);
            // The answer comes while nobody waits for it.
            ctx.sleep(Duration::from_secs(60)).await?;
            Ok::<_, TerminalError>((looks, wait().await?))
        },
        expect![[r#"
            0: attach inv_7
            1: sleep 60000 (timeout)
            <- empty 1
            2: sleep 60000 (timeout)
            <- empty 2
            3: sleep 60000
            <- failure 0 404 no such invocation
            <- empty 3
            4: attach inv_7
            5: sleep 60000 (timeout)
            <- value 4 5
            forget 5
            => Ok(((None, None), Some(Ok(5))))
        "#]],
    );
}

#[test]
fn sent_invocation_can_be_awaited_cancelled_and_killed() {
    check(
        "value 1 5",
        async |ctx| {
            let handle = ctx.call::<()>(Target::service("Slow", "work"), &()).send();
            handle.cancel()?;
            handle.kill()?;
            handle.attach::<u32>().await
        },
        expect![[r#"
            0: send Slow/work []
            cancel inv_1_0
            kill inv_1_0
            1: attach inv_1_0
            <- value 1 5
            => Ok(5)
        "#]],
    );
}

#[test]
fn text_that_is_not_an_id_fails_at_once() {
    check(
        "",
        async |ctx| {
            let handle = ctx.invocation("nonsense");
            let attached = handle.attach::<()>().await;
            [attached, handle.cancel(), handle.kill()].map(|result| result.unwrap_err().code())
        },
        expect![[r#"
            => [400, 400, 400]
        "#]],
    );
}

#[test]
#[should_panic(expected = "invocation inv_7 was cancelled inside the run block \"outer\"")]
fn cancelling_inside_a_block_is_explained() {
    let handler =
        async |ctx: &Context| ctx.run("outer", async || Ok(ctx.invocation("inv_7").cancel()?)).await;
    play("execute 0", handler).0.unwrap();
}
