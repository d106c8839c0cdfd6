//! Requests and answers that are wrong, made of right ones: the comparison must find fault with each.

use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::check;
use crate::recorder::Exchange;
use crate::table::{Table, Type};

/// A wrong exchange, and what was done to it.
pub(crate) struct Mutant {
    pub(crate) what: String,
    pub(crate) exchange: Exchange,
}

/// Requests that are wrong.
pub(crate) fn requests(table: &Table, right: &Exchange) -> Vec<Mutant> {
    let (operation, _) = table.find(&right.method, &right.path).expect("the right one is right");
    let mut all = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Exchange)| {
        let mut exchange = right.clone();
        change(&mut exchange);
        all.push(Mutant { what, exchange });
    };
    add("another method".to_owned(), &|exchange| exchange.method = "PUT".to_owned());
    add("a longer path".to_owned(), &|exchange| exchange.path.push_str("/more"));
    add("no credential".to_owned(), &|exchange| {
        exchange.headers.remove(AUTHORIZATION);
    });
    add("a token".to_owned(), &|exchange| {
        exchange.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer token"));
    });
    for at_form in [false, true] {
        let known = if at_form { &operation.form } else { &operation.query };
        let given = check::pairs(if at_form { &right.form } else { &right.query });
        let with = |pairs: &[(String, String)]| {
            let text = encode(pairs);
            move |exchange: &mut Exchange| {
                *(if at_form { &mut exchange.form } else { &mut exchange.query }) = text.clone();
            }
        };
        let mut more = given.clone();
        more.push(("Unknown".to_owned(), "1".to_owned()));
        add("an unknown parameter".to_owned(), &with(&more));
        for (index, (name, _)) in given.iter().enumerate() {
            let change = |name: Option<String>, value: Option<&str>| {
                let mut changed = given.clone();
                changed[index].0 = name.unwrap_or_else(|| changed[index].0.clone());
                changed[index].1 = value.map_or_else(|| changed[index].1.clone(), str::to_owned);
                changed
            };
            add(format!("{name} in small letters"), &with(&change(Some(name.to_lowercase()), None)));
            add(format!("{name} is empty"), &with(&change(None, Some(""))));
            let kind = Type::read(&known[name]);
            if kind.name != "text" {
                add(format!("{name} is nonsense"), &with(&change(None, Some("§"))));
            }
            if let Some((_, longest)) = table.lengths.get(name) {
                add(format!("{name} is too long"), &with(&change(None, Some(&"1".repeat(longest + 1)))));
            }
            if kind.name.contains("..1000") {
                add(format!("{name} is too large"), &with(&change(None, Some("1001"))));
            }
            let mut twice = given.clone();
            twice.push(given[index].clone());
            add(format!("{name} twice"), &with(&twice));
            let only = table
                .exactly_one_of
                .iter()
                .any(|(method, at, names)| *method == operation.method && *at == operation.at && names.contains(name));
            if kind.required || only {
                let mut fewer = given.clone();
                fewer.remove(index);
                add(format!("no {name}"), &with(&fewer));
            }
        }
    }
    if right.method == "POST" {
        add("JSON".to_owned(), &|exchange| {
            exchange.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        });
    } else {
        add("a body".to_owned(), &|exchange| exchange.form = "FriendlyName=x".to_owned());
    }
    all
}

fn encode(pairs: &[(String, String)]) -> String {
    let mut url = reqwest::Url::parse("http://twilio/").expect("an address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// Answers that are wrong.
pub(crate) fn answers(table: &Table, right: &Exchange) -> Vec<Mutant> {
    let mut all = Vec::new();
    let mut add = |what: String, exchange: Exchange| all.push(Mutant { what, exchange });
    let undocumented = if right.status < 400 { 299 } else { 418 };
    add("another status".to_owned(), Exchange { status: undocumented, ..right.clone() });
    let Ok(body) = check::json(right) else {
        add("a body".to_owned(), Exchange { answer: b"{}".to_vec(), ..right.clone() });
        return all;
    };
    let mut html = right.clone();
    html.answer_headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    add("a page".to_owned(), html);
    add("half of it".to_owned(), Exchange { answer: right.answer[..right.answer.len() / 2].to_vec(), ..right.clone() });
    let schema = if right.status >= 400 {
        "error".to_owned()
    } else {
        let (operation, _) = table.find(&right.method, &right.path).expect("the right one is right");
        operation.answers[&right.status.to_string()].clone()
    };
    for (what, changed) in objects(table, &schema, &body) {
        add(what, Exchange { answer: changed.to_string().into_bytes(), ..right.clone() });
    }
    all
}

/// An object with one thing wrong in it, each thing once; of a list its first member.
fn objects(table: &Table, schema: &str, right: &Value) -> Vec<(String, Value)> {
    let failed = right.get("error_code").is_some_and(|code| !code.is_null());
    let mut all = Vec::new();
    let mut surprised = right.clone();
    surprised["surprise"] = json!(1);
    all.push((format!("more in {schema}"), surprised));
    for (field, kind) in table.fields(schema) {
        let Some(value) = right.get(&field) else { continue };
        let mut with = |what: &str, value: Value| {
            let mut changed = right.clone();
            changed[&field] = value;
            all.push((format!("{schema}.{field} {what}"), changed));
        };
        if !(kind.nullable || failed) {
            with("is null", Value::Null);
        }
        if kind.name != "any" {
            with("is another type", if value.is_object() { json!("text") } else { json!({"wrong": true}) });
        }
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            match kind.name.as_str() {
                "text" => {}
                "date" => with("is an instant", json!("2026-11-25T00:00:00Z")),
                "instant" => with("is a date", json!("Thu, 30 Jul 2015 20:12:31 +0000")),
                other if other.starts_with("sid ") => with("is another id", json!(format!("XX{}", &text[2..]))),
                _ => with("is nonsense", json!("§")),
            }
        }
        if let Some(inner) = kind.schema().filter(|_| value.is_object()) {
            let changed: Vec<_> = objects(table, inner, value);
            for (what, value) in changed {
                with(&what, value);
            }
        }
        let inner = kind.list().map(Type::read);
        let first = value.as_array().and_then(|items| items.first());
        if let (Some(inner), Some(first)) = (inner.as_ref().and_then(Type::schema), first) {
            for (what, value) in objects(table, inner, first) {
                with(&what, json!([value]));
            }
        }
        if !kind.may_be_absent {
            let mut fewer = right.clone();
            fewer.as_object_mut().expect("is an object").remove(&field);
            all.push((format!("{schema} without {field}"), fewer));
        }
    }
    all
}
