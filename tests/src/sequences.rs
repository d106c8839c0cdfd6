//! Random sequences of events over the rules of `domain` alone: no table, no neighbours, and events that no handler would
//! send. Whatever comes, in whatever order, the invariants hold. A seed replays.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AcceptedStatuses, AccountSid, Actor, BodyHash, Decision, FormerInquiry, Fulfilment, IfUnavailable, Inquiry,
    InquiryEvent, InquiryId, InquiryStatus, Instant, LeaseToken, MemberIndex, NameLevel, NameLevels, NameMatchPolicy,
    NumberSid, OperatorAction, POOL_INVARIANTS, PURCHASE_INVARIANTS, PhoneNumber, Place, Pool, PoolEvent, PoolState,
    Purchase, PurchaseEvent, PurchaseId, Reason, RevokedBy, Source, SubAccountId, TemplateId, Timing,
    VERIFICATION_INVARIANTS, Verification, VerificationEvent, VerificationPolicy, VerificationState,
    a_pool_is_what_its_numbers_are, broken,
};

use crate::simulation::random::Random;
use crate::world::START_MS;

/// Events of one sequence.
pub const EVENTS: u32 = 48;

const STATUSES: [InquiryStatus; 8] = [
    InquiryStatus::Created,
    InquiryStatus::Pending,
    InquiryStatus::Completed,
    InquiryStatus::Failed,
    InquiryStatus::Expired,
    InquiryStatus::NeedsReview,
    InquiryStatus::Approved,
    InquiryStatus::Declined,
];

/// Plays the sequences of this seed, one over each kind of state; what broke first, and by which event.
#[must_use]
pub fn play(seed: u64) -> Option<String> {
    let mut random = Random::new(seed);
    purchase(&mut random)
        .or_else(|| pool(&mut random))
        .or_else(|| verification(&mut random))
        .or_else(|| order_of_news(&mut random))
}

/// Everything that can happen to one number, alone or in a pool.
fn purchase(random: &mut Random) -> Option<String> {
    let place = if random.chance(50) { Place::Alone } else { Place::Member(MemberIndex::new(0)?) };
    let (mut state, mut now) = (Purchase { place, ..new_pool(random).unborn(MemberIndex::new(0)?)? }, start());
    for _ in 0..EVENTS {
        now = later(now, random);
        let event = purchase_event(random, now);
        match state.decide(&event, actor(random), now, &Timing::default()) {
            Decision::Applied { next, .. } => {
                if let Some(invariant) = broken(&PURCHASE_INVARIANTS, &state, &next) {
                    return Some(format!("{invariant}: {event:?} made of {state:?} {next:?}"));
                }
                state = next;
            }
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => {}
        }
    }
    None
}

/// Everything that can happen to a pool while its numbers go their ways.
fn pool(random: &mut Random) -> Option<String> {
    let (mut pool, mut now) = (new_pool(random), start());
    let mut members: Vec<Purchase> = Vec::new();
    for _ in 0..EVENTS {
        now = later(now, random);
        let begun = matches!(pool.state, PoolState::Buying | PoolState::Releasing { .. });
        if begun && random.chance(60) {
            move_member(&pool, &mut members, random, now);
        }
        let event = match random.below(8) {
            0 => PoolEvent::Cancel,
            1 => PoolEvent::Expire,
            2..=4 => PoolEvent::Begin,
            _ => PoolEvent::Members(&members),
        };
        match pool.decide(&event, actor(random), now, &Timing::default()) {
            Decision::Applied { next, .. } => {
                let agrees = a_pool_is_what_its_numbers_are(&next, &members);
                let invariant = broken(&POOL_INVARIANTS, &pool, &next);
                if let Some(invariant) =
                    invariant.or_else(|| (!agrees).then_some("I13: a pool is what its numbers are"))
                {
                    return Some(format!("{invariant}: {event:?} made of {pool:?} {next:?}"));
                }
                pool = next;
            }
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => {}
        }
    }
    None
}

/// One number of a pool is claimed, or something happens to it.
fn move_member(pool: &Pool, members: &mut Vec<Purchase>, random: &mut Random, now: Instant) {
    let index = random.below(pool.numbers.len());
    let place = MemberIndex::new(index).map(Place::Member);
    let known = members.iter().position(|member| Some(member.place) == place);
    let member = match known {
        Some(known) => members[known].clone(),
        None => match MemberIndex::new(index).and_then(|index| pool.unborn(index)) {
            Some(unborn) => unborn,
            None => return,
        },
    };
    let event = purchase_event(random, now);
    // A number of a pool neither expires nor is taken back by itself.
    if matches!(event, PurchaseEvent::Expire | PurchaseEvent::Cancel) {
        return;
    }
    if let Decision::Applied { next, .. } = member.decide(&event, Actor::Completion, now, &Timing::default()) {
        match known {
            Some(known) => members[known] = next,
            None => members.push(next),
        }
    }
}

/// Everything that can happen to a verification.
fn verification(random: &mut Random) -> Option<String> {
    let (mut state, mut now) = (Verification::default(), start());
    let name_match = [NameMatchPolicy::Off, NameMatchPolicy::Report, NameMatchPolicy::Require][random.below(3)];
    let policy = VerificationPolicy { name_match, accepted: accepted(random), ..VerificationPolicy::default() };
    let (mut formers, mut used) = (BTreeMap::new(), BTreeSet::new());
    for _ in 0..EVENTS {
        now = later(now, random);
        let event = verification_event(random, &state, &formers, &policy, now);
        remember_news(&mut formers, &event, &policy);
        match state.decide(&event, now, &policy) {
            Decision::Applied { next, .. } => {
                let overruled = overrules_operator(&state, &event, &next).then_some("I3: an operator's word stands");
                let attempt = next.inquiry.as_ref().filter(|_| next.attempts_used > state.attempts_used);
                let again = attempt.is_some_and(|inquiry| !used.insert(inquiry.id.clone()));
                let again = again.then_some("I15: an inquiry uses one attempt");
                if let Some(invariant) = broken(&VERIFICATION_INVARIANTS, &state, &next).or(overruled).or(again) {
                    return Some(format!("{invariant}: {event:?} made of {state:?} {next:?}"));
                }
                if let Some(Inquiry { id, seen, attempt, .. }) = state.inquiry.filter(|was| !next.is_current(&was.id)) {
                    formers.insert(id, FormerInquiry { seen, template: template(), attempt });
                }
                state = next;
            }
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => {}
        }
    }
    None
}

/// What is remembered of a former inquiry once this was said of it.
fn remember_news(
    formers: &mut BTreeMap<InquiryId, FormerInquiry>,
    event: &VerificationEvent,
    policy: &VerificationPolicy,
) {
    let VerificationEvent::ObservedFormer(event, _) = event else { return };
    if let Some(former) = formers.get_mut(&event.inquiry) {
        former.seen = former.news(event, policy).or(former.seen);
    }
}

/// Whether an owner whom an operator took it from is verified by anybody else.
fn overrules_operator(before: &Verification, event: &VerificationEvent, after: &Verification) -> bool {
    let by_operator = match event {
        VerificationEvent::Operated(_) => true,
        VerificationEvent::Opened { .. }
        | VerificationEvent::Resumed
        | VerificationEvent::Observed(_)
        | VerificationEvent::ObservedFormer(..)
        | VerificationEvent::Redacted(_)
        | VerificationEvent::NamesCompared(..) => false,
    };
    let taken = matches!(before.state, VerificationState::Revoked { by: RevokedBy::Operator, .. });
    taken && !by_operator && after.verified_at().is_some()
}

/// I3: what Persona says of one inquiry leads to the same answer to "is the owner verified?" in whatever order it comes.
/// Nothing is marked for review once it is approved, so that is left out.
fn order_of_news(random: &mut Random) -> Option<String> {
    let told =
        STATUSES.map(|status| if status == InquiryStatus::NeedsReview { InquiryStatus::Pending } else { status });
    let news: Vec<InquiryEvent> = (1..=6)
        .map(|second| InquiryEvent {
            inquiry: inquiry(0),
            status: told[random.below(told.len())],
            at: start().plus_ms(second * 1000),
            source: Source::Event,
        })
        .collect();
    let mut shuffled = news.clone();
    for place in (1..shuffled.len()).rev() {
        shuffled.swap(place, random.below(place + 1));
    }
    let policy = VerificationPolicy { accepted: accepted(random), ..VerificationPolicy::default() };
    let (one, other) = (after_all(&news, &policy), after_all(&shuffled, &policy));
    let differ = one.verified_at().is_some() != other.verified_at().is_some();
    differ.then(|| format!("I3: the order of news decides nothing: {shuffled:?} led to {other:?} and not to {one:?}"))
}

fn accepted(random: &mut Random) -> AcceptedStatuses {
    if random.chance(30) { AcceptedStatuses::ApprovedOrCompleted } else { AcceptedStatuses::Approved }
}

fn after_all(news: &[InquiryEvent], policy: &VerificationPolicy) -> Verification {
    let opened = VerificationEvent::Opened { inquiry: inquiry(0), template: template() };
    let observed = news.iter().cloned().map(VerificationEvent::Observed);
    std::iter::once(opened).chain(observed).fold(Verification::default(), |state, event| {
        match state.decide(&event, start(), policy) {
            Decision::Applied { next, .. } => next,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => state,
        }
    })
}

fn purchase_event(random: &mut Random, now: Instant) -> PurchaseEvent {
    let token = LeaseToken::parse(["one", "other"][random.below(2)]).expect("is a word");
    let sid = NumberSid::parse(["PN1", "PN1", "PN1", "PN2"][random.below(4)]).expect("is a word");
    let account = AccountSid::parse("AC1").expect("is a word");
    let reason = [Reason::CarrierRefused, Reason::VerificationRevoked, Reason::PoolUndone][random.below(3)];
    let same_sub_account = random.chance(50);
    let number = PhoneNumber::parse(["+12125550100", "+12125550101", "+12125550102"][random.below(3)]);
    let number = number.expect("is a number");
    match random.below(24) {
        0..=2 => PurchaseEvent::Claim { token, account, number },
        3..=5 => PurchaseEvent::Reclaim { token },
        6..=8 => PurchaseEvent::Permit { token },
        9 => PurchaseEvent::PermitRefused { token: random.chance(70).then_some(token), reason },
        10 => PurchaseEvent::Switch { token, number, gated: random.chance(50) },
        11 => PurchaseEvent::Undo { token },
        12 => PurchaseEvent::Released,
        13 => PurchaseEvent::NotReleased { token, retry_at: now.plus_ms(60_000) },
        14 => [PurchaseEvent::OperatorRetry, PurchaseEvent::OperatorFail][random.below(2)].clone(),
        15 => PurchaseEvent::OperatorComplete { sid },
        16 => PurchaseEvent::LockTaken { same_sub_account },
        17 => PurchaseEvent::SeenOurs { sid },
        18 => PurchaseEvent::SeenForeign { token, same_sub_account },
        19..=20 => PurchaseEvent::SeenAbsent { token: random.chance(80).then_some(token) },
        21 => [PurchaseEvent::Bought { sid: sid.clone() }, PurchaseEvent::BoughtWrong { sid }][random.below(2)].clone(),
        22 => [
            PurchaseEvent::Refused { token: token.clone(), reason },
            PurchaseEvent::NotProcessed { token: token.clone(), retry_at: now.plus_ms(20_000) },
            PurchaseEvent::NotSeen { token: token.clone(), retry_at: now.plus_ms(20_000), refused: same_sub_account },
            PurchaseEvent::NoAccount { token },
        ][random.below(4)]
        .clone(),
        _ => [PurchaseEvent::Expire, PurchaseEvent::Cancel][random.below(2)].clone(),
    }
}

fn verification_event(
    random: &mut Random,
    state: &Verification,
    formers: &BTreeMap<InquiryId, FormerInquiry>,
    policy: &VerificationPolicy,
    now: Instant,
) -> VerificationEvent {
    let observed = |random: &mut Random, inquiry: InquiryId| InquiryEvent {
        inquiry,
        status: STATUSES[random.below(STATUSES.len())],
        // Late, early, and now and then at the same moment.
        at: now.plus_ms(-60_000 * i64::try_from(random.below(4)).unwrap_or(0)),
        source: [Source::Event, Source::Answer][random.below(2)],
    };
    let current = state.inquiry.as_ref().map(|inquiry| inquiry.id.clone());
    match (random.below(12), current) {
        // Persona gives an id once; what was opened a moment ago may be opened again.
        (0, Some(current)) if random.chance(20) => VerificationEvent::Opened { inquiry: current, template: template() },
        (0..=1, _) => VerificationEvent::Opened { inquiry: inquiry(random.below(1 << 40)), template: template() },
        (2, _) => VerificationEvent::Resumed,
        (3, _) => VerificationEvent::Operated(OperatorAction::ALL[random.below(OperatorAction::ALL.len())]),
        (4..=5, current) if !formers.is_empty() => {
            let known = formers.iter().nth(random.below(formers.len()));
            match known.filter(|(former, _)| Some(*former) != current.as_ref()) {
                Some((former, known)) => {
                    VerificationEvent::ObservedFormer(observed(random, former.clone()), known.clone())
                }
                None => VerificationEvent::Resumed,
            }
        }
        (6, Some(current)) => {
            let level = [NameLevel::Exact, NameLevel::None, NameLevel::NoData][random.below(3)];
            VerificationEvent::NamesCompared(current, NameLevels { first: level, last: level })
        }
        (_, Some(current)) => {
            let said = observed(random, current);
            let redacted = said.source == Source::Answer && random.chance(20);
            state.said(said, redacted, None, policy)
        }
        (_, None) => VerificationEvent::Observed(observed(random, inquiry(0))),
    }
}

fn new_pool(random: &mut Random) -> Pool {
    let number = |text: &str| PhoneNumber::parse(text).expect("is a number");
    let mut numbers = vec![number("+12125550100"), number("+14165550100"), number("+18765550100")];
    numbers.truncate(1 + random.below(3));
    Pool {
        id: PurchaseId::parse("pur_0123456789abcdef0123456789abcdef").expect("is an id"),
        sub_account: SubAccountId::parse("sub").expect("is a word"),
        numbers,
        fulfilment: [Fulfilment::BestEffort, Fulfilment::AllOrNothing][random.below(2)],
        if_unavailable: [IfUnavailable::Fail, IfUnavailable::SameAreaCode][random.below(2)],
        gated: random.chance(50),
        needs_phone: random.chance(20),
        body_hash: BodyHash([0; 32]),
        created_at: start(),
        updated_at: start(),
        deadline: start().plus_ms(3_600_000),
        pointers: Vec::new(),
        state: PoolState::Waiting,
        history: Vec::new(),
    }
}

fn start() -> Instant {
    Instant::from_unix_ms(START_MS)
}

/// Mostly moments, sometimes a lease, a settling or a day.
fn later(now: Instant, random: &mut Random) -> Instant {
    now.plus_ms([1, 1000, 1000, 20_000, 61_000, 181_000, 86_400_000][random.below(7)])
}

fn actor(random: &mut Random) -> Actor {
    [Actor::Customer, Actor::Completion, Actor::Sweeper, Actor::Operator][random.below(4)]
}

fn inquiry(index: usize) -> InquiryId {
    InquiryId::parse(&format!("inq_{index}")).expect("is a word")
}

fn template() -> TemplateId {
    TemplateId::parse("itmpl_1").expect("is a word")
}
