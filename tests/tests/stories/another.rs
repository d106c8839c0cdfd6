//! Numbers that are gone: what else is named, and what is taken instead.

use adapters::items::reason_name;
use adapters::twilio::{AvailableNumber, Created, StockError};
use domain::{PurchaseState, Reason};
use serde_json::json;
use tests::neighbours::{CarrierFault, for_sale};
use tests::world::{Neighbours, account, clock, world};

use crate::{SUB, verify};

/// Gone, in Jamaica.
const GONE: &str = "+18765550100";

fn offers(numbers: &[&str]) -> Vec<AvailableNumber> {
    numbers.iter().map(|number| for_sale(number)).collect()
}

fn ask_for_any(world: &Neighbours<'_>, number: &str) -> String {
    let body = json!({"kind": "number", "phone_number": number, "if_unavailable": "same_area_code"});
    world.ask_for(SUB, "any", &body).body["id"].as_str().expect("id").to_owned()
}

fn gone() -> CarrierFault {
    CarrierFault::Instead(Created::NotAvailable)
}

#[test]
fn a_number_that_is_gone_comes_with_alternatives() {
    let clock = clock();
    let world = world(&clock);
    let on_sale: Vec<String> = (1..=9).map(|last| format!("+1876555020{last}")).collect();
    let on_sale: Vec<&str> = on_sale.iter().map(String::as_str).collect();
    world.carrier.offer(offers(&on_sale));
    world.carrier.offer(offers(&["+12125550190"]));
    let id = world.ask(SUB, "one", GONE).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([gone()]);
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!((&purchase["state"], &purchase["reason"]), (&json!("failed"), &json!("number_unavailable")));
    assert_eq!(purchase["next_action"], "choose_another_number");
    assert_eq!(purchase["numbers"][0]["alternatives"], json!(&on_sale[..5]), "five of the same area code");
}

#[test]
fn a_search_that_fails_names_none_and_loses_nothing() {
    let clock = clock();
    let world = world(&clock);
    let id = world.ask(SUB, "one", GONE).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([gone()]);
    world.carrier.fail_next_searches([StockError::Unknown]);
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!(purchase["reason"], "number_unavailable");
    assert!(purchase["numbers"][0].get("alternatives").is_none());
}

#[test]
fn another_number_of_the_area_code_is_taken() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.offer(offers(&["+18765550201", "+18765550202"]));
    let id = ask_for_any(&world, GONE);
    world.carrier.fail_next([gone()]);
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!(purchase["state"], "completed");
    assert_eq!(purchase["numbers"][0]["phone_number"], "+18765550201");
    assert_eq!(purchase["numbers"][0]["instead_of"], json!([GONE]));
    assert_eq!(world.carrier.charges(), 1);
    let locks = world.with_sk("L#");
    assert_eq!(locks.len(), 1, "the lock moved with it: {locks:?}");
}

#[test]
fn a_gated_number_is_replaced_under_the_same_clearance() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    world.carrier.offer(offers(&["+12125550190"]));
    let id = ask_for_any(&world, "+12125550150");
    world.carrier.fail_next([gone()]);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["numbers"][0]["phone_number"], "+12125550190");
}

#[test]
fn somebody_elses_number_is_left_alone_and_replaced() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.plant(&account(), &GONE.parse().expect("is a number"), "somebody's desk");
    world.carrier.offer(offers(&["+18765550201"]));
    let id = ask_for_any(&world, GONE);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "completed");
    let mark = world.carrier.mark(&account(), &GONE.parse().expect("is a number"));
    assert_eq!(mark.as_deref(), Some("somebody's desk"));
}

#[test]
fn a_number_that_another_sub_account_is_buying_is_replaced() {
    let clock = clock();
    let world = world(&clock);
    world.ask("Loc_other", "one", GONE);
    assert_eq!(world.complete(), 0);
    world.carrier.offer(offers(&["+18765550201"]));
    let id = ask_for_any(&world, GONE);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["numbers"][0]["phone_number"], "+18765550201");
    assert_eq!(world.carrier.charges(), 2);
}

/// Numbers that are for sale and locked nevertheless, as those are whose purchases settled: each is tried, and then it ends,
/// for the reason that the number asked for had.
#[test]
fn numbers_that_are_all_locked_end_the_purchase() {
    for others in ["Loc_third", SUB] {
        let clock = clock();
        let world = world(&clock);
        let on_sale: Vec<String> = (1..=5).map(|last| format!("+1876555020{last}")).collect();
        world.ask("Loc_other", "gone", GONE);
        for (key, number) in on_sale.iter().enumerate() {
            world.ask(others, &format!("key-{key}"), number);
        }
        // Nobody knows of any whether it was bought: for sale, as far as the list says, and locked.
        world.carrier.fail_next(std::iter::repeat_n(CarrierFault::Instead(Created::Unknown), 6));
        assert_eq!(world.complete(), 0);
        assert_eq!((world.with_sk("L#").len(), world.carrier.charges()), (6, 0));
        world.carrier.offer(offers(&on_sale.iter().map(String::as_str).collect::<Vec<_>>()));
        let id = ask_for_any(&world, GONE);
        assert_eq!(world.complete(), 0, "{others}: no message is left to come again and again");
        let purchase = world.read(SUB, &id).body;
        assert_eq!(
            (&purchase["state"], &purchase["reason"]),
            (&json!("failed"), &json!("number_unavailable")),
            "{others}"
        );
    }
}

#[test]
fn ones_own_number_is_a_duplicate_and_never_replaced() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "one", GONE);
    assert_eq!(world.complete(), 0);
    world.carrier.offer(offers(&["+18765550201"]));
    let id = ask_for_any(&world, GONE);
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!((&purchase["state"], &purchase["reason"]), (&json!("failed"), &json!("duplicate_purchase")));
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn five_numbers_are_tried_and_no_sixth() {
    let clock = clock();
    let world = world(&clock);
    let on_sale: Vec<String> = (1..=9).map(|last| format!("+1876555020{last}")).collect();
    world.carrier.offer(offers(&on_sale.iter().map(String::as_str).collect::<Vec<_>>()));
    let id = ask_for_any(&world, GONE);
    world.carrier.fail_next(std::iter::repeat_n(gone(), 20));
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!((&purchase["state"], &purchase["reason"]), (&json!("failed"), &json!("number_unavailable")));
    assert_eq!(world.carrier.creates(), 6, "the number asked for, and five others");
    assert!(world.with_sk("L#").is_empty());
}

#[test]
fn a_number_in_doubt_is_never_given_up() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.offer(offers(&["+18765550201"]));
    let id = ask_for_any(&world, GONE);
    world.carrier.fail_next([CarrierFault::Instead(Created::Unknown), gone()]);
    assert_eq!(world.complete(), 0);
    world.minutes(8);
    let purchase = world.read(SUB, &id).body;
    assert_eq!((&purchase["state"], &purchase["numbers"][0]["phone_number"]), (&json!("failed"), &json!(GONE)));
    assert_eq!(world.carrier.charges(), 0);
}

/// What should never be: a number that the carrier said was gone is ours after all. The worker that bought another one
/// died; whoever comes next sees both, and calls an operator.
#[test]
fn a_number_that_was_given_up_and_is_ours_all_the_same_is_held() {
    let clock = clock();
    let world = world(&clock);
    world.carrier.offer(offers(&["+18765550201"]));
    ask_for_any(&world, GONE);
    world.carrier.fail_next([gone(), CarrierFault::Instead(Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    let id = world.purchase().id.to_string();
    world.carrier.plant(&account(), &GONE.parse().expect("is a number"), &id);
    world.minutes(3);
    let state = world.purchase().state;
    assert!(matches!(state, PurchaseState::Held { sid: Some(_), .. }), "{state:?}");
}

#[test]
fn other_refusals_are_no_reason_to_take_another_number() {
    for reason in [Reason::CarrierRefused, Reason::AddressRequired, Reason::AccountRestricted] {
        let clock = clock();
        let world = world(&clock);
        world.carrier.offer(offers(&["+18765550201"]));
        let id = ask_for_any(&world, GONE);
        world.carrier.fail_next([CarrierFault::Instead(Created::Refused(reason))]);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.read(SUB, &id).body["reason"], reason_name(&reason));
        assert!(world.carrier.searches().is_empty());
    }
}
