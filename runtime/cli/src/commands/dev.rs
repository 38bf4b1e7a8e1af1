//! `abide dev`: a server, a crate on it, and the crate's new code after each change.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deploy::{self, Deploy};
use crate::commands::up::{self, Up};
use crate::error::{CliError, Kind};
use crate::guest;
use crate::model::{Changed, NotCarriedOver};
use crate::output::{Paint, print, say};
use crate::watch::Watch;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Args)]
pub struct Dev {
    /// The folder of a crate, which is built, or a .wasm file that something else builds.
    pub path: PathBuf,
    /// An environment variable for the handlers.
    #[arg(long, value_name = "NAME=VALUE", value_parser = deploy::parse_env)]
    pub env: Vec<(String, String)>,
    /// A host that run blocks may reach by HTTP: host, host:port, or * for any.
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    #[command(flatten)]
    pub up: Up,
}

pub async fn run(dev: Dev, global: Global) -> Result<(), CliError> {
    let Dev { path, env, allow_host, up } = dev;
    if !path.exists() {
        let message = format!("{} is not there", path.display());
        return Err(CliError::new(Kind::NotFound, message).hint("\"abide new NAME\" makes a crate"));
    }
    // Before the server starts, so that what cannot be watched is told at once.
    let mut watch = Watch::new()?;
    watch.follow(&path)?;
    // Whoever develops wants the new code, and what waits to go on with it.
    let deploy = Deploy { path, env, allow_host, dry_run: false, force: true, migrate: true, breaking: true };
    let others = up.deploy.clone();
    let meanwhile = async move |global: Global| {
        up::deploy_all(&others, &global).await?;
        develop(&deploy, watch, &global).await
    };
    up::serve(up, global, meanwhile).await
}

/// Deploys, waits for a change, and so on, until the server stops.
async fn develop(deploy: &Deploy, mut watch: Watch, global: &Global) -> Result<(), CliError> {
    let client = Client::own_admin(global)?;
    let mut is_live = false;
    loop {
        match attempt(&client, deploy, &mut watch, is_live, global).await {
            Ok(()) => is_live = true,
            Err(error) => {
                error.print();
                say(if is_live { "the code of before stays live" } else { "nothing is live yet" });
            }
        }
        say(Paint::stderr().dim(&format!("watching {} for changes", deploy.path.display())));
        let changed = watch.changed().await;
        say(format!("\n{} changed", shown(&changed, &deploy.path)));
    }
}

/// Builds and uploads once.
async fn attempt(
    client: &Client,
    deploy: &Deploy,
    watch: &mut Watch,
    was_live: bool,
    global: &Global,
) -> Result<(), CliError> {
    let began = Instant::now();
    let component = guest::component(&deploy.path).await?;
    // Crates it depends on belong to it, too.
    component.crates.iter().try_for_each(|folder| watch.follow(folder))?;
    let (body, is_new) = deploy::upload(client, deploy, component.bytes).await?;
    let Changed { deployment, settings_not_carried_over: missing, .. } = client::read(&body)?;
    if global.json {
        print(&body);
    } else if !was_live {
        deploy::show(&deployment, is_new);
        deploy::suggest(&deployment, &global.ingress_url);
    }
    let seconds = began.elapsed().as_secs_f32();
    let news = if is_new { "live" } else { "live, the same as before" };
    say(Paint::stderr().bold(&format!("{news}: {} after {seconds:.1} s", deployment.id)));
    if let Some(missing) = missing {
        deploy::say_missing(&missing, &[way_to_set(&missing)]);
    }
    Ok(())
}

/// Says how new code keeps settings: those of one deployment would be lost again with the next change.
fn way_to_set(missing: &NotCarriedOver) -> String {
    format!(
        "start abide dev with {} as well, so that every new version has them",
        deploy::options_for(missing)
    )
}

/// Names a few of the files, as seen from the crate.
fn shown(changed: &BTreeSet<PathBuf>, crate_folder: &Path) -> String {
    let folder = crate_folder.canonicalize().unwrap_or_else(|_| crate_folder.to_path_buf());
    // Nothing is left of the path of a file that is followed by itself.
    let is_something = |left: &&Path| !left.as_os_str().is_empty();
    let within = |path: &PathBuf| path.strip_prefix(&folder).ok().filter(is_something).map(Path::to_path_buf);
    let name = |path: &PathBuf| within(path).as_ref().unwrap_or(path).display().to_string();
    let names: Vec<String> = changed.iter().map(name).collect();
    match names.as_slice() {
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} more files", rest.len()),
        [] => "something".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_by_options_of_its_own() {
        let missing = NotCarriedOver { variables: vec!["A".into()], allowed_hosts: vec!["x.test".into()] };
        assert!(way_to_set(&missing).starts_with("start abide dev with --env A=… --allow-host 'x.test' "));
    }

    #[test]
    fn a_few_files_are_named() {
        let show =
            |paths: &[&str]| shown(&paths.iter().map(PathBuf::from).collect(), Path::new("/nowhere/x"));
        assert_eq!(show(&["/nowhere/x/src/lib.rs"]), "src/lib.rs");
        assert_eq!(show(&["/nowhere/x"]), "/nowhere/x");
        assert_eq!(show(&["/a", "/b"]), "/a and /b");
        assert_eq!(show(&["/a", "/b", "/c"]), "/a and 2 more files");
    }
}
