//! The one background task: lets time pass, and makes the attempts that are due.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Simulator;
use super::outbox::Attempt;
use super::webhook::AttemptResult;

/// How long a receiver may take, in real time: what is tested is the receiver's own speed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until it is dropped; attempts that are still being made are dropped with it.
pub(super) async fn run(simulator: Arc<Simulator>, client: reqwest::Client) -> Infallible {
    let mut attempts = JoinSet::new();
    loop {
        let next_due = {
            let mut world = simulator.world();
            for attempt in world.outbox.take_attempts() {
                attempts.spawn(make(client.clone(), attempt));
            }
            world.next_due()
        };
        tokio::select! {
            biased;
            Some(ended) = attempts.join_next() => {
                if let Ok((delivery_id, result)) = ended {
                    simulator.world().outbox.record_attempt(delivery_id, result);
                }
            }
            () = simulator.changed.notified() => {}
            () = simulator.clock.sleep_until(next_due) => {}
        }
    }
}

/// A client that behaves like Persona's sender: no redirects, no proxy, five seconds.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder().timeout(ATTEMPT_TIMEOUT).redirect(redirects).no_proxy().build()
}

async fn make(client: reqwest::Client, attempt: Attempt) -> (u64, AttemptResult) {
    let request = client
        .post(attempt.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("persona-signature", attempt.signature)
        .header("persona-webhook-attempts-made", attempt.made)
        .header("persona-webhook-attempts-left", attempt.left)
        .header("persona-webhook-first-attempted-at", attempt.first_attempted_at_s)
        .body(attempt.body);
    let result = match request.send().await {
        Ok(response) => AttemptResult::Answered(response.status().as_u16()),
        Err(error) if error.is_timeout() => AttemptResult::TimedOut,
        Err(_) => AttemptResult::Unreachable,
    };
    (attempt.delivery_id, result)
}
