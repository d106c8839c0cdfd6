//! An agency's verification covers its sub-accounts: by the stored profile, never by what a request says.

use domain::{AgencyId, Owner, PurchaseState};
use purchase_check::Route;
use serde_json::{Value, json};
use tests::neighbours::SESSION_TOKEN;
use tests::world::{Neighbours, clock, world};

use crate::{GATED, SUB, event, own, send, send_own};

const AGENCY: &str = "Agency_1";

fn agency_claims() -> Value {
    json!({"agency": AGENCY, "scope": "purchases:read purchases:write"})
}

/// The agency proves who it is, through its own routes.
fn verify_agency(world: &Neighbours<'_>) {
    let opened = send(world, Route::OpenAgencyVerification, AGENCY, &agency_claims(), "");
    assert_eq!((opened.status, opened.body["session_token"].as_str()), (200, Some(SESSION_TOKEN)), "{opened:?}");
    let inquiry = opened.body["inquiry_id"].as_str().expect("was opened");
    let approved = event(world, "evt_agency", "inquiry.approved", inquiry, "approved", 0);
    assert_eq!(world.deliver(&approved).status, 200);
}

#[test]
fn an_agency_that_is_approved_wakes_every_sub_account_that_waits() {
    let clock = clock();
    let world = world(&clock);
    for number in 0..3 {
        let sub_account = format!("Loc{number}");
        world.put_profile(&sub_account, AGENCY);
        assert_eq!(world.ask(&sub_account, "key-1", &format!("+1212555010{number}")).status, 202);
    }
    assert_eq!(world.ask("Stranger", "key-1", "+12125550109").status, 202);
    verify_agency(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 3, "its own three, and nobody else's");
    let waiting = world.purchases().into_iter().filter(|purchase| purchase.state == PurchaseState::Waiting).count();
    assert_eq!(waiting, 1);
}

#[test]
fn a_sub_account_that_its_agency_covers_is_not_asked() {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, AGENCY);
    verify_agency(&world);
    let (inquiries, looks) = (world.persona.inquiries(), world.persona.looks());
    for route in [Route::ReadVerification, Route::OpenVerification, Route::RefreshVerification] {
        let answer = send_own(&world, route);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.body,
            json!({"state": "verified", "covered_by": "agency", "verified_at": "2026-11-22T12:00:00Z"}),
            "nothing of the agency's inquiry"
        );
    }
    assert_eq!((world.persona.inquiries(), world.persona.looks()), (inquiries, looks));
    let asked = world.ask(SUB, "key-1", GATED);
    assert_eq!((asked.body["state"].as_str(), asked.body.get("verification")), (Some("queued"), None));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn an_agency_reaches_its_sub_accounts_and_itself_and_its_sub_accounts_do_not_reach_it() {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, AGENCY);
    assert_eq!(send(&world, Route::OpenVerification, SUB, &agency_claims(), "").body["session_token"], SESSION_TOKEN);
    assert!(world.verification_of(&own()).inquiry.is_some(), "the sub-account's own");
    let of_agency = send(&world, Route::ReadAgencyVerification, AGENCY, &agency_claims(), "");
    assert_eq!((of_agency.status, of_agency.body["state"].as_str()), (200, Some("unverified")));
    let by_sub_account = json!({"sub_account": [SUB, AGENCY], "scope": "purchases:read purchases:write"});
    for route in [Route::ReadAgencyVerification, Route::OpenAgencyVerification, Route::RefreshAgencyVerification] {
        assert_eq!(send(&world, route, AGENCY, &by_sub_account, "").status, 404, "{route:?}");
    }
}

#[test]
fn a_lost_approval_of_an_agency_is_found_and_wakes_its_sub_accounts() {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, AGENCY);
    world.ask(SUB, "key-1", GATED);
    let opened = send(&world, Route::OpenAgencyVerification, AGENCY, &agency_claims(), "");
    let inquiry = domain::InquiryId::parse(opened.body["inquiry_id"].as_str().expect("was opened")).expect("is an id");
    world.persona.set(&inquiry, domain::InquiryStatus::Approved, world.now());
    world.minutes(5);
    let agency = Owner::Agency(AgencyId::parse(AGENCY).expect("is a word"));
    assert!(world.verification_of(&agency).verified_at().is_some());
    assert!(world.verification_of(&own()).verified_at().is_none(), "it stands on its own");
    assert_eq!(world.carrier.charges(), 1);
}
