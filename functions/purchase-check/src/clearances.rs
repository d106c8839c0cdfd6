//! "May this sub-account do this now?", for everything that may need a verified owner. Changes nothing.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::action_of;
use adapters::persona::Identity;
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::profiles;
use adapters::queue::Queue;
use adapters::regions::region_of;
use adapters::store::Store;
use adapters::verifications;
use domain::{Action, ActionClearance, Owner, PhoneNumber, Region, SubAccountId, clear_action};
use futures::future::try_join3;
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::PurchaseCheck;
use crate::body::read_body;
use crate::view::{VERIFY_PHONE, verification_action};

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
        let required = self.settings.phone_required && action.buys_numbers();
        let own = Owner::SubAccount(sub_account);
        let Owner::SubAccount(sub_account) = &own else { return Err(Problem::not_found()) };
        let (verification, profile, phone) = try_join3(
            verifications::load(&self.store, &own),
            profiles::load(&self.store, sub_account),
            phones::requirement(&self.store, sub_account, required),
        )
        .await
        .map_err(|error| unavailable(&error))?;
        let mut owners = vec![(own.clone(), verification.verification)];
        if let Some(agency) = profile.agency.map(Owner::Agency) {
            let stored = verifications::load(&self.store, &agency).await.map_err(|error| unavailable(&error))?;
            owners.push((agency, stored.verification));
        }
        let by_owner = owners.iter().map(|(owner, verification)| (owner, verification));
        let clearance = clear_action(action, region, &self.settings.gate, by_owner, phone);
        let (allowed, rule) = match &clearance {
            ActionClearance::ActionNotGated => (true, "action_not_gated"),
            ActionClearance::NumberNotGated => (true, "number_not_gated"),
            ActionClearance::Verified(Owner::SubAccount(_)) => (true, "sub_account_verified"),
            ActionClearance::Verified(Owner::Agency(_)) => (true, "agency_verified"),
            ActionClearance::NotVerified => (false, "not_verified"),
            ActionClearance::NamesNotCompared => (false, "names_not_compared"),
            ActionClearance::NamesDiffer => (false, "names_differ"),
            ActionClearance::NeedsPhone => (false, "phone_not_verified"),
        };
        let mut view = json!({"allowed": allowed, "rule": rule});
        let verification = &owners[0].1;
        let next = if allowed {
            None
        } else if clearance == ActionClearance::NeedsPhone {
            Some(VERIFY_PHONE)
        } else {
            verification_action(verification, self.phone_for_names(&own, verification).await?)
        };
        if let Some(next) = next {
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
