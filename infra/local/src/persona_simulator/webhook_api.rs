//! The calls on webhooks. Reference pages: docs.withpersona.com/api-reference/webhooks.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Simulator;
use super::blocklist::Blocklist;
use super::body::{Members, document};
use super::errors::ApiError;
use super::inflection::Inflection;
use super::page::Query;
use super::webhook::WebhookStatus;
use super::wire::{Version, Wire};
use super::world::World;

type Answer = Result<Response, ApiError>;
type Shared = State<Arc<Simulator>>;

/// `POST /webhooks`
pub(super) async fn create(State(simulator): Shared, wire: Wire, body: Bytes) -> Answer {
    let document = document(&body)?;
    let attributes = attributes(&document)?;
    let url = url(attributes)?.ok_or_else(|| attributes.missing("url"))?;
    let events = attributes.texts("enabled-events")?.ok_or_else(|| attributes.missing("enabled-events"))?;
    let shape = shape(attributes, Wire::default())?;
    let blocklist = blocklist(attributes)?.unwrap_or_default();
    let mut world = simulator.world();
    let id = world.outbox.add_webhook(url, events, shape).id.clone();
    world.outbox.webhook(&id)?.blocklist = blocklist;
    answer(&mut world, wire, &id, StatusCode::CREATED)
}

/// `GET /webhooks`
pub(super) async fn list(
    State(simulator): Shared,
    wire: Wire,
    UrlQuery(query): UrlQuery<Vec<(String, String)>>,
) -> Answer {
    let query = Query::including_nothing(query, "on a list")?;
    let world = simulator.world();
    let webhooks: Vec<_> = world.outbox.webhooks.iter().collect();
    let page = query.page("/api/v1/webhooks", &webhooks, |webhook| &webhook.id)?;
    let now = world.clock.now();
    let data = page.items.iter().map(|webhook| query.thinned(webhook.resource(now)));
    Ok(wire.respond(StatusCode::OK, json!({"data": data.collect::<Vec<_>>(), "links": page.links})))
}

/// `GET /webhooks/{id}`
pub(super) async fn retrieve(State(simulator): Shared, wire: Wire, Path(id): Path<String>) -> Answer {
    answer(&mut simulator.world(), wire, &id, StatusCode::OK)
}

/// `PATCH /webhooks/{id}`
pub(super) async fn update(State(simulator): Shared, wire: Wire, Path(id): Path<String>, body: Bytes) -> Answer {
    let document = document(&body)?;
    let attributes = attributes(&document)?;
    let (url, events) = (url(attributes)?, attributes.texts("enabled-events")?);
    let blocklist = blocklist(attributes)?;
    let mut world = simulator.world();
    let webhook = world.outbox.webhook(&id)?;
    webhook.wire = shape(attributes, webhook.wire)?;
    if let Some(url) = url {
        webhook.url = url;
    }
    if let Some(blocklist) = blocklist {
        webhook.blocklist = blocklist;
    }
    if let Some(events) = events {
        webhook.enabled_events = events;
    }
    answer(&mut world, wire, &id, StatusCode::OK)
}

/// `POST /webhooks/{id}/enable`
pub(super) async fn enable(State(simulator): Shared, wire: Wire, Path(id): Path<String>) -> Answer {
    let mut world = simulator.world();
    world.outbox.set_webhook_status(&id, WebhookStatus::Enabled)?;
    answer(&mut world, wire, &id, StatusCode::OK)
}

/// `POST /webhooks/{id}/disable`
pub(super) async fn disable(State(simulator): Shared, wire: Wire, Path(id): Path<String>) -> Answer {
    let mut world = simulator.world();
    world.outbox.set_webhook_status(&id, WebhookStatus::Disabled)?;
    answer(&mut world, wire, &id, StatusCode::OK)
}

/// `POST /webhooks/{id}/archive`: for good.
pub(super) async fn archive(State(simulator): Shared, wire: Wire, Path(id): Path<String>) -> Answer {
    let mut world = simulator.world();
    world.outbox.set_webhook_status(&id, WebhookStatus::Archived)?;
    answer(&mut world, wire, &id, StatusCode::OK)
}

/// `POST /webhooks/{id}/rotate-secret`: a new secret; the present one signs beside it for `meta.expires-in-seconds`, or
/// not at all if that is not given.
pub(super) async fn rotate_secret(State(simulator): Shared, wire: Wire, Path(id): Path<String>, body: Bytes) -> Answer {
    let document = document(&body)?;
    let overlap_s = Members::at(&document, "/meta", "meta").seconds("expires-in-seconds")?.unwrap_or(0);
    let mut world = simulator.world();
    let old_expires_at = world.clock.after(world.clock.now(), overlap_s);
    world.outbox.webhook(&id)?.rotate(old_expires_at);
    answer(&mut world, wire, &id, StatusCode::OK)
}

fn answer(world: &mut World, wire: Wire, id: &str, status: StatusCode) -> Answer {
    let now = world.clock.now();
    let data = world.outbox.webhook(id)?.resource(now);
    Ok(wire.respond(status, json!({"data": data})))
}

/// The attributes of a webhook. What would change deliveries but is not simulated is refused rather than ignored.
fn attributes(document: &Value) -> Result<Members<'_>, ApiError> {
    let attributes = Members::at(document, "/data/attributes", "data.attributes");
    if attributes.get("payload-filter").is_some_and(|value| value != &json!({})) {
        return Err(ApiError::unprocessable("data.attributes.payload-filter is not simulated; leave it out"));
    }
    Ok(attributes)
}

fn blocklist(attributes: Members<'_>) -> Result<Option<Blocklist>, ApiError> {
    let entries = attributes.texts("api-attributes-blocklist")?;
    entries.map(|entries| Blocklist::parse(entries).map_err(ApiError::bad_request)).transpose()
}

fn url(attributes: Members<'_>) -> Result<Option<String>, ApiError> {
    let url = attributes.text("url")?;
    match url.as_deref().map(reqwest::Url::parse) {
        Some(Err(error)) => Err(ApiError::bad_request(format!("data.attributes.url is not a URL: {error}"))),
        Some(Ok(parsed)) if !matches!(parsed.scheme(), "http" | "https") => {
            Err(ApiError::bad_request("data.attributes.url must begin with https:// or http://"))
        }
        Some(Ok(_)) | None => Ok(url),
    }
}

fn shape(attributes: Members<'_>, present: Wire) -> Result<Wire, ApiError> {
    let version =
        attributes.text("api-version")?.map(|text| Version::parse(&text).ok_or("data.attributes.api-version"));
    let inflection = attributes.text("api-key-inflection")?;
    let inflection = inflection.map(|text| Inflection::parse(&text).ok_or("data.attributes.api-key-inflection"));
    let unknown = |name| ApiError::bad_request(format!("{name} has no such value"));
    Ok(Wire {
        version: version.transpose().map_err(unknown)?.unwrap_or(present.version),
        inflection: inflection.transpose().map_err(unknown)?.unwrap_or(present.inflection),
    })
}
