//! Every state of a verification × every event.

use std::cmp::Ordering;
use std::fmt::Write;

use domain::{
    AcceptedStatuses, Attempt, Decision, EventClass, FormerInquiry, Inquiry, InquiryEvent, InquiryId, InquiryStatus,
    Instant, NameCheck, NameLevel, NameLevels, NameMatchPolicy, OpenPlan, OperatorAction, Phase, Reviewer, RevokedBy,
    Seen, Source, TemplateId, Verification, VerificationEffect, VerificationEvent, VerificationPolicy,
    VerificationState,
};

const CURRENT: &str = "inq_current";
const OLDER: &str = "inq_older";
/// When the newest event so far was made, in milliseconds.
const SEEN_MS: i64 = 1_000_000;

fn states() -> Vec<VerificationState> {
    let at = Instant::from_unix_ms(SEEN_MS);
    let all = vec![
        VerificationState::Unverified,
        VerificationState::InProgress { phase: Phase::NeedsUser },
        VerificationState::InProgress { phase: Phase::Processing },
        VerificationState::InReview { by: Reviewer::Persona },
        VerificationState::InReview { by: Reviewer::Names { approved_at: at } },
        VerificationState::Verified { at },
        VerificationState::Declined,
        VerificationState::Failed,
        VerificationState::Expired,
        VerificationState::Locked,
        VerificationState::Revoked { at, by: RevokedBy::Persona },
        VerificationState::Revoked { at, by: RevokedBy::Operator },
    ];
    for state in &all {
        // A new state must be listed above.
        match state {
            VerificationState::Unverified
            | VerificationState::InProgress { phase: Phase::NeedsUser | Phase::Processing }
            | VerificationState::InReview { by: Reviewer::Persona | Reviewer::Names { .. } }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { by: RevokedBy::Persona | RevokedBy::Operator, .. } => {}
        }
    }
    all
}

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

fn template(id: &str) -> TemplateId {
    TemplateId::parse(id).expect("is a word")
}

fn verification(state: VerificationState) -> Verification {
    let inquiry = Inquiry {
        id: InquiryId::parse(CURRENT).expect("is a word"),
        template: Some(template("itmpl_1")),
        seen: Some((class_of_last_event(&state), Instant::from_unix_ms(SEEN_MS))),
        attempt: Attempt::Unused,
        session_at: Instant::from_unix_ms(SEEN_MS),
        sessions: 1,
        sessions_in_a_row: 1,
    };
    let inquiry = if state == VerificationState::Unverified { None } else { Some(inquiry) };
    let names = match state {
        VerificationState::InReview { by: Reviewer::Names { .. } } => NameCheck::Wanted,
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::InReview { by: Reviewer::Persona }
        | VerificationState::Verified { .. }
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired
        | VerificationState::Locked
        | VerificationState::Revoked { .. } => NameCheck::NotWanted,
    };
    Verification { state, inquiry, attempts_used: 3, names }
}

/// What brought a verification into this state.
fn class_of_last_event(state: &VerificationState) -> EventClass {
    match state {
        VerificationState::Unverified
        | VerificationState::InProgress { .. }
        | VerificationState::Failed
        | VerificationState::Expired => EventClass::Progress,
        VerificationState::InReview { .. }
        | VerificationState::Verified { .. }
        | VerificationState::Declined
        | VerificationState::Locked
        | VerificationState::Revoked { .. } => EventClass::Decision,
    }
}

fn name(state: &VerificationState) -> String {
    match state {
        VerificationState::Unverified => "unverified".to_owned(),
        VerificationState::InProgress { phase: Phase::NeedsUser } => "in_progress/needs_user".to_owned(),
        VerificationState::InProgress { phase: Phase::Processing } => "in_progress/processing".to_owned(),
        VerificationState::InReview { by: Reviewer::Persona } => "in_review".to_owned(),
        VerificationState::InReview { by: Reviewer::Names { approved_at } } => {
            format!("in_review/names@{:+}", approved_at.unix_ms() - SEEN_MS)
        }
        VerificationState::Verified { at } => format!("verified@{:+}", at.unix_ms() - SEEN_MS),
        VerificationState::Declined => "declined".to_owned(),
        VerificationState::Failed => "failed".to_owned(),
        VerificationState::Expired => "expired".to_owned(),
        VerificationState::Locked => "locked".to_owned(),
        VerificationState::Revoked { at, by } => format!("revoked by {by:?}@{:+}", at.unix_ms() - SEEN_MS),
    }
}

fn outcome(before: &Verification, event: &VerificationEvent, policy: &VerificationPolicy) -> String {
    let wakes = |effect: VerificationEffect| match effect {
        VerificationEffect::None => "",
        VerificationEffect::WakeWaiters => ", wake",
    };
    match before.decide(event, Instant::from_unix_ms(SEEN_MS + 60_000), policy) {
        Decision::Applied { next, effects } => {
            let attempt = match next.attempts_used.cmp(&before.attempts_used) {
                Ordering::Less => ", attempts reset",
                Ordering::Equal => "",
                Ordering::Greater => ", attempt",
            };
            let inquiry = match (&before.inquiry, &next.inquiry) {
                (Some(before), Some(next)) if before.id == next.id => "",
                (None, None) => "",
                _ => ", other inquiry",
            };
            let names = match (before.names, next.names) {
                (before, after) if before == after => "",
                (_, NameCheck::NotWanted) => ", names not wanted",
                (_, NameCheck::Wanted) => ", names wanted",
                (_, NameCheck::Compared(_)) => ", names compared",
            };
            format!("→ {}{attempt}{inquiry}{names}{}", name(&next.state), wakes(effects))
        }
        Decision::AlreadyDone { effects } => format!("already done{}", wakes(effects)),
        Decision::Illegal(why) => format!("illegal: {why:?}"),
    }
}

fn opened(template_id: &str) -> VerificationEvent {
    let inquiry = InquiryId::parse("inq_new").expect("is a word");
    VerificationEvent::Opened { inquiry, template: template(template_id) }
}

fn observed(status: InquiryStatus, offset_ms: i64) -> VerificationEvent {
    VerificationEvent::Observed(said(CURRENT, status, offset_ms))
}

/// Of an inquiry that another has replaced.
fn observed_former(status: InquiryStatus, offset_ms: i64, seen: Option<Seen>) -> VerificationEvent {
    let former = FormerInquiry { seen, template: template("itmpl_1"), attempt: Attempt::Unused };
    VerificationEvent::ObservedFormer(said(OLDER, status, offset_ms), former)
}

fn said(inquiry: &str, status: InquiryStatus, offset_ms: i64) -> InquiryEvent {
    InquiryEvent {
        inquiry: InquiryId::parse(inquiry).expect("is a word"),
        status,
        at: Instant::from_unix_ms(SEEN_MS + offset_ms),
        source: Source::Event,
    }
}

/// Names that fit, that differ, and of which nobody knows.
const LEVELS: [(&str, NameLevels); 3] = [
    ("fit", NameLevels { first: NameLevel::Partial, last: NameLevel::Exact }),
    ("differ", NameLevels { first: NameLevel::Exact, last: NameLevel::None }),
    ("unknown", NameLevels { first: NameLevel::NoData, last: NameLevel::NoData }),
];

fn compared(inquiry: &str, levels: NameLevels) -> VerificationEvent {
    VerificationEvent::NamesCompared(InquiryId::parse(inquiry).expect("is a word"), levels)
}

fn table(policy: &VerificationPolicy) -> String {
    let mut table = String::new();
    for state in states() {
        let before = verification(state);
        writeln!(table, "\n{}", name(&state)).expect("writes to text");
        let mut row =
            |event: &str, outcome: String| writeln!(table, "  {event:<28} {outcome}").expect("writes to text");
        for (moved, template) in [("", "itmpl_1"), (", template moved", "itmpl_2")] {
            row(&format!("opened{moved}"), outcome(&before, &opened(template), policy));
        }
        row("resumed", outcome(&before, &VerificationEvent::Resumed, policy));
        for status in STATUSES {
            for (when, offset_ms) in [("newer", 5000), ("older", -5000)] {
                row(&format!("{status:?}, {when}"), outcome(&before, &observed(status, offset_ms), policy));
            }
            for (known, seen) in
                [("", None), (", not news", Some((EventClass::Decision, Instant::from_unix_ms(SEEN_MS + 6000))))]
            {
                row(
                    &format!("{status:?}, former{known}"),
                    outcome(&before, &observed_former(status, 5000, seen), policy),
                );
            }
        }
        for status in STATUSES {
            let heard = before.said(said(CURRENT, status, 0), true, None, policy);
            row(&format!("{status:?}, and redacted"), outcome(&before, &heard, policy));
        }
        for (what, levels) in LEVELS {
            row(&format!("names: {what}"), outcome(&before, &compared(CURRENT, levels), policy));
        }
        for action in OperatorAction::ALL {
            row(&format!("operator: {action:?}"), outcome(&before, &VerificationEvent::Operated(action), policy));
        }
    }
    table
}

#[test]
fn every_state_answers_every_event() {
    insta::assert_snapshot!("verification_table", table(&VerificationPolicy::default()));
}

/// What an approval does under each policy, before and after the names were compared.
#[test]
fn names_and_approvals() {
    let checks = [("not wanted", NameCheck::NotWanted), ("wanted", NameCheck::Wanted)].into_iter();
    let checks: Vec<_> = checks.chain(LEVELS.map(|(what, levels)| (what, NameCheck::Compared(levels)))).collect();
    let mut table = String::new();
    for name_match in [NameMatchPolicy::Off, NameMatchPolicy::Report, NameMatchPolicy::Require] {
        let policy = VerificationPolicy { name_match, ..VerificationPolicy::default() };
        for state in states() {
            for (what, names) in &checks {
                let before = Verification { names: *names, ..verification(state) };
                let row = format!("{name_match:?}, {}, names {what}", name(&state));
                let outcome = outcome(&before, &observed(InquiryStatus::Approved, 5000), &policy);
                writeln!(table, "{row:<55} {outcome}").expect("writes to text");
            }
        }
    }
    insta::assert_snapshot!("names_and_approvals", table);
}

/// An approval whose names are compared is as old as Persona says, so that a later reversal of a reviewer's still counts.
#[test]
fn names_that_fit_make_an_approval_count_from_when_persona_gave_it() {
    let policy = VerificationPolicy { name_match: NameMatchPolicy::Require, ..VerificationPolicy::default() };
    let open = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
    let after = |before: &Verification, event| match before.decide(&event, Instant::from_unix_ms(SEEN_MS), &policy) {
        Decision::Applied { next, .. } => next,
        other @ (Decision::AlreadyDone { .. } | Decision::Illegal(_)) => panic!("{event:?}: {other:?}"),
    };
    let approved = after(&open, observed(InquiryStatus::Approved, 5000));
    assert!(approved.needs_phone());
    let verified = after(&approved, compared(CURRENT, LEVELS[0].1));
    assert_eq!(name(&verified.state), "verified@+5000");
    assert_eq!(outcome(&verified, &observed(InquiryStatus::Declined, 6000), &policy), "→ revoked by Persona@+6000");
    let differ = after(&approved, compared(CURRENT, LEVELS[1].1));
    assert_eq!(name(&differ.state), "in_review/names@+5000");
    assert!(!differ.needs_phone() && !differ.is_for_us(), "only an operator can do something now");
    assert_eq!(outcome(&differ, &compared(CURRENT, LEVELS[0].1), &policy), "already done");
    assert_eq!(outcome(&approved, &compared(OLDER, LEVELS[0].1), &policy), "already done");
    let by_operator = after(&differ, VerificationEvent::Operated(OperatorAction::Approve));
    assert!(by_operator.verified_at().is_some());
}

#[test]
fn where_completed_is_accepted_it_unlocks() {
    let policy =
        VerificationPolicy { accepted: AcceptedStatuses::ApprovedOrCompleted, ..VerificationPolicy::default() };
    let before = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
    let event = observed(InquiryStatus::Completed, 5000);
    assert_eq!(outcome(&before, &event, &policy), "→ verified@+5000, wake");
    assert_eq!(outcome(&before, &event, &VerificationPolicy::default()), "→ in_progress/processing");
}

/// What a completion proves, any decision outranks, whichever comes first and however close together they are made; a
/// review that began takes nothing away, in either order.
#[test]
fn where_completed_is_accepted_every_decision_outranks_it() {
    let policy =
        VerificationPolicy { accepted: AcceptedStatuses::ApprovedOrCompleted, ..VerificationPolicy::default() };
    let told = |status, offset_ms| said(CURRENT, status, offset_ms);
    let answered = |status, offset_ms| InquiryEvent { source: Source::Answer, ..said(CURRENT, status, offset_ms) };
    let after = |news: &[InquiryEvent]| {
        let opened = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
        news.iter().fold(opened, |before, event| {
            match before.decide(&VerificationEvent::Observed(event.clone()), Instant::from_unix_ms(SEEN_MS), &policy) {
                Decision::Applied { next, .. } => next,
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => before,
            }
        })
    };
    let (completed, declined) = (InquiryStatus::Completed, InquiryStatus::Declined);
    for news in [
        [answered(completed, 5000), told(declined, 5700)],
        [told(completed, 5200), answered(declined, 5000)],
        [told(completed, 5700), told(declined, 5700)],
        [answered(declined, 5000), told(completed, 5200)],
        [told(declined, 5700), answered(completed, 5000)],
        [told(declined, 5700), told(completed, 9000)],
    ] {
        assert_eq!(after(&news).verified_at(), None, "{news:?}");
        let [first, second] = news.clone();
        assert_eq!(after(&[first, second, told(completed, 5200)]).verified_at(), None, "{news:?} and again");
        let approved = told(InquiryStatus::Approved, 20_000);
        let [first, second] = news;
        assert!(after(&[first, second, approved]).verified_at().is_some());
    }
    let review = InquiryStatus::NeedsReview;
    for news in [[told(completed, 5000), told(review, 6000)], [told(review, 6000), told(completed, 5000)]] {
        assert_eq!(after(&news).verified_at(), Some(Instant::from_unix_ms(SEEN_MS + 5000)), "{news:?}");
        let [first, second] = news;
        assert_eq!(after(&[first, second, told(declined, 9000)]).verified_at(), None);
    }
}

/// A reviewer may look at the last attempt; when that is redacted, there is none left.
#[test]
fn a_redaction_gives_no_attempt_beyond_the_last() {
    let policy = VerificationPolicy { attempts_max: 3, ..VerificationPolicy::default() };
    let before = verification(VerificationState::InReview { by: Reviewer::Persona });
    let redacted = before.said(said(CURRENT, InquiryStatus::NeedsReview, 0), true, None, &policy);
    assert_eq!(outcome(&before, &redacted, &policy), "→ locked");
    let (now, own) = (Instant::from_unix_ms(SEEN_MS + 3_600_000), template("itmpl_1"));
    let declined = verification(VerificationState::Declined);
    assert_eq!(declined.open_plan(now, &own, &policy), OpenPlan::Refused, "the limit was lowered");
    assert_eq!(declined.open_plan(now, &own, &VerificationPolicy::default()), OpenPlan::Create);
}

#[test]
fn the_last_attempt_locks() {
    let policy = VerificationPolicy { attempts_max: 4, ..VerificationPolicy::default() };
    let before = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
    for status in [InquiryStatus::Declined, InquiryStatus::Failed] {
        assert_eq!(outcome(&before, &observed(status, 5000), &policy), "→ locked, attempt");
    }
}

#[test]
fn failed_and_then_declined_is_one_attempt() {
    let policy = VerificationPolicy::default();
    let now = Instant::from_unix_ms(SEEN_MS + 60_000);
    let mut state = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
    for (status, offset_ms) in [(InquiryStatus::Failed, 1000), (InquiryStatus::Declined, 2000)] {
        let Decision::Applied { next, .. } = state.decide(&observed(status, offset_ms), now, &policy) else {
            panic!("{status:?} applies");
        };
        state = next;
    }
    assert_eq!((state.state, state.attempts_used), (VerificationState::Declined, 4));
}

#[test]
fn what_was_asked_in_whole_seconds_is_not_older_than_the_events_of_its_second() {
    let policy = VerificationPolicy::default();
    let answered = |status| {
        VerificationEvent::Observed(InquiryEvent {
            inquiry: InquiryId::parse(CURRENT).expect("is a word"),
            status,
            at: Instant::from_unix_ms(SEEN_MS),
            source: Source::Answer,
        })
    };
    let seen_late_in_its_second = |state, class| {
        let mut before = verification(state);
        before.inquiry = before
            .inquiry
            .map(|inquiry| Inquiry { seen: Some((class, Instant::from_unix_ms(SEEN_MS + 553))), ..inquiry });
        before
    };
    let in_review =
        seen_late_in_its_second(VerificationState::InReview { by: Reviewer::Persona }, EventClass::Decision);
    assert_eq!(outcome(&in_review, &answered(InquiryStatus::Approved), &policy), "→ verified@+0, wake");
    assert_eq!(outcome(&in_review, &answered(InquiryStatus::NeedsReview), &policy), "already done");
    let open = VerificationState::InProgress { phase: Phase::NeedsUser };
    let in_progress = seen_late_in_its_second(open, EventClass::Progress);
    assert_eq!(outcome(&in_progress, &answered(InquiryStatus::Expired), &policy), "→ expired");
    let at = Instant::from_unix_ms(SEEN_MS + 553);
    let verified = seen_late_in_its_second(VerificationState::Verified { at }, EventClass::Decision);
    assert_eq!(outcome(&verified, &answered(InquiryStatus::Declined), &policy), "already done, wake");
}

/// A decline that is older than an operator's approval is no later decision: it takes nothing away.
#[test]
fn only_what_was_decided_after_an_operators_approval_takes_it_away() {
    let policy = VerificationPolicy::default();
    let at = Instant::from_unix_ms(SEEN_MS + 10_000);
    let verified = verification(VerificationState::Verified { at });
    assert_eq!(outcome(&verified, &observed(InquiryStatus::Declined, 9_000), &policy), "already done, wake");
    assert_eq!(outcome(&verified, &observed(InquiryStatus::Declined, 10_001), &policy), "→ revoked by Persona@+10001");
}

#[test]
fn what_is_remembered_of_a_former_inquiry_is_the_newest() {
    let policy = VerificationPolicy::default();
    let news = |seen, status, offset_ms| {
        FormerInquiry { seen, template: template("itmpl_1"), attempt: Attempt::Unused }
            .news(&said(OLDER, status, offset_ms), &policy)
    };
    let at = |offset_ms| Instant::from_unix_ms(SEEN_MS + offset_ms);
    let decided = Some((EventClass::Decision, at(0)));
    assert_eq!(news(None, InquiryStatus::Pending, 1), Some((EventClass::Progress, at(1))));
    assert_eq!(news(decided, InquiryStatus::Declined, 1), Some((EventClass::Decision, at(1))));
    assert_eq!(news(decided, InquiryStatus::Approved, 0), None);
    assert_eq!(news(decided, InquiryStatus::Expired, 99), None, "a decision outranks progress");
}

/// Any order of delivery of the same events gives the same answer to "verified or not".
#[test]
fn the_order_of_delivery_does_not_decide() {
    let policy = VerificationPolicy::default();
    let now = Instant::from_unix_ms(SEEN_MS + 60_000);
    let events = [
        (InquiryStatus::Pending, 1000),
        (InquiryStatus::Completed, 2000),
        (InquiryStatus::NeedsReview, 3000),
        (InquiryStatus::Approved, 4000),
        (InquiryStatus::Expired, 5000),
    ];
    let start = verification(VerificationState::InProgress { phase: Phase::NeedsUser });
    let start = Verification { inquiry: start.inquiry.map(|inquiry| Inquiry { seen: None, ..inquiry }), ..start };
    permutations(&events, &mut Vec::new(), &mut |order| {
        let mut state = start.clone();
        for (status, offset_ms) in order {
            if let Decision::Applied { next, .. } = state.decide(&observed(*status, *offset_ms), now, &policy) {
                state = next;
            }
        }
        assert_eq!(
            state.state,
            VerificationState::Verified { at: Instant::from_unix_ms(SEEN_MS + 4000) },
            "in the order {order:?}"
        );
    });
}

fn permutations<T: Copy + PartialEq>(left: &[T], taken: &mut Vec<T>, visit: &mut impl FnMut(&[T])) {
    if left.is_empty() {
        return visit(taken);
    }
    for item in left {
        let rest: Vec<T> = left.iter().copied().filter(|other| other != item).collect();
        taken.push(*item);
        permutations(&rest, taken, visit);
        taken.pop();
    }
}
