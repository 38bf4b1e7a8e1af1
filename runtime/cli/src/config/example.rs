//! The example file: every setting with its default, commented out.

use crate::config::field::Value;
use crate::config::kind::Kind;
use crate::config::settings::{SECTIONS, SETTINGS};
use std::fmt::Write;

/// Returns the text of a file that changes nothing, and says what could be changed.
pub fn example() -> String {
    let mut text = String::from(
        "# Settings of an Abide server. This file changes nothing: every line shows a default.\n\
         # Remove the # in front of what you want to change. Flags and variables are stronger than this file.\n",
    );
    for (section, about) in SECTIONS {
        let _ = writeln!(text, "\n# {about}\n[{section}]");
        for setting in SETTINGS.iter().filter(|setting| setting.path().0 == *section) {
            let (_, name) = setting.path();
            let _ = write!(text, "\n# {}\n# Takes {}.", setting.about, setting.kind.expects());
            let (flag, variable, hangup) =
                (setting.flag_name(), setting.env_name(), setting.on_hangup.about());
            let _ = writeln!(text, " --{flag}, {variable}{hangup}");
            let _ = match setting.default_value() {
                Value::Unset => {
                    writeln!(text, "# {name} = {}   # {}", placeholder(setting.kind), setting.unset)
                }
                value => writeln!(text, "# {name} = {}", setting.kind.toml(&value)),
            };
        }
    }
    text
}

/// Returns a value that is right in form, for a setting that has none by default.
fn placeholder(kind: Kind) -> String {
    match kind {
        Kind::Count { min, .. } | Kind::Size { min, .. } | Kind::Time { min, .. } => {
            kind.toml(&Value::Number(min))
        }
        Kind::Address | Kind::Switch | Kind::Choice(_) | Kind::List { .. } | Kind::Tokens => String::new(),
        Kind::Text { hint } => kind.toml(&Value::Text(hint.to_owned())),
    }
}
