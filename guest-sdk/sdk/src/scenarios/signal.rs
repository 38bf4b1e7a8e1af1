//! Signals: received by name, sent by id.

use expect_test::expect;

use crate::fake_host::check;
use crate::prelude::*;

#[test]
fn signals_are_received_one_after_the_other() {
    check(
        "value 0 \"a\"
         value 1 \"b\"
         value 2 null",
        async |ctx| {
            let mut lines = Vec::new();
            while let Some(line) = ctx.signal::<Option<String>>("line").await? {
                lines.push(line);
            }
            HandlerResult::Ok(lines)
        },
        expect![[r#"
            0: signal line
            <- value 0 "a"
            1: signal line
            <- value 1 "b"
            2: signal line
            <- value 2 null
            => Ok(["a", "b"])
        "#]],
    );
}

#[test]
fn signal_of_another_type_is_a_terminal_error() {
    check(
        "value 0 7",
        async |ctx| ctx.signal::<bool>("approve").await.map_err(|error| error.to_string()),
        expect![[r#"
            0: signal approve
            <- value 0 7
            => Err("signal \"approve\" is 7, which is not a bool: invalid type: integer `7`, expected a boolean at line 1 column 1")
        "#]],
    );
}

#[test]
fn signals_are_sent_to_other_invocations() {
    check(
        "",
        async |ctx| {
            let other = ctx.invocation("inv_7");
            other.signal("line", "once upon a time")?;
            other.reject_signal("line", "no more ink")?;
            ctx.invocation("nonsense").signal("line", &1)
        },
        expect![[r#"
            signal inv_7 line "once upon a time"
            signal inv_7 line failure 500 no more ink
            => Err(TerminalError { code: 400, message: "this is not an id", metadata: {} })
        "#]],
    );
}

#[test]
fn future_that_is_dropped_leaves_its_signal_to_the_next() {
    check(
        "empty 1
         value 0 \"late\"
         empty 2
         value 3 \"next\"",
        async |ctx| {
            let early = ctx.timeout(Duration::from_secs(1), ctx.signal::<String>("line")).await?;
            ctx.sleep(Duration::from_secs(2)).await?;
            let late = ctx.signal::<String>("line").await?;
            let next = ctx.signal::<String>("line").await?;
            Ok::<_, TerminalError>((early.is_none(), late, next))
        },
        expect![[r#"
            0: signal line
            1: sleep 1000 (timeout)
            <- empty 1
            2: sleep 2000
            <- value 0 "late"
            <- empty 2
            3: signal line
            <- value 3 "next"
            => Ok((true, "late", "next"))
        "#]],
    );
}

#[test]
fn future_that_is_dropped_leaves_its_signal_to_one_that_waits_already() {
    check(
        "empty 1
         value 0 \"first\"
         value 2 \"second\"",
        async |ctx| {
            let impatient = ctx.timeout(Duration::from_secs(1), ctx.signal::<String>("line"));
            let (impatient, patient) = join!(impatient, ctx.signal::<String>("line"));
            let next = ctx.signal::<String>("line").await?;
            Ok::<_, TerminalError>((impatient?.is_none(), patient?, next))
        },
        expect![[r#"
            0: signal line
            1: sleep 1000 (timeout)
            2: signal line
            <- empty 1
            <- value 0 "first"
            <- value 2 "second"
            => Ok((true, "first", "second"))
        "#]],
    );
}

#[test]
fn cancellation_ends_all_that_wait_and_none_that_come_later() {
    check(
        "cancelled
         value 2 \"after\"",
        async |ctx| {
            let (one, other) = join!(ctx.signal::<String>("line"), ctx.signal::<String>("line"));
            let after = ctx.signal::<String>("line").await?;
            Ok::<_, TerminalError>((one.is_err(), other.is_err(), after))
        },
        expect![[r#"
            0: signal line
            1: signal line
            <- cancelled
            forget 0
            forget 1
            2: signal line
            <- value 2 "after"
            => Ok((true, true, "after"))
        "#]],
    );
}

#[test]
fn cancellation_ends_what_was_left() {
    check(
        "empty 1
         cancelled
         value 3 \"after\"",
        async |ctx| {
            let early = ctx.timeout(Duration::from_secs(1), ctx.signal::<String>("line")).await?;
            let slept = ctx.sleep(Duration::from_secs(2)).await;
            let after = ctx.signal::<String>("line").await?;
            Ok::<_, TerminalError>((early.is_none(), slept.is_err(), after))
        },
        expect![[r#"
            0: signal line
            1: sleep 1000 (timeout)
            <- empty 1
            2: sleep 2000
            <- cancelled
            forget 0
            forget 2
            3: signal line
            <- value 3 "after"
            => Ok((true, true, "after"))
        "#]],
    );
}
