//! The calls on accounts. Reference pages: docs.withpersona.com/api-reference/accounts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::Simulator;
use super::account::{Account, NewAccount};
use super::body::{Members, document};
use super::errors::ApiError;
use super::page::Query;
use super::wire::Wire;
use super::world::World;

type Answer = Result<Response, ApiError>;
type Shared = State<Arc<Simulator>>;
type Parameters = UrlQuery<Vec<(String, String)>>;

/// How a refusal names a call on one account.
const ONE: &str = "on an account";

/// `POST /accounts`
pub(super) async fn create(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters, body: Bytes) -> Answer {
    let document = document(&body)?;
    let attributes = Members::at(&document, "/data/attributes", "data.attributes");
    let new = NewAccount {
        reference_id: attributes.text("reference-id")?,
        tags: attributes.texts("tags")?.unwrap_or_default(),
        fields: fields(attributes)?,
    };
    let query = Query::including_nothing(query, ONE)?;
    let mut world = simulator.world();
    let id = world.create_account(new)?.id.clone();
    answer(&world, wire, &query, &id, StatusCode::CREATED)
}

/// `GET /accounts`
pub(super) async fn list(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters) -> Answer {
    let query = Query::including_nothing(query, "on a list")?;
    let mut wanted = None;
    for (name, value) in query.filters() {
        if name != "reference-id" {
            return Err(ApiError::bad_request(format!("filter[{name}] is not a filter of accounts")));
        }
        wanted = Some(value);
    }
    let world = simulator.world();
    let passes = |account: &&Account| wanted.is_none_or(|reference_id| account.is_called(reference_id));
    let found: Vec<&Account> = world.accounts().filter(passes).collect();
    let page = query.page("/api/v1/accounts", &found, |account| &account.id)?;
    let data: Vec<Value> = page.items.iter().map(|account| query.thinned(account.resource())).collect();
    Ok(wire.respond(StatusCode::OK, json!({"data": data, "links": page.links})))
}

/// `GET /accounts/{id}`
pub(super) async fn retrieve(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    answer(&simulator.world(), wire, &Query::including_nothing(query, ONE)?, &id, StatusCode::OK)
}

/// `DELETE /accounts/{id}`: redacts it and all its inquiries.
pub(super) async fn redact(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    let query = Query::including_nothing(query, ONE)?;
    let mut world = simulator.world();
    world.redact_account(&id)?;
    answer(&world, wire, &query, &id, StatusCode::OK)
}

/// `POST /accounts/{id}/consolidate`: merges `meta.source-account-ids` into it. 202, as at Persona.
pub(super) async fn consolidate(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
    body: Bytes,
) -> Answer {
    let query = Query::including_nothing(query, ONE)?;
    let document = document(&body)?;
    let meta = Members::at(&document, "/meta", "meta");
    let sources = meta.texts("source-account-ids")?.filter(|sources| !sources.is_empty());
    let sources = sources.ok_or_else(|| meta.missing("source-account-ids"))?;
    let mut world = simulator.world();
    world.consolidate(&id, &sources)?;
    answer(&world, wire, &query, &id, StatusCode::ACCEPTED)
}

/// The answer of every call on one account.
fn answer(world: &World, wire: Wire, query: &Query, id: &str, status: StatusCode) -> Answer {
    Ok(wire.respond(status, json!({"data": query.thinned(world.account(id)?.resource())})))
}

fn fields(attributes: Members<'_>) -> Result<Map<String, Value>, ApiError> {
    match attributes.get("fields") {
        None => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(_) => Err(ApiError::bad_request("data.attributes.fields must be an object")),
    }
}
