//! One setting: its name, what it is, and where it goes. Flag and variable follow from the name.

use crate::config::Settings;
use crate::config::field::{Field, Value};
use crate::config::kind::Kind;

/// One setting. Everything that reads, prints or explains settings works on these.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Section and name in the file, with a dot between.
    pub key: &'static str,
    pub about: &'static str,
    pub kind: Kind,
    /// Its place in the program; what is there by default is the default.
    pub at: fn(&mut Settings) -> &mut dyn Field,
    /// When the flag is not `--section-name`.
    pub flag: Option<&'static str>,
    /// When the variable is not `ABIDE_SECTION_NAME`.
    pub env: Option<&'static str>,
    /// Flags of older versions, with the unit of the numbers they take.
    pub old_flags: &'static [(&'static str, &'static str)],
    /// Said instead of a value where there is none.
    pub unset: &'static str,
    /// Never shown.
    pub is_secret: bool,
    /// Seldom changed: not in the short help.
    pub is_rare: bool,
    pub on_hangup: OnHangup,
}

/// What SIGHUP does about a setting of a server that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnHangup {
    /// A change needs a new start.
    Nothing,
    /// The new value counts.
    TakesOver,
    /// The file that it names is read again; another file needs a new start.
    ReadsFile,
}

impl OnHangup {
    /// Says it, for the example file.
    pub fn about(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::TakesOver => " SIGHUP takes over a change.",
            Self::ReadsFile => " SIGHUP reads the file again.",
        }
    }
}

impl Setting {
    pub const fn new(
        key: &'static str,
        kind: Kind,
        at: fn(&mut Settings) -> &mut dyn Field,
        about: &'static str,
    ) -> Self {
        Self {
            key,
            about,
            kind,
            at,
            flag: None,
            env: None,
            old_flags: &[],
            unset: "not set",
            is_secret: false,
            is_rare: false,
            on_hangup: OnHangup::Nothing,
        }
    }

    pub const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    pub const fn env(mut self, variable: &'static str) -> Self {
        self.env = Some(variable);
        self
    }

    pub const fn old_flags(mut self, flags: &'static [(&'static str, &'static str)]) -> Self {
        self.old_flags = flags;
        self
    }

    pub const fn unset(mut self, meaning: &'static str) -> Self {
        self.unset = meaning;
        self
    }

    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    pub const fn rare(mut self) -> Self {
        self.is_rare = true;
        self
    }

    pub const fn on_hangup(mut self, what: OnHangup) -> Self {
        self.on_hangup = what;
        self
    }

    /// Returns section and name.
    pub fn path(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').expect("a key has a section: checked by a test")
    }

    /// Returns the flag without its dashes.
    pub fn flag_name(&self) -> String {
        self.flag.map_or_else(|| self.key.replace(['.', '_'], "-"), str::to_owned)
    }

    pub fn env_name(&self) -> String {
        self.env.map_or_else(
            || format!("ABIDE_{}", self.key.replace('.', "_").to_ascii_uppercase()),
            str::to_owned,
        )
    }

    /// Says whether its place takes the value: an address, for example, is a text that names a port.
    pub fn takes(&self, value: &Value) -> bool {
        (self.at)(&mut Settings::default()).fill(value.clone()).is_ok()
    }

    pub fn default_value(&self) -> Value {
        (self.at)(&mut Settings::default()).value()
    }

    /// Returns the value for people: secrets are hidden, and what is not there is explained.
    pub fn show(&self, value: &Value) -> String {
        match value {
            Value::Unset => self.unset.to_owned(),
            Value::List(items) if items.is_empty() => "none".to_owned(),
            _ if self.is_secret => HIDDEN.to_owned(),
            _ => self.kind.show(value),
        }
    }

    /// Returns the value for programs: secrets are hidden.
    pub fn json(&self, value: &Value) -> serde_json::Value {
        match value {
            Value::Unset => serde_json::Value::Null,
            _ if self.is_secret => HIDDEN.into(),
            _ => self.kind.json(value),
        }
    }
}

/// What is shown of a secret.
const HIDDEN: &str = "***";
