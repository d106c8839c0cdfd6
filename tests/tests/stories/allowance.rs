//! Many people at once: however many pages load, Persona is asked no more than it answers, the sweep keeps its share, and
//! everybody gets a session in the end.

use std::collections::BTreeMap;

use domain::{Allowance, Instant, Urgency};
use purchase_check::Route;
use tests::events::{Caller, ask_event, http_event};
use tests::simulation::random::Random;
use tests::slow_ports::poll_once;
use tests::world::{Answer, Neighbours, clock, world};

/// Requests that pages may cause in a minute, of the 300 that Persona answers: 160 are kept for two sweeps, and 32 for old
/// deliveries.
const CALLERS_MAX: u32 = 300 - 160 - 32;
/// How many of them at once.
const AT_ONCE: u32 = CALLERS_MAX / 3;

/// Loads the page of this sub-account.
fn load(world: &Neighbours<'_>, sub_account: &str) -> Answer {
    let caller = Caller::sub_account(sub_account);
    world.check(http_event(Route::OpenVerification.key(), &[("sub", sub_account)], &[], Some(&caller), ""))
}

/// How many requests were made to Persona: one an inquiry, two for each further session (itself, and its link), one a look.
fn requests(world: &Neighbours<'_>) -> u32 {
    let opened = u32::try_from(world.persona.inquiries()).expect("few");
    opened + 2 * (world.persona.sessions() - opened) + world.persona.looks()
}

fn retry_after_s(answer: &Answer) -> i64 {
    answer.headers["retry-after"].as_str().expect("is said").parse().expect("seconds")
}

#[test]
fn however_many_pages_load_persona_is_asked_so_much_in_any_minute() {
    let clock = clock();
    let world = world(&clock);
    let mut asked_at: BTreeMap<i64, u32> = BTreeMap::new();
    let mut refused = 0;
    // Five pages a second, of 200 people again and again, for ten minutes; some refresh.
    for turn in 0..3_000 {
        clock.advance_ms(200);
        let before = requests(&world);
        let sub_account = format!("Loc{}", turn * 7 % 200);
        let answer = if turn % 11 == 0 {
            let caller = Caller::sub_account(&sub_account);
            let sub = [("sub", sub_account.as_str())];
            world.check(http_event(Route::RefreshVerification.key(), &sub, &[], Some(&caller), ""))
        } else {
            load(&world, &sub_account)
        };
        assert!([200, 429].contains(&answer.status), "{}", answer.body);
        refused += u32::from(answer.body["session_token"].is_null());
        *asked_at.entry(world.now().unix_ms()).or_default() += requests(&world) - before;
    }
    let in_minute_from = |from: i64| asked_at.range(from..from + 60_000).map(|(_, asked)| asked).sum::<u32>();
    let most = asked_at.keys().map(|at| in_minute_from(*at)).max().expect("were asked");
    assert!((CALLERS_MAX * 9 / 10..=CALLERS_MAX).contains(&most), "{most}");
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn whoever_comes_when_too_many_do_gets_a_session_when_it_was_told_to_come_again() {
    let clock = clock();
    let world = world(&clock);
    let turned_away: Vec<(String, Answer)> = (0..100)
        .map(|number| format!("Loc{number}"))
        .map(|sub_account| (sub_account.clone(), load(&world, &sub_account)))
        .filter(|(_, answer)| answer.body["session_token"].is_null())
        .collect();
    assert_eq!(world.persona.inquiries(), usize::try_from(AT_ONCE).expect("few"));
    assert_eq!(turned_away.len(), 100 - world.persona.inquiries());
    for (sub_account, answer) in turned_away {
        assert_eq!((answer.status, &answer.body["state"]), (200, &"unverified".into()));
        clock.advance_s(retry_after_s(&answer));
        assert!(load(&world, &sub_account).body["session_token"].is_string());
    }
}

/// A purchase waits whether there is room or not, and says what to do.
#[test]
fn a_purchase_is_taken_without_a_session_when_too_many_come() {
    let clock = clock();
    let world = world(&clock);
    while load(&world, &format!("Loc{}", world.persona.inquiries())).body["session_token"].is_string() {}
    let asked = world.ask("Loc_Late", "key-1", crate::GATED);
    assert_eq!((asked.status, &asked.body["state"]), (202, &"awaiting_verification".into()));
    assert_eq!(asked.body["next_action"], "start_verification");
    clock.advance_s(1);
    let again = world.ask("Loc_Late", "key-1", crate::GATED);
    assert!(again.body["verification"]["session_token"].is_string(), "{}", again.body);
}

/// Pages that are loaded again and again leave half of what may come at once to those who have had no session yet.
#[test]
fn whoever_has_no_session_yet_comes_before_pages_that_load_again() {
    let clock = clock();
    let world = world(&clock);
    let sub_accounts: Vec<String> = (0..60).map(|number| format!("Loc{number}")).collect();
    for sub_account in &sub_accounts {
        clock.advance_s(1);
        load(&world, sub_account);
    }
    for _ in 0..20 {
        clock.advance_s(3);
        let again = sub_accounts.iter().filter(|page| load(&world, page).body["session_token"].is_string()).count();
        assert!(again < sub_accounts.len(), "there is no room left for them");
        let first = load(&world, &format!("New{}", world.persona.inquiries()));
        assert!(first.body["session_token"].is_string());
    }
}

/// Pages that refresh all the time leave those a session who come back.
#[test]
fn whoever_comes_back_comes_before_pages_that_refresh() {
    let clock = clock();
    let world = world(&clock);
    let sub_accounts: Vec<String> = (0..60).map(|number| format!("Loc{number}")).collect();
    for sub_account in sub_accounts.iter().map(String::as_str).chain(["Back"]) {
        clock.advance_s(1);
        load(&world, sub_account);
    }
    let refresh = |sub_account: &String| {
        let sub = [("sub", sub_account.as_str())];
        let caller = Caller::sub_account(sub_account);
        world.check(http_event(Route::RefreshVerification.key(), &sub, &[], Some(&caller), ""))
    };
    for _ in 0..8 {
        for _ in 0..5 {
            clock.advance_s(2);
            let refused: Vec<Answer> = sub_accounts.iter().map(refresh).filter(|answer| answer.status == 429).collect();
            assert!(!refused.is_empty(), "there is no room left for them");
        }
        assert!(load(&world, "Back").body["session_token"].is_string());
    }
}

/// A refresh that is refused for want of room may come again when it was told.
#[test]
fn a_refresh_that_found_no_room_has_not_had_its_turn() {
    let clock = clock();
    let world = world(&clock);
    while load(&world, &format!("Loc{}", world.persona.inquiries())).body["session_token"].is_string() {}
    let refresh = || {
        let caller = Caller::sub_account("Loc0");
        world.check(http_event(Route::RefreshVerification.key(), &[("sub", "Loc0")], &[], Some(&caller), ""))
    };
    let refused = refresh();
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    clock.advance_s(retry_after_s(&refused));
    assert_eq!(refresh().status, 200);
}

/// Fifty numbers at once for one person open one inquiry, and leave the others their room.
#[test]
fn callers_who_come_too_late_give_back_what_they_took() {
    let clock = clock();
    let world = world(&clock);
    let asks: Vec<_> = (0..30)
        .map(|number| {
            let sub_account = Caller::sub_account("Loc_Pool");
            Box::pin(world.check_step_by_step(ask_event(
                &sub_account,
                "Loc_Pool",
                &format!("key-{number}"),
                crate::GATED,
            )))
        })
        .collect();
    let mut asks = asks;
    for _ in 0..1_000 {
        asks.retain_mut(|ask| poll_once(ask).is_none());
    }
    assert!(asks.is_empty());
    assert_eq!(world.persona.inquiries(), 1);
    let others = (0..AT_ONCE).filter(|number| load(&world, &format!("Loc{number}")).body["session_token"].is_string());
    assert_eq!(others.count(), usize::try_from(AT_ONCE).expect("few") - 1);
}

/// A clock that is wrong by an hour speaks for no more than may come at once.
#[test]
fn a_wrong_clock_keeps_nobody_waiting_for_long() {
    let allowance = Allowance::of_any_minute(108);
    let now = Instant::from_unix_ms(0);
    let ahead = allowance.take(now, 1, Urgency::First, now.plus_ms(3_600_000)).expect("there is room");
    let room_at = allowance.take(ahead, 1, Urgency::First, now).expect_err("as much as may be is spoken for");
    assert!(room_at.ms_since(now) < 1_000, "{room_at:?}");
}

/// No minute sees more than it may, whoever asks when for how much; and there is room when it was said to be, not before.
#[test]
fn an_allowance_holds_in_any_minute() {
    for seed in 0..2_000 {
        let mut dice = Random::new(seed);
        let requests_max = dice.ms(Allowance::REQUESTS_MIN, 2_000);
        let allowance = Allowance::of_any_minute(requests_max);
        let (mut now, mut spent_until) = (Instant::default(), Instant::default());
        let mut taken: Vec<(Instant, i64)> = Vec::new();
        for _ in 0..300 {
            now = now.plus_ms(dice.ms(0, 3_000));
            let requests = dice.ms(1, Allowance::TAKEN_MAX);
            let urgencies = [Urgency::First, Urgency::Again, Urgency::Sooner];
            let urgency = urgencies[dice.below(urgencies.len())];
            let requests = if urgency == Urgency::Sooner { 1 } else { requests };
            match allowance.take(spent_until, requests, urgency, now) {
                Ok(next) => {
                    spent_until = next;
                    taken.push((now, requests));
                }
                Err(room_at) => {
                    let at = |at| allowance.take(spent_until, requests, urgency, at).is_ok();
                    assert!(room_at > now && at(room_at) && !at(room_at.plus_ms(-1)), "seed {seed}");
                }
            }
        }
        for (number, (from, _)) in taken.iter().enumerate() {
            let in_minute = taken[number..].iter().take_while(|(at, _)| at.ms_since(*from) < 60_000);
            let asked: i64 = in_minute.map(|(_, requests)| requests).sum();
            assert!(asked <= requests_max, "seed {seed}: {asked} of {requests_max}");
        }
    }
}
