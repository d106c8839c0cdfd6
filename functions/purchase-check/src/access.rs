//! Whose verification a caller may see and change, besides the rule for sub-accounts in `adapters::access`; and operators.

use adapters::access::covered_sub_account;
use adapters::ambient::Ambient;
use adapters::http_event::{Claims, HttpRequest};
use adapters::persona::Identity;
use adapters::problem::{Problem, ProblemType};
use adapters::queue::Queue;
use adapters::store::Store;
use domain::{AgencyId, Operator, OperatorReason, Owner};

use crate::{PurchaseCheck, Route};

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Whose verification a route is about: the sub-account's or the agency's that its path names, if the claims cover
    /// it. A sub-account's token covers no agency.
    ///
    /// # Errors
    /// 404 when they do not; 503 when the table does not answer.
    pub(crate) async fn covered_owner(
        &self,
        request: &HttpRequest,
        claims: &Claims,
        route: Route,
    ) -> Result<Owner, Problem> {
        if route.is_of_agency() {
            covered_agency(request, claims).map(Owner::Agency)
        } else {
            covered_sub_account(&self.store, request, claims).await.map(Owner::SubAccount)
        }
    }
}

/// The agency that the path names, if the token is its own.
fn covered_agency(request: &HttpRequest, claims: &Claims) -> Result<AgencyId, Problem> {
    let agency = named_agency(request)?;
    if claims.agency.as_ref() == Some(&agency) { Ok(agency) } else { Err(Problem::not_found()) }
}

/// The agency that the path names. Only for operators, whose scope covers all of them.
///
/// # Errors
/// 404 when it is no id.
pub(crate) fn named_agency(request: &HttpRequest) -> Result<AgencyId, Problem> {
    AgencyId::parse(request.path_parameter("agency")).map_err(|_| Problem::not_found())
}

/// Who decides, and why; for the audit.
///
/// # Errors
/// 400 when the reason is missing or cannot be kept.
pub(crate) fn operator(claims: &Claims, reason: &str) -> Result<Operator, Problem> {
    let reason = OperatorReason::parse(reason).map_err(|error| {
        let detail = format!("The field `reason` {error}. Write one line of 1 to 500 characters.");
        Problem::new(ProblemType::InvalidRequest, detail)
    })?;
    Ok(Operator { name: claims.subject.clone(), reason })
}
