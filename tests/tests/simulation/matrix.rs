//! The crash matrix: every call of every scenario lost in every way, alone and in pairs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::simulation::{FATES, Fate, SCENARIOS, Scenario, Violation, play_scenario};

/// A run that broke something: the scenario, what was lost, and what broke.
pub(crate) type Broken = (&'static str, Vec<(u64, Fate)>, Violation);

/// How many runs there were, by scenario, and those that broke something.
pub(crate) struct Matrix {
    pub(crate) runs: Vec<(&'static str, u64)>,
    pub(crate) broken: Vec<Broken>,
}

/// Plays the whole matrix on every core.
pub(crate) fn play() -> Matrix {
    let mut matrix = Matrix { runs: Vec::new(), broken: Vec::new() };
    for scenario in &SCENARIOS {
        let (runs, broken) = play_one(scenario);
        matrix.runs.push((scenario.name, runs));
        matrix.broken.extend(broken);
    }
    matrix
}

/// Every single loss, and after each every second one: the calls behind the first are those of the run that it led to.
fn play_one(scenario: &Scenario) -> (u64, Vec<Broken>) {
    let calls = play_scenario(scenario, &[]).port_calls;
    let firsts: Vec<(u64, Fate)> = (1..=calls).flat_map(|call| FATES.map(|fate| (call, fate))).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new((0_u64, Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(first) = firsts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (runs, broken) = play_from(scenario, *first);
                    let mut found = found.lock().expect("nobody panics with the lock");
                    found.0 += runs;
                    found.1.extend(broken);
                }
            });
        }
    });
    found.into_inner().expect("nobody panics with the lock")
}

fn play_from(scenario: &Scenario, first: (u64, Fate)) -> (u64, Vec<Broken>) {
    let run = play_scenario(scenario, &[first]);
    let seconds = (first.0 + 1..=run.port_calls).flat_map(|call| FATES.map(|fate| (call, fate)));
    let mut runs = 1;
    let mut broken: Vec<Broken> =
        run.violations.into_iter().map(|violation| (scenario.name, vec![first], violation)).collect();
    for second in seconds {
        let lost = vec![first, second];
        runs += 1;
        let violations = play_scenario(scenario, &lost).violations;
        broken.extend(violations.into_iter().map(|violation| (scenario.name, lost.clone(), violation)));
    }
    (runs, broken)
}
