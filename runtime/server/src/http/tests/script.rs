//! Scripts of requests. A line is a request, the indented line below is what comes back:
//!
//! ```text
//! POST /Probe/echo idempotency-key:k -- 1
//!   200 A 1
//! PATCH :9070/invocations/A/cancel
//!   409 {"message":…}
//! ```
//!
//! A body has content type JSON unless a header says otherwise. Of an answer are shown: the status, the
//! id, `expires` when there is that header, the source of an error, the content type unless it is
//! JSON, and the body. Ids are letters, in the order in which they come; `sign:A` is the awakeable that
//! is the first operation of A, and `token:A` the first token that was made; a header `bearer:token:A`
//! sends it. Points in time are `TIME`; the version of a state is `VERSION`, which stands for the
//! last one in a request; milliseconds that something took are `N`.
//!
//! Besides requests: `until A suspended` waits for a status, or with `purged` until its journal is
//! gone; `show A field field` shows parts of an invocation; `ids PATH` shows which invocations a list has, `ops
//! PATH` whom one has called; `& GET …` leaves a request open, and `wait`
//! shows what came of the oldest one.

use super::world::World;
use crate::config::Config;
use abide_core::ids::{AwakeableId, InvocationId};
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);
/// Length of the text of an id.
const ID_LEN: usize = 38;
/// Length of the text of a token.
const TOKEN_LEN: usize = 36;

/// Runs a script; what differs is shown with all that came before it.
pub async fn check(script: &str) {
    check_with(&Config::default(), script).await;
}

/// The same, for a server that is set up like this.
pub async fn check_with(setup: &Config, script: &str) {
    let mut session = Session {
        world: World::start(setup),
        ids: Vec::new(),
        tokens: Vec::new(),
        open: VecDeque::new(),
        version: String::new(),
    };
    let lines: Vec<&str> = script.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let margin = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let mut lines = lines.into_iter().map(|line| &line[margin..]).peekable();
    let mut done = String::new();
    while let Some(line) = lines.next() {
        let ids_before = session.ids.len();
        let shown = tokio::time::timeout(PATIENCE, session.run(line)).await;
        let shown = shown.unwrap_or_else(|_| panic!("it takes too long: {line}\nafter:\n{done}"));
        done +=
            &format!("{line}\n{}", shown.as_ref().map(|shown| format!("  {shown}\n")).unwrap_or_default());
        // Ids of one millisecond are in no order, and lists are in that of the ids.
        if session.ids.len() > ids_before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let expected = lines.next_if(|line| line.starts_with(' ')).map(str::trim_start);
        assert_eq!(shown.as_deref(), expected, "\n{done}");
    }
}

struct Session {
    world: World,
    ids: Vec<InvocationId>,
    /// Tokens, in the order in which they were made.
    tokens: Vec<String>,
    open: VecDeque<JoinHandle<Response<Body>>>,
    /// The last version of a state that was told.
    version: String,
}

impl Session {
    async fn run(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["until", id, "purged"] => {
                while self.ask(id, "/journal").await["is_purged"] != true {
                    tokio::time::sleep(PAUSE).await;
                }
                None
            }
            ["until", id, status] => {
                self.until(id, status).await;
                None
            }
            ["ids", path] => {
                let found = self.list(path, "invocations").await;
                Some(join(found.iter().map(|it| it["id"].as_str().expect("an id").to_owned())))
                    .map(|ids| self.letters(&ids))
            }
            ["ops", path] => {
                let found = self.list(path, "children").await;
                let text = |value: &serde_json::Value| value.to_string().trim_matches('"').to_owned();
                let child = |it: &serde_json::Value| {
                    let parts = [
                        &it["op"],
                        &it["kind"],
                        &it["invocation_id"],
                        &it["target"],
                        &it["invocation"]["status"],
                    ];
                    parts.map(text).join(" ")
                };
                Some(join(found.iter().map(child))).map(|children| self.letters(&children))
            }
            ["show", id, fields @ ..] => Some(self.show(id, fields).await),
            ["wait"] => {
                let open = self.open.pop_front().expect("a request was left open");
                let mut response = open.await.unwrap();
                // Whether it came before the answer is not certain.
                response.headers_mut().remove("idempotency-expires");
                Some(self.read(response).await)
            }
            ["&", ..] => {
                let (router, request) = self.request(line.trim_start_matches("& "));
                self.open.push_back(tokio::spawn(async { router.oneshot(request).await.unwrap() }));
                None
            }
            _ => {
                let (router, request) = self.request(line);
                let response = router.oneshot(request).await.unwrap();
                Some(self.read(response).await)
            }
        }
    }

    fn request(&self, line: &str) -> (Router, Request<Body>) {
        let (head, body) = line.split_once(" -- ").map_or((line, None), |(head, body)| (head, Some(body)));
        let mut words = head.split(' ').filter(|word| !word.is_empty());
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let (router, path) = match path.strip_prefix(":9070") {
            Some(path) => (&self.world.admin, path),
            None => (&self.world.ingress, path),
        };
        let mut request = Request::builder().method(method).uri(self.name_ids(path));
        let headers: Vec<_> = words.map(|header| header.split_once(':').expect("a header")).collect();
        if body.is_some() && headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = match name {
                "bearer" => request.header("authorization", format!("Bearer {}", self.token(value))),
                _ => request.header(name, value),
            };
        }
        let body = body.map(|body| self.name_ids(body)).unwrap_or_default();
        (router.clone(), request.body(Body::from(body)).unwrap())
    }

    /// Puts ids in the place of their letters, where these stand alone.
    fn name_ids(&self, text: &str) -> String {
        let name = |segment: &str| match segment.strip_prefix("sign:") {
            Some(letter) => {
                AwakeableId { invocation: self.id(letter).expect("an id"), op: 0, birth: 0 }.to_string()
            }
            None => self.id(segment).map_or_else(|| segment.to_owned(), |id| id.to_string()),
        };
        let mut named: Vec<String> = text.split('/').map(name).collect();
        for segment in &mut named {
            for quote in ['"', '\''] {
                *segment = segment.split(quote).map(name).collect::<Vec<_>>().join(&quote.to_string());
            }
        }
        named.join("/").replace("VERSION", &self.version)
    }

    /// Returns the token that a letter stands for; any other text is itself.
    fn token<'a>(&'a self, value: &'a str) -> &'a str {
        let index = value.strip_prefix("token:").and_then(|letter| letter.bytes().next());
        let token = index.and_then(|letter| self.tokens.get(usize::from(letter - b'A')));
        token.map_or(value, String::as_str)
    }

    fn id(&self, letter: &str) -> Option<InvocationId> {
        let is_letter = letter.len() == 1 && letter.as_bytes()[0].is_ascii_uppercase();
        is_letter.then(|| self.ids.get(usize::from(letter.as_bytes()[0] - b'A')).copied()).flatten()
    }

    async fn read(&mut self, response: Response<Body>) -> String {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let mut shown = vec![parts.status.as_u16().to_string()];
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        shown.extend(header("x-restate-id"));
        shown.extend(header("idempotency-expires").map(|_| "expires".to_owned()));
        shown.extend(header("x-restate-error-source"));
        shown.extend(header("content-type").filter(|content_type| content_type != "application/json"));
        shown.push(String::from_utf8(bytes.to_vec()).unwrap());
        self.letters(shown.join(" ").trim_end())
    }

    /// Puts letters in the place of ids, and `TIME` in that of points in time.
    fn letters(&mut self, text: &str) -> String {
        let mut shown = text.to_owned();
        while let Some(start) = shown.find("abt_") {
            self.tokens.push(shown[start..start + TOKEN_LEN].to_owned());
            shown
                .replace_range(start..start + TOKEN_LEN, &format!("token:{}", letter(self.tokens.len() - 1)));
        }
        while let Some(start) = shown.find("inv_1") {
            let id = shown[start..start + ID_LEN].parse().unwrap();
            let index = self.ids.iter().position(|known| *known == id).unwrap_or_else(|| {
                self.ids.push(id);
                self.ids.len() - 1
            });
            shown.replace_range(start..start + ID_LEN, &letter(index));
        }
        for (index, id) in self.ids.iter().enumerate() {
            let awakeable = AwakeableId { invocation: *id, op: 0, birth: 0 }.to_string();
            shown = shown.replace(&awakeable, &format!("sign:{}", letter(index)));
        }
        self.hide_version(hide_elapsed(&hide_times(&shown)))
    }

    fn hide_version(&mut self, shown: String) -> String {
        const FIELD: &str = r#""version":""#;
        const LEN: usize = 16;
        let Some(start) = shown.find(FIELD).map(|start| start + FIELD.len()) else { return shown };
        match shown.get(start..start + LEN) {
            Some(version) if version.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                self.version = version.to_owned();
                shown.replace(version, "VERSION")
            }
            _ => shown,
        }
    }

    async fn invocation(&self, id: &str) -> serde_json::Value {
        self.ask(id, "").await
    }

    async fn ask(&self, id: &str, what: &str) -> serde_json::Value {
        let request = Request::get(format!("/invocations/{}{what}", self.id(id).expect("an id")));
        let response = self.world.admin.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Returns a list that a path of the admin port answers.
    async fn list(&self, path: &str, field: &str) -> Vec<serde_json::Value> {
        let path = path.strip_prefix(":9070").expect("a list is on the admin port");
        // In a query an id follows an equals sign.
        let name = |part: &str| self.id(part).map_or_else(|| part.to_owned(), |id| id.to_string());
        let path = self.name_ids(path).split('=').map(name).collect::<Vec<_>>().join("=");
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.world.admin.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let page: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        page[field].as_array().expect("a list").clone()
    }

    async fn until(&self, id: &str, status: &str) {
        while self.invocation(id).await["status"] != status {
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn show(&mut self, id: &str, fields: &[&str]) -> String {
        let invocation = self.invocation(id).await;
        let shown =
            fields.iter().map(|field| invocation.get(field).map_or("-".to_owned(), ToString::to_string));
        let shown = shown.collect::<Vec<_>>().join(" ");
        self.letters(&shown)
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    let joined = parts.collect::<Vec<_>>().join(" ");
    if joined.is_empty() { "-".to_owned() } else { joined }
}

fn letter(index: usize) -> String {
    char::from(b'A' + u8::try_from(index).unwrap()).to_string()
}

fn hide_elapsed(text: &str) -> String {
    const NAME: &str = "\"elapsed_ms\":";
    let Some((before, after)) = text.split_once(NAME) else { return text.to_owned() };
    format!("{before}{NAME}N{}", after.trim_start_matches(|char: char| char.is_ascii_digit()))
}

fn hide_times(text: &str) -> String {
    let is_of_time = |char: char| char.is_ascii_digit() || "-:.TZ".contains(char);
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("20") {
        shown += &rest[..start];
        let end = rest[start..].find(|char| !is_of_time(char)).map_or(rest.len(), |len| start + len);
        let time = &rest[start..end];
        shown += if time.len() >= "2026-11-22T15:58:08Z".len() { "TIME" } else { time };
        rest = &rest[end..];
    }
    shown + rest
}
