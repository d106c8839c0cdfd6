//! Every write of the table fails once, before or after it is done: the purchase still ends, and is paid once.

use domain::PurchaseState;
use tests::memory_table::TableFault;
use tests::world::{clock, world};

use crate::{GATED, SUB, deliver};

/// More writes than the whole story of a deferred purchase has.
const WRITES: usize = 24;

#[test]
fn a_deferred_purchase_survives_the_failure_of_any_one_write() {
    for faulty in 0..WRITES {
        for fault in [TableFault::Before, TableFault::After] {
            let clock = clock();
            let world = world(&clock);
            world.table.let_through(faulty);
            world.table.fail_next([fault]);
            let asked = world.ask(SUB, "key-1", GATED);
            if asked.status == 503 {
                // The web app repeats what was answered so.
                assert!(matches!(world.ask(SUB, "key-1", GATED).status, 200 | 202));
            }
            for _ in 0..3 {
                if world.persona.first().is_some() && !world.with_sk("INQUIRY").is_empty() {
                    break;
                }
                clock.advance_s(20);
                world.ask(SUB, "key-1", GATED);
            }
            for _ in 0..3 {
                if deliver(&world, "evt_approved", "inquiry.approved", "approved", 0) == 200 {
                    break;
                }
            }
            world.complete();
            world.minutes(10);
            let state = world.purchase().state;
            assert!(matches!(state, PurchaseState::Completed { .. }), "write {faulty} {fault:?}: {state:?}");
            assert_eq!(world.carrier.charges(), 1, "write {faulty} {fault:?}");
            assert!(world.with_sk("W#").is_empty(), "write {faulty} {fault:?}: a pointer is left");
        }
    }
}
