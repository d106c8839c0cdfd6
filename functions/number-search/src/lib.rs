//! What the carrier has for sale, for callers who choose a number.
//!
//! It has no table and no queue, and its credential at the carrier can search and not buy: whatever goes wrong here,
//! nothing is bought, stored or changed. Nothing is kept between two searches, since a number that was for sale a moment
//! ago may be gone; a result is no reservation.

mod query;

use adapters::http_event::{HttpAnswer, HttpRequest, read};
use adapters::problem::{Problem, ProblemType};
use adapters::regions::region_of;
use adapters::twilio::{AvailableNumber, Stock, StockError, StockQuery};
use domain::GatePolicy;
use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use tracing::{error, info, warn};

/// The route as the gateway names it.
pub const ROUTE: &str = "GET /v1/available-numbers";

/// The scope that a token needs. The stock belongs to nobody, so that no sub-account must be named in the token.
pub const SCOPE: &str = "purchases:read";

/// When asking again is worth it after the carrier did not answer, or did not say when, in seconds.
const RETRY_AFTER_S: u32 = 2;

/// What a caller reads when the carrier did not say what it has.
const NOT_SAID: &str = "The carrier did not say what it has for sale. Nothing was changed.";

/// The function, over its neighbour.
#[derive(Debug)]
pub struct NumberSearch<S> {
    /// The carrier's stock.
    pub stock: S,
    /// Which regions need a verified owner.
    pub gate: GatePolicy,
}

impl<S: Stock> NumberSearch<S> {
    /// Answers one event of the HTTP API. Never fails: what goes wrong is a problem document.
    pub async fn handle(&self, event: Value) -> Value {
        let answer = match read(event) {
            Ok(request) => self.answer(&request).await.unwrap_or_else(Problem::into_answer),
            Err(problem) => problem.into_answer(),
        };
        answer.into_event()
    }

    async fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, Problem> {
        if request.route != ROUTE {
            return Err(Problem::not_found());
        }
        request.claims_with(SCOPE)?;
        let query = query::parse(request)?;
        let found = self.found(&query).await?;
        info!(found = found.len(), country = %query.country, "The carrier's stock was searched.");
        let numbers: Vec<Value> = found.iter().map(|available| self.view(available)).collect();
        Ok(HttpAnswer::json(StatusCode::OK, &json!({"available_numbers": numbers})))
    }

    /// What the carrier has.
    ///
    /// # Errors
    /// What a caller sees when the carrier does not say.
    async fn found(&self, query: &StockQuery) -> Result<Vec<AvailableNumber>, Problem> {
        match self.stock.search(query).await {
            Ok(found) => Ok(found),
            // That there are none of this kind is an answer, not a mistake of the caller's.
            Err(StockError::NotOffered) => Ok(Vec::new()),
            Err(StockError::NotProcessed { retry_after_s }) => {
                warn!(country = %query.country, "The carrier has too many requests to search.");
                let detail = "The carrier takes no more searches at the moment.";
                let retry_after_s = Some(retry_after_s.unwrap_or(RETRY_AFTER_S));
                Err(Problem { retry_after_s, ..Problem::new(ProblemType::TooManyRequests, detail) })
            }
            Err(StockError::Refused) => {
                let detail = "The carrier does not accept this search. Try another area code or pattern.";
                Err(Problem::new(ProblemType::InvalidRequest, detail))
            }
            Err(StockError::Unauthorised) => {
                error!(metric = "carrier_unauthorised", "The carrier does not accept the credential that searches.");
                Err(Problem::new(ProblemType::CarrierUnavailable, NOT_SAID))
            }
            Err(StockError::Unknown) => {
                warn!(country = %query.country, "The carrier did not answer a search.");
                let problem = Problem::new(ProblemType::CarrierUnavailable, NOT_SAID);
                Err(Problem { retry_after_s: Some(RETRY_AFTER_S), ..problem })
            }
        }
    }

    fn view(&self, available: &AvailableNumber) -> Value {
        let capabilities = available.capabilities;
        let mut view = json!({
            "phone_number": available.number.as_str(),
            "country": available.country.to_string(),
            "type": query::name_of(available.kind),
            "capabilities": {
                "voice": capabilities.voice,
                "sms": capabilities.sms,
                "mms": capabilities.mms,
                "fax": capabilities.fax,
            },
            // By the area code, as a purchase of it would be judged: the country that the carrier names does not count.
            "gated": self.gate.gates(region_of(available.number.as_str())),
            "address_required": available.address_required,
        });
        for (name, place) in [("locality", &available.locality), ("region", &available.region)] {
            if let Some(place) = place {
                view[name] = json!(place);
            }
        }
        view
    }
}
