//! Who may ask, and for whom (promise P8).

use phone_verification::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event};

use crate::{HOME, OTHER, SUB, id, in_a_world, number};

/// The scopes of the three routes.
const BOTH: &str = "purchases:read purchases:write";

fn request(route: Route, sub_account: &str, id: &str, caller: Option<&Caller>) -> Value {
    let body = match route {
        Route::Start => json!({"phone_number": HOME}),
        Route::Read => json!(null),
        Route::Check => json!({"code": "123456"}),
    };
    let path = [("sub", sub_account), ("id", id)];
    http_event(route.key(), &path, &[("Idempotency-Key", "key-1")], caller, &body.to_string())
}

#[test]
fn nobody_reaches_what_is_not_theirs() {
    in_a_world(|world| {
        let started = world.start(OTHER, "theirs", &number("+12125550111"));
        let theirs = id(&started).to_owned();
        let (items, checks) = (world.table.items(), world.passcodes.checks());
        let callers = [
            (None, 401),
            (Some(json!({"sub_account": OTHER, "scope": "operator"})), 403),
            (Some(json!({"sub_account": OTHER, "scope": ""})), 403),
            (Some(json!({"sub_account": SUB, "scope": BOTH})), 404),
            (Some(json!({"sub_account": [SUB, "Loc_OTHER"], "scope": BOTH})), 404),
            (Some(json!({"agency": "Agency_1", "scope": BOTH})), 404),
            (Some(json!({"scope": BOTH})), 404),
        ];
        let reader = Caller { claims: json!({"sub_account": OTHER, "scope": "purchases:read"}) };
        for (route, status) in [(Route::Start, 403), (Route::Check, 403), (Route::Read, 200)] {
            assert_eq!(world.handle(request(route, OTHER, &theirs, Some(&reader))).status, status, "{}", route.key());
        }
        for (claims, status) in callers {
            for route in Route::ALL {
                let caller = claims.clone().map(|claims| Caller { claims });
                let answer = world.handle(request(route, OTHER, &theirs, caller.as_ref()));
                assert_eq!(answer.status, status, "{} as {claims:?}", route.key());
            }
        }
        // Theirs under our own name does not exist.
        let ours = Caller::sub_account(SUB);
        for route in [Route::Check, Route::Read] {
            assert_eq!(world.handle(request(route, SUB, &theirs, Some(&ours))).status, 404, "{}", route.key());
        }
        assert_eq!(world.table.items(), items, "nothing has changed");
        assert_eq!(world.passcodes.checks(), checks, "nothing was compared");
    });
}

#[test]
fn whatever_comes_is_answered() {
    in_a_world(|world| {
        for event in
            [json!({}), json!(null), json!([]), json!("x"), json!({"requestContext": {"http": {"method": "POST"}}})]
        {
            let answer = world.handle(event.clone());
            assert!((400..500).contains(&answer.status), "{event}: {}", answer.status);
        }
        let caller = Caller::sub_account(SUB);
        for id in ["", "phv_", "pur_00000000000000000000000000000000", "../PROFILE"] {
            assert_eq!(world.handle(request(Route::Check, SUB, id, Some(&caller))).status, 404, "{id}");
        }
        let mut unknown = request(Route::Start, SUB, "", Some(&caller));
        unknown["routeKey"] = json!("DELETE /v1/sub-accounts/{sub}/phone-verifications");
        assert_eq!(world.handle(unknown).status, 404);
    });
}

#[test]
fn an_idempotency_key_is_needed() {
    in_a_world(|world| {
        let caller = Caller::sub_account(SUB);
        let body = json!({"phone_number": HOME}).to_string();
        let event = http_event(Route::Start.key(), &[("sub", SUB)], &[], Some(&caller), &body);
        let answer = world.handle(event);
        assert_eq!((answer.status, answer.problem()), (400, "idempotency-key-missing"));
    });
}
