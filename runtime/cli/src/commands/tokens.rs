//! `abide tokens`: who may come in.

use crate::cli::Global;
use crate::client::{self, Client, read};
use crate::config::file;
use crate::error::{CliError, Kind};
use crate::output::{Paint, one_line, print, say, table};
use abide_server::access::grant::{Grant, Scope};
use abide_server::access::token::{self, Digest};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum Command {
    /// Make a token and show it, the only time that anybody sees it.
    Create(Create),
    /// List the tokens that are known.
    List,
    /// Make a token useless, at once and for good.
    Revoke(Revoke),
}

#[derive(Args)]
pub struct Create {
    /// What the token is called: who or what uses it.
    pub name: String,
    /// What it opens: admin everything, deploy reading and deployments, read only reading, call handlers.
    #[arg(long, default_value = "admin", value_parser = ["admin", "deploy", "read", "call"])]
    pub scope: String,
    /// The services it may call, for tokens of scope call; none named means all. May be repeated.
    #[arg(long = "service", value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Add it to this configuration file instead of asking a running server; the file is made when it is
    /// not there.
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
}

#[derive(Args)]
pub struct Revoke {
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Deserialize)]
struct Listing {
    tokens: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    scope: String,
    services: Vec<String>,
    kept_in: String,
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::Create(create) => match create.into.clone() {
            Some(path) => create_in_file(&create, &path, global),
            None => create_on_server(&create, global).await,
        },
        Command::List => list(global).await,
        Command::Revoke(revoke) => {
            let client = Client::admin(global)?;
            for name in &revoke.names {
                client.ask(Method::DELETE, client.url(&["tokens", name]), None).await?;
                say(format!("revoked {}", one_line(name)));
            }
            Ok(())
        }
    }
}

async fn create_on_server(create: &Create, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let wanted =
        serde_json::json!({ "name": create.name, "scope": create.scope, "services": create.services });
    let body = client.ask(Method::POST, client.url(&["tokens"]), Some(wanted.to_string())).await?;
    if global.json {
        print(body);
        return Ok(());
    }
    tell(create, &read::<Made>(&body)?.token);
    if is_call(create) {
        say("calls need a token where ingress.require_token or ingress.require_token_for says so");
    } else if is_open(global).await {
        say(
            "this admin port is on loopback, and lets everybody in without a token until admin.require_token is set",
        );
    }
    Ok(())
}

fn is_call(create: &Create) -> bool {
    create.scope == Scope::Call.name()
}

/// Asks whether the admin port answers those who have no token.
async fn is_open(global: &Global) -> bool {
    let nobody = Global { admin_token: None, ..global.clone() };
    let Ok(client) = Client::admin(&nobody) else { return false };
    client.get(client.url(&["tokens"])).await.is_ok()
}

/// Makes a token for a server that does not run, or that has its tokens in a file.
fn create_in_file(create: &Create, path: &Path, global: &Global) -> Result<(), CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::new(Kind::Usage, error.to_string());
    let token = token::generate();
    let scope: Scope = create.scope.parse().map_err(|error| usage(&error))?;
    let grant = Grant::new(&create.name, Digest::of(&token), scope, create.services.clone());
    let grant = grant.map_err(|error| usage(&error))?;
    let failed = |what: &str, error: io::Error| {
        CliError::failed(format!("cannot {what} the file {}: {error}", path.display()))
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read", error)),
    };
    let added = add(path, &text, &grant)?;
    write(path, &added).map_err(|error| failed("write", error))?;
    if global.json {
        let made = serde_json::json!({ "name": grant.name, "scope": scope.name(), "services": grant.services, "token": token });
        print(made);
        return Ok(());
    }
    tell(create, &token);
    say(format!(
        "its digest is in {}; a server that runs takes it over after SIGHUP, and its admin port asks for tokens \
         from then on",
        path.display()
    ));
    if is_call(create) {
        say("calls need a token where ingress.require_token or ingress.require_token_for says so");
    }
    Ok(())
}

/// Adds a section to the text of a file, which has to be right before and after.
fn add(path: &Path, text: &str, grant: &Grant) -> Result<String, CliError> {
    let read = |text: &str| {
        file::read(path, text).map_err(|mistakes| CliError::new(Kind::Usage, mistakes.join("\n       ")))
    };
    let known = read(text)?;
    let names = known.iter().filter(|found| found.setting.key == "admin.tokens");
    let is_taken = |found: &file::Found| {
        found.setting.kind.toml(&found.value).contains(&format!("name = \"{}\"", grant.name))
    };
    if names.into_iter().any(is_taken) {
        let message = format!("{} has a token '{}' already", path.display(), grant.name);
        return Err(CliError::new(Kind::Usage, message).hint("choose another name, or remove it there first"));
    }
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut section = format!(
        "\n[[admin.tokens]]\nname = {}\nscope = {}\nsha256 = \"{}\"\n",
        quoted(&grant.name),
        quoted(grant.scope.name()),
        grant.digest
    );
    if !grant.services.is_empty() {
        section += &format!("services = {}\n", toml::Value::from(grant.services.clone()));
    }
    let added = format!("{text}{section}");
    read(&added).map_err(|error| {
        let hint = format!(
            "write the tokens of {} as [[admin.tokens]], or add this by hand:{section}",
            path.display()
        );
        error.hint(hint)
    })?;
    Ok(added)
}

/// Puts a new file in the place of the old one: a server that reads it meanwhile sees one of both. A link stays,
/// and what it leads to is replaced.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let new = PathBuf::from(format!("{}.new", path.display()));
    let written = write_like(&new, &path, text).and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        // What it was to replace is as it was.
        let _ = fs::remove_file(&new);
    }
    written
}

/// Writes a file that belongs to whom another one does, if that is there: a server that runs as somebody else has
/// to be able to read it.
fn write_like(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(new)?;
    if let Ok(old) = fs::metadata(old) {
        let kept = fchown(&file, Some(old.uid()), Some(old.gid()));
        kept.map_err(|error| {
            let why = format!("whoever runs this cannot leave it to its owner and group ({error})");
            io::Error::new(error.kind(), why)
        })?;
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn tell(create: &Create, token: &str) {
    let variable = if is_call(create) { "ABIDE_INGRESS_TOKEN" } else { "ABIDE_ADMIN_TOKEN" };
    print(token);
    say(format!(
        "\nThis is the token '{}' ({}). It is not shown again. To use it:\n  {}",
        create.name,
        create.scope,
        Paint::stderr().bold(&format!("export {variable}={token}"))
    ));
}

async fn list(global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.get(client.url(&["tokens"])).await?;
    let Some(listing) = client::shown::<Listing>(&body, global)? else { return Ok(()) };
    if listing.tokens.is_empty() {
        say("there are no tokens; \"abide tokens create NAME\" makes one");
        return Ok(());
    }
    let mut shown = table(&["NAME", "SCOPE", "SERVICES", "KEPT IN", "CREATED"]);
    for token in listing.tokens {
        let services = if token.services.is_empty() { "all".to_owned() } else { token.services.join(", ") };
        let created_at = token.created_at.unwrap_or_else(|| "-".to_owned());
        shown.add_row([one_line(&token.name), token.scope, one_line(&services), token.kept_in, created_at]);
    }
    print(shown);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn grant(name: &str, services: &[&str]) -> Grant {
        let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        let scope = if services.is_empty() { Scope::Admin } else { Scope::Call };
        Grant::new(name, Digest::of("t"), scope, services).unwrap()
    }

    #[test]
    fn tokens_are_added_to_a_file_one_after_the_other() {
        let path = Path::new("abide.toml");
        let text = "[admin]\nlisten = \"0.0.0.0:9070\"\n\n[log]\nformat = \"json\"\n";
        let one = add(path, text, &grant("ops", &[])).unwrap();
        assert!(one.starts_with(text));
        let two = add(path, &one, &grant("shop", &["Cart"])).unwrap();
        let found = file::read(path, &two).unwrap_or_else(|error| panic!("{error:?}\n{two}"));
        let tokens = found.iter().find(|found| found.setting.key == "admin.tokens").unwrap();
        let expected = vec![grant("ops", &[]).to_string(), grant("shop", &["Cart"]).to_string()];
        assert_eq!(tokens.value, crate::config::field::Value::List(expected));
        let error = add(path, &two, &grant("ops", &[])).unwrap_err();
        assert!(error.message.contains("has a token 'ops' already"), "{}", error.message);
        assert!(add(path, "", &grant("ops", &[])).is_ok());
    }

    #[test]
    fn a_file_keeps_its_owner_its_rights_and_the_link_to_it() {
        let folder = std::env::temp_dir().join(format!("abide-tokens-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file, link) = (folder.join("abide.toml"), folder.join("link.toml"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        // Only root may give a file away; for others it is their own, before and after.
        let _ = std::os::unix::fs::chown(&file, Some(4_321), Some(4_322));
        std::os::unix::fs::symlink("abide.toml", &link).unwrap();
        let of = |path: &Path| {
            let metadata = fs::metadata(path).unwrap();
            (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
        };
        let before = of(&file);
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read_to_string(&file).unwrap(), of(&file)), ("new".to_owned(), before));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_that_is_wrong_is_left_alone() {
        let path = Path::new("abide.toml");
        let error = add(path, "[log]\nfromat = 1\n", &grant("ops", &[])).unwrap_err();
        assert!(error.message.contains("abide.toml:2: unknown key log.fromat"), "{}", error.message);
        let inline =
            format!("[admin]\ntokens = [{}]\n", crate::config::tokens::toml(&grant("a", &[]).to_string()));
        let error = add(path, &inline, &grant("ops", &[])).unwrap_err();
        assert!(error.hint.unwrap().contains("[[admin.tokens]]"));
    }
}
