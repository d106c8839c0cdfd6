//! Every state of a phone verification × every event.

use std::fmt::Write;

use domain::{
    BodyHash, Channel, CheckAnswer, CountryCode, Decision, IdempotencyKey, Instant, PhoneDecision, PhoneEffect,
    PhoneEvent, PhoneNumber, PhoneState, PhoneVerification, PhoneVerificationId, Refusal, SubAccountId, VerifySid,
};

const NOW: Instant = Instant::from_unix_ms(1_000_000);

fn sid(text: &str) -> VerifySid {
    VerifySid::parse(text).expect("is a word")
}

fn states() -> Vec<(&'static str, PhoneState)> {
    let (earlier, later) = (NOW.plus_ms(-1000), NOW.plus_ms(1000));
    let pending = |checks| PhoneState::Pending { sid: sid("VE1"), sent_at: earlier, checks };
    let all = vec![
        ("starting, lease running", PhoneState::Starting { lease_until: later }),
        ("starting, lease over", PhoneState::Starting { lease_until: NOW }),
        ("refused, not yet", PhoneState::Refused { why: Refusal::Risk, again_at: later }),
        ("refused, again now", PhoneState::Refused { why: Refusal::Limit, again_at: NOW }),
        ("pending", pending(0)),
        ("pending, one check left", pending(4)),
        ("pending, long over", PhoneState::Pending { sid: sid("VE1"), sent_at: NOW.plus_ms(-660_000), checks: 0 }),
        ("approved", PhoneState::Approved { at: earlier }),
        ("used up", PhoneState::UsedUp { at: earlier }),
        ("expired", PhoneState::Expired { at: earlier }),
    ];
    for (_, state) in &all {
        // A new state must be listed above.
        match state {
            PhoneState::Starting { .. }
            | PhoneState::Refused { .. }
            | PhoneState::Pending { .. }
            | PhoneState::Approved { .. }
            | PhoneState::UsedUp { .. }
            | PhoneState::Expired { .. } => {}
        }
    }
    all
}

fn events() -> Vec<(&'static str, PhoneEvent)> {
    vec![
        ("resumed", PhoneEvent::Resumed),
        ("sent", PhoneEvent::Sent { sid: sid("VE2"), since: NOW }),
        ("refused", PhoneEvent::Refused { why: Refusal::LineType, again_at: NOW.plus_ms(5000) }),
        ("right code", PhoneEvent::Checked(CheckAnswer::Right)),
        ("wrong code", PhoneEvent::Checked(CheckAnswer::Wrong)),
        ("used up at Twilio", PhoneEvent::Checked(CheckAnswer::UsedUp)),
        ("forgotten, converted", PhoneEvent::Settled { converted: true }),
        ("forgotten, not converted", PhoneEvent::Settled { converted: false }),
    ]
}

fn verification(state: PhoneState) -> PhoneVerification {
    let sub_account = SubAccountId::parse("Loc1").expect("is a word");
    let key = IdempotencyKey::parse("key").expect("is a key");
    PhoneVerification {
        id: PhoneVerificationId::of(&sub_account, &key),
        sub_account,
        body_hash: BodyHash([7; 32]),
        number: PhoneNumber::parse("+447700900123").expect("is a number"),
        country: CountryCode::new("GB").expect("is a country"),
        channel: Channel::Sms,
        created_at: NOW.plus_ms(-2000),
        state,
    }
}

fn line(decision: &PhoneDecision) -> String {
    match decision {
        Decision::Applied { next, effects } => {
            let text = format!("{:?}", next.state);
            let effect = if *effects == PhoneEffect::None { String::new() } else { format!(", {effects:?}") };
            format!("→ {text}{effect}")
        }
        Decision::AlreadyDone { .. } => "already done".to_owned(),
        Decision::Illegal(illegal) => format!("illegal: {illegal:?}"),
    }
}

#[test]
fn phone_table() {
    let mut table = String::new();
    for (name, state) in states() {
        writeln!(table, "\n{name}").expect("text can be written");
        for (what, event) in events() {
            let decision = verification(state.clone()).decide(&event, NOW);
            writeln!(table, "  {what:<25} {}", line(&decision)).expect("text can be written");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_approved_phone_stays_approved() {
    for (what, event) in events() {
        let approved = verification(PhoneState::Approved { at: NOW });
        let decision = approved.decide(&event, NOW);
        assert!(!matches!(decision, Decision::Applied { .. }), "{what}: {decision:?}");
    }
}

#[test]
fn an_id_is_the_sub_accounts_and_its_keys_alone() {
    let id = |sub: &str, key: &str| {
        let sub_account = SubAccountId::parse(sub).expect("is a word");
        PhoneVerificationId::of(&sub_account, &IdempotencyKey::parse(key).expect("is a key"))
    };
    assert_eq!(id("Loc1", "key"), id("Loc1", "key"));
    assert_ne!(id("Loc1", "key"), id("Loc2", "key"));
    assert_ne!(id("Loc1", "2key"), id("Loc12", "key"), "the two parts are kept apart");
    assert_eq!(PhoneVerificationId::parse(id("Loc1", "key").as_str()), Ok(id("Loc1", "key")));
    for wrong in ["", "phv_", "pur_00000000000000000000000000000000", "phv_0000000000000000000000000000000G"] {
        assert!(PhoneVerificationId::parse(wrong).is_err(), "{wrong}");
    }
}
