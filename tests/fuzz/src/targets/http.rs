//! Requests as bytes on both ports, and queries.

use super::{Target, is_well};
use abide_e2e::{Client, Guest, Server};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// An answer takes no longer, whatever was asked: on a machine with much to do a query may take a minute by the clock, and
/// wait for its turn before.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// After so long without a word a server may be waiting for the rest of what is no whole request.
const SILENCE: Duration = Duration::from_millis(200);

/// Of whole requests some are refused before they were sent to the end.
const WHOLE_ANSWERED_PERCENT: u64 = 90;
const INGRESS_ANSWERED_PERCENT: u64 = 30;

/// What comes back for some bytes.
struct Exchange {
    answer: Vec<u8>,
    /// The connection broke: a server that refuses may close before it has read everything, and then its answer can be lost.
    is_broken: bool,
}

/// Whether the sending side is ended. A server that sees the end gives up what it is doing for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Never: this is a whole request.
    Never,
    /// When nothing comes for a while.
    AfterSilence,
}

/// Sends bytes and returns what comes back.
fn exchange(client: Client, bytes: &[u8], ending: Ending) -> Result<Exchange, String> {
    let connected = TcpStream::connect_timeout(&client.addr, Duration::from_secs(5));
    let mut stream = connected.map_err(|error| format!("the port is closed: {error}"))?;
    let begun = Instant::now();
    let mut is_broken = stream.write_all(bytes).is_err();
    let mut is_ended = ending == Ending::Never;
    if !is_ended && !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let _ = stream.shutdown(Shutdown::Write);
        is_ended = true;
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let patience = if is_ended { ANSWER_MAX.saturating_sub(begun.elapsed()) } else { SILENCE };
        stream.set_read_timeout(Some(patience.max(SILENCE))).map_err(|error| error.to_string())?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if !is_timeout(&error) => {
                is_broken = true;
                break;
            }
            Err(_) if !is_ended => {
                let _ = stream.shutdown(Shutdown::Write);
                is_ended = true;
            }
            Err(_) => {
                return Err(format!("no end of the answer within {ANSWER_MAX:?}: {}", answer.escape_ascii()));
            }
        }
    }
    Ok(Exchange { answer, is_broken })
}

fn is_timeout(error: &std::io::Error) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted].contains(&error.kind())
}

/// How many inputs got an answer, so that a fuzzer that talks to nobody is noticed.
#[derive(Default)]
struct Tally {
    asked: u64,
    answered: u64,
}

impl Tally {
    /// Judges what came back. A whole request has an answer, unless it was refused while it was being sent.
    fn judge(&mut self, exchange: &Exchange, is_whole: bool) -> Result<(), String> {
        self.asked += 1;
        if exchange.answer.starts_with(b"HTTP/1.1 ") {
            self.answered += 1;
        } else if is_whole && !exchange.is_broken {
            return Err(format!(
                "a whole request has the answer {:?}",
                exchange.answer.escape_ascii().to_string()
            ));
        }
        judge(&exchange.answer)
    }

    fn is_enough(&self, percent: u64) -> Result<String, String> {
        let said = format!("{} of {} inputs had an answer", self.answered, self.asked);
        let is_enough = self.asked > 0 && self.answered * 100 >= self.asked * percent;
        if is_enough { Ok(said) } else { Err(format!("only {said}")) }
    }
}

/// Judges an answer: whatever was asked, the fault is not the server's, and an error says what it is.
fn judge(answer: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(answer);
    let Some(head) = text.strip_prefix("HTTP/1.1 ") else {
        // Nothing, or the beginning of HTTP/2.
        return Ok(());
    };
    let status: u16 = head.get(..3).and_then(|status| status.parse().ok()).unwrap_or(0);
    let shown: String = text.chars().take(600).collect();
    match status {
        500..=502 | 504.. if !text.contains("\"source\":\"invocation\"") => {
            Err(format!("the server blames itself: {shown}"))
        }
        400..=499 if text.contains("application/json") && !text.contains("\"message\"") => {
            Err(format!("an error without a message: {shown}"))
        }
        100..=599 => Ok(()),
        _ => Err(format!("a strange status: {shown}")),
    }
}

/// Puts a request together; the length of the body is always right, so that bodies are read.
fn request(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    if !body.is_empty() {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// Paths, headers and bodies of the ingress, as bytes on a socket.
pub struct Ingress {
    server: Server,
    /// Requests that are whole, and have an answer therefore.
    whole: Vec<Vec<u8>>,
    log_seen: u64,
    tally: Tally,
}

impl Ingress {
    pub fn start() -> Self {
        let server = Server::with(Guest::Probe);
        server.deploy(Guest::Abilities);
        Self { server, whole: whole_requests(), log_seen: 0, tally: Tally::default() }
    }
}

/// Requests of all kinds.
fn whole_requests() -> Vec<Vec<u8>> {
    let name = r#"{"name":"Ann"}"#;
    vec![
        request("POST /Probe/hello", &[("idempotency-key", "key-1")], name),
        request(
            "POST /restate/call/Probe/echo",
            &[("x-other", "1"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
            "[1,{}]",
        ),
        request("POST /Probe/echo/send?delay=10ms", &[("idempotency-key", "key-2")], "null"),
        request("POST /restate/send/Register/a%2Fb/add?delay=PT1S", &[], "5"),
        request("POST /Flow/one/run/send", &[], "[]"),
        request("GET /restate/workflow/Flow/one/attach", &[], ""),
        request("GET /restate/output/inv_18zmwd0zpKnd7n42DGM5Pr5gESa5Zl12l6", &[("accept", "*/*")], ""),
        request("GET /restate/invocation/Probe/hello/key-1/output", &[], ""),
        request("POST /restate/awakeables/sign_1PePOqp/resolve", &[], "true"),
        request("POST /restate/awakeables/prom_1PePOqp/reject", &[], "no"),
        request("GET /restate/health", &[("origin", "http://localhost")], ""),
        request("OPTIONS /Probe/hello", &[("origin", "null"), ("access-control-request-method", "POST")], ""),
    ]
}

impl Target for Ingress {
    fn name(&self) -> &'static str {
        "ingress"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        self.whole.clone()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"%00",
            b"%2F",
            b"%",
            b"%zz",
            b"//",
            b"/../",
            b"?delay=",
            b"P1Y",
            b"PT",
            b"1d",
            b"\r\n",
            b"\r\n\r\n",
            b"\0",
            b"transfer-encoding: chunked\r\n",
            b"content-length: 99999999999\r\n",
            b"expect: 100-continue\r\n",
            b"content-encoding: gzip\r\n",
            b"upgrade: h2c\r\n",
            b"inv_",
            b"sign_",
            b"prom_1",
            b"\xff\xfe",
            b"\xc3\xa4",
            b"idempotency-key: \r\n",
            b"x-restate-id: 1\r\n",
            b"[[[[",
            b"{\"a\":",
            b"\\ud800",
            b"PRI * HTTP/2.0",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let is_whole = self.whole.iter().any(|seed| seed == input);
        let ending = if is_whole { Ending::Never } else { Ending::AfterSilence };
        let exchange = exchange(self.server.ingress(), input, ending)?;
        self.tally.judge(&exchange, is_whole)?;
        is_well(&self.server, &mut self.log_seen)
    }

    fn finish(&mut self) -> Result<String, String> {
        // Many changes leave half a request, which has no answer.
        self.tally.is_enough(INGRESS_ANSWERED_PERCENT)
    }
}

/// Requests of the admin port: a line with method and path, and the body below.
pub struct Admin {
    server: Server,
    log_seen: u64,
    tally: Tally,
}

impl Admin {
    pub fn start() -> Self {
        let server = Server::with(Guest::Probe);
        server.deploy(Guest::Abilities);
        server.send("Act/script", &json!([{ "do": "sleep", "ms": 3_600_000 }]));
        Self { server, log_seen: 0, tally: Tally::default() }
    }
}

impl Target for Admin {
    fn name(&self) -> &'static str {
        "admin"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let requests = [
            ("GET /deployments", ""),
            ("PATCH /deployments/dp_1", r#"{"env":{"A":"b"},"allow_hosts":["localhost"]}"#),
            ("GET /services/Probe/handlers/hello", ""),
            (
                "PATCH /services/Probe",
                r#"{"public":true,"journal_retention":"1d","idempotency_retention":"PT1H"}"#,
            ),
            ("GET /services/Register/openapi", ""),
            (
                "POST /services/Register/state",
                r#"{"object_key":"a","new_state":{"value":[49]},"version":"x"}"#,
            ),
            ("GET /services/Register/objects?prefix=a&limit=3", ""),
            ("GET /services/Register/inbox?key=a", ""),
            (
                "POST /services/Probe/invoke",
                r#"{"handler":"hello","body":{"name":"Ann"},"key":null,"headers":[]}"#,
            ),
            (
                "GET /invocations?status=running&limit=5&sort=modified&before=x&text=a&created_after=2026-01-01T00:00:00Z",
                "",
            ),
            ("GET /invocations/summary?service=Act", ""),
            ("GET /invocations/inv_18zmwd0zpKnd7n42DGM5Pr5gESa5Zl12l6/journal?from=0&limit=2", ""),
            ("PATCH /invocations/inv_18zmwd0zpKnd7n42DGM5Pr5gESa5Zl12l6/restart-as-new?from=1", ""),
            (
                "POST /invocations/bulk/cancel",
                r#"{"filter":{"service":"Act","status":["suspended"]},"dry_run":true,"limit":10}"#,
            ),
            ("POST /tokens", r#"{"name":"ops","scope":"read","services":["Probe"]}"#),
            ("GET /audit?limit=3", ""),
            ("GET /logs?invocation=inv_1&after=0", ""),
            ("GET /config", ""),
            ("GET /openapi", ""),
            ("GET /awakeables?limit=1", ""),
        ];
        requests.iter().map(|(line, body)| format!("{line}\n{body}").into_bytes()).collect()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"null",
            b"{}",
            b"[]",
            b"\"\"",
            b"\"limit\":-1",
            b"?limit=0",
            b"&limit=99999999999",
            b"&sort=",
            b"&before=",
            b"%00",
            b"inv_",
            b"\"filter\":",
            b"\"status\":",
            b"\"dry_run\":false",
            b"1000000y",
            b"PT-1S",
            b"{\"a\":{\"a\":",
            b"DELETE ",
            b"PUT ",
            b"PATCH ",
            b"/purge",
            b"/kill",
            b"/state",
            b"\\u0000",
            b"\xff",
            b"&",
            b"=",
            b"'",
            b"*",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let line = input[..end].escape_ascii().to_string().replace(char::is_control, "");
        let (method, path) = line.split_once(' ').unwrap_or(("GET", &line));
        let path: String = path.chars().map(|char| if char == ' ' { '+' } else { char }).collect();
        let body = input.get(end + 1..).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let exchange = exchange(self.server.admin(), &[head.as_bytes(), body].concat(), Ending::Never)?;
        self.tally.judge(&exchange, true)?;
        is_well(&self.server, &mut self.log_seen)
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough(WHOLE_ANSWERED_PERCENT)
    }
}

/// Queries in SQL.
pub struct Sql {
    server: Server,
    log_seen: u64,
    tally: Tally,
}

impl Sql {
    pub fn start() -> Self {
        let server = Server::with(Guest::Probe);
        (0..20).for_each(|n| _ = server.send("Probe/echo", &json!(n)));
        Self { server, log_seen: 0, tally: Tally::default() }
    }
}

impl Target for Sql {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            "select id, status, target from sys_invocation where status = 'completed' order by created_at desc limit 5",
            "select service_name, count(*) as n from sys_journal group by 1 having n > 1",
            "with recursive c(n) as (select 1 union all select n + 1 from c where n < 50) select sum(n) from c",
            "select i.id, j.* from sys_invocation i join sys_journal j on i.id = j.id where j.\"index\" between 0 and 3",
            "select json_extract(value_utf8, '$.a'), length(value), hex(key) from state where service_name like 'P%'",
            "select row_number() over (partition by status order by id) from sys_invocation",
            "select * from sys_service s left join sys_deployment d on s.deployment_id = d.id",
            "values (1, 'a', x'00', null), (2.5, printf('%5d', 3), abs(-9), upper('ä'))",
            "explain query plan select * from sys_inbox",
            "select * from sys_columns",
        ]
        .map(|query| query.as_bytes().to_vec())
        .to_vec()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b" union all ",
            b" cross join sys_journal ",
            b"attach 'x' as y;",
            b"pragma ",
            b"replace(",
            b"zeroblob(1000000000)",
            b"randomblob(",
            b"printf('%999999999d', 1)",
            b"group_concat(",
            b"(select ",
            b"))",
            b"''",
            b"--",
            b"/*",
            b"x'",
            b"\"",
            b" like '%%%%%%%%%%%%a' ",
            b" glob ",
            b" regexp ",
            b"load_extension(",
            b"instr(",
            b"json_each(",
            b"quote(",
            b"?1",
            b" limit -1",
            b" collate nocase ",
            b"cast(",
            b" as integer)",
            b"delete from ",
            b"\0",
            b"\xff",
            b";",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let query = String::from_utf8_lossy(input).into_owned();
        let body = json!({ "query": query }).to_string();
        let exchange = exchange(self.server.admin(), &request("POST /query", &[], &body), Ending::Never)?;
        self.tally.judge(&exchange, true)?;
        // What a query leaves open must not fail the next one.
        let plain = self.server.admin().post("/query", r#"{"query":"select 1 as one"}"#);
        if plain.json()["rows"][0]["one"] != 1 {
            return Err(format!("afterwards nothing works: {}", plain.text()));
        }
        is_well(&self.server, &mut self.log_seen)
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough(WHOLE_ANSWERED_PERCENT)
    }
}
