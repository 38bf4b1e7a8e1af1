//! A small language of durable operations: a test says as data what a handler does.

use std::collections::BTreeMap;
use std::pin::Pin;

use abide_sdk::futures::future::LocalBoxFuture;
use abide_sdk::prelude::*;
use abide_sdk::registry::FromContext;
use abide_sdk::serde_json::{Value, json};

/// Names a handler.
#[data]
#[derive(Clone)]
pub struct To {
    service: String,
    key: Option<String>,
    handler: String,
}

/// A call or send.
#[data]
#[derive(Clone)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    to: To,
    #[serde(default)]
    input: Value,
    idempotency_key: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Only of a send.
    delay_ms: Option<u64>,
}

/// One thing that a handler does. Each has a result; a text `$n` stands for the result of step n,
/// `$self` for the id of the invocation.
///
/// * `say` has its value as result, `who` what the handler knows about its invocation.
/// * `post` is a run block that posts the body and returns the answer; a status of 400 and above fails.
/// * `fail` fails for good; `crash` in a way that is worth another try, unless there is this variable in the
///   environment.
/// * `start` makes a call, `awakeable` creates an awakeable; both have an id as result and are awaited
///   later: by `await`, by `first` of several, or by `within`, null when it takes too long.
/// * `keep` and `break` complete a promise of the workflow that `promise` waits for.
/// * `try` says whether a step worked; `undo` is done, the last one first, when a later step fails for
///   good.
#[data]
#[derive(Clone)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Step {
    Say { value: Value },
    Post { url: String, body: String },
    Sleep { ms: u64 },
    Fail { code: u16, message: String },
    Crash { message: String, unless: Option<String> },
    Who,

    Get { name: String },
    Set { name: String, value: Value },
    Clear { name: String },
    ClearAll,
    Keys,

    Call(Request),
    Start(Request),
    Send(Request),
    Attach { id: String },
    Cancel { id: String },
    Kill { id: String },

    Awakeable { name: Option<String> },
    Resolve { id: String, value: Value },
    Reject { id: String, reason: String },

    Signal { name: String },
    SendSignal { id: String, name: String, value: Value },
    RejectSignal { id: String, name: String, reason: String },

    Promise { name: String },
    Peek { name: String },
    Keep { name: String, value: Value },
    Break { name: String, reason: String },

    Await { of: usize },
    First { of: Vec<usize> },
    Within { ms: u64, of: usize },

    Try { step: Box<Step> },
    Undo { step: Box<Step> },
}

type Held = Pin<Box<dyn Future<Output = Result<Value, TerminalError>>>>;

struct Script<'a> {
    ctx: &'a Context,
    results: Vec<Value>,
    /// What was made and not awaited yet, by the number of the step.
    held: BTreeMap<usize, Held>,
    undo: Vec<&'a Step>,
}

/// Does the steps one after the other and returns their results.
pub(crate) async fn run(ctx: &Context, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
    let mut script = Script { ctx, results: Vec::new(), held: BTreeMap::new(), undo: Vec::new() };
    for step in &steps {
        match script.step(step).await {
            Ok(value) => script.results.push(value),
            Err(HandlerError::Terminal(error)) => {
                while let Some(step) = script.undo.pop() {
                    script.step(step).await?;
                }
                return Err(error.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(script.results)
}

impl<'a> Script<'a> {
    fn step(&mut self, step: &'a Step) -> LocalBoxFuture<'_, HandlerResult<Value>> {
        Box::pin(async move {
            match step {
                Step::Say { value } => Ok(self.value(value)),
                Step::Post { url, body } => self.post(url, body).await,
                Step::Sleep { ms } => done(self.ctx.sleep(Duration::from_millis(*ms)).await),
                Step::Fail { code, message } => Err(TerminalError::new(message).with_code(*code).into()),
                Step::Crash { message, unless } => crash(message, unless.as_deref()),
                Step::Who => Ok(who(self.ctx)),
                Step::Get { .. } | Step::Set { .. } | Step::Clear { .. } | Step::ClearAll | Step::Keys => {
                    self.state(step).await
                }
                Step::Call(request) => Ok(self.call(request).await?),
                Step::Start(request) => {
                    let call = self.call(request).start();
                    let id = call.invocation_id().to_owned();
                    self.hold(id, call)
                }
                Step::Send(request) => self.send(request),
                Step::Attach { id } => Ok(self.ctx.invocation(self.text(id)).attach().await?),
                Step::Cancel { id } => done(self.ctx.invocation(self.text(id)).cancel()),
                Step::Kill { id } => done(self.ctx.invocation(self.text(id)).kill()),
                Step::Awakeable { .. } | Step::Resolve { .. } | Step::Reject { .. } => self.awakeable(step),
                Step::Signal { .. } | Step::SendSignal { .. } | Step::RejectSignal { .. } => {
                    self.signal(step).await
                }
                Step::Promise { .. } | Step::Peek { .. } | Step::Keep { .. } | Step::Break { .. } => {
                    self.promise(step).await
                }
                Step::Await { of } => Ok(self.take(*of).await?),
                Step::First { of } => self.first(of).await,
                Step::Within { ms, of } => self.within(*ms, *of).await,
                Step::Try { step } => self.attempt(step).await,
                Step::Undo { step } => {
                    self.undo.push(step);
                    Ok(Value::Null)
                }
            }
        })
    }

    async fn post(&self, url: &str, body: &str) -> HandlerResult<Value> {
        let (url, body) = (self.text(url), self.text(body));
        let answer = self.ctx.run(&body, async || {
            let response = http::post(&url).body(body.clone()).header("content-type", "text/plain").send();
            Ok(response.await?.error_for_status()?.text())
        });
        Ok(json!(answer.await?))
    }

    /// Works on the state, whatever handler this is: the runtime has to refuse what is not allowed.
    async fn state(&self, step: &Step) -> HandlerResult<Value> {
        let object = ObjectContext::from_context(self.ctx.clone());
        match step {
            Step::Get { name } => return Ok(object.get::<Value>(name).await?.unwrap_or_default()),
            Step::Keys => return Ok(json!(object.state_keys().await?)),
            Step::Set { name, value } => object.set(name, &self.value(value)),
            Step::Clear { name } => object.clear(name),
            Step::ClearAll => object.clear_all(),
            _ => unreachable!("not about state"),
        }
        Ok(Value::Null)
    }

    fn call(&self, request: &Request) -> abide_sdk::Call<Value> {
        let To { service, key, handler } = request.to.clone();
        let target = match key {
            Some(key) => Target::object(service, key, handler),
            None => Target::service(service, handler),
        };
        let call = match &request.input {
            Value::Null => self.ctx.call(target, &()),
            input => self.ctx.call(target, &self.value(input)),
        };
        let call = request.headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        match &request.idempotency_key {
            Some(key) => call.idempotency_key(key),
            None => call,
        }
    }

    fn send(&self, request: &Request) -> HandlerResult<Value> {
        let call = self.call(request);
        let sent = match request.delay_ms {
            Some(ms) => call.send_after(Duration::from_millis(ms)),
            None => call.send(),
        };
        Ok(json!(sent.id()))
    }

    fn awakeable(&mut self, step: &Step) -> HandlerResult<Value> {
        match step {
            Step::Awakeable { name } => {
                let awakeable = match name {
                    Some(name) => self.ctx.awakeable_named(name),
                    None => self.ctx.awakeable(),
                };
                self.hold(awakeable.id().to_owned(), awakeable)
            }
            Step::Resolve { id, value } => {
                done(self.ctx.resolve_awakeable(&self.text(id), &self.value(value)))
            }
            Step::Reject { id, reason } => done(self.ctx.reject_awakeable(&self.text(id), reason)),
            _ => unreachable!("not about awakeables"),
        }
    }

    async fn signal(&self, step: &Step) -> HandlerResult<Value> {
        match step {
            Step::Signal { name } => Ok(self.ctx.signal(name).await?),
            Step::SendSignal { id, name, value } => {
                done(self.ctx.invocation(self.text(id)).signal(name, &self.value(value)))
            }
            Step::RejectSignal { id, name, reason } => {
                done(self.ctx.invocation(self.text(id)).reject_signal(name, reason))
            }
            _ => unreachable!("not about signals"),
        }
    }

    async fn promise(&self, step: &Step) -> HandlerResult<Value> {
        let workflow = SharedWorkflowContext::from_context(self.ctx.clone());
        match step {
            Step::Promise { name } => Ok(workflow.promise::<Value>(name).await?),
            Step::Peek { name } => Ok(json!(workflow.promise::<Value>(name).peek().await?)),
            Step::Keep { name, value } => done(workflow.promise(name).resolve(&self.value(value)).await),
            Step::Break { name, reason } => done(workflow.promise::<Value>(name).reject(reason).await),
            _ => unreachable!("not about promises"),
        }
    }

    /// Keeps what is awaited later.
    fn hold(
        &mut self,
        id: String,
        held: impl Future<Output = Result<Value, TerminalError>> + 'static,
    ) -> HandlerResult<Value> {
        self.held.insert(self.results.len(), Box::pin(held));
        Ok(json!(id))
    }

    fn take(&mut self, step: usize) -> Held {
        self.held.remove(&step).unwrap_or_else(|| panic!("nothing of step {step} can be awaited"))
    }

    async fn first(&mut self, of: &[usize]) -> HandlerResult<Value> {
        let futures: Vec<_> = of.iter().map(|step| self.take(*step)).collect();
        let (value, index, rest) = select_all(futures).await;
        let others = of.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, step)| *step);
        self.held.extend(others.zip(rest));
        Ok(json!({ "first": of[index], "value": value? }))
    }

    async fn within(&mut self, ms: u64, of: usize) -> HandlerResult<Value> {
        let mut held = self.take(of);
        let value = self.ctx.timeout(Duration::from_millis(ms), &mut held).await?;
        if value.is_none() {
            self.held.insert(of, held);
        }
        Ok(value.transpose()?.unwrap_or_default())
    }

    async fn attempt(&mut self, step: &'a Step) -> HandlerResult<Value> {
        match self.step(step).await {
            Ok(value) => Ok(json!({ "ok": value })),
            Err(HandlerError::Terminal(error)) => Ok(json!({
                "code": error.code(),
                "message": error.message(),
                "metadata": error.metadata(),
                "isCancelled": error.is_cancelled(),
            })),
            Err(error) => Err(error),
        }
    }

    fn text(&self, text: &str) -> String {
        if text == "$self" {
            return self.ctx.invocation_id().to_owned();
        }
        match self.earlier(text) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => text.to_owned(),
        }
    }

    fn value(&self, value: &Value) -> Value {
        value.as_str().and_then(|text| self.earlier(text)).unwrap_or(value).clone()
    }

    fn earlier(&self, text: &str) -> Option<&Value> {
        self.results.get(text.strip_prefix('$')?.parse::<usize>().ok()?)
    }
}

fn done(result: Result<(), TerminalError>) -> HandlerResult<Value> {
    Ok(result.map(|()| Value::Null)?)
}

fn crash(message: &str, unless: Option<&str>) -> HandlerResult<Value> {
    match unless.is_some_and(|name| std::env::var(name).is_ok()) {
        true => Ok(Value::Null),
        false => Err(message.into()),
    }
}

fn who(ctx: &Context) -> Value {
    let headers: BTreeMap<&str, &str> = ctx.headers().collect();
    json!({
        "id": ctx.invocation_id(),
        "service": ctx.service_name(),
        "handler": ctx.handler_name(),
        "headers": headers,
    })
}
