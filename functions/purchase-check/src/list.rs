//! Listing a sub-account's purchases, newest first.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::keys;
use adapters::persona::Identity;
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::purchases::Stored;
use adapters::queue::Queue;
use adapters::store::{Item, Key, Page, Query, Range, Store, StoreError};
use adapters::verifications;
use domain::SubAccountId;
use futures::future::{try_join, try_join_all};
use lambda_http::http::StatusCode;
use serde_json::json;

use crate::PurchaseCheck;
use crate::cursor::{Asked, tell_next};
use crate::follow::standing;
use crate::view::{Members, Shown, Standing};

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

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// One page. Filtered by state it may be short, or empty, and still not the last: only a missing `next_cursor` says
    /// that. A pool that has begun is listed without what became of each of its numbers: they stand in items of their own,
    /// up to a hundred of each of up to fifty pools, and are read with the pool itself.
    pub(crate) async fn list(&self, request: &HttpRequest, sub_account: &SubAccountId) -> Result<HttpAnswer, Problem> {
        let pk = keys::sub_account_pk(sub_account);
        let given = request.query_of(&["limit", "state", "cursor"])?;
        let Asked { limit, after } = Asked::read(&given, &pk, LIMIT_DEFAULT, LIMIT_MAX)?;
        let state = given.get("state").copied();
        if state.is_some_and(|state| !STATES.contains(&state)) {
            let detail = format!("`state` must be one of {}.", STATES.join(", "));
            return Err(Problem::new(ProblemType::InvalidRequest, detail));
        }
        let range = Range::Newest { pk: pk.into(), prefix: keys::PURCHASE_PREFIX.into() };
        let found = self.store.query(Query { range, limit, after });
        let (Page { items, next }, profile) =
            try_join(found, profiles::load(&self.store, sub_account)).await.map_err(|error| unavailable(&error))?;
        let owners = profile.owners(sub_account);
        let purchases = try_join_all(items.iter().map(|item| self.read_listed(item)));
        let (purchases, verifications) = try_join(purchases, verifications::load_all(&self.store, &owners))
            .await
            .map_err(|error| unavailable(&error))?;
        let purchases: Vec<Stored> = purchases.into_iter().flatten().collect();
        let needs_phone = |stored: &Stored| stored.request().waits && stored.request().needs_phone;
        let needed = verifications[0].verification.needs_phone() || purchases.iter().any(needs_phone);
        let phone = phones::requirement(&self.store, sub_account, needed).await.map_err(|error| unavailable(&error))?;
        let views = purchases.into_iter().map(|stored| {
            let standing = if stored.request().waits {
                standing(&stored, &owners, verifications.clone(), phone)
            } else {
                Standing::Ended
            };
            let members = match &stored {
                Stored::Pool(pool) if pool.pool.has_begun() => Members::Unread,
                Stored::Pool(_) | Stored::One(_) => Members::Read(Vec::new()),
            };
            Shown { stored, standing, members }.view()
        });
        let wanted = views.filter(|view| state.is_none_or(|state| view["state"] == state));
        let mut body = json!({"purchases": wanted.collect::<Vec<_>>()});
        tell_next(&mut body, next.as_ref())?;
        Ok(HttpAnswer::json(StatusCode::OK, &body))
    }

    async fn read_listed(&self, keys: &Item) -> Result<Option<Stored>, StoreError> {
        let item = self.store.get(&Key::of(keys)?).await?;
        item.as_ref().map(Stored::from_item).transpose()
    }
}
