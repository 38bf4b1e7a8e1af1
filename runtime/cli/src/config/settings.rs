//! The settings of a server: every one there is, each declared once. Flags, variables, the file and all
//! that is printed come from here.

use crate::config::kind::Kind::{self, Address, Choice, Count, List, Size, Switch, Text, Time, Tokens};
use crate::config::setting::{OnHangup, Setting};
use crate::config::units::{DAY_MS, GIB, HOUR_MS, KIB, MIB, SECOND_MS};
use abide_server::Config;

/// Everything a server is started with.
#[derive(Clone, Default)]
pub struct Settings {
    pub server: Config,
    pub log: Log,
}

/// How the server logs.
#[derive(Clone)]
pub struct Log {
    pub format: String,
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), filter: "info".to_owned() }
    }
}

/// The sections of the file, in their order, with what they are about.
pub const SECTIONS: &[(&str, &str)] = &[
    ("data", "Where everything is kept."),
    ("ingress", "The port where handlers are called."),
    ("admin", "The port where the server is administered, and its web page."),
    ("guests", "What handlers may use."),
    ("http", "Limits of both ports."),
    ("audit", "The trail of changes that were asked for on the admin port: audit.log in the data folder."),
    ("sql", "Queries over what is stored: abide sql, and POST /query of the admin port."),
    ("store", "How data is kept on the disk."),
    ("log", "What the server tells about itself, on standard error."),
    ("traces", "Where it tells what invocations do, as spans."),
];

const FOLDER: Kind = Text { hint: "DIR" };
const FILE: Kind = Text { hint: "FILE" };
const FILTER: Kind = Text { hint: "FILTER" };
const TOKEN: Kind = Text { hint: "TOKEN" };
const SERVICE: Kind = List { hint: "SERVICE" };
const HOST: Kind = List { hint: "HOST" };
const ORIGIN: Kind = List { hint: "ORIGIN" };
const VALUE_BYTES_MAX: u64 = abide_server::VALUE_BYTES_MAX as u64;
const PARTITIONS_MAX: u64 = abide_server::PARTITIONS_MAX as u64;

/// Every setting, by section.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "data.folder",
        FOLDER,
        |s| &mut s.server.data,
        "The folder that keeps everything; it is made when it is not there.",
    )
    .flag("data"),
    Setting::new(
        "data.partitions",
        Count { min: 1, max: PARTITIONS_MAX },
        |s| &mut s.server.partitions,
        "Into how many parts a new data folder is divided; they work side by side.",
    )
    .flag("partitions")
    .unset("as the folder says, 4 for a new one"),
    Setting::new("ingress.listen", Address, |s| &mut s.server.ingress.listen, "Where handlers are called.")
        .flag("ingress"),
    Setting::new(
        "ingress.tls_cert",
        FILE,
        |s| &mut s.server.ingress.tls.cert,
        "The certificate and those that signed it, in PEM; with it the port speaks https.",
    )
    .unset("none: plain http")
    .on_hangup(OnHangup::ReadsFile),
    Setting::new(
        "ingress.tls_key",
        FILE,
        |s| &mut s.server.ingress.tls.key,
        "The private key of the certificate, in PEM.",
    )
    .unset("none")
    .on_hangup(OnHangup::ReadsFile),
    Setting::new(
        "ingress.body_max",
        Size { min: KIB, max: VALUE_BYTES_MAX },
        |s| &mut s.server.ingress.body_bytes_max,
        "The largest body of a call.",
    )
    .rare(),
    Setting::new(
        "ingress.body_timeout",
        Time { min: 100, max: HOUR_MS },
        |s| &mut s.server.ingress.body_timeout,
        "How long a client may take for each 256 KiB of a body, and for the rest of it.",
    )
    .rare(),
    Setting::new(
        "ingress.bodies_max",
        Size { min: MIB, max: 1 << 40 },
        |s| &mut s.server.load.bodies_bytes_max,
        "Memory for bodies that are read or wait to be stored, half of it for those over 64 KiB; more come back later. Those for awakeables, signals and states have as much again.",
    )
    .rare(),
    Setting::new(
        "ingress.waiting_max",
        Count { min: 1, max: 1_000_000_000 },
        |s| &mut s.server.load.waiting_max,
        "With so many invocations of a service that wait for their start, new requests to it wait for a second and are then told to \
         come back later.",
    )
    .rare(),
    Setting::new(
        "ingress.key_queue_max",
        Count { min: 1, max: 1_000_000_000 },
        |s| &mut s.server.load.key_queue_max,
        "With so many invocations that wait for the key of an object, new ones wait for a second and are then told to come back \
         later.",
    )
    .rare(),
    Setting::new(
        "ingress.require_token",
        Switch,
        |s| &mut s.server.ingress.require_token,
        "Whether calls need a token.",
    ),
    Setting::new(
        "ingress.require_token_for",
        SERVICE,
        |s| &mut s.server.ingress.require_token_for,
        "Services whose calls need a token in any case.",
    ),
    Setting::new(
        "ingress.no_token_for",
        SERVICE,
        |s| &mut s.server.ingress.no_token_for,
        "Services whose calls need no token, whatever the others need.",
    ),
    Setting::new(
        "ingress.cors_origins",
        ORIGIN,
        |s| &mut s.server.ingress.cors_origins,
        "Origins whose web pages may call, for example https://shop.example; * for all.",
    ),
    Setting::new(
        "ingress.allowed_hosts",
        HOST,
        |s| &mut s.server.ingress.allowed_hosts,
        "Names of this port besides those of loopback; * for all.",
    )
    .rare(),
    Setting::new(
        "admin.listen",
        Address,
        |s| &mut s.server.admin.listen,
        "Where the server is administered. Off loopback it needs a token.",
    )
    .flag("admin"),
    Setting::new(
        "admin.tls_cert",
        FILE,
        |s| &mut s.server.admin.tls.cert,
        "The certificate and those that signed it, in PEM; with it the port speaks https.",
    )
    .unset("none: plain http")
    .on_hangup(OnHangup::ReadsFile),
    Setting::new(
        "admin.tls_key",
        FILE,
        |s| &mut s.server.admin.tls.key,
        "The private key of the certificate, in PEM.",
    )
    .unset("none")
    .on_hangup(OnHangup::ReadsFile),
    Setting::new(
        "admin.token",
        TOKEN,
        |s| &mut s.server.admin.token,
        "A token of the admin port that you chose.",
    )
    .secret()
    .on_hangup(OnHangup::TakesOver),
    Setting::new(
        "admin.tokens",
        Tokens,
        |s| &mut s.server.admin.tokens,
        "Tokens by their SHA-256; abide tokens create makes them.",
    )
    .on_hangup(OnHangup::TakesOver),
    Setting::new(
        "admin.require_token",
        Switch,
        |s| &mut s.server.admin.require_token,
        "Whether a token is needed on loopback, too; elsewhere it is in any case.",
    ),
    Setting::new(
        "admin.allowed_hosts",
        HOST,
        |s| &mut s.server.admin.allowed_hosts,
        "Names of this port besides those of loopback; * for all.",
    )
    .rare(),
    Setting::new(
        "guests.memory_max",
        Size { min: 2 * MIB, max: 4 * GIB },
        |s| &mut s.server.guests.memory_bytes_max,
        "Memory of one guest.",
    )
    .old_flags(&[("guest-memory-mib", "MiB")]),
    Setting::new(
        "guests.cpu_max",
        Time { min: 1, max: DAY_MS },
        |s| &mut s.server.guests.cpu_ms_max,
        "How long a guest may compute without waiting for anything; an endless loop ends here.",
    )
    .old_flags(&[("guest-cpu-ms", "ms")]),
    Setting::new(
        "guests.attempts_max",
        Count { min: 1, max: 1_000_000 },
        |s| &mut s.server.guests.attempts_max,
        "Attempts in memory at once, of one service seven eighths at most; more wait until others end or are suspended.",
    )
    .old_flags(&[("attempts-max", "")]),
    Setting::new(
        "guests.waiting_max",
        Count { min: 1, max: 10_000_000 },
        |s| &mut s.server.guests.waiting_max,
        "Invocations of one service that may wait for their first start before handlers that call it are held up.",
    )
    .rare(),
    Setting::new(
        "guests.suspend_after",
        Time { min: 0, max: DAY_MS },
        |s| &mut s.server.guests.suspend_after_ms,
        "How long an attempt that only waits is kept in memory.",
    )
    .old_flags(&[("suspend-after-ms", "ms")]),
    Setting::new(
        "guests.value_max",
        Size { min: KIB, max: VALUE_BYTES_MAX },
        |s| &mut s.server.guests.value_bytes_max,
        "The largest value a guest hands over: a result, an input, a value of the state.",
    )
    .rare(),
    Setting::new(
        "guests.log_max",
        Size { min: 0, max: GIB },
        |s| &mut s.server.guests.log_bytes_max,
        "How much log an attempt may write; what follows is dropped, and said so once.",
    )
    .rare(),
    Setting::new(
        "guests.logs_kept_max",
        Size { min: MIB, max: 1 << 40 },
        |s| &mut s.server.logs.bytes_max,
        "How much of what handlers log is kept; the oldest goes first.",
    )
    .rare(),
    Setting::new(
        "guests.logs_kept_each",
        Size { min: KIB, max: GIB },
        |s| &mut s.server.logs.bytes_per_invocation_max,
        "How much of it is kept of one invocation.",
    )
    .rare(),
    Setting::new(
        "http.connections_max",
        Count { min: 1, max: 1_000_000 },
        |s| &mut s.server.http.connections_max,
        "Open connections per port; more wait in the queue of the operating system.",
    )
    .rare(),
    Setting::new(
        "http.streams_max",
        Count { min: 1, max: 1_000_000 },
        |s| &mut s.server.http.streams_max,
        "Requests at a time on one HTTP/2 connection.",
    )
    .rare(),
    Setting::new(
        "http.header_timeout",
        Time { min: SECOND_MS, max: HOUR_MS },
        |s| &mut s.server.http.header_timeout,
        "How long a client may take to send its headers, also on a connection it keeps open.",
    )
    .rare(),
    Setting::new(
        "http.handshake_timeout",
        Time { min: 100, max: HOUR_MS },
        |s| &mut s.server.http.handshake_timeout,
        "How long a client may take for its part of a TLS handshake.",
    )
    .rare(),
    Setting::new(
        "http.answer_timeout",
        Time { min: 100, max: HOUR_MS },
        |s| &mut s.server.http.answer_timeout,
        "How long a client may pause while it reads an answer; then its connection is closed, over HTTP/2 only the stream.",
    )
    .rare(),
    Setting::new(
        "http.stop_patience",
        Time { min: 0, max: HOUR_MS },
        |s| &mut s.server.http.stop_patience,
        "How long what is open may go on after the server was asked to stop; it ends sooner when nothing is. \
         Whoever starts the server has to wait longer before killing it (systemd: TimeoutStopSec).",
    )
    .rare(),
    Setting::new(
        "audit.file_max",
        Size { min: KIB, max: GIB },
        |s| &mut s.server.audit.file_bytes_max,
        "How large the file may become; then it is kept under another name, and a new one begins.",
    )
    .rare(),
    Setting::new(
        "audit.files_kept",
        Count { min: 0, max: 1_000 },
        |s| &mut s.server.audit.files_kept,
        "How many full files are kept.",
    )
    .rare(),
    Setting::new(
        "sql.rows_max",
        Count { min: 1, max: 1_000_000 },
        |s| &mut s.server.sql.rows_max,
        "Rows of an answer; one that has more says so.",
    )
    .rare(),
    Setting::new(
        "sql.time_max",
        Time { min: 100, max: HOUR_MS },
        |s| &mut s.server.sql.time_max,
        "How long a query may work. What keeps it waiting does not count, up to six times as long by the clock.",
    )
    .rare(),
    Setting::new(
        "sql.queries_max",
        Count { min: 1, max: 64 },
        |s| &mut s.server.sql.queries_max,
        "Queries at a time; more wait for a while, and are refused then.",
    )
    .rare(),
    Setting::new(
        "store.cache",
        Size { min: MIB, max: 1 << 40 },
        |s| &mut s.server.store.cache_bytes,
        "Memory for what is read from the disk.",
    )
    .rare(),
    Setting::new(
        "store.disk_reserve",
        Size { min: 0, max: 1 << 40 },
        |s| &mut s.server.store.disk_reserve_bytes,
        "With less free space than this on the disk, the server takes no new work.",
    )
    .rare(),
    Setting::new(
        "store.unsynced_max",
        Size { min: MIB, max: 4 * GIB },
        |s| &mut s.server.store.unsynced_bytes_max,
        "What may be committed but not on the disk yet; nothing of it is acknowledged.",
    )
    .rare(),
    Setting::new(
        "store.snapshot_log_min",
        Size { min: MIB, max: 1 << 40 },
        |s| &mut s.server.store.snapshot_log_bytes_min,
        "How long the log is at least before a snapshot makes it shorter.",
    )
    .rare(),
    Setting::new(
        "store.snapshot_log_max",
        Size { min: MIB, max: 1 << 40 },
        |s| &mut s.server.store.snapshot_log_bytes_max,
        "How long the log may be between snapshots, unless a snapshot itself is larger.",
    )
    .rare(),
    Setting::new(
        "store.index_stall_max",
        Time { min: SECOND_MS, max: DAY_MS },
        |s| &mut s.server.store.index_stall_max,
        "One step of the index may take this long; then it counts as damaged and is rebuilt.",
    )
    .rare(),
    Setting::new("log.format", Choice(&["text", "json"]), |s| &mut s.log.format, "How the log looks."),
    Setting::new(
        "log.filter",
        FILTER,
        |s| &mut s.log.filter,
        "What the log tells, for example info or abide_server=debug.",
    )
    .env("ABIDE_LOG"),
    Setting::new(
        "traces.endpoint",
        Text { hint: "URL" },
        |s| &mut s.server.traces.endpoint,
        "A collector that takes traces by OTLP over HTTP. The variables of OpenTelemetry count, too.",
    )
    .flag("otlp-endpoint")
    .env("ABIDE_OTLP_ENDPOINT")
    .unset("as OTEL_EXPORTER_OTLP_ENDPOINT says; without it no traces are told"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_sections_and_unique() {
        let mut names = BTreeSet::new();
        for setting in SETTINGS {
            let (section, _) = setting.path();
            assert!(SECTIONS.iter().any(|(known, _)| *known == section), "{}", setting.key);
            let old = setting.old_flags.iter().map(|(flag, _)| (*flag).to_owned());
            let flags = [setting.flag_name()].into_iter().chain(old);
            for name in flags.chain([setting.key.to_owned(), setting.env_name()]) {
                assert!(names.insert(name.clone()), "{name} is taken");
            }
            assert!(setting.about.ends_with('.'), "{}", setting.key);
        }
    }

    #[test]
    fn sections_stay_together_and_in_order() {
        let order = SETTINGS.iter().map(|setting| {
            let (section, _) = setting.path();
            SECTIONS.iter().position(|(known, _)| *known == section).unwrap()
        });
        let order: Vec<usize> = order.collect();
        assert!(order.is_sorted(), "{order:?}");
        let used: BTreeSet<usize> = order.into_iter().collect();
        assert_eq!(used.len(), SECTIONS.len(), "a section has no setting");
    }

    #[test]
    fn every_default_is_a_value_that_may_be_set() {
        for setting in SETTINGS {
            let value = setting.default_value();
            if value == crate::config::field::Value::Unset {
                continue;
            }
            let text = setting.kind.show(&value);
            assert_eq!(setting.kind.parse(&text), Some(value), "{}: {text}", setting.key);
        }
    }

    #[test]
    fn every_setting_has_a_place_of_its_own() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            let value = crate::config::tests::another_value(setting);
            (setting.at)(&mut settings).fill(value.clone()).unwrap();
            for other in SETTINGS {
                let now = (other.at)(&mut settings).value();
                let expected = if other.key == setting.key { value.clone() } else { other.default_value() };
                assert_eq!(now, expected, "{} also changes {}", setting.key, other.key);
            }
        }
    }
}
