//! How a server is set up: by flags, variables and a file, in this order; what none of them says is left
//! at its default.
//!
//! `settings` declares every setting once. A new one is a line there and a field in the place that uses it.

pub mod advice;
pub mod example;
pub mod field;
pub mod file;
pub mod flags;
pub mod kind;
mod nearest;
pub mod setting;
pub mod settings;
pub mod shown;
#[cfg(test)]
pub mod tests;
pub mod tokens;
pub mod units;

pub use flags::Flags;
pub use nearest::nearest;
pub use settings::Settings;

use crate::config::field::Value;
use crate::config::file::Found;
use crate::config::flags::{FILE_VARIABLE, Given};
use crate::config::setting::{OnHangup, Setting};
use crate::config::settings::SETTINGS;
use crate::error::{CliError, Kind};
use std::fmt;
use std::path::{Path, PathBuf};

/// The file that is read when none is named.
const FILE_DEFAULT: &str = "abide.toml";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Env(String),
    Flag(String),
}

impl Source {
    /// Returns the kind of source.
    pub fn name(&self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File { .. } => "file",
            Source::Env(_) => "env",
            Source::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line } => write!(f, "{}:{line}", path.display()),
            Source::Env(variable) => f.write_str(variable),
            Source::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// The value of a setting, and where it comes from.
#[derive(Clone, Debug)]
pub struct Effective {
    pub setting: &'static Setting,
    pub value: Value,
    pub source: Source,
}

/// The whole configuration.
#[derive(Clone)]
pub struct Loaded {
    pub settings: Settings,
    pub effective: Vec<Effective>,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

impl Loaded {
    /// Returns the settings that are others now and that a running server does not take over.
    pub fn needing_a_start(&self, now: &Self) -> Vec<&'static str> {
        let changed = self.effective.iter().filter(|was| {
            let is_other = |now: &&Effective| now.setting.key == was.setting.key && now.value != was.value;
            was.setting.on_hangup != OnHangup::TakesOver && now.effective.iter().any(|now| is_other(&now))
        });
        changed.map(|was| was.setting.key).collect()
    }
}

/// Reads the configuration of this process.
///
/// # Errors
/// The file cannot be read, or something in it, in a variable or in a flag makes no sense. All mistakes
/// are told at once.
pub fn load(flags: &Flags) -> Result<Loaded, CliError> {
    let env = |name: &str| std::env::var(name).ok();
    let file = match find_file(flags, env) {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                let message = format!("cannot read the configuration file {}: {error}", path.display());
                CliError::new(Kind::Usage, message)
            })?;
            Some((path, text))
        }
    };
    resolve(flags, env, file).map_err(|complaints| {
        CliError::new(Kind::Usage, complaints.join("\n       "))
            .hint("\"abide config --default\" prints a file with every setting")
    })
}

/// Returns the file that is named, or the one that lies here.
fn find_file(flags: &Flags, env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = flags.file.clone().or_else(|| read_env(&env, FILE_VARIABLE).map(PathBuf::from));
    named.or_else(|| Path::new(FILE_DEFAULT).is_file().then(|| PathBuf::from(FILE_DEFAULT)))
}

/// Returns a variable; an empty one is as good as none.
fn read_env(env: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    env(name).filter(|text| !text.is_empty())
}

/// Puts the configuration together: a flag is stronger than a variable, a variable than the file.
fn resolve(
    flags: &Flags,
    env: impl Fn(&str) -> Option<String>,
    file: Option<(PathBuf, String)>,
) -> Result<Loaded, Vec<String>> {
    let mut complaints = Vec::new();
    let found = match &file {
        None => Vec::new(),
        Some((path, text)) => file::read(path, text).unwrap_or_else(|mistakes| {
            complaints.extend(mistakes);
            Vec::new()
        }),
    };
    let path = file.map(|(path, _)| path);
    let mut settings = Settings::default();
    let mut effective = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let given = flags.given.iter().filter(|given| given.index == index);
        let in_file = found.iter().find(|found| found.setting.key == setting.key);
        match choose(setting, given, &env, in_file.zip(path.as_deref())) {
            Ok((value, source)) => {
                if value != Value::Unset {
                    let filled = (setting.at)(&mut settings).fill(value.clone());
                    filled.expect("the value was tried in the same place");
                }
                effective.push(Effective { setting, value, source });
            }
            Err(complaint) => complaints.push(complaint),
        }
    }
    if complaints.is_empty() { Ok(Loaded { settings, effective, file: path }) } else { Err(complaints) }
}

/// Returns the value of the strongest source that has one.
fn choose<'a>(
    setting: &Setting,
    mut given: impl Iterator<Item = &'a Given>,
    env: impl Fn(&str) -> Option<String>,
    in_file: Option<(&Found, &Path)>,
) -> Result<(Value, Source), String> {
    if let Some(given) = given.next() {
        let source = Source::Flag(given.flag.clone());
        return Ok((read_text(setting, &given.text, &source)?, source));
    }
    if let Some(text) = read_env(env, &setting.env_name()) {
        let source = Source::Env(setting.env_name());
        return Ok((read_text(setting, &text, &source)?, source));
    }
    if let Some((found, path)) = in_file {
        return Ok((found.value.clone(), Source::File { path: path.to_owned(), line: found.line }));
    }
    Ok((setting.default_value(), Source::Default))
}

fn read_text(setting: &Setting, text: &str, source: &Source) -> Result<Value, String> {
    let value = setting.kind.parse(text).filter(|value| setting.takes(value));
    value.ok_or_else(|| {
        let given = if setting.is_secret { String::new() } else { format!(", found \"{text}\"") };
        format!("{source}: expected {}{given}", setting.kind.expects())
    })
}
