//! The commands of the READMEs, executed in their order as somebody would who reads them.

use abide_e2e::api::text;
use abide_e2e::{Guest, Reply, Server, binary, curl};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a call may hang before the reader types the next command.
const PATIENCE: Duration = Duration::from_secs(3);

/// A curl that was typed, and its answer to come.
type Call = (String, Receiver<Reply>);

fn follow(readme: &str) {
    let server = Server::start();
    let deployment = server.deploy(Guest::Tour);
    let readme_text = std::fs::read_to_string(binary::workspace().join(readme)).expect("it is there");
    let mut hanging = Vec::new();
    let mut typed = 0;
    for command in commands(&readme_text) {
        let command = command.replace("dp_…", &deployment);
        match curl::words(&command).first_chunk().map(|words| words.each_ref().map(String::as_str)) {
            Some(["curl", _]) if !command.contains('…') => hanging.extend(call(&server, command)),
            Some(["abide", "invocations" | "deployments"]) => administer(&server, &command),
            _ => continue,
        }
        typed += 1;
    }
    assert!(typed >= 15, "{readme} has commands: {typed}");
    assert_eq!(hanging.len(), 1, "only Netflix keeps its caller waiting");
    for (command, answer) in hanging {
        check(&command, answer.recv_timeout(Duration::from_secs(20)).expect("NETFLIX=up repairs it"));
    }
}

/// Makes a call; returns it when it hangs.
fn call(server: &Server, command: String) -> Option<Call> {
    let (sender, answer) = channel();
    let listener = if command.contains("localhost:9070") { server.admin() } else { server.ingress() };
    let request = listener.curl(&command);
    std::thread::spawn(move || sender.send(request.send()));
    match answer.recv_timeout(PATIENCE) {
        Ok(reply) => {
            check(&command, reply);
            None
        }
        Err(_) => Some((command, answer)),
    }
}

fn administer(server: &Server, command: &str) {
    let words = curl::words(&command.replace("inv_…", &newest_invocation(server)));
    let arguments: Vec<_> = words[1..].iter().map(String::as_str).collect();
    server.abide(&arguments).expect(0);
}

#[track_caller]
fn check(command: &str, reply: Reply) {
    let expected = match command {
        refused if refused.contains("Disney\"]") => 500,
        sent if sent.contains("/send") => 202,
        _ => 200,
    };
    assert_eq!(reply.status, expected, "{command}\n{}", reply.text());
}

fn newest_invocation(server: &Server) -> String {
    let listing = server.admin().get("/invocations?limit=1").expect(200).json();
    text(&listing["invocations"][0]["id"])
}

/// Returns the commands of all blocks for a shell. A command ends with its line, but for quotes that
/// are open and backslashes.
fn commands(readme: &str) -> Vec<String> {
    let blocks = readme.split("```bash\n").skip(1).map(|rest| rest.split("```").next().expect("a part"));
    let mut commands = vec![String::new()];
    for line in blocks.flat_map(str::lines) {
        let command = commands.last_mut().expect("there is always one");
        command.push_str(line);
        let is_open = line.ends_with('\\') || command.matches('\'').count() % 2 == 1;
        if is_open {
            command.push('\n');
        } else {
            commands.push(String::new());
        }
    }
    commands
}

#[test]
fn the_tour_in_five_minutes() {
    follow("README.md");
}

#[test]
fn the_readme_of_the_tour() {
    follow("examples/tour/README.md");
}
