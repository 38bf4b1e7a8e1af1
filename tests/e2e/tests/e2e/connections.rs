//! What happens on the wire: HTTP/2, malformed requests, clients that go away.

use abide_e2e::api::millis;
use abide_e2e::{Client, Counter, Guest, Reaction, Server, eventually};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use std::io::{Read, Write};
use std::time::Duration;

/// Sends one request over HTTP/2 with prior knowledge.
async fn http2(client: Client, path: &str, body: Vec<u8>) -> (u16, Option<String>, Vec<u8>) {
    let stream = tokio::net::TcpStream::connect(client.addr).await.expect("the port is open");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://{}{path}", client.addr))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("the request is well-formed");
    let response = sender.send_request(request).await.expect("an answer");
    let status = response.status().as_u16();
    let id = response.headers().get("x-restate-id").map(|id| id.to_str().expect("ASCII").to_owned());
    let body = response.into_body().collect().await.expect("a whole body");
    (status, id, body.to_bytes().to_vec())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

#[test]
fn http2_with_prior_knowledge_works_on_the_same_port() {
    let server = Server::with(Guest::Probe);
    block_on(async {
        let (status, id, body) = http2(server.ingress(), "/Probe/hello", br#"{"name":"h2"}"#.to_vec()).await;
        assert_eq!((status, body.as_slice()), (200, &b"\"Hello h2\""[..]));
        assert!(id.is_some());
        let (status, id, _) = http2(server.ingress(), "/Probe/nope", b"{}".to_vec()).await;
        assert_eq!((status, id), (404, None));
        let (status, _, body) = http2(server.ingress(), "/Probe/hello", vec![b' '; (32 << 20) + 1]).await;
        assert_eq!((status, body.as_slice()), (413, &b"length limit exceeded"[..]));
    });
}

#[test]
fn malformed_requests_are_refused_and_the_server_goes_on() {
    let server = Server::with(Guest::Probe);
    let cases: &[(&[u8], &[&str])] = &[
        (b"this is not HTTP\r\n\r\n", &["HTTP/1.1 400", ""]),
        (b"GET /Probe/nothing HTTP/1.1\r\nhost localhost\r\n\r\n", &["HTTP/1.1 400"]),
        (b"GET /Probe/nothing HTTP/9.9\r\nhost: localhost\r\n\r\n", &["HTTP/1.1 400", ""]),
        (b"POST /Probe/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n", &["HTTP/1.1 400"]),
        (
            b"POST /Probe/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
            &["HTTP/1.1 400"],
        ),
        (
            b"POST /Probe/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            &["HTTP/1.1 400", ""],
        ),
        (b"GET /Probe/\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n", &["HTTP/1.1 400", "HTTP/1.1 404"]),
        (b"GET /Probe/no%ZZthing HTTP/1.1\r\nhost: localhost\r\n\r\n", &["HTTP/1.1 404"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &["HTTP/1.1 400", ""]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame", &[""]),
        (b"", &[""]),
    ];
    for (bytes, expected) in cases {
        let answer = server.ingress().raw(bytes);
        let shown = String::from_utf8_lossy(bytes);
        assert!(expected.iter().any(|start| answer.starts_with(start)), "{shown:?}: {answer:?}");
    }
    server.call("Probe/hello", &json!({ "name": "still there" })).expect(200);
}

#[test]
fn headers_without_end_are_cut_off() {
    let server = Server::with(Guest::Probe);
    let mut request = b"GET /Probe/nothing HTTP/1.1\r\nhost: localhost\r\n".to_vec();
    request.extend(format!("x-long: {}\r\n\r\n", "a".repeat(300 << 10)).bytes());
    let answer = server.ingress().raw(&request);
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer:?}");
    server.call("Probe/hello", &json!({ "name": "still there" })).expect(200);
}

#[test]
fn a_body_that_breaks_off_submits_nothing() {
    let server = Server::with(Guest::Probe);
    let head = "POST /Probe/echo/send HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let cut = format!("{head}content-length: 100\r\n\r\n[1,2,");
    let answer = server.ingress().raw(cut.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer:?}");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n5\r\n[1,2,\r\n");
    let answer = server.ingress().raw(chunked.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer:?}");
    let listing = server.admin().get("/invocations").expect(200).json();
    assert_eq!(listing["invocations"], json!([]));
}

#[test]
fn one_connection_carries_many_requests() {
    let server = Server::with(Guest::Probe);
    let mut stream = server.ingress().connect();
    let one = "POST /Probe/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n";
    // Pipelined, the last one closes.
    let last = one.replace("host: localhost", "host: localhost\r\nconnection: close");
    stream.write_all(format!("{one}1{one}2{last}3").as_bytes()).expect("the connection is open");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("three answers");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    let places = ["\r\n\r\n1", "\r\n\r\n2", "\r\n\r\n3"].map(|body| answers.find(body).expect("its body"));
    assert!(places.is_sorted());
}

#[test]
fn a_client_that_goes_away_cancels_nothing() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(millis(300), hit.body.clone()));
    let input = json!({ "n": 3, "url": counter.url("/gone") }).to_string();
    let request = server.ingress().request("POST", "/Probe/steps").json(&input);
    let impatient = request.timeout(Duration::from_millis(100)).try_send();
    assert!(impatient.is_err());
    let id = server.only_invocation("Probe");
    let reply = server.attach(&id).expect(200);
    assert_eq!(reply.json(), json!(["step-0", "step-1", "step-2"]));
    assert_eq!(counter.bodies("/gone"), ["step-0", "step-1", "step-2"]);
}

#[test]
fn many_may_wait_for_one_answer() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(millis(500), hit.body.clone()));
    let id = server.send("Probe/steps", &json!({ "n": 1, "url": counter.url("/wait") }));
    eventually("the step is asked", || (counter.count() == 1).then_some(()));
    let not_ready = server.output(&id);
    assert_eq!(not_ready.status, 470);
    assert_eq!(
        not_ready.text(),
        r#"{"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}"#
    );
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| server.attach(&id))).collect();
        for reply in waiting {
            assert_eq!(reply.join().expect("no panics").expect(200).text(), r#"["step-0"]"#);
        }
    });
    let body = json!({ "target": "invocation", "invocationId": id }).to_string();
    assert_eq!(server.ingress().post("/restate/attach", &body).expect(200).text(), r#"["step-0"]"#);
    assert_eq!(server.ingress().post("/restate/output", &body).expect(200).text(), r#"["step-0"]"#);
    let looked_up = server.ingress().post("/restate/lookup", &body).expect(200);
    assert_eq!(looked_up.json(), json!({ "invocationId": id }));
    let legacy = server.ingress().get(&format!("/restate/invocation/{id}/output")).expect(200);
    assert_eq!(legacy.header("x-restate-id"), Some(id.as_str()));
}

#[test]
fn an_unknown_invocation_is_not_found_in_two_ways() {
    let server = Server::with(Guest::Probe);
    let unknown = "inv_1000000000070000000000000000000005";
    let output = server.output(unknown).expect(404);
    assert_eq!(output.text(), r#"{"code":404,"message":"invocation not found","source":"ingress"}"#);
    let attach = server.attach(unknown).expect(404);
    assert_eq!(attach.text(), r#"{"code":404,"message":"not found","source":"invocation"}"#);
    assert_eq!(attach.header("x-restate-id"), Some(unknown));
}

#[test]
fn a_delayed_send_says_when_and_begins_then() {
    let server = Server::with(Guest::Probe);
    for delay in ["PT1H", "1h+30m", "60sec", "P1D"] {
        let path = format!("/restate/send/Probe/echo?delay={delay}");
        let reply = server.ingress().post(&path, "1").expect(202).json();
        let at = reply["executionTime"].as_str().expect("a time");
        assert!(at.len() == "2026-11-22T16:18:04.153000000Z".len() && at.ends_with("000000Z"), "{at}");
        assert_eq!(reply["status"], "Accepted");
        let id = reply["invocationId"].as_str().expect("an id");
        assert_eq!(server.invocation(id)["status"], "scheduled");
    }
    let soon = server.ingress().post("/Probe/echo/send?DELAY=300ms", "7").expect(202);
    let id = soon.header("x-restate-id").expect("an id").to_owned();
    assert_eq!(server.output(&id).status, 470);
    assert_eq!(server.attach(&id).expect(200).text(), "7");
    let now = server.ingress().post("/Probe/echo/send?delay=0s", "8").expect(202);
    assert!(now.json()["executionTime"].is_string());
    assert_eq!(server.attach(now.header("x-restate-id").expect("an id")).expect(200).text(), "8");
    let plain = server.ingress().post("/Probe/echo/send", "9").expect(202);
    assert_eq!(plain.json().as_object().expect("an object").len(), 2, "{}", plain.text());
}
