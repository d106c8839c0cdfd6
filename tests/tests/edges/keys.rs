//! The header `Idempotency-Key`.

use serde_json::json;

use crate::probe::{NUMBER, asking, in_a_world, refused_by_check, right_body};

/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 128;

#[test]
fn a_key_must_be_there_and_well_formed() {
    in_a_world(|world| {
        let too_long = "k".repeat(KEY_CHARS_MAX + 1);
        for (name, headers) in [
            ("missing", vec![]),
            ("under another name", vec![("X-Idempotency-Key", "key-1")]),
            ("empty", vec![("Idempotency-Key", "")]),
            ("too long", vec![("Idempotency-Key", too_long.as_str())]),
        ] {
            let answer = refused_by_check(world, name, asking(&headers, &right_body()));
            assert_eq!((answer.status, answer.problem()), (400, "idempotency-key-missing"), "{name}");
        }
        for (name, key) in
            [("outside ASCII", "clé-1"), ("a tab", "key\t1"), ("a line's end", "key-1\n"), ("a zero", "key\u{0}1")]
        {
            let answer = refused_by_check(world, name, asking(&[("Idempotency-Key", key)], &right_body()));
            assert_eq!(answer.status, 400, "{name}");
        }
    });
}

/// HTTP APIs join repeated headers with a comma: then it is one key, and another one than either.
#[test]
fn a_repeated_key_is_a_key_of_its_own() {
    in_a_world(|world| {
        let mut ids = Vec::new();
        for (key, number) in [("a", "+14155550110"), ("b", "+14155550111"), ("a,b", "+14155550112")] {
            let body = json!({"kind": "number", "phone_number": number}).to_string();
            let answer = world.check(asking(&[("Idempotency-Key", key)], &body));
            assert_eq!(answer.status, 202, "{key}");
            ids.push(answer.body["id"].to_string());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    });
}

#[test]
fn every_printable_character_is_allowed() {
    in_a_world(|world| {
        let printable: String = (' '..='~').collect();
        let longest = "k".repeat(KEY_CHARS_MAX);
        for (key, number) in [(printable.trim(), "+14155550110"), (&longest, "+14155550111"), ("a, b", "+14155550112")]
        {
            let body = json!({"kind": "number", "phone_number": number}).to_string();
            assert_eq!(world.check(asking(&[("Idempotency-Key", key)], &body)).status, 202, "{key}");
        }
    });
}

#[test]
fn the_same_key_is_the_same_purchase() {
    in_a_world(|world| {
        let headers = [("Idempotency-Key", "key-1")];
        let first = world.check(asking(&headers, &right_body()));
        assert_eq!(first.status, 202);
        for (name, body) in [
            ("the same", right_body()),
            ("fields in another order", format!(r#"{{"phone_number":"{NUMBER}","kind":"number"}}"#)),
            ("spaces", format!("\n{{ \"kind\" : \"number\" , \"phone_number\" : \"{NUMBER}\" }}\n")),
            ("escapes", format!(r#"{{"\u006bind":"number","phone_number":"\u002b{}"}}"#, &NUMBER[1..])),
            (
                "the default written out",
                format!(r#"{{"kind":"number","phone_number":"{NUMBER}","if_unavailable":"fail"}}"#),
            ),
        ] {
            let again = world.check(asking(&headers, &body));
            assert_eq!(again.status, 200, "{name}: {again:?}");
            assert_eq!(again.body["id"], first.body["id"], "{name}");
            assert_eq!(again.headers["location"], first.headers["location"], "{name}");
        }
        assert_eq!(world.purchases().len(), 2, "one of each sub-account");
    });
}

#[test]
fn the_same_key_with_another_body_is_refused() {
    in_a_world(|world| {
        let headers = [("Idempotency-Key", "key-1")];
        assert_eq!(world.check(asking(&headers, &right_body())).status, 202);
        let other = json!({"kind": "number", "phone_number": "+14155550101"}).to_string();
        let answer = refused_by_check(world, "another number", asking(&headers, &other));
        assert_eq!((answer.status, answer.problem()), (422, "idempotency-key-reused"));
        // Keys differ by case, and belong to their sub-account: the other one's is free here.
        for (key, number) in [("KEY-1", "+14155550102"), ("key-of-other", "+14155550103")] {
            let body = json!({"kind": "number", "phone_number": number}).to_string();
            assert_eq!(world.check(asking(&[("Idempotency-Key", key)], &body)).status, 202, "{key}");
        }
    });
}
