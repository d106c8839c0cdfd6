//! A platform that asks for an approved phone before a purchase.

use domain::{PhoneNumber, PhonePolicy, PhonePreset, PurchaseState};
use phone_verification::Route as PhoneRoute;
use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::Caller;
use tests::neighbours::StillClock;
use tests::phone::{PhoneWorld, check_event, start_event};
use tests::stepped::{Stepped, Steps, every_order, killed_at};
use tests::world::{Answer, Demands, Neighbours, clock, world};

use crate::names::QuickToFind;
use crate::{GATED, NOT_GATED, SUB, approve, send, verify};

/// The customer's phone.
pub(crate) const PHONE: &str = "+12125550177";

/// Verify and Lookup beside a world, whose table and queue the function has.
pub(crate) fn phones<'clock>(world: &Neighbours<'clock>) -> PhoneWorld<'clock> {
    phones_on(world.clock, world)
}

/// The same, on a clock of their own.
fn phones_on<'clock>(clock: &'clock StillClock, world: &Neighbours<'_>) -> PhoneWorld<'clock> {
    let Demands { phone, name_match } = world.demands;
    let policy = PhonePolicy { required_for_purchases: phone, name_match, ..PhonePolicy::of(PhonePreset::Open) };
    PhoneWorld::new(clock, policy)
}

/// Asks for a passcode for the customer's phone; the event of its check.
pub(crate) fn passcode(world: &Neighbours<'_>, phones: &PhoneWorld<'_>) -> Value {
    passcode_of(world, phones, SUB, PHONE)
}

fn passcode_of(world: &Neighbours<'_>, phones: &PhoneWorld<'_>, sub_account: &str, phone: &str) -> Value {
    let function = phones.function(&world.table, &world.queue);
    let asked = start_event(sub_account, phone, &json!({"phone_number": phone}));
    let started = Answer::of(futures::executor::block_on(function.handle(asked)));
    assert!(started.status < 300, "{started:?}");
    let code = phones.passcodes.code(&PhoneNumber::parse(phone).expect("is a number")).expect("is under way");
    check_event(sub_account, started.body["id"].as_str().expect("has an id"), &code)
}

/// The customer proves to have the phone.
pub(crate) fn approve_phone(world: &Neighbours<'_>) {
    prove(world, &phones(world), SUB, PHONE);
}

/// A sub-account proves to have this phone.
pub(crate) fn prove(world: &Neighbours<'_>, phones: &PhoneWorld<'_>, sub_account: &str, phone: &str) {
    let check = passcode_of(world, phones, sub_account, phone);
    let function = phones.function(&world.table, &world.queue);
    let checked = Answer::of(futures::executor::block_on(function.handle(check)));
    assert_eq!(checked.body["result"], "approved", "{checked:?}");
}

fn asking<'clock>(mut world: Neighbours<'clock>) -> Neighbours<'clock> {
    world.demands.phone = true;
    world
}

fn next_action(answer: &Answer) -> Option<&str> {
    answer.body["next_action"].as_str()
}

fn id(answer: &Answer) -> &str {
    answer.body["id"].as_str().expect("has an id")
}

#[test]
fn a_purchase_waits_for_the_phone_and_goes_on_the_moment_it_is_approved() {
    let clock = clock();
    let mut world = world(&clock);
    verify(&world);
    world.demands.phone = true;
    let asked = world.ask(SUB, "key-1", GATED);
    assert_eq!((asked.status, next_action(&asked)), (202, Some("verify_phone")), "{asked:?}");
    assert_eq!(asked.body["state"], "awaiting_verification");
    assert!(asked.body["deadline"].is_string() && asked.body.get("verification").is_none(), "{asked:?}");
    assert_eq!(asked.headers["retry-after"], "5");
    world.complete();
    world.minutes(30);
    assert_eq!(world.carrier.charges(), 1, "only what was bought before the platform asked for a phone");
    assert_eq!(next_action(&world.read(SUB, id(&asked))), Some("verify_phone"));
    let listed = world.list(SUB, "state=awaiting_verification");
    assert_eq!(listed.body["purchases"][0]["next_action"], "verify_phone", "{listed:?}");
    approve_phone(&world);
    assert_eq!(world.read(SUB, id(&asked)).body["state"], "queued");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, id(&asked)).body["state"], "completed");
    let next = world.ask(SUB, "key-2", "+12125550101");
    assert_eq!((next.body["state"].as_str(), next_action(&next)), (Some("queued"), None), "never asked again");
}

#[test]
fn first_who_one_is_then_which_phone_one_has() {
    let clock = clock();
    let world = asking(world(&clock));
    let asked = world.ask(SUB, "key-1", GATED);
    assert_eq!(next_action(&asked), Some("complete_verification"));
    assert!(asked.body["verification"]["session_token"].is_string());
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.charges(), next_action(&world.read(SUB, id(&asked)))), (0, Some("verify_phone")));
    approve_phone(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_phone_that_is_there_already_is_not_asked_for() {
    let clock = clock();
    let world = asking(world(&clock));
    approve_phone(&world);
    let asked = world.ask(SUB, "key-1", GATED);
    assert_eq!(next_action(&asked), Some("complete_verification"));
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_number_that_is_not_gated_waits_for_the_phone_alone() {
    let clock = clock();
    let world = asking(world(&clock));
    let asked = world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!((asked.status, next_action(&asked)), (202, Some("verify_phone")), "{asked:?}");
    assert_eq!(world.persona.inquiries(), 0, "nobody is asked who they are");
    approve_phone(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_pool_waits_as_a_whole() {
    let clock = clock();
    let world = asking(world(&clock));
    let numbers = ["+12125550101", "+12125550102", "+12125550103"];
    let asked = world.ask_for(SUB, "pool", &json!({"kind": "number_pool", "phone_numbers": numbers}));
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 0);
    assert_eq!(next_action(&world.read(SUB, id(&asked))), Some("verify_phone"));
    approve_phone(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, id(&asked)).body["state"], "completed");
    assert_eq!(world.carrier.charges(), 3);
}

#[test]
fn who_never_proves_a_phone_lets_the_purchase_expire() {
    let clock = clock();
    let mut world = world(&clock);
    verify(&world);
    world.demands.phone = true;
    let asked = world.ask(SUB, "key-1", GATED);
    clock.advance_s(72 * 3600 + 301);
    world.minutes(2);
    let expired = world.read(SUB, id(&asked));
    assert_eq!(expired.body["state"], "expired", "{expired:?}");
    assert!(world.with_sk("W#").is_empty(), "nothing waits any more");
    approve_phone(&world);
    world.minutes(3);
    assert_eq!(world.carrier.charges(), 1, "only the one before");
}

/// An approval counts from when it was given, a phone's as Persona's: by the deadline it is in time, however late a message
/// or the sweep comes. After the deadline it is too late, whether the sweep has been there or not. The grace is for news of
/// what was in time.
#[test]
fn what_is_proved_after_the_deadline_is_too_late() {
    for (late_s, end) in [(0, "completed"), (1, "expired"), (200, "expired"), (600, "expired")] {
        for (by_phone, message_is_lost) in [(true, true), (true, false), (false, true), (false, false)] {
            let clock = clock();
            let mut world = world(&clock);
            if by_phone {
                verify(&world);
                world.demands.phone = true;
            }
            let bought_before = world.carrier.charges();
            let asked = world.ask(SUB, "key-1", GATED);
            clock.advance_s(72 * 3600 + late_s);
            if by_phone {
                approve_phone(&world);
            } else {
                approve(&world);
            }
            if message_is_lost {
                while world.queue.pop().is_some() {}
            }
            assert_eq!(world.complete(), 0);
            clock.advance_s(600);
            world.minutes(2);
            let case = format!("{late_s} s after the deadline, phone: {by_phone}, message lost: {message_is_lost}");
            assert_eq!(world.read(SUB, id(&asked)).body["state"], end, "{case}");
            assert_eq!(world.carrier.charges() - bought_before, u32::from(end == "completed"), "{case}");
            assert!(world.with_sk("W#").is_empty(), "{case}: nothing waits any more");
        }
    }
}

/// A sub-account that had a phone in time goes on having had one.
#[test]
fn a_phone_that_takes_the_place_of_one_in_time_is_in_time() {
    let clock = clock();
    let mut world = world(&clock);
    verify(&world);
    world.demands.phone = true;
    let asked = world.ask(SUB, "key-1", GATED);
    approve_phone(&world);
    while world.queue.pop().is_some() {}
    clock.advance_s(72 * 3600 + 100);
    prove(&world, &phones(&world), SUB, "+12125550178");
    while world.queue.pop().is_some() {}
    clock.advance_s(300);
    world.minutes(1);
    assert_eq!(world.read(SUB, id(&asked)).body["state"], "completed");
}

/// Whichever way expiry and an approval that is in time interleave, the purchase expires or is bought, and never stays. The
/// approval's clock is as far behind as the grace is long.
#[test]
fn no_order_of_expiry_and_approval_leaves_the_purchase_behind() {
    let ends = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let played = every_order(|order| {
        let clock = clock();
        let mut world = world(&clock);
        verify(&world);
        world.demands.phone = true;
        let asked = world.ask(SUB, "key-1", GATED);
        let behind = StillClock::at(world.now().plus_ms(72 * 3_600_000));
        clock.advance_s(72 * 3600 + 301);
        let phones = phones_on(&behind, &world);
        let check = passcode(&world, &phones);
        let steps = Steps::default();
        let store = Stepped { port: &world.table, steps: &steps };
        let checks = phones.function(store, &world.queue);
        let sweeper = world.sweeper(QuickToFind(store), &world.persona);
        order.run(async { checks.handle(check).await.is_object() }, async { sweeper.sweep().await.is_ok() });
        world.minutes(2);
        let state = world.read(SUB, id(&asked)).body["state"].as_str().expect("has a state").to_owned();
        assert_eq!(world.carrier.charges(), if state == "completed" { 2 } else { 1 });
        ends.borrow_mut().insert(state);
    });
    assert!(played > 100, "{played} orders");
    assert_eq!(ends.into_inner().into_iter().collect::<Vec<_>>(), ["completed", "expired"]);
}

#[test]
fn the_request_that_is_sent_again_says_the_same() {
    let clock = clock();
    let mut world = world(&clock);
    verify(&world);
    world.demands.phone = true;
    world.ask(SUB, "key-1", GATED);
    let again = world.ask(SUB, "key-1", GATED);
    assert_eq!((again.status, next_action(&again)), (200, Some("verify_phone")), "{again:?}");
    // What was asked for under one policy waits for what that asked, whatever the platform asks now.
    world.demands.phone = false;
    let again = world.ask(SUB, "key-1", GATED);
    assert_eq!((again.status, next_action(&again)), (200, Some("verify_phone")), "{again:?}");
    approve_phone(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2, "whatever the function that checks passcodes is told now");
}

/// Dies before each of its calls; the same check again, or none at all where the approval stands: the number is bought
/// once, with nothing but the sweep.
#[test]
fn wherever_a_check_dies_the_purchase_goes_on() {
    for killed in 0.. {
        let clock = clock();
        let mut world = world(&clock);
        verify(&world);
        world.demands.phone = true;
        world.ask(SUB, "key-1", GATED);
        let phones = phones(&world);
        let check = passcode(&world, &phones);
        let steps = Steps::default();
        let (store, queue) =
            (Stepped { port: &world.table, steps: &steps }, Stepped { port: &world.queue, steps: &steps });
        let ended = killed_at(killed, phones.function(store, queue).handle(check.clone()));
        // What it was to send is lost as well.
        while world.queue.pop().is_some() {}
        if world.with_sk("PHONE").iter().all(|item| !item.contains_key("approved_at")) {
            clock.advance_s(1);
            let function = phones.function(&world.table, &world.queue);
            let again = Answer::of(futures::executor::block_on(function.handle(check)));
            assert!(again.status < 300, "{killed}: {again:?}");
            while world.queue.pop().is_some() {}
        }
        world.minutes(3);
        assert_eq!(world.carrier.charges(), 2, "killed before call {killed}");
        assert!(world.due().iter().all(|key| key.sk != "PHONE"), "nothing waits for the phone any more");
        if ended.is_some() {
            assert!(killed >= 5, "every call was one at which it died");
            return;
        }
    }
}

/// Whichever way a request and the approval of the phone interleave, one of the two sees the other.
#[test]
fn no_order_of_request_and_approval_strands_the_purchase() {
    let played = every_order(|order| {
        let clock = clock();
        let mut world = world(&clock);
        verify(&world);
        world.demands.phone = true;
        let phones = phones(&world);
        let check = passcode(&world, &phones);
        let steps = Steps::default();
        let ports = || (Stepped { port: &world.table, steps: &steps }, Stepped { port: &world.queue, steps: &steps });
        let (store, queue) = ports();
        let checks = phones.function(store, queue);
        let asks =
            world.check_stepped(&steps, tests::events::ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED));
        let (_, asked) = order.run(async { Answer::of(checks.handle(check).await) }, asks);
        assert_eq!(asked.status, 202, "{asked:?}");
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.charges(), 2, "with no sweep: {asked:?}");
    });
    assert!(played > 100, "{played} orders");
}

#[test]
fn clearances_name_the_phone() {
    let clock = clock();
    let mut world = world(&clock);
    verify(&world);
    world.demands.phone = true;
    let ask = |body: &Value| {
        send(&world, Route::AskForClearance, SUB, &Caller::sub_account(SUB).claims, &body.to_string()).body
    };
    let missing = json!({"allowed": false, "rule": "phone_not_verified", "next_action": "verify_phone"});
    assert_eq!(ask(&json!({"action": "phone_number_purchase", "phone_number": GATED})), missing);
    assert_eq!(ask(&json!({"action": "number_pool_purchase", "phone_number": NOT_GATED})), missing);
    let brand = json!({"action": "a2p_brand_registration"});
    assert_eq!(ask(&brand), json!({"allowed": true, "rule": "sub_account_verified"}), "no number is bought");
    approve_phone(&world);
    let allowed = json!({"allowed": true, "rule": "sub_account_verified"});
    assert_eq!(ask(&json!({"action": "phone_number_purchase", "phone_number": GATED})), allowed);
}

#[test]
fn a_purchase_that_waits_for_a_phone_can_be_taken_back() {
    let clock = clock();
    let world = asking(world(&clock));
    let asked = world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!(world.cancel(SUB, id(&asked)).body["state"], "cancelled");
    approve_phone(&world);
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 0);
    assert!(matches!(world.purchase().state, PurchaseState::Cancelled { .. }));
    assert!(world.due().is_empty());
}

#[test]
fn what_became_of_a_passcode_can_be_read() {
    let clock = clock();
    let world = world(&clock);
    let phones = phones(&world);
    let function = phones.function(&world.table, &world.queue);
    let check = passcode(&world, &phones);
    let read = |sub_account: &str| {
        let parameters = [("sub", sub_account), ("id", check["pathParameters"]["id"].as_str().expect("has an id"))];
        let caller = Caller::sub_account(sub_account);
        let event = tests::events::http_event(PhoneRoute::Read.key(), &parameters, &[], Some(&caller), "");
        Answer::of(futures::executor::block_on(function.handle(event)))
    };
    let pending = read(SUB);
    assert_eq!((pending.status, pending.body["state"].as_str()), (200, Some("pending")), "{pending:?}");
    futures::executor::block_on(function.handle(check.clone()));
    assert_eq!(read(SUB).body["state"], "approved");
    assert_eq!(read("Loc_other").status, 404);
}
