//! Who may do what (promise P8): what the claims do not cover looks like what does not exist. Ids come from the gateway's
//! path parameters.

use domain::SubAccountId;

use crate::http_event::{Claims, HttpRequest};
use crate::problem::{Problem, unavailable};
use crate::profiles;
use crate::store::Store;

/// The sub-account that the path names, if the claims cover it: directly, or by the agency in its stored profile, which
/// decides, never the request.
///
/// # Errors
/// 404 when they do not; 503 when the table does not answer.
pub async fn covered_sub_account(
    store: &impl Store,
    request: &HttpRequest,
    claims: &Claims,
) -> Result<SubAccountId, Problem> {
    let sub_account = named_sub_account(request)?;
    if claims.sub_accounts.contains(&sub_account) {
        return Ok(sub_account);
    }
    let Some(agency) = &claims.agency else { return Err(Problem::not_found()) };
    let profile = profiles::load(store, &sub_account).await.map_err(|error| unavailable(&error))?;
    if profile.agency.as_ref() == Some(agency) { Ok(sub_account) } else { Err(Problem::not_found()) }
}

/// The sub-account that the path names, whoever asks: alone only for operators, whose scope covers all of them.
///
/// # Errors
/// 404 when it is no id.
pub fn named_sub_account(request: &HttpRequest) -> Result<SubAccountId, Problem> {
    SubAccountId::parse(request.path_parameter("sub")).map_err(|_| Problem::not_found())
}
