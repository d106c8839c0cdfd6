//! Checking a passcode. A wrong one is an answer, not an error; an approval is written down in the same step.

use adapters::ambient::Ambient;
use adapters::http_event::{HttpAnswer, HttpRequest};
use adapters::items::{Versioned, channel_name};
use adapters::phones;
use adapters::problem::{Problem, ProblemType, unavailable};
use adapters::queue::Queue;
use adapters::store::{Store, StoreError, Write};
use adapters::twilio::{Checking, Passcodes, PhoneLookup, VerifyError};
use adapters::verifications::{self, WAKE_AT_ONCE_MAX};
use domain::{
    ApprovedPhone, CheckAnswer, CheckResult, ConversionCounts, Counted, Decision, Dimension, Instant, Owner,
    PhoneEffect, PhoneEvent, PhoneNumber, PhoneRecord, PhoneState, PhoneVerification as Verification,
    PhoneVerificationId, SubAccountId, VerifySid, Window,
};
use futures::future::try_join3;
use lambda_http::http::StatusCode;
use tracing::{error, info, warn};

use crate::PhoneVerification;
use crate::body::read_code;
use crate::ledger::{self, Counting, SeenWindow, TRIES_MAX};
use crate::view::{checked_view, view};

/// When a check is worth repeating that Twilio's list of attempts does not settle yet, in seconds.
const SETTLE_AGAIN_S: u32 = 5;

/// When a check that Twilio did not process is worth repeating, in seconds, unless it says so.
const NOT_PROCESSED_S: u32 = 1;

/// What changes with a verification that is checked, as it was read.
struct Beside {
    /// Where it counts: over the channel of the first message, so that a phone that was called after it is counted once.
    counting: Counting,
    counts: Versioned<ConversionCounts>,
    record: Versioned<PhoneRecord>,
    /// Whether it is this passcode that the phone waits for: what came after it stays as it is.
    waited_for: bool,
    /// The phone that the sub-account has, read only where this one may take its place.
    approved: Option<ApprovedPhone>,
}

impl<S: Store, Q: Queue, L: PhoneLookup, P: Passcodes, A: Ambient> PhoneVerification<S, Q, L, P, A> {
    /// Checks a passcode.
    ///
    /// After a crash between Twilio's answer and our record, the next check finds Twilio without that verification
    /// (404), and its list of attempts says that the passcode was right.
    pub(crate) async fn check(&self, request: &HttpRequest, sub_account: SubAccountId) -> Result<HttpAnswer, Problem> {
        let code = read_code(request)?;
        let seen = self.load(request, &sub_account).await?;
        if let Some(result) = seen.value.known_result() {
            return Ok(answer(&seen.value, result));
        }
        let PhoneState::Pending { sid, .. } = seen.value.state.clone() else {
            return Ok(answer(&seen.value, CheckResult::NotSent));
        };
        let over = seen.value.good_until().is_some_and(|until| until <= self.ambient.now());
        let event = if over {
            self.settle(&sid).await?
        } else {
            match self.passcodes.check(&sid, &code).await {
                Checking::Answered(checked) => PhoneEvent::Checked(checked),
                Checking::Gone => self.settle(&sid).await?,
                Checking::NotProcessed { retry_after_s } => {
                    return Err(unclear(retry_after_s.unwrap_or(NOT_PROCESSED_S).max(1)));
                }
                Checking::Misconfigured => {
                    error!(metric = "verify_misconfigured", "Twilio Verify refuses our credential or our settings.");
                    return Err(unclear(NOT_PROCESSED_S));
                }
                Checking::Unknown => {
                    warn!(metric = "verify_unavailable", "Twilio Verify did not answer a check.");
                    return Err(unclear(NOT_PROCESSED_S));
                }
            }
        };
        self.record(seen, &sid, &event).await
    }

    /// Shows what became of a passcode, as far as the table knows: one that nobody checked any more still reads as pending
    /// after it has expired, with the time at which it did.
    pub(crate) async fn read(&self, request: &HttpRequest, sub_account: SubAccountId) -> Result<HttpAnswer, Problem> {
        Ok(HttpAnswer::json(StatusCode::OK, &view(&self.load(request, &sub_account).await?.value)))
    }

    async fn load(
        &self,
        request: &HttpRequest,
        sub_account: &SubAccountId,
    ) -> Result<Versioned<Verification>, Problem> {
        let id = PhoneVerificationId::parse(request.path_parameter("id")).map_err(|_| Problem::not_found())?;
        let loaded = ledger::load(&self.store, sub_account, &id).await.map_err(|error| unavailable(&error))?;
        loaded.ok_or_else(Problem::not_found)
    }

    /// Twilio forgets a verification that was approved, and one that expired: its attempts tell them apart.
    async fn settle(&self, sid: &VerifySid) -> Result<PhoneEvent, Problem> {
        match self.passcodes.was_converted(sid).await {
            Ok(converted) => Ok(PhoneEvent::Settled { converted }),
            Err(error) => {
                match error {
                    VerifyError::Unavailable => warn!(metric = "verify_unavailable", %error, "Nothing is settled."),
                    VerifyError::Unauthorised => error!(metric = "verify_misconfigured", %error, "Nothing is settled."),
                }
                Err(unclear(NOT_PROCESSED_S))
            }
        }
    }

    /// Writes down what Twilio said of its verification `sid`.
    async fn record(
        &self,
        mut seen: Versioned<Verification>,
        sid: &VerifySid,
        event: &PhoneEvent,
    ) -> Result<HttpAnswer, Problem> {
        for attempt in 1..=TRIES_MAX {
            let now = self.ambient.now();
            let beside = self.beside(&seen.value, sid, event).await.map_err(|error| unavailable(&error))?;
            let verification = seen.value.with_wrong(beside.record.value.wrong_for(sid));
            let (next, effect) = match verification.decide(event, now) {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => return undecided(&verification, event, now),
            };
            let waited_for = beside.waited_for;
            let last = attempt == TRIES_MAX;
            let writes = self.writes(&next, seen.version, effect, beside, last, now).await;
            let writes = writes.map_err(|error| unavailable(&error))?;
            if ledger::commit(&self.store, writes).await.map_err(|error| unavailable(&error))? {
                self.tell(&next, effect, waited_for);
                self.wake(&next, effect).await;
                return Ok(answer(&next, result_of(&next)));
            }
            let current = ledger::load(&self.store, &next.sub_account, &next.id).await;
            seen = current.map_err(|error| unavailable(&error))?.ok_or_else(Problem::not_found)?;
        }
        Err(Problem::try_again())
    }

    /// Everything that one step writes. The units go back in the same transaction; where others write the same windows and
    /// counts all the time, the approval is written without them at `last`, and they fade. What the phone was sent counts as
    /// answered either way.
    async fn writes(
        &self,
        next: &Verification,
        seen_version: i64,
        effect: PhoneEffect,
        Beside { counting, counts, record, waited_for, approved }: Beside,
        last: bool,
        now: Instant,
    ) -> Result<Vec<Write>, StoreError> {
        let (policy, phone_limit) = (&self.settings.policy, &self.settings.policy.limits.phone);
        let mut writes = vec![ledger::put_verification(next, seen_version)];
        let counted = |what| (!last).then(|| counting.put(&counts, what, now).1);
        let put_record = |changed: &PhoneRecord| ledger::put_record(&next.number, changed, record.version, policy);
        match effect {
            PhoneEffect::None | PhoneEffect::CountSent => {}
            PhoneEffect::CountChecked => {
                writes.extend(counted(Counted::Checked));
                if waited_for {
                    writes.push(put_record(&record.value.with_wrong(next.wrong())));
                }
            }
            PhoneEffect::Approve => {
                // Twilio's verification is approved once, however many of ours were answered with it.
                if waited_for {
                    writes.extend(counted(Counted::Approved));
                }
                writes.push(ledger::put_approved(next, approved.as_ref(), now));
                if waited_for && !last {
                    let (held, again) = (&record.value, record.value.has_answered(now, phone_limit));
                    let answered = |window: &SeenWindow| answered(window, held.first_at, again, &next.number, now);
                    writes.extend(ledger::put_units(&self.store, held, next.country, policy, answered).await?);
                }
                if waited_for {
                    writes.push(put_record(&record.value.approved(now, phone_limit)));
                }
            }
        }
        Ok(writes)
    }

    async fn beside(
        &self,
        verification: &Verification,
        sid: &VerifySid,
        event: &PhoneEvent,
    ) -> Result<Beside, StoreError> {
        let Verification { sub_account, number, .. } = verification;
        let approves =
            matches!(event, PhoneEvent::Checked(CheckAnswer::Right) | PhoneEvent::Settled { converted: true });
        let approved =
            async { if approves { phones::load_approved(&self.store, sub_account).await } else { Ok(None) } };
        // Both are read at once: nearly always the passcode is answered over the channel over which it was sent first.
        let mut counting = Counting::of(verification, verification.channel);
        let (mut counts, record, approved) =
            try_join3(counting.load(&self.store), ledger::load_record(&self.store, number), approved).await?;
        let waited_for = record.value.waits_for(sub_account, sid);
        let first = record.value.passcode.as_ref().filter(|_| waited_for).map(|sent| sent.channel);
        if let Some(first) = first.filter(|first| *first != verification.channel) {
            counting = Counting::of(verification, first);
            counts = counting.load(&self.store).await?;
        }
        Ok(Beside { counting, counts, record, waited_for, approved })
    }

    /// Purchases that wait for this phone go on, whatever is required of new ones now. A message that cannot be sent is no
    /// reason to fail: the approval stands, and the sweep sends it.
    async fn wake(&self, verification: &Verification, effect: PhoneEffect) {
        if effect != PhoneEffect::Approve {
            return;
        }
        let owner = Owner::SubAccount(verification.sub_account.clone());
        if let Err(error) = verifications::wake(&self.store, &self.queue, &owner, None, WAKE_AT_ONCE_MAX).await {
            warn!(%error, "Not every purchase that waits for the phone was woken; the sweep wakes them.");
        }
    }

    /// An approval is counted where its passcode was waited for: what settles by Twilio's list was answered before.
    fn tell(&self, verification: &Verification, effect: PhoneEffect, waited_for: bool) {
        let (country, channel) = (verification.country.to_string(), channel_name(&verification.channel));
        let cost_microdollars = self.settings.prices.of(verification.country);
        match effect {
            PhoneEffect::Approve if !waited_for => info!(country, channel, "A phone was approved before."),
            PhoneEffect::Approve => {
                info!(metric = "phone_approved", country, channel, cost_microdollars, "A phone was approved.");
            }
            PhoneEffect::CountChecked => info!(metric = "phone_checked", country, channel, "A passcode was wrong."),
            PhoneEffect::None | PhoneEffect::CountSent => {}
        }
    }
}

/// A window in which a phone holds the unit that it took at `taken_at`, once it has answered; `again` is whether it had
/// before, within a day. One phone raises a limit once a day, and makes a country served once for all.
fn answered(window: &SeenWindow, taken_at: Instant, again: bool, number: &PhoneNumber, now: Instant) -> Window {
    let SeenWindow { dimension, limit, seen } = window;
    let next = match again {
        false => seen.value.answer(taken_at, now, limit),
        true => seen.value.answer_again(taken_at, now, limit),
    };
    match dimension {
        Dimension::SubAccountCountry(..) => Window { phones: next.phones.with(number), ..next },
        Dimension::Prefix(_) | Dimension::UnservedCountry(_) | Dimension::SubAccount(_) | Dimension::Address(_) => next,
    }
}

/// What is answered when nothing changes: what was known before, or that it is not known yet.
fn undecided(verification: &Verification, event: &PhoneEvent, now: Instant) -> Result<HttpAnswer, Problem> {
    let over = verification.good_until().is_some_and(|until| until <= now);
    match (verification.known_result(), event) {
        (Some(result), _) => Ok(answer(verification, result)),
        (None, _) if over => Ok(answer(verification, CheckResult::Expired)),
        (None, PhoneEvent::Settled { .. }) => Err(unclear(SETTLE_AGAIN_S)),
        (None, _) => Ok(answer(verification, CheckResult::WrongCode)),
    }
}

fn result_of(verification: &Verification) -> CheckResult {
    match verification.state {
        PhoneState::Approved { .. } => CheckResult::Approved,
        PhoneState::Pending { .. } => CheckResult::WrongCode,
        PhoneState::UsedUp { .. } => CheckResult::UsedUp,
        PhoneState::Expired { .. } => CheckResult::Expired,
        PhoneState::Starting { .. } | PhoneState::Refused { .. } => CheckResult::NotSent,
    }
}

fn answer(verification: &Verification, result: CheckResult) -> HttpAnswer {
    HttpAnswer::json(StatusCode::OK, &checked_view(verification, result))
}

/// The check may have counted: the same one again settles it.
fn unclear(retry_after_s: u32) -> Problem {
    let detail = "Whether the passcode is right is not known yet. Send the same check again.";
    Problem { retry_after_s: Some(retry_after_s), ..Problem::new(ProblemType::PasscodesUnavailable, detail) }
}
