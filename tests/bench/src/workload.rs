//! What is called, and what has to come back.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// An empty handler: no durable step.
    Greet,
    /// Three run blocks, one after the other.
    Steps3,
    /// Ten run blocks, one after the other.
    Steps10,
}

impl Workload {
    pub const ALL: [Self; 3] = [Self::Greet, Self::Steps3, Self::Steps10];

    pub fn name(self) -> &'static str {
        match self {
            Self::Greet => "greet",
            Self::Steps3 => "steps3",
            Self::Steps10 => "steps10",
        }
    }

    pub fn path(self) -> &'static str {
        match self {
            Self::Greet => "/Greeter/greet",
            Self::Steps3 => "/Steps/three",
            Self::Steps10 => "/Steps/ten",
        }
    }

    pub fn body(self) -> &'static [u8] {
        match self {
            Self::Greet => br#""bench""#,
            Self::Steps3 | Self::Steps10 => b"{}",
        }
    }

    pub fn answer(self) -> &'static [u8] {
        match self {
            Self::Greet => br#""Hello bench!""#,
            Self::Steps3 => b"3",
            Self::Steps10 => b"45",
        }
    }
}
