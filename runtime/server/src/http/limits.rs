//! Limits of the two HTTP ports, each with its reason.

use std::time::Duration;

/// Body of one ingress request. The same as the largest value a journal takes.
pub const INGRESS_BODY_BYTES_MAX: usize = abide_core::limits::VALUE_BYTES_MAX;
/// Body that describes an invocation to attach to or look up: two keys at most, and names.
pub const DESCRIPTION_BYTES_MAX: usize = 16 << 10;
/// Body of a call over the admin port: an input in a frame of JSON.
pub const INVOKE_BODY_BYTES_MAX: usize = INGRESS_BODY_BYTES_MAX + (1 << 20);
/// How long a call over the admin port is waited for, when the caller names no time, and at most.
pub const INVOKE_WAIT_DEFAULT: Duration = Duration::from_secs(10);
pub const INVOKE_WAIT_MAX: Duration = Duration::from_secs(60);
/// Any body but an input and an upload; the latter's limit is with the deployments.
pub const ADMIN_BODY_BYTES_MAX: usize = 1 << 20;
/// All the headers of a request together.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// A client has this long to send its headers, also on a connection it keeps open.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A client has this long for its part of a TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client has this long for each `BODY_PACE_BYTES` of a body, and for what is left of it.
pub const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(60);
pub const BODY_PACE_BYTES: usize = 256 << 10;
/// The longest pause of a client within the reading of an answer.
pub const ANSWER_STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that says nothing is asked for a sign of life by the system after this long, and so many times; then it
/// counts as gone.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
pub const KEEPALIVE_PROBES: u32 = 4;
/// Between two looks whether the client of an open request is gone, where it is not noticed at once.
pub const GONE_LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// How long a backup waits, all in all, while its client reads the next `BACKUP_PACE_BYTES`.
pub const BACKUP_STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The server keeps what a running backup needs, so one that is read by drops is given up.
pub const BACKUP_PACE_BYTES: usize = 4 << 20;
/// What is still read of a refused body, so that its sender gets to see the answer.
pub const BODY_DISCARDED_BYTES_MAX: usize = 256 << 20;
/// The body of a request that there is no room for is read so far and so long, and forgotten, for the same reason.
pub const SHED_BODY_BYTES_MAX: usize = 4 << 20;
pub const SHED_BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Open connections per port; more wait in the queue of the operating system.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Requests at a time on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 1_024;
/// A connection without a sign of life is asked for one after this long: calls stay open for days.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long what is open may go on after the server was asked to stop; then requests are told that it stops.
pub const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);
/// How long connections may stay open after that, for the answers.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Between two looks whether anything is open still.
pub const SHUTDOWN_LOOK: Duration = Duration::from_millis(10);
/// What a client is told to wait before it tries again, in seconds.
pub const RETRY_AFTER_SECONDS: &str = "5";
/// The same, when there is too much to do: at random up to this many, so that those who are refused together do not
/// come back together.
pub const OVERLOAD_RETRY_SECONDS_MAX: u8 = 3;
/// Invocations in one answer, when the caller names no number, and at most.
pub const INVOCATIONS_DEFAULT: usize = 50;
pub const INVOCATIONS_MAX: usize = 1_000;
/// Invocations that one bulk request acts on, how many of them at once, and the bytes of its body.
pub const BULK_MAX: usize = 1_000;
pub const BULK_AT_ONCE: usize = 64;
pub const BULK_BODY_BYTES_MAX: usize = 256 << 10;
/// Bytes of the failure that an invocation ended with, in a list; all of it is shown with the invocation.
pub const FAILURE_LISTED_BYTES_MAX: usize = 300;
/// Items of a journal in one answer, when the caller names no number, and at most.
pub const JOURNAL_ITEMS_MAX: usize = 10_000;
/// Bytes of the items after which a page of a journal ends, however many are asked for: they may have large headers.
pub const JOURNAL_PAGE_BYTES_MAX: usize = 16 << 20;
/// Lines of logs in one answer, when the caller names no number, and at most.
pub const LOG_LINES_DEFAULT: usize = 1_000;
pub const LOG_LINES_MAX: usize = 10_000;
/// How long a question for new lines may wait for one.
pub const LOG_WAIT_MAX: Duration = Duration::from_secs(30);
/// Bytes of a payload that the journal view shows; more is cut.
pub const PAYLOAD_SHOWN_BYTES_MAX: usize = 4 << 10;
/// Names of values in a state that the journal view shows; more are counted only.
pub const NAMES_SHOWN_MAX: usize = 100;
/// What an invocation waits for, as its view lists it; more is counted only.
pub const WAITING_SHOWN_MAX: usize = 1_000;
/// The same, for each invocation of a list.
pub const WAITING_LISTED_MAX: usize = 3;
/// Body of an edit of a state: values as lists of numbers are four times as long as they are.
pub const STATE_BODY_BYTES_MAX: usize = 64 << 20;
/// Values of a state in one answer, unless all are asked for.
pub const STATE_VALUES_SHOWN_MAX: usize = 1_000;
/// Objects in one answer, when the caller names no number, and at most.
pub const OBJECTS_DEFAULT: usize = 50;
pub const OBJECTS_MAX: usize = 1_000;
/// Promises of a workflow in one answer.
pub const PROMISES_SHOWN_MAX: usize = 1_000;
/// Calls of an invocation in one answer, when the caller names no number.
pub const CHILDREN_DEFAULT: usize = 100;
/// Invocations that are searched for awakeables for one answer.
pub const AWAKEABLES_SEARCHED_MAX: usize = 500;
