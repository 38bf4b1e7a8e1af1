//! What is allowed, but seldom meant: settings that leave a door open, or that do nothing.

use crate::config::Loaded;
use crate::config::nearest;
use crate::config::settings::SETTINGS;
use abide_server::Config;
use abide_server::access::token;
use std::os::unix::fs::PermissionsExt;

/// What the name of every variable begins with.
const PREFIX: &str = "ABIDE_";
/// Variables that are no settings: the other commands know them.
const OTHER_VARIABLES: [&str; 5] =
    ["ABIDE_ADMIN_URL", "ABIDE_INGRESS_URL", "ABIDE_INGRESS_TOKEN", "ABIDE_CA_CERT", "ABIDE_CONFIG"];
/// Letters that a token has at least when somebody chose it.
const CHOSEN_LEN_MIN: usize = 16;

/// Returns warnings about a configuration that could be read.
pub fn advice(loaded: &Loaded) -> Vec<String> {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut advice = of_settings(&loaded.settings.server);
    advice.extend(of_variables(variables));
    let is_secret = loaded
        .effective
        .iter()
        .any(|effective| effective.setting.is_secret && effective.source.name() == "file");
    if let Some(path) = loaded.file.as_ref().filter(|_| is_secret) {
        let mode = std::fs::metadata(path).map(|file| file.permissions().mode()).unwrap_or_default();
        if mode & 0o077 != 0 {
            let path = path.display();
            advice.push(format!("{path} has a secret, and others may read it: chmod 600 {path}"));
        }
    }
    advice
}

fn of_settings(config: &Config) -> Vec<String> {
    let (admin, ingress) = (&config.admin, &config.ingress);
    let mut advice = Vec::new();
    let is_open = |address: &std::net::SocketAddr| !address.ip().is_loopback();
    if is_open(&admin.listen) && admin.tls.cert.is_none() {
        advice.push(
            "admin.listen is open to others without TLS: tokens can be read on the way; set admin.tls_cert and \
             admin.tls_key, or put a proxy with TLS in front of loopback"
                .to_owned(),
        );
    }
    let asks = ingress.require_token || !ingress.require_token_for.is_empty();
    if is_open(&ingress.listen) && asks && ingress.tls.cert.is_none() {
        advice.push("ingress.listen asks for tokens without TLS: they can be read on the way".to_owned());
    }
    if is_open(&ingress.listen) && !asks {
        advice.push(
            "ingress.listen is open to others, and everybody who reaches it may call every handler; see \
             ingress.require_token"
                .to_owned(),
        );
    }
    if ingress.cors_origins.iter().any(|origin| origin == "*") && !ingress.require_token {
        advice.push("ingress.cors_origins is *: every web page may call every handler".to_owned());
    }
    for (key, hosts, listen) in [
        ("admin.allowed_hosts", &admin.allowed_hosts, admin.listen),
        ("ingress.allowed_hosts", &ingress.allowed_hosts, ingress.listen),
    ] {
        if hosts.iter().any(|host| host == "*") && listen.ip().is_loopback() {
            advice.push(format!(
                "{key} is *: a web page can reach loopback by a name of its own (DNS rebinding)"
            ));
        }
    }
    if !asks && !ingress.no_token_for.is_empty() {
        advice.push("ingress.no_token_for does nothing: no call needs a token".to_owned());
    }
    let is_weak = |token: &String| !token::is_generated(token) && token.len() < CHOSEN_LEN_MIN;
    if admin.token.as_ref().is_some_and(is_weak) {
        advice.push(format!(
            "admin.token has fewer than {CHOSEN_LEN_MIN} letters and may be guessed; \"abide tokens create\" makes \
             one that cannot be"
        ));
    }
    advice
}

fn of_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let known: Vec<String> = SETTINGS.iter().map(super::setting::Setting::env_name).collect();
    let known = || known.iter().map(String::as_str).chain(OTHER_VARIABLES);
    let unknown = names.filter(|name| name.starts_with(PREFIX) && !known().any(|known| known == name));
    // One that resembles no setting is somebody else's. What all begin with says nothing.
    let complaint = |name: String| {
        let near =
            nearest(name.trim_start_matches(PREFIX), known().map(|known| known.trim_start_matches(PREFIX)))?;
        Some(format!("the variable {name} is no setting; did you mean {PREFIX}{near}?"))
    };
    unknown.filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = &'a dyn Fn(&mut Config);

    fn advice_for(change: impl Fn(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        of_settings(&config).join("\n")
    }

    #[test]
    fn a_server_on_loopback_is_fine() {
        assert_eq!(advice_for(|_| {}), "");
        assert_eq!(advice_for(|config| config.admin.token = Some(token::generate())), "");
    }

    #[test]
    fn open_doors_are_pointed_out() {
        let open = "0.0.0.0:1".parse().unwrap();
        let cases: [(Change<'_>, &str); 7] = [
            (&|config| config.admin.listen = open, "admin.listen is open to others without TLS"),
            (&|config| config.ingress.listen = open, "everybody who reaches it may call"),
            (
                &|config| {
                    config.ingress.listen = open;
                    config.ingress.require_token = true;
                },
                "asks for tokens without TLS",
            ),
            (&|config| config.ingress.cors_origins = vec!["*".into()], "every web page"),
            (&|config| config.admin.allowed_hosts = vec!["*".into()], "DNS rebinding"),
            (&|config| config.ingress.no_token_for = vec!["S".into()], "does nothing"),
            (&|config| config.admin.token = Some("short".into()), "may be guessed"),
        ];
        for (change, expected) in cases {
            let advice = advice_for(change);
            assert!(advice.contains(expected) && !advice.contains('\n'), "{expected}: {advice}");
        }
        let with_tls = advice_for(|config| {
            config.admin.listen = open;
            config.admin.tls.cert = Some("cert.pem".into());
        });
        assert_eq!(with_tls, "");
    }

    #[test]
    fn misspelt_variables_are_pointed_out() {
        let names = ["ABIDE_INGRES_LISTEN", "ABIDE_LOG", "ABIDE_INGRESS_TOKEN", "ABIDE_X", "PATH"];
        assert_eq!(
            of_variables(names.into_iter().map(str::to_owned)),
            ["the variable ABIDE_INGRES_LISTEN is no setting; did you mean ABIDE_INGRESS_LISTEN?"]
        );
    }
}
