//! The settings as flags of a command.

use crate::config::setting::Setting;
use crate::config::settings::SETTINGS;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::path::PathBuf;
use std::sync::LazyLock;

/// The variable that names the configuration file.
pub const FILE_VARIABLE: &str = "ABIDE_CONFIG";

/// What was given on the command line. Flatten it into the arguments of a command that starts a server
/// or asks how one would be started.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub file: Option<PathBuf>,
    pub given: Vec<Given>,
}

/// A setting that was given as a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its place in [`SETTINGS`].
    pub index: usize,
    /// The flag as it was typed.
    pub flag: String,
    pub text: String,
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file =
            Arg::new(FILE).long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(
                format!(
                    "The configuration file [env: {FILE_VARIABLE}] [default: ./abide.toml when there is one]"
                ),
            );
        let flags =
            SETTINGS.iter().zip(NAMES.iter()).filter(|(setting, _)| !is_global(setting)).flat_map(args);
        command.arg(file).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.file = matches.get_one::<PathBuf>(FILE).cloned();
        for (index, setting) in SETTINGS.iter().enumerate() {
            let id = if is_global(setting) { global_id(setting) } else { setting.key.to_owned() };
            if let Some(text) = typed(matches, &id) {
                self.given.push(Given { index, flag: setting.flag_name(), text });
            }
            for (flag, unit) in setting.old_flags {
                if let Some(text) = typed(matches, flag) {
                    self.given.push(Given { index, flag: (*flag).to_owned(), text: format!("{text}{unit}") });
                }
            }
        }
        Ok(())
    }
}

/// The names of the flags, in the order of [`SETTINGS`]: the parser keeps references.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| SETTINGS.iter().map(Setting::flag_name).collect());

/// The id of the argument that names the file.
const FILE: &str = "config-file";

/// A setting whose flag every command has: the client's side of it.
fn is_global(setting: &Setting) -> bool {
    setting.key == "admin.token"
}

/// The id that the derived arguments of [`crate::cli::Global`] give it.
fn global_id(setting: &Setting) -> String {
    setting.key.replace('.', "_")
}

/// Returns what was typed, not what came from the environment: that is looked at on its own.
fn typed(matches: &ArgMatches, id: &str) -> Option<String> {
    let source = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
    if source != Some(ValueSource::CommandLine) {
        return None;
    }
    let values: Vec<&str> = matches.get_many::<String>(id)?.map(String::as_str).collect();
    Some(values.join(","))
}

/// Returns the flag of a setting, and those that older versions had for it.
fn args((setting, name): (&'static Setting, &'static String)) -> Vec<Arg> {
    use crate::config::kind::Kind;
    let (section, _) = setting.path();
    let arg = Arg::new(setting.key)
        .long(name.as_str())
        .value_name(setting.kind.value_name())
        .help(help(setting))
        .help_heading(section)
        .hide_short_help(setting.is_rare);
    // Given twice, the last one counts: scripts add to a command line. Of lists all count.
    let last = |arg: Arg| arg.action(ArgAction::Set).overrides_with(setting.key);
    let arg = match setting.kind {
        Kind::List { .. } | Kind::Tokens => arg.action(ArgAction::Append),
        Kind::Switch => last(arg).num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Address
        | Kind::Count { .. }
        | Kind::Size { .. }
        | Kind::Time { .. }
        | Kind::Choice(_)
        | Kind::Text { .. } => last(arg),
    };
    let old = setting.old_flags.iter().map(|(flag, _)| {
        Arg::new(*flag)
            .long(*flag)
            .value_name("N")
            .hide(true)
            .action(ArgAction::Set)
            .conflicts_with(setting.key)
    });
    std::iter::once(arg).chain(old).collect()
}

fn help(setting: &Setting) -> String {
    let default = setting.show(&setting.default_value());
    format!("{} [default: {default}] [env: {}]", setting.about, setting.env_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        flags: Flags,
    }

    fn given(line: &str) -> Vec<(&'static str, String, String)> {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        let of = |given: Given| (SETTINGS[given.index].key, given.flag, given.text);
        cli.flags.given.into_iter().map(of).collect()
    }

    #[test]
    fn flags_of_older_versions_keep_working() {
        let line = "up --guest-memory-mib 64 --guest-cpu-ms 5 --attempts-max 7 --suspend-after-ms 9";
        let text = |text: &str| text.to_owned();
        assert_eq!(
            given(line),
            [
                ("guests.memory_max", text("guest-memory-mib"), text("64MiB")),
                ("guests.cpu_max", text("guest-cpu-ms"), text("5ms")),
                ("guests.attempts_max", text("attempts-max"), text("7")),
                ("guests.suspend_after", text("suspend-after-ms"), text("9ms")),
            ]
        );
        assert!(Cli::try_parse_from("up --guest-cpu-ms 5 --guests-cpu-max 5ms".split(' ')).is_err());
    }

    #[test]
    fn of_lists_all_count_and_of_the_rest_the_last_one() {
        let line = "up --ingress-require-token-for A --guests-attempts-max 7 --guests-cpu-max 5ms \
                    --ingress-require-token-for B,C --guests-cpu-max 9ms";
        let text = |text: &str| text.to_owned();
        assert_eq!(
            given(line),
            [
                ("ingress.require_token_for", text("ingress-require-token-for"), text("A,B,C")),
                ("guests.cpu_max", text("guests-cpu-max"), text("9ms")),
                ("guests.attempts_max", text("guests-attempts-max"), text("7")),
            ]
        );
    }

    #[test]
    fn nothing_is_given_unless_typed() {
        assert_eq!(given("up"), []);
        assert!(Cli::try_parse_from(["up", "--no-such-flag", "1"]).is_err());
    }
}
