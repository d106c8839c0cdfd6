//! A purchase as it stands when it was asked for, for tests that need one and not the request.

use domain::{BodyHash, IfUnavailable, Instant, PhoneNumber, Place, Purchase, PurchaseId, PurchaseState, SubAccountId};

/// A gated purchase of this one number, asked for at `now` and waiting; its deadline is then, too.
pub fn waiting(sub_account: SubAccountId, id: PurchaseId, number: PhoneNumber, now: Instant) -> Purchase {
    Purchase {
        id,
        sub_account,
        place: Place::Alone,
        number,
        given_up: Vec::new(),
        if_unavailable: IfUnavailable::Fail,
        alternatives: Vec::new(),
        gated: true,
        needs_phone: false,
        body_hash: BodyHash([0; 32]),
        created_at: now,
        updated_at: now,
        deadline: now,
        pointers: Vec::new(),
        state: PurchaseState::Waiting,
        history: Vec::new(),
    }
}
