//! Bytes as base64, as JSON has no bytes.

/// Returns the bytes in the usual alphabet, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * index) & 63).expect("six bits fit a usize");
            let is_padding = index > u32::try_from(chunk.len()).expect("a chunk has three bytes");
            text.push(if is_padding { '=' } else { char::from(DIGITS[digit]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}~", "w79+"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
