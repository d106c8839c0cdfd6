//! The calls on inquiries and events. Reference pages: docs.withpersona.com/api-reference/inquiries and /events.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Simulator;
use super::body::{Members, document};
use super::errors::ApiError;
use super::filter::Filter;
use super::inflection;
use super::inquiry::{Field, Inquiry, LIFE_AFTER_CREATE_S, LIFE_AFTER_RESUME_S, Lifetimes, Move};
use super::page::Query;
use super::person::SANDBOX_PERSON;
use super::resource::{self, Template};
use super::verification::{Kind, Progress};
use super::wire::Wire;
use super::world::{AccountChoice, Actor, InquiryChange, NewInquiry, World};

type Answer = Result<Response, ApiError>;
type Shared = State<Arc<Simulator>>;
type Parameters = UrlQuery<Vec<(String, String)>>;

/// `POST /inquiries`
pub(super) async fn create(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters, body: Bytes) -> Answer {
    let document = document(&body)?;
    let meta = Members::at(&document, "/meta", "meta");
    let wants_session = meta.boolean("auto-create-inquiry-session")?.unwrap_or(false);
    let wants_link = meta.boolean("auto-create-one-time-link")?.unwrap_or(false);
    let mut world = simulator.world();
    let new = new_inquiry(&document, meta, &world.template)?;
    let id = world.create(new)?.id.clone();
    let mut answer_meta = json!({});
    if wants_link {
        answer_meta = world.one_time_link(&id, None)?;
    }
    if wants_session {
        answer_meta["session-token"] = world.open_session(&id)?.into();
    }
    answer(&world, wire, &Query(query), &id, StatusCode::CREATED, answer_meta)
}

/// `GET /inquiries/{id}`
pub(super) async fn retrieve(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    answer(&simulator.world(), wire, &Query(query), &id, StatusCode::OK, json!({}))
}

/// `GET /inquiries`
pub(super) async fn list(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters) -> Answer {
    let query = Query::including_nothing(query, "on a list")?;
    let filters = query.filters().map(|(name, value)| Filter::parse(&name, value)).collect::<Result<Vec<_>, _>>()?;
    if filters.len() > 1 && filters.iter().any(|filter| matches!(filter, Filter::Note(_))) {
        return Err(ApiError::bad_request("filter[note] must be the only filter"));
    }
    let world = simulator.world();
    let passes = |inquiry: &&Inquiry| filters.iter().all(|filter| filter.passes(inquiry, &world.template));
    let found: Vec<&Inquiry> = world.inquiries().filter(passes).collect();
    let page = query.page("/api/v1/inquiries", &found, |inquiry| &inquiry.id)?;
    let data = page.items.iter().map(|inquiry| inquiry_data(inquiry, &world.template, wire, &query));
    Ok(wire.respond(StatusCode::OK, json!({"data": data.collect::<Vec<_>>(), "links": page.links})))
}

/// `PATCH /inquiries/{id}`: changes note, tags and fields, whatever the status, and tells nobody.
pub(super) async fn update(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: Bytes,
) -> Answer {
    let document = document(&body)?;
    let attributes = Members::at(&document, "/data/attributes", "data.attributes");
    let mut fields = fields(attributes)?;
    fields.retain(|_, field| !field.value.is_null());
    let change = InquiryChange { note: attributes.text("note")?, tags: attributes.texts("tags")?, fields };
    let mut world = simulator.world();
    world.update(&id, change)?;
    answer(&world, wire, &Query(query), &id, StatusCode::OK, json!({}))
}

/// `POST /inquiries/{id}/resume`
pub(super) async fn resume(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: Bytes,
) -> Answer {
    document(&body)?;
    let mut world = simulator.world();
    let token = world.resume(&id)?;
    answer(&world, wire, &Query(query), &id, StatusCode::OK, json!({"session-token": token}))
}

/// `POST /inquiries/{id}/generate-one-time-link`
pub(super) async fn generate_one_time_link(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: Bytes,
) -> Answer {
    let document = document(&body)?;
    let life_s = Members::at(&document, "/meta", "meta").seconds("expires-in-seconds")?;
    let mut world = simulator.world();
    let meta = world.one_time_link(&id, life_s)?;
    answer(&world, wire, &Query(query), &id, StatusCode::OK, meta)
}

/// `POST /inquiries/{id}/approve`
pub(super) async fn approve(shared: Shared, wire: Wire, path: Path<String>, query: Parameters, body: Bytes) -> Answer {
    perform(shared, wire, path, query, &body, Move::Approve)
}

/// `POST /inquiries/{id}/decline`
pub(super) async fn decline(shared: Shared, wire: Wire, path: Path<String>, query: Parameters, body: Bytes) -> Answer {
    perform(shared, wire, path, query, &body, Move::Decline)
}

/// `POST /inquiries/{id}/mark-for-review`
pub(super) async fn mark_for_review(
    shared: Shared,
    wire: Wire,
    path: Path<String>,
    query: Parameters,
    body: Bytes,
) -> Answer {
    perform(shared, wire, path, query, &body, Move::MarkForReview)
}

/// `POST /inquiries/{id}/expire`
pub(super) async fn expire(shared: Shared, wire: Wire, path: Path<String>, query: Parameters, body: Bytes) -> Answer {
    perform(shared, wire, path, query, &body, Move::Expire)
}

/// `DELETE /inquiries/{id}`: redacts.
pub(super) async fn redact(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    let mut world = simulator.world();
    world.redact(&id)?;
    answer(&world, wire, &Query(query), &id, StatusCode::OK, json!({}))
}

/// `POST /inquiries/{id}/perform-simulate-actions` (docs.withpersona.com/integration-testing). Every action is read
/// before the first is performed; a refused one leaves what came before it done.
pub(super) async fn perform_simulate_actions(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: Bytes,
) -> Answer {
    let document = document(&body)?;
    let meta = Members::at(&document, "/meta", "meta");
    let actions = meta.get("simulate-actions").and_then(Value::as_array);
    let actions = actions.ok_or_else(|| meta.missing("simulate-actions"))?;
    let actions = actions.iter().map(SimulateAction::parse).collect::<Result<Vec<_>, _>>()?;
    let mut world = simulator.world();
    world.inquiry(&id)?;
    for action in actions {
        match action {
            SimulateAction::Move(step, actor) => world.perform(&id, step, actor)?,
            SimulateAction::Verification(end) => {
                // The simulated template asks for a government id first and for a selfie once that is passed.
                let has_id = world.inquiry(&id)?.verification_in(Kind::GovernmentId, Progress::Passed).is_some();
                let kind = if has_id { Kind::Selfie } else { Kind::GovernmentId };
                world.simulate_verification(&id, kind, end)?;
            }
        }
    }
    answer(&world, wire, &Query(query), &id, StatusCode::OK, json!({}))
}

/// `GET /events`
pub(super) async fn list_events(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters) -> Answer {
    let query = Query::including_nothing(query, "on a list")?;
    if let Some((name, _)) = query.filters().next() {
        return Err(ApiError::bad_request(format!(
            "filter[{name}] of events is not simulated; its values are not public"
        )));
    }
    let world = simulator.world();
    let events: Vec<_> = world.events().collect();
    let page = query.page("/api/v1/events", &events, |event| &event.id)?;
    let data = page.items.iter().map(|event| query.thinned(event.resource(&world.template, wire, false)));
    Ok(wire.respond(StatusCode::OK, json!({"data": data.collect::<Vec<_>>(), "links": page.links})))
}

/// `GET /events/{id}`
pub(super) async fn retrieve_event(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    let query = Query::including_nothing(query, "on an event")?;
    let world = simulator.world();
    let event = world.events().find(|event| event.id == id);
    let event = event.ok_or_else(|| ApiError::not_found("The event does not exist."))?;
    Ok(wire.respond(StatusCode::OK, json!({"data": query.thinned(event.resource(&world.template, wire, false))})))
}

/// Every other path and method.
pub(super) async fn unknown_route() -> ApiError {
    ApiError::not_found("There is no such route.")
}

fn perform(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: &[u8],
    step: Move,
) -> Answer {
    let document = document(body)?;
    let comment = Members::at(&document, "/meta", "meta").text("comment")?;
    let mut world = simulator.world();
    world.perform(&id, step, Actor::Caller(comment))?;
    answer(&world, wire, &Query(query), &id, StatusCode::OK, json!({}))
}

/// The answer of every call on one inquiry.
fn answer(world: &World, wire: Wire, query: &Query, id: &str, status: StatusCode, meta: Value) -> Answer {
    let inquiry = world.inquiry(id)?;
    let mut body = json!({"data": inquiry_data(inquiry, &world.template, wire, query)});
    let included = match query.get("include") {
        Some(include) => resource::included(inquiry, &world.template, include).map_err(|unknown| {
            ApiError::bad_request(format!("include={unknown} is not a relationship of an inquiry"))
        })?,
        None if wire.version.is_fields_only() => json!([]),
        None => resource::included_by_default(inquiry, &world.template),
    };
    for (name, member) in [("included", included), ("meta", meta)] {
        if member != json!([]) && member != json!({}) {
            body[name] = member;
        }
    }
    Ok(wire.respond(status, body))
}

fn inquiry_data(inquiry: &Inquiry, template: &Template, wire: Wire, query: &Query) -> Value {
    query.thinned(resource::inquiry(inquiry, template, wire.version))
}

fn new_inquiry(document: &Value, meta: Members<'_>, template: &Template) -> Result<NewInquiry, ApiError> {
    let attributes = Members::at(document, "/data/attributes", "data.attributes");
    let template_version_id = template_version(attributes, template)?;
    let create_s = meta.seconds("expiration-after-create-interval-seconds")?.unwrap_or(LIFE_AFTER_CREATE_S);
    // The life of a link that hands over to another device is checked and not used: there is no such hand-over here.
    meta.seconds("one-time-link-expiration-seconds")?;
    Ok(NewInquiry {
        account: account_choice(attributes, meta)?,
        template_version_id,
        reference_id: attributes.text("reference-id")?,
        note: attributes.text("note")?,
        redirect_uri: redirect_uri(attributes)?,
        tags: attributes.texts("tags")?.unwrap_or_default(),
        creator: attributes.text("creator-email-address")?,
        fields: fields(attributes)?,
        lifetimes: Lifetimes {
            create_s,
            start_s: meta.seconds("expiration-after-start-interval-seconds")?.unwrap_or(create_s),
            resume_s: meta.seconds("expiration-after-resume-interval-seconds")?.unwrap_or(LIFE_AFTER_RESUME_S),
        },
    })
}

fn redirect_uri(attributes: Members<'_>) -> Result<Option<String>, ApiError> {
    let text = attributes.text("redirect-uri")?;
    let leads_to_a_page =
        |text: &String| reqwest::Url::parse(text).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https"));
    match text {
        Some(text) if !leads_to_a_page(&text) => {
            Err(ApiError::bad_request("data.attributes.redirect-uri must begin with https:// or http://"))
        }
        text => Ok(text),
    }
}

/// The version of the template that the inquiry is to be made from. One that another has replaced can still be named
/// (reference page "Create an Inquiry").
fn template_version(attributes: Members<'_>, template: &Template) -> Result<String, ApiError> {
    let by_template = attributes.text("inquiry-template-id")?;
    let by_version = attributes.text("inquiry-template-version-id")?;
    let by_legacy_template = attributes.text("template-id")?;
    let found = match (by_template, by_version, by_legacy_template) {
        (Some(id), None, None) => Some(template.version_id.clone()).filter(|_| id == template.id),
        (None, Some(version_id), None) => Some(version_id).filter(|version_id| template.has_version(version_id)),
        (None, None, Some(_)) => None,
        (None, None, None) => return Err(attributes.missing("inquiry-template-id")),
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "inquiry-template-id, inquiry-template-version-id and template-id exclude each other",
            ));
        }
    };
    found.ok_or_else(|| ApiError::not_found("The inquiry template does not exist."))
}

fn account_choice(attributes: Members<'_>, meta: Members<'_>) -> Result<AccountChoice, ApiError> {
    let account_id = attributes.text("account-id")?;
    let reference_id = attributes.text("reference-id")?;
    let auto_reference_id = meta.text("auto-create-account-reference-id")?;
    let auto_create = meta.boolean("auto-create-account")?.unwrap_or(true);
    if auto_reference_id.is_some() && !auto_create {
        return Err(ApiError::bad_request("meta.auto-create-account-reference-id needs meta.auto-create-account"));
    }
    match (account_id, auto_reference_id.or(reference_id)) {
        (Some(_), Some(_)) => {
            Err(ApiError::bad_request("data.attributes.account-id and a reference id exclude each other"))
        }
        (Some(account_id), None) => Ok(AccountChoice::Existing(account_id)),
        (None, Some(reference_id)) if auto_create => Ok(AccountChoice::OfReference(reference_id)),
        (None, None) if auto_create => Ok(AccountChoice::Anonymous),
        (None, Some(_) | None) => Ok(AccountChoice::None),
    }
}

/// The template's fields, holding what was sent. Names are accepted in any casing; tutorials send `name_first`.
fn fields(attributes: Members<'_>) -> Result<BTreeMap<String, Field>, ApiError> {
    let mut fields = BTreeMap::new();
    for field in SANDBOX_PERSON {
        fields.insert(field.name.to_owned(), Field { kind: field.kind, value: Value::Null });
    }
    let Some(sent) = attributes.get("fields") else {
        return Ok(fields);
    };
    let sent = sent.as_object().ok_or_else(|| ApiError::bad_request("data.attributes.fields must be an object"))?;
    for (name, value) in sent {
        match fields.get_mut(&inflection::kebab(name)) {
            Some(field) => field.value = value.clone(),
            None => {
                fields.insert(name.clone(), Field { kind: "string", value: value.clone() });
            }
        }
    }
    Ok(fields)
}

/// One action of `perform-simulate-actions`.
#[derive(Debug)]
enum SimulateAction {
    Move(Move, Actor),
    /// A verification that ends so.
    Verification(Progress),
}

impl SimulateAction {
    fn parse(action: &Value) -> Result<Self, ApiError> {
        let members = Members::at(action, "", "meta.simulate-actions[]");
        let kind = members.required_text("type")?;
        let by_caller = |step| Ok(Self::Move(step, Actor::Caller(None)));
        match kind.as_str() {
            "start_inquiry" => Ok(Self::Move(Move::Start, Actor::EndUser)),
            "complete_inquiry" => Ok(Self::Move(Move::Complete, Actor::EndUser)),
            "fail_inquiry" => Ok(Self::Move(Move::Fail, Actor::EndUser)),
            "expire_inquiry" => Ok(Self::Move(Move::Expire, Actor::Time)),
            "mark_for_review_inquiry" => by_caller(Move::MarkForReview),
            "approve_inquiry" => by_caller(Move::Approve),
            "decline_inquiry" => by_caller(Move::Decline),
            "create_passed_verification" | "create_failed_verification" => {
                let data = Members::at(action, "/data", "meta.simulate-actions[].data");
                data.required_text("verification-template-id")?;
                let passed = kind == "create_passed_verification";
                Ok(Self::Verification(if passed { Progress::Passed } else { Progress::Failed }))
            }
            unknown => Err(ApiError::bad_request(format!("meta.simulate-actions: {unknown} is not an action"))),
        }
    }
}
