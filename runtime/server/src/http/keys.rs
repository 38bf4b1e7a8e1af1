//! Keys of objects and workflows, and idempotency keys: any text, of a bounded length.

use abide_core::limits::KEY_BYTES_MAX;

/// A key that is longer than what is stored of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what} has {bytes} bytes, the limit is {KEY_BYTES_MAX} (KEY_BYTES_MAX); \
     use a shorter one, for example a digest of it"
)]
pub struct KeyTooLong {
    what: &'static str,
    bytes: usize,
}

/// Checks the key of an object or workflow.
///
/// # Errors
/// It is too long.
pub fn check_key(key: &str) -> Result<(), KeyTooLong> {
    check("key", key)
}

/// Checks an idempotency key.
///
/// # Errors
/// It is too long.
pub fn check_idempotency_key(key: &str) -> Result<(), KeyTooLong> {
    check("idempotency key", key)
}

fn check(what: &'static str, key: &str) -> Result<(), KeyTooLong> {
    if key.len() > KEY_BYTES_MAX {
        return Err(KeyTooLong { what, bytes: key.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named() {
        assert_eq!(check_key(""), Ok(()));
        assert_eq!(check_key(&"k".repeat(1024)), Ok(()));
        // Two bytes each.
        let complaint = check_idempotency_key(&"ä".repeat(513)).unwrap_err().to_string();
        let expected = "the idempotency key has 1026 bytes, the limit is 1024 (KEY_BYTES_MAX); use a shorter";
        assert!(complaint.starts_with(expected), "{complaint}");
    }
}
