//! The edge of the HTTP functions: an event of an HTTP API (payload format 2.0) becomes a request that can be trusted
//! in form, and an answer becomes what the API expects.
//!
//! `lambda_http` panics on some events before a handler runs: broken base64, a malformed `Host`, an overlong path
//! (seen with 1.3.2). Those are the caller's fault, so they are refused here first, and the conversion itself runs
//! under `catch_unwind`. Ids come from the gateway's path parameters, never from the URI, which the gateway and
//! `http::Uri` normalise differently.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{AgencyId, IdempotencyKey, OperatorName, SubAccountId};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode, uri::Authority};
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::problem::{Problem, ProblemType};

/// Longest path, in bytes. API Gateway's own limit for the request line with headers is 10,240.
const PATH_BYTES_MAX: usize = 8 * 1024;

/// What a route sees of a request.
#[derive(Debug)]
pub struct HttpRequest {
    /// The route that the gateway matched, as `POST /v1/…/{sub}/…`.
    pub route: String,
    /// The gateway's path parameters.
    pub path: BTreeMap<String, String>,
    /// The query's parameters, decoded, in the order they came.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's bytes, as sent.
    pub body: Vec<u8>,
    /// Who is calling; none where the gateway checked no token.
    pub claims: Option<Claims>,
    /// The address that the request came from, as the gateway saw it.
    pub source_address: Option<IpAddr>,
}

/// What the caller's token says, checked by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// The sub-accounts that it names.
    pub sub_accounts: Vec<SubAccountId>,
    /// The agency that it names.
    pub agency: Option<AgencyId>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Whose token it is (RFC 7519, section 4.1.2), where it says so in a form that can be written down.
    pub subject: Option<OperatorName>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, by lower-case name.
    pub headers: BTreeMap<&'static str, String>,
    /// Its body.
    pub body: String,
}

impl HttpAnswer {
    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let headers =
            BTreeMap::from([("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())]);
        Self { status, headers, body: body.to_string() }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: BTreeMap::new(), body: String::new() }
    }

    /// The answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The answer as the HTTP API expects it (payload format 2.0).
    #[must_use]
    pub fn into_event(self) -> Value {
        json!({
            "statusCode": self.status.as_u16(),
            "headers": self.headers,
            "body": self.body,
            "isBase64Encoded": false,
            // Optional for the gateway; `cargo lambda watch` answers 500 without it.
            "cookies": [],
        })
    }
}

/// Reads an event.
///
/// # Errors
/// A 400 problem for an event of no usable form.
pub fn read(mut event: Value) -> Result<HttpRequest, Problem> {
    guard(&event)?;
    let authorizer = event.get_mut("requestContext").and_then(Value::as_object_mut);
    let claims = authorizer.and_then(|context| context.remove("authorizer")).as_ref().and_then(claims_of);
    let route = route_of(&event);
    let path = event
        .get("pathParameters")
        .and_then(Value::as_object)
        .map(|parameters| {
            let texts = parameters.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            texts.collect()
        })
        .unwrap_or_default();
    let query = event.get("rawQueryString").and_then(Value::as_str).unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let source_address = text_at(&event, &["requestContext", "http", "sourceIp"]);
    let source_address = source_address.and_then(|address| address.parse::<IpAddr>().ok());
    let request = catch_unwind(AssertUnwindSafe(|| {
        // What `lambda_http::request::from_str` does, without a way through text.
        serde_json::from_value(event).map(|event| Request::from(LambdaRequest::ApiGatewayV2(event)))
    }))
    .map_err(|_| malformed("The request is malformed."))?
    .map_err(|_| malformed("The request is malformed."))?;
    let (parts, body) = request.into_parts();
    let body = match body {
        Body::Empty => Vec::new(),
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => return Err(malformed("The request's body is malformed.")),
    };
    Ok(HttpRequest { route, path, query, headers: parts.headers, body, claims, source_address })
}

impl HttpRequest {
    /// The one value of a header. One that is repeated counts as malformed, not as its first value.
    ///
    /// # Errors
    /// A 400 problem when it is repeated or no text.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(malformed(&format!("The header `{name}` is repeated.")));
        }
        first
            .map(HeaderValue::to_str)
            .transpose()
            .map_err(|_| malformed(&format!("The header `{name}` has characters that are not allowed.")))
    }

    /// The query's parameters by name: these, and no others. One that is misspelt or repeated must not be passed over,
    /// as if the caller had not asked for it.
    ///
    /// # Errors
    /// A 400 problem when there is another one, or one is repeated.
    pub fn query_of(&self, names: &[&str]) -> Result<BTreeMap<&str, &str>, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.query {
            if !names.contains(&name.as_str()) {
                let detail = format!("The query has a parameter that is none of: {}.", names.join(", "));
                return Err(malformed(&detail));
            }
            if parameters.insert(name.as_str(), value.as_str()).is_some() {
                return Err(malformed(&format!("The query's parameter `{name}` is repeated.")));
            }
        }
        Ok(parameters)
    }

    /// The header `Idempotency-Key`, which a request that makes something must have.
    ///
    /// # Errors
    /// A 400 problem when it is missing, repeated or malformed.
    pub fn idempotency_key(&self) -> Result<IdempotencyKey, Problem> {
        let problem = |what: &str| {
            let detail = format!(
                "The header Idempotency-Key {what}. Send 1 to 128 printable ASCII characters, and the same ones when \
                 you repeat the request."
            );
            Problem::new(ProblemType::IdempotencyKeyMissing, detail)
        };
        let key = self.header("idempotency-key")?.ok_or_else(|| problem("is missing"))?;
        IdempotencyKey::parse(key).map_err(|error| problem(&error.to_string()))
    }

    /// What the caller's token says, if it may be used for `scope`.
    ///
    /// # Errors
    /// A 401 problem without a token, a 403 problem when it lacks the scope.
    pub fn claims_with(&self, scope: &str) -> Result<&Claims, Problem> {
        let Some(claims) = &self.claims else {
            let detail = "Send a valid token in the Authorization header.";
            return Err(Problem::new(ProblemType::Unauthenticated, detail));
        };
        if !claims.allows(scope) {
            let detail = format!("This needs a token with the scope {scope}.");
            return Err(Problem::new(ProblemType::InsufficientScope, detail));
        }
        Ok(claims)
    }

    /// A path parameter; one that is missing reads as empty and parses as no id.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }
}

impl Claims {
    /// Whether the token may be used for `scope`.
    #[must_use]
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemType::InvalidRequest, detail)
}

/// The text at the end of these names, if there is one. `Value::pointer` copies each name.
fn text_at<'a>(event: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().try_fold(event, |value, name| value.get(*name)).and_then(Value::as_str)
}

fn guard(event: &Value) -> Result<(), Problem> {
    let text = |name: &str| text_at(event, &[name]);
    if !event.is_object() || text_at(event, &["requestContext", "http", "method"]).is_none() {
        return Err(malformed("The event is not one of an HTTP API."));
    }
    if text("rawPath").is_some_and(|path| path.len() > PATH_BYTES_MAX) {
        return Err(malformed("The path is too long."));
    }
    if event.get("isBase64Encoded").and_then(Value::as_bool) == Some(true) {
        let decoded = text("body").map(|body| STANDARD.decode(body));
        if matches!(decoded, Some(Err(_))) {
            return Err(malformed("The body is not valid base64."));
        }
    }
    let Some(headers) = event.get("headers").and_then(Value::as_object) else {
        return Ok(());
    };
    for (name, value) in headers {
        let value = value.as_str().unwrap_or_default();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let right = if is("host") || is("x-forwarded-host") {
            value.parse::<Authority>().is_ok()
        } else if is("x-forwarded-proto") {
            matches!(value, "http" | "https")
        } else {
            !is("x-forwarded-port") || value.parse::<u16>().is_ok()
        };
        if !right {
            return Err(malformed(&format!("The header `{}` is malformed.", name.to_ascii_lowercase())));
        }
    }
    Ok(())
}

/// The route that the gateway matched. `cargo lambda watch` has no routes and says `$default`: then the method and
/// path themselves, which name a route only where it has no parameters.
fn route_of(event: &Value) -> String {
    match event.get("routeKey").and_then(Value::as_str) {
        Some(route) if route != "$default" => route.to_owned(),
        Some(_) | None => {
            let text = |names: &[&str]| text_at(event, names).unwrap_or_default();
            format!("{} {}", text(&["requestContext", "http", "method"]), text(&["rawPath"]))
        }
    }
}

fn claims_of(authorizer: &Value) -> Option<Claims> {
    let claims = authorizer.get("jwt")?.get("claims")?.as_object()?;
    let words = |name: &str| claims.get(name).map(list_claim).unwrap_or_default();
    let scopes = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    let sub_accounts = words("sub_account").iter().map(|id| SubAccountId::parse(id)).collect::<Result<_, _>>();
    Some(Claims {
        // One id that is none makes the whole list suspect: it then names nobody.
        sub_accounts: sub_accounts.unwrap_or_default(),
        agency: claims.get("agency").and_then(Value::as_str).and_then(|id| AgencyId::parse(id).ok()),
        scopes: scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        subject: claims.get("sub").and_then(Value::as_str).and_then(|name| OperatorName::parse(name).ok()),
    })
}

/// A claim that is one id or a list: a bare id, the text `[a b]` (what API Gateway makes of a list), or JSON's array,
/// as a value or as text. Anything else is nobody.
fn list_claim(claim: &Value) -> Vec<String> {
    let strings = |values: &[Value]| {
        let strings: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
        strings.unwrap_or_default()
    };
    match claim {
        Value::Array(values) => strings(values),
        Value::String(text) => match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            None => vec![text.clone()],
            Some(_) if text.contains('"') => {
                serde_json::from_str::<Vec<Value>>(text).map(|values| strings(&values)).unwrap_or_default()
            }
            Some(inner) => inner.split_whitespace().map(str::to_owned).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
