//! Checks of an uploaded component before anything of it is kept.

use wasmtime::Engine;
use wasmtime::component::Component;

/// The version of the WIT package this runtime offers.
pub const WIT_VERSION: &str = "0.1.0";
const PACKAGE: &str = "abide:runtime/";
const GUEST: &str = "abide:runtime/guest";

/// Why an upload cannot be used. `code` is stable, `hint` says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

impl Invalid {
    pub fn new(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }
}

/// Looks at the first bytes: a component, or what else.
pub fn check_header(bytes: &[u8]) -> Result<(), Invalid> {
    const BUILD: &str =
        "build it with \"abide deploy PATH\" or \"cargo build --release --target wasm32-wasip2\"";
    let Some(magic) = bytes.first_chunk::<8>() else {
        let message = format!("the upload has {} bytes, which is too short for a component", bytes.len());
        return Err(Invalid::new("not_a_component", message, BUILD));
    };
    match magic {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0] => Err(Invalid::new(
            "core_module",
            "the upload is a core WebAssembly module, not a component",
            BUILD,
        )),
        [0, b'a', b's', b'm', ..] => {
            let message = "the upload is WebAssembly of a version this runtime does not know";
            Err(Invalid::new("not_a_component", message, BUILD))
        }
        _ => Err(Invalid::new("not_a_component", "the upload is not WebAssembly", BUILD)),
    }
}

/// Compares the interfaces of our package that the component uses with those offered here.
pub fn check_interfaces(engine: &Engine, component: &Component) -> Result<(), Invalid> {
    let kind = component.component_type();
    let names = kind.imports(engine).map(|(name, _)| name.to_owned());
    let exports: Vec<_> = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
    for name in names.chain(exports.iter().cloned()).filter(|name| name.starts_with(PACKAGE)) {
        check_version(&name)?;
    }
    if exports.iter().any(|name| name.split('@').next() == Some(GUEST)) {
        return Ok(());
    }
    Err(Invalid::new(
        "missing_export",
        format!("the component does not export {GUEST}@{WIT_VERSION}, so it offers no services"),
        "make it with the abide SDK: a crate with abide-sdk, crate-type cdylib and a #[service]",
    ))
}

fn check_version(name: &str) -> Result<(), Invalid> {
    let version = name.split_once('@').map_or("", |(_, version)| version);
    let minor = |version: &str| -> Option<(u64, u64)> {
        let mut parts = version.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (Some(theirs), Some(ours)) = (minor(version), minor(WIT_VERSION)) else {
        let message = format!("the component uses {name}, which names no version");
        return Err(Invalid::new(
            "wrong_wit_version",
            message,
            format!("this runtime offers version {WIT_VERSION}"),
        ));
    };
    let advice = match theirs.cmp(&ours) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => "use a newer abide server, or build with an older SDK",
        std::cmp::Ordering::Less => "build the component with a newer SDK",
    };
    let message =
        format!("the component uses {name}; this runtime offers version {WIT_VERSION} of the package");
    Err(Invalid::new("wrong_wit_version", message, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_component_is_named() {
        let code = |bytes: &[u8]| check_header(bytes).map_err(|invalid| invalid.code);
        assert_eq!(code(b"\0asm\x0d\0\x01\0rest"), Ok(()));
        assert_eq!(code(b"\0asm\x01\0\0\0rest"), Err("core_module"));
        assert_eq!(code(b"\0asm"), Err("not_a_component"));
        assert_eq!(code(b"GIF89a....."), Err("not_a_component"));
    }

    #[test]
    fn other_versions_are_refused_with_advice() {
        assert!(check_version("abide:runtime/run@0.1.9").is_ok());
        assert!(check_version("abide:runtime/run@0.2.0").unwrap_err().hint.contains("newer abide server"));
        assert!(check_version("abide:runtime/run@0.0.1").unwrap_err().hint.contains("newer SDK"));
        assert!(check_version("abide:runtime/run").is_err());
    }
}
