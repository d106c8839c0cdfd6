//! The calls on inquiry sessions. Reference pages: docs.withpersona.com/api-reference/inquiry-sessions.

use std::sync::Arc;

use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Simulator;
use super::errors::ApiError;
use super::inquiry::Inquiry;
use super::page::Query;
use super::resource;
use super::session::Session;
use super::wire::Wire;
use super::world::World;

type Answer = Result<Response, ApiError>;
type Shared = State<Arc<Simulator>>;
type Parameters = UrlQuery<Vec<(String, String)>>;

/// How a refusal names a call on one session.
const ONE: &str = "on an inquiry session";

/// `GET /inquiry-sessions`
pub(super) async fn list(State(simulator): Shared, wire: Wire, UrlQuery(query): Parameters) -> Answer {
    let query = Query::including_nothing(query, "on a list")?;
    let mut wanted = None;
    for (name, value) in query.filters() {
        if name != "inquiry-id" {
            return Err(ApiError::bad_request(format!("filter[{name}] is not a filter of inquiry sessions")));
        }
        wanted = Some(value);
    }
    let world = simulator.world();
    let passes = |(inquiry, _): &(&Inquiry, &Session)| wanted.is_none_or(|id| inquiry.id == id);
    let found: Vec<(&Inquiry, &Session)> = world.sessions().filter(passes).collect();
    let page = query.page("/api/v1/inquiry-sessions", &found.iter().collect::<Vec<_>>(), |(_, session)| &session.id)?;
    let data = page.items.iter().map(|(inquiry, session)| query.thinned(resource::session(session, &inquiry.id)));
    Ok(wire.respond(StatusCode::OK, json!({"data": data.collect::<Vec<Value>>(), "links": page.links})))
}

/// `GET /inquiry-sessions/{id}`
pub(super) async fn retrieve(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    answer(&simulator.world(), wire, &Query::including_nothing(query, ONE)?, &id)
}

/// `POST /inquiry-sessions/{id}/expire`: ends this session alone.
pub(super) async fn expire(
    State(simulator): Shared,
    wire: Wire,
    Path(id): Path<String>,
    UrlQuery(query): Parameters,
) -> Answer {
    let query = Query::including_nothing(query, ONE)?;
    let mut world = simulator.world();
    world.expire_session(&id)?;
    answer(&world, wire, &query, &id)
}

fn answer(world: &World, wire: Wire, query: &Query, id: &str) -> Answer {
    let found = world.sessions().find(|(_, session)| session.id == id);
    let (inquiry, session) = found.ok_or_else(|| ApiError::not_found("The inquiry session does not exist."))?;
    Ok(wire.respond(StatusCode::OK, json!({"data": query.thinned(resource::session(session, &inquiry.id))})))
}
