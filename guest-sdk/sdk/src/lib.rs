//! Durable handlers in ordinary async Rust.
//!
//! A *handler* is an async function that callers reach by HTTP. The Abide runtime records in a
//! journal what the handler does. After a crash, a restart, or a wait of three months it builds the
//! handler's memory again by *replay*: it runs the same code from the start and answers from the
//! journal whatever was done before, so the code continues where it left off. That is durable
//! execution: the code has no tables for its progress, no queues, and no recovery logic.
//!
//! ```
//! use abide_sdk::prelude::*;
//!
//! pub struct Orders;
//!
//! #[data]
//! #[serde(rename_all = "camelCase")]
//! pub struct Order {
//!     credit_card: String,
//!     items: Vec<String>,
//! }
//!
//! #[service]
//! impl Orders {
//!     /// Charges the card, then ships each item.
//!     async fn place(ctx: &Context, order: Order) -> HandlerResult<String> {
//!         let payment_id = ctx.rand_uuid();
//!         let receipt = ctx.run("charge", async || charge(&order.credit_card, payment_id).await).await?;
//!         for item in &order.items {
//!             ctx.run(format!("ship-{item}"), async || ship(item).await).await?;
//!         }
//!         ctx.sleep(Duration::from_secs(7 * 24 * 3600)).await?;
//!         ctx.run("ask", async || ask_for_a_review(&receipt).await).await?;
//!         Ok(receipt)
//!     }
//! }
//! # async fn charge(card: &str, id: Uuid) -> HandlerResult<String> { Ok(id.to_string()) }
//! # async fn ship(item: &str) -> HandlerResult<()> { Ok(()) }
//! # async fn ask_for_a_review(receipt: &str) -> HandlerResult<()> { Ok(()) }
//! ```
//!
//! The crate is a library with `crate-type = ["cdylib"]` and `abide-sdk` as its only dependency.
//! Build it with `cargo build --release --target wasm32-wasip2`, or let `abide deploy` do that.
//!
//! # The rules
//!
//! Replay works when the handler, given the same answers, asks the same things. Most of that holds
//! by itself: outside run blocks the clocks of `std` stand at journal time, random numbers come from
//! a seed, and there is no network. What is left to the author:
//!
//! 1. **Side effects belong in run blocks.** Whatever the world notices, and whatever must not
//!    change between attempts (a price, a file, a real random number), goes through
//!    [`Context::run`], which records the result. `println!` and logging are fine anywhere.
//! 2. **A run block's closure communicates by its result only.** Replay skips it, and with it
//!    everything else it did in memory: a counter in a `static`, a channel, a `std` `HashMap` that
//!    it created (see [`collections`]). It gets input by capturing.
//! 3. **A run block may be executed more than once** when the server dies between the effect and
//!    its record. Give the other side an idempotency key, drawn before the block with
//!    [`Context::rand_uuid`].
//! 4. **Order is decided by the journal, not by chance.** Joining and selecting is fine; the
//!    `select!` of the [prelude] polls in the order written, the one of `futures` at random.
//! 5. **No blocking.** `std::thread::sleep` is not for handlers; [`Context::sleep`] is. Loops
//!    that compute for long are stopped by the runtime.
//! 6. **Environment variables of the deployment can change between attempts.** Read them in run
//!    blocks when the path of the handler depends on them.
//!
//! A handler that breaks them is not lost: the runtime compares every operation with the journal,
//! pauses the invocation at the first difference, and shows both sides.
//!
//! # Errors
//!
//! An ordinary error, from `?`, is *retryable*: the runtime tries again, by the policy of the run
//! block or the handler, until it works. A [`TerminalError`] is final: it is recorded and goes to
//! whoever waits, and a handler can catch it to undo what it did before. See [`HandlerError`].
//!
//! # Services, virtual objects, workflows
//!
//! A [`service`](macro@service) is handlers and nothing else; any number of invocations run at once.
//!
//! A [virtual object](macro@object) is many things of one kind, each with a key and a state that
//! stays: carts, accounts, devices. Handlers that change the state run one at a time per key, so
//! they need no locks and no transactions. Take one when requests for the same thing have to wait
//! for each other.
//!
//! ```
//! # use abide_sdk::prelude::*;
//! pub struct Account;
//!
//! #[object]
//! impl Account {
//!     /// Called at `/Account/ann/withdraw`.
//!     async fn withdraw(ctx: &ObjectContext, cents: u64) -> HandlerResult<u64> {
//!         let balance = ctx.get::<u64>("balance").await?.unwrap_or_default();
//!         let Some(left) = balance.checked_sub(cents) else {
//!             return Err(TerminalError::new("not enough money").with_code(409).into());
//!         };
//!         ctx.set("balance", &left);
//!         Ok(left)
//!     }
//!
//!     /// Need not wait for its turn.
//!     async fn balance(ctx: &SharedObjectContext) -> HandlerResult<u64> {
//!         Ok(ctx.get("balance").await?.unwrap_or_default())
//!     }
//! }
//! ```
//!
//! A [workflow](macro@workflow) is a process that happens once per key, with handlers beside it
//! that look on and bring it news: a sign-up, an order, an application. Take one when the process
//! has a name by which others ask for it.
//!
//! # Calls
//!
//! Each of the three also gets a typed client, one function per handler. A call is recorded before
//! it leaves and made once, and its answer is recorded when it comes; nothing has to be retried by
//! the caller. [`Call`] says what else can be done with it: go on meanwhile, send without waiting,
//! send later.
//!
//! ```
//! # use abide_sdk::prelude::*;
//! # pub struct Account;
//! # #[object]
//! # impl Account {
//! #     async fn withdraw(ctx: &ObjectContext, cents: u64) -> HandlerResult<u64> { Ok(cents) }
//! #     async fn deposit(ctx: &ObjectContext, cents: u64) -> HandlerResult<u64> { Ok(cents) }
//! # }
//! # async fn handler(ctx: &Context) -> HandlerResult<()> {
//! ctx.object::<Account>("ann").withdraw(500).await?;
//! ctx.object::<Account>("bob").deposit(500).send();
//! # Ok(()) }
//! ```
//!
//! Handlers of other components are called by name, with [`Context::call`]. For anything that is no
//! handler there are run blocks.
//!
//! # News from outside
//!
//! A handler can wait for something that somebody else decides, for months if need be:
//!
//! * an [awakeable](Context::awakeable), for who is told its id: a payment provider that calls
//!   back, a person who clicks on a link;
//! * a [signal](Context::signal), for who knows the id of the invocation: news that may come many
//!   times;
//! * a [promise](SharedWorkflowContext::promise), between the handlers of one workflow.
//!
//! What comes is another's doing, so when it is not of the expected type, awaiting it is a terminal
//! error that says what came. The same holds for answers of calls. What a handler recorded itself,
//! the result of a run block or a value of the state, is its own doing: if it cannot be read, after
//! a change of types, the attempt fails, and the invocation continues with a deployment that can.
//!
//! # Waiting for several things
//!
//! Durable futures are lazy, as all in Rust: they start when they are polled for the first time.
//! [`prelude::join_all`], `join!` and [`select!`](prelude::select) start all of theirs at once.
//! Dropping a durable future before its end is safe.
//!
//! ```
//! # use abide_sdk::prelude::*;
//! # async fn quote(shop: &str) -> HandlerResult<u32> { Ok(1) }
//! # async fn handler(ctx: &Context) -> HandlerResult<()> {
//! let shops = ["north", "south", "west"];
//! let quotes = shops.map(|shop| ctx.run(shop, async move || quote(shop).await));
//! let all = join_all(quotes);
//!
//! let within = ctx.timeout(Duration::from_secs(10), all).await?;
//! let best = within.unwrap_or_default().into_iter().flatten().min();
//! # Ok(()) }
//! ```
//!
//! | To wait for | take |
//! |---|---|
//! | all of a few, all of many | `join!`, [`join_all`](prelude::join_all) |
//! | all, or the first failure | `try_join!`, [`try_join_all`](prelude::try_join_all) |
//! | the first of two, of several, of many | [`race`], [`select!`](prelude::select), [`select_all`](prelude::select_all) |
//! | each as it comes | [`FuturesUnordered`](prelude::FuturesUnordered) |
//! | many, but a few at a time | [`buffered`](prelude::StreamExt::buffered), [`buffer_unordered`](prelude::StreamExt::buffer_unordered) |
//! | something, but not for long | [`Context::timeout`] |
//!
//! ```
//! # use abide_sdk::prelude::*;
//! # async fn resize(image: u32) -> HandlerResult<u32> { Ok(image) }
//! # async fn handler(ctx: &Context) -> HandlerResult<()> {
//! let blocks = stream::iter(0..1000).map(|n| ctx.run(format!("resize-{n}"), async move || resize(n).await));
//! let resized: Vec<u32> = blocks.buffered(8).try_collect().await?;
//! # Ok(()) }
//! ```
//!
//! # Cancellation and sagas
//!
//! A *saga* undoes what it did when it cannot go on: it remembers how to undo each step before the
//! step, and when one fails for good, it undoes them in reverse order. That is ordinary code:
//!
//! ```
//! # use abide_sdk::prelude::*;
//! # async fn book(what: &str) -> HandlerResult<()> { Ok(()) }
//! # async fn cancel(what: &str) -> HandlerResult<()> { Ok(()) }
//! # pub struct Trips;
//! # #[service]
//! # impl Trips {
//! async fn trip(ctx: &Context, parts: Vec<String>) -> HandlerResult<()> {
//!     let mut to_undo = Vec::new();
//!     let booked = book_all(ctx, &parts, &mut to_undo).await;
//!     if booked.is_err() {
//!         for part in to_undo.into_iter().rev() {
//!             ctx.run(format!("cancel-{part}"), async || cancel(part).await).await?;
//!         }
//!     }
//!     Ok(booked?)
//! }
//! # }
//!
//! // Only terminal errors can leave it: everything else is tried again where it happened.
//! async fn book_all<'a>(
//!     ctx: &Context,
//!     parts: &'a [String],
//!     to_undo: &mut Vec<&'a str>,
//! ) -> Result<(), TerminalError> {
//!     for part in parts {
//!         to_undo.push(part);
//!         ctx.run(format!("book-{part}"), async || book(part).await).await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! *Cancelling* an invocation, from outside or with [`InvocationHandle::cancel`], uses the same
//! path. Everything that the handler waits for at that moment ends with a terminal error, code 409,
//! for which [`TerminalError::is_cancelled`] is true; the calls among it are cancelled too, those
//! that were only sent are not. The closure of a run block that is being executed stops at its next
//! `await`. What the handler asks for afterwards works as ever, so compensations run, and may wait.
//! A handler that catches the error and goes on is not cancelled again: who cannot wait for it
//! kills it.
//!
//! # What handlers take and give
//!
//! JSON of every type that is `Serialize`, `Deserialize` and `JsonSchema`; [`data`] derives all
//! three. [`Bytes`] and [`Text`] are for bodies that are not JSON, `()` is for none. Whatever else is
//! recorded or sent, from the state to signals, follows the same rule, but needs no schema.
//!
//! # Logging
//!
//! The macros of `tracing` (in the prelude) and of `log`, and everything printed, go to the
//! runtime, which shows them once: while replay repeats the code, it keeps quiet.
//!
//! # Tests
//!
//! Everything compiles natively, so `cargo check`, rust-analyzer, and unit tests of plain functions
//! work as usual. Durable operations themselves need the runtime.

// A native build has no HTTP, so nothing waits for I/O there.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]
#![warn(missing_docs)]

// The code that the macros write says `::abide_sdk`, also in this crate's own tests.
extern crate self as abide_sdk;

mod awakeable;
mod bindings;
mod call;
mod client;
mod codec;
pub mod collections;
mod combinators;
mod context;
mod durable;
mod entry;
mod error;
mod executor;
#[cfg(test)]
mod fake_host;
mod host;
pub mod http;
mod invocations;
mod logging;
mod payload;
pub mod prelude;
mod promise;
mod random;
mod reactor;
mod reception;
#[doc(hidden)]
pub mod registry;
mod retry;
mod run;
#[cfg(test)]
mod scenarios;
mod scope;
mod signal;
mod sleep;
mod state;

/// Makes a struct or enum usable as input, output, and result of a run block.
///
/// Derives `Serialize`, `Deserialize` and `JsonSchema`; no dependency on `serde` or `schemars` is
/// needed. Attributes of both, such as `#[serde(rename_all = "camelCase")]`, go below it. Those who
/// prefer to derive themselves add both crates to their dependencies.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// #[data]
/// #[serde(rename_all = "camelCase")]
/// pub struct Order {
///     user_id: String,
///     #[serde(default)]
///     express: bool,
/// }
/// ```
pub use abide_sdk_macros::data;

/// Makes the async functions of an impl block the handlers of a service.
///
/// Each is called by the path `/Service/handler`. Its first parameter is `ctx: &Context`, a second
/// one, if any, is the input, and it returns [`HandlerResult`]. There is no `self`: nothing stays in
/// memory between two invocations. Helper functions go into another impl block. Doc comments go to
/// the manifest, where the web UI and the OpenAPI description show them.
///
/// Other handlers call it with the typed client that [`Context::service`] returns: the attribute
/// on `Mailer` also makes a type `MailerClient`.
///
/// # Options
///
/// On the service, and for a single handler in `#[handler(...)]`:
///
/// * `name = "..."`: another name than the type's or function's.
/// * `private`: cannot be called from outside.
/// * `retry(initial = "500ms", factor = 2.0, max_interval = "60s", max_attempts = 70,
///   on_max_attempts = "pause")`: how failed attempts are retried, all parts optional.
///   `max_attempts` may be `"unlimited"`; `on_max_attempts` is `"pause"`, so that somebody can look
///   and resume, or `"kill"`, so that the caller gets the failure.
/// * `idempotency_retention = "1d"`: how long the answer to a request with an idempotency key is
///   kept, so that the same request gets the same answer. A day unless said otherwise.
/// * `journal_retention = "1d"`: how long the journal is kept after the end, to look at; at most as
///   long as the answer.
///
/// Only on the service: `rename_all = "camelCase"` (or `"PascalCase"`, `"kebab-case"`) turns the
/// names of functions into names of handlers.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// pub struct Mailer;
///
/// #[service(name = "Mail", rename_all = "camelCase", retry(max_attempts = "unlimited"))]
/// impl Mailer {
///     /// Called at `/Mail/sendWelcome`.
///     async fn send_welcome(ctx: &Context, address: String) -> HandlerResult<()> {
///         Ok(())
///     }
///
///     #[handler(private, retry(initial = "10s", max_attempts = 3, on_max_attempts = "kill"))]
///     async fn clean_up(ctx: &Context) -> HandlerResult<()> {
///         Ok(())
///     }
/// }
/// ```
pub use abide_sdk_macros::service;

/// Makes the async functions of an impl block the handlers of a virtual object.
///
/// A *virtual object* is many things of one kind, each with a key and a state of its own: carts,
/// counters, accounts. It is called by the path `/Object/key/handler`. Handlers that take
/// `ctx: &`[`ObjectContext`] change the state; they run one at a time per key. Those that take
/// `ctx: &`[`SharedObjectContext`] only read, and run whenever they are called. Objects need not be
/// created: each key exists, at first without any state.
///
/// Everything else, options included, is as for [`service`](macro@service).
///
/// ```
/// use abide_sdk::prelude::*;
///
/// pub struct Cart;
///
/// #[object(rename_all = "camelCase", idempotency_retention = "1h")]
/// impl Cart {
///     /// Called at `/Cart/ann/addItem`.
///     async fn add_item(ctx: &ObjectContext, item: String) -> HandlerResult<()> {
///         let mut items = ctx.get::<Vec<String>>("items").await?.unwrap_or_default();
///         items.push(item);
///         ctx.set("items", &items);
///         Ok(())
///     }
///
///     async fn items(ctx: &SharedObjectContext) -> HandlerResult<Vec<String>> {
///         Ok(ctx.get("items").await?.unwrap_or_default())
///     }
/// }
/// ```
pub use abide_sdk_macros::object;

/// Makes the async functions of an impl block the handlers of a workflow.
///
/// A *workflow* is a process that happens once per key: a sign-up, an order, a loan application. It
/// is called by the path `/Workflow/key/handler`. The handler `run` takes
/// `ctx: &`[`WorkflowContext`] and is the process itself; it is executed once for each key. The other
/// handlers take `ctx: &`[`SharedWorkflowContext`]; they tell how it is going, from its state, and
/// bring it news, by its promises.
///
/// Options are those of [`service`](macro@service), and `workflow_retention = "7d"`: how long the
/// answer, the state and the promises are kept after the end of `run`.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// pub struct Loan;
///
/// #[workflow(workflow_retention = "30d")]
/// impl Loan {
///     async fn run(ctx: &WorkflowContext, cents: u64) -> HandlerResult<bool> {
///         ctx.set("status", "waiting for approval");
///         let approved = ctx.promise::<bool>("approved").await?;
///         ctx.set("status", if approved { "approved" } else { "refused" });
///         Ok(approved)
///     }
///
///     async fn decide(ctx: &SharedWorkflowContext, approved: bool) -> HandlerResult<()> {
///         Ok(ctx.promise("approved").resolve(&approved).await?)
///     }
///
///     async fn status(ctx: &SharedWorkflowContext) -> HandlerResult<Option<String>> {
///         Ok(ctx.get("status").await?)
///     }
/// }
/// ```
pub use abide_sdk_macros::workflow;

pub use awakeable::Awakeable;
pub use call::{Call, RunningCall, Target};
pub use codec::{Decode, Encode};
pub use combinators::race;
pub use context::{Context, ObjectContext, SharedObjectContext, SharedWorkflowContext, WorkflowContext};
pub use durable::Durable;
pub use error::{HandlerError, HandlerResult, RetryableError, TerminalError};
pub use invocations::InvocationHandle;
pub use payload::{Bytes, Input, Output, Text};
pub use promise::Promise;
pub use random::Random;
pub use retry::RetryPolicy;
pub use run::Run;
pub use sleep::Sleep;

pub use futures_util as futures;
pub use rand_traits as rand;
pub use {schemars, serde, serde_json, tracing, uuid};
