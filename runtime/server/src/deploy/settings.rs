//! What a deployment may see and reach: its variables, and the hosts its run blocks may call.

use crate::wasm::Invalid;
use abide_core::manifest::Settings;
use std::collections::BTreeMap;

/// Bytes of all environment variables of a deployment together.
pub const ENV_BYTES_MAX: usize = 64 << 10;
/// Hosts a deployment may be allowed.
pub const ALLOWED_HOSTS_MAX: usize = 100;

/// Changes to the settings of a deployment; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// None as a value removes the variable.
    pub env: BTreeMap<String, Option<String>>,
    pub allowed_hosts: Option<Vec<String>>,
}

impl SettingsChange {
    /// Makes the changes, after a check of what they bring: what is there already may be older than the rules.
    pub(super) fn apply(self, settings: &mut Settings) -> Result<(), Invalid> {
        for (name, value) in self.env {
            match value {
                Some(value) => {
                    check_name(&name)?;
                    settings.env.insert(name, value);
                }
                None => _ = settings.env.remove(&name),
            }
        }
        if let Some(allowed_hosts) = self.allowed_hosts {
            allowed_hosts.iter().try_for_each(|host| check_host(host))?;
            settings.allowed_hosts = allowed_hosts;
        }
        check_sizes(settings)
    }
}

/// Checks settings that come with an upload.
///
/// # Errors
/// They pass a limit, or a name or a host is none.
pub fn check_settings(settings: &Settings) -> Result<(), Invalid> {
    settings.env.keys().try_for_each(|name| check_name(name))?;
    settings.allowed_hosts.iter().try_for_each(|host| check_host(host))?;
    check_sizes(settings)
}

fn check_sizes(settings: &Settings) -> Result<(), Invalid> {
    let bytes: usize = settings.env.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ENV_BYTES_MAX {
        let message = format!("the environment has {bytes} bytes, the limit is {ENV_BYTES_MAX}");
        return Err(Invalid::new("settings_too_large", message, "keep large data in a service"));
    }
    if settings.allowed_hosts.len() > ALLOWED_HOSTS_MAX {
        let message =
            format!("{} allowed hosts, the limit is {ALLOWED_HOSTS_MAX}", settings.allowed_hosts.len());
        return Err(Invalid::new("settings_too_large", message, "allow * when it has to be that many"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Invalid> {
    if is_name_of_variable(name) {
        return Ok(());
    }
    let message = format!("{name:?} cannot be the name of a variable");
    Err(Invalid::new("bad_settings", message, "use NAME=VALUE, with a name without spaces"))
}

/// Says whether a variable can have this name.
#[must_use]
pub fn is_name_of_variable(name: &str) -> bool {
    let is_bad = |char: char| char == '=' || char.is_whitespace() || char.is_control();
    !name.is_empty() && !name.contains(is_bad)
}

fn check_host(host: &str) -> Result<(), Invalid> {
    if is_host(host) {
        return Ok(());
    }
    let message = format!("{host:?} is no host that a request could be for");
    Err(Invalid::new("bad_settings", message, "give host or host:port, without https://, or * for any"))
}

/// Says whether a request can be for it, as `wasm/outbound` compares them.
fn is_host(allowed: &str) -> bool {
    if allowed == "*" {
        return true;
    }
    let Ok(authority) = allowed.parse::<http::uri::Authority>() else { return false };
    let host = authority.host();
    // Nothing but these two, and a port as a number is written.
    let is_whole = match authority.port_u16() {
        Some(port) => allowed == format!("{host}:{port}"),
        None => allowed == host,
    };
    is_whole && !host.is_empty() && !host.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_no_request_could_be_for_is_refused() {
        for host in ["*", "api.test", "API.test:8443", "127.0.0.1:80", "[::1]", "[::1]:8080", "localhost"] {
            assert!(check_host(host).is_ok(), "{host}");
        }
        let none = [
            "",
            "https://api.test",
            "api.test/v1",
            "foo:99999",
            "foo:",
            "foo:080",
            "*.api.test",
            "*:80",
            "a b",
            "me@api.test",
            ":80",
            "ä.test",
        ];
        for host in none {
            assert_eq!(check_host(host).unwrap_err().code, "bad_settings", "{host}");
        }
    }

    #[test]
    fn a_name_that_no_variable_can_have_is_refused() {
        let with =
            |name: &str| Settings { env: [(name.to_owned(), String::new())].into(), ..Settings::default() };
        for name in ["A", "a.b-c", "Ä"] {
            assert!(check_settings(&with(name)).is_ok(), "{name}");
        }
        for name in ["", "A B", " A", "A=B", "A\0", "A\n"] {
            assert!(check_settings(&with(name)).is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_was_there_before_the_rules_can_be_changed() {
        let env = [("A B".to_owned(), "1".to_owned())].into();
        let mut settings = Settings { env, allowed_hosts: vec!["https://api.test".to_owned()] };
        let change = |name: &str, value: Option<&str>| SettingsChange {
            env: [(name.to_owned(), value.map(str::to_owned))].into(),
            allowed_hosts: None,
        };
        change("C", Some("2")).apply(&mut settings).unwrap();
        change("A B", None).apply(&mut settings).unwrap();
        assert_eq!(settings.env.into_keys().collect::<Vec<_>>(), ["C"]);
    }
}
