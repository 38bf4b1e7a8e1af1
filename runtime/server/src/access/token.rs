//! Tokens: what a caller sends, and what is kept of it.
//!
//! A token is 160 random bits behind a prefix by which people and scanners recognise it. Only its SHA-256
//! is kept. A slow hash would add nothing: it makes guessing a chosen password dear, and nobody guesses
//! 160 bits, while it would cost every request milliseconds.

use rand::Rng;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What every token begins with.
pub const PREFIX: &str = "abt_";
/// Characters behind the prefix, of five bits each.
const LENGTH: usize = 32;
/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns a new token. Whoever has it may use it: show it once, and keep its digest.
#[must_use]
pub fn generate() -> String {
    let mut random = [0; LENGTH];
    rand::rng().fill_bytes(&mut random);
    let letters = random.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    PREFIX.chars().chain(letters).collect()
}

/// Says whether the text has the form of a generated token, which cannot be guessed.
#[must_use]
pub fn is_generated(text: &str) -> bool {
    let letters = text.strip_prefix(PREFIX).unwrap_or_default();
    letters.len() == LENGTH && letters.bytes().all(|letter| ALPHABET.contains(&letter))
}

/// The SHA-256 of a token.
#[derive(Clone, Copy)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits: Vec<u8> =
            hex.chars().map(|digit| digit.to_digit(16).map(|it| it as u8)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        (digits.len() == 64).then(|| bytes.try_into().ok().map(Self)).flatten()
    }
}

/// Compares in a time that does not depend on where two digests differ.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        std::hint::black_box(pairs.fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
    }
}

impl Eq for Digest {}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn tokens_are_recognised_and_never_the_same() {
        let tokens: HashSet<String> = (0..1_000).map(|_| generate()).collect();
        assert_eq!(tokens.len(), 1_000);
        assert!(tokens.iter().all(|token| is_generated(token) && token.starts_with("abt_")));
        let letters: HashSet<char> = tokens.iter().flat_map(|token| token[4..].chars()).collect();
        assert_eq!(letters.len(), ALPHABET.len(), "every letter comes up");
        for text in ["", "abt_", "abt_short", "s3cret", &format!("{}x", generate())] {
            assert!(!is_generated(text), "{text}");
        }
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let digest = Digest::of("abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), hex);
        assert_eq!(Digest::parse(hex), Some(digest));
        assert_eq!(Digest::parse(&hex.to_uppercase()), Some(digest));
        assert_ne!(Digest::of("abd"), digest);
        for text in ["", "ba", &hex[..63], &format!("{hex}0"), &hex.replace('b', "g"), &"é".repeat(32)] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
