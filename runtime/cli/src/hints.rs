//! What to do about a refusal of the server, or a connection that does not work, for somebody who uses the command.

/// What the admin port tells those who speak HTTP with it, and what the command has for it; the longer ones first.
const WORDS: [(&str, &str); 14] = [
    ("GET /invocations/{id}/journal", "\"abide invocations describe ID\""),
    ("GET /invocations/{id}", "\"abide invocations describe ID\""),
    ("GET /invocations", "\"abide invocations list\""),
    ("GET /deployments/{id}", "\"abide deployments describe ID\""),
    ("GET /deployments", "\"abide deployments list\""),
    ("GET /services/{name}/objects", "\"abide objects list SERVICE\""),
    ("GET /services", "\"abide services list\""),
    ("GET /tokens", "\"abide tokens list\""),
    ("without \"from\"", "without --from"),
    ("deployment=keep", "--on keep"),
    ("\"force\":true", "--force"),
    ("force=true", "--force"),
    ("migrate=true", "--migrate"),
    ("breaking=true", "--breaking"),
];

/// Returns a hint of the admin port with commands and options where it names paths and parameters.
pub fn in_commands(hint: &str) -> String {
    WORDS.iter().fold(hint.to_owned(), |hint, (http, command)| hint.replace(http, command))
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
        for (hint, expected) in [
            ("GET /invocations lists them", "\"abide invocations list\" lists them"),
            (
                "cancel it, or let it begin first; GET /invocations/{id} says what it waits for",
                "cancel it, or let it begin first; \"abide invocations describe ID\" says what it waits for",
            ),
            ("end it; force=true removes it all the same", "end it; --force removes it all the same"),
            ("deploy it again", "deploy it again"),
        ] {
            assert_eq!(in_commands(hint), expected);
        }
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
