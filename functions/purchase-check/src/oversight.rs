//! What operators do: decide about a verification, and read how it came to be what it is.

use adapters::ambient::Ambient;
use adapters::audit::audit_page;
use adapters::http_event::{Claims, HttpAnswer, HttpRequest};
use adapters::items::{AuditCause, keys, operator_action_name};
use adapters::persona::Identity;
use adapters::problem::{Problem, unavailable};
use adapters::queue::Queue;
use adapters::store::Store;
use adapters::verifications::{self, Change, DECIDE_AGAIN_MAX, Made, WAKE_AT_ONCE_MAX};
use domain::{Decision, OperatorAction, Owner, VerificationEffect, VerificationEvent};
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use crate::access::operator;
use crate::body::read_body;
use crate::cursor::{Asked, tell_next};
use crate::view::audit_view;
use crate::{PurchaseCheck, Settings};

/// Entries of an audit in one answer, unless the request says otherwise.
const AUDIT_PAGE_ENTRIES: u32 = 20;
/// Entries of an audit in one answer at most.
const AUDIT_PAGE_ENTRIES_MAX: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: ActionName,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionName {
    Approve,
    Revoke,
    ResetAttempts,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Does what the operator decided, with an audit entry in the same transaction, and wakes who waits if the owner
    /// is verified now. Sending it again changes nothing, and wakes again.
    ///
    /// After a crash the decision either stands, with its entry, and the owner is due, or nothing happened.
    pub(crate) async fn operate(
        &self,
        request: &HttpRequest,
        claims: &Claims,
        owner: &Owner,
    ) -> Result<HttpAnswer, Problem> {
        let Body { action, reason } = read_body(request)?;
        let action = match action {
            ActionName::Approve => OperatorAction::Approve,
            ActionName::Revoke => OperatorAction::Revoke,
            ActionName::ResetAttempts => OperatorAction::ResetAttempts,
        };
        let operator = operator(claims, &reason)?;
        let Settings { policy, revisits, .. } = &self.settings;
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let seen = verifications::load(&self.store, owner).await.map_err(|error| unavailable(&error))?;
            let effects = match seen.verification.decide(&VerificationEvent::Operated(action), now, policy) {
                Decision::Applied { next, effects } => {
                    let cause = AuditCause::Operator { action, operator: operator.clone() };
                    let change = Made { next, cause, beside: vec![] };
                    let changed = verifications::commit_change(&self.store, owner, &seen, change, now, revisits).await;
                    match changed.map_err(|error| unavailable(&error))? {
                        Change::Done => effects,
                        Change::Refused(_) => continue,
                    }
                }
                Decision::AlreadyDone { effects } => effects,
                Decision::Illegal(_) => return Err(Problem::try_again()),
            };
            self.wake_if(effects, owner).await;
            info!(action = operator_action_name(&action), "An operator decided about a verification.");
            // As its owner sees it: what its agency's verification covers stays covered, which the operator must know.
            return self.read_verification(owner).await;
        }
        Err(Problem::try_again())
    }

    /// A message that cannot be sent is no reason to refuse: the decision stands, and the sweep wakes.
    async fn wake_if(&self, effects: VerificationEffect, owner: &Owner) {
        match effects {
            VerificationEffect::None => {}
            VerificationEffect::WakeWaiters => {
                if let Err(error) = verifications::wake(&self.store, &self.queue, owner, None, WAKE_AT_ONCE_MAX).await {
                    warn!(%error, "Not everybody who waits was woken; the sweep wakes them.");
                }
            }
        }
    }

    /// The owner's audit, newest first.
    pub(crate) async fn read_audit(&self, request: &HttpRequest, owner: &Owner) -> Result<HttpAnswer, Problem> {
        let given = request.query_of(&["limit", "cursor"])?;
        let Asked { limit, after } =
            Asked::read(&given, &keys::owner_pk(owner), AUDIT_PAGE_ENTRIES, AUDIT_PAGE_ENTRIES_MAX)?;
        let page = audit_page(&self.store, owner, limit, after).await.map_err(|error| unavailable(&error))?;
        let mut view = json!({"entries": page.entries.iter().map(audit_view).collect::<Vec<_>>()});
        tell_next(&mut view, page.next.as_ref())?;
        Ok(HttpAnswer::json(StatusCode::OK, &view))
    }
}
