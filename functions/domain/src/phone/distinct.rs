//! Which phones make a country one that a sub-account serves.

use sha2::{Digest, Sha256};

use crate::phone_number::PhoneNumber;

use super::SERVED_AFTER_PHONES;

/// Phones of one country that a sub-account has had approved, each once however often it is approved: as many as it takes
/// to serve the country. Of a phone only 16 bits of a hash are kept: enough to tell that five phones are five, and too
/// little to say which of a country's they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DistinctPhones([Option<u16>; SERVED_AFTER_PHONES]);

impl DistinctPhones {
    /// The phones with this one among them, unless they are enough without it.
    #[must_use]
    pub fn with(self, number: &PhoneNumber) -> Self {
        let [first, second, ..] = <[u8; 32]>::from(Sha256::digest(number.as_str()));
        self.with_fingerprint(u16::from_be_bytes([first, second]))
    }

    /// The phones with this fingerprint, as they were kept.
    #[must_use]
    pub fn of_fingerprints(fingerprints: impl IntoIterator<Item = u16>) -> Self {
        fingerprints.into_iter().fold(Self::default(), Self::with_fingerprint)
    }

    /// What is kept of them.
    pub fn fingerprints(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied().flatten()
    }

    /// Whether the sub-account serves the country.
    #[must_use]
    pub fn are_enough(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    fn with_fingerprint(mut self, fingerprint: u16) -> Self {
        if !self.0.contains(&Some(fingerprint))
            && let Some(free) = self.0.iter_mut().find(|place| place.is_none())
        {
            *free = Some(fingerprint);
        }
        self
    }
}
