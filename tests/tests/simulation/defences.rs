//! Each defence left out in turn: some schedule must miss it.

use tests::simulation::{SCRIPTS, Script, Violation, Weakness, play_script, play_weakened};

/// Schedules in which a left-out defence must show: most show within a hundred.
const SCHEDULES_MAX: u64 = 200_000;

/// What misses a defence: the schedule, and what is broken then.
pub(crate) type Missed = (String, Violation);

/// Each defence, and what misses it first.
pub(crate) fn missed() -> Vec<(Weakness, Option<Missed>)> {
    std::thread::scope(|scope| {
        let searches = Weakness::ALL.map(|weakness| (weakness, scope.spawn(move || first_that_misses(weakness))));
        searches.map(|(weakness, search)| (weakness, search.join().expect("a schedule does not panic"))).into()
    })
}

/// The script for the defence where there is one, else the first seed.
fn first_that_misses(weakness: Weakness) -> Option<Missed> {
    if let Some(script) = SCRIPTS.iter().find(|script| script.needs == weakness) {
        return play_script(script, Some(weakness)).map(|violation| (script.name.to_owned(), violation));
    }
    (0..SCHEDULES_MAX).find_map(|seed| {
        let violation = play_weakened(seed, weakness).violations.into_iter().next()?;
        Some((format!("seed {seed}"), violation))
    })
}

/// Scripts that break something although no defence is left out, or something else than they are about once theirs is.
pub(crate) fn wrong_scripts() -> Vec<String> {
    SCRIPTS.iter().filter_map(Script::wrong).collect()
}
