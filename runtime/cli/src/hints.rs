//! What to do about a refusal of the server, or a connection that does not work, for somebody who uses the command.

/// Returns what to do about a refusal of the admin port, known by its code, where the hint that comes with it speaks of
/// HTTP. All other hints of the server hold for a command as well.
pub fn of_refusal(code: &str, field: Option<&str>) -> Option<&'static str> {
    let hint = match code {
        "unauthorized" => "--admin-token or ABIDE_ADMIN_TOKEN gives a token of this server",
        "bad_field" => return of_field(field?),
        "unknown_deployment" => "\"abide deployments list\" lists them",
        "unknown_service" | "unknown_handler" => {
            "\"abide services list\" lists them; a new one comes with \"abide deploy\""
        }
        "unknown_invocation" => "\"abide invocations list\" lists them",
        "unknown_workflow" => "\"abide objects list SERVICE\" lists those with a state",
        "unknown_token" => "\"abide tokens list\" lists them",
        "not_keyed" => "\"abide services list\" lists them with their flavors",
        "not_started" => "\"abide invocations describe ID\" says what it waits for; it can be cancelled",
        "journal_purged" => {
            "call the handler again; \"abide services describe SERVICE --json\" says how long its journal_retention is"
        }
        "bad_restart" => {
            "\"abide invocations describe ID\" shows its operations; without --from it is done from the beginning"
        }
        "handler_not_offered" | "handler_of_other_kind" => {
            "\"abide deployments describe ID\" says what a deployment offers; --on keep stays on the code it has"
        }
        "key_held" => {
            "wait for its end, or cancel it; --force edits all the same, though it does not see that and may \
             overwrite it"
        }
        "sql_read_only" => "what can be changed has a command of its own; \"abide --help\" lists them",
        "upgrade_diverges" => {
            "run with --force to let it take new calls; what runs stays on its code, and with --migrate those that \
             fit are moved"
        }
        "breaking_change" => {
            "if that is meant, deploy it with --breaking, or promote it with --force: it takes new calls, and what \
             has begun stays on its code"
        }
        "name_clash" => {
            "give one of them another name; if a service is to become one of another kind, deploy it with \
             --breaking, or promote it with --force"
        }
        "deployment_in_use" => {
            "deploy or promote another, and let what runs end or move it; --force removes it all the same"
        }
        _ => return None,
    };
    Some(hint)
}

/// The same for a promotion, which moves nothing, where the hint of a deploy speaks of what only that can do.
pub fn of_promotion(code: &str) -> Option<&'static str> {
    let hint = "run with --force to let it take new calls; what runs stays on its code, and \"abide deployments \
                migrate ID\" moves those that fit";
    (code == "upgrade_diverges").then_some(hint)
}

fn of_field(field: &str) -> Option<&'static str> {
    match field {
        "deployment_id" => Some("an id begins with dp_; \"abide deployments list\" lists them"),
        "invocation_id" => Some("an id begins with inv_; \"abide invocations list\" lists them"),
        _ => None,
    }
}

/// Returns what to do when a connection failed for this reason, where the reason tells.
pub fn of_connection(scheme: &str, cause: &str) -> Option<&'static str> {
    if cause.contains("CaUsedAsEndEntity") {
        // What "openssl req -x509" makes unless it is told otherwise.
        return Some(
            "the server shows the certificate of an authority as its own; make it with \"openssl req -x509 -addext \
             basicConstraints=critical,CA:FALSE\" and the rest, and name it with --ca-cert",
        );
    }
    if cause.contains("certificate") {
        return Some("if the certificate is the server's own, name it with --ca-cert or ABIDE_CA_CERT");
    }
    match scheme {
        "https" if cause.contains("InvalidContentType") => {
            Some("this port does not speak TLS: its address begins with http://")
        }
        "http" if cause.contains("invalid HTTP version") => {
            Some("this port may speak TLS: then its address begins with https://")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_speak_of_commands() {
        for (code, field, expected) in [
            ("unknown_invocation", None, "\"abide invocations list\""),
            ("not_started", None, "\"abide invocations describe ID\""),
            ("journal_purged", None, "\"abide services describe SERVICE --json\""),
            ("deployment_in_use", None, "--force"),
            ("name_clash", None, "--breaking"),
            ("bad_field", Some("deployment_id"), "dp_"),
        ] {
            assert!(of_refusal(code, field).unwrap().contains(expected), "{code}");
        }
        for (code, field) in [("bad_field", Some("limit")), ("bad_field", None), ("state_changed", None)] {
            assert_eq!(of_refusal(code, field), None, "the server's own is as good: {code}");
        }
    }

    #[test]
    fn a_hint_names_no_option_that_its_command_lacks() {
        let promote = of_promotion("upgrade_diverges").unwrap();
        assert!(
            !promote.contains("--migrate") && promote.contains("\"abide deployments migrate ID\""),
            "{promote}"
        );
        assert!(of_refusal("upgrade_diverges", None).unwrap().contains("--migrate"));
        assert_eq!(of_promotion("breaking_change"), None, "that of a deploy says what to do for both");
    }

    #[test]
    fn a_connection_that_fails_tells_what_is_wrong_with_the_address() {
        let corrupt = "received corrupt message of type InvalidContentType";
        for (scheme, cause, expected) in [
            ("https", corrupt, "does not speak TLS"),
            ("http", "invalid HTTP version parsed", "https://"),
            ("https", "invalid peer certificate: UnknownIssuer", "--ca-cert"),
            ("https", "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:FALSE"),
        ] {
            assert!(of_connection(scheme, cause).unwrap().contains(expected), "{cause}");
        }
        assert_eq!(of_connection("http", "Connection refused (os error 111)"), None);
        assert_eq!(of_connection("http", corrupt), None);
    }
}
