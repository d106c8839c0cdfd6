//! Listing a sub-account's purchases, newest first.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::keys;
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType};
use adapters::profiles;
use adapters::purchases::Stored;
use adapters::queue::Queue;
use adapters::store::{Item, Key, Page, Query, Range, Store, StoreError};
use adapters::verifications;
use domain::SubAccountId;
use futures::future::{try_join, try_join_all};
use lambda_http::http::StatusCode;
use serde_json::json;

use crate::cursor::{after, cursor};
use crate::follow::standing;
use crate::view::{Shown, Standing};
use crate::{PurchaseCheck, unavailable};

/// Purchases of a page, unless the caller says otherwise.
const LIMIT_DEFAULT: u32 = 20;
/// Most purchases of a page: each is read on its own.
const LIMIT_MAX: u32 = 50;
/// What `state` may ask for: every state that the contract shows.
const STATES: [&str; 10] = [
    "awaiting_verification",
    "queued",
    "buying",
    "releasing",
    "completed",
    "partially_completed",
    "failed",
    "expired",
    "cancelled",
    "held",
];

/// What to list.
struct Listing {
    limit: u32,
    state: Option<String>,
    after: Option<Item>,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// One page. Filtered by state it may be short, or empty, and still not the last: only a missing `next_cursor` says
    /// that. A pool is listed without what became of each of its numbers.
    pub(crate) async fn list(&self, request: &HttpRequest, sub_account: &SubAccountId) -> Result<HttpAnswer, Problem> {
        let Listing { limit, state, after } = Listing::read(request, sub_account)?;
        let pk = keys::sub_account_pk(sub_account);
        let range = Range::Newest { pk: pk.into(), prefix: keys::PURCHASE_PREFIX.into() };
        let found = self.store.query(Query { range, limit, after });
        let (Page { items, next }, profile) =
            try_join(found, profiles::load(&self.store, sub_account)).await.map_err(|error| unavailable(&error))?;
        let owners = profile.owners(sub_account);
        let purchases = try_join_all(items.iter().map(|item| self.read_listed(item)));
        let (purchases, verifications) = try_join(purchases, verifications::load_all(&self.store, &owners))
            .await
            .map_err(|error| unavailable(&error))?;
        let views = purchases.into_iter().flatten().map(|stored| {
            let standing = if stored.request().waits {
                standing(&stored, &owners, verifications.clone())
            } else {
                Standing::Ended
            };
            Shown { stored, standing, members: Vec::new() }.view()
        });
        let wanted = views.filter(|view| state.as_deref().is_none_or(|state| view["state"] == state));
        let mut body = json!({"purchases": wanted.collect::<Vec<_>>()});
        if let Some(next) = next {
            body["next_cursor"] = json!(cursor(&next).map_err(|error| unavailable(&error))?);
        }
        Ok(HttpAnswer::json(StatusCode::OK, &body))
    }

    async fn read_listed(&self, keys: &Item) -> Result<Option<Stored>, StoreError> {
        let item = self.store.get(&Key::of(keys)?).await?;
        item.as_ref().map(Stored::from_item).transpose()
    }
}

impl Listing {
    fn read(request: &HttpRequest, sub_account: &SubAccountId) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
        let given = request.query_of(&["limit", "state", "cursor"])?;
        let limit = match given.get("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| invalid(format!("`limit` must be a whole number from 1 to {LIMIT_MAX}.")))?,
        };
        let state = match given.get("state") {
            None => None,
            Some(state) if STATES.contains(state) => Some((*state).to_owned()),
            Some(_) => return Err(invalid(format!("`state` must be one of {}.", STATES.join(", ")))),
        };
        let after = match given.get("cursor") {
            None => None,
            Some(text) => Some(after(text, &keys::sub_account_pk(sub_account)).ok_or_else(|| {
                invalid("`cursor` must be the `next_cursor` of an answer to this very list.".to_owned())
            })?),
        };
        Ok(Self { limit, state, after })
    }
}
