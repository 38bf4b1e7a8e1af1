//! Inputs from inputs: bits, pieces, and words that matter to whoever reads them.

use abide_e2e::rng::Rng;

/// At most so many changes are made to one input.
const CHANGES_MAX: u64 = 6;
/// Inputs do not grow beyond.
const BYTES_MAX: usize = 1 << 20;

/// Numbers at which readers err.
const NUMBERS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"9223372036854775807",
    b"0.1",
    b"NaN",
    b"1e-400",
    b"255",
    b"65536",
];

/// Makes inputs of a target.
pub struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [&'a [u8]],
    rng: Rng,
}

impl<'a> Mutator<'a> {
    #[must_use]
    pub fn new(corpus: &'a [Vec<u8>], words: &'a [&'a [u8]], rng: Rng) -> Self {
        assert!(!corpus.is_empty(), "there is something to begin with");
        Self { corpus, words, rng }
    }

    /// Returns the next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.kept().to_vec();
        for _ in 0..1 + self.rng.below(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn kept(&mut self) -> &'a [u8] {
        &self.corpus[self.below(self.corpus.len())]
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.below(end.max(1) as u64) as usize
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.rng.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.rng.below(8),
            1 if at < input.len() => input[at] = self.rng.below(256) as u8,
            2 => _ = input.drain(at..self.end_of_piece(at, input.len())),
            3 => {
                let piece = input[at..self.end_of_piece(at, input.len())].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            4 => {
                let other = self.kept();
                let from = self.below(other.len() + 1);
                let piece = other[from..self.end_of_piece(from, other.len())].to_vec();
                input.splice(at..at, piece);
            }
            5 => {
                let number = NUMBERS[self.below(NUMBERS.len())];
                input.splice(at..at, number.iter().copied());
            }
            6 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                input.splice(at..at, word.iter().copied());
            }
            7 => {
                // Deep or long: the same piece many times.
                let piece = input[at..self.end_of_piece(at, input.len()).min(at + 16)].to_vec();
                let times = self.below(200);
                input.splice(at..at, piece.repeat(times));
            }
            _ => input.truncate(at.max(1)),
        }
    }

    fn end_of_piece(&mut self, from: usize, end: usize) -> usize {
        let most = if self.rng.coin() { 8 } else { end - from };
        (from + self.below(most + 1)).min(end)
    }
}
