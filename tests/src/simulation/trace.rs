//! What a schedule did, as one number: every port call with what it was about, its fate, and whether it was done. The
//! clock and random names are no part of it, so that two schedules that differ in milliseconds only count as the same.

use adapters::store::{Key, Query, Range, Write};

/// A hash that words are mixed into, one after the other (the multiplication and rotation of Firefox's own hash tables).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Trace(u64);

impl Trace {
    pub(super) fn word(mut self, word: u64) -> Self {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let trace = words.iter().fold(self, |trace, word| trace.word(u64::from_le_bytes(*word)));
        trace.word(u64::from_le_bytes(last)).word(text.len() as u64)
    }

    /// A call by the name of its operation.
    pub(super) fn of(operation: &str) -> Self {
        Self::default().text(operation)
    }

    pub(super) fn key(self, key: &Key) -> Self {
        self.text(&key.pk).text(&key.sk)
    }

    pub(super) fn write(self, write: &Write) -> Self {
        let kind = match write {
            Write::Put { .. } => 1,
            Write::Update { .. } => 2,
            Write::Delete { .. } => 3,
            Write::Check { .. } => 4,
        };
        let (pk, sk) = write.place().unwrap_or_default();
        self.word(kind).text(pk).text(sk)
    }

    pub(super) fn query(self, query: &Query) -> Self {
        match &query.range {
            Range::Partition { pk, sk_prefix: prefix } | Range::Newest { pk, prefix } => self.text(pk).text(prefix),
            Range::Due { shard, .. } => self.text(shard),
        }
    }

    /// The number, with every bit of it as good as random (SplitMix64's finish).
    pub(super) fn finish(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// What was noted so far, as a word of another trace.
    pub(super) fn as_word(self) -> u64 {
        self.0
    }
}
