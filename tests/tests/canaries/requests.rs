//! What is sent: Persona's events with all that it may know, and requests with markers in whatever a route does not ask
//! for.

use serde_json::{Value, json};
use tests::events::{Caller, http_event};
use tests::world::TEMPLATE;

use crate::markers::{MARKERS, PASSCODE, fields, marker, members};

/// An event of Persona with everything that it may know, in the form of both generations at once.
pub(crate) fn delivery(name: &str, status: &str, inquiry: &str, at: &str) -> Value {
    let mut attributes = members();
    attributes.insert("status".to_owned(), json!(status));
    attributes.insert("fields".to_owned(), fields());
    attributes.insert("behaviors".to_owned(), Value::Object(members()));
    // An id of its own for each status, which tells nothing of it: ids are logged.
    let number = status.bytes().fold(0_u64, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)));
    json!({"data": {"type": "event", "id": format!("evt_{inquiry}_{number}").replace('.', "_"), "attributes": {
        "name": name,
        "created-at": at,
        "context": members(),
        "payload": {
            "data": {
                "type": "inquiry", "id": inquiry, "attributes": attributes,
                "relationships": {
                    "inquiry-template": {"data": {"type": "inquiry-template", "id": TEMPLATE}},
                    "account": {"data": {"type": "account", "id": marker("account-reference")}},
                },
            },
            "included": [{"type": "inquiry-session", "id": "iqse_1", "attributes": members()}, fields()],
        },
    }}})
}

/// Requests for a route: with every body, with strange ids, and without a right token; markers in whatever it does not
/// ask for.
pub(crate) fn requests(route: &str, scope: &str, round: usize, thorough: bool) -> Vec<Value> {
    let mut claims = members();
    claims.insert("sub_account".to_owned(), json!("loc_1"));
    claims.insert("agency".to_owned(), json!("loc_1"));
    claims.insert("scope".to_owned(), json!(scope));
    let caller = Caller { claims: Value::Object(claims) };
    let mut requests = Vec::new();
    for (number, body) in bodies(thorough).into_iter().enumerate() {
        let key = format!("key-{round}-{number}");
        requests.push(request(route, "loc_1", &key, Some(&caller), &body));
    }
    let body = Value::Object(members()).to_string();
    requests.push(request(route, "loc_1", marker("name-first"), Some(&caller), &body));
    // An operator's scope covers every sub-account: whatever it names is a name.
    if scope != "operator" {
        requests.push(request(route, marker("name-last"), "key", Some(&caller), &body));
    }
    requests.push(request(route, marker("address-street-1"), "key", Some(&caller), &body));
    // Asked as it should be, so that the whole answer is seen; operators also about somebody for whom nothing waits.
    let ids: &[&str] = if scope == "operator" { &["loc_1", WITHOUT_WAITERS] } else { &["loc_1"] };
    for (number, id) in ids.iter().enumerate() {
        for body in [json!({"reason": "asked for"}), json!({"action": "retry", "reason": "asked for"})] {
            let mut plain = request(route, id, &format!("plain-{round}-{number}"), Some(&caller), &body.to_string());
            plain["rawQueryString"] = json!("");
            requests.push(plain);
        }
    }
    requests.push(request(route, "loc_1", "key", None, &body));
    requests
}

fn request(route: &str, id: &str, key: &str, caller: Option<&Caller>, body: &str) -> Value {
    let parameters: Vec<(&str, &str)> = route
        .split(['{', '}'])
        .skip(1)
        .step_by(2)
        .map(|name| (name, if name == "id" { PURCHASE } else { id }))
        .collect();
    let headers = [
        ("Idempotency-Key", key),
        ("Authorization", marker("bearer-token")),
        ("Cookie", marker("cookie")),
        ("User-Agent", marker("user-agent")),
        ("X-Forwarded-For", marker("ip-address")),
        ("Referer", marker("redirect-status")),
        ("If-None-Match", marker("tag")),
    ];
    let mut event = http_event(route, &parameters, &headers, caller, body);
    event["rawQueryString"] = json!(format!("fields={}&status={}", marker("query-fields"), marker("redirect-status")));
    event["requestContext"]["http"]["userAgent"] = json!(marker("user-agent"));
    event["requestContext"]["http"]["sourceIp"] = json!(marker("ip-address"));
    event["cookies"] = json!([marker("cookie")]);
    event
}

/// A sub-account for which nothing waits, and which has a purchase that is held.
pub(crate) const WITHOUT_WAITERS: &str = "loc_named";

/// The id of that purchase, and of none of the others'.
pub(crate) const PURCHASE: &str = "pur_00000000000000000000000000000000";

/// Bodies that some route understands; if wanted, each also with markers in it that none does, and bodies that none
/// understands.
fn bodies(thorough: bool) -> Vec<String> {
    let understood = [
        json!({"kind": "number", "phone_number": "+12125550100"}),
        json!({"kind": "number", "phone_number": "+18765550100"}),
        json!({"kind": "number_pool", "phone_numbers": ["+12125550101", "+12125550102"]}),
        json!({"agency": "agency_1"}),
        json!({"action": "phone_number_purchase", "phone_number": "+12125550100"}),
        json!({"action": "approve", "reason": "the papers were seen"}),
        json!({"action": "revoke", "reason": "the papers were wrong"}),
        json!({"action": "reset_attempts", "reason": "asked for"}),
        json!({"action": "retry", "reason": "asked for"}),
        json!({"purchases": "on", "reason": "all is well"}),
        json!({"action": "cnam_registration"}),
        json!({"reason": "asked for"}),
        json!({"phone_number": "+12125550100", "channel": "sms"}),
        json!({"code": PASSCODE}),
        json!({"code": "000000"}),
    ];
    if !thorough {
        return understood.iter().map(Value::to_string).collect();
    }
    let with_more = understood.clone().into_iter().map(|mut body| {
        body.as_object_mut().expect("an object").extend(members());
        body
    });
    let listed = json!(MARKERS.iter().map(|(_, value)| value).collect::<Vec<_>>());
    let misplaced = MARKERS
        .iter()
        .step_by(7)
        .map(|(_, value)| json!({"kind": value, "phone_number": value, "code": value, "action": value}));
    let texts =
        understood.iter().cloned().chain(with_more).chain(misplaced).chain([listed]).map(|body| body.to_string());
    texts.chain([String::new(), format!("{{\"{}\":", marker("ocr-text")), marker("note").to_owned()]).collect()
}
