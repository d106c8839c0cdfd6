//! How many schedules were distinct.

use std::collections::BTreeSet;

/// Traces that are kept: the smallest ones. Up to so many distinct schedules the count is exact.
const KEPT: usize = 1 << 18;

/// Counts distinct traces. Beyond [`KEPT`] it is an estimate: traces are spread evenly over 64 bits, so the place of the
/// `k`th smallest of `n` is `k / n` of the way up, with a standard error of one in the square root of `k`, here 0.2 %
/// ("k minimum values", Bar-Yossef, Jayram, Kumar, Sivakumar and Trevisan 2002).
#[derive(Debug, Default)]
pub struct Distinct {
    smallest: BTreeSet<u64>,
    overflowed: bool,
}

impl Distinct {
    /// Counts this trace, unless it was counted before.
    pub fn insert(&mut self, trace: u64) {
        if self.smallest.len() == KEPT && self.smallest.last().is_some_and(|largest| trace > *largest) {
            self.overflowed = true;
            return;
        }
        if self.smallest.insert(trace) && self.smallest.len() > KEPT {
            self.smallest.pop_last();
            self.overflowed = true;
        }
    }

    /// Counts everything that the other one counted.
    pub fn merge(&mut self, other: &Self) {
        self.overflowed |= other.overflowed;
        for trace in &other.smallest {
            self.insert(*trace);
        }
    }

    /// How many were counted, and whether about so many.
    pub fn count(&self) -> (u64, bool) {
        let exact = self.smallest.len() as u64;
        match self.smallest.last() {
            Some(largest) if self.overflowed => {
                let estimate = ((u128::from(exact) - 1) << 64) / (u128::from(*largest) + 1);
                (u64::try_from(estimate).unwrap_or(u64::MAX), true)
            }
            Some(_) | None => (exact, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Distinct;
    use crate::simulation::random::Random;

    fn of(seeds: impl IntoIterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        seeds.into_iter().for_each(|seed| distinct.insert(Random::new(seed).next()));
        distinct
    }

    #[test]
    fn a_trace_counts_once() {
        assert_eq!(of((0..1000).chain(500..1500)).count(), (1500, false));
        assert_eq!(of([]).count(), (0, false));
    }

    #[test]
    fn many_are_counted_to_one_in_a_hundred() {
        let (count, about) = of((0..1_000_000).chain(0..500_000)).count();
        assert!(about && (990_000..1_010_000).contains(&count), "{count}");
    }

    #[test]
    fn what_two_counted_is_the_same_as_what_one_counted() {
        let (mut one, other) = (of(0..400_000), of(300_000..700_000));
        one.merge(&other);
        assert_eq!(one.count(), of(0..700_000).count());
    }
}
