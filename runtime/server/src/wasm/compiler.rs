//! Compiling components in a process of its own: what the compiler needs is gone with it, a component that makes it
//! use too much ends it and nothing else, and handlers keep the processors.
//!
//! The process is this program once more. Its arguments are the memory that guests may have, and what it may take
//! itself. It gets the component on its standard input, gives the native code on its standard output, and says on its
//! standard error what is wrong with a component that cannot be compiled.

use super::{EngineBuildError, GuestLimits, WasmEngine};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use wasmtime::Engine;

/// The first argument of the process, which no user types.
pub const ARGUMENT: &str = "compile-component";

/// Memory that a compilation may write to. The largest guests of the tests take less than a tenth of a gigabyte.
const COMPILER_BYTES_MAX: u64 = 4 << 30;
/// Time that a compilation may compute, on all processors together.
const COMPILER_SECONDS_MAX: u64 = 600;
/// How far it stands back behind handlers, which are quick, on the scale of `nice`.
const NICENESS: i32 = 5;
/// How the process ends when the component is at fault.
const IS_INVALID: i32 = 3;

/// Where components are compiled.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In this process.
    #[default]
    Here,
    /// In a process of this program, which hands over to [`serve`] when its first argument is [`ARGUMENT`].
    Process(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("{0:#}")]
    Invalid(wasmtime::Error),
    /// It took too much, or its process failed.
    #[error("{0}")]
    Ended(String),
}

impl Compiler {
    /// The program that runs now, also when its file was replaced meanwhile.
    #[must_use]
    pub fn own_process() -> Self {
        let own =
            if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() };
        own.map_or(Self::Here, Self::Process)
    }

    /// Compiles a component for an engine of these limits. Takes seconds of computing for large ones.
    pub fn compile(
        &self,
        engine: &Engine,
        limits: &GuestLimits,
        component: &[u8],
    ) -> Result<Vec<u8>, CompileError> {
        let here = || engine.precompile_component(component).map_err(CompileError::Invalid);
        let Self::Process(program) = self else { return here() };
        let child = Command::new(program)
            .arg(ARGUMENT)
            .arg(limits.memory_bytes_max.to_string())
            .args([COMPILER_BYTES_MAX, COMPILER_SECONDS_MAX].map(|most| most.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                tracing::warn!(program = %program.display(), %error, "no process for compiling can be started; compiling here");
                return here();
            }
        };
        // It reads everything before it writes. It may end before; its status says why.
        let _ = child.stdin.take().expect("it is piped").write_all(component);
        let output = child.wait_with_output();
        let output =
            output.map_err(|error| CompileError::Ended(format!("the compiler cannot be read: {error}")))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.code() == Some(IS_INVALID) {
            return Err(CompileError::Invalid(wasmtime::Error::msg(said)));
        }
        Err(CompileError::Ended(describe(output.status, &said)))
    }
}

fn describe(status: ExitStatus, said: &str) -> String {
    // Of a panic, where and what.
    let said: Vec<_> = said.lines().take(2).collect();
    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(" ")) };
    let signal = |signal: rustix::process::Signal| status.signal() == Some(signal.as_raw());
    if signal(rustix::process::Signal::XCPU) {
        return format!("compiling it takes more than {COMPILER_SECONDS_MAX} s of computing");
    }
    if signal(rustix::process::Signal::ABORT) || signal(rustix::process::Signal::KILL) {
        let gigabytes = COMPILER_BYTES_MAX >> 30;
        return format!("compiling it takes more than {gigabytes} GiB of memory, or than there is{said}");
    }
    format!("the compiler ended with {status}{said}")
}

/// Does the work of the process that was started to compile; returns the code it should exit with.
pub fn serve(arguments: impl Iterator<Item = OsString>) -> u8 {
    match compile_stdin(arguments) {
        Ok(()) => 0,
        Err(CompileError::Invalid(error)) => {
            eprintln!("{error:#}");
            IS_INVALID as u8
        }
        Err(CompileError::Ended(why)) => {
            eprintln!("{why}");
            1
        }
    }
}

fn compile_stdin(arguments: impl Iterator<Item = OsString>) -> Result<(), CompileError> {
    let ended = |error: &dyn std::fmt::Display| CompileError::Ended(error.to_string());
    let numbers: Vec<u64> = arguments.filter_map(|text| text.to_str()?.parse().ok()).collect();
    let &[memory_bytes_max, bytes_max, seconds_max] = &numbers[..] else {
        return Err(ended(&"this command is not for users"));
    };
    bound_itself(bytes_max, seconds_max);
    let memory_bytes_max = usize::try_from(memory_bytes_max).unwrap_or(usize::MAX);
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component).map_err(|error| ended(&error))?;
    let limits = GuestLimits { memory_bytes_max, ..GuestLimits::default() };
    let engine = WasmEngine::for_compiling(&limits).map_err(|error: EngineBuildError| ended(&error))?;
    let artifact = engine.precompile_component(&component).map_err(CompileError::Invalid)?;
    std::io::stdout().write_all(&artifact).map_err(|error| ended(&error))
}

/// Bounds what this process takes, and ends it with the one that waits for it. A sandbox around the server may forbid
/// one or the other; compiling is what was asked for.
fn bound_itself(bytes_max: u64, seconds_max: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at_most = |most| Rlimit { current: Some(most), maximum: Some(most) };
    let _ = setrlimit(Resource::Data, at_most(bytes_max));
    // Told first, and ended a moment later, so that the one who waits can tell why.
    let seconds = Rlimit { current: Some(seconds_max), maximum: Some(seconds_max.saturating_add(5)) };
    let _ = setrlimit(Resource::Cpu, seconds);
    // What is left of a component that is not compiled to its end is of no use.
    let _ = setrlimit(Resource::Core, at_most(0));
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(compiler: &Compiler) -> String {
        let limits = GuestLimits::default();
        let engine = WasmEngine::for_compiling(&limits).unwrap();
        match compiler.compile(&engine, &limits, b"no component").unwrap_err() {
            CompileError::Invalid(error) => format!("invalid: {error:#}"),
            CompileError::Ended(why) => format!("ended: {why}"),
        }
    }

    #[test]
    fn what_the_compiler_says_at_its_end_is_told() {
        // Its first argument is no file.
        let said = compile(&Compiler::Process("cat".into()));
        assert!(said.starts_with("ended: ") && said.contains(ARGUMENT), "{said}");
    }

    #[test]
    fn without_a_process_it_compiles_here() {
        let here = compile(&Compiler::Here);
        assert!(here.starts_with("invalid: "), "{here}");
        assert_eq!(compile(&Compiler::Process("/nowhere/abide".into())), here);
    }

    #[test]
    fn who_took_too_much_is_told_of_what() {
        let ended = |signal: rustix::process::Signal| describe(ExitStatus::from_raw(signal.as_raw()), "");
        assert!(ended(rustix::process::Signal::XCPU).contains("600 s of computing"));
        assert!(ended(rustix::process::Signal::ABORT).contains("4 GiB of memory"));
        assert!(ended(rustix::process::Signal::SEGV).contains("signal"), "one that is not expected");
    }
}
