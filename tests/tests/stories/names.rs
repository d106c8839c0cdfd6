//! The name on the ID and the phone's owner: `report` records how well they fit, `require` decides by it.

use adapters::store::{Item, Key, Page, Query, Store, StoreError, TransactError, Write, WriteError};
use domain::{AgencyId, NameLevel, NameMatchPolicy, Owner, PhoneNumber, PurchaseState, VerificationState};
use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::Caller;
use tests::memory_table::MemoryTable;
use tests::neighbours::StillClock;
use tests::stepped::{Stepped, Steps, every_order, killed_at};
use tests::world::{Answer, Neighbours, clock, world};

use crate::lost_webhooks::open_inquiries;
use crate::phones::{PHONE, approve_phone, passcode, phones, prove};
use crate::{GATED, SUB, approve, deliver, event, own, send, send_own};

fn with(clock: &StillClock, policy: NameMatchPolicy) -> Neighbours<'_> {
    let mut world = world(clock);
    world.demands.name_match = policy;
    world
}

fn phone() -> PhoneNumber {
    PhoneNumber::parse(PHONE).expect("is a number")
}

fn standing(world: &Neighbours<'_>) -> (Value, Value) {
    let answer = send_own(world, Route::ReadVerification);
    (answer.body["state"].clone(), answer.body["next_action"].clone())
}

fn clearance(world: &Neighbours<'_>) -> Value {
    let body = json!({"action": "cnam_registration"}).to_string();
    send(world, Route::AskForClearance, SUB, &Caller::sub_account(SUB).claims, &body).body
}

fn audit(world: &Neighbours<'_>) -> Answer {
    world.operate(&format!("GET /v1/operator/sub-accounts/{SUB}/audit"), &Value::Null)
}

#[test]
fn off_asks_nobody() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Off);
    approve_phone(&world);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    world.complete();
    world.minutes(3);
    assert_eq!(world.carrier.charges(), 1);
    assert!(world.names.asked().is_empty());
    assert!(world.due().is_empty());
}

#[test]
fn required_names_are_compared_once_there_is_a_phone_and_then_the_number_is_bought() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::Partial, NameLevel::Exact);
    let asked = world.ask(SUB, "key-1", GATED);
    approve(&world);
    assert_eq!(standing(&world), (json!("in_review"), json!("verify_phone")));
    let read = world.read(SUB, asked.body["id"].as_str().expect("has an id"));
    assert_eq!(
        (&read.body["state"], &read.body["next_action"]),
        (&json!("awaiting_verification"), &json!("verify_phone"))
    );
    let wanted = json!({"allowed": false, "rule": "names_not_compared", "next_action": "verify_phone"});
    assert_eq!(clearance(&world), wanted);
    world.minutes(20);
    assert_eq!(world.carrier.charges(), 0);
    approve_phone(&world);
    assert_eq!(standing(&world), (json!("in_review"), Value::Null), "the customer has done everything");
    world.minutes(1);
    assert_eq!(world.carrier.charges(), 1, "with no further call of anyone's");
    assert_eq!(standing(&world).0, json!("verified"));
    world.minutes(3);
    let inquiry = world.persona.first().expect("was opened");
    assert_eq!(world.names.asked(), [(inquiry, phone())], "compared and paid for once");
    assert!(world.due().is_empty(), "{:?}", world.due());
    let entries = audit(&world).body["entries"].clone();
    assert_eq!((&entries[0]["what"], &entries[0]["to"]), (&json!("names_compared"), &json!("verified")), "{entries}");
    assert_eq!((&entries[0]["first_name"], &entries[0]["last_name"]), (&json!("partial"), &json!("exact")));
}

#[test]
fn a_phone_that_is_there_before_the_approval_is_compared_with_it() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::Exact, NameLevel::Exact);
    approve_phone(&world);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    world.minutes(1);
    assert_eq!((world.carrier.charges(), world.names.asked().len()), (1, 1));
}

#[test]
fn names_that_differ_wait_for_an_operator() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::Exact, NameLevel::None);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve_phone(&world);
    world.minutes(5);
    assert_eq!(world.carrier.charges(), 0);
    assert_eq!(standing(&world), (json!("in_review"), json!("contact_support")));
    assert_eq!(clearance(&world), json!({"allowed": false, "rule": "names_differ", "next_action": "contact_support"}));
    // Persona's approval, delivered once more, and another phone change nothing.
    assert_eq!(deliver(&world, "evt_again", "inquiry.approved", "approved", 0), 200);
    world.minutes(5);
    assert_eq!((standing(&world).0, world.names.asked().len()), (json!("in_review"), 1));
    let approve = json!({"action": "approve", "reason": "the phone is the spouse's"});
    let operated = world.operate(&format!("POST /v1/operator/sub-accounts/{SUB}/verification"), &approve);
    assert_eq!(operated.body["state"], "verified", "{operated:?}");
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.charges(), world.names.asked().len()), (1, 1));
}

/// Declined, then approved by a reviewer after another inquiry had taken its place, then declined again.
#[test]
fn an_inquiry_that_becomes_the_current_one_again_uses_no_second_attempt() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.ask(SUB, "key-1", GATED);
    let first = world.persona.first().expect("was opened");
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_1", "inquiry.declined", "declined", 0), 200);
    send_own(&world, Route::OpenVerification);
    assert!(!world.verification().is_current(&first));
    for (event_id, name, status) in
        [("evt_2", "inquiry.approved", "approved"), ("evt_3", "inquiry.declined", "declined")]
    {
        clock.advance_s(60);
        assert_eq!(deliver(&world, event_id, name, status, 0), 200);
        assert!(world.verification().is_current(&first), "{status}");
        assert_eq!(world.verification().attempts_used, 1, "{status}");
    }
    assert_eq!(world.verification().state, VerificationState::Declined);
}

#[test]
fn what_nobody_knows_is_no_mismatch() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve_phone(&world);
    world.minutes(1);
    assert_eq!((world.carrier.charges(), standing(&world).0), (1, json!("verified")));
}

#[test]
fn a_vendor_that_is_down_delays_and_decides_nothing() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::Exact, NameLevel::Exact);
    world.names.set_down(true);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve_phone(&world);
    world.minutes(10);
    assert_eq!((world.carrier.charges(), standing(&world).0), (0, json!("in_review")));
    world.names.set_down(false);
    world.minutes(17);
    assert_eq!((world.carrier.charges(), standing(&world).0), (1, json!("verified")), "within the longest step");
}

#[test]
fn report_lets_the_approval_count_and_records_what_was_found() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Report);
    world.names.set(&phone(), NameLevel::None, NameLevel::None);
    world.names.set_down(true);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1, "at once, whatever Lookup does");
    approve_phone(&world);
    world.minutes(2);
    world.names.set_down(false);
    world.minutes(17);
    assert_eq!(world.names.asked().len(), 1);
    assert_eq!(standing(&world).0, json!("verified"), "it decides nothing");
    assert_eq!(audit(&world).body["entries"][0]["what"], "names_compared");
    world.minutes(3);
    assert!(world.due().is_empty(), "{:?}", world.due());
}

#[test]
fn a_reviewer_who_declines_meanwhile_is_heard() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    clock.advance_s(10);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    assert_eq!(world.verification_of(&own()).state, VerificationState::Declined);
    approve_phone(&world);
    world.minutes(5);
    assert_eq!((world.carrier.charges(), world.names.asked().len()), (0, 0));
}

/// Nobody is let through because Persona has no name to compare: redacted, say, or a key that may not read it.
#[test]
fn an_id_without_a_name_waits_for_an_operator() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::NotOnId, NameLevel::NotOnId);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve_phone(&world);
    world.minutes(5);
    assert_eq!((world.carrier.charges(), standing(&world)), (0, (json!("in_review"), json!("contact_support"))));
}

/// Persona approved in time and the phone is there: an outage of the vendor that compares is not the customer's delay.
#[test]
fn a_purchase_does_not_expire_while_names_cannot_be_compared() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.names.set(&phone(), NameLevel::Exact, NameLevel::Exact);
    world.names.set_down(true);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve_phone(&world);
    clock.advance_s(72 * 3600 + 3600);
    world.minutes(20);
    assert_eq!(world.purchase().state, PurchaseState::Waiting);
    world.names.set_down(false);
    world.minutes(17);
    assert_eq!(world.carrier.charges(), 1);
}

/// The operator decides in place of the vendor that is down, and what Persona approved in time counts from then; or turns
/// the comparing off for whoever comes next, and what waits goes on.
#[test]
fn what_waits_for_its_names_past_the_deadline_is_bought_when_an_operator_approves() {
    for turned_off in [false, true] {
        let clock = clock();
        let mut world = with(&clock, NameMatchPolicy::Require);
        world.names.set(&phone(), NameLevel::Exact, NameLevel::Exact);
        world.names.set_down(true);
        world.ask(SUB, "key-1", GATED);
        approve(&world);
        approve_phone(&world);
        clock.advance_s(72 * 3600 + 3600);
        world.minutes(5);
        if turned_off {
            world.demands.name_match = NameMatchPolicy::Off;
            world.minutes(20);
            assert_eq!(world.purchase().state, PurchaseState::Waiting);
        }
        let body = json!({"action": "approve", "reason": "looked at it"});
        let route = format!("POST /v1/operator/sub-accounts/{SUB}/verification");
        assert_eq!(world.operate(&route, &body).body["state"], "verified");
        world.minutes(3);
        assert_eq!(world.carrier.charges(), 1, "turned off: {turned_off}");
        // What Persona decided before that counts no more, and what it decides later does.
        assert_eq!(deliver(&world, "evt_older", "inquiry.declined", "declined", 3600), 200);
        assert!(world.verification().verified_at().is_some());
        clock.advance_s(60);
        assert_eq!(deliver(&world, "evt_newer", "inquiry.declined", "declined", 0), 200);
        assert!(world.verification().verified_at().is_none());
    }
}

/// Not for ever, though; and one whose person never proved a phone in time has itself to wait for.
#[test]
fn a_purchase_whose_names_cannot_be_compared_for_a_day_expires_and_so_does_one_without_a_phone() {
    for with_phone in [true, false] {
        let clock = clock();
        let world = with(&clock, NameMatchPolicy::Require);
        world.names.set_down(true);
        world.ask(SUB, "key-1", GATED);
        approve(&world);
        if with_phone {
            approve_phone(&world);
            clock.advance_s(96 * 3600);
        } else {
            clock.advance_s(72 * 3600);
        }
        world.minutes(25);
        assert!(matches!(world.purchase().state, PurchaseState::Expired { .. }), "with a phone: {with_phone}");
    }
}

/// An agency has no phone of its own.
#[test]
fn no_names_are_compared_for_an_agency() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    world.put_profile(SUB, "Agency_1");
    let claims = json!({"agency": "Agency_1", "scope": "purchases:read purchases:write"});
    let opened = send(&world, Route::OpenAgencyVerification, "Agency_1", &claims, "");
    let inquiry = opened.body["inquiry_id"].as_str().expect("was opened");
    assert_eq!(world.deliver(&event(&world, "evt_1", "inquiry.approved", inquiry, "approved", 0)).status, 200);
    let agency = Owner::Agency(AgencyId::parse("Agency_1").expect("is a word"));
    assert!(world.verification_of(&agency).verified_at().is_some());
    world.ask(SUB, "key-1", GATED);
    assert_eq!(world.complete(), 0);
    world.minutes(2);
    assert_eq!((world.carrier.charges(), world.names.asked().len()), (1, 0));
}

/// Dies before each of its calls, those of the vendors aside: the next sweeps go on, and nothing counts twice.
#[test]
fn wherever_the_sweep_dies_the_names_are_compared_by_a_later_one() {
    for killed in 0.. {
        let clock = clock();
        let world = with(&clock, NameMatchPolicy::Require);
        world.names.set(&phone(), NameLevel::Exact, NameLevel::Exact);
        world.ask(SUB, "key-1", GATED);
        approve(&world);
        approve_phone(&world);
        clock.advance_s(60);
        let steps = Steps::default();
        let sweeper = world.sweeper(Stepped { port: &world.table, steps: &steps }, &world.persona);
        let ended = killed_at(killed, sweeper.sweep());
        world.minutes(4);
        assert_eq!(world.carrier.charges(), 1, "killed before call {killed}");
        assert!(world.names.asked().len() <= 2, "killed before call {killed}");
        if ended.is_some() {
            assert!(killed > 10, "every call was one at which it died");
            return;
        }
    }
}

/// A table that is stepped but for its lists: what a sweep visits and writes, in few enough orders to play them all.
pub(crate) struct QuickToFind<'a>(pub(crate) Stepped<'a, &'a MemoryTable>);

impl Store for QuickToFind<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.get(key).await
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        self.0.write(write).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.0.transact(writes).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.0.port.query(query).await
    }
}

/// Whichever way the sweep, which finds no phone, and the check that approves one interleave, one sees the other.
#[test]
fn no_order_of_sweep_and_phone_forgets_the_names() {
    let played = every_order(|order| {
        let clock = clock();
        let world = with(&clock, NameMatchPolicy::Require);
        world.ask(SUB, "key-1", GATED);
        approve(&world);
        let phones = phones(&world);
        let check = passcode(&world, &phones);
        world.take_messages();
        let steps = Steps::default();
        let store = Stepped { port: &world.table, steps: &steps };
        let checks = phones.function(store, &world.queue);
        let sweeper = world.sweeper(QuickToFind(store), &world.persona);
        order.run(async { checks.handle(check).await.is_object() }, async { sweeper.sweep().await.is_ok() });
        world.minutes(2);
        assert_eq!(world.carrier.charges(), 1);
    });
    assert!(played > 100, "{played} orders");
}

/// So many people whom Persona approved, and who have proved a phone.
fn approve_many(world: &Neighbours<'_>, count: u32) {
    let phones = phones(world);
    for number in 0..count {
        let sub_account = format!("Loc{number}");
        // Persona is asked for so many inquiries a minute.
        world.clock.advance_s(1);
        let asked = world.ask(&sub_account, "key-1", &format!("+1212555{number:04}"));
        let inquiry = asked.body["verification"]["inquiry_id"].as_str().expect("was opened");
        let approved = event(world, &format!("evt_{number}"), "inquiry.approved", inquiry, "approved", 0);
        assert_eq!(world.deliver(&approved).status, 200);
        prove(world, &phones, &sub_account, &format!("+1332555{number:04}"));
    }
}

/// More approvals than names may be compared in a minute: the next minutes go on, and nobody is forgotten.
#[test]
fn a_sweep_compares_so_many_names_and_the_next_one_goes_on() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    approve_many(&world, 130);
    let compared: Vec<usize> = (0..4)
        .map(|_| {
            clock.advance_s(60);
            let compared = world.sweep().compared;
            world.complete();
            compared
        })
        .collect();
    assert_eq!((compared, world.carrier.charges()), (vec![60, 60, 10, 0], 130));
}

/// Persona's requests are shared: where a sweep has many inquiries to ask about, fewer names are compared in it.
#[test]
fn names_take_what_the_questions_of_a_sweep_leave() {
    let clock = clock();
    let world = with(&clock, NameMatchPolicy::Require);
    approve_many(&world, 40);
    open_inquiries(&world, 7_000);
    clock.advance_s(60);
    let swept = world.sweep();
    assert_eq!((swept.questions, swept.compared), (60, 20));
    let compared: usize = (0..4)
        .map(|_| {
            clock.advance_s(60);
            world.sweep().compared
        })
        .sum();
    assert_eq!(compared, 20, "the others come again");
}
