//! What is there, and no request makes.

use adapters::items::{StoredVerification, approved_phone_to_item, purchase_to_item, verification_to_item};
use adapters::store::Item;
use domain::{
    ApprovedPhone, Attempt, Channel, Inquiry, InquiryId, Instant, NameCheck, Owner, PhoneNumber, PhoneVerificationId,
    Purchase, PurchaseId, PurchaseState, Reviewer, SubAccountId, Verification, VerificationState,
};
use tests::purchases::waiting;
use tests::world::{account, template};

use crate::requests::{PURCHASE, WITHOUT_WAITERS};

/// Somebody whom Persona approved, whose name is to be compared with the owner of a phone, and who has a purchase that is
/// held.
pub(crate) fn one_for_whom_nothing_waits(now: Instant) -> [Item; 3] {
    let sub_account = SubAccountId::parse(WITHOUT_WAITERS).expect("is an id");
    let inquiry = Inquiry {
        id: InquiryId::parse("inq_named").expect("is an id"),
        template: Some(template()),
        seen: None,
        attempt: Attempt::Unused,
        session_at: now,
        sessions: 1,
        sessions_in_a_row: 1,
    };
    let state = VerificationState::InReview { by: Reviewer::Names { approved_at: now } };
    let verification = Verification { state, inquiry: Some(inquiry), attempts_used: 0, names: NameCheck::Wanted };
    let stored = StoredVerification { verification, opening: None, version: 1 };
    let owner = Owner::SubAccount(sub_account.clone());
    let phone = ApprovedPhone {
        number: PhoneNumber::parse("+12125550100").expect("is a number"),
        channel: Channel::Sms,
        at: now,
        since: now,
        verification: PhoneVerificationId::parse(&format!("phv_{:032}", 0)).expect("is an id"),
    };
    let id = PurchaseId::parse(PURCHASE).expect("is an id");
    let number = PhoneNumber::parse("+12125550177").expect("is a number");
    let held = Purchase {
        gated: false,
        state: PurchaseState::Held { sid: None, account: Some(account()), at: now },
        ..waiting(sub_account.clone(), id, number, now)
    };
    [
        verification_to_item(&owner, &stored, Some(now)),
        approved_phone_to_item(&sub_account, &phone, None),
        purchase_to_item(&held, 1, None),
    ]
}
