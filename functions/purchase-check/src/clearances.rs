//! "May this sub-account do this now?", for everything that may need a verified owner. Changes nothing.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::action_of;
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::queue::Queue;
use adapters::regions::region_of;
use adapters::store::Store;
use adapters::verifications;
use domain::{Action, ActionClearance, Owner, PhoneNumber, Region, SubAccountId, clear_action};
use futures::future::try_join;
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::PurchaseCheck;
use crate::body::read_body;
use crate::view::verification_action;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: String,
    phone_number: Option<String>,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Answers with the rule that decided.
    pub(crate) async fn ask_for_clearance(
        &self,
        request: &HttpRequest,
        sub_account: SubAccountId,
    ) -> Result<HttpAnswer, Problem> {
        let (action, region) = read(request)?;
        let own = Owner::SubAccount(sub_account);
        let Owner::SubAccount(sub_account) = &own else { return Err(Problem::not_found()) };
        let (verification, profile) =
            try_join(verifications::load(&self.store, &own), profiles::load(&self.store, sub_account))
                .await
                .map_err(|error| unavailable(&error))?;
        let mut owners = vec![(own.clone(), verification.verification)];
        if let Some(agency) = profile.agency.map(Owner::Agency) {
            let stored = verifications::load(&self.store, &agency).await.map_err(|error| unavailable(&error))?;
            owners.push((agency, stored.verification));
        }
        let by_owner = owners.iter().map(|(owner, verification)| (owner, verification));
        let (allowed, rule) = match clear_action(action, region, &self.settings.gate, by_owner) {
            ActionClearance::ActionNotGated => (true, "action_not_gated"),
            ActionClearance::NumberNotGated => (true, "number_not_gated"),
            ActionClearance::Verified(Owner::SubAccount(_)) => (true, "sub_account_verified"),
            ActionClearance::Verified(Owner::Agency(_)) => (true, "agency_verified"),
            ActionClearance::NotVerified => (false, "not_verified"),
        };
        let mut view = json!({"allowed": allowed, "rule": rule});
        if let (false, Some(next)) = (allowed, verification_action(&owners[0].1)) {
            view["next_action"] = json!(next);
        }
        Ok(HttpAnswer::json(StatusCode::OK, &view))
    }
}

fn read(request: &HttpRequest) -> Result<(Action, Option<Region>), Problem> {
    let body: Body = read_body(request)?;
    let action = action_of(&body.action).ok_or_else(|| {
        let detail = "The field `action` names no action. The API's description lists the six of them.";
        Problem::new(ProblemType::InvalidRequest, detail)
    })?;
    let number = body.phone_number.as_deref().map(PhoneNumber::parse).transpose();
    let number = number.map_err(|error| Problem::new(ProblemType::InvalidPhoneNumber, format!("{error}.")))?;
    Ok((action, number.map(|number| region_of(number.as_str()))))
}
