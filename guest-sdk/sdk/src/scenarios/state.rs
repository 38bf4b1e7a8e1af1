//! Reading and changing the state of objects and workflows.

use expect_test::expect;

use crate::fake_host::{check, check_keyed, play_keyed};
use crate::prelude::*;

#[test]
fn first_read_asks_and_later_ones_know() {
    check_keyed(
        "value 0 3",
        async |ctx: &ObjectContext| {
            let count = ctx.get::<u32>("count").await?.unwrap_or(0);
            ctx.set("count", &(count + 1));
            HandlerResult::Ok((ctx.key().to_owned(), ctx.get::<u32>("count").await?))
        },
        expect![[r#"
            0: get count
            <- value 0 3
            set count 4
            => Ok(("ann", Some(4)))
        "#]],
    );
}

#[test]
fn no_value_is_none() {
    check_keyed(
        "empty 0",
        async |ctx: &SharedObjectContext| ctx.get::<String>("owner").await,
        expect![[r#"
            0: get owner
            <- empty 0
            => Ok(None)
        "#]],
    );
}

#[test]
fn cleared_values_are_gone() {
    check_keyed(
        "names 0 count owner",
        async |ctx: &WorkflowContext| {
            let names = ctx.state_keys().await?;
            ctx.set("count", &1);
            ctx.clear("count");
            let count = ctx.get::<u32>("count").await?;
            ctx.set("owner", "ann");
            ctx.clear_all();
            HandlerResult::Ok((names, count, ctx.get::<String>("owner").await?))
        },
        expect![[r#"
            0: keys
            <- names 0 count owner
            set count 1
            clear count
            set owner "ann"
            clear all
            => Ok((["count", "owner"], None, None))
        "#]],
    );
}

#[test]
fn bytes_are_stored_as_they_are() {
    check_keyed(
        "",
        async |ctx: &ObjectContext| {
            ctx.set("photo", &Bytes(b"raw".to_vec()));
            ctx.get::<Bytes>("photo").await
        },
        expect![[r#"
            set photo raw
            => Ok(Some(Bytes([114, 97, 119])))
        "#]],
    );
}

#[test]
fn borrowed_values_can_be_set() {
    check_keyed(
        "",
        async |ctx: &ObjectContext| {
            let name = ctx.key().to_owned();
            ctx.set("pair", &(name.as_str(), 3));
        },
        expect![[r#"
            set pair ["ann",3]
            => ()
        "#]],
    );
}

#[test]
fn several_values_are_read_at_once() {
    check_keyed(
        "empty 1
         value 0 1",
        async |ctx: &SharedWorkflowContext| join!(ctx.get::<u32>("a"), ctx.get::<u32>("b")),
        expect![[r#"
            0: get a
            1: get b
            <- empty 1
            <- value 0 1
            => (Ok(Some(1)), Ok(None))
        "#]],
    );
}

#[test]
#[should_panic(expected = "the state \"count\" is \"three\", which is not a u32: invalid type")]
fn value_of_another_type_ends_the_attempt() {
    let _ = play_keyed("value 0 \"three\"", async |ctx: &ObjectContext| ctx.get::<u32>("count").await);
}

#[test]
#[should_panic(expected = "the state \"map\" does not serialize: key must be a string")]
fn value_that_does_not_serialize_is_explained() {
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    play_keyed("", async |ctx: &ObjectContext| ctx.set("map", &map));
}

#[test]
#[should_panic(expected = "ctx.set(\"count\") was called inside the run block \"outer\"")]
fn change_inside_a_block_is_explained() {
    let handler = async |ctx: &ObjectContext| {
        ctx.run("outer", async || {
            ctx.set("count", &1);
            Ok(())
        })
        .await
    };
    play_keyed("execute 0", handler).0.unwrap();
}

#[test]
fn every_context_does_what_a_service_can() {
    check(
        "empty 0",
        async |ctx| ctx.clone().sleep(Duration::from_secs(1)).await,
        expect![[r#"
            0: sleep 1000
            <- empty 0
            => Ok(())
        "#]],
    );
    check_keyed(
        "empty 0",
        async |ctx: &WorkflowContext| ctx.clone().sleep(Duration::from_secs(1)).await,
        expect![[r#"
            0: sleep 1000
            <- empty 0
            => Ok(())
        "#]],
    );
}
