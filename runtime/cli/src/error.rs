//! How a command fails: a kind, which is the exit code, a message and a hint.

use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Failed,
    /// The arguments do not make sense. Most of these are found by the parser, which exits with the
    /// same code.
    Usage,
    NotFound,
    Unreachable,
}

impl Kind {
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
        })
    }
}

#[derive(Debug)]
pub struct CliError {
    pub kind: Kind,
    pub message: String,
    pub hint: Option<String>,
    /// What the server said, as it said it, where it refused something.
    pub refusal: Option<Box<str>>,
}

impl CliError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, refusal: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the word by which the server names its refusal.
    pub fn code(&self) -> Option<String> {
        let refusal: serde_json::Value = serde_json::from_str(self.refusal.as_deref()?).ok()?;
        refusal["code"].as_str().map(str::to_owned)
    }

    /// Tells it on standard error.
    pub fn print(&self) {
        let paint = crate::output::Paint::stderr();
        eprintln!("{} {}", paint.red("error:"), self.message);
        if let Some(hint) = &self.hint {
            eprintln!("{} {hint}", paint.bold("hint:"));
        }
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}
