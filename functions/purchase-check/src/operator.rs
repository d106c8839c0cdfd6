//! What operators of the platform may do: profiles, held numbers, and the switch. Each leaves an entry in the audit, in the
//! same transaction.

use adapters::access::named_sub_account;
use adapters::ambient::Ambient;
use adapters::http_event::{Claims, HttpAnswer, HttpRequest};
use adapters::items::{
    AuditCause, AuditEntry, Profile, PurchasesSwitch, StoredProfile, expect_version, keys, operator_audit_item,
    switch_item,
};
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::purchases::{
    self, Commit, Committed, Guard, Stored, StoredPool, StoredPurchase, follow_members, load_member, load_members,
};
use adapters::queue::{PurchaseMessage, Queue};
use adapters::store::{Condition, Item, Store, TransactError, Write};
use adapters::verifications::{self, DECIDE_AGAIN_MAX};
use domain::{
    AccountSid, Actor, AgencyId, CountryCode, Decision, Illegal, Instant, NumberSid, OPEN_PURCHASES_MAX, Operator,
    Owner, Place, PoolState, Purchase, PurchaseEvent, PurchaseId, PurchaseState, SERVED_COUNTRIES_MAX, SubAccountId,
    Timing,
};
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use crate::access::operator;
use crate::body::{number, read_body};
use crate::view::Standing;
use crate::{PurchaseCheck, purchase_id};

/// A profile, whole: what is left out is not stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileBody {
    agency: Option<String>,
    twilio_account: Option<String>,
    #[serde(default)]
    limits: LimitsBody,
    /// Countries whose phones it verifies, besides the platform's home countries.
    #[serde(default)]
    countries: Vec<String>,
    reason: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LimitsBody {
    open_purchases: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    action: DecisionAction,
    reason: String,
    /// Which number, where a pool has several that are held.
    phone_number: Option<String>,
    /// The number's id at the carrier, where none is known.
    sid: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum DecisionAction {
    Retry,
    Fail,
    Complete,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchBody {
    purchases: SwitchPosition,
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SwitchPosition {
    On,
    Off,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    pub(crate) async fn read_profile(&self, request: &HttpRequest) -> Result<HttpAnswer, Problem> {
        let sub_account = named_sub_account(request)?;
        let stored = profiles::load_stored(&self.store, &sub_account).await.map_err(|error| unavailable(&error))?;
        Ok(profile_answer(&sub_account, &stored.profile))
    }

    /// Stores a profile, due until its change has reached all that waits: a changed agency covers, or no longer covers,
    /// what was asked for before.
    ///
    /// After a crash here the profile either stands and is due, or nothing changed.
    pub(crate) async fn put_profile(&self, request: &HttpRequest, claims: &Claims) -> Result<HttpAnswer, Problem> {
        let sub_account = named_sub_account(request)?;
        let body: ProfileBody = read_body(request)?;
        let operator = operator(claims, &body.reason)?;
        let profile = profile_of(&body)?;
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let seen = profiles::load_stored(&self.store, &sub_account).await.map_err(|error| unavailable(&error))?;
            if seen.profile == profile && seen.version > 0 {
                return Ok(profile_answer(&sub_account, &profile));
            }
            let next = StoredProfile { profile: profile.clone(), version: seen.version + 1 };
            let due_at = now.plus_ms(self.settings.revisits.step_ms);
            let audit = self.profile_audit(&sub_account, &next, now, &operator).await?;
            let writes = vec![
                Write::Put { item: next.to_item(&sub_account, Some(due_at)), expect: expect_version(seen.version) },
                Write::Put { item: audit, expect: Condition::ItemAbsent },
            ];
            if self.transact(writes).await? {
                info!(%sub_account, "An operator changed the profile.");
                // The sweep does it again: what fails here is late, not lost.
                if let Err(error) = profiles::reach_waiters(&self.store, &self.queue, &sub_account).await {
                    warn!(%sub_account, %error, "The changed profile did not reach all that waits; the sweep goes on.");
                }
                return Ok(profile_answer(&sub_account, &profile));
            }
        }
        Err(Problem::try_again())
    }

    /// In the audit of the sub-account's verification, since whose verification covers it may change by this.
    async fn profile_audit(
        &self,
        sub_account: &SubAccountId,
        next: &StoredProfile,
        now: Instant,
        operator: &Operator,
    ) -> Result<Item, Problem> {
        let owner = Owner::SubAccount(sub_account.clone());
        let standing = verifications::load(&self.store, &owner).await.map_err(|error| unavailable(&error))?;
        let state = standing.verification.state;
        let StoredProfile { profile: Profile { agency, account, .. }, version } = next.clone();
        let cause = AuditCause::Profile { agency, account, version, operator: operator.clone() };
        Ok(AuditEntry::new(now, cause, &state, &state).to_item(&owner, version))
    }

    pub(crate) async fn read_switch(&self) -> Result<HttpAnswer, Problem> {
        let switch = profiles::load_switch(&self.store).await.map_err(|error| unavailable(&error))?;
        Ok(switch_answer(switch))
    }

    /// Stops or starts buying. What was asked for goes on waiting; a request to the carrier that was sent is not called
    /// back.
    pub(crate) async fn turn_switch(&self, request: &HttpRequest, claims: &Claims) -> Result<HttpAnswer, Problem> {
        let body: SwitchBody = read_body(request)?;
        let operator = operator(claims, &body.reason)?;
        let on = body.purchases == SwitchPosition::On;
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let seen = profiles::load_switch(&self.store).await.map_err(|error| unavailable(&error))?;
            if seen.on == on {
                return Ok(switch_answer(seen));
            }
            let next = PurchasesSwitch { on, version: seen.version + 1 };
            let what = format!("switch#{}", next.version);
            let writes = vec![
                Write::Put { item: switch_item(next), expect: expect_version(seen.version) },
                new_audit(&keys::purchases_switch().pk, &what, if on { "on" } else { "off" }, now, &operator),
            ];
            if self.transact(writes).await? {
                warn!(on, metric = "purchases_switched", "An operator turned the switch of purchases.");
                return Ok(switch_answer(next));
            }
        }
        Err(Problem::try_again())
    }

    /// Decides on a number that is held, and lets its pool follow.
    ///
    /// After a crash here the number is decided on or not. Its pool, which is not due while it is held, follows when the
    /// decision is repeated, by whichever action.
    pub(crate) async fn decide_purchase(&self, request: &HttpRequest, claims: &Claims) -> Result<HttpAnswer, Problem> {
        let (sub_account, id) = (named_sub_account(request)?, purchase_id(request)?);
        let body: DecisionBody = read_body(request)?;
        let operator = operator(claims, &body.reason)?;
        for _ in 0..DECIDE_AGAIN_MAX {
            let stored = purchases::load(&self.store, &sub_account, &id).await.map_err(|error| unavailable(&error))?;
            let (seen, pool) = self.meant_number(stored.ok_or_else(Problem::not_found)?, &body).await?;
            let event = event_of(&body, &seen.purchase)?;
            let now = self.ambient.now();
            let (next, effects) = match seen.purchase.decide(&event, Actor::Operator, now, &Timing::default()) {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } => return self.decided(seen, pool).await,
                // It goes on already, because an operator said so.
                Decision::Illegal(_) if event == PurchaseEvent::OperatorRetry && is_decided(&seen.purchase, &body) => {
                    return self.decided(seen, pool).await;
                }
                Decision::Illegal(illegal) => return Err(not_decidable(illegal)),
            };
            let audit = audit_item(&seen, body.action, now, &operator);
            let due_at = next.due_at(now, self.settings.revisits.step_ms);
            let guards = vec![Guard::Audit(Box::new(audit))];
            let commit = Commit { seen: &seen, next, effects, guards, due_at };
            match purchases::commit(&self.store, commit).await.map_err(|error| unavailable(&error))? {
                Committed::Done(done) => {
                    info!(purchase = %id, "An operator decided on a number that was held.");
                    return self.decided(*done, pool).await;
                }
                Committed::LockedBy(_, other) => {
                    warn!(purchase = %id, %other, "The number is locked by another purchase.");
                    let detail = "Another purchase has this number now. Decide on that one, or let this one fail.";
                    return Err(Problem::new(ProblemType::PurchaseNotHeld, detail));
                }
                Committed::Changed | Committed::Guarded => {}
            }
        }
        Err(Problem::try_again())
    }

    /// The number that the operator means: the purchase's own, the one that is named, the only one that is held, or the one
    /// that this was decided about before.
    async fn meant_number(
        &self,
        stored: Stored,
        body: &DecisionBody,
    ) -> Result<(StoredPurchase, Option<StoredPool>), Problem> {
        let named = body.phone_number.as_deref().map(number).transpose()?;
        let pool = match stored {
            Stored::One(one) => {
                return match named {
                    Some(named) if named != one.purchase.number => Err(no_such_number()),
                    Some(_) | None => Ok((one, None)),
                };
            }
            Stored::Pool(pool) => pool,
        };
        let members = load_members(&self.store, &pool).await.map_err(|error| unavailable(&error))?;
        let is_held = |member: &Purchase| matches!(member.state, PurchaseState::Held { .. });
        let held = members.iter().any(is_held);
        // Whoever decided died before the pool followed, and nothing else brings it back.
        let left_behind = !held && matches!(pool.pool.state, PoolState::Held { .. });
        let pool = if left_behind { self.follow(pool).await? } else { pool };
        let mut meant = members.iter().filter(|member| match &named {
            Some(named) => member.number == *named,
            None if held => is_held(member),
            None => is_decided(member, body),
        });
        let Some(Place::Member(index)) = meant.next().map(|member| member.place) else {
            return Err(if named.is_some() { no_such_number() } else { not_decidable(Illegal::NotHeld) });
        };
        if held && meant.next().is_some() {
            let detail = "Several numbers of this pool are held. Name one in the field `phone_number`.";
            return Err(Problem::new(ProblemType::InvalidRequest, detail));
        }
        let member = load_member(&self.store, &pool, index).await.map_err(|error| unavailable(&error))?;
        member.map(|member| (member, Some(pool))).ok_or_else(no_such_number)
    }

    /// The purchase after the decision, with its pool where it has one. What goes on is sent.
    async fn decided(&self, seen: StoredPurchase, pool: Option<StoredPool>) -> Result<HttpAnswer, Problem> {
        if let PurchaseState::Buying(_) = seen.purchase.state {
            self.send_messages(&seen.purchase.id, vec![PurchaseMessage::of(&seen.purchase)]).await;
        }
        let stored = match pool {
            None => Stored::One(seen),
            Some(pool) => Stored::Pool(self.follow(pool).await?),
        };
        let shown = self.shown(stored, Standing::Ended).await?;
        Ok(HttpAnswer::json(StatusCode::OK, &shown.view()))
    }

    /// Makes a pool what its numbers say, and sends what it then needs.
    async fn follow(&self, pool: StoredPool) -> Result<StoredPool, Problem> {
        let (now, step_ms) = (self.ambient.now(), self.settings.revisits.step_ms);
        let (pool, members) = follow_members(&self.store, pool, Actor::Operator, now, &Timing::default(), step_ms)
            .await
            .map_err(|error| unavailable(&error))?;
        self.send_messages(&pool.pool.id, pool.messages(&members)).await;
        Ok(pool)
    }

    async fn send_messages(&self, id: &PurchaseId, messages: Vec<PurchaseMessage>) {
        if messages.is_empty() {
            return;
        }
        if let Err(error) = self.queue.send(messages).await {
            warn!(purchase = %id, %error, "The purchase goes on, but was not sent; the sweep will send it.");
        }
    }

    /// Whether all of it stands; false when something is not as it was read.
    async fn transact(&self, writes: Vec<Write>) -> Result<bool, Problem> {
        match self.store.transact(writes).await {
            Ok(()) => Ok(true),
            Err(TransactError::Refused(_)) => Ok(false),
            Err(TransactError::Store(error)) => Err(unavailable(&error)),
        }
    }
}

fn profile_of(body: &ProfileBody) -> Result<Profile, Problem> {
    let invalid = |field: &str, what: &dyn std::fmt::Display| {
        Problem::new(ProblemType::InvalidRequest, format!("The field `{field}` {what}."))
    };
    let agency = body.agency.as_deref().map(AgencyId::parse).transpose().map_err(|error| invalid("agency", &error))?;
    let account = body
        .twilio_account
        .as_deref()
        .map(AccountSid::parse)
        .transpose()
        .map_err(|error| invalid("twilio_account", &error))?;
    let open_purchases_max = body.limits.open_purchases;
    if open_purchases_max.is_some_and(|number| !(1..=OPEN_PURCHASES_MAX).contains(&number)) {
        return Err(invalid("limits.open_purchases", &format!("must be from 1 to {OPEN_PURCHASES_MAX}")));
    }
    let countries: Option<Vec<CountryCode>> = body.countries.iter().map(|code| CountryCode::new(code)).collect();
    let countries = countries.filter(|countries| countries.len() <= SERVED_COUNTRIES_MAX).ok_or_else(|| {
        invalid("countries", &format!("must be at most {SERVED_COUNTRIES_MAX} countries of two capital letters"))
    })?;
    Ok(Profile { agency, account, open_purchases_max, countries })
}

fn event_of(body: &DecisionBody, purchase: &Purchase) -> Result<PurchaseEvent, Problem> {
    let invalid = |detail: &str| Problem::new(ProblemType::InvalidRequest, detail);
    if body.sid.is_some() && body.action != DecisionAction::Complete {
        return Err(invalid("The field `sid` is only for `complete`."));
    }
    match body.action {
        DecisionAction::Retry => Ok(PurchaseEvent::OperatorRetry),
        DecisionAction::Fail => Ok(PurchaseEvent::OperatorFail),
        DecisionAction::Complete => {
            let named = body.sid.as_deref().map(NumberSid::parse).transpose();
            let named = named.map_err(|error| invalid(&format!("The field `sid` {error}.")))?;
            let known = match &purchase.state {
                PurchaseState::Held { sid, .. } => sid.clone(),
                PurchaseState::Completed { sid, .. } => Some(sid.clone()),
                PurchaseState::Waiting
                | PurchaseState::Buying(_)
                | PurchaseState::Failed { .. }
                | PurchaseState::Expired { .. }
                | PurchaseState::Cancelled { .. }
                | PurchaseState::Releasing(_)
                | PurchaseState::Released { .. } => None,
            };
            let sid = named.or(known).ok_or_else(|| {
                invalid(
                    "No id of this number at the carrier is known. Look it up there and give it in the field `sid`.",
                )
            })?;
            Ok(PurchaseEvent::OperatorComplete { sid })
        }
    }
}

/// Whether this very decision is the last thing that happened to the number.
fn is_decided(member: &Purchase, body: &DecisionBody) -> bool {
    let so = match body.action {
        DecisionAction::Retry => matches!(member.state, PurchaseState::Buying(_)),
        DecisionAction::Fail => matches!(member.state, PurchaseState::Failed { .. }),
        DecisionAction::Complete => match (&member.state, &body.sid) {
            (PurchaseState::Completed { sid, .. }, Some(named)) => sid.as_str() == named,
            (state, _) => matches!(state, PurchaseState::Completed { .. }),
        },
    };
    so && member.history.last().is_some_and(|last| last.by == Actor::Operator)
}

fn not_decidable(illegal: Illegal) -> Problem {
    let detail = match illegal {
        Illegal::NotBuying => "Nothing was asked of the carrier for it, so it can only fail.",
        Illegal::NotHeld
        | Illegal::BuyingHasBegun
        | Illegal::HasEnded
        | Illegal::NotYourLease
        | Illegal::NoFurtherCreate
        | Illegal::NotDue
        | Illegal::OperatorDecides => "It is not held. Read it to see how it stands.",
    };
    Problem::new(ProblemType::PurchaseNotHeld, detail)
}

fn no_such_number() -> Problem {
    Problem::new(
        ProblemType::InvalidRequest,
        "The field `phone_number` names no number of this purchase that buying began for.",
    )
}

fn audit_item(seen: &StoredPurchase, action: DecisionAction, now: Instant, operator: &Operator) -> Item {
    let pk = keys::sub_account_pk(&seen.purchase.sub_account);
    let what = format!("{}#{}", keys::slot_name(&seen.purchase), seen.version + 1);
    let did = match action {
        DecisionAction::Retry => "retry",
        DecisionAction::Fail => "fail",
        DecisionAction::Complete => "complete",
    };
    operator_audit_item(&pk, &what, did, now, operator)
}

fn new_audit(pk: &str, what: &str, did: &'static str, now: Instant, operator: &Operator) -> Write {
    Write::Put { item: operator_audit_item(pk, what, did, now, operator), expect: Condition::ItemAbsent }
}

fn profile_answer(sub_account: &SubAccountId, profile: &Profile) -> HttpAnswer {
    let Profile { agency, account, .. } = profile;
    let body = json!({
        "sub_account": sub_account.as_str(),
        "agency": agency.as_ref().map(AgencyId::as_str),
        "twilio_account": account.as_ref().map(AccountSid::as_str),
        "limits": {"open_purchases": profile.open_purchases_max()},
        "countries": profile.countries.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    HttpAnswer::json(StatusCode::OK, &body)
}

fn switch_answer(switch: PurchasesSwitch) -> HttpAnswer {
    HttpAnswer::json(StatusCode::OK, &json!({"purchases": if switch.on { "on" } else { "off" }}))
}
