//! Each defence left out in turn: some schedule must miss it.

use tests::simulation::{Violation, Weakness, play_weakened};

/// Schedules in which a left-out defence must show: most show within a hundred.
const SCHEDULES_MAX: u64 = 200_000;

/// A defence, and the first seed that misses it with what is broken then.
pub(crate) type Missed = (Weakness, Option<(u64, Violation)>);

/// Each defence.
pub(crate) fn missed() -> Vec<Missed> {
    std::thread::scope(|scope| {
        let searches = Weakness::ALL.map(|weakness| (weakness, scope.spawn(move || first_that_misses(weakness))));
        searches.map(|(weakness, search)| (weakness, search.join().expect("a schedule does not panic"))).into()
    })
}

fn first_that_misses(weakness: Weakness) -> Option<(u64, Violation)> {
    (0..SCHEDULES_MAX).find_map(|seed| {
        let violation = play_weakened(seed, weakness).violations.into_iter().next()?;
        Some((seed, violation))
    })
}
