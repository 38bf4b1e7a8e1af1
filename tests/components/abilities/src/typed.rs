//! Values of several types in a state, and calls through the typed clients.

use std::collections::BTreeMap;

use abide_sdk::prelude::*;
use abide_sdk::serde_json::{Value, json};

use crate::register::{Register, Swap};
use crate::workflow::Loan;

/// Something with parts.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    name: String,
    sizes: Vec<f64>,
    extra: Option<Box<Parts>>,
    kinds: BTreeMap<String, Kind>,
}

/// One of several.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Plain,
    Sized(u64),
    Named { name: String },
}

/// Keeps values of many types.
pub struct Drawer;

#[object(rename_all = "camelCase")]
impl Drawer {
    /// Writes a value of each type.
    async fn fill(ctx: &ObjectContext) -> HandlerResult<()> {
        ctx.set("number", &u64::MAX);
        ctx.set("negative", &i64::MIN);
        ctx.set("fraction", &0.1);
        ctx.set("flag", &true);
        ctx.set("text", "ä \" \u{1f47b} \0");
        ctx.set("nothing", &());
        ctx.set("none", &None::<u32>);
        ctx.set("list", &vec![1, 2, 3]);
        ctx.set("parts", &parts());
        ctx.set("bytes", &Bytes::from(vec![0, 255, 10]));
        ctx.set("empty bytes", &Bytes::default());
        ctx.set("plain text", &Text::from("{not json"));
        ctx.set("", "the empty name");
        Ok(())
    }

    /// Reads them again; fails when one is another.
    async fn check(ctx: &SharedObjectContext) -> HandlerResult<Vec<String>> {
        check(ctx).await
    }

    /// Writes, reads, waits, and reads again, all in one invocation.
    async fn fill_and_check(ctx: &ObjectContext, pause_ms: u64) -> HandlerResult<Vec<String>> {
        Self::fill(ctx).await?;
        check(ctx).await?;
        ctx.sleep(Duration::from_millis(pause_ms)).await?;
        check(ctx).await
    }

    /// Reads a text as a number.
    async fn misread(ctx: &SharedObjectContext) -> HandlerResult<Option<u32>> {
        Ok(ctx.get("text").await?)
    }

    /// Writes a text of `bytes` bytes, and returns how long the one before was.
    async fn fill_large(ctx: &ObjectContext, bytes: u64) -> HandlerResult<u64> {
        let before = ctx.get::<String>("large").await?.unwrap_or_default();
        ctx.set("large", &"x".repeat(bytes as usize));
        Ok(before.len() as u64)
    }

    async fn large(ctx: &SharedObjectContext) -> HandlerResult<String> {
        Ok(ctx.get("large").await?.unwrap_or_default())
    }
}

async fn check(ctx: &SharedObjectContext) -> HandlerResult<Vec<String>> {
    assert_eq!(ctx.get("number").await?, Some(u64::MAX));
    assert_eq!(ctx.get("negative").await?, Some(i64::MIN));
    assert_eq!(ctx.get("fraction").await?, Some(0.1));
    assert_eq!(ctx.get("flag").await?, Some(true));
    assert_eq!(ctx.get("text").await?, Some("ä \" \u{1f47b} \0".to_owned()));
    assert_eq!(ctx.get("nothing").await?, Some(()));
    assert_eq!(ctx.get::<Option<u32>>("none").await?, Some(None));
    assert_eq!(ctx.get("list").await?, Some([1, 2, 3]));
    assert_eq!(ctx.get("parts").await?, Some(parts()));
    assert_eq!(ctx.get("bytes").await?, Some(Bytes::from(vec![0, 255, 10])));
    assert_eq!(ctx.get("empty bytes").await?, Some(Bytes::default()));
    assert_eq!(ctx.get("plain text").await?, Some(Text::from("{not json")));
    assert_eq!(ctx.get("").await?, Some("the empty name".to_owned()));
    assert_eq!(ctx.get::<u32>("never written").await?, None);
    Ok(ctx.state_keys().await?)
}

fn parts() -> Parts {
    let kinds =
        [("plain", Kind::Plain), ("sized", Kind::Sized(7)), ("named", Kind::Named { name: "n".to_owned() })];
    let inner = Parts {
        name: "inner".to_owned(),
        sizes: vec![1e-7, -2.5],
        extra: None,
        kinds: kinds.map(|(name, kind)| (name.to_owned(), kind)).into(),
    };
    Parts { name: "outer".to_owned(), sizes: vec![], extra: Some(Box::new(inner)), kinds: BTreeMap::new() }
}

/// Calls others by their typed clients.
pub struct Typed;

#[service(rename_all = "camelCase")]
impl Typed {
    /// Uses an object: calls, a call that is started and awaited later, and a send.
    async fn object(ctx: &Context, key: String) -> HandlerResult<Value> {
        let register = ctx.object::<Register>(key);
        let sum = register.add(5).await?;
        let adding = register.add(1).start();
        let id = adding.invocation_id().to_owned();
        let sum_later = adding.await?;
        let swapped = register.swap(Swap { from: 6, to: 60 }).await?;
        let sent = register.add(3).send();
        let answer = sent.attach::<i64>().await?;
        let read = register.read().await?;
        Ok(json!({
            "sum": sum, "later": sum_later, "swapped": swapped, "sent": answer, "read": read,
            "isIdKnown": id.starts_with("inv_1") && id != sent.id(),
        }))
    }

    /// Makes the same request twice, with one idempotency key.
    async fn same_twice(ctx: &Context, key: String) -> HandlerResult<Vec<i64>> {
        let register = ctx.object::<Register>(key);
        let first = register.add(1).idempotency_key("same").await?;
        let second = register.add(1).idempotency_key("same").await?;
        Ok(vec![first, second, register.read().await?])
    }

    /// Starts a workflow, decides for it, and waits for what it comes to.
    async fn workflow(ctx: &Context, key: String) -> HandlerResult<Value> {
        let loan = ctx.workflow::<Loan>(key);
        let running = loan.run(500).start();
        let status = ctx.timeout(Duration::from_secs(5), async {
            loop {
                if let Some(status) = loan.status().await? {
                    return Ok::<_, TerminalError>(status);
                }
                ctx.sleep(Duration::from_millis(20)).await?;
            }
        });
        let status = status.await?.transpose()?;
        loan.decide(true).await?;
        Ok(json!({ "status": status, "answer": running.await?, "after": loan.status().await? }))
    }
}
