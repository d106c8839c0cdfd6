//! Hand-made schedules, for defences that the dice seldom need: two workers, or a worker and Persona, meet at one place of
//! one function. Each is played once for every place, so that the one that matters is among them.

use adapters::items::keys;
use domain::{AgencyId, InquiryStatus, Owner, PoolState, PurchaseState};

use super::carrier::CreateFate;
use super::functions::Functions;
use super::invariants::{self, Expected, Violation};
use super::operators;
use super::orders::{self, AGENCY, Order, number, sub_account};
use super::ports::Ports;
use super::schedule::{Invocation, Schedule};
use super::shared::{Shared, State};
use super::weakness::Weakness;

/// Port calls of one invocation that a script looks between, at most: more than any has.
const PLACES_MAX: u32 = 60;

/// A hand-made schedule.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// What it is about.
    pub name: &'static str,
    /// The defence that it needs.
    pub needs: Weakness,
    /// The invariant that breaks first without it.
    pub breaks: &'static str,
    order: Order,
    play: fn(&mut Schedule<'_>, place: u32),
}

/// Every script.
pub const SCRIPTS: [Script; 10] = [
    Script {
        name: "an owner is declined while a lost create is about to be repeated",
        needs: Weakness::PermitNotChecked,
        breaks: "I2: a permit needs clearance",
        order: Order::of(0, 0),
        play: declined_before_a_further_create,
    },
    Script {
        name: "a refusal overtakes an earlier create that lands late",
        needs: Weakness::DoubtForgotten,
        breaks: "I7: what failed is not bought after all",
        order: Order::of(0, 0),
        play: refused_before_landing,
    },
    Script {
        name: "a pool is undone while another of its numbers is about to be claimed",
        needs: Weakness::PoolNotChecked,
        breaks: "I13: a permit needs its pool",
        order: Order::of(0, 9),
        play: undone_before_a_claim,
    },
    Script {
        name: "a move under a verified agency dies before it reaches what waits",
        needs: Weakness::ProfileNotDue,
        breaks: "P3: nobody waits for the deadline",
        order: Order::of(1, 0),
        play: moved_and_died,
    },
    Script {
        name: "a refusal overtakes an earlier create that lands nearly three minutes late",
        needs: Weakness::SettlingNotAwaited,
        breaks: "I7: what failed is not bought after all",
        order: Order::of(0, 0),
        play: landing_within_the_wait,
    },
    Script {
        name: "a create that is sent late lands after the first look that counts",
        needs: Weakness::SecondLookSkipped,
        breaks: "I7: what failed is not bought after all",
        order: Order::of(0, 0),
        play: landing_between_two_looks,
    },
    Script {
        name: "somebody else asks for a number whose failure was settled, and which lands then",
        needs: Weakness::LockNotKept,
        breaks: "I4: completed means owned",
        order: Order::of(0, 0),
        play: asked_for_again_before_landing,
    },
    Script {
        name: "a create lands after its failure was settled",
        needs: Weakness::LastLookBlind,
        breaks: "I5: every charge is accounted for",
        order: Order::of(0, 0),
        play: landing_after_settling,
    },
    Script {
        name: "a sub-account is moved to another account while a lost create of its is done",
        needs: Weakness::AccountNotFrozen,
        breaks: "I7: what failed is not bought after all",
        order: Order::of(1, 0),
        play: moved_to_another_account,
    },
    Script {
        name: "Persona approves while a request is under way",
        needs: Weakness::NotReadAgain,
        breaks: AT_ONCE,
        order: Order::of(0, 0),
        play: approved_while_asking,
    },
];

/// Proof that comes while a request is under way finds its wait pointers, or is found by its second read; no sweep is needed.
const AT_ONCE: &str = "P3: proof that comes while somebody asks counts at once";

/// Plays a script at every place, with a defence left out or none; what broke first.
#[must_use]
pub fn play_script(script: &Script, weakness: Option<Weakness>) -> Option<Violation> {
    (0..PLACES_MAX).find_map(|place| {
        let shared = Shared::new(1, weakness);
        shared.state().script = Some(Vec::new());
        let functions = Functions::over(Ports(&shared));
        let mut schedule = Schedule::of(&shared, &functions, vec![script.order]);
        (script.play)(&mut schedule, place);
        schedule.finish();
        schedule.calm();
        let mut state = shared.state();
        invariants::when_calm(&mut state);
        state.violations.drain(..).next()
    })
}

impl Script {
    /// What is not as it should be: the script breaks something although no defence is left out, or something else than
    /// it is about once its own is.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        let told = |Violation { invariant, seen }: Violation| format!("breaks \"{invariant}\" ({seen})");
        let what = match (play_script(self, None), play_script(self, Some(self.needs))) {
            (Some(broken), _) => format!("{} with every defence in place", told(broken)),
            (None, None) => format!("breaks nothing without {:?}", self.needs),
            (None, Some(broken)) if broken.invariant == self.breaks => return None,
            (None, Some(broken)) => {
                format!("{} without {:?}, and not \"{}\"", told(broken), self.needs, self.breaks)
            }
        };
        Some(format!("{}: {what}", self.name))
    }
}

/// The first create is lost. Its lease over, another worker takes over and is about to ask again; then the approval that
/// all rests on is taken back.
fn declined_before_a_further_create(schedule: &mut Schedule<'_>, place: u32) {
    schedule.with_state(|state| state.carrier.given.push_back(CreateFate::Lost));
    schedule.ask_for_all();
    schedule.with_state(|state| state.persona.decide_all(InquiryStatus::Approved, state.now));
    schedule.drain();
    schedule.with_state(|state| state.now = state.now.plus_ms(61_000));
    schedule.work_on(0);
    schedule.go_on_by(place);
    schedule.with_state(|state| state.persona.decide_all(InquiryStatus::Declined, state.now));
    schedule.drain_news();
}

/// A worker stops between its claim and its create, which then lands after the next worker has looked; that one's own create
/// is refused.
fn refused_before_landing(schedule: &mut Schedule<'_>, place: u32) {
    schedule.with_state(|state| {
        state.carrier.given.extend([CreateFate::Late(60_000), CreateFate::Refused]);
        verify(state, 0);
    });
    schedule.ask_for_all();
    schedule.with_state(|state| state.queue.clear());
    schedule.work_on(0);
    schedule.go_on_by(place);
    schedule.with_state(|state| state.now = state.now.plus_ms(45_000));
    schedule.finish();
    schedule.with_state(|state| state.now = state.now.plus_ms(16_000));
    schedule.work_on(0);
}

/// One number of a pool is claimed and turns out to be gone, which undoes the pool, while another worker is about to claim
/// the other number.
fn undone_before_a_claim(schedule: &mut Schedule<'_>, place: u32) {
    schedule.with_state(|state| {
        verify(state, 0);
        state.carrier.sell_elsewhere(number(2));
    });
    schedule.ask_for_all();
    schedule.with_state(|state| state.queue.clear());
    schedule.work_on(1);
    while schedule.under_way() > 0 && !schedule.with_state(|state| state.known.pools[0].state == PoolState::Buying) {
        schedule.go_on(0);
    }
    schedule.work_on(0);
    schedule.go_on_by(place);
}

/// A purchase sleeps until its deadline, since nobody has proved anything. Then its sub-account is moved under an agency
/// that has, and the function dies that should send it.
fn moved_and_died(schedule: &mut Schedule<'_>, place: u32) {
    schedule.ask_for_all();
    schedule.with_state(|state| {
        state.persona.decide_all(InquiryStatus::Expired, state.now);
        state.now = state.now.plus_ms(61_000);
    });
    schedule.drain();
    schedule.run(Invocation::Sweep);
    schedule.with_state(|state| {
        let agency = Owner::Agency(AgencyId::parse(AGENCY).expect("is a word"));
        operators::verify(state, agency, state.now);
    });
    schedule.start(Invocation::Check(operators::moves_sub_account(true, false), Expected::Anything));
    schedule.go_on_by(place);
    schedule.kill_all();
}

/// The first create lands long after the second, of the next worker, was refused.
fn landing_within_the_wait(schedule: &mut Schedule<'_>, _: u32) {
    refused_after(schedule, 170_000);
    schedule.later(1_000);
    schedule.later(61_000);
}

/// A worker stops between its claim and its create, as long as its lease lets it; nothing further may be sent, since the
/// approval is taken back. The first look that counts is three minutes after the permit.
fn landing_between_two_looks(schedule: &mut Schedule<'_>, place: u32) {
    schedule.with_state(|state| state.carrier.given.push_back(CreateFate::Late(170_000)));
    schedule.ask_for_all();
    schedule.with_state(|state| {
        state.persona.decide_all(InquiryStatus::Approved, state.now);
        state.queue.clear();
    });
    schedule.drain_news();
    schedule.work_on(0);
    schedule.go_on_by(place);
    schedule.with_state(|state| state.now = state.now.plus_ms(45_000));
    schedule.finish();
    schedule.with_state(|state| state.persona.decide_all(InquiryStatus::Declined, state.now));
    schedule.drain_news();
    schedule.later(16_000);
    schedule.later(121_000);
}

/// The first create lands long after its failure was settled; meanwhile somebody else asks for the number.
fn asked_for_again_before_landing(schedule: &mut Schedule<'_>, _: u32) {
    landing_after_settling(schedule, 0);
    schedule.with_state(|state| verify(state, 1));
    schedule.ask_for(Order::of(1, 0));
}

/// The first create lands long after the second was refused, and after both looks that settle what was sent.
fn landing_after_settling(schedule: &mut Schedule<'_>, _: u32) {
    refused_after(schedule, 400_000);
    schedule.later(181_000);
    schedule.later(61_000);
}

/// The answer to a create is lost, and its sub-account is moved to another account before the next worker looks.
fn moved_to_another_account(schedule: &mut Schedule<'_>, _: u32) {
    schedule.with_state(|state| {
        state.carrier.given.push_back(CreateFate::DoneButUnknown);
        verify(state, 1);
    });
    schedule.ask_for_all();
    schedule.drain();
    schedule.run(Invocation::Check(operators::moves_sub_account(false, true), Expected::Anything));
    schedule.later(61_000);
}

/// Somebody who is about to be approved asks for a second number.
fn approved_while_asking(schedule: &mut Schedule<'_>, place: u32) {
    schedule.ask_for_all();
    schedule.orders.push(Order::of(0, 2));
    schedule.asked += 1;
    schedule.start(schedule.request(1));
    schedule.go_on_by(place);
    let verification = keys::verification(&Owner::SubAccount(sub_account(0)));
    let first_read = schedule.with_state(|state| state.rows.get(&verification).cloned());
    schedule.with_state(|state| state.persona.decide_all(InquiryStatus::Approved, state.now));
    schedule.drain_news();
    schedule.with_state(|state| state.first_read = first_read);
    schedule.finish();
    schedule.with_state(|state| state.first_read = None);
    schedule.drain();
    schedule.with_state(|state| {
        let mut waiting = state.known.purchases.iter().filter(|purchase| purchase.state == PurchaseState::Waiting);
        let left = waiting.next().map(|purchase| purchase.id.to_string());
        left.into_iter().for_each(|seen| state.violate(Violation { invariant: AT_ONCE, seen }));
    });
}

/// The answer to a create is lost, which lands so much later. The next worker's create is refused.
fn refused_after(schedule: &mut Schedule<'_>, landing_ms: i64) {
    schedule.with_state(|state| {
        state.carrier.given.extend([CreateFate::Late(landing_ms), CreateFate::Refused]);
        verify(state, 0);
    });
    schedule.ask_for_all();
    schedule.drain();
    schedule.later(61_000);
}

fn verify(state: &mut State, sub_account: usize) {
    let now = state.now;
    operators::verify(state, Owner::SubAccount(orders::sub_account(sub_account)), now);
}
