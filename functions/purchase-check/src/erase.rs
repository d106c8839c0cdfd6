//! Erasing a verification for an operator: the steps are in `adapters::erasure`.

use adapters::ambient::Ambient;
use adapters::erasure::{self, EraseError, Erased};
use adapters::http_event::{Claims, HttpAnswer, HttpRequest};
use adapters::persona::{Identity, PersonaError};
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::queue::Queue;
use adapters::store::Store;
use domain::{Owner, PhoneRequirement};
use lambda_http::http::StatusCode;
use serde::Deserialize;
use tracing::warn;

use crate::access::operator;
use crate::body::read_body;
use crate::session::tell_refusal;
use crate::view::verification_view;
use crate::{PurchaseCheck, Settings};

/// When asking again is worth it after Persona did not answer, in seconds.
const RETRY_AFTER_S: u32 = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
}

impl<S: Store, Q: Queue, I: Identity, A: Ambient> PurchaseCheck<S, Q, I, A> {
    /// Redacts at Persona and forgets here. 200 once all is done, also when it was before; anything else means that the
    /// same request must be sent again, and goes on where this one stopped.
    pub(crate) async fn erase(
        &self,
        request: &HttpRequest,
        claims: &Claims,
        owner: &Owner,
    ) -> Result<HttpAnswer, Problem> {
        let Body { reason } = read_body(request)?;
        let operator = operator(claims, &reason)?;
        let Settings { policy, revisits, .. } = &self.settings;
        let now = self.ambient.now();
        match erasure::erase(&self.store, &self.identity, revisits, owner, &operator, now).await {
            Ok(Erased::Done(left)) => {
                Ok(HttpAnswer::json(StatusCode::OK, &verification_view(&left, None, policy, PhoneRequirement::Met)))
            }
            Ok(Erased::PurchasesWait) => {
                let detail = "Purchases wait for this verification. Cancel them first, or let them end.";
                Err(Problem::new(ProblemType::PurchasesWaiting, detail))
            }
            Ok(Erased::Opening(until)) => {
                Err(Problem { retry_after_s: Some(until.whole_seconds_from(now)), ..Problem::try_again() })
            }
            Err(EraseError::Store(error)) => Err(unavailable(&error)),
            Err(EraseError::Persona(error @ PersonaError::Answered(status @ (401 | 403)))) => {
                warn!(%error, "An erasure stopped at Persona, which refuses our key; the same request goes on.");
                tell_refusal(status);
                let detail = "Persona refuses our key, or a quota of it is used up: see that the key may redact inquiries \
                              and accounts (permissions inquiry.write and account.write), then send the same request again.";
                Err(Problem::new(ProblemType::PersonaUnavailable, detail))
            }
            Err(EraseError::Persona(error)) => {
                warn!(%error, "An erasure stopped at Persona; the same request goes on.");
                let detail = "Persona has not redacted everything yet. Send the same request again.";
                let problem = Problem::new(ProblemType::PersonaUnavailable, detail);
                Err(Problem { retry_after_s: Some(RETRY_AFTER_S), ..problem })
            }
        }
    }
}
