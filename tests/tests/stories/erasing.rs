//! Erasing: redacted at Persona, forgotten here, with an audit that names nobody.

use adapters::items::{approved_phone_to_item, phone_verification_to_item};
use adapters::persona::{PersonaError, sign};
use adapters::store::{Condition, Store, Write};
use domain::{
    ApprovedPhone, BodyHash, Channel, CountryCode, IdempotencyKey, PhoneNumber, PhoneState, PhoneVerification,
    PhoneVerificationId, RevokedBy, SubAccountId, VerificationState, persona_reference,
};
use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event, webhook_event};
use tests::logs::logged;
use tests::neighbours::PersonaFault;
use tests::settings;
use tests::slow_ports::poll_once;
use tests::stepped::{Stepped, Steps, killed_at, run};
use tests::world::{Answer, Neighbours, clock, secret, world};

use crate::phones::{phones, prove};
use crate::{GATED, SUB, approve, deliver, event, send_own, verify};

const ERASE: &str = "DELETE /v1/operator/sub-accounts/{sub}/verification";

fn erase(world: &Neighbours<'_>) -> Answer {
    let reason = json!({"reason": "the customer asked for it"});
    world.operate(&ERASE.replace("{sub}", SUB), &reason)
}

/// The same over ports whose every call is a step.
fn stepped(world: &Neighbours<'_>, steps: &Steps, killed: usize) -> Option<Answer> {
    let function = purchase_check::PurchaseCheck {
        store: Stepped { port: &world.table, steps },
        queue: Stepped { port: &world.queue, steps },
        identity: Stepped { port: &world.persona, steps },
        ambient: world.clock,
        settings: settings::check(),
    };
    let body = json!({"reason": "the customer asked for it"}).to_string();
    let erased = function.handle(http_event(ERASE, &[("sub", SUB)], &[], Some(&Caller::operator()), &body));
    if killed == usize::MAX { Some(Answer::of(run(erased))) } else { killed_at(killed, erased).map(Answer::of) }
}

/// A verified sub-account whose first inquiry was declined; every id that must be forgotten.
fn known(world: &Neighbours<'_>) -> Vec<String> {
    world.ask(SUB, "to-decline", "+12125550198");
    let first = world.persona.first().expect("is there");
    world.clock.advance_s(60);
    assert_eq!(deliver(world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    world.clock.advance_s(60);
    let answer = world.ask(SUB, "to-verify", GATED);
    let second = answer.body["verification"]["inquiry_id"].as_str().expect("a new inquiry").to_owned();
    world.clock.advance_s(60);
    let approved = event(world, "evt_approved", "inquiry.approved", &second, "approved", 0);
    assert_eq!(world.deliver(&approved).status, 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2);
    let ids = [first.to_string(), second, "evt_declined".to_owned(), "evt_approved".to_owned()];
    ids.into_iter().chain(prove_phone(world, SUB, 2)).collect()
}

/// A phone that this sub-account has proved to have, and as many verifications of it; what names it.
fn prove_phone(world: &Neighbours<'_>, sub_account: &str, verifications: usize) -> Vec<String> {
    let sub_account = SubAccountId::parse(sub_account).expect("is a word");
    let number = PhoneNumber::parse("+12125550142").expect("is a number");
    let (country, channel, now) = (CountryCode::new("US").expect("is a code"), Channel::Sms, world.now());
    let put = |item| {
        let put = Write::Put { item, expect: Condition::ItemAbsent };
        futures::executor::block_on((&world.table).write(put)).expect("the table in memory answers");
    };
    let ids = (0..verifications).map(|index| {
        let key = IdempotencyKey::parse(&format!("phone-{index}")).expect("is a key");
        let id = PhoneVerificationId::of(&sub_account, &key);
        let verification = PhoneVerification {
            id: id.clone(),
            sub_account: sub_account.clone(),
            body_hash: BodyHash([0; 32]),
            number: number.clone(),
            country,
            channel,
            created_at: now,
            state: PhoneState::Approved { at: now },
        };
        put(phone_verification_to_item(&verification, 1));
        id
    });
    let ids: Vec<PhoneVerificationId> = ids.collect();
    let verification = ids.last().expect("there is one").clone();
    put(approved_phone_to_item(
        &sub_account,
        &ApprovedPhone { number: number.clone(), channel, at: now, since: now, verification },
        None,
    ));
    ids.iter().map(ToString::to_string).chain([number.to_string()]).collect()
}

/// Nothing of the ids is left, and Persona has redacted all.
fn forgotten(world: &Neighbours<'_>, ids: &[String]) {
    let stored = format!("{:?}", world.table.items());
    for id in ids {
        assert!(!stored.contains(id.as_str()), "{id} is still stored");
    }
    let verification = world.verification();
    assert_eq!((verification.state, verification.inquiry), (VerificationState::Unverified, None));
    let redacted = world.persona.redacted();
    for inquiry in ids.iter().filter(|id| id.starts_with("inq_")) {
        assert!(redacted.contains(inquiry), "{inquiry} is not redacted");
    }
    let owner = domain::Owner::SubAccount(SubAccountId::parse(SUB).expect("is a word"));
    assert!(redacted.contains(&persona_reference(&owner)), "the account is not redacted");
}

#[test]
fn an_erased_verification_is_forgotten_here_and_redacted_at_persona() {
    let clock = clock();
    let world = world(&clock);
    let ids = known(&world);
    let before = world.with_sk("A#").len();
    clock.advance_s(1);
    let answer = erase(&world);
    assert_eq!((answer.status, &answer.body["state"]), (200, &json!("unverified")));
    forgotten(&world, &ids);
    let audit = world.operate(&format!("GET /v1/operator/sub-accounts/{SUB}/audit"), &Value::Null);
    assert_eq!(audit.status, 200, "{audit:?}");
    let entries = audit.body["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), before + 1);
    assert!(
        entries.iter().all(|entry| entry["at"].is_string() && entry["from"].is_string() && entry["to"].is_string())
    );
    assert_eq!(entries.iter().filter(|entry| entry["what"] == "forgotten").count(), before);
    assert_eq!(entries[0]["what"], "erased");
    assert_eq!(entries[0]["reason"], "the customer asked for it");
    assert_eq!(world.purchases().len(), 2, "what was bought stays");
}

#[test]
fn a_phone_is_forgotten_with_all_its_passcodes_and_nobody_elses() {
    let clock = clock();
    let world = world(&clock);
    // More than are read at once.
    let phone = prove_phone(&world, SUB, 120);
    assert_eq!(erase(&world).status, 200);
    assert_eq!(world.table.items(), world.with_sk("A#erased#"), "the erasure is all that is remembered");
    assert_eq!(world.table.items().len(), 1);
    // Another phone later, and another erasure: both are told.
    clock.advance_s(3600);
    prove_phone(&world, SUB, 1);
    assert_eq!(erase(&world).status, 200);
    assert_eq!(world.with_sk("A#erased#").len(), 2);
    let others = prove_phone(&world, "Loc_other", 3);
    let before = world.table.items();
    assert_eq!(erase(&world).status, 200);
    assert_eq!(world.table.items(), before);
    assert_eq!(phone.last(), others.last(), "the same phone");
}

#[test]
fn erasing_again_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    known(&world);
    assert_eq!(erase(&world).status, 200);
    let after_one = world.table.items();
    clock.advance_s(60);
    assert_eq!(erase(&world).status, 200);
    assert_eq!(world.table.items(), after_one);
}

#[test]
fn who_was_never_known_is_erased_too() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(erase(&world).status, 200);
    assert!(world.table.items().is_empty());
}

#[test]
fn while_a_purchase_waits_nothing_is_erased() {
    let clock = clock();
    let world = world(&clock);
    let asked = world.ask(SUB, "key-1", GATED);
    let before = world.table.items();
    let answer = erase(&world);
    assert_eq!((answer.status, answer.problem()), (409, "purchases-waiting"));
    assert_eq!(world.table.items(), before);
    assert!(world.persona.redacted().is_empty());
    let id = asked.body["id"].as_str().expect("has an id");
    assert_eq!(world.cancel(SUB, id).status, 200);
    assert_eq!(erase(&world).status, 200);
    assert_eq!(world.verification().inquiry, None);
}

/// Killed before each of its calls in turn, and once with each call failing: the same request goes on to the same end.
#[test]
fn an_erasure_that_stops_anywhere_goes_on() {
    for kill in [true, false] {
        let mut call = 0;
        loop {
            let clock = clock();
            let world = world(&clock);
            let ids = known(&world);
            let steps = if kill { Steps::default() } else { Steps::failing_at(call) };
            let answer = stepped(&world, &steps, if kill { call } else { usize::MAX });
            let whole = answer.as_ref().is_some_and(|answer| answer.status == 200);
            if let Some(answer) = answer.filter(|_| !whole) {
                assert!([502, 503].contains(&answer.status), "call {call}: {answer:?}");
            }
            let again = erase(&world);
            assert_eq!(again.status, 200, "call {call}: {again:?}");
            forgotten(&world, &ids);
            assert_eq!(world.with_sk("A#erased#").len(), 1, "call {call}");
            if whole {
                assert!(call > 10, "{call} calls");
                break;
            }
            call += 1;
        }
    }
}

/// Persona is slow, and the function has its time: each repetition goes on where the one before it was cut.
#[test]
fn an_owner_of_many_inquiries_is_erased_by_repetition() {
    const INQUIRIES: usize = 10;
    const CALLS_EACH: usize = 20;
    let clock = clock();
    let world = world(&clock);
    let mut ids = Vec::new();
    for inquiry in 0..INQUIRIES {
        let opened = send_own(&world, Route::OpenVerification);
        let id = opened.body["inquiry_id"].as_str().expect("is open").to_owned();
        clock.advance_s(60);
        let declined = event(&world, &format!("evt_{inquiry}"), "inquiry.declined", &id, "declined", 0);
        assert_eq!(world.deliver(&declined).status, 200);
        ids.push(id);
    }
    let lock = world.verification().state;
    let cut =
        (1..=20).find(|_| stepped(&world, &Steps::default(), CALLS_EACH).is_some_and(|answer| answer.status == 200));
    assert!(cut.is_some_and(|tries| tries > 2), "{cut:?} tries");
    assert_eq!((world.verification().state, world.verification().inquiry), (lock, None));
    let (stored, redacted) = (format!("{:?}", world.table.items()), world.persona.redacted());
    for id in &ids {
        assert!(!stored.contains(id.as_str()) && redacted.contains(id), "{id}");
    }
    // The current one is redacted again while the verification names it.
    assert!(world.persona.redactions() <= INQUIRIES + 1, "{} redactions", world.persona.redactions());
}

/// A page opens another inquiry between two steps of an erasure: it is redacted as well, or belongs to somebody who begins
/// anew.
#[test]
fn an_inquiry_that_is_opened_during_an_erasure_is_redacted_or_stays() {
    let (mut stayed, mut went) = (0, 0);
    for before in 0.. {
        let clock = clock();
        let world = world(&clock);
        send_own(&world, Route::OpenVerification);
        let first = world.persona.first().expect("was opened");
        clock.advance_s(60);
        assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
        let body = json!({"reason": "the customer asked for it"}).to_string();
        let asked = http_event(ERASE, &[("sub", SUB)], &[], Some(&Caller::operator()), &body);
        let mut erased = Box::pin(world.check_step_by_step(asked));
        let ended = (0..before).find_map(|_| poll_once(&mut erased));
        if ended.is_some() {
            break;
        }
        let opened = send_own(&world, Route::OpenVerification);
        let second = opened.body["inquiry_id"].as_str().expect("is open").to_owned();
        assert_ne!(second, first.to_string(), "before call {before}");
        let answer = std::iter::repeat_with(|| poll_once(&mut erased)).take(1000).flatten().next();
        assert_eq!(answer.map(|answer| answer.status), Some(200), "before call {before}");
        let mapped = world.with_sk("INQUIRY").len();
        let redacted = world.persona.redacted();
        assert!(redacted.contains(first.as_str()), "before call {before}");
        match world.verification().inquiry {
            Some(current) => {
                assert_eq!((current.id.as_str(), mapped), (second.as_str(), 1), "before call {before}");
                // A later erasure finds it, whatever became of it: by the entry that says it was opened.
                clock.advance_s(60);
                let declined = event(&world, "evt_2", "inquiry.declined", &second, "declined", 0);
                assert_eq!(world.deliver(&declined).status, 200);
                send_own(&world, Route::OpenVerification);
                clock.advance_s(60);
                assert_eq!(erase(&world).status, 200);
                let stored = format!("{:?}", world.table.items());
                assert!(!stored.contains(&second), "before call {before}: {stored}");
                stayed += 1;
            }
            None => {
                assert!(mapped == 0 && redacted.contains(&second), "before call {before}: {mapped}");
                let stored = format!("{:?}", world.table.items());
                assert!(!stored.contains(&second), "before call {before}: {stored}");
                went += 1;
            }
        }
    }
    assert!(stayed > 3 && went > 3, "{stayed} stayed, {went} went");
}

/// When Persona was asked about an inquiry stands under its id.
#[test]
fn that_persona_was_asked_about_an_inquiry_is_forgotten_with_it() {
    let clock = clock();
    let world = world(&clock);
    send_own(&world, Route::OpenVerification);
    let inquiry = world.persona.first().expect("was opened");
    let old = event(&world, "evt_old", "inquiry.approved", inquiry.as_str(), "approved", 0).to_string();
    let signature = sign(&secret(), old.as_bytes(), world.now());
    clock.advance_s(600);
    assert_eq!(world.webhook(webhook_event(&old, &signature)).status, 200);
    assert_eq!(world.with_sk("ASKED").len(), 1);
    assert_eq!(erase(&world).status, 200);
    let stored = format!("{:?}", world.table.items());
    assert!(!stored.contains(inquiry.as_str()), "{stored}");
}

#[test]
fn what_persona_does_not_redact_is_not_called_done() {
    for error in [PersonaError::Unknown, PersonaError::Answered(429), PersonaError::Answered(500)] {
        let clock = clock();
        let world = world(&clock);
        let ids = known(&world);
        world.persona.fail_next([PersonaFault::Before(error)]);
        let answer = erase(&world);
        assert_eq!((answer.status, answer.problem()), (502, "persona-unavailable"), "{error:?}");
        assert_eq!(erase(&world).status, 200);
        forgotten(&world, &ids);
    }
}

#[test]
fn late_events_of_who_was_erased_change_nothing() {
    let clock = clock();
    let world = world(&clock);
    let ids = known(&world);
    assert_eq!(erase(&world).status, 200);
    let after = world.table.items();
    for (name, status) in [("approved", "approved"), ("declined", "declined"), ("redacted", "approved")] {
        for inquiry in ids.iter().filter(|id| id.starts_with("inq_")) {
            let late = event(&world, &format!("evt_late_{name}"), &format!("inquiry.{name}"), inquiry, status, 0);
            assert_eq!(world.deliver(&late).status, 200);
            assert_eq!(world.table.items(), after, "{name}");
        }
    }
    world.minutes(5);
    assert_eq!(world.verification().state, VerificationState::Unverified);
}

#[test]
fn who_was_erased_is_asked_again_and_may_verify_again() {
    let clock = clock();
    let world = world(&clock);
    let ids = known(&world);
    assert_eq!(erase(&world).status, 200);
    let answer = world.ask(SUB, "key-9", "+12125550177");
    assert_eq!(answer.body["state"], "awaiting_verification");
    let inquiry = answer.body["verification"]["inquiry_id"].as_str().expect("a new inquiry").to_owned();
    assert!(!ids.contains(&inquiry));
    clock.advance_s(60);
    let approved = event(&world, "evt_new", "inquiry.approved", &inquiry, "approved", 0);
    assert_eq!(world.deliver(&approved).status, 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 3);
}

/// Erasing is no way around a revocation or a lock.
#[test]
fn what_an_operator_took_back_stays_taken_back() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    let revoked = json!({"action": "revoke", "reason": "forged papers"});
    assert_eq!(world.operate(&format!("POST /v1/operator/sub-accounts/{SUB}/verification"), &revoked).status, 200);
    assert_eq!(erase(&world).body["state"], "revoked");
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Operator, .. }));
    assert_eq!(world.verification().inquiry, None);
    assert_eq!(world.ask(SUB, "key-2", GATED).body["next_action"], "contact_support");
    let audit = world.operate(&format!("GET /v1/operator/sub-accounts/{SUB}/audit"), &Value::Null);
    let entries = audit.body["entries"].as_array().expect("a list").clone();
    let why = entries.iter().find(|entry| entry["what"] == "revoke").expect("who did it, and why, is kept");
    assert_eq!(why["reason"], "forged papers");
}

/// What the sub-account's limits remember of its phones goes with them.
#[test]
fn the_window_of_an_erased_phones_country_is_forgotten() {
    let clock = clock();
    let world = world(&clock);
    let phones = phones(&world);
    prove(&world, &phones, SUB, "+447400123456");
    let windows = || world.with_sk("W").len();
    let of_country = format!("L#c#GB#{SUB}");
    let stands = || format!("{:?}", world.table.items()).contains(&of_country);
    assert!(stands() && windows() > 1);
    assert_eq!(erase(&world).status, 200);
    assert!(!stands());
}

/// A key that may not redact is for somebody to mend, not for the same request again.
#[test]
fn an_erasure_that_our_key_may_not_do_raises_an_alarm() {
    for status in [401, 403] {
        let clock = clock();
        let world = world(&clock);
        known(&world);
        world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(status))]);
        let (answer, log) = logged(|| erase(&world));
        assert_eq!((answer.status, answer.problem()), (502, "persona-unavailable"));
        assert!(answer.body["detail"].as_str().expect("a detail").contains("key"), "{answer:?}");
        assert!(log.contains("\"metric\":\"persona_refused\""), "{log}");
        assert_eq!(erase(&world).status, 200);
    }
}

/// An opener that died holds its lease a little longer; what it may have made at Persona belongs to the account.
#[test]
fn while_an_inquiry_is_being_opened_nothing_is_erased() {
    let clock = clock();
    let world = world(&clock);
    world.persona.fail_next([PersonaFault::After(PersonaError::Unknown)]);
    let asked = world.ask(SUB, "key-1", GATED);
    world.cancel(SUB, asked.body["id"].as_str().expect("has an id"));
    let answer = erase(&world);
    assert_eq!(answer.status, 503);
    let wait_s: i64 = answer.headers["retry-after"].as_str().and_then(|text| text.parse().ok()).expect("says when");
    clock.advance_s(wait_s);
    assert_eq!(erase(&world).status, 200);
    let owner = domain::Owner::SubAccount(SubAccountId::parse(SUB).expect("is a word"));
    assert!(world.persona.redacted().contains(&persona_reference(&owner)));
}

#[test]
fn an_agency_is_erased_by_its_own_route() {
    let clock = clock();
    let world = world(&clock);
    world.verify_agency("agency_1");
    let reason = json!({"reason": "it asked for it"});
    let answer = world.operate("DELETE /v1/operator/agencies/agency_1/verification", &reason);
    assert_eq!((answer.status, &answer.body["state"]), (200, &json!("unverified")));
    assert!(world.verification().verified_at().is_none());
}

#[test]
fn only_an_operator_erases_and_says_why() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    let caller = Caller::sub_account(SUB);
    let by =
        |caller: Option<&Caller>, body: &str| world.check(http_event(ERASE, &[("sub", SUB)], &[], caller, body)).status;
    let reason = "{\"reason\":\"x\"}";
    assert_eq!((by(Some(&caller), reason), by(None, reason)), (403, 401));
    for body in ["", "{}", "{\"reason\":\"\"}", "{\"reason\":\"x\",\"more\":1}"] {
        assert_eq!(by(Some(&Caller::operator()), body), 400, "{body}");
    }
    assert!(world.verification().verified_at().is_some());
}
