//! The hand-made schedules of the simulation: each holds, and breaks what it is about once its defence is left out.

use tests::simulation::{SCRIPTS, Script};

#[test]
fn every_script_holds_and_misses_the_defence_that_it_is_about() {
    let wrong: Vec<String> = SCRIPTS.iter().filter_map(Script::wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
