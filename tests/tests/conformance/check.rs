//! Compares a request and an answer with the table.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::Value;

use crate::recorder::Exchange;
use crate::table::{Operation, Table, Type};

/// The media type of a request's body.
const FORM: &str = "application/x-www-form-urlencoded";

/// The name of a limit that was reached.
const REACHED: HeaderName = HeaderName::from_static("twilio-reached-rate-limit");

/// What is wrong with a request; nothing, if all is well.
pub(crate) fn request(table: &Table, exchange: &Exchange) -> Vec<String> {
    let (operation, places) = match table.find(&exchange.method, &exchange.path) {
        Ok(found) => found,
        Err(wrong) => return vec![wrong],
    };
    let mut wrong = Vec::new();
    for (name, value) in &places {
        if let Some(text) = operation.path.get(name) {
            wrong.extend(parameter(name, value, &Type::read(text)));
        }
    }
    let (query, form) = (pairs(&exchange.query), pairs(&exchange.form));
    wrong.extend(parameters(table, &query, &operation.query));
    wrong.extend(parameters(table, &form, &operation.form));
    let one_of =
        table.exactly_one_of.iter().filter(|(method, at, _)| *method == operation.method && *at == operation.at);
    for (_, _, names) in one_of {
        let given = form.iter().filter(|(name, _)| names.contains(name)).count();
        if given != 1 {
            wrong.push(format!("{given} of {names:?} are given, and not one"));
        }
    }
    if exchange.method == "POST" && text(&exchange.headers, &CONTENT_TYPE) != FORM {
        wrong.push(format!("the body is not {FORM}"));
    }
    if exchange.method != "POST" && !exchange.form.is_empty() {
        wrong.push(format!("a {} has a body", exchange.method));
    }
    if !is_basic(text(&exchange.headers, &AUTHORIZATION)) {
        wrong.push("no account or key authenticates it".to_owned());
    }
    wrong
}

/// Names and values of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://twilio/?{text}")).expect("a query can be read");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn parameters(
    table: &Table,
    given: &[(String, String)],
    known: &std::collections::BTreeMap<String, String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, (name, value)) in given.iter().enumerate() {
        let Some(kind) = known.get(name) else {
            wrong.push(format!("{name} is no parameter here"));
            continue;
        };
        if given[..index].iter().any(|(earlier, _)| earlier == name) {
            wrong.push(format!("{name} is given twice"));
        }
        wrong.extend(parameter(name, value, &Type::read(kind)));
        if let Some((shortest, longest)) = table.lengths.get(name) {
            let length = value.chars().count();
            if length < *shortest || length > *longest {
                wrong.push(format!("{name} has {length} characters, and not {shortest} to {longest}"));
            }
        }
    }
    for (name, kind) in known {
        if Type::read(kind).required && !given.iter().any(|(other, _)| other == name) {
            wrong.push(format!("{name} is missing"));
        }
    }
    wrong
}

/// What is wrong with a parameter's value.
fn parameter(name: &str, value: &str, kind: &Type) -> Option<String> {
    let fits = match kind.name.as_str() {
        "boolean" => matches!(value, "true" | "false"),
        "number" | "number as text" => value.parse::<f64>().is_ok(),
        // The one parameter of this kind that we give is a JSON object of texts.
        "any" => serde_json::from_str::<std::collections::BTreeMap<String, String>>(value).is_ok(),
        other => match other.strip_prefix("integer") {
            Some(range) => value.parse::<i64>().is_ok_and(|number| in_range(number, range)),
            None => is_text_of(value, other),
        },
    };
    (!fits).then(|| format!("{name} is {value}, and not {}", kind.name))
}

/// `1..1000`, `0..` or nothing.
fn in_range(number: i64, range: &str) -> bool {
    let Some((from, to)) = range.trim().split_once("..") else { return true };
    let limit = |text: &str| text.parse::<i64>().ok();
    limit(from).is_none_or(|from| number >= from) && limit(to).is_none_or(|to| number <= to)
}

/// Is a text one of this kind?
fn is_text_of(value: &str, kind: &str) -> bool {
    let shape = |pattern: &str| {
        value.len() == pattern.len()
            && value.chars().zip(pattern.chars()).all(|(character, wanted)| match wanted {
                '0' => character.is_ascii_digit(),
                'A' => character.is_ascii_uppercase(),
                'a' => character.is_ascii_lowercase(),
                _ => character == wanted,
            })
    };
    if let Some(prefix) = kind.strip_prefix("sid ") {
        let digits = value.strip_prefix(prefix).unwrap_or_default();
        return digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    }
    if let Some(names) = kind.strip_prefix("one of ") {
        return names.split(' ').any(|name| name == value);
    }
    match kind {
        "text" => !value.is_empty(),
        "address" => value.starts_with("/2010-04-01/") || value.starts_with("http://") || value.starts_with("https://"),
        "country" => shape("AA"),
        "date" => shape("Aaa, 00 Aaa 0000 00:00:00 +0000"),
        "instant" => shape("0000-00-00T00:00:00Z") || shape("0000-00-00T00:00:00.000Z"),
        "phone number" => {
            value.len() >= 3
                && value.chars().all(|character| character.is_ascii_digit() || "+*() -".contains(character))
        }
        other => panic!("the table has a kind {other}"),
    }
}

fn is_basic(header: &str) -> bool {
    let decoded = header.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    decoded
        .split_once(':')
        .is_some_and(|(name, secret)| (is_text_of(name, "sid AC") || is_text_of(name, "sid SK")) && !secret.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What is wrong with an answer; nothing, if all is well.
pub(crate) fn answer(table: &Table, exchange: &Exchange) -> Vec<String> {
    let status = exchange.status;
    if status >= 400 {
        return error(table, exchange);
    }
    let operation = match table.find(&exchange.method, &exchange.path) {
        Ok((operation, _)) => operation,
        Err(wrong) => return vec![wrong],
    };
    let Some(schema) = operation.answers.get(&status.to_string()) else {
        return vec![format!("{status} is no status of it")];
    };
    if schema == "nothing" {
        return if exchange.answer.is_empty() { Vec::new() } else { vec!["a body where none is".to_owned()] };
    }
    match json(exchange) {
        Ok(body) => object(table, schema, schema, &body),
        Err(wrong) => vec![wrong],
    }
}

/// The body of an answer, which must be JSON and say so.
pub(crate) fn json(exchange: &Exchange) -> Result<Value, String> {
    if text(&exchange.answer_headers, &CONTENT_TYPE) != "application/json" {
        return Err("the answer does not say that it is JSON".to_owned());
    }
    serde_json::from_slice(&exchange.answer).map_err(|_| "the answer is not JSON".to_owned())
}

fn error(table: &Table, exchange: &Exchange) -> Vec<String> {
    let body = match json(exchange) {
        Ok(body) => body,
        Err(wrong) => return vec![wrong],
    };
    let mut wrong = object(table, "error", "error", &body);
    let (code, status) = (body["code"].as_u64().unwrap_or_default(), exchange.status);
    if body["status"] != status {
        wrong.push(format!("the status is {status}, and in the body {}", body["status"]));
    }
    if body["more_info"] != format!("https://www.twilio.com/docs/errors/{code}") {
        wrong.push(format!("{} does not explain {code}", body["more_info"]));
    }
    match table.errors().get(&code) {
        Some(known) if *known == status => {}
        Some(known) => wrong.push(format!("{code} comes with {known}, and not with {status}")),
        None => wrong.push(format!("{code} is no code of the table")),
    }
    if status == 401 && text(&exchange.answer_headers, &WWW_AUTHENTICATE).is_empty() {
        wrong.push("401 does not say how to authenticate".to_owned());
    }
    let start = exchange.method == "POST" && exchange.path.ends_with("/Verifications");
    if start && code == 20_429 {
        if text(&exchange.answer_headers, &RETRY_AFTER).parse::<u32>().is_err() {
            wrong.push("a limit that was reached does not say when to come back".to_owned());
        }
        if text(&exchange.answer_headers, &REACHED).is_empty() {
            wrong.push("a limit that was reached does not say its name".to_owned());
        }
    }
    wrong
}

/// What is wrong with an object of this schema; `at` says where it is.
fn object(table: &Table, schema: &str, at: &str, value: &Value) -> Vec<String> {
    let Some(fields) = value.as_object() else { return vec![format!("{at} is no object")] };
    let known = table.fields(schema);
    // A package of a lookup that failed says its error's code, and nothing else.
    let failed = fields.get("error_code").is_some_and(|code| !code.is_null());
    let mut wrong = Vec::new();
    for (field, kind) in &known {
        let at = format!("{at}.{field}");
        match fields.get(field) {
            None if kind.may_be_absent => {}
            None => wrong.push(format!("{at} is missing")),
            Some(Value::Null) if kind.nullable || failed => {}
            Some(value) => wrong.extend(member(table, kind, &at, value)),
        }
    }
    let unknown = fields.keys().filter(|field| !known.contains_key(*field));
    wrong.extend(unknown.map(|field| format!("{at}.{field} is no field of {schema}")));
    wrong
}

fn member(table: &Table, kind: &Type, at: &str, value: &Value) -> Vec<String> {
    if let Some(schema) = kind.schema() {
        return object(table, schema, at, value);
    }
    if let Some(inner) = kind.list() {
        let Some(items) = value.as_array() else { return vec![format!("{at} is no list")] };
        let inner = Type::read(inner);
        let each = items.iter().enumerate();
        return each.flat_map(|(index, item)| member(table, &inner, &format!("{at}[{index}]"), item)).collect();
    }
    let fits = match kind.name.as_str() {
        "any" => !value.is_null() || kind.nullable,
        "object" => value.is_object(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number as text" => value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        "number" => value.is_number(),
        // Texts that say nothing are empty: what a text must be, its own kind says.
        "text" => value.is_string(),
        other => value.as_str().is_some_and(|text| is_text_of(text, other) || (text.is_empty() && kind.may_be_empty)),
    };
    if fits { Vec::new() } else { vec![format!("{at} is {value}, and not {}", kind.name)] }
}

/// What an operation answers when it succeeds.
pub(crate) fn successes(operation: &Operation) -> impl Iterator<Item = u16> {
    operation.answers.keys().filter_map(|status| status.parse().ok()).filter(|status| *status < 400)
}
