//! Opening an inquiry: what dies between any two calls, and callers that meet in every order.

use std::future::Future;
use std::pin::Pin;

use purchase_check::Route;
use tests::events::{Caller, ask_event, http_event};
use tests::neighbours::SESSION_TOKEN;
use tests::slow_ports::poll_once;
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, SUB, approve, send_own};

/// A call more than any request makes.
const CALLS_MAX: usize = 40;

fn open_event() -> serde_json::Value {
    http_event(Route::OpenVerification.key(), &[("sub", SUB)], &[], Some(&Caller::sub_account(SUB)), "")
}

/// Lets a request make `calls` calls and die; whether it was over before.
fn dies_after(future: impl Future<Output = Answer>, calls: usize) -> Option<Answer> {
    let mut future = Box::pin(future);
    (0..=calls).find_map(|_| poll_once(&mut future))
}

/// A session is handed out only for an inquiry that the map knows.
fn session_is_of_ours(world: &Neighbours<'_>, answer: &Answer) {
    if answer.body["session_token"].is_string() {
        let id = answer.body["inquiry_id"].as_str().expect("stands beside the session");
        let mapped = world.with_sk("INQUIRY");
        let ours = mapped.iter().any(|item| format!("{item:?}").contains(&format!("I#{id}")));
        assert!(ours, "{id} is not in the map: {mapped:?}");
    }
}

#[test]
fn a_first_request_that_dies_anywhere_leaves_one_inquiry_and_no_stranded_purchase() {
    for calls in 0..CALLS_MAX {
        let clock = clock();
        let world = world(&clock);
        let ask = || ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED);
        if dies_after(world.check_step_by_step(ask()), calls).is_some() {
            assert!(calls >= 7, "{calls} places to die");
            return;
        }
        // Whoever opened has its lease for a moment.
        clock.advance_s(20);
        let again = world.check(ask());
        assert_eq!(again.body["verification"]["session_token"], SESSION_TOKEN, "died after {calls} calls");
        assert_eq!(world.persona.inquiries(), 1, "died after {calls} calls");
        clock.advance_s(1);
        approve(&world);
        world.minutes(3);
        assert_eq!(world.carrier.charges(), 1, "died after {calls} calls");
    }
    panic!("the request never ends");
}

#[test]
fn a_resumption_that_dies_anywhere_costs_one_session_at_most() {
    for calls in 0..CALLS_MAX {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        clock.advance_s(60);
        if dies_after(world.check_step_by_step(open_event()), calls).is_some() {
            assert!(calls >= 3, "{calls} places to die");
            return;
        }
        assert!(world.persona.sessions() <= 2, "died after {calls} calls");
        clock.advance_s(10);
        assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
        assert_eq!(world.persona.inquiries(), 1, "died after {calls} calls");
    }
    panic!("the request never ends");
}

/// What one of two callers does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Second,
    /// The first caller dies; once at most.
    FirstDies,
}

/// Plays two callers through every order of their calls, with the first dying at every place or nowhere; `prepare`
/// makes the world before. How many orders there are.
fn every_order(prepare: impl Fn(&Neighbours<'_>), check: impl Fn(&Neighbours<'_>, &[Answer], &[Taken])) -> usize {
    let mut orders = 0;
    let mut prefix: Vec<Turn> = Vec::new();
    loop {
        let clock = clock();
        let world = world(&clock);
        prepare(&world);
        let (answers, turns) = play(&world, &prefix);
        check(&world, &answers, &turns);
        orders += 1;
        let Some(next) = successor(&turns) else { return orders };
        prefix = next.into_iter().map(|(turn, _)| turn).collect();
    }
}

/// The turns that were possible at a place, and which was taken.
type Taken = (Turn, Vec<Turn>);

fn play(world: &Neighbours<'_>, prefix: &[Turn]) -> (Vec<Answer>, Vec<Taken>) {
    let mut callers: Vec<Option<Pin<Box<dyn Future<Output = Answer> + '_>>>> = (0..2)
        .map(|_| Some(Box::pin(world.check_step_by_step(open_event())) as Pin<Box<dyn Future<Output = Answer>>>))
        .collect();
    let (mut answers, mut taken, mut died) = (Vec::new(), Vec::new(), false);
    loop {
        let mut possible = Vec::new();
        if callers[0].is_some() {
            possible.push(Turn::First);
        }
        if callers[1].is_some() {
            possible.push(Turn::Second);
        }
        if callers[0].is_some() && !died {
            possible.push(Turn::FirstDies);
        }
        let Some(turn) = prefix.get(taken.len()).or(possible.first()).copied() else { return (answers, taken) };
        taken.push((turn, possible));
        let caller = match turn {
            Turn::First => 0,
            Turn::Second => 1,
            Turn::FirstDies => {
                died = true;
                callers[0] = None;
                continue;
            }
        };
        if let Some(future) = &mut callers[caller]
            && let Some(answer) = poll_once(future)
        {
            answers.push(answer);
            callers[caller] = None;
        }
    }
}

/// The next order, in the order of the turns that were possible.
fn successor(taken: &[Taken]) -> Option<Vec<Taken>> {
    let mut next = taken.to_vec();
    while let Some((turn, possible)) = next.pop() {
        let place = possible.iter().position(|other| *other == turn)?;
        if let Some(other) = possible.get(place + 1) {
            next.push((*other, possible));
            return Some(next);
        }
    }
    None
}

#[test]
fn two_callers_that_open_at_once_make_one_inquiry_in_every_order() {
    let orders = every_order(
        |_| {},
        |world, answers, taken| {
            let with_session = answers.iter().filter(|answer| answer.body["session_token"].is_string()).count();
            assert!(with_session <= 1, "{taken:?}");
            assert!(world.persona.inquiries() <= 1, "{taken:?}");
            for answer in answers {
                assert_eq!(answer.status, 200, "{taken:?}: {answer:?}");
                session_is_of_ours(world, answer);
                let later = answer.headers["retry-after"].is_string();
                assert!(later || answer.body["session_token"].is_string(), "{taken:?}: {answer:?}");
            }
            let dead = taken.iter().any(|(turn, _)| *turn == Turn::FirstDies);
            assert!(dead || with_session == 1, "{taken:?}: nobody got a session");
            world.clock.advance_s(20);
            let later = send_own(world, Route::OpenVerification);
            assert_eq!(later.body["session_token"], SESSION_TOKEN, "{taken:?}");
            session_is_of_ours(world, &later);
            assert_eq!(world.persona.inquiries(), 1, "{taken:?}");
        },
    );
    assert!(orders > 100, "{orders} orders");
}

#[test]
fn two_callers_that_resume_at_once_cost_one_session_in_every_order() {
    let orders = every_order(
        |world| {
            world.ask(SUB, "key-1", GATED);
            world.clock.advance_s(60);
        },
        |world, answers, taken| {
            let with_session = answers.iter().filter(|answer| answer.body["session_token"].is_string()).count();
            let dead = taken.iter().any(|(turn, _)| *turn == Turn::FirstDies);
            assert!(with_session <= 1 && world.persona.sessions() <= 2, "{taken:?}");
            assert!(dead || with_session == 1, "{taken:?}: nobody got a session");
            assert_eq!(world.persona.inquiries(), 1, "{taken:?}");
            world.clock.advance_s(10);
            assert_eq!(send_own(world, Route::OpenVerification).body["session_token"], SESSION_TOKEN, "{taken:?}");
        },
    );
    assert!(orders > 50, "{orders} orders");
}
