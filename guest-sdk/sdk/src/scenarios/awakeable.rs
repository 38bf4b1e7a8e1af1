//! Awakeables: created at once, completed from outside.

use expect_test::expect;

use crate::fake_host::{check, play};
use crate::prelude::*;

#[test]
fn id_is_there_before_anybody_waits() {
    check(
        "value 1 null
         value 0 \"ann\"",
        async |ctx| {
            let signed = ctx.awakeable_named::<String>("signature");
            ctx.run(format!("mail {}", signed.id()), async || Ok(())).await?;
            signed.await
        },
        expect![[r#"
            0: awakeable (signature)
            1: run mail awk_0
            <- value 1 null
            <- value 0 "ann"
            => Ok("ann")
        "#]],
    );
}

#[test]
fn value_that_comes_early_waits() {
    check(
        "value 0 1
         empty 1",
        async |ctx| {
            let awakeable = ctx.awakeable::<u32>();
            ctx.sleep(Duration::from_secs(1)).await?;
            awakeable.await
        },
        expect![[r#"
            0: awakeable
            1: sleep 1000
            <- value 0 1
            <- empty 1
            => Ok(1)
        "#]],
    );
}

#[test]
fn rejection_is_a_terminal_error() {
    check(
        "failure 0 500 not at home",
        async |ctx| ctx.awakeable::<u32>().await,
        expect![[r#"
        0: awakeable
        <- failure 0 500 not at home
        => Err(TerminalError { code: 500, message: "not at home", metadata: {} })
    "#]],
    );
}

#[test]
fn value_of_another_type_is_a_terminal_error() {
    check(
        "value 0 \"five\"
         empty 1",
        async |ctx| {
            let text = ctx.awakeable_named::<u32>("age").await.map_err(|error| error.to_string());
            let nothing = ctx.awakeable::<u32>().await.map_err(|error| error.to_string());
            (text, nothing)
        },
        expect![[r#"
            0: awakeable (age)
            <- value 0 "five"
            1: awakeable
            <- empty 1
            => (Err("the value of awakeable age is \"five\", which is not a u32: invalid type: string \"five\", expected u32 at line 1 column 6"), Err("the value of awakeable awk_1 is empty, which is not a u32: invalid type: null, expected u32 at line 1 column 4"))
        "#]],
    );
}

#[test]
fn nothing_is_a_unit_and_none() {
    check(
        "empty 0
         value 1 ",
        async |ctx| (ctx.awakeable::<()>().await, ctx.awakeable::<Option<u32>>().await),
        expect![[r#"
            0: awakeable
            <- empty 0
            1: awakeable
            <- value 1
            => (Ok(()), Ok(None))
        "#]],
    );
}

#[test]
fn awakeable_that_is_given_up_is_forgotten() {
    check(
        "empty 1",
        async |ctx| ctx.timeout(Duration::from_secs(5), ctx.awakeable::<u32>()).await,
        expect![[r#"
            0: awakeable
            1: sleep 5000 (timeout)
            <- empty 1
            forget 0
            => Ok(None)
        "#]],
    );
}

#[test]
fn awakeables_of_others_are_completed() {
    check(
        "",
        async |ctx| {
            ctx.resolve_awakeable("awk_1", "ann")?;
            ctx.resolve_awakeable("awk_2", &())?;
            ctx.reject_awakeable("awk_3", "not at home")?;
            ctx.resolve_awakeable("nonsense", &1)
        },
        expect![[r#"
            complete awk_1 "ann"
            complete awk_2 null
            complete awk_3 failure 500 not at home
            => Err(TerminalError { code: 400, message: "this is not an id", metadata: {} })
        "#]],
    );
}

#[test]
#[should_panic(expected = "an awakeable was created inside the run block \"outer\"")]
fn awakeable_inside_a_block_is_explained() {
    let handler =
        async |ctx: &Context| ctx.run("outer", async || Ok(ctx.awakeable::<u32>().id().to_owned())).await;
    play("execute 0", handler).0.unwrap();
}
