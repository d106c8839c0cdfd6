//! A Twilio that lives in memory: searching, buying and releasing numbers, sub-accounts, Lookup and Verify, in Twilio's
//! wire format.
//!
//! Written after Twilio's OpenAPI descriptions (`twilio/twilio-oai`: `twilio_api_v2010`, `twilio_lookups_v2` and
//! `twilio_verify_v2`), its error dictionary
//! (<https://www.twilio.com/docs/api/errors>) and its test credentials
//! (<https://www.twilio.com/docs/iam/test-credentials>). Where those say nothing, the code says what it assumes.
//!
//! # What it serves
//!
//! The three hosts of Twilio's (`api`, `lookups` and `verify`) at one address, with HTTP Basic authentication,
//! `application/x-www-form-urlencoded` requests in PascalCase and JSON answers in snake_case. Below `/2010-04-01`, where
//! dates are RFC 2822:
//!
//! | path | methods |
//! |---|---|
//! | `/Accounts.json`, `/Accounts/{AC}.json`, `/Accounts/{AC}/Balance.json` | GET, POST · GET, POST · GET |
//! | `/Accounts/{AC}/AvailablePhoneNumbers.json`, `…/{country}.json`, `…/{country}/{Local\|TollFree\|Mobile}.json` | GET |
//! | `/Accounts/{AC}/IncomingPhoneNumbers.json`, `…/{Local\|TollFree\|Mobile}.json` | GET, POST |
//! | `/Accounts/{AC}/IncomingPhoneNumbers/{PN}.json` | GET, POST, DELETE |
//!
//! Below `/v2`, where dates are ISO 8601:
//!
//! | path | methods |
//! |---|---|
//! | `/PhoneNumbers/{number}` | GET |
//! | `/Services`, `/Services/{VA}` | GET, POST · GET, POST, DELETE |
//! | `/Services/{VA}/Verifications`, `…/{VE or number}`, `/Services/{VA}/VerificationCheck` | POST · GET, POST · POST |
//! | `/Services/{VA}/RateLimits`, `…/{RK}`, `…/{RK}/Buckets`, `…/{BL}` | GET, POST · GET, POST, DELETE, and again |
//! | `/Attempts`, `/Attempts/{VL}`, `/Attempts/Summary` | GET |
//! | `/SafeList/Numbers`, `/SafeList/Numbers/{number}` | POST · GET, DELETE |
//!
//! The account's SID and token may do everything, also on its sub-accounts; a sub-account's only on itself; the
//! restricted API key may search numbers that are for sale, look numbers up, and send, compare, read and count
//! passcodes, and nothing else: it sees nothing that is owned and changes no setting.
//!
//! Every number of the United States, Canada, Puerto Rico, the Virgin Islands, Jamaica and the toll-free codes is for
//! sale until somebody owns it; a search lists some of them, always the same, all from the ranges kept for fiction
//! (555-01XX). British numbers are for sale too, to show what needs an address (21631) or a bundle (21649). Magic
//! numbers: `+15005550000` is unavailable (21422), `+15005550001` invalid (21421), `+15005550006` for sale to every
//! account; area code 533 is sold out (21452), 500 is not. Of Lookup's magic numbers it knows those of the risk score.
//!
//! A code lives for 10 minutes, is sent five times at most (then 60203) and compared wrongly five times (then 60202);
//! Twilio forgets a verification at its approval or its end (20404), and keeps what it sent. A limit of the service's
//! own answers 429 with `Retry-After` and `Twilio-Reached-Rate-Limit`.
//!
//! # What goes wrong on demand
//!
//! `POST /simulator/faults` with JSON; each part may be left out:
//!
//! ```json
//! {"queue": [{"on": "create_number", "phone_number": "+12125550123", "times": 2, "fault": {"kind": "truncated_body"}}],
//!  "list_lag_ms": 1500, "repeat_create": "update"}
//! ```
//!
//! A queued fault meets the next `times` requests (1) of its operation `on` (`create_number`; or `any`, `list_numbers`,
//! `fetch_number`, `update_number`, `release_number`, `search_numbers`, `read_balance`, `create_account`,
//! `read_accounts`, `update_account`, `lookup`, `start_verification`, `check_verification`, `fetch_verification`,
//! `update_verification`, `read_attempts`, `manage_verify`), if given only those about its `phone_number`. Requests with wrong credentials
//! meet none. Kinds:
//!
//! | `kind` | what happens |
//! |---|---|
//! | `commit_then_timeout` | the request is carried out; no answer comes |
//! | `timeout_without_commit` | the request is not carried out; no answer comes |
//! | `late_landing`, `ms` | no answer comes; the request is carried out `ms` later |
//! | `error_after_commit`, `status` (500), `code` (20500) | it is carried out, and reported as an error |
//! | `status`, `status`, `code`, `message`?, `retry_after_s`? | it is not carried out; that error is the answer |
//! | `truncated_body` | it is carried out; the connection breaks in the middle of the answer |
//! | `altered`, `field`, `value` | it is carried out; one field of the answer says something else |
//! | `not_json`, `status` (502) | it is carried out; the answer is a page of HTML |
//!
//! "No answer" means that the connection stays silent until the client gives up (`"then": "hang"`) or that it is cut at
//! once (`"then": "drop"`, the default of `late_landing` only).
//!
//! `list_lag_ms`: a bought number is found by its SID at once, and in lists only this much later.
//! `repeat_create`: what happens when an account buys a number it already has: `update` (the default: 201, and the
//! number takes the request's parameters; reported in `danielberkompas/ex_twilio`, pull request 116) or `refuse`
//! (400, 21422).
//!
//! # What else is there
//!
//! | request | what it does |
//! |---|---|
//! | `POST /simulator/foreign` `{"phone_number", "account_sid"?, "friendly_name"?, "age_s"?}` | the number is owned as of `age_s` (0) ago: by this account, bought by hand, or, without `account_sid`, by another customer of Twilio |
//! | `POST /simulator/lookup` `{"phones"?, "blind"?, "canada_authorised"?, "errors"?}` | what is known of numbers, or of all that start alike (`"+22177*"`): `line_type`, `carrier_name`, `mobile_country_code`, `mobile_network_code`, `line_status`, `sms_pumping_risk_score`, `carrier_risk_category`, `number_blocked`, `caller_name`, `owner`; `blind`: every score is 0; `errors`: packages that answer with this error of their own |
//! | `POST /simulator/verify` `{"geo_blocked"?, "fraud_guard"?, "disabled_channels"?, "mailer"?, "attempts_lag_ms"?}` | countries that get nothing (60605), prefixes that get no SMS for `for_s` seconds (60410), channels that are off (60223), e-mail (else 60217), how late attempts are listed |
//! | `GET /simulator/state` | numbers owned, charges per number, every create that arrived, numbers released, faults left, lookups, verifications with their codes |
//! | `POST /simulator/advance` `{"ms"}` | lets that much time pass for `late_landing`, lags, codes and limits |
//! | `POST /simulator/reset` | back to the beginning |
//!
//! Waiting times run [`Settings::clock_scale`] times as fast as the wall clock. Dates are always the wall clock's,
//! because clients compare them with their own.

mod accounts;
mod available_numbers;
mod calling_codes;
mod carrier;
mod clock;
mod connections;
mod control;
mod credentials;
mod faults;
mod incoming_numbers;
mod lookup;
mod operations;
mod pages;
mod parameters;
mod replies;
mod request;
mod stock;
#[cfg(test)]
mod tests;
mod verify;

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;

use carrier::Carrier;
use connections::{Connection, CuttableListener};
use faults::{Delivery, Silence};
use parameters::Parameters;
use replies::Reply;
use request::Asked;

/// How long a silent connection is kept. Longer than any client waits, short enough to leave nothing behind.
const SILENCE: Duration = Duration::from_secs(120);

/// Who may use the simulator, and how fast its time passes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account's SID: `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The account's token. With it everything is allowed, also on sub-accounts.
    pub auth_token: String,
    /// The restricted API key's SID: `SK` and 32 hexadecimal digits.
    pub api_key_sid: String,
    /// The restricted API key's secret. With it numbers that are for sale can be searched; the rest is refused with
    /// 403, and the accounts with 401.
    pub api_key_secret: String,
    /// The SID of the first Verify service: `VA` and 32 hexadecimal digits.
    pub verify_service_sid: String,
    /// How many times faster than the wall clock waiting times pass: 1.0 is real time. Must be greater than 0.
    pub clock_scale: f64,
}

/// Serves the simulator on `listener` until `shutdown` is ready and the requests under way are answered. Connections
/// that a fault keeps silent are cut then.
///
/// # Errors
/// When `clock_scale` is not a number greater than 0, or when the listener fails.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if !(settings.clock_scale.is_finite() && settings.clock_scale > 0.0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the Twilio simulator's clock_scale is {}: it must be greater than 0", settings.clock_scale),
        ));
    }
    let (closing, closed) = watch::channel(false);
    let simulator = Arc::new(Simulator { carrier: Mutex::new(Carrier::new(settings)), closed });
    let app = Router::new().fallback(answer).with_state(simulator);
    axum::serve(CuttableListener(listener), app.into_make_service_with_connect_info::<Connection>())
        .with_graceful_shutdown(async move {
            shutdown.await;
            closing.send_replace(true);
        })
        .await
}

/// What all requests share.
struct Simulator {
    carrier: Mutex<Carrier>,
    /// Turns true when the simulator is to end.
    closed: watch::Receiver<bool>,
}

impl Simulator {
    /// The carrier, also after a panic elsewhere: it changes by whole assignments only.
    fn carrier(&self) -> MutexGuard<'_, Carrier> {
        self.carrier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says nothing for as long as any client waits.
    async fn stay_silent(&self) {
        let mut closed = self.closed.clone();
        // Whether the time is over or the simulator ends, the connection is cut next.
        let _ = tokio::time::timeout(SILENCE, closed.wait_for(|closed| *closed)).await;
    }
}

/// Answers any request: the simulator's own, or Twilio's.
async fn answer(
    State(simulator): State<Arc<Simulator>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    if request.uri().path().starts_with(control::PREFIX) {
        return control::answer(&simulator, request).await;
    }
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let uri = request.uri().to_string();
    let base_url = request::base_url(request.headers());
    let caller = credentials::presented(request.headers());
    let parameters = Parameters::read(request).await;

    let delivery = match parameters {
        Ok(parameters) => simulator.carrier().answer(&method, caller, &Asked { path, uri, base_url, parameters }),
        Err(error) => Delivery::Whole(error.into()),
    };
    match delivery {
        Delivery::Whole(reply) => reply.into_response(),
        Delivery::Html { status } => replies::html(status),
        Delivery::Truncated(reply) => reply.into_truncated_response(),
        Delivery::Nothing(silence) => {
            match silence {
                Silence::Hang => simulator.stay_silent().await,
                Silence::Drop => {}
            }
            connection.cut();
            // Never seen: the connection refuses to carry it.
            Reply::empty(204).into_response()
        }
    }
}
