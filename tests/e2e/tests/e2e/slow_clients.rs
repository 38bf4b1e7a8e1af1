//! Clients that are slow, go away without a word, or hold many connections: each is cut off by a limit, and nobody else
//! notices.

use crate::flood::block_on;
use abide_e2e::api::millis;
use abide_e2e::{Client, Guest, Server, Setup, eventually};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Probe);
    server
}

fn still_answers(server: &Server) {
    server.call("Probe/hello", &json!({ "name": "you" })).expect(200);
}

/// Sends a little at a time until the server has had enough. Returns for how long it took it.
fn drip(stream: &mut TcpStream, pieces: impl Iterator<Item = u8>, pause: Duration) -> Duration {
    let begin = Instant::now();
    stream.set_read_timeout(Some(pause)).expect("a pause can be set");
    for piece in pieces {
        if stream.write_all(&[piece]).is_err() {
            break;
        }
        // An answer, or the end of the connection.
        match stream.peek(&mut [0]) {
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Ok(_) | Err(_) => break,
        }
    }
    begin.elapsed()
}

#[test]
fn headers_byte_by_byte_are_cut_off_on_both_ports() {
    let server = server(&["--http-header-timeout", "1s"]);
    for port in [server.ingress(), server.admin()] {
        let endless =
            b"GET /health HTTP/1.1\r\nx-slow: ".iter().copied().chain(std::iter::repeat(b'x')).take(400);
        let took = drip(&mut port.connect(), endless, millis(50));
        assert!((millis(500)..millis(10_000)).contains(&took), "{took:?}");
    }
    still_answers(&server);
}

#[test]
fn giant_headers_are_refused_on_the_admin_port_as_well() {
    let server = server(&[]);
    for header in ["x-long: ".to_owned() + &"a".repeat(300 << 10), "x: y\r\n".repeat(20_000)] {
        let request = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n");
        for port in [server.admin(), server.ingress()] {
            let answer = port.raw(request.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer:?}");
        }
    }
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(300 << 10));
    for port in [server.admin(), server.ingress()] {
        let answer = port.raw(long_path.as_bytes());
        let is_refused = ["HTTP/1.1 414", "HTTP/1.1 431"].iter().any(|start| answer.starts_with(start));
        assert!(is_refused || answer.is_empty(), "{answer:?}");
    }
    still_answers(&server);
}

#[test]
fn a_body_that_stalls_or_drips_is_given_up() {
    let server = server(&["--ingress-body-timeout", "600ms"]);
    let head = "POST /Probe/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n";
    for (count, pause) in [(1, millis(30_000)), (3_000, millis(50))] {
        let mut stream = server.ingress().connect();
        stream.write_all(head.as_bytes()).expect("the port is open");
        let took = drip(&mut stream, std::iter::repeat_n(b'x', count), pause);
        assert!((millis(300)..millis(10_000)).contains(&took), "{took:?}");
        stream.set_read_timeout(Some(millis(10_000))).expect("a pause can be set");
        let reply = abide_e2e::http::read_reply(&mut BufReader::new(stream), false).expect("an answer");
        assert_eq!(reply.status, 408, "{}", reply.text());
    }
    assert_eq!(server.numbers().of("abide_request_bodies_bytes", &[]), 0.0);
    still_answers(&server);
}

#[test]
fn who_does_not_read_its_answer_is_left() {
    let server = server(&["--http-answer-timeout", "500ms"]);
    let size = 24 << 20;
    let input = json!({ "n": size, "url": "" }).to_string();
    let request = server.ingress().request("POST", "/Probe/big").json(&input);
    let mut stream = request.start().expect("the port is open");
    stream.write_all(input.as_bytes()).expect("the port is open");
    eventually("the answer is there", || stream.peek(&mut [0]).is_ok_and(|read| read == 1).then_some(()));
    eventually("the server closes", || is_closed(&server, &stream).then_some(()));
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    assert!(received.len() < size, "{} bytes came", received.len());
    still_answers(&server);
}

/// Over HTTP/2 a client can read all that is sent and yet open no window for its answer.
#[test]
fn who_does_not_take_its_answer_over_http2_is_left_and_who_takes_it_slowly_is_not() {
    let server = server(&["--http-answer-timeout", "500ms"]);
    let addr = server.ingress().addr;
    const SIZE: usize = 1 << 20;
    /// So much of the answer may be on its way, unread: hyper's own choice is more than all of it.
    const WINDOW: u32 = 64 << 10;
    let taken = |pauses: Duration| {
        block_on(async move {
            let stream = tokio::net::TcpStream::connect(addr).await.expect("the port is open");
            let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(WINDOW)
                .handshake(TokioIo::new(stream))
                .await
                .expect("the server speaks HTTP/2");
            tokio::spawn(connection);
            let input = Bytes::from(json!({ "n": SIZE, "url": "" }).to_string());
            let request = http::Request::post(format!("http://{addr}/Probe/big"))
                .header("content-type", "application/json")
                .body(Full::new(input))
                .expect("the request is well-formed");
            let response = sender.send_request(request).await.expect("an answer");
            let mut body = response.into_body();
            let mut received = 0;
            // Another stream of the connection is well meanwhile, and afterwards.
            let health = || {
                let health = http::Request::get(format!("http://{addr}/restate/health"));
                health.body(Full::default()).expect("the request is well-formed")
            };
            loop {
                sender.send_request(health()).await.expect("an answer");
                tokio::time::sleep(pauses).await;
                match body.frame().await {
                    Some(Ok(frame)) => received += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) | None => break,
                }
            }
            let healthy = sender.send_request(health()).await.expect("the connection lives");
            assert_eq!(healthy.status(), 200);
            received
        })
    };
    assert!(taken(millis(20)) > SIZE, "a string of so many characters, and its quotes");
    assert!(taken(millis(3_000)) < SIZE / 2);
    still_answers(&server);
}

/// Says whether the server's end of a connection is no longer its own.
fn is_closed(server: &Server, stream: &TcpStream) -> bool {
    socket(server, stream).is_none_or(|(state, _)| state != ESTABLISHED)
}

const ESTABLISHED: &str = "01";
const KEEPALIVE: &str = "02";

/// Returns the state, and the kind of the timer, of the server's end of a connection, as the kernel lists them.
fn socket(server: &Server, stream: &TcpStream) -> Option<(String, String)> {
    let id = server.process().id().as_raw_pid();
    let listed = std::fs::read_to_string(format!("/proc/{id}/net/tcp")).expect("the kernel lists sockets");
    let port = |address: std::io::Result<std::net::SocketAddr>| {
        format!(":{:04X}", address.expect("an address").port())
    };
    let (near, far) = (port(stream.peer_addr()), port(stream.local_addr()));
    listed.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_it = fields[1].ends_with(&near) && fields[2].ends_with(&far);
        is_it.then(|| (fields[3].to_owned(), fields[5][..2].to_owned()))
    })
}

/// A client that lost its power says nothing. Only the system can find that out, and does when it is told to.
#[test]
fn the_system_looks_after_clients_that_say_nothing() {
    let server = server(&[]);
    for port in [server.ingress(), server.admin()] {
        let stream = port.connect();
        let expected = Some((ESTABLISHED.to_owned(), KEEPALIVE.to_owned()));
        eventually("it is watched", || (socket(&server, &stream) == expected).then_some(()));
    }
}

/// Opens a connection and asks once over it; it stays open.
fn idle(port: Client) -> TcpStream {
    let mut stream = port.connect();
    stream.write_all(b"GET /restate/health HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the port is open");
    let reply = abide_e2e::http::read_reply(&mut BufReader::new(&stream), false).expect("an answer");
    assert_eq!(reply.status, 200);
    stream
}

/// Opens connections that stay open, a few at a time: one after the other would take several times as long.
fn idle_connections(port: Client, count: usize) -> Vec<TcpStream> {
    const AT_ONCE: usize = 8;
    std::thread::scope(|scope| {
        let open = |opener: usize| {
            let own = (opener..count).step_by(AT_ONCE);
            scope.spawn(move || own.map(|_| idle(port)).collect::<Vec<_>>())
        };
        let openers: Vec<_> = (0..AT_ONCE).map(open).collect();
        openers.into_iter().flat_map(|opener| opener.join().expect("all of them are opened")).collect()
    })
}

/// Returns how many connections there may be, 10,000 if that is allowed. Both ends are on this machine, with one limit each.
fn idle_count() -> usize {
    const WANTED: usize = 10_000;
    const NEEDED: usize = 2_000;
    /// Of them that the ingress may have, those for other requests.
    const OTHERS: usize = 100;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("it may be raised so far");
    let Some(allowed) = limit.maximum.and_then(|maximum| usize::try_from(maximum).ok()) else {
        return WANTED;
    };
    // The server keeps three eighths of its descriptors for other things.
    let count = (allowed / 8 * 5).saturating_sub(OTHERS).min(WANTED);
    assert!(count >= NEEDED, "{allowed} open files allow {count} connections, {NEEDED} are needed");
    if count < WANTED {
        println!("only {count} connections instead of {WANTED}: {allowed} open files are allowed");
    }
    count
}

#[test]
fn idle_connections_are_in_nobodys_way() {
    let idle_count = idle_count();
    let server = server(&["--http-header-timeout", "10m"]);
    let memory = || server.numbers().of("process_resident_memory_bytes", &[]) / f64::from(1 << 20);
    let (before, begin) = (memory(), Instant::now());
    let connections = idle_connections(server.ingress(), idle_count);
    let grown = memory() - before;
    let call = Instant::now();
    still_answers(&server);
    println!(
        "{idle_count} connections in {:.1?}: {grown:+.0} MiB, a call {:.1?}",
        begin.elapsed(),
        call.elapsed()
    );
    assert!(call.elapsed() < millis(1_000), "{:?}", call.elapsed());
    assert!(grown < 0.045 * idle_count as f64, "{grown} MiB");
    drop(connections);
    eventually("they are gone", || (server.numbers().of("process_open_fds", &[]) < 500.0).then_some(()));
}

#[test]
fn streams_that_are_reset_at_once_leave_nothing() {
    let server = server(&["--http-streams-max", "100"]);
    let addr = server.ingress().addr;
    let sleep = |n: usize| {
        http::Request::post(format!("http://{addr}/Probe/sleep"))
            .header("content-type", "application/json")
            .header("x-n", n.to_string())
            .body(Full::new(Bytes::from(json!({ "ms": 200 }).to_string())))
            .expect("the request is well-formed")
    };
    block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("the port is open");
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        for n in 0..3_000 {
            let reset = sender.send_request(sleep(n));
            // Lets the request go out, and gives it up.
            let _ = tokio::time::timeout(Duration::from_micros(100), reset).await;
            if sender.is_closed() {
                break;
            }
        }
    });
    still_answers(&server);
    eventually("nobody waits", || (server.numbers().of("abide_calls_open", &[]) == 0.0).then_some(()));
}

#[test]
fn many_streams_of_one_connection_are_all_answered() {
    let server = server(&["--http-streams-max", "50"]);
    let addr = server.ingress().addr;
    let statuses = block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("the port is open");
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        let ask = |n: usize| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                let request = http::Request::post(format!("http://{addr}/Probe/echo"))
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(n.to_string())));
                let response =
                    sender.send_request(request.expect("it is well-formed")).await.expect("an answer");
                response.status().as_u16()
            })
        };
        let asked: Vec<_> = (0..400).map(ask).collect();
        let mut statuses = Vec::new();
        for each in asked {
            statuses.push(each.await.expect("no panics"));
        }
        statuses
    });
    assert_eq!(statuses, vec![200; 400]);
}
