//! `abide new`: a crate that builds and deploys at once.

use crate::cli::Global;
use crate::error::{CliError, Kind};
use crate::output::{Paint, print, say};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands in the templates for the name of the service.
const PLACEHOLDER: &str = "Example";
/// Where the SDK is in a checkout of this project.
const SDK_IN_CHECKOUT: &str = "guest-sdk/sdk";

#[derive(Args)]
pub struct New {
    /// The folder to make; its last part is the name of the crate.
    pub path: PathBuf,
    /// What kind of service it begins with.
    #[arg(long, value_enum, default_value_t = Template::Service)]
    pub template: Template,
    /// The folder of the crate abide-sdk. Without it: that of the checkout the new crate, or this
    /// program, is in; else the version of this program from the registry.
    #[arg(long, value_name = "DIR")]
    pub sdk_path: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Template {
    Service,
    Object,
    Workflow,
}

impl Template {
    fn code(self) -> &'static str {
        match self {
            Self::Service => include_str!("../../templates/service.rs"),
            Self::Object => include_str!("../../templates/object.rs"),
            Self::Workflow => include_str!("../../templates/workflow.rs"),
        }
    }

    /// Returns a call that works once it is deployed.
    fn example(self, service: &str) -> String {
        match self {
            Self::Service => {
                format!(r#"abide call {service}/place '{{"customer": "Ann", "items": ["tea", "cups"]}}'"#)
            }
            Self::Object => format!("abide call {service}/any-key/add 1"),
            Self::Workflow => format!(r#"abide send {service}/any-key/run '"a holiday"'"#),
        }
    }
}

/// Where the SDK comes from.
#[derive(Debug, PartialEq, Eq)]
enum Sdk {
    Path { folder: PathBuf, why: &'static str },
    Version(&'static str),
}

pub fn run(new: &New, global: &Global) -> Result<(), CliError> {
    let name = crate_name(&new.path)?;
    let sdk = sdk(new)?;
    let service = service_name(&name);
    if new.path.exists() {
        return Err(
            CliError::failed(format!("{} is there already", new.path.display())).hint("choose another name")
        );
    }
    write(new, &name, &service, &sdk)
        .map_err(|error| CliError::failed(format!("cannot make {}: {error}", new.path.display())))?;
    tell(new, &service, &sdk, global);
    Ok(())
}

fn write(new: &New, name: &str, service: &str, sdk: &Sdk) -> std::io::Result<()> {
    fs::create_dir_all(new.path.join("src"))?;
    fs::write(new.path.join("Cargo.toml"), manifest(name, sdk))?;
    fs::write(new.path.join("src/lib.rs"), new.template.code().replace(PLACEHOLDER, service))?;
    fs::write(new.path.join(".gitignore"), "/target\n/abide-data\n")?;
    fs::write(new.path.join("README.md"), readme(new, name, service))?;
    if let Sdk::Path { folder, .. } = sdk {
        // The versions that the SDK was tested with; cargo leaves out what is not needed.
        let locked = folder.ancestors().map(|folder| folder.join("Cargo.lock")).find(|file| file.is_file());
        if let Some(locked) = locked {
            fs::copy(locked, new.path.join("Cargo.lock"))?;
        }
    }
    Ok(())
}

fn manifest(name: &str, sdk: &Sdk) -> String {
    let sdk = match sdk {
        // TOML has the same texts as JSON here.
        Sdk::Path { folder, .. } => format!("{{ path = {} }}", json!(folder.display().to_string())),
        Sdk::Version(version) => format!("\"{version}\""),
    };
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
abide-sdk = {sdk}

[profile.release]
# Names of functions stay in, so that a backtrace can be read.
strip = "debuginfo"

# It stands alone, wherever its folder is. Without this line it can be a member of a workspace above it.
[workspace]
"#
    )
}

fn readme(new: &New, name: &str, service: &str) -> String {
    let example = new.template.example(service);
    format!(
        "# {name}\n\nDurable handlers for Abide: `{service}` is in `src/lib.rs`.\n\n\
         ```bash\nabide dev .        # a server, this crate on it, and again after each change\n{example}\n\
         abide invocations list\n```\n"
    )
}

fn tell(new: &New, service: &str, sdk: &Sdk, global: &Global) {
    let path = new.path.display();
    let source = match sdk {
        Sdk::Path { folder, why } => format!("the SDK is {} ({why})", folder.display()),
        Sdk::Version(version) => {
            format!("the SDK is abide-sdk {version} from the registry; --sdk-path names a folder instead")
        }
    };
    if global.json {
        let sdk = match sdk {
            Sdk::Path { folder, .. } => json!({ "path": folder.display().to_string() }),
            Sdk::Version(version) => json!({ "version": version }),
        };
        print(json!({ "path": path.to_string(), "service": service, "sdk": sdk }));
        return;
    }
    let bold = |text: String| Paint::stderr().bold(&text);
    say(format!("made {path} with the service {service}; {source}"));
    say(format!("next:  {}", bold(format!("abide dev {path}"))));
    say(format!("then:  {}", bold(new.template.example(service))));
}

/// Returns the name of the crate, as cargo takes it.
fn crate_name(path: &Path) -> Result<String, CliError> {
    let bad = |why: &str| {
        CliError::new(Kind::Usage, format!("'{}' cannot be the name of a crate: {why}", path.display()))
            .hint("use small letters, digits and '-', for example my-service")
    };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| bad("it has no last part"))?;
    if !name.starts_with(|char: char| char.is_ascii_alphabetic()) {
        return Err(bad("it begins with no letter"));
    }
    if !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '-' || char == '_') {
        return Err(bad("it has other characters than letters, digits, '-' and '_'"));
    }
    if ["test", "core", "std", "alloc", "abide-sdk"].contains(&name) {
        return Err(bad("that name is taken"));
    }
    Ok(name.to_owned())
}

/// Returns `MyService` for `my-service`.
fn service_name(crate_name: &str) -> String {
    let part = |part: &str| {
        let mut chars = part.chars();
        let first = chars.next().map(|char| char.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    crate_name.split(['-', '_']).map(part).collect()
}

fn sdk(new: &New) -> Result<Sdk, CliError> {
    if let Some(folder) = &new.sdk_path {
        if !is_sdk(folder) {
            let message = format!("{} is not the folder of the crate abide-sdk", folder.display());
            return Err(
                CliError::new(Kind::Usage, message).hint("it is guest-sdk/sdk in a checkout of abide")
            );
        }
        return Ok(Sdk::Path { folder: absolute(folder), why: "--sdk-path" });
    }
    let above = std::path::absolute(&new.path).unwrap_or_else(|_| new.path.clone());
    if let Some(folder) = above.ancestors().find_map(sdk_in) {
        return Ok(Sdk::Path { folder, why: "the new crate is in that checkout" });
    }
    let program = std::env::current_exe().unwrap_or_default();
    if let Some(folder) = program.ancestors().find_map(sdk_in) {
        return Ok(Sdk::Path { folder, why: "this program was built in that checkout" });
    }
    Ok(Sdk::Version(env!("CARGO_PKG_VERSION")))
}

fn sdk_in(folder: &Path) -> Option<PathBuf> {
    let sdk = folder.join(SDK_IN_CHECKOUT);
    is_sdk(&sdk).then(|| absolute(&sdk))
}

fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim() == "name = \"abide-sdk\"")
}

fn absolute(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates_and_services() {
        for (path, service) in
            [("my-service", "MyService"), ("a/b/orders", "Orders"), ("x_y2", "XY2"), ("Tea", "Tea")]
        {
            assert_eq!(service_name(&crate_name(Path::new(path)).unwrap()), service);
        }
        for path in ["", "..", "/", "1st", "a b", "test", "ä"] {
            assert_eq!(crate_name(Path::new(path)).unwrap_err().kind, Kind::Usage, "{path}");
        }
    }

    #[test]
    fn the_sdk_comes_from_where_it_is() {
        let folder = PathBuf::from("/a \"b\"");
        let by_path = manifest("x", &Sdk::Path { folder, why: "" });
        assert!(by_path.contains(r#"abide-sdk = { path = "/a \"b\"" }"#), "{by_path}");
        assert!(manifest("x", &Sdk::Version("1.2.3")).contains("abide-sdk = \"1.2.3\""));
        let parsed: toml::Table = by_path.parse().unwrap();
        assert_eq!(parsed["lib"]["crate-type"][0].as_str(), Some("cdylib"));
        let new = |sdk_path: &str| New {
            path: "/nowhere/x".into(),
            template: Template::Object,
            sdk_path: Some(sdk_path.into()),
        };
        assert_eq!(sdk(&new("/nowhere")).unwrap_err().kind, Kind::Usage);
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(SDK_IN_CHECKOUT);
        let found = sdk(&new(here.to_str().unwrap())).unwrap();
        assert_eq!(found, Sdk::Path { folder: here.canonicalize().unwrap(), why: "--sdk-path" });
    }
}
