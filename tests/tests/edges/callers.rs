//! Who may do what: claims, scopes, and sub-accounts that are not the caller's.

use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event};
use tests::world::Neighbours;

use crate::probe::{ID_OF_NOBODY, OTHER, OWN, in_a_world, refused_by_check, right_body};

/// The scope of those who are no sub-account's, and may do what they may for all of them.
const OPERATOR_SCOPE: &str = "operator";

const BOTH_SCOPES: &str = "purchases:read purchases:write";

/// A request on a route about a sub-account, or an agency of the same name, with a right body and key.
fn request(route: Route, sub_account: &str, id: &str, caller: Option<&Caller>) -> Value {
    let path = [("sub", sub_account), ("agency", sub_account), ("id", id)];
    let body = match route {
        Route::AskForPurchase => right_body(),
        Route::PutProfile => json!({"agency": "Agency_1", "reason": "moved"}).to_string(),
        Route::DecidePurchase => json!({"action": "fail", "reason": "seen at the carrier"}).to_string(),
        Route::TurnPurchasesSwitch => json!({"purchases": "off", "reason": "the carrier is down"}).to_string(),
        Route::AskForClearance => json!({"action": "cnam_registration"}).to_string(),
        Route::OperateVerification | Route::OperateAgencyVerification => {
            json!({"action": "approve", "reason": "a test"}).to_string()
        }
        Route::EraseVerification | Route::EraseAgencyVerification => json!({"reason": "a test"}).to_string(),
        Route::ListPurchases
        | Route::ReadPurchase
        | Route::CancelPurchase
        | Route::ReadVerification
        | Route::OpenVerification
        | Route::RefreshVerification
        | Route::ReadAgencyVerification
        | Route::OpenAgencyVerification
        | Route::RefreshAgencyVerification
        | Route::ReadProfile
        | Route::ReadPurchasesSwitch
        | Route::ReadAudit
        | Route::ReadAgencyAudit => String::new(),
    };
    http_event(route.key(), &path, &[("Idempotency-Key", "key-1")], caller, &body)
}

fn caller_with(claims: Value) -> Caller {
    Caller { claims }
}

/// The id of the purchase that [`OTHER`] has.
fn id_of_other(world: &Neighbours<'_>) -> String {
    world.purchase().id.to_string()
}

#[test]
fn without_a_token_nothing() {
    in_a_world(|world| {
        let id = id_of_other(world);
        for route in Route::ALL {
            let answer = refused_by_check(world, route.key(), request(route, OTHER, &id, None));
            assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{}", route.key());
        }
        // An authorizer of another kind is no token.
        let mut event = request(Route::ReadPurchase, OTHER, &id, None);
        for authorizer in [
            json!({"lambda": {"sub_account": OTHER, "scope": BOTH_SCOPES}}),
            json!({"jwt": {"claims": null}}),
            json!({"jwt": {"claims": "sub_account=loc_other"}}),
            json!({"claims": {"sub_account": OTHER, "scope": BOTH_SCOPES}}),
            json!("loc_other"),
        ] {
            event["requestContext"]["authorizer"] = authorizer.clone();
            let answer = refused_by_check(world, &authorizer.to_string(), event.clone());
            assert_eq!(answer.status, 401, "{authorizer}");
        }
    });
}

#[test]
fn a_scope_is_needed_for_each_route() {
    in_a_world(|world| {
        let id = id_of_other(world);
        for route in Route::ALL {
            let others = ["purchases:read", "purchases:write", "operator"];
            let others: Vec<&str> = others.into_iter().filter(|scope| *scope != route.scope()).collect();
            for scope in [
                json!(others[0]),
                json!(others[1]),
                json!(others.join(" ")),
                json!(""),
                json!("purchases"),
                json!("purchases:*"),
                json!(route.scope().to_uppercase()),
                json!(format!("{}x", route.scope())),
                json!(format!("{},x", route.scope())),
                json!([route.scope()]),
                Value::Null,
            ] {
                let caller = caller_with(json!({"sub_account": OTHER, "agency": OTHER, "scope": scope}));
                let answer = refused_by_check(world, route.key(), request(route, OTHER, &id, Some(&caller)));
                assert_eq!((answer.status, answer.problem()), (403, "insufficient-scope"), "{} {scope}", route.key());
            }
        }
    });
}

/// What is another's looks as if it did not exist (promise P8): the same status, the same words.
#[test]
fn anothers_is_as_if_it_did_not_exist() {
    in_a_world(|world| {
        let id = id_of_other(world);
        let caller = Caller::sub_account(OWN);
        let of_nobody =
            refused_by_check(world, "nobody's", request(Route::ReadPurchase, OWN, ID_OF_NOBODY, Some(&caller)));
        assert_eq!((of_nobody.status, of_nobody.problem()), (404, "not-found"));
        for route in Route::ALL.into_iter().filter(|route| route.scope() != OPERATOR_SCOPE) {
            for sub_account in [OTHER, "loc_that_is_not_there"] {
                let answer = refused_by_check(world, route.key(), request(route, sub_account, &id, Some(&caller)));
                assert_eq!(answer, of_nobody, "{} of {sub_account}", route.key());
            }
        }
        for route in [Route::ReadPurchase, Route::CancelPurchase] {
            let answer = refused_by_check(world, "another's id as one's own", request(route, OWN, &id, Some(&caller)));
            assert_eq!(answer, of_nobody);
        }
    });
}

#[test]
fn ids_are_taken_as_they_are() {
    in_a_world(|world| {
        let id = id_of_other(world);
        for (sub_account, own) in [
            (OTHER, "LOC_OTHER"),
            ("LOC_OTHER", OTHER),
            ("", OTHER),
            ("loc_other ", OTHER),
            ("loc%5Fother", OTHER),
            ("loc_other/../loc_other", OTHER),
            ("*", OTHER),
            (OTHER, "*"),
        ] {
            let caller = Caller::sub_account(own);
            let event = request(Route::ReadPurchase, sub_account, &id, Some(&caller));
            assert_eq!(refused_by_check(world, sub_account, event).status, 404, "{sub_account} by {own}");
        }
        let caller = Caller::sub_account(OTHER);
        for wrong in ["", "pur_", "PUR_00", &id.to_uppercase(), &id[..35], &format!("{id}0"), "..", "*", "pur_%30"] {
            for route in [Route::ReadPurchase, Route::CancelPurchase] {
                let event = request(route, OTHER, wrong, Some(&caller));
                assert_eq!(refused_by_check(world, wrong, event).status, 404, "{wrong}");
            }
        }
        let event = request(Route::ReadPurchase, OTHER, &id, Some(&caller));
        assert_eq!(world.check(event).status, 200, "the right one is found");
    });
}

/// Authorisation reads the gateway's path parameters: without them there is no sub-account, whatever the path says.
#[test]
fn a_path_parameter_that_is_missing_is_nobody() {
    in_a_world(|world| {
        let id = id_of_other(world);
        let caller = Caller::sub_account(OTHER);
        for parameters in [
            Value::Null,
            json!({}),
            json!({"id": id}),
            json!({"sub": null, "id": id}),
            json!({"sub": [OTHER], "id": id}),
            json!({"Sub": OTHER, "id": id}),
            json!({"sub": OTHER}),
        ] {
            for route in [Route::ReadPurchase, Route::CancelPurchase] {
                let mut event = request(route, OTHER, &id, Some(&caller));
                event["pathParameters"] = parameters.clone();
                let answer = refused_by_check(world, &parameters.to_string(), event);
                assert!(matches!(answer.status, 400 | 404), "{parameters}: {answer:?}");
            }
        }
    });
}

#[test]
fn the_claim_of_sub_accounts_in_every_form() {
    let covers = [
        json!("loc_other"),
        json!("[loc_other]"),
        json!("[loc_1 loc_other]"),
        json!("[loc_other loc_1]"),
        json!(["loc_other"]),
        json!(["loc_1", "loc_other"]),
        json!(r#"["loc_1","loc_other"]"#),
        json!(r#"["loc_other"]"#),
    ];
    let does_not = [
        json!(""),
        json!("[]"),
        json!("*"),
        json!("[*]"),
        json!(["*"]),
        json!("LOC_OTHER"),
        json!("[loc_1 LOC_OTHER]"),
        json!("loc_other loc_1"),
        json!("loc_other,loc_1"),
        json!("[loc_other,loc_1]"),
        json!("[loc_other"),
        json!("loc_other]"),
        json!("[[loc_other]]"),
        json!("[loc_other a/b]"),
        json!(["loc_other", "a/b"]),
        json!(["loc_other", 7]),
        json!(["loc_other", null]),
        json!([["loc_other"]]),
        json!([1, 2]),
        json!([]),
        json!(r#"["loc_other""#),
        json!(r#"["loc_other", 7]"#),
        json!(7),
        json!(true),
        json!({"loc_other": true}),
        Value::Null,
    ];
    in_a_world(|world| {
        let id = id_of_other(world);
        let read = |claim: &Value| {
            let caller = caller_with(json!({"sub_account": claim, "scope": BOTH_SCOPES}));
            request(Route::ReadPurchase, OTHER, &id, Some(&caller))
        };
        for claim in &covers {
            assert_eq!(world.check(read(claim)).status, 200, "{claim}");
        }
        for claim in &does_not {
            assert_eq!(refused_by_check(world, &claim.to_string(), read(claim)).status, 404, "{claim}");
        }
        let caller = caller_with(json!({"scope": BOTH_SCOPES}));
        let event = request(Route::ReadPurchase, OTHER, &id, Some(&caller));
        assert_eq!(refused_by_check(world, "no claim at all", event).status, 404);
    });
}

/// The matrix of callers and what they ask about: only a token of its own, or that of the agency in the stored profile,
/// reaches a sub-account; only its own token reaches an agency.
#[test]
fn who_reaches_what() {
    const ALL_BUT_OPERATOR: &str = "purchases:read purchases:write";
    in_a_world(|world| {
        let id = id_of_other(world);
        world.put_profile(OTHER, "Agency_1");
        let callers = [
            ("the sub-account itself", json!({"sub_account": OTHER}), true, false),
            ("one of several", json!({"sub_account": [OWN, OTHER]}), true, false),
            ("another sub-account", json!({"sub_account": OWN}), false, false),
            ("its agency", json!({"agency": "Agency_1"}), true, true),
            ("another agency", json!({"agency": "Agency_2"}), false, false),
            ("a sub-account of the agency's name", json!({"sub_account": "Agency_1"}), false, false),
            ("an agency of the sub-account's name", json!({"agency": OTHER}), false, false),
            ("nobody", json!({}), false, false),
        ];
        for route in Route::ALL.into_iter().filter(|route| route.scope() != "operator") {
            let of_agency = route.key().contains("{agency}");
            let about = if of_agency { "Agency_1" } else { OTHER };
            for (name, claims, reaches_sub_account, reaches_agency) in &callers {
                let mut claims = claims.clone();
                claims["scope"] = json!(ALL_BUT_OPERATOR);
                let event = request(route, about, &id, Some(&caller_with(claims)));
                let name = format!("{}, by {name}", route.key());
                if if of_agency { *reaches_agency } else { *reaches_sub_account } {
                    let answer = world.check(event);
                    assert!(!matches!(answer.status, 401 | 403 | 404), "{name}: {answer:?}");
                } else {
                    assert_eq!(refused_by_check(world, &name, event).status, 404, "{name}");
                }
            }
        }
        for route in Route::ALL.into_iter().filter(|route| route.scope() == "operator") {
            for (name, claims, ..) in &callers {
                let mut claims = claims.clone();
                claims["scope"] = json!(ALL_BUT_OPERATOR);
                let event = request(route, OTHER, &id, Some(&caller_with(claims.clone())));
                assert_eq!(refused_by_check(world, name, event).status, 403, "{} by {name}", route.key());
                claims["scope"] = json!("operator");
                let event = request(route, OTHER, &id, Some(&caller_with(claims)));
                let answer = world.check(event);
                assert!(!matches!(answer.status, 401 | 403 | 404), "{} by {name}: {answer:?}", route.key());
            }
        }
    });
}

/// An agency covers the sub-accounts whose stored profile names it, and no others.
#[test]
fn an_agency_covers_its_own() {
    in_a_world(|world| {
        let id = id_of_other(world);
        let read = |claims: Value| request(Route::ReadPurchase, OTHER, &id, Some(&caller_with(claims)));
        let of_agency = || read(json!({"agency": "Agency_1", "scope": BOTH_SCOPES}));
        assert_eq!(refused_by_check(world, "before there is a profile", of_agency()).status, 404);
        world.put_profile(OTHER, "Agency_1");
        assert_eq!(world.check(of_agency()).status, 200);
        for claims in [
            json!({"agency": "agency_1", "scope": BOTH_SCOPES}),
            json!({"agency": "Agency_2", "scope": BOTH_SCOPES}),
            json!({"agency": "[Agency_1]", "scope": BOTH_SCOPES}),
            json!({"agency": ["Agency_1"], "scope": BOTH_SCOPES}),
            json!({"agency": "*", "scope": BOTH_SCOPES}),
            json!({"agency": "", "scope": BOTH_SCOPES}),
            json!({"sub_account": "Agency_1", "scope": BOTH_SCOPES}),
        ] {
            assert_eq!(refused_by_check(world, &claims.to_string(), read(claims.clone())).status, 404, "{claims}");
        }
    });
}
