//! Searches of the carrier's stock that cannot be understood, or are not allowed: refused, and the carrier not asked.

use serde_json::{Value, json};
use tests::events::{Caller, search_event};

use crate::probe::{OWN, in_a_world, refused_by_search};

/// Queries that are refused, with what the refusal names.
const REFUSED: [(&str, &str); 52] = [
    ("", "country"),
    ("type=local", "country"),
    ("country", "country"),
    ("country=", "country"),
    ("country=us", "country"),
    ("country=USA", "country"),
    ("country=U", "country"),
    ("country=U1", "country"),
    ("country=%C3%89S", "country"),
    ("country=%FF%FE", "country"),
    ("country=US%20", "country"),
    ("country=US+", "country"),
    ("country=%2B1", "country"),
    ("country=../US", "country"),
    ("Country=US", "none of"),
    ("country=US&colour=red", "none of"),
    ("country=US&areaCode=212", "none of"),
    ("country=US&area_code%20=212", "none of"),
    ("country=US&=", "none of"),
    ("country=US&PageSize=1000", "none of"),
    ("country=US&cursor=1", "none of"),
    ("country=US;type=local", "country"),
    ("country=US&country=US", "repeated"),
    ("country=US&country=CA", "repeated"),
    ("country=US&type=local&type=mobile", "repeated"),
    ("country=US&area_code=212&area_code=415", "repeated"),
    ("country=US&type=", "type"),
    ("country=US&type=Local", "type"),
    ("country=US&type=TollFree", "type"),
    ("country=US&type=toll-free", "type"),
    ("country=US&type=national", "type"),
    ("country=US&area_code=", "area_code"),
    ("country=US&area_code=21", "area_code"),
    ("country=US&area_code=2122", "area_code"),
    ("country=US&area_code=112", "area_code"),
    ("country=US&area_code=012", "area_code"),
    ("country=US&area_code=2a2", "area_code"),
    ("country=US&area_code=%2B1212", "area_code"),
    ("country=US&area_code=%EF%BC%92%EF%BC%91%EF%BC%92", "area_code"),
    ("country=GB&area_code=207", "area_code"),
    ("country=XX&area_code=212", "area_code"),
    ("country=US&contains=", "contains"),
    ("country=US&contains=1", "contains"),
    ("country=US&contains=12345678901234567", "contains"),
    ("country=US&contains=12%2034", "contains"),
    ("country=US&contains=%2B1212", "contains"),
    ("country=US&contains=1*2", "contains"),
    ("country=US&contains=12%26PageSize%3D1000", "contains"),
    ("country=US&limit=0", "limit"),
    ("country=US&limit=51", "limit"),
    ("country=US&limit=%2B5", "limit"),
    ("country=US&limit=99999999999999999999", "limit"),
];

#[test]
fn what_cannot_be_searched_for() {
    let caller = Caller::sub_account(OWN);
    in_a_world(|world| {
        for (query, named) in REFUSED {
            let answer = refused_by_search(world, query, search_event(Some(&caller), query));
            assert_eq!((answer.status, answer.problem()), (400, "invalid-request"), "{query}");
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(named), "{query}: {detail}");
        }
        // A query that is no part of an address is refused before it is read.
        for query in ["country=US&contains=a b", "country=US\ncountry=CA", "country=\u{0}"] {
            let answer = refused_by_search(world, query, search_event(Some(&caller), query));
            assert_eq!(answer.status, 400, "{query:?}");
        }
        for right in ["country=US", "country=PR&area_code=787&limit=50", "%63ountry=US&type=toll_free&contains=**12"] {
            assert_eq!(world.search(search_event(Some(&caller), right)).status, 200, "{right}");
        }
        assert_eq!(world.carrier.searches().len(), 3);
    });
}

/// No refusal repeats what was sent: it may be anything.
#[test]
fn a_refusal_does_not_repeat_the_query() {
    let caller = Caller::sub_account(OWN);
    in_a_world(|world| {
        for query in ["canary7=1&country=US", "country=canary7", "country=US&type=canary7", "country=US&limit=canary7"]
        {
            let answer = refused_by_search(world, query, search_event(Some(&caller), query));
            assert!(!answer.body.to_string().contains("canary7"), "{answer:?}");
        }
    });
}

#[test]
fn a_search_needs_a_token_with_the_scope_to_read() {
    in_a_world(|world| {
        let answer = refused_by_search(world, "no token", search_event(None, "country=US"));
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"));
        for scope in
            [json!("purchases:write"), json!(""), json!("purchases:readx"), json!(["purchases:read"]), Value::Null]
        {
            let caller = Caller { claims: json!({"sub_account": OWN, "scope": scope}) };
            let answer = refused_by_search(world, "another scope", search_event(Some(&caller), "country=US"));
            assert_eq!((answer.status, answer.problem()), (403, "insufficient-scope"), "{scope}");
        }
        // Whoever may not search does not learn whether the query was right either.
        let answer = refused_by_search(world, "a wrong query without a token", search_event(None, "country=1"));
        assert_eq!(answer.status, 401);
        for claims in [json!({"scope": "purchases:read"}), json!({"agency": "a-1", "scope": "openid purchases:read"})] {
            let event = search_event(Some(&Caller { claims }), "country=US");
            assert_eq!(world.search(event).status, 200, "the stock belongs to nobody");
        }
    });
}
