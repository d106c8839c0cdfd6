//! Bodies of a request for a number.

use serde_json::json;

use crate::probe::{NUMBER, asking_with, in_a_world, refused_by_check, right_body};

/// Largest body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

fn many_numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("+1415555{number:04}")).collect()
}

#[test]
fn what_cannot_be_understood() {
    let right = right_body();
    let bodies = [
        ("nothing", String::new()),
        ("spaces", "  \n".to_owned()),
        ("no JSON", "phone_number=%2B14155550100".to_owned()),
        ("half a JSON", right[..right.len() - 1].to_owned()),
        ("an object, then another", format!("{right}{right}")),
        ("an object, then text", format!("{right} and so on")),
        ("a byte order mark", format!("\u{feff}{right}")),
        ("null", "null".to_owned()),
        ("a text", json!(right).to_string()),
        ("a number", "4".to_owned()),
        ("an array", format!("[{right}]")),
        ("an array in the order of the fields", json!(["number", NUMBER]).to_string()),
        ("an empty object", "{}".to_owned()),
        ("an unknown field", json!({"kind": "number", "phone_number": NUMBER, "note": "x"}).to_string()),
        ("a field of the answer", json!({"kind": "number", "phone_number": NUMBER, "state": "completed"}).to_string()),
        ("a field in another case", json!({"Kind": "number", "phone_number": NUMBER}).to_string()),
        ("a field in camel case", json!({"kind": "number", "phoneNumber": NUMBER}).to_string()),
        ("no kind", json!({"phone_number": NUMBER}).to_string()),
        ("a kind that is null", json!({"kind": null, "phone_number": NUMBER}).to_string()),
        ("a kind that is no text", json!({"kind": 1, "phone_number": NUMBER}).to_string()),
        ("an unknown kind", json!({"kind": "Number", "phone_number": NUMBER}).to_string()),
        ("a pool with one number", json!({"kind": "number_pool", "phone_number": NUMBER}).to_string()),
        ("a number with a pool", json!({"kind": "number", "phone_numbers": [NUMBER]}).to_string()),
        ("both", json!({"kind": "number", "phone_number": NUMBER, "phone_numbers": [NUMBER]}).to_string()),
        (
            "a number that is fulfilled",
            json!({"kind": "number", "phone_number": NUMBER, "fulfilment": "best_effort"}).to_string(),
        ),
        ("an empty pool", json!({"kind": "number_pool", "phone_numbers": []}).to_string()),
        ("a pool with a number twice", json!({"kind": "number_pool", "phone_numbers": [NUMBER, NUMBER]}).to_string()),
        ("a pool of 101", json!({"kind": "number_pool", "phone_numbers": many_numbers(101)}).to_string()),
        (
            "an unknown fulfilment",
            json!({"kind": "number_pool", "phone_numbers": [NUMBER], "fulfilment": "some"}).to_string(),
        ),
        ("no number", json!({"kind": "number"}).to_string()),
        ("a number that is null", json!({"kind": "number", "phone_number": null}).to_string()),
        ("a number that is a number", json!({"kind": "number", "phone_number": 14_155_550_100_u64}).to_string()),
        ("a number in an array", json!({"kind": "number", "phone_number": [NUMBER]}).to_string()),
        ("a number that is an object", json!({"kind": "number", "phone_number": {"e164": NUMBER}}).to_string()),
        ("an unknown way out", json!({"kind": "number", "phone_number": NUMBER, "if_unavailable": "any"}).to_string()),
        (
            "if_unavailable that is null",
            json!({"kind": "number", "phone_number": NUMBER, "if_unavailable": null}).to_string(),
        ),
        ("a field twice", format!(r#"{{"kind":"number","phone_number":"{NUMBER}","phone_number":"+14155550101"}}"#)),
        ("the same field twice", format!(r#"{{"kind":"number","kind":"number","phone_number":"{NUMBER}"}}"#)),
        ("half a surrogate", r#"{"kind":"number","phone_number":"\ud83d"}"#.to_owned()),
        ("a comma too many", format!(r#"{{"kind":"number","phone_number":"{NUMBER}",}}"#)),
        ("a thousand brackets", "[".repeat(1000)),
        ("a number too large for any machine", r#"{"kind":1e999}"#.to_owned()),
        ("one byte over 16 KB", format!("{right}{}", " ".repeat(BODY_BYTES_MAX + 1 - right.len()))),
    ];
    in_a_world(|world| {
        for (name, body) in &bodies {
            let answer = refused_by_check(world, name, asking_with(body));
            assert_eq!((answer.status, answer.problem()), (400, "invalid-request"), "{name}");
        }
        // Nothing of the above has used up the key, and the largest body is read.
        let largest = format!("{right}{}", " ".repeat(BODY_BYTES_MAX - right.len()));
        assert_eq!(world.check(asking_with(&largest)).status, 202);
    });
}

#[test]
fn numbers_that_are_not_in_e164_form() {
    let numbers = [
        "",
        "+",
        "4155550100",
        "14155550100",
        "0014155550100",
        "011442079460123",
        "+1 415 555 0100",
        "+1-415-555-0100",
        "+1 (415) 555-0100",
        "tel:+14155550100",
        "+14155550100;ext=1",
        " +14155550100",
        "+14155550100 ",
        "+14155550100\n",
        "+1415555010",
        "+141555501000",
        "+10155550100",
        "+11155550100",
        "+14150550100",
        "+14151550100",
        "+0",
        "+04155550100",
        "+290123",
        "+1234567890123456",
        "++14155550100",
        "+-14155550100",
        "＋14155550100",
        "+１４１５５５５０１００",
        "+1415555010o",
        "+1415FLOWERS",
        "+1415555\u{0}0100",
        "+1415555010\u{660}",
    ];
    in_a_world(|world| {
        for number in numbers {
            let body = json!({"kind": "number", "phone_number": number}).to_string();
            let answer = refused_by_check(world, number, asking_with(&body));
            assert_eq!((answer.status, answer.problem()), (400, "invalid-phone-number"), "{number}");
            if number.len() > 3 {
                let detail = answer.body["detail"].as_str().unwrap_or_default();
                assert!(!detail.contains(number), "{number} is repeated: {detail}");
            }
        }
    });
}
