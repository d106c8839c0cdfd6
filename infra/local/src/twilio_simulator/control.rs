//! The simulator's own routes, below `/simulator`: for tests and demonstrations, without credentials.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::Simulator;
use super::carrier::Carrier;
use super::faults::Orders;
use super::incoming_numbers::OwnedNumber;
use super::lookup;
use super::replies::{Reply, TwilioError};
use super::stock::{self, NumberKind};
use super::verify;

/// What all of them start with.
pub(super) const PREFIX: &str = "/simulator/";

/// A number that somebody already has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foreign {
    phone_number: String,
    /// The account of ours that owns it; another customer of Twilio's if absent.
    account_sid: Option<String>,
    friendly_name: Option<String>,
    /// For how many seconds it has been owned.
    #[serde(default)]
    age_s: u32,
}

/// Time to pass at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    ms: u64,
}

/// Answers one of them.
pub(super) async fn answer(simulator: &Simulator, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) => return Reply::from(TwilioError::bad_request(rejection.body_text())).into_response(),
    };
    let mut carrier = simulator.carrier();
    carrier.settle();
    let answered = match (method.as_str(), path.trim_start_matches(PREFIX)) {
        ("GET", "state") => Ok(()),
        ("POST", "faults") => read::<Orders>(&body).map(|orders| carrier.order(orders)),
        ("POST", "foreign") => read::<Foreign>(&body).and_then(|foreign| carrier.give_away(foreign)),
        ("POST", "lookup") => read::<lookup::Orders>(&body).map(|orders| carrier.lookup.order(orders)),
        ("POST", "verify") => read::<verify::Orders>(&body).map(|orders| carrier.order_verify(orders)),
        ("POST", "advance") => read::<Advance>(&body).map(|advance| {
            carrier.clock.advance_ms(advance.ms);
            carrier.settle();
        }),
        ("POST", "reset") => {
            carrier.reset();
            Ok(())
        }
        _ => Err(TwilioError::not_found(&path)),
    };
    // Every answer is the whole state: it shows what the request did.
    answered.map_or_else(Reply::from, |()| Reply::json(200, carrier.state())).into_response()
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, TwilioError> {
    Json::from_bytes(body).map(|Json(read)| read).map_err(|rejection| TwilioError::bad_request(rejection.body_text()))
}

impl Carrier {
    /// Takes orders for what goes wrong.
    fn order(&mut self, orders: Orders) {
        self.faults.extend(orders.queue);
        if let Some(list_lag_ms) = orders.list_lag_ms {
            self.list_lag_ms = list_lag_ms;
        }
        if let Some(repeat_create) = orders.repeat_create {
            self.repeat_create = repeat_create;
        }
    }

    /// Lets somebody own a number who did not buy it here.
    fn give_away(&mut self, foreign: Foreign) -> Result<(), TwilioError> {
        if !stock::is_e164(&foreign.phone_number) {
            return Err(TwilioError::invalid_number(&foreign.phone_number));
        }
        let Some(account_sid) = foreign.account_sid else {
            self.taken_by_others.insert(foreign.phone_number);
            return Ok(());
        };
        if self.account(&account_sid).is_none() {
            return Err(TwilioError::not_found(&account_sid));
        }
        let kind = stock::offer(&foreign.phone_number).map_or(NumberKind::Local, |offer| offer.kind);
        let created_at = OffsetDateTime::now_utc() - Duration::seconds(i64::from(foreign.age_s));
        let mut owned = OwnedNumber::new(&account_sid, &foreign.phone_number, kind, created_at, self.clock.now());
        if let Some(friendly_name) = foreign.friendly_name {
            owned.friendly_name = friendly_name;
        }
        self.numbers.push(owned);
        Ok(())
    }

    /// Everything a test may want to know.
    fn state(&self) -> Value {
        let numbers: Vec<Value> = self
            .numbers
            .iter()
            .map(|owned| {
                json!({
                    "sid": owned.sid,
                    "account_sid": owned.account_sid,
                    "phone_number": owned.phone_number,
                    "friendly_name": owned.friendly_name,
                })
            })
            .collect();
        json!({
            "numbers": numbers,
            "charges": self.charges,
            "create_requests": self.creates,
            "released": self.released,
            "taken_by_others": self.taken_by_others,
            "faults": self.faults.waiting(),
            "late": self.late_count(),
            "list_lag_ms": self.list_lag_ms,
            "repeat_create": self.repeat_create,
            "lookups": self.lookup.seen(),
            "verify": self.verify_state(),
        })
    }
}
